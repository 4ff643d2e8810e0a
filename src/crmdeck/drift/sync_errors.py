"""Tie a sync's errors to the schema: what it says today, and which change caused them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from crmdeck.drift.field_diff import lost_record_types, lost_values
from crmdeck.drift.wording import what_happened
from crmdeck.model import CauseKind, Change, DriftEvent, DriftKind, Field, ObjectSchema, RuleKind

_GONE = frozenset({DriftKind.FIELD_REMOVED, DriftKind.FIELD_HIDDEN, DriftKind.FIELD_ABSENT})
_OBJECT_GONE = frozenset(
    {DriftKind.OBJECT_REMOVED, DriftKind.OBJECT_HIDDEN, DriftKind.OBJECT_ABSENT}
)
# The attributes behind a cause, and the side of a flag that rejects.
_FLAGS = {
    CauseKind.REQUIRED: {"required": True, "nillable": False},
    CauseKind.READ_ONLY: {
        "createable": False,
        "updateable": False,
        "readable": False,
        "calculated": True,
        "autoNumber": True,
    },
    CauseKind.CHOICE: {"restricted": True},
    CauseKind.UNIQUE: {"unique": True},
    CauseKind.OBJECT_ACCESS: {"createable": False, "updateable": False},
}
_SIZES = {
    CauseKind.TOO_LONG: ("length",),
    CauseKind.RANGE: ("precision", "length"),
}
_OTHERS = {
    CauseKind.FORMAT: ("type",),
    CauseKind.CHOICE: ("type",),
    CauseKind.TOO_LONG: ("type",),
    CauseKind.RANGE: ("type", "scale"),
    CauseKind.BAD_REFERENCE: ("type", "references"),
    CauseKind.LOOKUP_FILTER: ("lookupFilter", "references"),
}


class Today(NamedTuple):
    """Whether today's schema rejects the value too (None: unknown), and a sentence about it."""

    rejects: bool | None
    text: str


def find_change(
    kind: CauseKind,
    events: Iterable[DriftEvent],
    field: str,
    rule: str,
    value: str = "",
    before: datetime | None = None,
) -> DriftEvent | None:
    """Return the newest change of an object that can cause an error; `events` are newest first."""
    return next(
        (
            event
            for event in events
            if (before is None or (event.changed_at or event.detected_at) <= before)
            and _causes(kind, event, field, rule, value)
        ),
        None,
    )


def _causes(kind: CauseKind, event: DriftEvent, field: str, rule: str, value: str) -> bool:
    if kind in (CauseKind.RULE, CauseKind.DUPLICATE_RULE):
        return bool(rule) and event.rule == rule and event.kind is not DriftKind.RULE_REMOVED
    if kind is CauseKind.OBJECT_MISSING:
        return event.kind in _OBJECT_GONE
    if kind is CauseKind.RECORD_TYPE:
        return any(lost_record_types(c) for c in event.changes if c.attribute == "recordTypes")
    if kind is CauseKind.OBJECT_ACCESS:
        on_object = event.kind is DriftKind.OBJECT_CHANGED
        return on_object and any(_rejects(kind, each, value) for each in event.changes)
    if not field or event.field_name != field or event.rule is not None:
        return False
    if kind in (CauseKind.FIELD_MISSING, CauseKind.READ_ONLY) and event.kind in _GONE:
        return True
    return any(_rejects(kind, each, value) for each in event.changes)


def _rejects(kind: CauseKind, change: Change, value: str) -> bool:
    name, before, after = change.attribute, change.before, change.after
    flags = _FLAGS.get(kind, {})
    if name in flags:
        return after is flags[name]
    if name in _SIZES.get(kind, ()):
        return isinstance(after, int) and (not isinstance(before, int) or after < before)
    if name == "picklist" and kind is CauseKind.CHOICE:
        lost = lost_values(change)
        return value in lost if value else bool(lost)
    return name in _OTHERS.get(kind, ())


def find_repair(
    kind: CauseKind, events: Iterable[DriftEvent], field: str, rule: str, cause: DriftEvent | None
) -> DriftEvent | None:
    """Return the newest change that undid a cause, after `cause` if it is known."""
    names = {*_FLAGS.get(kind, ()), *_SIZES.get(kind, ()), *_OTHERS.get(kind, ())}
    if kind is CauseKind.CHOICE:
        names.add("picklist")
    for event in events:
        if cause is not None and event.detected_at <= cause.detected_at:
            break
        if rule and event.rule == rule:
            return event
        if event.rule is not None or event.field_name != (field or None) or not field:
            continue
        back = kind is CauseKind.FIELD_MISSING and event.kind is DriftKind.FIELD_ADDED
        if back or any(each.attribute in names for each in event.changes):
            return event
    return None


def find_rule(schema: ObjectSchema, message: str, kind: CauseKind, field: str) -> str:
    """Return the name of the rule with an admin's message; empty if no rule has it."""
    wanted = RuleKind.DUPLICATES if kind is CauseKind.DUPLICATE_RULE else RuleKind.VALIDATION
    rules = [rule for rule in schema.rules or () if rule.kind is wanted]
    if wanted is RuleKind.DUPLICATES:
        active = [rule for rule in rules if rule.on_create == "block" or rule.on_update == "block"]
        return active[0].name if len(active) == 1 else ""
    said = _bare(message)
    found = [rule for rule in rules if rule.message and _bare(rule.message) == said]
    # Two rules may have one message: then the field decides.
    return next(
        (rule.name for rule in found if rule.field == field), found[0].name if found else ""
    )


def _bare(text: str) -> str:
    return " ".join(text.split()).rstrip(". ").casefold()


def judge_today(
    kind: CauseKind, schema: ObjectSchema, field: Field | None, name: str, rule: str, value: str
) -> Today:
    """Return what today's schema says about an error of `field`, named `name`, or of `rule`."""
    if kind in (CauseKind.RULE, CauseKind.DUPLICATE_RULE):
        found = next((each for each in schema.rules or () if each.name == rule), None)
        if found is None:
            return Today(None, "No rule that crmdeck has read has this message.")
        state = "active" if found.active else "inactive"
        return Today(found.active, f"Rule {found.name} is {state}.")
    if kind is CauseKind.FIELD_MISSING:
        if field is None:
            return Today(True, f"{schema.object_type} has no field {name}." if name else "")
        return Today(None, f"{field.name} exists for crmdeck's own user. Check the sync user.")
    if field is None:
        return Today(None, "")
    match kind:
        case CauseKind.REQUIRED:
            if field.required:
                return Today(True, f"{field.name} is required.")
            return Today(
                False if field.required is False else None, f"{field.name} isn't required."
            )
        case CauseKind.TOO_LONG if field.length:
            fits = len(value) <= field.length if value else None
            return Today(
                None if fits is None else not fits,
                f"{field.name} holds {field.length:,} characters.",
            )
        case CauseKind.CHOICE if field.picklist and value:
            if any(each.active and value in (each.value, each.label) for each in field.picklist):
                return Today(False, f"{field.name} has the choice “{value}”.")
            return Today(True, f"{field.name} has no choice “{value}”.")
        case CauseKind.READ_ONLY:
            locked = field.calculated or field.auto_number or field.updateable is False
            if locked or field.createable is False:
                return Today(True, f"{field.name} is read-only.")
            return Today(None, f"crmdeck's own user can write {field.name}. Check the sync user.")
        case CauseKind.FORMAT:
            return Today(None, f"{field.name} is a {field.type.value} field.")
    return Today(None, "")


def change_text(event: DriftEvent, new_name: str = "") -> str:
    """Return a causing change in a sentence: who, when and what."""
    at = event.changed_at or event.detected_at
    who = f"{event.changed_by} changed" if event.changed_by else "Someone changed"
    place = event.rule or event.field_name or event.object_type
    return f"{who} {place} on {at:%Y-%m-%d}: {what_happened(event, new_name=new_name)}."


def new_name_of(event: DriftEvent, events: Sequence[DriftEvent]) -> str:
    """Return the probable new name of a removed field, empty if there is none."""
    return next(
        (each.field_name or "" for each in events if each.rename_of == event.field_name), ""
    )
