"""Compare two whole schemas: a sandbox and production, or two dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crmdeck.drift.field_diff import FieldChange, compare, compare_objects
from crmdeck.model import Comparison, FieldDifference, ObjectDifference, ObjectSchema, Side


def compare_schemas(
    left: Mapping[str, ObjectSchema],
    right: Mapping[str, ObjectSchema],
    *,
    left_name: str,
    right_name: str,
    left_at: datetime | None = None,
    right_at: datetime | None = None,
) -> Comparison:
    """Return the objects and fields in which two schemas differ, sorted by name.

    An attribute that one side doesn't specify is not compared, as in drift. If an object exists on
    one side only, so do all its fields.
    """
    objects = []
    for object_type in sorted(left.keys() | right.keys()):
        difference = _compare_object(left.get(object_type), right.get(object_type))
        if difference:
            objects.append(difference)
    return Comparison(
        left=left_name,
        right=right_name,
        left_at=left_at,
        right_at=right_at,
        objects=tuple(objects),
        same=len(left.keys() | right.keys()) - len(objects),
    )


def _compare_object(
    left: ObjectSchema | None, right: ObjectSchema | None
) -> ObjectDifference | None:
    if left and right:
        changes, fields = compare_objects(left, right), compare(left, right)
        if not changes and not fields:
            return None
        return ObjectDifference(
            object_type=left.object_type,
            label=left.label,
            side=Side.BOTH,
            field_count=len(left.fields),
            changes=changes,
            fields=tuple(map(_field_difference, fields)),
        )
    only = left or right
    if only is None:
        return None
    side = Side.LEFT if left else Side.RIGHT
    return ObjectDifference(
        object_type=only.object_type,
        label=only.label,
        side=side,
        field_count=len(only.fields),
        fields=tuple(
            FieldDifference(field_name=field.name, label=field.label, side=side)
            for field in only.fields
        ),
    )


def _field_difference(change: FieldChange) -> FieldDifference:
    field = change.before or change.after
    return FieldDifference(
        field_name=change.field_name,
        label=field.label if field else "",
        side=change.side,
        changes=change.changes,
    )
