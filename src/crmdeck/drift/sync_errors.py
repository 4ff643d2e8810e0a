"""Tie a sync's errors to the schema: what it says today, and which change caused them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Self

from crmdeck.drift.field_diff import gained_values, lost_record_types, lost_values
from crmdeck.drift.wording import what_happened
from crmdeck.model import (
    AttributeChange,
    CauseKind,
    DriftEvent,
    DriftKind,
    Field,
    ObjectSchema,
    RuleKind,
)

_GONE = (DriftKind.FIELD_REMOVED, DriftKind.FIELD_HIDDEN, DriftKind.FIELD_ABSENT)
_OBJECT_GONE = (DriftKind.OBJECT_REMOVED, DriftKind.OBJECT_HIDDEN, DriftKind.OBJECT_ABSENT)
_ACCESS: dict[str, object] = {"createable": False, "updateable": False}
# The attributes behind a cause: the value of a flag that rejects, int for a size, None for any.
_ATTRIBUTES: dict[CauseKind, dict[str, object]] = {
    CauseKind.REQUIRED: {"required": True, "nillable": False},
    CauseKind.READ_ONLY: _ACCESS | {"readable": False, "calculated": True, "autoNumber": True},
    CauseKind.CHOICE: {"restricted": True, "picklist": lost_values, "type": None},
    CauseKind.TOO_LONG: {"length": int, "type": None},
    CauseKind.RANGE: {"precision": int, "length": int, "scale": None, "type": None},
    CauseKind.FORMAT: {"type": None},
    CauseKind.UNIQUE: {"unique": True},
    CauseKind.BAD_REFERENCE: {"type": None, "references": None},
    CauseKind.LOOKUP_FILTER: {"lookupFilter": None, "references": None},
    CauseKind.RECORD_TYPE: {"recordTypes": lost_record_types},
    CauseKind.OBJECT_ACCESS: _ACCESS,
}
_OF_OBJECT = (CauseKind.RECORD_TYPE, CauseKind.OBJECT_ACCESS)


class Suspect(NamedTuple):
    """What a sync's error is about, by API names; `value` is the rejected value, or the rule's
    message.
    """

    kind: CauseKind
    object: str
    field: str
    rule: str
    value: str

    def with_rule(self, schema: ObjectSchema | None) -> Self:
        """Return the error with the name of its rule, if exactly one fits."""
        rules = schema.rules or () if schema is not None else ()
        if self.kind is CauseKind.RULE:
            said = [
                rule
                for rule in rules
                if rule.kind is RuleKind.VALIDATION and _bare(rule.message) == _bare(self.value)
            ]
            # Several rules may have one message: then the field decides.
            found = [rule for rule in said if rule.field == self.field] or said
        elif self.kind is CauseKind.DUPLICATE_RULE:
            blocks = [rule for rule in rules if "block" in (rule.on_create, rule.on_update)]
            found = [rule for rule in blocks if rule.kind is RuleKind.DUPLICATES]
        else:
            return self
        return self._replace(rule=found[0].name) if len(found) == 1 else self


class Today(NamedTuple):
    """Whether today's schema rejects the value too (None: unknown), and a sentence about it."""

    rejects: bool | None
    text: str


def _bare(text: str) -> str:
    return " ".join(text.split()).rstrip(". ").casefold()


def find_change(
    suspect: Suspect, events: Iterable[DriftEvent], before: datetime
) -> DriftEvent | None:
    """Return the newest change that can cause an error at `before`; `events` are newest first."""
    past = (each for each in events if (each.changed_at or each.detected_at) <= before)
    return next((each for each in past if _is_cause(suspect, each)), None)


def _is_cause(suspect: Suspect, event: DriftEvent) -> bool:
    kind = suspect.kind
    if suspect.rule:
        is_off = event.kind is DriftKind.RULE_REMOVED or any(
            each.attribute == "active" and not each.after for each in event.changes
        )
        return event.rule == suspect.rule and not is_off
    if kind is CauseKind.OBJECT_MISSING:
        return event.kind in _OBJECT_GONE
    if kind in _OF_OBJECT:
        is_access = kind is CauseKind.OBJECT_ACCESS and event.kind is DriftKind.ACCESS_LOST
        rejects = is_access or any(_rejects(suspect, each) for each in event.changes)
        return event.field_name is None and rejects
    if not suspect.field or event.field_name != suspect.field or event.rule is not None:
        return False
    losses = (*_GONE, DriftKind.ACCESS_LOST)
    if kind in (CauseKind.FIELD_MISSING, CauseKind.READ_ONLY) and event.kind in losses:
        return True
    return any(_rejects(suspect, each) for each in event.changes)


def _rejects(suspect: Suspect, change: AttributeChange) -> bool:
    wanted = _ATTRIBUTES.get(suspect.kind, {})
    if change.attribute not in wanted:
        return False
    match wanted[change.attribute]:
        case None:
            return True
        case bool() as flag:
            return change.after is flag
        case type():
            before, after = change.before, change.after
            return isinstance(after, int) and (not isinstance(before, int) or after < before)
        case lost:
            gone = lost(change)  # type: ignore[operator]
            is_choice = suspect.kind is CauseKind.CHOICE and suspect.value
            return suspect.value in gone if is_choice else bool(gone)


def find_repair(
    suspect: Suspect, events: Iterable[DriftEvent], cause: DriftEvent | None
) -> DriftEvent | None:
    """Return the newest change that undid a cause, after `cause` if it is known."""
    since = (each for each in events if cause is None or each.detected_at > cause.detected_at)
    return next((each for each in since if _is_repair(suspect, each)), None)


def _is_repair(suspect: Suspect, event: DriftEvent) -> bool:
    if _is_cause(suspect, event) or event.rule != (suspect.rule or None):
        return False
    if suspect.rule:
        return True
    wanted = _ATTRIBUTES.get(suspect.kind, {})
    changes = [each for each in event.changes if each.attribute in wanted]
    return event.field_name == suspect.field and any(
        each.attribute != "picklist" or suspect.value in gained_values(each) for each in changes
    )


def judge_today(suspect: Suspect, schema: ObjectSchema | None) -> Today:
    """Return the state of an error's cause in today's schema."""
    if schema is None:
        return Today(None, "")
    if suspect.kind in (CauseKind.RULE, CauseKind.DUPLICATE_RULE):
        rule = next((each for each in schema.rules or () if each.name == suspect.rule), None)
        if rule is None:
            return Today(None, "No rule that crmdeck has read fits this message.")
        return Today(rule.active, f"{rule.title[:1].upper()}{rule.title[1:]} is "
                     f"{'active' if rule.active else 'inactive'}.")  # fmt: skip
    if suspect.kind is CauseKind.AUTOMATION:
        # A message has the label of a flow, and crmdeck may only know its API name.
        through = _bare(suspect.value.replace("_", " "))
        runs = [each for each in schema.rules or () if each.kind is RuleKind.AUTOMATION]
        named = [
            each
            for each in runs
            if _bare(each.name.rpartition(".")[2].replace("_", " ")) == through and through
        ]
        return Today(None, f"{schema.object_type} runs {named[0].title}." if named else "")
    field = next((each for each in schema.fields if each.name == suspect.field), None)
    if field is None:
        is_gone = suspect.kind is CauseKind.FIELD_MISSING and bool(suspect.field)
        text = f"{schema.object_type} has no field {suspect.field}."
        return Today(True, text) if is_gone else Today(None, "")
    return _judge_field(suspect, field)


def _judge_field(suspect: Suspect, field: Field) -> Today:
    name, value, seen = field.name, suspect.value, field.sync_user
    match suspect.kind:
        case CauseKind.FIELD_MISSING if seen is not None and seen.readable is not None:
            can = "can" if seen.readable else "can't"
            return Today(not seen.readable, f"The sync user {can} read {name}. {seen.why}".strip())
        case CauseKind.READ_ONLY if seen is not None and "E" in seen.lacks:
            return Today(True, f"{name} is read-only for the sync user. {seen.why}".strip())
        case CauseKind.READ_ONLY if seen is not None and seen.updateable and seen.createable:
            return Today(False, f"The sync user can edit {name}.")
        case CauseKind.FIELD_MISSING:
            return Today(None, f"{name} exists for crmdeck's own user. Check the sync user.")
        case CauseKind.REQUIRED:
            needs = "is" if field.required else "isn't"
            return Today(field.required, f"{name} {needs} required.")
        case CauseKind.TOO_LONG if field.length:
            rejects = len(value) > field.length if value else None
            return Today(rejects, f"{name} holds {field.length:,} characters.")
        case CauseKind.CHOICE if field.picklist and value:
            values = {
                text for each in field.picklist if each.active for text in (each.value, each.label)
            }
            has = "has the" if value in values else "has no"
            return Today(value not in values, f"{name} {has} choice “{value}”.")
        case CauseKind.READ_ONLY:
            locked = field.calculated or field.auto_number
            if locked or field.updateable is False or field.createable is False:
                return Today(True, f"{name} is read-only.")
            return Today(None, f"crmdeck's own user can write {name}. Check the sync user.")
        case CauseKind.FORMAT:
            return Today(None, f"{name} is a {field.type.value} field.")
    return Today(None, "")


def change_text(event: DriftEvent, new_name: str = "") -> str:
    """Return a causing change in a sentence: who, when and what."""
    at, who = event.changed_at or event.detected_at, event.changed_by or "Someone"
    place = event.rule or event.field_name or event.object_type
    return f"{who} changed {place} on {at:%Y-%m-%d}: {what_happened(event, new_name=new_name)}."
