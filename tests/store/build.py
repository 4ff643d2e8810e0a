"""Small records to fill a cache with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from crmdeck.model import (
    AttributeChange,
    Connection,
    DriftEvent,
    DriftKind,
    Field,
    FieldType,
    Freshness,
    GoneReason,
    ObjectSchema,
    PicklistValue,
    Scope,
    Severity,
    Source,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import RecordCount, SchemaPacker, Session

START = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE = "[red]\x1b[31m=cmd()\u202e\x00\U0001f600'; DROP TABLE snapshot; --"


def day(number: float) -> datetime:
    """Return the start of the refresh of day `number`."""
    return START + timedelta(days=number)


def connection(name: str = "acme", **changes: object) -> Connection:
    """Return a connection whose id is its name."""
    return Connection.model_validate(
        {
            "id": name,
            "name": name,
            "platform": "salesforce",
            "source": Source.FILES,
            "created_at": START,
            **changes,
        }
    )


def run(number: int, connection_id: str = "acme", **changes: object) -> SyncRun:
    """Return the refresh of day `number`."""
    return SyncRun.model_validate(
        {
            "id": f"{connection_id}-{number}",
            "connection_id": connection_id,
            "outcome": SyncOutcome.OK,
            "started_at": day(number),
            "finished_at": day(number) + timedelta(minutes=1),
            **changes,
        }
    )


def event(number: int, **changes: object) -> DriftEvent:
    """Return a change of a field of day `number`, which a mapping feels."""
    return DriftEvent.model_validate(
        {
            "id": f"e{number}",
            "connection_id": "acme",
            "object_type": "Account",
            "field_name": HOSTILE,
            "kind": DriftKind.FIELD_CHANGED,
            "severity": Severity.BREAKING,
            "changes": (
                AttributeChange(attribute="length", before=80, after={"a": [HOSTILE, None]}),
            ),
            "story": "s1",
            "affected_mappings": ("deal--Account:name",),
            "detected_at": day(number),
            **changes,
        }
    )


def schema(object_type: str, *fields: str, label: str = "", **native: object) -> ObjectSchema:
    """Return an object type with text fields of those names and a picklist."""
    stage = Field(
        name="Stage",
        type=FieldType.PICKLIST,
        picklist=(PicklistValue(value="open", label=HOSTILE), PicklistValue(value="won")),
        native={"sortable": True, "nested": {"b": [1, None], "a": "\ud83d"}},
    )
    texts = [Field(name=name, label=HOSTILE, type=FieldType.STRING, custom=True) for name in fields]
    return ObjectSchema(
        object_type=object_type, label=label, fields=(*texts, stage), native=dict(native)
    )


def record(
    session: Session,
    number: int,
    *discovered: ObjectSchema,
    connection_id: str = "acme",
    unchanged: Sequence[str] = (),
    gone: Mapping[str, GoneReason] | None = None,
    freshness: Mapping[str, Freshness] | None = None,
) -> RecordCount:
    """Record the refresh of day `number`; snapshots live for a day."""
    return session.snapshots.record(
        run(number, connection_id),
        Scope(),
        discovered=[(SchemaPacker().pack(one), f"v{number}") for one in discovered],
        unchanged=[(name, None) for name in unchanged],
        gone=gone or {},
        expires_at=day(number + 1),
        freshness=freshness,
    )
