"""The objects of a connection: the first place of the trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from crmdeck.model import OpenChanges
from crmdeck.text import ago
from crmdeck.tui.filters import FilterKeys, flag_key, text_key
from crmdeck.tui.host import Host
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest
from crmdeck.tui.panes.place import NO_BRIEF, Brief, Columns
from crmdeck.tui.panes.schema.cells import (
    changed_key,
    changed_rank,
    open_state,
    open_text,
    overview_heading,
    past_banner,
    since_text,
    value_hint,
)
from crmdeck.tui.panes.schema.detail import object_brief, object_state
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.place import Heading, SchemaPlace
from crmdeck.tui.panes.schema.rows import ObjectLine, object_index
from crmdeck.tui.panes.schema.view_state import FIELDS, Address
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import LAST, some

if TYPE_CHECKING:
    from crmdeck.workspace import Copy


def objects(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[ObjectLine]:
    """Return the place of all objects."""

    def brief(row: ObjectLine) -> Brief:
        if schema.data is None:
            return NO_BRIEF
        state = Content.styled(object_state(row), "$muted")
        to_map = schema.fields.to_map.get(row.key, ())
        return Brief([row.key], [state], partial(object_brief, row, schema.data, to_map))

    def copies(rows: Sequence[ObjectLine]) -> tuple[Copy, ...]:
        summaries = [row.summary for row in rows]
        name = host.status.name if host.status is not None else ""
        return host.workspace.copies.objects(name, summaries, schema.at) if summaries else ()

    return SchemaPlace(
        address=address,
        empty="No objects.",
        can_mark=False,
        key=lambda row: row.key,
        rows=lambda: schema.data.objects if schema.data is not None else None,
        columns=lambda _: object_columns(schema.now),
        keys=lambda: object_keys(schema.now),
        searched=lambda row: (row.key, row.summary.label),
        hint=value_hint,
        index=object_index,
        banner=partial(past_banner, schema),
        heading=partial(heading_of_all, host, schema, objects=True),
        brief=brief,
        open=lambda row: Address(FIELDS, row.key),
        came_from=lambda left: left.object_type or None,
        crm=lambda row: CrmPlace(host.connection_id or "", row.key),
        copies=copies,
        export=lambda only: ExportRequest("objects", only=only, at=schema.at, inner="schema"),
        is_ready=lambda: schema.data is not None,
    )


def heading_of_all(host: Host, schema: SchemaLoader, *, objects: bool) -> Heading:
    """Return the heading of all objects, or of all fields of a connection."""
    if schema.data is None:
        return ()
    changes = host.status.open_changes if host.status is not None else OpenChanges()
    return overview_heading(schema.data, schema.fields.to_map, changes, objects)


def object_keys(now: Callable[[], datetime]) -> FilterKeys[ObjectLine]:
    """Return the filter keys of objects."""
    return {
        "object": text_key(lambda row: row.key),
        "custom": flag_key(lambda row: row.summary.custom),
        "stale": flag_key(lambda row: row.summary.is_stale),
        "mapped": flag_key(lambda row: row.mapped > 0),
        "changed": changed_key(now),
    }


def age_text(row: ObjectLine, now: datetime) -> str:
    """Return the time since the last refresh of an object, and `stale` if it is."""
    age = ago(row.summary.discovered_at, now)
    return age.replace(" ago", "") + " stale" if row.summary.is_stale else age


def object_columns(now: Callable[[], datetime]) -> Columns[ObjectLine]:
    """Return the columns of the objects; ages count from `now`.

    Names are whole. Labels are whole or left out, because the details show them. A column that is
    empty, or equal in all rows, is left out.
    """

    def changed(row: ObjectLine) -> str:
        return open_text(row.open_changes) or since_text(row.changed_at, now())

    def has_ages(rows: Sequence[ObjectLine]) -> bool:
        stale = any(row.summary.is_stale for row in rows)
        return stale or len({age_text(row, now()) for row in rows}) > 1

    columns: tuple[Column[ObjectLine], ...] = (
        Column("object", "Object", lambda row: row.key, least=16, most=48, spill=LAST),
        Column(
            "label",
            "Label",
            lambda row: row.summary.label,
            style=lambda _: "muted",
            least=12,
            most=50,
            needed=some(lambda row: row.summary.label not in ("", row.key)),
        ),
        Column(
            "kind",
            "Kind",
            lambda row: "custom" if row.summary.custom else "",
            style=lambda _: "muted",
            width=6,
            needed=some(lambda row: row.summary.custom),
            searched=False,
        ),
        Column(
            "fields",
            "Fields",
            lambda row: f"{row.summary.field_count:,}",
            width=6,
            align="right",
            sort_key=lambda row: row.summary.field_count,
            searched=False,
        ),
        Column(
            "mapped",
            "Mapped",
            lambda row: str(row.mapped) if row.mapped else "",
            style=lambda _: "accent",
            width=6,
            needed=some(lambda row: row.mapped),
            align="right",
            sort_key=lambda row: row.mapped,
            searched=False,
        ),
        Column(
            "changed",
            "Changed",
            changed,
            style=lambda row: open_state(row.open_changes),
            least=8,
            most=16,
            needed=some(changed),
            sort_key=lambda row: changed_rank(row.open_changes, row.changed_at),
            searched=False,
        ),
        Column(
            "age",
            "Refreshed",
            lambda row: age_text(row, now()),
            style=lambda row: "warn" if row.summary.is_stale else "muted",
            least=10,
            most=14,
            needed=has_ages,
            sort_key=lambda row: row.summary.discovered_at,
            searched=False,
        ),
    )
    return columns, (("kind", 0), ("label", 0))
