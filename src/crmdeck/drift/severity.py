"""How bad a change is for what the accepted mappings do, by the rules of `severity_rules`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from crmdeck.drift.field_diff import gained_values, lost_values
from crmdeck.drift.severity_rules import ATTRIBUTE_ROWS, KIND_ROWS, REQUIRED_ADDED, Scale
from crmdeck.drift.wording import few, short
from crmdeck.model import Change, Direction, DriftKind, Field, Severity

_ROWS = {
    attribute: tuple(rows) for attribute, rows in groupby(ATTRIBUTE_ROWS, lambda row: row.attribute)
}


@dataclass(frozen=True)
class Use:
    """What the accepted mappings do with a field or an object."""

    pulled: bool = False
    pushed: bool = False

    @classmethod
    def of(cls, directions: Iterable[Direction]) -> Use:
        """Return the use that mappings in these directions make."""
        found = set(directions)
        both = Direction.BIDIRECTIONAL in found
        return cls(pulled=both or Direction.PULL in found, pushed=both or Direction.PUSH in found)


class Verdict(NamedTuple):
    """A severity and its reason, one plain line."""

    severity: Severity
    reason: str


def severity_of_kind(kind: DriftKind, use: Use) -> Verdict:
    """Return the verdict on a whole field or object that was added or is gone."""
    scale, reason = KIND_ROWS[kind]
    return Verdict(_under(scale, use), reason)


def severity_of_added(field: Field, use: Use) -> Verdict:
    """Return the verdict on a field that was added."""
    if field.required:
        return Verdict(Severity.BREAKING, REQUIRED_ADDED)
    return severity_of_kind(DriftKind.FIELD_ADDED, use)


def severity_of_changes(changes: Sequence[Change], after: Field, use: Use) -> Verdict:
    """Return the worst verdict on the changes of a field; the first one where several tie."""
    verdicts = [severity_of_change(change, after, use) for change in changes]
    return max(verdicts, key=lambda verdict: verdict.severity.rank)


def severity_of_change(change: Change, after: Field, use: Use) -> Verdict:
    """Return the verdict on one change: that of the first row that applies."""
    row = next(row for row in _ROWS[change.attribute] if row.applies(change, after))
    words = {"before": short(str(change.before)), "after": short(str(change.after))}
    if change.attribute == "picklist":
        words = {"lost": few(lost_values(change)), "gained": few(gained_values(change))}
    elif change.attribute == "references":
        old, new = set(change.before), set(change.after)
        words = {"lost": few(sorted(old - new)), "gained": few(sorted(new - old))}
    return Verdict(_under(row.scale, use), row.reason.format_map(words))


def _under(scale: Scale, use: Use) -> Severity:
    applying = [s for s, on in ((scale.pulled, use.pulled), (scale.pushed, use.pushed)) if on]
    return max(applying or [scale.unmapped], key=lambda severity: severity.rank)
