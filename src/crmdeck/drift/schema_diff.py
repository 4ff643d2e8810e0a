"""Compare two whole schemas: a sandbox and production, or two dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from crmdeck.drift.detect import AcceptedField
from crmdeck.drift.field_diff import FieldChange, compare, compare_objects
from crmdeck.drift.severity import Use, severity_of_added, severity_of_changes, severity_of_kind
from crmdeck.model import (
    Comparison,
    Direction,
    DriftKind,
    FieldDifference,
    ObjectDifference,
    ObjectSchema,
    Severity,
    Side,
)


def compare_schemas(
    left: Mapping[str, ObjectSchema],
    right: Mapping[str, ObjectSchema],
    *,
    left_name: str,
    right_name: str,
    left_at: datetime | None = None,
    right_at: datetime | None = None,
    accepted: Iterable[AcceptedField] = (),
) -> Comparison:
    """Return the objects and fields in which two schemas differ, sorted by name.

    The `accepted` mappings raise the severity of differences in their fields.
    An attribute that one side doesn't specify is not compared, as in drift. If an object exists on
    one side only, so do all its fields.
    """
    objects = []
    directions: dict[str, dict[str, set[Direction]]] = defaultdict(lambda: defaultdict(set))
    for one in accepted:
        for name in (one.crm_field, ""):
            directions[one.crm_object][name].add(one.direction)
    for object_type in sorted(left.keys() | right.keys()):
        uses = {name: Use.of(found) for name, found in directions[object_type].items()}
        difference = _compare_object(left.get(object_type), right.get(object_type), uses)
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
    left: ObjectSchema | None, right: ObjectSchema | None, uses: Mapping[str, Use]
) -> ObjectDifference | None:
    use = uses.get("", Use())
    if left and right:
        changes, fields = compare_objects(left, right), compare(left, right)
        if not changes and not fields:
            return None
        return ObjectDifference(
            object_type=left.object_type,
            label=left.label,
            side=Side.BOTH,
            severity=max(
                [_severity_of_field(field, uses.get(field.field_name, Use())) for field in fields]
                + ([severity_of_changes(changes, None, use).severity] if changes else []),
                key=lambda severity: severity.rank,
            ),
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
        severity=severity_of_kind(
            DriftKind.OBJECT_REMOVED if left else DriftKind.OBJECT_ADDED, use
        ).severity,
        field_count=len(only.fields),
        fields=tuple(
            FieldDifference(field_name=field.name, label=field.label, side=side)
            for field in only.fields
        ),
    )


def _severity_of_field(change: FieldChange, use: Use) -> Severity:
    if change.after is None:
        return severity_of_kind(DriftKind.FIELD_REMOVED, use).severity
    if change.before is None:
        return severity_of_added(change.after, use).severity
    return severity_of_changes(change.changes, change.after, use).severity


def _field_difference(change: FieldChange) -> FieldDifference:
    field = change.before or change.after
    return FieldDifference(
        field_name=change.field_name,
        label=field.label if field else "",
        side=change.side,
        changes=change.changes,
    )
