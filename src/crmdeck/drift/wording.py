"""What a change is called: the only place that says one in words, for every face.

Texts from a CRM come through as they are, but for `short` and `few`, which reasons and titles
are made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from crmdeck.drift.field_diff import gained_values, lost_values
from crmdeck.errors import one_line
from crmdeck.model import Change, Decision, DriftEvent, DriftKind, ObjectPair
from crmdeck.text import count

LONGEST = 80
"""Characters of one value in a phrase."""

LISTED = 20
"""Entries of a list that are named; the others are counted."""

_SHOWN = 3
_WIDTH = 60

KIND_WORDS = {
    DriftKind.OBJECT_ADDED: "new object",
    DriftKind.OBJECT_REMOVED: "object removed",
    DriftKind.OBJECT_HIDDEN: "object hidden from this user",
    DriftKind.OBJECT_ABSENT: "object absent",
    DriftKind.OBJECT_OUT_OF_SCOPE: "object out of scope",
    DriftKind.OBJECT_CHANGED: "object described otherwise",
    DriftKind.FIELD_ADDED: "new field",
    DriftKind.FIELD_REMOVED: "removed",
    DriftKind.FIELD_HIDDEN: "hidden from this user",
    DriftKind.FIELD_ABSENT: "absent",
    DriftKind.FIELD_CHANGED: "changed",
    DriftKind.RULE_ADDED: "new rule",
    DriftKind.RULE_REMOVED: "rule removed",
    DriftKind.RULE_CHANGED: "rule changed",
}

_FLAGS = {
    "required": ("required now", "no longer required"),
    "unique": ("unique now", "no longer unique"),
    "externalId": ("external id now", "no longer an external id"),
    "calculated": ("computed now", "no longer computed"),
    "restricted": ("restricted now", "no longer restricted"),
    "readable": ("readable now", "no longer readable"),
    "createable": ("can be set on new records", "can't be set on new records"),
    "updateable": ("can be updated", "can't be updated any more"),
    "archived": ("archived", "back from the archive"),
    "custom": ("custom now", "standard now"),
    "nillable": ("may be empty now", "may not be empty any more"),
    "filterable": ("can be filtered by", "can't be filtered by any more"),
    "idLookup": ("records are found by it now", "records aren't found by it any more"),
    "encrypted": ("encrypted now", "no longer encrypted"),
    "caseSensitive": ("capitals count now", "capitals no longer count"),
    "autoNumber": ("numbered by the CRM now", "no longer numbered by the CRM"),
    "active": ("active now", "inactive now"),
}

_OBJECT_FLAGS = {
    "createable": ("records can be created", "records can't be created any more"),
    "updateable": ("records can be updated", "records can't be updated any more"),
    "deletable": ("records can be deleted", "records can't be deleted any more"),
    "queryable": ("records can be read", "records can't be read any more"),
    "customSetting": ("a custom setting now", "no longer a custom setting"),
}

_TOO_LONG = frozenset({"formula", "description", "expression", "message", "allowedValues"})
"""Attributes whose values no phrase has room for."""

ATTRIBUTE_WORDS = {
    "nativeType": "native type",
    "externalId": "external id",
    "precision": "digits",
    "scale": "decimals",
    "description": "help",
    "references": "lookup to",
    "calculated": "computed",
    "controller": "controlling field",
    "allowedValues": "allowed values",
    "relationshipName": "relationship",
    "recordTypes": "record types",
}

STORY_WORDS = {
    "field_everywhere": "the same field on many objects",
    "same_change": "the same change in many places",
    "mirror": "companion objects repeat their base objects",
    "setup_picklists": "setup picklists that list every field",
    "reference_lists": "lookups that follow the objects",
    "object_kinds": "whole kinds of objects",
    "scope": "the scope asks for less",
    "vendor_release": "a release of the vendor",
    "package": "a package came or went",
    "zones_and_locales": "time zones and locales of the vendor",
}

VALUE_SIGNS = {"removed": "−", "added": "+", "changed": "~"}
"""How a picklist value differs, as a sign."""


class ValueChange(NamedTuple):
    """One picklist value that differs: `how` is `removed`, `added` or `changed`."""

    how: str
    value: str
    detail: str


def what_happened(
    event: DriftEvent, values: Sequence[ValueChange] | None = None, new_name: str = ""
) -> str:
    """Return what happened to an object or a field.

    `values` are its picklist changes where they are known already, `new_name` what the field
    may be called now.
    """
    if event.rename_of:
        return f"new field, was {event.rename_of}?"
    if new_name:
        return f"{KIND_WORDS[event.kind]}, now {new_name}?"
    if not event.changes:
        return KIND_WORDS[event.kind]
    flags = _OBJECT_FLAGS if event.kind is DriftKind.OBJECT_CHANGED else _FLAGS
    phrases = [_phrase(change, values, flags) for change in shown_changes(event.changes)]
    return ", ".join(phrases[:2]) + (f" and {len(phrases) - 2} more" if len(phrases) > 2 else "")


def event_text(event: DriftEvent) -> str:
    """Return an event in one line: the day (UTC), how bad it is, where, and what happened."""
    return (
        f"{event.detected_at:%Y-%m-%d}, {event.severity.value}, "
        f"{place_of(event)}: {what_happened(event)}"
    )


def place_of(event: DriftEvent) -> str:
    """Return `Object.field`, `Object.rule`, or the object alone."""
    part = event.rule or event.field_name
    return f"{event.object_type}.{part}" if part else event.object_type


def shown_changes(changes: Sequence[Change]) -> list[Change]:
    """Return the changes without those that another one says already."""
    names = {change.attribute for change in changes}
    return [c for c in changes if not (c.attribute == "nativeType" and "type" in names)]


def phrase(change: Change, values: Sequence[ValueChange] | None = None) -> str:
    """Return one change of a field in a few words; `values` as in `what_happened`."""
    return _phrase(change, values, _FLAGS)


def _phrase(
    change: Change, values: Sequence[ValueChange] | None, flags: Mapping[str, tuple[str, str]]
) -> str:
    name, before, after = change.attribute, change.before, change.after
    if name == "picklist":
        return _picklist_phrase(value_changes([change]) if values is None else values)
    if name in flags and isinstance(after, bool):
        return flags[name][0 if after else 1]
    if name in _TOO_LONG:
        return f"{attribute_word(name)} changed"
    if name == "references":
        gained = [f"+{target}" for target in after if target not in before]
        lost = [f"−{target}" for target in before if target not in after]
        return f"lookup {' '.join([*lost, *gained][:3])}"
    return f"{attribute_word(name)} {value_text(before, LONGEST)} → {value_text(after, LONGEST)}"


def attribute_word(name: str) -> str:
    """Return how people call an attribute."""
    return ATTRIBUTE_WORDS.get(name, name)


def value_text(value: Any, limit: int | None = None, *, listed: int = LISTED) -> str:
    """Return one side of a change as text, cut after `limit` characters.

    Of a list `listed` entries are named. None is what is not set, the empty string is empty.
    """
    match value:
        case None:
            return "not set"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            rest = len(value) - listed
            text = ", ".join(map(_entry_text, value[:listed]))[:limit] or "none"
            return text + (f" and {rest:,} more" if rest > 0 else "")
        case dict():
            entries = (f"{key}: {value_text(one, listed=listed)}" for key, one in value.items())
            return "; ".join(entries)[:limit] or "none"
        case _:
            return str(value)[:limit] or "empty"


def _entry_text(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    value = str(entry.get("value", entry.get("name", "")))
    label = str(entry.get("label", ""))
    text = f"{value} ({label})" if label and label != value else value
    return text if entry.get("active", True) else f"{text}, inactive"


def value_changes(changes: Sequence[Change]) -> tuple[ValueChange, ...]:
    """Return the values of the picklist change among `changes`: what left, came, and the rest.

    A value that can't be chosen any more has left, whether or not the CRM still lists it.
    """
    change = next((change for change in changes if change.attribute == "picklist"), None)
    if change is None:
        return ()
    before, after = _by_value(change.before), _by_value(change.after)
    lost, gained = set(lost_values(change)), set(gained_values(change))
    found: dict[str, list[ValueChange]] = {"removed": [], "added": [], "changed": []}
    for value in dict.fromkeys([*before, *after]):
        old, new = before.get(value, []), after.get(value, [])
        if value in lost:
            how, detail = "removed", "inactive now" if new else _label(value, old)
        elif value in gained:
            how, detail = "added", "active again" if old else _label(value, new)
        elif not new or not old:
            how, detail = ("added" if new else "removed"), "inactive"
        else:
            how, detail = "changed", _difference(old, new)
        found[how].append(ValueChange(how, value, detail))
    return tuple(one for group in found.values() for one in group)


def mapping_text(event: DriftEvent, key: str, stands: Decision | None) -> str:
    """Return what has become of a mapping that an event touches.

    `key` is one of its `affected_mappings`, `stands` the acceptance that stands on it now.
    """
    pair, _, partner_field = key.rpartition(":")
    partner = f"{ObjectPair.parse(pair).partner_object}.{partner_field}"
    if stands is None:
        return f"○ {partner} was mapped to it; it is not mapped any more"
    if event.field_name not in (None, stands.crm_field):
        return f"✓ {partner} is mapped to {stands.crm_field} now"
    return f"⇄ {partner} {stands.direction.arrow} {stands.crm_field}"


def short(text: str) -> str:
    """Return text from a CRM as part of one line: no control characters, 60 at most."""
    line = text if text.isprintable() else one_line(text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def few(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    shown = ", ".join(f"“{short(name)}”" for name in names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _picklist_phrase(values: Sequence[ValueChange]) -> str:
    counts = Counter(value.how for value in values)
    if not values:
        return "picklist changed"
    ways = [how for how in ("removed", "added", "changed") if counts[how]]
    first = f"{count(counts[ways[0]], 'value')} {ways[0]}"
    return ", ".join([first, *(f"{counts[how]:,} {how}" for how in ways[1:])])


def _by_value(values: Any) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for value in values or ():
        grouped.setdefault(str(value.get("value", "")), []).append(value)
    return grouped


def _label(value: str, entries: Sequence[dict[str, Any]]) -> str:
    labels = _labels(entries)
    return "" if labels == value else labels


def _labels(entries: Sequence[dict[str, Any]]) -> str:
    return ", ".join(str(entry.get("label") or "") for entry in entries)


def _difference(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> str:
    if _labels(old) != _labels(new):
        return f"{_labels(old)} → {_labels(new)}"
    if any(entry.get("default") for entry in new) != any(entry.get("default") for entry in old):
        return "the default now" if any(e.get("default") for e in new) else "no longer the default"
    return "listed otherwise"
