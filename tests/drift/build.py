"""Short ways to say what a CRM looked like before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import AcceptedField, detect
from crmdeck.model import (
    ChangeGroup,
    Direction,
    DriftEvent,
    DriftReport,
    Field,
    GoneReason,
    ObjectSchema,
    PicklistValue,
    Platform,
)
from crmdeck.workspace.knowledge import read_field_words

NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)

Org = Mapping[str, Sequence[Field]]


def values(*names: str, **options: Any) -> tuple[PicklistValue, ...]:
    return tuple(PicklistValue(value=name, label=name, **options) for name in names)


def field(name: str, **attributes: Any) -> Field:
    return Field(**{"name": name, "label": name, "native_type": "string", **attributes})


def org(objects: Org, *, custom: bool | None = None) -> dict[str, ObjectSchema]:
    return {
        name: ObjectSchema(
            object_type=name,
            label=name,
            custom=name.endswith("__c") if custom is None else custom,
            fields=tuple(fields),
        )
        for name, fields in objects.items()
    }


def mapped(
    crm_object: str, crm_field: str, direction: Direction = Direction.BIDIRECTIONAL
) -> AcceptedField:
    pair = f"deal_registration--{crm_object}"
    return AcceptedField(pair, "accountName", crm_object, crm_field, direction)


def drift(
    before: Org | Mapping[str, ObjectSchema],
    after: Org | Mapping[str, ObjectSchema],
    *,
    gone: Mapping[str, GoneReason] | None = None,
    gone_fields: Mapping[tuple[str, str], GoneReason] | None = None,
    returned: Mapping[str, GoneReason] | None = None,
    accepted: Sequence[AcceptedField] = (),
    present: Org | Mapping[str, ObjectSchema] | None = None,
    left: Sequence[tuple[str, str | None]] = (),
    last: Mapping[str, ObjectSchema] | None = None,
    platform: Platform = "salesforce",
) -> DriftReport:
    return detect(
        connection_id="c0ffee00-0000-4000-8000-000000000000",
        vendor=vendor_of(platform),
        detected_at=NOON,
        before=_states(before),
        after=_states(after),
        gone_objects=gone,
        gone_fields=gone_fields,
        returned=returned,
        accepted=accepted,
        present=_states(present or {}),
        left=left,
        last=last,
        field_words=partial(read_field_words, None),
    )


def only(report: DriftReport) -> DriftEvent:
    [event] = report.events
    return event


def told(report: DriftReport) -> dict[str, tuple[ChangeGroup, list[DriftEvent]]]:
    """Return the stories by kind, each with its events."""
    return {
        story.kind: (story, [e for e in report.events if e.story == story.id])
        for story in report.stories
    }


def _states(objects: Org | Mapping[str, ObjectSchema]) -> dict[str, ObjectSchema]:
    plain = {k: v for k, v in objects.items() if not isinstance(v, ObjectSchema)}
    return org(plain) | {k: v for k, v in objects.items() if isinstance(v, ObjectSchema)}
