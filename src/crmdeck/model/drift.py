"""Drift: changes between two snapshots, with their severities and mappings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from crmdeck.model.enums import DriftKind, Severity, Side
from crmdeck.model.wire import UtcTime, WireModel
from crmdeck.text import count


class AttributeChange(WireModel):
    """One attribute before and after a change; `attribute` is its wire name.

    For `picklist`, `before` and `after` list only the values that differ, as wire objects.
    """

    attribute: str
    # Any JSON value: text, a number, a flag, a list of entries or an object.
    before: Any = None
    after: Any = None


class DriftEvent(WireModel):
    """One change between two snapshots of an object.

    `rule` names an added, removed, or changed rule; `field_name` is then the field that it is
    about, if any. `story` is the ID of its story, `rename_of` the probable old name.
    `affected_mappings` lists `objectPair:partnerField`. `changed_by` and `changed_at` come from
    the CRM; `attribution` is the record that contained them (`SetupAuditTrail`, ...), or the
    reason why `changed_by` is None.
    """

    id: str
    connection_id: str
    object_type: str
    field_name: str | None
    rule: str | None = None
    kind: DriftKind
    severity: Severity
    reason: str = ""
    changes: tuple[AttributeChange, ...] = ()
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


class ChangeGroup(WireModel):
    """Several changes with one cause (a change group on screen).

    `kind` is one of `relabeled`, `field_everywhere`, `same_change`, `mirror`,
    `setup_picklists`, `reference_lists`, `zones_and_locales`, `object_kinds`, `scope`,
    `vendor_release`, `package`.
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
    """How many change groups are open, and their worst severity (None if none is open)."""

    count: int = 0
    breaking: int = 0
    risky: int = 0
    severity: Severity | None = None

    @classmethod
    def total(cls, every: Iterable[OpenChanges]) -> OpenChanges:
        """Return the open changes of several connections together."""
        found = tuple(every)
        worst = [one.severity for one in found if one.severity is not None]
        return cls(
            count=sum(one.count for one in found),
            breaking=sum(one.breaking for one in found),
            risky=sum(one.risky for one in found),
            severity=Severity.worst(worst) if worst else None,
        )

    @property
    def text(self) -> str:
        """The count in words: `11 open changes, 9 breaking`."""
        if not self.count:
            return "no open changes"
        breaking = f", {self.breaking:,} breaking" if self.breaking else ""
        return count(self.count, "open change") + breaking


class DriftReport(WireModel):
    """Changes, newest first, and their stories.

    `open_changes` counts also those that the report leaves out; it is None if unknown, as for a
    past time. `next_cursor` is in a page that isn't the last one.
    """

    events: tuple[DriftEvent, ...] = ()
    stories: tuple[ChangeGroup, ...] = ()
    open_changes: OpenChanges | None = None
    next_cursor: str | None = Field(None, exclude_if=lambda cursor: cursor is None)


class FieldDifference(WireModel):
    """A field that differs, or that is on one side only (`changes` is then empty).

    In `changes`, `before` is the left side and `after` the right side.
    """

    field_name: str
    label: str = ""
    side: Side
    changes: tuple[AttributeChange, ...] = ()


class ObjectDifference(WireModel):
    """An object that differs, or that is on one side only, with all its `fields`.

    `severity` is the worst of these differences, if the left side became the right side.
    """

    object_type: str
    label: str = ""
    side: Side
    severity: Severity = Severity.SAFE
    field_count: int
    changes: tuple[AttributeChange, ...] = ()
    fields: tuple[FieldDifference, ...] = ()


class Comparison(WireModel):
    """A comparison of two schemas: a sandbox and production, or two dates.

    `left` and `right` are connection names; `left_at` and `right_at` are times, None for now.
    `objects` lists the objects that differ; `same` counts the others.
    """

    left: str
    right: str
    left_at: UtcTime | None = None
    right_at: UtcTime | None = None
    objects: tuple[ObjectDifference, ...] = ()
    same: int = 0
