"""The health pane: all connections at a glance, and one in full."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import NextStep
from crmdeck.model import Alert
from crmdeck.tui.actions import EVERYWHERE, Actions, actions, key_label, offers
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.health.actions import HEALTH_ACTIONS
from crmdeck.tui.panes.health.cards import Cards
from crmdeck.tui.panes.health.commands import HealthCommands
from crmdeck.tui.panes.health.detail import detail
from crmdeck.tui.panes.health.loader import read_overview
from crmdeck.tui.panes.health.overview import (
    FILTER_KEYS,
    GAP,
    STEP_ACTIONS,
    STEP_WORDS,
    Entry,
    HealthOverview,
    first_step,
    ordered,
    searched,
    summary,
)
from crmdeck.tui.panes.pane import ExportRequest, Pane
from crmdeck.tui.widgets.text_view import TextView

TITLE = "Health"


class HealthPane(Pane):
    """The morning check: is everything connected, is anything about to break, what to do."""

    SCOPE = "health"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = HEALTH_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.commands = HealthCommands(self, host, self.loader)
        self.overview = HealthOverview()
        self._worst_first = True
        self._hint = ""
        self._drawn: Entry | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the cards, and the connection under the cursor in full."""
        with Container(id="board"):
            yield Cards(id="cards")
            yield Static("No connection passes the filter.", id="none", markup=False)
            yield TextView(id="connection")

    @property
    def cards(self) -> Cards:
        """The list of cards."""
        return self.query_one(Cards)

    @property
    def details(self) -> TextView:
        """The connection in full."""
        return self.query_one("#connection", TextView)

    @property
    def entry(self) -> Entry | None:
        """The connection that shows."""
        return self.overview.entry(self.connection_id)

    @property
    def now(self) -> datetime:
        """The moment that ages are told for."""
        return self.overview.now or self.host.workspace.now

    @property
    def step(self) -> tuple[Alert, NextStep] | None:
        """The most urgent alert that a key can do something about."""
        entry, read_only = self.entry, self.host.workspace.read_only
        return first_step(entry.status, read_only=read_only) if entry else None

    @property
    def shown(self) -> Sequence[Entry]:
        """The connections that pass the filter."""
        return self.cards.entries

    @property
    def worst_first(self) -> bool:
        """Whether the worst come first, or else the names decide."""
        return self._worst_first

    @property
    def is_inside(self) -> bool:
        """Whether the details are what the user is in."""
        return self.has_class("-inside")

    def show(self, connection_id: str | None) -> None:
        """Show a connection; the cursor follows at once."""
        super().show(connection_id)
        self._show_chosen()

    def reload(self) -> None:
        """Look at all connections."""
        if self.connection_id is not None:
            self.loader.load(
                "overview",
                lambda _: read_overview(self.host.workspace),
                self._took,
                label="looking at the connections",
            )

    def _took(self, overview: HealthOverview) -> None:
        self.overview = overview
        self._arrange()

    def changed(self) -> None:
        """Look again after something was changed, and let the rail do so."""
        self.post_message(self.Changed())
        self.reload()

    def ask(self, action_id: str) -> None:
        """Ask the screen for one of its own actions."""
        self.post_message(self.Asked(action_id))

    def add_connection(self) -> None:
        """Have the screen add a connection."""
        self.post_message(self.AddConnection())

    def order(self, *, worst_first: bool) -> None:
        """Order by name, or the worst first."""
        self._worst_first = worst_first
        self._arrange()

    def enter(self) -> None:
        """Go into the details."""
        self.add_class("-inside")
        self.details.focus()
        self.refresh_bindings()

    def leave(self) -> None:
        """Go back to the cards."""
        self.remove_class("-inside")
        self.cards.focus()
        self.refresh_bindings()

    def apply_filter(self, text: str) -> None:
        """Show the connections that pass."""
        self._arrange()

    def _arrange(self) -> None:
        found = compile_filter(self.filter_text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        every = ordered(self.overview.entries, worst_first=self._worst_first)
        shown = [entry for entry in every if found.predicate is None or found.predicate(entry)]
        self.cards.show_entries(shown, self.overview.now, self.connection_id)
        self.set_class(bool(every) and not shown, "-none")
        total = f"{len(shown)} of {len(every)}" if len(shown) < len(every) else f"{len(every)}"
        self.post_message(self.Summary(total, self._hint))
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.cards.choose(self.connection_id)
        entry, before = self.entry, self._drawn
        if entry is not before:
            self._drawn = entry
            same = entry is not None and before is not None and entry.id == before.id
            self.details.show(self._detail, anew=not same)
        entries = self.overview.entries
        if entries:
            self.set_heading(TITLE, *summary(entries, self.size.width - len(TITLE) - GAP - 2))
        self.refresh_bindings()

    def _detail(self, width: int) -> Content:
        entry = self._drawn
        return detail(entry, self.now, width, self.step_hint) if entry is not None else Content("")

    def step_hint(self, alert: Alert) -> str:
        """Return the key of an alert's next step: that of the most urgent is always `n`."""
        if alert.next_step is None:
            return ""
        found = self.step
        first = found is not None and found[0] == alert
        wanted = "health.next_step" if first else STEP_ACTIONS.get(alert.next_step)
        if self.host.workspace.read_only and not first:
            return ""
        # What is offered depends on the focus; what is told does not.
        keys = [offer.keys[0] for offer in offers(self.screen) if offer.action.id == wanted]
        keys += [action.keys[0] for action in actions() if action.id == wanted]
        return f"{key_label(keys[0])} {STEP_WORDS[alert.next_step]}" if keys else ""

    @on(Cards.Moved)
    def _moved(self, message: Cards.Moved) -> None:
        self.connection_id = message.connection_id
        self.show_error(None)
        self._show_chosen()
        self.post_message(self.Chosen(message.connection_id))

    @on(Cards.Opened)
    def _opened(self) -> None:
        self.enter()

    def copy_text(self) -> str:
        """Return the status of the connection as JSON."""
        entry = self.entry
        return json.dumps(entry.status.to_wire(), ensure_ascii=False, indent=2) if entry else ""

    def export_request(self) -> ExportRequest | None:
        """Export the health of the connections that show."""
        shown = frozenset(entry.id for entry in self.cards.entries)
        return ExportRequest("health", only=shown, everywhere=True) if shown else None

    def state(self) -> dict[str, Any]:
        """Keep the order."""
        return {"worst_first": self._worst_first}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the order."""
        wanted = state.get("worst_first")
        self._worst_first = wanted if isinstance(wanted, bool) else self._worst_first

    def focus_target(self) -> Widget | None:
        """Return the cards, or the details that the user is in."""
        return self.details if self.is_inside else self.cards
