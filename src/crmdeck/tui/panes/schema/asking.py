"""Which moment to see, and what to compare with: asked, then read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

from crmdeck.model import Comparison, Connection, DriftEvent
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.health import PLATFORM_NAMES, ago
from crmdeck.tui.panes.schema.comparing import side_name
from crmdeck.tui.panes.schema.data import SchemaData
from crmdeck.tui.panes.schema.details import counted
from crmdeck.tui.panes.schema.places import (
    COMPARED,
    COMPARISON,
    DIFFERENCE,
    Place,
    Side,
    Sides,
    in_order,
)
from crmdeck.tui.panes.schema.reading import Reading, read_comparison
from crmdeck.tui.requests import Job
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Column

NOW = "now"

CHOICE_COLUMNS: tuple[Column[Choice], ...] = (
    Column("label", "", lambda choice: choice.label, width=28),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", min_width=12),
)

Moments = tuple[datetime, ...]


class Past(NamedTuple):
    """When a schema changed, newest first, and by what."""

    moments: Moments
    events: tuple[DriftEvent, ...]


class Asking(Reading):
    """Time travel and comparison."""

    def go(self, *places: Place) -> None:
        """Go in to `places`."""
        raise NotImplementedError

    # Time travel

    def action_travel(self) -> None:
        """Ask for a moment and show the schema as of it."""
        ref = self.connection_id
        if ref is None:
            return
        workspace = self.workspace

        def ask(moments: Moments) -> None:
            dialog = Choose(
                "See the schema as of",
                self._moment_choices(Past(moments, self._events())),
                current=self.at or NOW,
                columns=CHOICE_COLUMNS,
                text="Each line is a refresh that found a change.",
            )
            self.app.push_screen(dialog, self._travel)

        self.load(
            "moments", lambda _: workspace.schemas.moments(ref), ask, label="reading the history"
        )

    def action_now(self) -> None:
        """Leave the past."""
        self._travel(NOW)

    def _travel(self, chosen: datetime | str | None) -> None:
        if chosen is not None:
            self.at = chosen if isinstance(chosen, datetime) else None
            self._leave_comparison()
            self.present()
            self.reload()

    def _leave_comparison(self) -> None:
        while self.place.kind in COMPARED:
            self.trail = self.trail[:-1]

    def _events(self) -> tuple[DriftEvent, ...]:
        return self.data.overview.events if self.data is not None else ()

    def _moment_choices(self, past: Past) -> list[Choice]:
        now = self.data.overview.now if self.data is not None else None
        choices = [Choice(NOW, NOW, "the schema as it was last read")]
        for moment in past.moments:
            found = [event for event in past.events if event.detected_at == moment]
            first = moment == past.moments[-1]
            detail = counted(found) if found else "first look" if first else ""
            passed = ago(moment, now) if now is not None else ""
            choices.append(Choice(moment, f"{moment:%Y-%m-%d %H:%M}  {passed}", detail))
        return choices

    # Comparison

    def action_compare(self) -> None:
        """Ask what to compare with, and compare what shows with it."""
        data = self.data
        if data is None:
            return
        workspace = self.workspace

        def work(_: Job) -> tuple[tuple[Connection, ...], Mapping[str, Moments]]:
            with workspace.hold():
                connections = workspace.connections.all()
                return connections, {
                    one.id: workspace.schemas.moments(one.id) for one in connections
                }

        def ask(answer: tuple[tuple[Connection, ...], Mapping[str, Moments]]) -> None:
            connections, moments = answer
            dialog = Choose(
                f"Compare {self._here(data)} with",
                self._others(data, connections, moments) + self._own(data, moments[data.ref]),
                columns=CHOICE_COLUMNS,
                text="Another connection, or this one at another moment.",
            )
            names = {connection.id: connection.name for connection in connections}
            self.app.push_screen(dialog, partial(self._chosen, data, names, moments))

        self.load("moments", work, ask, label="reading the history")

    def _here(self, data: SchemaData) -> str:
        return side_name(display_text(self.connection_name, 30), data.overview.at)

    def _others(
        self,
        data: SchemaData,
        connections: Iterable[Connection],
        moments: Mapping[str, Moments],
    ) -> list[Choice]:
        """Return the other connections; those of the same platform, which have more in common."""
        platform = {one.id: one.platform for one in connections}
        mine = platform.get(data.ref)
        others = [one for one in connections if one.id != data.ref]
        others.sort(key=lambda one: one.platform is not mine)
        choices = []
        for one in others:
            known = moments[one.id]
            state = count(len(known), "moment") if known else "no schema read yet"
            detail = f"{PLATFORM_NAMES[one.platform]} · {state}"
            choices.append(Choice(one.id, one.name, detail))
        return choices

    def _own(self, data: SchemaData, moments: Moments) -> list[Choice]:
        at = data.overview.at
        shown = (at or NOW, *(moments[:1] if at is None else ()))
        past = Past(moments, data.overview.events)
        return [choice for choice in self._moment_choices(past) if choice.value not in shown]

    def _chosen(
        self,
        data: SchemaData,
        names: Mapping[str, str],
        moments: Mapping[str, Moments],
        chosen: datetime | str | None,
    ) -> None:
        here = (data.ref, data.overview.at)
        if isinstance(chosen, datetime) or chosen == NOW:
            moment = chosen if isinstance(chosen, datetime) else None
            self._compare(in_order(here, (data.ref, moment)))
        elif chosen is not None and len(moments[chosen]) > 1:
            self._ask_moment(data, here, chosen, names[chosen])
        elif chosen is not None:
            self._compare((here, (chosen, None)))

    def _ask_moment(self, data: SchemaData, here: Side, ref: str, name: str) -> None:
        """Ask at which moment another connection is compared with."""
        workspace = self.workspace

        def then(chosen: datetime | str | None) -> None:
            if chosen is not None:
                there = (ref, chosen if isinstance(chosen, datetime) else None)
                self._compare((here, there))

        def ask(past: Past) -> None:
            dialog = Choose(
                f"Compare {self._here(data)} with {display_text(name, 30)} as of",
                self._moment_choices(past),
                columns=CHOICE_COLUMNS,
            )
            self.app.push_screen(dialog, then)

        self.load(
            "moments",
            lambda _: Past(workspace.schemas.moments(ref), workspace.drift.report(ref).events),
            ask,
            label="reading the history",
        )

    def _compare(self, sides: Sides) -> None:
        workspace = self.workspace
        self.load(
            "compare",
            lambda _: read_comparison(workspace, sides),
            partial(self._compared, sides),
            label="comparing",
            failed=self.not_compared,
        )

    def _compared(self, sides: Sides, comparison: Comparison) -> None:
        """Go to the differences: of the object type that shows, or of all."""
        object_type = self.place.object_type
        self.sides, self.comparison = sides, comparison
        self._leave_comparison()
        places = [Place(COMPARISON)]
        if self.difference(object_type) is not None:
            places.append(Place(DIFFERENCE, object_type))
        elif object_type:
            self.deck.say(f"{object_type} is the same on both sides.")
        self.go(*places)
