"""The words for a change, in every interface.

Texts from a CRM stay as they are, except in `short` and `few`, which reasons and titles use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crmdeck.drift.field_diff import gained_values, lost_values
from crmdeck.errors import one_line
from crmdeck.model import AttributeChange, Decision, DriftEvent, DriftKind, ObjectPair
from crmdeck.text import count, first_few

LONGEST = 80
"""Maximum characters of one value in a phrase."""

LISTED = 20
"""Maximum entries of a list that are named; the others are counted."""

_SHOWN = 3
_WIDTH = 60

KIND_WORDS = {
    DriftKind.OBJECT_ADDED: "new object",
    DriftKind.OBJECT_REMOVED: "object removed",
    DriftKind.OBJECT_HIDDEN: "object hidden from this user",
    DriftKind.OBJECT_ABSENT: "object absent",
    DriftKind.OBJECT_OUT_OF_SCOPE: "object out of scope",
    DriftKind.OBJECT_CHANGED: "object changed",
    DriftKind.FIELD_ADDED: "new field",
    DriftKind.FIELD_REMOVED: "removed",
    DriftKind.FIELD_HIDDEN: "hidden from this user",
    DriftKind.FIELD_ABSENT: "absent",
    DriftKind.FIELD_CHANGED: "changed",
    DriftKind.RULE_ADDED: "new rule",
    DriftKind.RULE_REMOVED: "rule removed",
    DriftKind.RULE_CHANGED: "rule changed",
    DriftKind.ACCESS_LOST: "sync user lost access",
    DriftKind.ACCESS_GAINED: "sync user gained access",
}

_FLAGS = {
    "required": ("now required", "no longer required"),
    "unique": ("now unique", "no longer unique"),
    "externalId": ("now an external ID", "no longer an external ID"),
    "calculated": ("now computed", "no longer computed"),
    "restricted": ("now restricted", "no longer restricted"),
    "readable": ("now readable", "no longer readable"),
    "createable": ("new records can set it", "new records can't set it"),
    "updateable": ("updates can set it", "updates can't set it"),
    "archived": ("archived", "restored from the archive"),
    "custom": ("now custom", "now standard"),
    "nillable": ("can now be empty", "can no longer be empty"),
    "filterable": ("can be used as a filter", "can't be used as a filter"),
    "idLookup": ("can look up records", "can't look up records"),
    "encrypted": ("now encrypted", "no longer encrypted"),
    "caseSensitive": ("now case-sensitive", "no longer case-sensitive"),
    "autoNumber": ("now numbered by the CRM", "no longer numbered by the CRM"),
    "active": ("now active", "now inactive"),
    "reparentable": ("can move to another parent", "can't move to another parent"),
    "writeRequiresMasterRead": (
        "read access to the parent is enough to write",
        "write access to the parent is needed to write",
    ),
    "blanksAsZero": ("now treats blanks as zero", "now treats blanks as blank"),
}

_OBJECT_FLAGS = {
    "createable": ("records can be created", "records can't be created"),
    "updateable": ("records can be updated", "records can't be updated"),
    "deletable": ("records can be deleted", "records can't be deleted"),
    "queryable": ("records can be read", "records can't be read"),
    "customSetting": ("now a custom setting", "no longer a custom setting"),
}

_TOO_LONG = frozenset(
    {
        *("formula", "description", "expression", "message", "allowedValues"),
        *("lookupFilter", "rollup", "recordTypes", "user", "fieldSets", "internalNote"),
    }
)
"""Attributes whose values are too long for a phrase."""

ATTRIBUTE_WORDS = {
    "nativeType": "native type",
    "externalId": "external ID",
    "precision": "digits",
    "scale": "decimals",
    "description": "help text",
    "internalNote": "description",
    "fieldSets": "field sets",
    "references": "lookup to",
    "calculated": "computed",
    "controller": "controlling field",
    "allowedValues": "allowed values",
    "relationshipName": "relationship",
    "childRelationship": "child relationship",
    "deleteConstraint": "on deletion of the related record",
    "lookupFilter": "lookup filter",
    "rollup": "roll-up",
    "valueSet": "global value set",
    "displayFormat": "number format",
    "recordTypes": "record types",
    "onCreate": "on create",
    "onUpdate": "on update",
    "user": "this connection's user",
    "syncUser": "sync user's access",
}

STORY_WORDS = {
    "relabeled": "an object with a new label",
    "field_everywhere": "the same field on many objects",
    "same_change": "the same change in many places",
    "mirror": "companion objects that repeat their base objects",
    "setup_picklists": "setup picklists that list fields and objects",
    "reference_lists": "lookups that follow added and removed objects",
    "object_kinds": "objects of the same kind",
    "scope": "objects that left the scope",
    "vendor_release": "a vendor release",
    "package": "an installed or uninstalled package",
    "zones_and_locales": "time zones and locales of the vendor",
}

VALUE_SIGNS = {"removed": "−", "added": "+", "changed": "~"}
"""The sign for each kind of picklist change."""


_Entry = Mapping[str, object]
"""A picklist value in a change; an old version may have stored it without some keys."""


class ValueChange(NamedTuple):
    """A changed picklist value; `how` is `removed`, `added` or `changed`."""

    how: str
    value: str
    detail: str


def what_happened(
    event: DriftEvent, values: Sequence[ValueChange] | None = None, new_name: str = ""
) -> str:
    """Return a change in a few words.

    `values` saves computing the picklist changes again; `new_name` is the probable new name of a
    removed field.
    """
    if event.rename_of:
        return f"probably renamed from {event.rename_of}"
    if new_name:
        return f"probably renamed to {new_name}"
    if not event.changes:
        return KIND_WORDS[event.kind]
    flags = _OBJECT_FLAGS if event.kind is DriftKind.OBJECT_CHANGED else _FLAGS
    phrases = [_phrase(change, values, flags) for change in shown_changes(event.changes)]
    return ", ".join(phrases[:2]) + (f" and {len(phrases) - 2} more" if len(phrases) > 2 else "")


def event_text(event: DriftEvent) -> str:
    """Return the day (UTC), severity, place, and words of a change in one line."""
    return (
        f"{event.detected_at:%Y-%m-%d}, {event.severity.value}, "
        f"{place_of(event)}: {what_happened(event)}"
    )


def place_of(event: DriftEvent) -> str:
    """Return `Object.field`, `Object.rule`, or the object."""
    part = event.rule or event.field_name
    return f"{event.object_type}.{part}" if part else event.object_type


def shown_changes(changes: Sequence[AttributeChange]) -> list[AttributeChange]:
    """Return the attribute changes without those that another one implies."""
    names = {change.attribute for change in changes}
    # Another type always has another native name too.
    return [c for c in changes if not (c.attribute == "nativeType" and "type" in names)]


def phrase(change: AttributeChange, values: Sequence[ValueChange] | None = None) -> str:
    """Return one attribute change of a field in a few words."""
    return _phrase(change, values, _FLAGS)


def _phrase(
    change: AttributeChange,
    values: Sequence[ValueChange] | None,
    flags: Mapping[str, tuple[str, str]],
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
    """Return the display name of an attribute."""
    return ATTRIBUTE_WORDS.get(name, name)


def value_text(value: object, limit: int | None = None, *, listed: int = LISTED) -> str:
    """Return one side of a change as text, cut after `limit` characters.

    Only the first `listed` entries of a list are named.
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


def _entry_text(entry: object) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    value = str(entry.get("value", entry.get("name", "")))
    label = str(entry.get("label", ""))
    text = f"{value} ({label})" if label and label != value else value
    return text if entry.get("active", True) else f"{text}, inactive"


def value_changes(changes: Sequence[AttributeChange]) -> tuple[ValueChange, ...]:
    """Return the changed picklist values: removed, then added, then otherwise changed.

    A value that became inactive counts as removed, even if the CRM still lists it.
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
            how, detail = "removed", "now inactive" if new else _label(value, old)
        elif value in gained:
            how, detail = "added", "active again" if old else _label(value, new)
        elif not new or not old:
            how, detail = ("added" if new else "removed"), "inactive"
        else:
            how, detail = "changed", _difference(old, new)
        found[how].append(ValueChange(how, value, detail))
    return tuple(one for group in found.values() for one in group)


def mapping_text(event: DriftEvent, key: str, stands: Decision | None) -> str:
    """Return the current state of a mapping that a change touched.

    `key` is one of its `affected_mappings`, `stands` the active acceptance, if any.
    """
    pair, _, partner_field = key.rpartition(":")
    partner = f"{ObjectPair.parse(pair).partner_object}.{partner_field}"
    if stands is None:
        return f"○ {partner} was mapped to it, but is now unmapped"
    # A change of the object, or of a rule without a field, touches the mapping wherever it leads.
    if event.field_name not in (None, stands.crm_field):
        return f"✓ {partner} is now mapped to {stands.crm_field}"
    return f"⇄ {partner} {stands.direction.arrow} {stands.crm_field}"


def short(text: str) -> str:
    """Return text from a CRM for use in a sentence: one line of 60 characters at most."""
    line = text if text.isprintable() else one_line(text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def few(names: Sequence[str]) -> str:
    """Return the first three names, and the number of the others."""
    return first_few([f"“{short(name)}”" for name in names], _SHOWN)


def _picklist_phrase(values: Sequence[ValueChange]) -> str:
    counts = Counter(value.how for value in values)
    if not values:
        return "picklist changed"
    ways = [how for how in ("removed", "added", "changed") if counts[how]]
    first = f"{count(counts[ways[0]], 'value')} {ways[0]}"
    return ", ".join([first, *(f"{counts[how]:,} {how}" for how in ways[1:])])


# A CRM may list a value several times, with different labels.
def _by_value(values: Iterable[_Entry] | None) -> dict[str, list[_Entry]]:
    grouped: dict[str, list[_Entry]] = {}
    for value in values or ():
        grouped.setdefault(str(value.get("value", "")), []).append(value)
    return grouped


def _label(value: str, entries: Sequence[_Entry]) -> str:
    labels = _labels(entries)
    return "" if labels == value else labels


def _labels(entries: Sequence[_Entry]) -> str:
    return ", ".join(str(entry.get("label") or "") for entry in entries)


def _difference(old: Sequence[_Entry], new: Sequence[_Entry]) -> str:
    if _labels(old) != _labels(new):
        return f"{_labels(old)} → {_labels(new)}"
    if any(entry.get("default") for entry in new) != any(entry.get("default") for entry in old):
        return "now the default" if any(e.get("default") for e in new) else "no longer the default"
    return "listed differently"
