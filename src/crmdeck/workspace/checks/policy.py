"""A policy: what a check passes over, reports or fails on, said in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from crmdeck.drift.open_changes import Excuse
from crmdeck.errors import UsageError
from crmdeck.model import DriftEvent, ExpiredRule, Issue, IssueKind, IssueLevel, Severity
from crmdeck.model.hashes import COMPARED_ATTRIBUTES, OBJECT_ATTRIBUTES, RULE_ATTRIBUTES
from crmdeck.text import did_you_mean, mistake_text, nearest
from crmdeck.toml import line_of, parse_toml

_ATTRIBUTES = frozenset(
    to_camel(name) for name in (*COMPARED_ATTRIBUTES, *OBJECT_ATTRIBUTES, *RULE_ATTRIBUTES)
)
_TOLD = 5
_LONGEST = 1_000_000
"""Characters of a policy."""


class Rule(BaseModel):
    """One `[[rule]]`: which issues it is about, and what becomes of them.

    What is not given fits all; `connection`, `object`, `field` and `code` may hold `*`.
    `attribute` is a wire name of what changed: to fail, one such change is enough; to be passed
    over, an event must hold no other. An exception (`ignore`, `report`) needs a reason and an end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: IssueLevel
    connection: str = "*"
    object: str = "*"
    field: str = "*"
    code: str = "*"
    attribute: str | None = None
    severity: Severity | None = None
    reason: str = ""
    until: date | None = None

    @model_validator(mode="after")
    def _exception_is_accounted_for(self) -> Rule:
        if self.level is not IssueLevel.FAIL and not (self.reason and self.until):
            raise ValueError("an exception needs a reason and an end (until)")
        return self

    @field_validator("attribute")
    @classmethod
    def _attribute_is_one(cls, attribute: str | None) -> str | None:
        if attribute is not None and attribute not in _ATTRIBUTES:
            near = nearest(attribute, _ATTRIBUTES, most=1)
            hint = f". {did_you_mean(near)}" if near else ""
            raise ValueError(f"is not an attribute that can change{hint}")
        return attribute

    def fits(self, issue: Issue, attributes: Sequence[str]) -> bool:
        """Return whether the rule is about an issue; `attributes` are those that changed."""
        texts = (
            (self.connection, issue.connection),
            (self.object, issue.object_type or ""),
            (self.field, issue.field_name or ""),
            (self.code, issue.code),
        )
        if not all(fnmatchcase(text, pattern) for pattern, text in texts):
            return False
        if self.severity is not None and self.severity is not issue.severity:
            return False
        if self.attribute is None:
            return True
        found = [attribute == self.attribute for attribute in attributes]
        return any(found) if self.level is IssueLevel.FAIL else bool(found) and all(found)


class Policy(BaseModel):
    """The rules of a file, of which the first that fits an issue counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[Rule, ...] = ()

    def find(self, issue: Issue, attributes: Sequence[str], today: date) -> Rule | None:
        """Return the rule that counts for an issue, None where none does."""
        return next(
            (r for r in self.rule if not _over(r, today) and r.fits(issue, attributes)), None
        )

    def excuse(self, connection: str, change: DriftEvent, today: date) -> Excuse | None:
        """Return the rule that excuses a change of the connection of that name, if any does."""
        issue = Issue(
            connection=connection,
            kind=IssueKind.DRIFT,
            level=IssueLevel.REPORT,
            code=change.kind.value.upper(),
            title="",
            severity=change.severity,
            object_type=change.object_type,
            field_name=change.field_name,
        )
        rule = self.find(issue, [each.attribute for each in change.changes], today)
        if rule is None or rule.level is IssueLevel.FAIL:
            return None
        return Excuse(rule.reason, rule.until)

    def expired(self, today: date) -> tuple[ExpiredRule, ...]:
        """Return the rules whose end has come."""
        return tuple(
            ExpiredRule(until=rule.until, reason=rule.reason)
            for rule in self.rule
            if rule.until is not None and _over(rule, today)
        )


def load_policy(path: Path, *, required: bool = True) -> Policy:
    """Return the policy in a file; raises UsageError naming the line or the key.

    A file that is not `required` and not there is a policy without rules.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except FileNotFoundError:
        if not required:
            return Policy()
        raise _bad(f"There is no policy file {path}.", "") from None
    except OSError as error:
        raise _bad(f"{path} can't be read.", f"{error.strerror}.") from None
    except UnicodeDecodeError:
        raise _bad(f"{path} can't be read.", "It is not UTF-8 text.") from None
    return parse_policy(text, str(path))


def parse_policy(text: str, place: str) -> Policy:
    """Return the policy in a TOML text that comes from `place`; raises UsageError."""
    if len(text) > _LONGEST:
        raise _bad(f"{place} is too long to be a policy.", "")
    try:
        return Policy.model_validate(parse_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise _bad(f"{place} is not valid TOML.", f"{error}.") from None
    except ValidationError as error:
        problems = sorted(_problem(text, each) for each in error.errors(include_url=False))
        found = [told for _, told in problems]
        more = f" And {len(found) - _TOLD} more." if len(found) > _TOLD else ""
        raise _bad(f"{place} can't be used.", " ".join(found[:_TOLD]) + more) from None


def _problem(text: str, mistake: Mapping[str, Any]) -> tuple[int, str]:
    """Return the line of a problem, 0 where it has none, and the sentence that tells it."""
    place = mistake["loc"]
    key = str(place[-1]) if place and isinstance(place[-1], str) else ""
    told = mistake_text(mistake, Rule.model_fields if len(place) > 1 else Policy.model_fields)
    if place == ("rule",):
        told = "should be tables: [[rule]]"
    line = line_of(text, place) or 0
    where = f"Line {line}: " if line else ""
    about = f"'{key}' " if key else ""
    return line, f"{where}{about}{told}" + ("" if told.endswith("?") else ".")


def _over(rule: Rule, today: date) -> bool:
    return rule.until is not None and rule.until < today


def _bad(message: str, cause: str) -> UsageError:
    return UsageError(
        message,
        cause=cause or None,
        remedy="docs/check.md shows a policy.",
        code="BAD_POLICY",
    )
