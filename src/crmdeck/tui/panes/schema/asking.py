"""Which moment to see, and what to compare with: asked, then read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Comparison, Connection
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.health import PLATFORM_NAMES, ago
from crmdeck.tui.loading import Job
from crmdeck.tui.panes.schema.comparing import side_name
from crmdeck.tui.panes.schema.data import SchemaData
from crmdeck.tui.panes.schema.details import counted
from crmdeck.tui.panes.schema.places import COMPARISON, DIFFERENCE, Place
from crmdeck.tui.panes.schema.reading import Reading
from crmdeck.tui.widgets.table import Column

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

NOW = "now"

CHOICE_COLUMNS: tuple[Column[Choice], ...] = (
    Column("label", "", lambda choice: choice.label, width=28),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", min_width=12),
)

Moments = tuple[datetime, ...]


class Asking(Reading):
    """Time travel and comparison."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sides = ("", "")

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
                self._moment_choices(moments),
                current=self.at or NOW,
                columns=CHOICE_COLUMNS,
                text="Each line is a refresh that found a change.",
            )
            self.app.push_screen(dialog, self._travel)

        self.load("moments", lambda _: workspace.moments(ref), ask, label="reading the history")

    def action_now(self) -> None:
        """Leave the past."""
        self._travel(NOW)

    def _travel(self, chosen: datetime | str | None) -> None:
        if chosen is not None:
            self.at = chosen if isinstance(chosen, datetime) else None
            while self.place.kind in (COMPARISON, DIFFERENCE):
                self.trail = self.trail[:-1]
            self.present()
            self.reload()

    def _moment_choices(self, moments: Moments) -> list[Choice]:
        data = self.data
        choices = [Choice(NOW, NOW, "the schema as it was last read")]
        for moment in moments:
            events = data.overview.events if data is not None else ()
            found = [event for event in events if event.detected_at == moment]
            detail = counted(found) if found else "first look" if moment == moments[-1] else ""
            passed = ago(moment, data.overview.now) if data is not None else ""
            choices.append(Choice(moment, f"{moment:%Y-%m-%d %H:%M}  {passed}", detail))
        return choices

    # Comparison

    def action_compare(self) -> None:
        """Ask what to compare with, and compare what shows with it."""
        data = self.data
        if data is None:
            return
        workspace, ref = self.workspace, data.ref

        def work(_: Job) -> tuple[tuple[Connection, ...], Moments]:
            return workspace.connections(), workspace.moments(ref)

        def ask(answer: tuple[tuple[Connection, ...], Moments]) -> None:
            connections, moments = answer
            here = side_name(self.connection_name, data.overview.at)
            dialog = Choose(
                f"Compare {here} with",
                self._sides_to_choose(data, connections, moments),
                columns=CHOICE_COLUMNS,
            )
            self.app.push_screen(dialog, self._compare_with(data, connections))

        self.load("moments", work, ask, label="reading the history")

    def _sides_to_choose(
        self, data: SchemaData, connections: tuple[Connection, ...], moments: Moments
    ) -> list[Choice]:
        choices = [
            Choice(connection.id, connection.name, f"{PLATFORM_NAMES[connection.platform]}, now")
            for connection in connections
            if connection.id != data.ref
        ]
        at = data.overview.at
        return choices + [
            choice
            for choice in self._moment_choices(moments)
            if choice.value not in (at or NOW, *(moments[:1] if at is None else ()))
        ]

    def _compare_with(
        self, data: SchemaData, connections: tuple[Connection, ...]
    ) -> Callable[[datetime | str | None], None]:
        here: tuple[str, datetime | None] = (data.ref, data.overview.at)
        names = {connection.id: connection.name for connection in connections}

        def compare(chosen: datetime | str | None) -> None:
            if chosen is None:
                return
            if isinstance(chosen, datetime):
                there: tuple[str, datetime | None] = (data.ref, chosen)
            else:
                there = (data.ref, None) if chosen == NOW else (chosen, None)
            left, right = in_order(here, there)
            self.sides = (
                side_name(names.get(left[0], ""), left[1]),
                side_name(names.get(right[0], ""), right[1]),
            )
            workspace = self.workspace
            self.load(
                "compare",
                lambda _: read_comparison(workspace, left, right),
                self._compared,
                label="comparing",
                failed=self._not_compared,
            )

        return compare

    def _compared(self, comparison: Comparison) -> None:
        self.comparison = comparison
        while self.place.kind in (COMPARISON, DIFFERENCE):
            self.trail = self.trail[:-1]
        self.go(Place(COMPARISON))

    def _not_compared(self, error: CrmdeckError) -> None:
        # What to do next is about the other connection: the panel's keys are about this one.
        lines = filter(None, (error.message, error.remedy))
        self.deck.say("\n".join(lines), title="Cannot compare", severity="warning")


Side = tuple[str, datetime | None]


def in_order(here: Side, there: Side) -> tuple[Side, Side]:
    """Return two sides as left and right: the earlier moment, or what is at hand, on the left."""
    if here[0] != there[0]:
        return here, there
    later_here = there[1] is not None and (here[1] is None or here[1] > there[1])
    return (there, here) if later_here else (here, there)


def read_comparison(workspace: Workspace, left: Side, right: Side) -> Comparison:
    """Return how two sides differ; for a worker."""
    return workspace.compare(left[0], right[0], left_at=left[1], right_at=right[1])
