"""The severity of a change, by the rules of `severity_rules` and the accepted mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from crmdeck.drift.severity_rules import Rated, load_severity_rules
from crmdeck.drift.wording import few, short
from crmdeck.model import AttributeChange, Direction, DriftKind, Field, Rule, RuleKind, Severity


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


class SeverityReason(NamedTuple):
    """A severity, and the reason in one sentence."""

    severity: Severity
    reason: str


def severity_of_kind(kind: DriftKind, use: Use) -> SeverityReason:
    """Return the verdict on a field, object, or rule that was added or removed."""
    return _judge(load_severity_rules().kinds[kind], use)


def severity_of_added(field: Field, use: Use) -> SeverityReason:
    if field.required:
        return _judge(load_severity_rules().special.required_added, use)
    return severity_of_kind(DriftKind.FIELD_ADDED, use)


def severity_of_changes(
    changes: Sequence[AttributeChange], after: Field | None, use: Use
) -> SeverityReason:
    """Return the worst verdict on the changes of a field; the first one if several tie.

    `after` is None for changes of an object.
    """
    rules = load_severity_rules().field if after else load_severity_rules().object
    verdicts = []
    for change in changes:
        rule = next(each for each in rules[change.attribute] if each.applies(change, after))
        verdicts.append(_judge(rule.rated, use, _words(change)))
    return max(verdicts, key=lambda verdict: verdict.severity.rank)


def severity_of_rule(
    kind: DriftKind, rule: Rule, changes: Sequence[AttributeChange], use: Use
) -> SeverityReason:
    """Return the verdict on a rule that was added, removed, or changed into `rule`."""
    rules = load_severity_rules()
    if kind is DriftKind.RULE_REMOVED and rule.kind is RuleKind.AUTOMATION:
        return _judge(rules.special.automation_removed, use)
    if kind is DriftKind.RULE_REMOVED:
        return severity_of_kind(kind, use)
    if not rule.active:
        return _judge(rules.special.rule_inactive, use)
    # A rule can be inactive, reworded or only report; each is safe whatever its kind rejects.
    if changes and all(change.attribute == "message" for change in changes):
        return _judge(rules.special.rule_reworded, use)
    if rule.kind is RuleKind.DUPLICATES and not rule.refuses:
        return _judge(rules.special.rule_reports, use)
    message = f": “{short(rule.message).rstrip('.')}”" if rule.message else ""
    return _judge(rules.rules[rule.kind], use, {"message": message})


def _words(change: AttributeChange) -> dict[str, str]:
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


def _judge(rated: Rated, use: Use, words: Mapping[str, str] | None = None) -> SeverityReason:
    unmapped, pulled, pushed = rated.scale
    applying = [level for level, on in ((pulled, use.pulled), (pushed, use.pushed)) if on]
    reason = rated.reason if words is None else rated.reason.format_map(words)
    return SeverityReason(Severity.worst(applying or [unmapped]), reason)
