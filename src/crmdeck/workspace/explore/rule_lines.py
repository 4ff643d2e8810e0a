"""Everything that decides writes to an object, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crmdeck.model import RULE_WORDS, ObjectDetail, ObjectSchema, Rule, RuleKind

_EFFECTS = {
    "block": "rejects",
    "alert": "rejects unless the caller confirms",
    "report": "only reports",
    "run": "runs",
}


class RuleLine(NamedTuple):
    """One rule, record type, or unknown kind of rule; `known` is False for the last."""

    title: str
    text: str
    known: bool = True


def rule_lines(
    schema: ObjectSchema | ObjectDetail, field_name: str | None = None
) -> tuple[RuleLine, ...]:
    """Return the active rules and record types of an object, or of one field.

    The unknown kinds follow, each with its reason.
    """
    lines = [
        RuleLine(rule.title, _text(rule))
        for rule in schema.rules or ()
        if rule.active and (field_name is None or field_name in (rule.field, *rule.fields))
    ]
    lines += _record_types(schema, field_name)
    if field_name is None:
        lines += [
            RuleLine(RULE_WORDS.get(kind, kind), reason, known=False)
            for kind, reason in (schema.not_read or {}).items()
        ]
    return tuple(lines)


def _text(rule: Rule) -> str:
    operations: dict[str, list[str]] = {}
    for operation, then in (("create", rule.on_create), ("update", rule.on_update)):
        if then in _EFFECTS:
            operations.setdefault(_EFFECTS[then], []).append(operation)
    effect = ", ".join(f"{then} on {' and '.join(when)}" for then, when in operations.items())
    if rule.kind is RuleKind.AUTOMATION:
        return f"{effect}, before the rules: can fill or change fields"
    place = ", ".join(rule.fields) or rule.field or "any field"
    if rule.kind is RuleKind.DUPLICATES:
        return f"{place}: {effect or 'unknown effect'}"
    if rule.kind is RuleKind.VALIDATION:
        return f"{place}: {rule.message or rule.expression}"
    return f"{place} {rule.demand}"


def _record_types(
    schema: ObjectSchema | ObjectDetail, field_name: str | None
) -> Iterator[RuleLine]:
    """Yield the picklists for which a record type allows fewer values than others."""
    types = [each for each in schema.record_types or () if each.active]
    every: dict[str, set[str]] = {}
    for each in types:
        for name, values in (each.values or {}).items():
            every.setdefault(name, set()).update(values)
    for each in types:
        limited = [
            f"{len(set(values))} of {len(every[name])} values of {name}"
            for name, values in sorted((each.values or {}).items())
            if len(set(values)) < len(every[name]) and field_name in (None, name)
        ]
        if limited or field_name is None:
            text = f"allows {', '.join(limited)}" if limited else each.label
            yield RuleLine(f"record type {each.name}", text)
