"""Compare two states of an object, attribute by attribute.

Only the attributes listed in `crmdeck.model.hashes` are compared, and only if both sides specify
them. None, an empty label, and an empty type name mean that the source didn't. A source that
starts to specify more changes the schema hash, but nothing changed in the CRM.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TypedDict

from pydantic.alias_generators import to_camel

from crmdeck.model import (
    AttributeChange,
    DriftKind,
    Field,
    FieldType,
    ObjectSchema,
    PicklistValue,
    RecordType,
    Rule,
    Side,
)
from crmdeck.model.hashes import (
    COMPARED_ATTRIBUTES,
    OBJECT_ATTRIBUTES,
    RULE_ATTRIBUTES,
    RULE_EFFECTS,
    canonical_allowed_values,
)

_BY_VALUE = frozenset({"type", "nillable", "picklist", "references", "allowed_values"})
_SCALARS = tuple(name for name in COMPARED_ATTRIBUTES if name not in _BY_VALUE)
_UNSPECIFIED_IF_EMPTY = frozenset({"label", "native_type"})
_scalars_of = attrgetter(*_SCALARS)
_parts_of_value: Callable[[PicklistValue], tuple[str, str, bool, bool]] = attrgetter(
    "value", "label", "active", "default"
)


class ValueEntry(TypedDict):
    """A picklist value in a change."""

    value: str
    label: str
    active: bool
    default: bool


class RecordTypeEntry(TypedDict):
    """The compared attributes of a record type in a change."""

    name: str
    active: bool
    available: bool | None
    values: dict[str, list[str]] | None


@dataclass(frozen=True)
class FieldChange:
    """A field that differs between two states of an object.

    `before` or `after` is None if the field is on one side only; `changes` is then empty.
    """

    field_name: str
    before: Field | None
    after: Field | None
    changes: tuple[AttributeChange, ...] = ()

    @property
    def side(self) -> Side:
        """The side that has the field; left is before."""
        if self.before is None:
            return Side.RIGHT
        return Side.LEFT if self.after is None else Side.BOTH


def compare(before: ObjectSchema, after: ObjectSchema) -> tuple[FieldChange, ...]:
    """Return the fields that differ between two states of an object, sorted by name."""
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


def compare_objects(before: ObjectSchema, after: ObjectSchema) -> tuple[AttributeChange, ...]:
    """Return the differences of an object itself, apart from its fields and rules."""
    changes = []
    for name in OBJECT_ATTRIBUTES:
        left, right = getattr(before, name), getattr(after, name)
        if left == right or not (_is_specified(name, left) and _is_specified(name, right)):
            continue
        if name == "record_types":
            left, right = _differing_records(before, after)
            if not left and not right:
                continue
        if name == "field_sets":
            left, right = (dict(one.items() - other.items()) for one, other in
                           ((left, right), (right, left)))  # fmt: skip
        changes.append(AttributeChange(attribute=to_camel(name), before=left, after=right))
    return tuple(changes)


def compare_rules(
    before: ObjectSchema, after: ObjectSchema
) -> Iterator[tuple[DriftKind, Rule, tuple[AttributeChange, ...]]]:
    """Yield each added, removed, or changed rule with its changes.

    Compares only the kinds of rules that both sides know.
    """
    kinds = before.known_kinds & after.known_kinds
    old, new = (
        {rule.name: rule for rule in side.rules or () if rule.kind in kinds}
        for side in (before, after)
    )
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield DriftKind.RULE_REMOVED, old[name], ()
        elif name not in old:
            yield DriftKind.RULE_ADDED, new[name], ()
        elif changes := _compare_rule(old[name], new[name]):
            yield DriftKind.RULE_CHANGED, new[name], changes


def _compare_rule(before: Rule, after: Rule) -> tuple[AttributeChange, ...]:
    changes = []
    for name in RULE_ATTRIBUTES:
        left, right = getattr(before, name), getattr(after, name)
        # An empty expression is a formula that could not be read, not a change.
        if left != right and (name != "expression" or (left and right)):
            changes.append(AttributeChange(attribute=name, before=left, after=right))
    for name in RULE_EFFECTS:
        left, right = getattr(before, name), getattr(after, name)
        if left != right:
            changes.append(AttributeChange(attribute=to_camel(name), before=left, after=right))
    return tuple(changes)


def _differing_records(
    before: ObjectSchema, after: ObjectSchema
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    old, new = ({each.name: each for each in side.record_types or ()} for side in (before, after))
    moved = _moved_values(before, after)
    differing = sorted(
        name
        for name in old.keys() | new.keys()
        if name not in old or name not in new or _record_types_differ(old[name], new[name], moved)
    )
    return (
        [old[name].to_wire() for name in differing if name in old],
        [new[name].to_wire() for name in differing if name in new],
    )


def _moved_values(before: ObjectSchema, after: ObjectSchema) -> dict[str, frozenset[str]]:
    """Return the picklist values that only one state has, by field: changes of the field itself."""
    old, new = (
        {field.name: {each.value for each in field.picklist} for field in side.fields}
        for side in (before, after)
    )
    return {
        name: frozenset(old.get(name, set()) ^ new.get(name, set())) for name in old.keys() | new
    }


def _record_types_differ(
    before: RecordType, after: RecordType, moved: Mapping[str, frozenset[str]]
) -> bool:
    # The same record type has another ID in a sandbox than in production.
    old, new = (each.model_dump(exclude_none=True, exclude={"id"}) for each in (before, after))
    for side in (old, new):
        if "values" in side:
            side["values"] = canonical_allowed_values(
                {
                    name: [value for value in values if value not in moved.get(name, ())]
                    for name, values in side["values"].items()
                }
            )
    # None is left out above: an attribute that only one side specifies is not compared.
    return any(old[name] != new[name] for name in old.keys() & new.keys())


def compare_fields(before: Field, after: Field) -> tuple[AttributeChange, ...]:
    """Return the attributes in which two definitions of a field differ."""
    if before is after:
        return ()
    changes: dict[str, AttributeChange] = {}
    comparable = _types_are_comparable(before, after)
    if before.type is not after.type and comparable:
        changes["type"] = AttributeChange(
            attribute="type", before=before.type.value, after=after.type.value
        )
    # Most fields are equal, and comparing all attributes at once is faster than one by one.
    old, new = _scalars_of(before), _scalars_of(after)
    if old != new:
        for name, left, right in zip(_SCALARS, old, new, strict=True):
            if left != right and _is_specified(name, left) and _is_specified(name, right):
                changes[name] = AttributeChange(attribute=to_camel(name), before=left, after=right)
    if before.references != after.references and comparable:
        targets = sorted(set(before.references)), sorted(set(after.references))
        if targets[0] != targets[1]:
            changes["references"] = AttributeChange(
                attribute="references", before=targets[0], after=targets[1]
            )
    # A field that becomes required can no longer be empty either: that is one change.
    if "required" not in changes:
        nillable = before.nillable, after.nillable
        if None not in nillable and nillable[0] != nillable[1]:
            changes["nillable"] = AttributeChange(
                attribute="nillable", before=nillable[0], after=nillable[1]
            )
    if allowed := _compare_allowed_values(before, after):
        changes["allowed_values"] = allowed
    values_are_known = _values_are_known(before) and _values_are_known(after)
    if values_are_known and (picklist := compare_picklists(before.picklist, after.picklist)):
        changes["picklist"] = picklist
    return tuple(changes[name] for name in COMPARED_ATTRIBUTES if name in changes)


def compare_picklists(
    before: tuple[PicklistValue, ...], after: tuple[PicklistValue, ...]
) -> AttributeChange | None:
    """Return the difference of two picklists as sets of values; None if they are equal.

    A value on one side only was added or removed. A value on both sides has another label, state,
    or default. A CRM may list a value several times with different labels, in any order: they are
    compared as a set.
    """
    if before is after:
        return None
    old, new = set(map(_parts_of_value, before)), set(map(_parts_of_value, after))
    differing = {parts[0] for parts in old ^ new}
    if not differing:
        return None
    return AttributeChange(
        attribute="picklist",
        before=_entries(parts for parts in old if parts[0] in differing),
        after=_entries(parts for parts in new if parts[0] in differing),
    )


def picklist_entries(picklist: Iterable[PicklistValue]) -> list[ValueEntry]:
    """Return a picklist in the form that changes have: sorted, each entry once."""
    return _entries(set(map(_parts_of_value, picklist)))


def _compare_allowed_values(before: Field, after: Field) -> AttributeChange | None:
    if before.allowed_values is None or after.allowed_values is None:
        return None
    old = canonical_allowed_values(before.allowed_values)
    new = canonical_allowed_values(after.allowed_values)
    if old == new:
        return None
    return AttributeChange(
        attribute="allowedValues", before=_only_in(old, new), after=_only_in(new, old)
    )


def _only_in(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, list[str]]:
    return {
        controlling: rest
        for controlling, allowed in one.items()
        if (rest := [value for value in allowed if value not in other.get(controlling, ())])
    }


def _entries(parts: Iterable[tuple[str, str, bool, bool]]) -> list[ValueEntry]:
    return [
        {"value": value, "label": label, "active": active, "default": default}
        for value, label, active, default in sorted(parts)
    ]


def _is_specified(name: str, value: object) -> bool:
    return value is not None and not (value == "" and name in _UNSPECIFIED_IF_EMPTY)


def _values_are_known(field: Field) -> bool:
    # An export can name a global value set without containing it.
    return bool(field.picklist) or not field.value_set


def _types_are_comparable(before: Field, after: Field) -> bool:
    # A source that doesn't distinguish a currency from a number gives an inexact type. It differs
    # from an exact one although nothing changed, unless the CRM's own name of the type differs.
    if not all(field.type is not FieldType.OTHER or field.native_type for field in (before, after)):
        return False
    exact = before.type_exact is not False and after.type_exact is not False
    return exact or before.native_type != after.native_type


def lost_values(change: AttributeChange) -> list[str]:
    """Return the values of a picklist change that can no longer be chosen."""
    after = _choosable(change.after)
    return [v for v, on in _choosable(change.before).items() if on and not after.get(v)]


def gained_values(change: AttributeChange) -> list[str]:
    """Return the values of a picklist change that can now be chosen."""
    before = _choosable(change.before)
    return [v for v, on in _choosable(change.after).items() if on and not before.get(v)]


def lost_record_types(change: AttributeChange) -> list[str]:
    """Return the record types of a change that can no longer be used."""
    before, after = _usable(change.before), _usable(change.after)
    return [name for name in before if name not in after]


def gained_record_types(change: AttributeChange) -> list[str]:
    """Return the record types of a change that can now be used."""
    before, after = _usable(change.before), _usable(change.after)
    return [name for name in after if name not in before]


def lost_record_values(change: AttributeChange) -> list[str]:
    """Return the picklist values, as `field: value`, that a record type no longer allows."""
    return sorted(_record_values(change.before, change.after))


def gained_record_values(change: AttributeChange) -> list[str]:
    """Return the picklist values, as `field: value`, that a record type allows in addition."""
    return sorted(_record_values(change.after, change.before))


def _record_values(old: list[RecordTypeEntry], new: list[RecordTypeEntry]) -> set[str]:
    others = {each["name"]: each.get("values") for each in new}
    found = set()
    for each in old:
        there = others.get(each["name"])
        # A record type that is new or gone, or whose values are unknown, lost no values.
        if there is None:
            continue
        for field, values in (each.get("values") or {}).items():
            found |= {f"{field}: {value}" for value in values if value not in there.get(field, ())}
    return found


def _usable(record_types: list[RecordTypeEntry]) -> list[str]:
    return [
        each["name"] for each in record_types if each["active"] and each["available"] is not False
    ]


def _choosable(values: list[ValueEntry]) -> dict[str, bool]:
    # A CRM may list a value twice, in two states: it can be chosen if one of them is active.
    states: dict[str, bool] = defaultdict(bool)
    for value in values:
        states[value["value"]] |= value["active"]
    return dict(states)
