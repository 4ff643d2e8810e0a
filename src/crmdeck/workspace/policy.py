"""A policy: a file of rules that ignore, report or fail findings."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from crmdeck.drift.open_changes import Excuse
from crmdeck.errors import UsageError, docs_link
from crmdeck.files import read_regular
from crmdeck.model import (
    CheckLevel,
    DriftEvent,
    ExpiredRule,
    Finding,
    FindingKind,
    Severity,
    Subject,
    UnusedRule,
    Urgency,
)
from crmdeck.model.hashes import COMPARED_ATTRIBUTES, OBJECT_ATTRIBUTES, RULE_ATTRIBUTES
from crmdeck.text import did_you_mean, mistake_text, nearest
from crmdeck.toml import line_of, parse_toml

_ATTRIBUTES = frozenset(
    to_camel(name) for name in (*COMPARED_ATTRIBUTES, *OBJECT_ATTRIBUTES, *RULE_ATTRIBUTES)
)
_SHOWN = 5
_LONGEST = 1_000_000
"""The most characters in a policy file."""


class PolicyRule(BaseModel):
    """One `[[rule]]`: a level for the findings that match all its keys.

    `connection`, `object`, `field` and `code` can contain `*`. `attribute` is the wire name of
    a changed attribute: `fail` needs one such attribute, the other levels need that there is no
    other. An exception (`ignore`, `report`) needs a reason and an end date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: CheckLevel
    connection: str = "*"
    object: str = "*"
    field: str = "*"
    code: str = "*"
    attribute: str | None = None
    severity: Severity | None = None
    reason: str = ""
    until: date | None = None

    @model_validator(mode="after")
    def _exception_is_accounted_for(self) -> PolicyRule:
        if self.level is not CheckLevel.FAIL and not (self.reason and self.until):
            raise ValueError("an exception needs 'reason' and 'until'")
        return self

    @field_validator("attribute")
    @classmethod
    def _attribute_is_one(cls, attribute: str | None) -> str | None:
        if attribute is not None and attribute not in _ATTRIBUTES:
            near = nearest(attribute, _ATTRIBUTES, most=1)
            hint = f". {did_you_mean(near)}" if near else ""
            raise ValueError(f"isn't an attribute that can change{hint}")
        return attribute

    def likeness(self, finding: Finding) -> float:
        """Return the similarity of the names in the rule and in a finding."""
        # Only a check with an unused rule needs it.
        from rapidfuzz.fuzz import ratio

        return sum(ratio(pattern, text) for _, pattern, text in self._texts(finding))

    def _texts(self, finding: Finding) -> tuple[tuple[str, str, str], ...]:
        return (
            ("connection", self.connection, finding.connection),
            ("object", self.object, finding.subject.object_type or ""),
            ("field", self.field, finding.subject.crm_field or ""),
            ("code", self.code, finding.code),
        )

    def misses(self, finding: Finding) -> list[str]:
        """Return why the rule doesn't match a finding; empty if it does.

        The native type is a part of a type change.
        """
        missed = [
            f"{key} is '{text}'"
            for key, pattern, text in self._texts(finding)
            if not fnmatchcase(text, pattern)
        ]
        if self.level is not CheckLevel.FAIL:
            if finding.is_unread:
                missed.append("no rule can excuse what crmdeck can't read")
            elif self.code == "*" and finding.urgency is Urgency.FAILING:
                missed.append(f"only code = {finding.code} excuses a failing finding")
        if self.severity is not None and self.severity is not finding.severity:
            severity = finding.severity
            missed.append(f"severity is {severity.value if severity else 'not set'}")
        attributes = finding.attributes
        if self.attribute is not None:
            own = {self.attribute, "nativeType"} if self.attribute == "type" else {self.attribute}
            others = [each for each in attributes if each not in own]
            only = self.level is not CheckLevel.FAIL
            if self.attribute not in attributes or (only and others):
                missed.append(f"changed: {', '.join(attributes) or 'no attribute'}")
        return missed

    def text(self) -> str:
        """Return the keys of the rule in one line, without reason and end date."""
        keys = ("connection", "object", "field", "code", "attribute", "severity")
        given = {key: getattr(self, key) for key in keys}
        return ", ".join(
            [f"level = {self.level.value}"]
            + [f"{key} = {value}" for key, value in given.items() if value not in ("*", None)]
        )


class Policy(BaseModel):
    """The rules of a file; the first match counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[PolicyRule, ...] = ()

    def to_wire(self) -> dict[str, object]:
        """Return the policy as JSON values under its wire names."""
        return self.model_dump(mode="json", by_alias=True)

    def find(self, finding: Finding, today: date) -> PolicyRule | None:
        """Return the first active rule that matches a finding, None without one."""
        return next((r for r in self.rule if not _over(r, today) and not r.misses(finding)), None)

    def excuse(self, connection: str, change: DriftEvent, today: date) -> Excuse | None:
        """Return the rule that excuses a change of a connection, None without one."""
        breaks = change.severity is Severity.BREAKING and bool(change.affected_mappings)
        finding = Finding(
            id=change.id,
            kind=FindingKind.CHANGE_OPEN,
            # What breaks a mapping is failing, and needs a code.
            urgency=Urgency.FAILING if breaks else Urgency.REVIEW,
            connection_id=change.connection_id,
            connection=connection,
            code=change.kind.value.upper(),
            title="",
            severity=change.severity,
            subject=Subject(object_type=change.object_type, crm_field=change.field_name),
            attributes=tuple(each.attribute for each in change.changes),
        )
        rule = self.find(finding, today)
        if rule is None or rule.level is CheckLevel.FAIL:
            return None
        return Excuse(rule.reason, rule.until)

    def expired(self, today: date) -> tuple[ExpiredRule, ...]:
        return tuple(
            ExpiredRule(until=rule.until, reason=rule.reason)
            for rule in self.rule
            if rule.until is not None and _over(rule, today)
        )

    def unused(self, judged: Sequence[Finding], today: date) -> tuple[UnusedRule, ...]:
        """Return the active rules that no finding of a check matched, with the nearest one."""
        used = [self.find(finding, today) for finding in judged]
        found = []
        for number, rule in enumerate(self.rule, start=1):
            # Compare by identity: of two equal rules, only the first one is used.
            if _over(rule, today) or any(rule is each for each in used):
                continue
            missed = [(rule.misses(each), each) for each in judged]
            fewest = min((len(why) for why, _ in missed), default=0)
            close = [miss for miss in missed if len(miss[0]) == fewest]
            nearest = None
            if close:
                why, finding = max(close, key=lambda miss: rule.likeness(miss[1]))
                why = why or ["an earlier rule matches it first"]
                nearest = f"{finding.title} ({'; '.join(why)})"
            found.append(UnusedRule(number=number, rule=rule.text(), nearest=nearest))
        return tuple(found)


def load_policy(path: Path) -> Policy:
    """Return the policy in a file; raises UsageError with the line or the key."""
    return parse_policy(policy_text(path), str(path))


def policy_text(path: Path) -> str:
    """Return the text of a policy file; raises UsageError."""
    try:
        return read_regular(path, _LONGEST).decode()
    except FileNotFoundError:
        raise UsageError(
            f"No policy file at {path}.",
            remedy="Correct the path, or leave out --policy to use the workspace's policy.",
            code="BAD_POLICY",
        ) from None
    except OSError as error:
        raise _bad(f"Can't read {path}.", f"{error.strerror}.") from None
    except UnicodeDecodeError:
        raise _bad(f"Can't read {path}.", "The file isn't UTF-8 text.") from None


def parse_policy(text: str, place: str) -> Policy:
    """Return the policy in a TOML text that comes from `place`; raises UsageError."""
    if len(text) > _LONGEST:
        raise _bad(f"{place} is too large for a policy.", "")
    try:
        return Policy.model_validate(parse_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise _bad(f"{place} isn't valid TOML.", f"{error}.") from None
    except ValidationError as error:
        problems = sorted(_problem(text, each) for each in error.errors(include_url=False))
        found = [sentence for _, sentence in problems]
        more = f" And {len(found) - _SHOWN} more." if len(found) > _SHOWN else ""
        raise _bad(f"Can't use the policy {place}.", " ".join(found[:_SHOWN]) + more) from None


def _problem(text: str, mistake: ErrorDetails) -> tuple[int, str]:
    """Return the line of a mistake, 0 without one, and its sentence."""
    place = mistake["loc"]
    key = str(place[-1]) if place and isinstance(place[-1], str) else ""
    message = mistake_text(
        mistake, PolicyRule.model_fields if len(place) > 1 else Policy.model_fields
    )
    # Pydantic would ask for a valid tuple, which TOML doesn't have.
    if place == ("rule",):
        message = "should be tables: [[rule]]"
    line = line_of(text, place) or 0
    start = f"Line {line}: " if line else ""
    about = f"'{key}' " if key else ""
    return line, f"{start}{about}{message}" + ("" if message.endswith("?") else ".")


def _over(rule: PolicyRule, today: date) -> bool:
    return rule.until is not None and rule.until < today


def _bad(message: str, cause: str) -> UsageError:
    return UsageError(
        message,
        cause=cause or None,
        remedy=f"Correct the file: {docs_link('check')}",
        code="BAD_POLICY",
    )
