"""The severity of a change, by the rules of `severity_rules` and the accepted mappings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crmdeck.drift.field_diff import (
    gained_record_types,
    gained_record_values,
    gained_values,
    lost_record_types,
    lost_record_values,
    lost_values,
)
from crmdeck.drift.severity_rules import (
    AUTOMATION_REMOVED,
    FIELD_ROWS,
    KIND_ROWS,
    OBJECT_ROWS,
    REQUIRED_ADDED,
    RULE_INACTIVE,
    RULE_REPORTS,
    RULE_REWORDED,
    RULE_ROWS,
    Scale,
)
from crmdeck.drift.wording import few, short
from crmdeck.model import Change, Direction, DriftKind, Field, Rule, RuleKind, Severity


@dataclass(frozen=True)
class Use:
    """Whether accepted mappings pull from a field or an object, and push to it."""

    pulled: bool = False
    pushed: bool = False

    @classmethod
    def of(cls, directions: Iterable[Direction]) -> Use:
        found = set(directions)
        both = Direction.BIDIRECTIONAL in found
        return cls(pulled=both or Direction.PULL in found, pushed=both or Direction.PUSH in found)


class Verdict(NamedTuple):
    """A severity, and the reason in one sentence."""

    severity: Severity
    reason: str


def severity_of_kind(kind: DriftKind, use: Use) -> Verdict:
    """Return the verdict on a field, object, or rule that was added or removed."""
    scale, reason = KIND_ROWS[kind]
    return Verdict(_under(scale, use), reason)


def severity_of_added(field: Field, use: Use) -> Verdict:
    if field.required:
        return Verdict(Severity.BREAKING, REQUIRED_ADDED)
    return severity_of_kind(DriftKind.FIELD_ADDED, use)


def severity_of_changes(changes: Sequence[Change], after: Field | None, use: Use) -> Verdict:
    """Return the worst verdict on the changes of a field; the first one if several tie.

    `after` is None for changes of an object.
    """
    rows = FIELD_ROWS if after else OBJECT_ROWS
    verdicts = []
    for change in changes:
        row = next(row for row in rows[change.attribute] if row.applies(change, after))
        reason = row.reason.format_map(_words(change))
        verdicts.append(Verdict(_under(row.scale, use), reason))
    return max(verdicts, key=lambda verdict: verdict.severity.rank)


def severity_of_rule(kind: DriftKind, rule: Rule, changes: Sequence[Change], use: Use) -> Verdict:
    """Return the verdict on a rule that was added, removed, or changed into `rule`."""
    if kind is DriftKind.RULE_REMOVED and rule.kind is RuleKind.AUTOMATION:
        scale, reason = AUTOMATION_REMOVED
        return Verdict(_under(scale, use), reason)
    if kind is DriftKind.RULE_REMOVED:
        return severity_of_kind(kind, use)
    if not rule.active:
        return Verdict(Severity.SAFE, RULE_INACTIVE)
    # A rule can be inactive, reworded or only report; each is safe whatever its kind refuses.
    if changes and all(change.attribute == "message" for change in changes):
        return Verdict(Severity.SAFE, RULE_REWORDED)
    if rule.kind is RuleKind.DUPLICATES and not rule.refuses:
        return Verdict(Severity.SAFE, RULE_REPORTS)
    scale, reason = RULE_ROWS[rule.kind]
    message = f": “{short(rule.message).rstrip('.')}”" if rule.message else ""
    return Verdict(_under(scale, use), reason.format(message=message))


def _words(change: Change) -> dict[str, str]:
    match change.attribute:
        case "picklist":
            return {"lost": few(lost_values(change)), "gained": few(gained_values(change))}
        case "references":
            old, new = set(change.before), set(change.after)
            return {"lost": few(sorted(old - new)), "gained": few(sorted(new - old))}
        case "allowedValues":
            return {"lost": few(sorted(change.before)), "gained": few(sorted(change.after))}
        case "recordTypes":
            lost, gained = lost_record_types(change), gained_record_types(change)
            default = [each["name"] for each in change.after if each["default"]]
            return {
                "lost": few(lost),
                "gained": few(gained),
                "lostValues": few(lost_record_values(change)),
                "gainedValues": few(gained_record_values(change)),
                "after": few(default),
            }
        case "user":
            changed = set(change.after.items()) - set(change.before.items())
            return {"gained": few(sorted(f"{name} is {value}" for name, value in changed))}
        case _:
            return {"before": short(str(change.before)), "after": short(str(change.after))}


def _under(scale: Scale, use: Use) -> Severity:
    applying = [s for s, on in ((scale.pulled, use.pulled), (scale.pushed, use.pushed)) if on]
    return Severity.worst(applying or [scale.unmapped])
