"""Compare two states of an object type, attribute by attribute.

Only the attributes on the list of `crmdeck.model.hashing` are compared. What a source did not
say on either side (None, or an empty label or type name) is not compared: a source that starts
to say more changes the schema hash, but nothing in the CRM has changed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pydantic.alias_generators import to_camel

from crmdeck.drift.states import ObjectState
from crmdeck.model import Change, Field, FieldType, PicklistValue, Side
from crmdeck.model.hashing import COMPARED_ATTRIBUTES

_SCALARS = tuple(n for n in COMPARED_ATTRIBUTES if n not in {"type", "picklist", "references"})
_UNSAID_WHEN_EMPTY = frozenset({"label", "native_type"})
_scalars_of = attrgetter(*_SCALARS)
_parts_of_value = attrgetter("value", "label", "active", "default")


@dataclass(frozen=True)
class FieldChange:
    """One field that differs between two states of an object type.

    `before` or `after` is None where the field is on one side only; then `changes` is empty.
    """

    field_name: str
    before: Field | None
    after: Field | None
    changes: tuple[Change, ...] = ()

    @property
    def side(self) -> Side:
        """Return on which side the field is; before is left."""
        if self.before is None:
            return Side.RIGHT
        return Side.LEFT if self.after is None else Side.BOTH


def compare(before: ObjectState, after: ObjectState) -> tuple[FieldChange, ...]:
    """Return the fields that differ between two states of one object type, by field name."""
    old = {field.name: field for field in before.fields}
    new = {field.name: field for field in after.fields}
    found = []
    for name in sorted(old.keys() | new.keys()):
        left, right = old.get(name), new.get(name)
        if left is None or right is None:
            found.append(FieldChange(name, left, right))
        elif changes := compare_fields(left, right):
            found.append(FieldChange(name, left, right, changes))
    return tuple(found)


def compare_objects(before: ObjectState, after: ObjectState) -> tuple[Change, ...]:
    """Return what differs between two states of an object type itself, fields aside."""
    pairs = (("label", before.label, after.label), ("custom", before.custom, after.custom))
    return tuple(
        Change(attribute=name, before=left, after=right)
        for name, left, right in pairs
        if left != right and _is_said(name, left) and _is_said(name, right)
    )


def compare_fields(before: Field, after: Field) -> tuple[Change, ...]:
    """Return the compared attributes in which two definitions of a field differ."""
    if before is after:
        return ()
    changes: dict[str, Change] = {}
    if before.type is not after.type and _type_is_said(before) and _type_is_said(after):
        changes["type"] = Change(attribute="type", before=before.type.value, after=after.type.value)
    old, new = _scalars_of(before), _scalars_of(after)
    if old != new:
        for name, left, right in zip(_SCALARS, old, new, strict=True):
            if left != right and _is_said(name, left) and _is_said(name, right):
                changes[name] = Change(attribute=to_camel(name), before=left, after=right)
    if before.references != after.references:
        targets = sorted(set(before.references)), sorted(set(after.references))
        if targets[0] != targets[1]:
            changes["references"] = Change(
                attribute="references", before=targets[0], after=targets[1]
            )
    if picklist := compare_picklists(before.picklist, after.picklist):
        changes["picklist"] = picklist
    return tuple(changes[name] for name in COMPARED_ATTRIBUTES if name in changes)


def compare_picklists(
    before: tuple[PicklistValue, ...], after: tuple[PicklistValue, ...]
) -> Change | None:
    """Return what differs between two picklists as sets of values; None where nothing does.

    A value on one side only was added or removed, one on both sides has another label, another
    state or another default. A CRM may list a value twice under two labels, and says so in any
    order and number: the labels of a value are one set.
    """
    if before is after:
        return None
    old, new = set(map(_parts_of_value, before)), set(map(_parts_of_value, after))
    differing = {parts[0] for parts in old ^ new}
    if not differing:
        return None
    return Change(attribute="picklist", before=_wire(old, differing), after=_wire(new, differing))


def _wire(parts: set[tuple[Any, ...]], names: set[str]) -> list[dict[str, Any]]:
    keys = ("value", "label", "active", "default")
    return [dict(zip(keys, p, strict=True)) for p in sorted(p for p in parts if p[0] in names)]


def _is_said(name: str, value: object) -> bool:
    return value is not None and not (value == "" and name in _UNSAID_WHEN_EMPTY)


def _type_is_said(field: Field) -> bool:
    return field.type is not FieldType.OTHER or field.native_type != ""


def lost_values(change: Change) -> list[str]:
    """Return the values of a picklist change that could be chosen before, and can't now."""
    after = _choosable(change.after)
    return [v for v, on in _choosable(change.before).items() if on and not after.get(v)]


def gained_values(change: Change) -> list[str]:
    """Return the values of a picklist change that can be chosen now, and could not before."""
    before = _choosable(change.before)
    return [v for v, on in _choosable(change.after).items() if on and not before.get(v)]


def _choosable(values: list[dict[str, Any]]) -> dict[str, bool]:
    # A CRM may list a value twice, in two states: it can be chosen where one of them is active.
    states: dict[str, bool] = defaultdict(bool)
    for value in values:
        states[value["value"]] |= value["active"]
    return dict(states)
