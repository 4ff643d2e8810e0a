"""The dialogs of the pane: a time, another side to compare with, a PartnerOS field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from crmdeck.model import (
    Connection,
    DecisionState,
    DriftEvent,
    FieldMapping,
    ObjectPair,
    PartnerObject,
)
from crmdeck.text import ago
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.host import Location
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.schema.comparing import side_name
from crmdeck.tui.panes.schema.detail import counted
from crmdeck.tui.panes.schema.rows import FieldLine, SchemaData
from crmdeck.tui.panes.schema.view_state import ComparedSides, in_order
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import NearestField, percent, vendor_of

R = TypeVar("R")
Moments = tuple[datetime, ...]
Moment = datetime | str
"""A time, NOW, or the id of a connection."""

NOW = "now"

COLUMNS: tuple[Column[Choice[Moment]], ...] = (
    Column("label", "", lambda choice: choice.label, width=28),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", least=12),
)


def ask_moment(
    pane: Pane, data: SchemaData, at: datetime | None, chosen: Callable[[datetime | None], None]
) -> None:
    """Ask for the time to view the schema as of; `chosen` gets None for today.

    The cursor begins at the time `at`.
    """
    schemas = pane.host.workspace.schemas
    _ask_moment(
        pane,
        "View schema as of",
        lambda _: (schemas.moments(data.ref), data.overview.events),
        data.overview.now,
        chosen,
        current=at or NOW,
        text="Each row is a refresh with changes.",
    )


def _ask_moment(
    pane: Pane,
    title: str,
    work: Callable[[Job], tuple[Moments, tuple[DriftEvent, ...]]],
    now: datetime,
    chosen: Callable[[datetime | None], None],
    *,
    current: Moment = NOW,
    text: str = "",
) -> None:
    def on_loaded(past: tuple[Moments, tuple[DriftEvent, ...]]) -> None:
        dialog.fill(moment_choices(*past, now))

    def answered(choice: Moment | None) -> None:
        if choice is not None:
            chosen(choice if isinstance(choice, datetime) else None)

    dialog = Choose(title, None, current=current, columns=COLUMNS, text=text)
    _open_history(pane, dialog, answered, work, on_loaded)


def ask_sides(pane: Pane, data: SchemaData, chosen: Callable[[ComparedSides], None]) -> None:
    """Ask for the connection, or the other time, to compare the visible schema with."""
    workspace, here = pane.host.workspace, (data.ref, data.overview.at)
    shown = side_name(display_text(pane.connection_name, 30), data.overview.at)
    known: dict[str, tuple[Connection, Moments]] = {}

    def work(_: Job) -> tuple[tuple[Connection, Moments], ...]:
        with workspace.hold():
            connections = workspace.connections.all()
            return tuple((one, workspace.schemas.moments(one.id)) for one in connections)

    def on_loaded(found: tuple[tuple[Connection, Moments], ...]) -> None:
        known.update((connection.id, (connection, moments)) for connection, moments in found)
        _, own = known[data.ref]
        # Neither the visible time, nor the latest refresh, which is today.
        left_out = (data.overview.at or NOW, *(own[:1] if data.overview.at is None else ()))
        moments = moment_choices(own, data.overview.events, data.overview.now)
        dialog.fill(
            [
                *connection_choices(data.ref, found),
                *(choice for choice in moments if choice.value not in left_out),
            ]
        )

    def answered(choice: Moment | None) -> None:
        if isinstance(choice, datetime) or choice == NOW:
            moment = choice if isinstance(choice, datetime) else None
            chosen(in_order(here, (data.ref, moment)))
        elif choice is not None:
            other, moments = known[choice]
            # A single refresh leaves no choice.
            if len(moments) <= 1:
                chosen((here, (choice, None)))
                return
            _ask_moment(
                pane,
                f"Compare {shown} with {display_text(other.name, 30)} as of",
                lambda _: (
                    workspace.schemas.moments(other.id),
                    workspace.drift.report(other.id).events,
                ),
                data.overview.now,
                lambda at: chosen((here, (other.id, at))),
            )

    dialog = Choose(
        f"Compare {shown} with",
        None,
        columns=COLUMNS,
        text="Another connection, or this one at another time.",
    )
    _open_history(pane, dialog, answered, work, on_loaded)


def _open_history(
    pane: Pane,
    dialog: Choose[Moment],
    answered: Callable[[Moment | None], None],
    work: Callable[[Job], R],
    on_loaded: Callable[[R], None],
) -> None:
    label = "loading the history"
    open_filled(
        pane.app, dialog, answered, pane.loader, work, on_loaded, slot="moments", label=label
    )


def ask_partner_field(
    pane: Pane, ref: str, line: FieldLine, chosen: Callable[[Location], object]
) -> None:
    """Ask for the PartnerOS field to map a CRM field to; `chosen` gets its row in Mapping."""
    mappings = pane.host.workspace.mappings

    def work(_: Job) -> tuple[Choice[tuple[str, str]], ...]:
        near = mappings.nearest(ref, line.row.object_type).get(line.row.name, ())
        pairs = [pair.object_pair for pair in mappings.pairs(ref)]
        decided = {pair: mappings.get(ref, pair) for pair in pairs}
        return partner_choices(line, near, mappings.partner_objects(), decided)

    def answered(choice: tuple[str, str] | None) -> None:
        if choice is not None:
            pair, partner_field = choice
            chosen(Location(connection=ref, pair=pair, field=partner_field, offered=line.row.name))

    dialog: Choose[tuple[str, str]] = Choose(
        f"Map {display_text(line.path, 120)} to",
        None,
        text="Best matches first. Enter opens the row in Mapping, where you decide.",
    )
    label = "matching PartnerOS fields"
    open_filled(pane.app, dialog, answered, pane.loader, work, dialog.fill, slot="map", label=label)


def partner_choices(
    line: FieldLine,
    near: Sequence[NearestField],
    partners: Sequence[PartnerObject],
    decided: Mapping[str, FieldMapping],
) -> tuple[Choice[tuple[str, str]], ...]:
    """Return the PartnerOS fields to map a CRM field to, the best matches first.

    Then come the other fields of started pairs, those of the other pairs, and last the fields
    mapped to another CRM field. The value of a choice is the object pair and the PartnerOS field.
    `decided` are the mappings of the started pairs of the connection.
    """
    pairs = [(f"{one.object_type}--{line.row.object_type}", one) for one in partners]
    taken = {
        (pair, one.partner_field): one.crm_field
        for pair, mapping in decided.items()
        for one in mapping.lines
        if one.crm_field is not None and one.state is DecisionState.ACCEPTED
    }
    sure = {(one.pair, one.partner_field): one.confidence for one in near}
    others = [(pair, field.name) for pair, one in pairs for field in one.fields]
    others.sort(key=lambda one: (one in taken, one[0] not in decided))
    choices = []
    for pair, name in (*sure, *(one for one in others if one not in sure)):
        match = f"match {percent(sure[pair, name])}" if (pair, name) in sure else ""
        held = taken.get((pair, name))
        detail = ", ".join(filter(None, (match, f"mapped to {held}" if held else "")))
        partner_object = ObjectPair.parse(pair).partner_object
        choices.append(Choice((pair, name), f"{partner_object}.{name}", detail))
    return tuple(choices)


def moment_choices(
    moments: Sequence[datetime], events: Iterable[DriftEvent], now: datetime
) -> list[Choice[Moment]]:
    """Return today and the times at which a schema changed, newest first, with the changes."""
    choices: list[Choice[Moment]] = [Choice(NOW, "today", "the latest schema")]
    for moment in moments:
        found = [event for event in events if event.detected_at == moment]
        # The oldest refresh has nothing before it to differ from.
        first = moment == moments[-1]
        changes = counted(found) if found else "baseline" if first else ""
        choices.append(Choice(moment, f"{moment:%Y-%m-%d %H:%M}  {ago(moment, now)}", changes))
    return choices


def connection_choices(
    ref: str, known: Sequence[tuple[Connection, Sequence[datetime]]]
) -> list[Choice[Moment]]:
    """Return the connections except `ref`, those of the same platform first."""
    platforms = {one.id: one.platform for one, _ in known}
    others = [(one, moments) for one, moments in known if one.id != ref]
    others.sort(key=lambda other: other[0].platform != platforms.get(ref))
    choices: list[Choice[Moment]] = []
    for one, moments in others:
        state = count(len(moments), "snapshot") if moments else "never refreshed"
        choices.append(Choice(one.id, one.name, f"{vendor_of(one.platform).title} · {state}"))
    return choices
