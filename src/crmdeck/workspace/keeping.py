"""Which records of an export are kept: those that a pane shows, or that somebody named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from crmdeck.model import (
    Comparison,
    DriftReport,
    FieldDifference,
    FieldMapping,
    ObjectDetail,
    ObjectDifference,
    SchemaSummary,
    WireModel,
)

Named = str | tuple[str, ...]
"""What names a record: an id or a name; a field within its object type by several names."""


def keep(
    data: WireModel | Sequence[WireModel], only: Collection[Named]
) -> WireModel | Sequence[WireModel]:
    """Return `data` with the records that `only` names; see `Exporting.export` for how.

    An object type whose fields are named, is kept with those alone.
    """
    match data:
        case DriftReport():
            events = tuple(event for event in data.events if event.id in only)
            told = {event.story for event in events}
            stories = tuple(story for story in data.stories if story.id in told)
            return DriftReport(events=events, stories=stories)
        case FieldMapping():
            lines = tuple(line for line in data.lines if line.partner_field in only)
            return data.model_copy(update={"lines": lines})
        case SchemaSummary():
            return SchemaSummary(objects=tuple(o for o in data.objects if o.object_type in only))
        case Comparison():
            objects = tuple(part for one in data.objects for part in _differing(one, only))
            return data.model_copy(update={"objects": objects})
        case WireModel():
            return data
    return [part for record in data for part in _record(record, only)]


def _record(record: WireModel, only: Collection[Named]) -> Iterator[WireModel]:
    if not isinstance(record, ObjectDetail):
        if getattr(record, "id", "") in only:
            yield record
    elif record.object_type in only:
        yield record
    else:
        fields = tuple(f for f in record.fields if (record.object_type, f.name) in only)
        if fields:
            yield record.model_copy(update={"fields": fields})


def _differing(one: ObjectDifference, only: Collection[Named]) -> Iterator[ObjectDifference]:
    if one.object_type in only:
        yield one
        return
    changes = tuple(c for c in one.changes if (one.object_type, "", c.attribute) in only)
    fields = tuple(part for field in one.fields for part in _field(one.object_type, field, only))
    if changes or fields:
        yield one.model_copy(update={"changes": changes, "fields": fields})


def _field(
    object_type: str, field: FieldDifference, only: Collection[Named]
) -> Iterator[FieldDifference]:
    if not field.changes:
        if (object_type, field.field_name, "") in only:
            yield field
        return
    changes = tuple(
        c for c in field.changes if (object_type, field.field_name, c.attribute) in only
    )
    if changes:
        yield field.model_copy(update={"changes": changes})
