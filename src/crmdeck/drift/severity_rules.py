"""The rules of severity: `crmdeck/knowledge/drift/severities.toml` has them and explains them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, ClassVar, NamedTuple, TypeAlias

from pydantic import ConfigDict, StringConstraints, TypeAdapter

from crmdeck.drift.field_diff import (
    gained_record_types,
    gained_record_values,
    gained_values,
    lost_record_types,
    lost_record_values,
    lost_values,
)
from crmdeck.model import (
    AttributeChange,
    DriftKind,
    Field,
    FieldType,
    GoneReason,
    RuleKind,
    Severity,
)

_LETTERS = {"S": Severity.SAFE, "R": Severity.RISKY, "B": Severity.BREAKING}
_Letters: TypeAlias = Annotated[str, StringConstraints(pattern="^[SRB]{3}$")]


class Rated(NamedTuple):
    """The severities of a change, as letters, and its reason."""

    letters: _Letters
    reason: str

    @property
    def scale(self) -> tuple[Severity, Severity, Severity]:
        """The severity for a field that is unmapped, pulled, and pushed."""
        unmapped, pulled, pushed = (_LETTERS[letter] for letter in self.letters)
        return unmapped, pulled, pushed


class AttributeRule(NamedTuple):
    """A rule for an attribute: its condition, and what `Rated` has."""

    when: str
    letters: _Letters
    reason: str

    def applies(self, change: AttributeChange, after: Field | None) -> bool:
        return bool(_CONDITIONS[self.when](change, after))

    @property
    def rated(self) -> Rated:
        return Rated(self.letters, self.reason)


@dataclass(frozen=True)
class SpecialCases:
    """Changes that need more than their kind."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    required_added: Rated
    automation_removed: Rated
    rule_inactive: Rated
    rule_reworded: Rated
    rule_reports: Rated


@dataclass(frozen=True)
class SeverityRules:
    """The tables of the file."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    kinds: dict[DriftKind, Rated]
    returned: dict[GoneReason, str]
    rules: dict[RuleKind, Rated]
    special: SpecialCases
    field: dict[str, tuple[AttributeRule, ...]]
    object: dict[str, tuple[AttributeRule, ...]]
    wider: dict[FieldType, frozenset[FieldType]]


@cache
def load_severity_rules() -> SeverityRules:
    """Return the rules of severity, read on first use."""
    file = resources.files("crmdeck") / "knowledge" / "drift" / "severities.toml"
    return TypeAdapter(SeverityRules).validate_python(tomllib.loads(file.read_text("utf-8")))


def _is_narrower(change: AttributeChange, after: Field | None) -> bool:
    wider = load_severity_rules().wider.get(FieldType(change.before), frozenset())
    return FieldType(change.after) not in wider


def _moves_default(change: AttributeChange, after: Field | None) -> bool:
    was = {each["name"] for each in change.before if each["default"]}
    return any(each["default"] and each["name"] not in was for each in change.after)


_CONDITIONS: Mapping[str, Callable[[AttributeChange, Field | None], object]] = {
    "else": lambda change, after: True,
    "narrower": _is_narrower,
    "smaller": lambda change, after: change.after < change.before,
    "gained": lambda change, after: change.after is True,
    "was unset": lambda change, after: not change.before,
    "is unset": lambda change, after: not change.after,
    "is filled": lambda change, after: not change.after and after and after.required is False,
    "loses targets": lambda change, after: not set(change.before) <= set(change.after),
    "loses values": lambda change, after: lost_values(change),
    "loses restricted values": lambda change, after: (
        after and after.restricted is True and lost_values(change)
    ),
    "gains values": lambda change, after: gained_values(change),
    "loses choices": lambda change, after: change.before,
    # The text of a lookup filter begins with its state; only a required one rejects records.
    "stricter filter": lambda change, after: (
        change.after and not str(change.after).startswith(("optional", "inactive"))
    ),
    "loses record types": lambda change, after: lost_record_types(change),
    "moves default": _moves_default,
    "gains record types": lambda change, after: gained_record_types(change),
    "loses record values": lambda change, after: lost_record_values(change),
    "gains record values": lambda change, after: gained_record_values(change),
}
