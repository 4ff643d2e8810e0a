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
        return list(Severity).index(self)


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
    seems to have had before. `affected_mappings` lists `objectPair:partnerField`.
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
    acknowledged_at: UtcTime | None = None
    acknowledged_by: str | None = None
    note: str | None = None


class Story(WireModel):
    """Drift events that are one thing, told once.

    `kind` is a stable word (`field_everywhere`, `mirror`, `setup_picklists`, `object_kinds`,
    `scope`, `vendor_release`); `title` is one line for people; `severity` the worst inside.
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
