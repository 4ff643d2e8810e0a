"""Differences: the differences between two refreshes, before they get a severity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crmdeck.drift.field_diff import compare, compare_objects, compare_rules
from crmdeck.model import AttributeChange, DriftKind, Field, GoneReason, ObjectSchema, Rule

_OBJECT_GONE = {
    GoneReason.REMOVED: DriftKind.OBJECT_REMOVED,
    GoneReason.HIDDEN: DriftKind.OBJECT_HIDDEN,
    GoneReason.ABSENT: DriftKind.OBJECT_ABSENT,
    GoneReason.OUT_OF_SCOPE: DriftKind.OBJECT_OUT_OF_SCOPE,
}
_FIELD_GONE = {
    GoneReason.REMOVED: DriftKind.FIELD_REMOVED,
    GoneReason.HIDDEN: DriftKind.FIELD_HIDDEN,
    GoneReason.ABSENT: DriftKind.FIELD_ABSENT,
    # A scope contains objects, not fields, so the reason why the field is missing is unknown.
    GoneReason.OUT_OF_SCOPE: DriftKind.FIELD_ABSENT,
}
GONE_KINDS = frozenset(_OBJECT_GONE.values()) | frozenset(_FIELD_GONE.values())
# An object that is out of scope still exists under its name, so it can't be half of a rename.
RENAMED_KINDS = GONE_KINDS - {DriftKind.OBJECT_OUT_OF_SCOPE}


@dataclass(frozen=True, eq=False)
class Difference:
    """One difference of a field, a rule, or an object (without field and rule).

    Compared and hashed by identity, because picklists may be long. `custom` is that of the object
    or the field; `returned` is why an added object had been gone. `rule` is the current rule, or
    the removed one; `field_name` is then the field that it is about, if it is about one.
    """

    object_type: str
    field_name: str | None
    kind: DriftKind
    before: Field | None = None
    after: Field | None = None
    changes: tuple[AttributeChange, ...] = ()
    custom: bool | None = None
    returned: GoneReason | None = None
    rule: Rule | None = None

    @property
    def family(self) -> str:
        """`added`, `gone` or `changed`."""
        if self.kind in GONE_KINDS:
            return "gone"
        return "added" if self.kind.value.endswith("added") else "changed"


def find(
    before: Mapping[str, ObjectSchema],
    after: Mapping[str, ObjectSchema],
    gone_objects: Mapping[str, GoneReason],
    gone_fields: Mapping[tuple[str, str], GoneReason],
    returned: Mapping[str, GoneReason],
) -> list[Difference]:
    """Return every difference, sorted by object type, field name, and rule."""
    found: list[Difference] = []
    for object_type, schema in after.items():
        old = before.get(object_type)
        # The last schema of an object that exists again is compared as well: it may have changed
        # in the meantime.
        if old is None or object_type in returned:
            found.append(
                Difference(
                    object_type,
                    None,
                    DriftKind.OBJECT_ADDED,
                    custom=schema.custom,
                    returned=returned.get(object_type),
                )
            )
        if old is not None:
            found.extend(_inside(old, schema, gone_fields))
    unexplained = dict.fromkeys(before.keys() - after.keys(), GoneReason.ABSENT)
    for object_type, reason in (unexplained | dict(gone_objects)).items():
        last = before.get(object_type)
        custom = last.custom if last else None
        found.append(Difference(object_type, None, _OBJECT_GONE[reason], custom=custom))
    return sorted(found, key=_order)


def _order(difference: Difference) -> tuple[str, str, str, str]:
    rule = difference.rule.name if difference.rule else ""
    return difference.object_type, difference.field_name or "", difference.kind.value, rule


def _inside(
    old: ObjectSchema, new: ObjectSchema, gone_fields: Mapping[tuple[str, str], GoneReason]
) -> Iterator[Difference]:
    object_type = new.object_type
    if changes := compare_objects(old, new):
        yield Difference(
            object_type, None, DriftKind.OBJECT_CHANGED, changes=changes, custom=new.custom
        )
    for change in compare(old, new):
        name = change.field_name
        if change.after is None:
            kind = _FIELD_GONE[gone_fields.get((object_type, name), GoneReason.ABSENT)]
        elif change.before is None:
            kind = DriftKind.FIELD_ADDED
        else:
            kind = DriftKind.FIELD_CHANGED
        field = change.after or change.before
        yield Difference(
            object_type,
            name,
            kind,
            change.before,
            change.after,
            change.changes,
            custom=field.custom if field else None,
        )
    for kind, rule, changes in compare_rules(old, new):
        yield Difference(object_type, rule.place, kind, changes=changes, rule=rule)
