"""Drift: what changed between two snapshots, how bad it is, and what it touches."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from crmdeck.model.wire import UtcTime, WireModel


class DriftKind(StrEnum):
    """What happened to an object or a field."""

    OBJECT_ADDED = "object_added"
    OBJECT_REMOVED = "object_removed"
    OBJECT_HIDDEN = "object_hidden"
    OBJECT_ABSENT = "object_absent"
    OBJECT_OUT_OF_SCOPE = "object_out_of_scope"
    OBJECT_CHANGED = "object_changed"
    FIELD_ADDED = "field_added"
    FIELD_REMOVED = "field_removed"
    FIELD_HIDDEN = "field_hidden"
    FIELD_ABSENT = "field_absent"
    FIELD_CHANGED = "field_changed"


class GoneReason(StrEnum):
    """Why something that was there is not in the answer any more."""

    REMOVED = "removed"
    HIDDEN = "hidden"
    ABSENT = "absent"
    OUT_OF_SCOPE = "out_of_scope"


class Severity(StrEnum):
    """How bad a change is for what is mapped or written."""

    SAFE = "safe"
    RISKY = "risky"
    BREAKING = "breaking"

    @property
    def rank(self) -> int:
        """Return 0 for safe, 1 for risky, 2 for breaking."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Change(WireModel):
    """One attribute before and after; `attribute` is its wire name.

    For `picklist`, `before` and `after` list only the values that differ, as wire objects.
    """

    attribute: str
    before: Any = None
    after: Any = None


class DriftEvent(WireModel):
    """One change between two snapshots of an object type.

    `story` is the id of the story that tells it, `rename_of` the name that this added field
    seems to have had before. `affected_mappings` lists `objectPair:partnerField`. `changed_by`
    and `changed_at` are as the CRM tells them; `attribution` says where that was read
    (`SetupAuditTrail`, ...) or, where `changed_by` is None, why it is not known.
    """

    id: str
    connection_id: str
    object_type: str
    field_name: str | None
    kind: DriftKind
    severity: Severity
    reason: str = ""
    changes: tuple[Change, ...] = ()
    rename_of: str | None = None
    story: str | None = None
    affected_mappings: tuple[str, ...] = ()
    detected_at: UtcTime
    changed_by: str | None = None
    changed_at: UtcTime | None = None
    attribution: str | None = None
    acknowledged_at: UtcTime | None = None
    acknowledged_by: str | None = None
    note: str | None = None


class Story(WireModel):
    """Drift events that are one thing, told once.

    `kind` is a stable word (`field_everywhere`, `same_change`, `mirror`, `setup_picklists`,
    `reference_lists`, `object_kinds`, `scope`, `vendor_release`, `package`); `title` is one line
    for people; `severity` the worst inside.
    """

    id: str
    connection_id: str
    kind: str
    title: str
    severity: Severity
    event_count: int
    object_types: tuple[str, ...] = ()
    detected_at: UtcTime


class DriftReport(WireModel):
    """Drift events, newest first, and the stories that they belong to."""

    events: tuple[DriftEvent, ...] = ()
    stories: tuple[Story, ...] = ()


class Side(StrEnum):
    """On which side of a comparison something is."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class FieldDifference(WireModel):
    """One field that is on one side only (`changes` is empty), or differs.

    In `changes`, `before` is the left side and `after` the right one. `label` is that of the
    left side where there is one.
    """

    field_name: str
    label: str = ""
    side: Side
    changes: tuple[Change, ...] = ()


class ObjectDifference(WireModel):
    """One object type that is on one side only (`fields` is empty), or differs.

    `field_count` counts its fields on the left side, or where it is on the right side only,
    there.
    """

    object_type: str
    label: str = ""
    side: Side
    field_count: int
    changes: tuple[Change, ...] = ()
    fields: tuple[FieldDifference, ...] = ()


class Comparison(WireModel):
    """Two schemas held against each other: a sandbox and production, or two moments.

    `left` and `right` are names of connections; `left_at` and `right_at` the moments, None for
    now. `objects` lists what differs, by object type; `same` counts the object types that don't.
    """

    left: str
    right: str
    left_at: UtcTime | None = None
    right_at: UtcTime | None = None
    objects: tuple[ObjectDifference, ...] = ()
    same: int = 0
