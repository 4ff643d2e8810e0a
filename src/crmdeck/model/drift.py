"""Drift: what changed between two snapshots, how bad it is, and what it touches."""

from __future__ import annotations

from typing import Any

from crmdeck.model.enums import DriftKind, Severity, Side
from crmdeck.model.wire import UtcTime, WireModel


class Change(WireModel):
    """One attribute before and after; `attribute` is its wire name.

    For `picklist`, `before` and `after` list only the values that differ, as wire objects.
    """

    attribute: str
    before: Any = None
    after: Any = None


class DriftEvent(WireModel):
    """One change between two snapshots of an object type.

    `rule` names the rule that came, went or changed; `field_name` is then the field that it
    stands at, if it stands at one. `story` is the id of the story that tells it, `rename_of` the
    name that this added field seems to have had before. `affected_mappings` lists
    `objectPair:partnerField`. `changed_by` and `changed_at` are as the CRM tells them;
    `attribution` says where that was read (`SetupAuditTrail`, ...) or, where `changed_by` is
    None, why it is not known.
    """

    id: str
    connection_id: str
    object_type: str
    field_name: str | None
    rule: str | None = None
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
    `reference_lists`, `zones_and_locales`, `object_kinds`, `scope`, `vendor_release`, `package`);
    `title` is one line for people; `severity` the worst inside.
    """

    id: str
    connection_id: str
    kind: str
    title: str
    severity: Severity
    event_count: int
    object_types: tuple[str, ...] = ()
    detected_at: UtcTime


class OpenChanges(WireModel):
    """How many change groups are open, and their worst severity (None if none is open).

    A group is a story or a single change; it counts once, with its worst open change.
    """

    count: int = 0
    breaking: int = 0
    risky: int = 0
    severity: Severity | None = None


class DriftReport(WireModel):
    """Drift events, newest first, and the stories that they belong to."""

    events: tuple[DriftEvent, ...] = ()
    stories: tuple[Story, ...] = ()


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
    """One object type that is on one side only, and all its `fields` with it, or differs.

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
