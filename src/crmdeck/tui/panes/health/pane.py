"""The health pane: all connections at a glance, and one in full."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import NextStep
from crmdeck.model import Alert
from crmdeck.tui.actions import EVERYWHERE, Actions, actions, key_label, offers
from crmdeck.tui.filtering import compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.health import doing
from crmdeck.tui.panes.health.board import (
    FILTER_KEYS,
    GAP,
    Board,
    Entry,
    ordered,
    searched,
    summary,
)
from crmdeck.tui.panes.health.cards import Cards
from crmdeck.tui.panes.health.detail_view import DetailView
from crmdeck.tui.panes.health.keys import HEALTH_ACTIONS
from crmdeck.tui.panes.health.steps import ACTIONS, WORDS, first_step
from crmdeck.tui.panes.pane import ExportRequest, Pane
from crmdeck.tui.requests import Job
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from datetime import datetime

    from crmdeck.workspace import Workspace

MOST_RUNS = 1000
TITLE = "Health"


class HealthPane(Pane):
    """The morning check: is everything connected, is anything about to break, what to do."""

    SCOPE = "health"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = HEALTH_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.board = Board()
        self.worst_first = True
        self._hint = ""

    def compose_body(self) -> ComposeResult:
        """Yield the cards, and the connection under the cursor in full."""
        with Container(id="board"):
            yield Cards(id="cards")
            yield Static("No connection passes the filter.", id="none", markup=False)
            yield DetailView(self.step_hint, id="connection")

    # What is under the cursor

    @property
    def cards(self) -> Cards:
        """The list of cards."""
        return self.query_one(Cards)

    @property
    def details(self) -> DetailView:
        """The connection in full."""
        return self.query_one(DetailView)

    @property
    def entry(self) -> Entry | None:
        """The connection that shows."""
        return self.board.entry(self.connection_id)

    @property
    def now(self) -> datetime:
        """The moment that ages are told for."""
        return self.board.now or self.workspace.now

    @property
    def step(self) -> tuple[Alert, NextStep] | None:
        """The most urgent alert that a key can do something about."""
        entry = self.entry
        return first_step(entry.status, read_only=self.workspace.read_only) if entry else None

    def step_hint(self, alert: Alert) -> str:
        """Return the key of an alert's next step: that of the most urgent is always `n`."""
        if alert.next_step is None:
            return ""
        found = self.step
        first = found is not None and found[0] == alert
        wanted = "health.next_step" if first else ACTIONS.get(alert.next_step)
        if self.workspace.read_only and not first:
            return ""
        # What is offered depends on the focus; what is told does not.
        keys = [offer.keys[0] for offer in offers(self.screen) if offer.action.id == wanted]
        keys += [action.keys[0] for action in actions() if action.id == wanted]
        return f"{key_label(keys[0])} {WORDS[alert.next_step]}" if keys else ""

    @property
    def is_inside(self) -> bool:
        """Whether the details are what the user is in."""
        return self.has_class("-inside")

    # Loading

    def show(self, connection_id: str | None) -> None:
        """Show a connection; the cursor follows at once."""
        super().show(connection_id)
        self._show_chosen()

    def reload(self) -> None:
        """Look at all connections."""
        if self.connection_id is not None:
            self.load("board", self._read, self._took, label="looking at the connections")

    def _read(self, _job: Job) -> Board:
        return read_board(self.workspace)

    def _took(self, board: Board) -> None:
        self.board = board
        self._arrange()

    def changed(self) -> None:
        """Look again after something was changed, and let the rail do so."""
        self.post_message(self.Changed())
        self.reload()

    def apply_filter(self, text: str) -> None:
        """Show the connections that pass."""
        self._arrange()

    def _arrange(self) -> None:
        found = compile_filter(self.filter_text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        every = ordered(self.board.entries, worst_first=self.worst_first)
        shown = [entry for entry in every if found.predicate is None or found.predicate(entry)]
        self.cards.show_entries(shown, self.board.now, self.connection_id)
        self.set_class(bool(every) and not shown, "-none")
        total = f"{len(shown)} of {len(every)}" if len(shown) < len(every) else f"{len(every)}"
        self.post_message(self.Summary(total, self._hint))
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.cards.choose(self.connection_id)
        self.details.show_entry(self.entry, self.board.now)
        entries = self.board.entries
        if entries:
            self.set_heading(TITLE, *summary(entries, self.size.width - len(TITLE) - GAP - 2))
        self.refresh_bindings()

    @on(Cards.Moved)
    def _moved(self, message: Cards.Moved) -> None:
        self.connection_id = message.connection_id
        self.show_error(None)
        self._show_chosen()
        self.post_message(self.Chosen(message.connection_id))

    @on(Cards.Opened)
    def _opened(self) -> None:
        self.add_class("-inside")
        self.details.focus()
        self.refresh_bindings()

    # What the shell asks

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
        return {"worst_first": self.worst_first}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the order."""
        wanted = state.get("worst_first")
        self.worst_first = wanted if isinstance(wanted, bool) else self.worst_first

    def focus_target(self) -> Widget | None:
        """Return the cards, or the details that the user is in."""
        return self.details if self.has_class("-inside") else self.cards

    # Actions

    def action_next_step(self) -> None:
        """Do what the most urgent alert asks for."""
        entry, step = self.entry, self.step
        if entry is None or step is None:
            return
        match step[1]:
            case NextStep.SEE_DRIFT:
                self.post_message(self.GoTo("drift", {"connection": entry.id}))
            case NextStep.TEST:
                self.action_test()
            case NextStep.SIGN_IN:
                self.post_message(self.Asked("connection.sign_in"))
            case NextStep.REFRESH:
                self.post_message(self.Asked("connection.refresh"))

    def action_test(self) -> None:
        """Ask the CRM who we are there."""
        if self.entry is not None:
            doing.test(self, self.entry.connection)

    def action_add(self) -> None:
        """Add a connection."""
        self.post_message(self.AddConnection())

    def action_refresh_all(self) -> None:
        """Refresh every connection that is connected."""
        wanted = [
            entry.connection
            for entry in self.cards.entries
            if entry.connection.disconnected_at is None
        ]

        def work(job: Job) -> doing.Round:
            return doing.refresh_all(self.workspace, wanted, job.progress, job.cancel)

        def done(result: doing.Round) -> None:
            self.deck.say(str(result), severity="warning" if result.failed else "information")
            self.changed()

        self.load("refresh", work, done, label=f"refreshing {count(len(wanted), 'connection')}")

    def action_order(self) -> None:
        """Order by name, or the worst first."""
        self.worst_first = not self.worst_first
        self._arrange()
        self.deck.say("The worst first" if self.worst_first else "By name", timeout=2)

    def action_rename(self) -> None:
        """Give the connection another name."""
        if self.entry is not None:
            doing.ask_and_rename(self, self.entry.connection)

    def action_folder(self) -> None:
        """Read exported schemas from another folder."""
        if self.entry is not None:
            doing.ask_and_move(self, self.entry.connection)

    def action_disconnect(self) -> None:
        """Disconnect, once its name was typed."""
        if self.entry is not None:
            doing.ask_and_disconnect(self, self.entry.connection)

    def action_reconnect(self) -> None:
        """Take the disconnection back."""
        if self.entry is not None:
            doing.reconnect(self, self.entry.connection)

    def action_other(self) -> None:
        """Go between the cards and the details."""
        if self.is_inside:
            self.action_leave()
        else:
            self._opened()

    def action_leave(self) -> None:
        """Go back to the cards."""
        self.remove_class("-inside")
        self.cards.focus()
        self.refresh_bindings()


def read_board(workspace: Workspace) -> Board:
    """Return every connection with what is cached of its health."""
    with workspace.hold():
        connections = {connection.id: connection for connection in workspace.connections.all()}
        entries = tuple(
            Entry(
                connections[status.id],
                status,
                workspace.health.sync_history(status.id, MOST_RUNS),
                workspace.health.failures(status.id),
            )
            for status in workspace.health.statuses()
        )
    return Board(entries, workspace.now)
