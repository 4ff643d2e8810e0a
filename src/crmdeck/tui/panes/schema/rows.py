"""The rows of the schema pane, made from the workspace's answers. Pure: runs in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import Direction, DriftEvent, FieldRow, ObjectSummary, OpenChanges, UserAccess
from crmdeck.workspace import (
    MAPPED,
    USUAL,
    Searchable,
    SearchIndex,
    field_relevance,
    object_relevance,
)

if TYPE_CHECKING:
    from crmdeck.workspace import SchemaOverview

Key = tuple[str, str]
"""Object and field name."""

ARROWS = {Direction.PUSH: "←", Direction.PULL: "→", Direction.BIDIRECTIONAL: "↔"}
"""The direction, seen from the CRM field: `push` comes from PartnerOS."""


def access_word(access: UserAccess | None) -> str:
    """Return the sync user's access to a field in a word; empty if no sync user is set."""
    if access is None:
        return ""
    if access.updateable or access.createable:
        return "edit"
    return {True: "read", False: "none", None: "unknown"}[access.readable]


class ObjectLine(NamedTuple):
    """The row of an object."""

    summary: ObjectSummary
    mapped: int
    open_changes: OpenChanges | None
    changed_at: datetime | None

    @property
    def key(self) -> str:
        return self.summary.object_type


class FieldLine(NamedTuple):
    """The row of a field; `filled` is its fill rate (0 to 1), if known.

    `mapped` are its PartnerOS fields: `← estimatedValue`. `ref` and `connection` are the id and
    the name of its connection, if several show. `description` is that of the CRM, and `sync_user`
    what the sync user can do, once they are read.
    """

    row: FieldRow
    mapped: str
    open_changes: OpenChanges | None
    changed_at: datetime | None
    filled: float | None = None
    ref: str = ""
    connection: str = ""
    description: str = ""
    sync_user: str = ""

    @property
    def key(self) -> Key:
        return self.row.object_type, self.row.name

    @property
    def path(self) -> str:
        return f"{self.row.object_type}.{self.row.name}"


# Two reads are never the same data, and comparing thousands of changes would take long.
@dataclass(frozen=True, eq=False)
class SchemaData:
    """The objects of a connection at a time, with the times of their last changes.

    `changed` is keyed by object and field name. An empty field name stands for the object with all
    its fields.
    """

    ref: str
    overview: SchemaOverview
    objects: tuple[ObjectLine, ...]
    changed: Mapping[Key, datetime]

    @property
    def now(self) -> datetime:
        """The time that ages count from."""
        return self.overview.at or self.overview.now

    def object_line(self, object_type: str) -> ObjectLine | None:
        return next((line for line in self.objects if line.key == object_type), None)

    def history(self, object_type: str, field_name: str | None) -> tuple[DriftEvent, ...]:
        """Return the changes of a field (or of an object itself) until that time, newest first.

        They include those under a former name of the field.
        """
        names = {field_name}
        found = []
        # Later changes count for names only: the field may have been renamed after that time.
        for event in self.overview.events:
            if event.object_type == object_type and event.field_name in names:
                if event.rename_of is not None and event.field_name is not None:
                    names.add(event.rename_of)
                if self._is_known(event):
                    found.append(event)
        return tuple(found)

    def object_history(self, object_type: str) -> tuple[DriftEvent, ...]:
        """Return the changes of an object and its fields until that time, newest first."""
        return tuple(
            event
            for event in self.overview.events
            if event.object_type == object_type and self._is_known(event)
        )

    def _is_known(self, event: DriftEvent) -> bool:
        return self.overview.at is None or event.detected_at <= self.overview.at


@dataclass(frozen=True)
class FieldData:
    """All fields of a connection at a time; `index` is over all of them.

    `to_map` are the required fields without a source, by object, for objects with mappings.
    """

    ref: str
    at: datetime | None
    lines: tuple[FieldLine, ...] = ()
    by_object: Mapping[str, tuple[FieldLine, ...]] = field(default_factory=dict)
    index: SearchIndex[FieldLine] | None = None
    to_map: Mapping[str, tuple[FieldLine, ...]] = field(default_factory=dict)


MOST_FIELDS = 200_000
"""Most fields listed for all connections. Connections beyond it are left out."""


@dataclass(frozen=True)
class Everywhere:
    """The fields of all connections as of a `head` of the history, with an index over them.

    `data` are the schemas by the id of their connection. `left_out` names the connections with
    too many fields.
    """

    head: int
    lines: tuple[FieldLine, ...]
    data: Mapping[str, SchemaData]
    index: SearchIndex[FieldLine]
    left_out: tuple[str, ...] = ()


def schema_data(ref: str, overview: SchemaOverview) -> SchemaData:
    changed: dict[Key, datetime] = {}
    # The newest come first, so the first one of each name is its last change.
    for event in overview.events:
        if event.detected_at <= (overview.at or overview.now):
            for name in ("", event.field_name or ""):
                changed.setdefault((event.object_type, name), event.detected_at)
    mapped = Counter(object_type for object_type, _ in overview.mapped)
    objects = tuple(
        ObjectLine(
            summary,
            mapped[summary.object_type],
            overview.open_changes.get((summary.object_type, "")),
            changed.get((summary.object_type, "")),
        )
        for summary in overview.objects
    )
    objects = tuple(sorted(objects, key=_relevance))
    return SchemaData(ref, overview, objects, changed)


def _relevance(line: ObjectLine) -> tuple[int, int, int, str]:
    """Return the order: worst open changes, mapped and usual, custom, standard, setup; by name."""
    relevance = object_relevance(line.key, custom=bool(line.summary.custom))
    changes = line.open_changes
    worst = changes.severity if changes is not None else None
    return (
        -worst.rank if worst is not None else 1,
        -changes.count if changes is not None else 0,
        USUAL if line.mapped else relevance,
        line.key.casefold(),
    )


def field_data(data: SchemaData, rows: Iterable[FieldRow]) -> FieldData:
    """Return the rows of all fields, and those of each object."""
    overview = data.overview
    mapped = {
        key: ", ".join(f"{ARROWS[one.direction]} {one.partner_field}" for one in found)
        for key, found in overview.mapped.items()
    }
    by_object: dict[str, list[FieldLine]] = {}
    for row in rows:
        key = (row.object_type, row.name)
        still = overview.open_changes.get(key)
        line = FieldLine(row, mapped.get(key, ""), still, data.changed.get(key))
        by_object.setdefault(row.object_type, []).append(line)
    lines = tuple(line for lines in by_object.values() for line in lines)
    # Only objects with mappings: PartnerOS never creates records of the others.
    to_map = {
        name: tuple(
            line
            for line in by_object.get(name, ())
            if line.row.required and not line.mapped and line.key not in overview.filled
        )
        for name in {object_type for object_type, _ in overview.mapped}
    }
    return FieldData(
        data.ref,
        data.overview.at,
        lines,
        {name: tuple(lines) for name, lines in by_object.items()},
        field_index(lines, {"": data}),
        {name: found for name, found in to_map.items() if found},
    )


def object_index(objects: Sequence[ObjectLine]) -> SearchIndex[ObjectLine]:
    def searched(line: ObjectLine) -> Searchable:
        relevance = object_relevance(line.key, custom=bool(line.summary.custom))
        return Searchable(
            line.key, texts=(line.summary.label,), relevance=MAPPED if line.mapped else relevance
        )

    return SearchIndex(objects, searched)


def field_index(
    lines: Sequence[FieldLine], schemas: Mapping[str, SchemaData]
) -> SearchIndex[FieldLine]:
    """Return an index over fields; `schemas` are keyed by the `ref` of the rows."""
    custom = {
        (ref, line.key)
        for ref, data in schemas.items()
        for line in data.objects
        if line.summary.custom
    }

    def searched(line: FieldLine) -> Searchable:
        row = line.row
        relevance = field_relevance(
            row.object_type,
            custom_object=(line.ref, row.object_type) in custom,
            custom=bool(row.custom),
            mapped=bool(line.mapped),
        )
        texts = (row.label, line.mapped, line.connection)
        return Searchable(row.name, row.object_type, texts, relevance)

    return SearchIndex(lines, searched)
