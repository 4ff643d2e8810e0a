"""Three lists of fields: of one object, of a connection, of all connections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from crmdeck.model import Severity
from crmdeck.text import ago
from crmdeck.tui.filters import FilterKey, flag_key, one_of, text_key, words_key, yes_no
from crmdeck.tui.host import Host
from crmdeck.tui.marks import SEVERITY_SIGNS
from crmdeck.tui.panes.pane import CrmPlace, ExportPart, ExportRequest, Only, View
from crmdeck.tui.panes.place import NO_BRIEF, Brief, Columns
from crmdeck.tui.panes.samples import Fullness, percent_filled
from crmdeck.tui.panes.schema.cells import (
    Now,
    changed_key,
    changed_rank,
    open_state,
    open_text,
    past_banner,
    since_text,
    value_hint,
    warning,
)
from crmdeck.tui.panes.schema.detail import field_brief
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.objects import heading_of_all
from crmdeck.tui.panes.schema.place import Heading, SchemaPlace
from crmdeck.tui.panes.schema.rows import Everywhere, FieldLine
from crmdeck.tui.panes.schema.view_state import FIELD, Address
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP, LAST, Gives, some

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

FIELD_VIEWS = (
    View("All"),
    View("Custom", "custom:yes"),
    View("Mapped", "mapped:yes"),
    View("Required", "required:yes"),
    View("Changed", "changed:yes"),
)
MOST_NAMED = 3
LEAST_CHANGED, LEAST_TYPE = 7, 9
MOST_SEVERITY = 10
WORDS = {Severity.BREAKING: "break", Severity.RISKY: "risky", Severity.SAFE: "safe"}
"""Severities in five cells, if the word has no room."""

APART = 26
"""Most cells for the object's name before the field's name, unless it is longer."""

LEAST_FIELD = 24
"""Cells of the field's name after that of its object; a longer one covers the next column."""


def all_fields(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[FieldLine]:
    """Return the place of all fields of a connection."""

    def brief(row: FieldLine) -> Brief:
        if schema.data is None:
            return NO_BRIEF
        rates = schema.fullness(row.row.object_type)
        facts = schema.inspected_field(*row.key), rates, schema.nearest(*row.key)
        return Brief(
            [row.path, row.row.name],
            [mapped_state(row)],
            partial(field_brief, row, schema.data, *facts),
        )

    def rest(row: FieldLine) -> None:
        schema.inspect(row.row.object_type)
        schema.look_near(row.row.object_type)

    return SchemaPlace(
        address=address,
        what="All fields",
        empty="Loading fields…",
        wide=True,
        views=FIELD_VIEWS,
        key=lambda row: row.key,
        rows=lambda: schema.fields.lines if schema.has_fields else None,
        columns=partial(all_columns, schema.now),
        keys=lambda: field_keys(schema.now),
        searched=field_texts,
        hint=value_hint,
        index=schema.index_of,
        banner=partial(past_banner, schema),
        heading=partial(heading_of_all, host, schema, objects=False),
        brief=brief,
        rest=rest,
        line=lambda row: row,
        open=lambda row: Address(FIELD, *row.key),
        came_from=lambda left: (left.object_type, left.field_name),
        crm=lambda row: CrmPlace(host.connection_id or "", *row.key),
        copies=partial(copies_of_fields, host, schema),
        export=lambda only: ExportRequest("schema", only=only, at=schema.at),
        is_ready=lambda: schema.has_fields,
    )


def fields_of_object(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[FieldLine]:
    """Return the place of the fields of one object."""
    object_type = address.object_type
    whole: Only = frozenset({object_type})

    def heading() -> Heading:
        data, to_map = schema.data, schema.fields.to_map.get(object_type, ())
        known = data.object_line(object_type) if data is not None else None
        if data is None or known is None:
            return ()
        size = count(known.summary.field_count, "field")
        if data.overview.at is not None:
            return (size,)
        missing = f"{len(to_map):,} required but not mapped"
        if len(to_map) <= MOST_NAMED:
            missing = f"required but not mapped: {', '.join(line.row.name for line in to_map)}"
        stale = f"▲ stale, refreshed {ago(known.summary.discovered_at, data.now)}"
        return (
            warning(missing) if to_map else "",
            warning(stale) if known.summary.is_stale else "",
            size,
            f"{known.mapped:,} mapped" if known.mapped else "",
            open_text(known.open_changes),
        )

    return replace(
        all_fields(host, schema, address),
        what="Schema",
        rows=lambda: schema.rated_lines(object_type) if schema.has_fields else None,
        columns=partial(field_columns, schema.now),
        # Leave out the object, which all rows here share.
        searched=lambda row: (row.row.name, row.row.label, row.mapped),
        heading=heading,
        enter=lambda: schema.inspect(object_type),
        exists=lambda: schema.has_object(object_type),
        rest=lambda row: schema.look_near(row.row.object_type),
        samples_in_view=True,
        export=lambda only: ExportRequest(
            "schema", only=whole if only is None else only, at=schema.at
        ),
    )


def all_connections(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[FieldLine]:
    """Return the place of the fields of all connections. Of the others only the rows are loaded."""

    def brief(row: FieldLine) -> Brief:
        its = schema.everywhere.data.get(row.ref) if schema.everywhere is not None else None
        titles, state = [row.path, row.row.name], [mapped_state(row)]
        if its is None:
            return Brief(titles, state)
        return Brief(titles, state, partial(field_brief, row, its, None, Fullness(), None))

    def copies(rows: Sequence[FieldLine]) -> tuple[Copy, ...]:
        # One connection at a time: a copy contains one name.
        return copies_of_fields(host, schema, [row for row in rows if row.ref == rows[0].ref])

    def export(only: Only | None) -> ExportRequest | None:
        return everywhere_export(schema.everywhere, only) if schema.everywhere else None

    return replace(
        all_fields(host, schema, address),
        where="all connections",
        key=lambda row: (row.ref, *row.key),
        rows=lambda: schema.everywhere.lines if schema.everywhere is not None else None,
        columns=partial(every_columns, schema.now),
        keys=lambda: every_keys(schema.now),
        searched=lambda row: (*field_texts(row), row.connection),
        index=lambda _: schema.everywhere.index if schema.everywhere is not None else None,
        heading=lambda: everywhere_heading(schema.everywhere) if schema.everywhere else (),
        brief=brief,
        rest=None,
        line=lambda _: None,
        came_from=lambda _: None,
        crm=lambda row: CrmPlace(row.ref, *row.key),
        copies=copies,
        export=export,
        is_ready=lambda: schema.everywhere is not None,
    )


def everywhere_heading(everywhere: Everywhere) -> Heading:
    left_out = ", ".join(everywhere.left_out)
    of = count(len(everywhere.data), "connection")
    return (
        f"{count(len(everywhere.lines), 'field')} of {of}",
        f"without {left_out}" if left_out else "",
    )


def everywhere_export(everywhere: Everywhere, only: Only | None) -> ExportRequest:
    """Return the request for the fields of all connections, one file per connection."""
    names = {line.ref: line.connection for line in everywhere.lines}
    # If there is no filter, whole connections are exported, without a list of fields.
    shown: dict[str, set[tuple[str, ...]]] = {}
    for key in only or ():
        if isinstance(key, tuple):
            shown.setdefault(key[0], set()).add(key[1:])
    return ExportRequest(
        "schema",
        parts={
            ref: ExportPart(name, frozenset(shown[ref]) if only is not None else None)
            for ref, name in names.items()
            if only is None or ref in shown
        },
    )


def mapped_state(row: FieldLine) -> Content:
    return Content.styled(
        display_text(row.mapped or "not mapped"), "$mark" if row.mapped else "$muted"
    )


def copies_of_fields(
    host: Host, schema: SchemaLoader, rows: Sequence[FieldLine]
) -> tuple[Copy, ...]:
    """Return the copies of fields of one connection."""
    if not rows:
        return ()
    name = host.status.name if host.status is not None else ""
    return host.workspace.copies.fields(
        rows[0].connection or name,
        [row.row for row in rows],
        mapped={row.key: row.mapped for row in rows if row.mapped},
        at=schema.at,
    )


def field_texts(row: FieldLine) -> Iterable[str]:
    """Return the texts that the words of a filter search."""
    return row.row.object_type, row.row.name, row.row.label, row.mapped


def field_keys(now: Now) -> dict[str, FilterKey[FieldLine]]:
    """Return the filter keys of fields."""
    return {
        "object": text_key(lambda line: line.row.object_type),
        "type": FilterKey(
            lambda line, wanted: (
                line.row.type.value.startswith(wanted) or one_of(line.row.native_type, wanted)
            ),
            lambda line: (line.row.type.value,),
        ),
        "custom": flag_key(lambda line: line.row.custom),
        "required": flag_key(lambda line: line.row.required),
        "unique": flag_key(lambda line: line.row.unique),
        "calculated": flag_key(lambda line: line.row.calculated),
        "ref": words_key(lambda line: (name.strip() for name in line.row.references.split(","))),
        "mapped": FilterKey(
            # `yes`, `no`, or a PartnerOS name. Shorter words are the beginnings of yes and no.
            lambda line, wanted: (
                yes_no(bool(line.mapped), wanted)
                or (len(wanted) > 3 and wanted in line.mapped.casefold())
            ),
            lambda line: ("yes" if line.mapped else "no",),
        ),
        "changed": changed_key(now),
    }


def every_keys(now: Now) -> dict[str, FilterKey[FieldLine]]:
    """Return the filter keys of fields of all connections."""
    return field_keys(now) | {"connection": text_key(lambda row: row.connection)}


def flags_text(line: FieldLine) -> str:
    """Return the flags of a field in short: `req uniq cust calc`."""
    row = line.row
    flags = (
        (line.mapped, "map"),
        (row.required, "req"),
        (row.unique, "uniq"),
        (row.custom, "cust"),
        (row.calculated, "calc"),
    )
    return " ".join(word for applies, word in flags if applies)


def field_columns(now: Now, rows: Sequence[FieldLine]) -> Columns[FieldLine]:
    """Return the columns of the fields of one object. Names are whole.

    If room is short, the description, references, flags, changes and the label give way.
    """
    name = Column[FieldLine](
        "name", "API name", lambda row: row.row.name, least=16, most=60, spill=LAST
    )
    description = Column[FieldLine](
        "description",
        "Description",
        lambda row: row.description,
        style=lambda _: "muted",
        least=11,
        most=80,
        needed=some(lambda row: row.description),
    )
    others, gives = _other_columns(now, rows)
    return (name, *others, description), (("description", 24), ("description", 0), *gives)


def all_columns(now: Now, rows: Sequence[FieldLine]) -> Columns[FieldLine]:
    """Return the columns of the fields of all objects: object and field, both whole.

    In its row, a long name takes the room of the next column.
    """

    def text(row: FieldLine, cells: int) -> str:
        return f"{row.row.object_type:<{max(0, cells)}}  {row.row.name}"

    apart = min(APART, max([6, *(len(row.row.object_type) for row in rows)]))
    name = Column[FieldLine](
        "name",
        f"{'Object':<{apart}}  Field",
        lambda row: text(row, apart),
        # The gap between both names gives way before the names.
        fit=lambda row, cells: text(row, min(apart, cells - GAP - len(row.row.name))),
        least=apart + GAP + 16,
        most=apart + GAP + 60,
        spill=LAST,
        sort_key=lambda row: row.path.casefold(),
    )
    others, gives = _other_columns(now, rows)
    # Types and ages are worth less than names, and all other columns less than whole names.
    return (name, *others), (*gives[:2], ("name", apart + GAP + LEAST_FIELD), *gives[2:])


def every_columns(now: Now, rows: Sequence[FieldLine]) -> Columns[FieldLine]:
    """Return the columns of the fields of all connections, with the connection."""
    connection = Column[FieldLine](
        "connection", "Connection", lambda row: row.connection, least=10, most=20
    )
    columns, gives = all_columns(now, rows)
    return (connection, *columns), gives


def _other_columns(now: Now, rows: Sequence[FieldLine]) -> Columns[FieldLine]:
    """Return the columns after the name; open changes are news and outlast the label."""

    def changed(row: FieldLine, width: int = MOST_SEVERITY) -> str:
        worst = row.open_changes.severity if row.open_changes is not None else None
        if worst is None:
            return since_text(row.changed_at, now()).replace(" ago", "")
        whole = f"{SEVERITY_SIGNS[worst]} {worst.value}"
        return whole if len(whole) <= width else f"{SEVERITY_SIGNS[worst]} {WORDS[worst]}"

    columns = (
        Column[FieldLine](
            "label", "Label", lambda row: row.row.label, style=lambda _: "muted", least=12, most=30
        ),
        Column[FieldLine](
            "type",
            "Type",
            lambda row: row.row.type.value,
            style=lambda _: "muted",
            least=LEAST_TYPE,
            most=13,
        ),
        Column[FieldLine](
            "filled",
            "Fill",
            lambda row: percent_filled(row.filled) if row.filled is not None else "",
            style=lambda row: "muted" if row.filled else "warn",
            width=4,
            needed=some(lambda row: row.filled is not None),
            align="right",
            sort_key=lambda row: row.filled,
            searched=False,
        ),
        Column[FieldLine](
            "flags",
            "Flags",
            flags_text,
            style=lambda _: "muted",
            least=5,
            most=18,
            needed=some(flags_text),
            searched=False,
        ),
        Column[FieldLine](
            "sync user",
            "Sync user",
            lambda row: row.sync_user,
            # A mapped field that the sync can't use is what an admin looks for.
            style=lambda row: "warn" if row.mapped and row.sync_user == "none" else "muted",
            width=9,
            needed=some(lambda row: row.sync_user),
        ),
        Column[FieldLine](
            "changed",
            "Changed",
            changed,
            fit=changed,
            style=lambda row: open_state(row.open_changes),
            least=LEAST_CHANGED,
            most=MOST_SEVERITY,
            needed=some(changed),
            sort_key=lambda row: changed_rank(row.open_changes, row.changed_at),
            searched=False,
        ),
        Column[FieldLine](
            "mapped",
            "Mapped to",
            lambda row: row.mapped,
            style=lambda _: "accent",
            width=22,
            needed=some(lambda row: row.mapped),
        ),
        Column[FieldLine](
            "references",
            "Refers to",
            lambda row: row.row.references,
            style=lambda _: "muted",
            width=16,
            needed=some(lambda row: row.row.references),
        ),
    )
    marked = any(row.open_changes is not None for row in rows)
    last = (("label", 0), ("changed", 0)) if marked else (("changed", 0), ("label", 0))
    gives: Gives = (
        ("changed", LEAST_CHANGED),
        ("type", LEAST_TYPE),
        ("references", 0),
        ("flags", 0),
        ("sync user", 0),
        ("mapped", 0),
        *last,
    )
    return columns, gives
