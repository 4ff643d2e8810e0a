"""What the keys do in the health pane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from textual.app import App

from crmdeck.errors import CrmdeckError, NextStep
from crmdeck.model import Alert, Connection, ProbeReport
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.confirm import TypedConfirm
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.loading.requests import Job, Loader, LoadQueue
from crmdeck.tui.panes.health.overview import Entry
from crmdeck.tui.state.undo import UndoStep
from crmdeck.tui.text import count


class HealthView(Protocol):
    """What the commands need of the pane."""

    @property
    def app(self) -> App[Any]:
        """The application, to push dialogs on."""

    @property
    def now(self) -> datetime:
        """The moment that ages are told for."""

    @property
    def entry(self) -> Entry | None:
        """The connection that shows."""

    @property
    def step(self) -> tuple[Alert, NextStep] | None:
        """Its most urgent alert that a key can do something about, and what."""

    @property
    def alert(self) -> Alert | None:
        """The alert under the cursor: in the list the most urgent one that is open."""

    @property
    def shown(self) -> Sequence[Entry]:
        """The connections that pass the filter."""

    @property
    def is_inside(self) -> bool:
        """Whether the user is in the details."""

    def leave(self) -> None:
        """Go back to the connections."""

    def changed(self) -> None:
        """Look again after something was changed, and let the rail do so."""

    def show_error(self, error: CrmdeckError | None) -> None:
        """Show an error."""

    def ask(self, action_id: str) -> None:
        """Ask the screen for one of its own actions."""

    def add_connection(self) -> None:
        """Have the screen add a connection."""


@dataclass(eq=False, frozen=True)
class _Change:
    """A change of a connection, what undoes it, and what is said once it is done."""

    title: str
    do: Callable[[], object]
    undo: Callable[[], object]
    command: str = ""


class HealthCommands:
    """Acts on the connection that shows."""

    def __init__(self, view: HealthView, host: PaneHost, loader: Loader) -> None:
        self.view = view
        self._host = host
        self._loader = loader
        self._turns = LoadQueue(loader, "change")

    @property
    def connection(self) -> Connection | None:
        """The connection that shows."""
        entry = self.view.entry
        return entry.connection if entry is not None else None

    @property
    def is_disconnected(self) -> bool:
        """Whether the connection that shows was disconnected."""
        connection = self.connection
        return connection is not None and connection.disconnected_at is not None

    def take_next_step(self) -> None:
        """Do what the most urgent alert asks for."""
        entry, step = self.view.entry, self.view.step
        if entry is None or step is None:
            return
        match step[1]:
            case NextStep.SEE_DRIFT:
                self._host.go_to("drift", Location(connection=entry.id))
            case NextStep.TEST:
                self.test()
            case NextStep.SIGN_IN:
                self.view.ask("connection.sign_in")
            case NextStep.REFRESH:
                self.view.ask("connection.refresh")

    def add(self) -> None:
        """Add a connection."""
        self.view.add_connection()

    def leave(self) -> None:
        """Go back to the connections."""
        self.view.leave()

    def refresh_all(self) -> None:
        """Refresh every connection that shows and is connected, at the same time.

        One that fails keeps its error and stops no other.
        """
        wanted = [entry.id for entry in self.view.shown if entry.connection.disconnected_at is None]

        def work(job: Job) -> tuple[str, bool]:
            attempts = self._host.workspace.refreshes.run_many(
                wanted, progress=job.progress, cancel=job.cancel
            )
            results = [each.result for each in attempts if each.result is not None]
            changes = sum(len(result.drift_events) for result in results)
            told = f"{count(len(results), 'connection')} refreshed, {count(changes, 'change')}"
            failed = [each.name for each in attempts if each.error is not None]
            return f"{told}; failed: {', '.join(failed)}" if failed else told, bool(failed)

        def done(answer: tuple[str, bool]) -> None:
            told, failed = answer
            self._host.say(told, severity="warning" if failed else "information")
            self.view.changed()

        label = f"refreshing {count(len(wanted), 'connection')}"
        self._loader.load("refresh", work, done, label=label)

    def rename(self) -> None:
        """Ask for another name."""
        connection = self.connection
        if connection is None:
            return

        def work(_job: Job, answers: dict[str, str]) -> Connection:
            return self._host.workspace.connections.rename(connection.id, answers["name"].strip())

        form: Form[Connection] = Form(
            f"Rename {connection.name}",
            [Asked("name", "New name", value=connection.name)],
            work,
            text="Its id and its history stay.",
            label="renaming",
        )

        def done(renamed: Connection | None) -> None:
            if renamed is None:
                return
            connections = self._host.workspace.connections
            old, new = connection.name, renamed.name
            self._did(
                _Change(
                    f"rename {old} to {new}",
                    lambda: connections.rename(connection.id, new),
                    lambda: connections.rename(connection.id, old),
                    self._host.workspace.command_line("connections rename", old, new),
                )
            )
            self.view.changed()

        self.view.app.push_screen(form, done)

    def disconnect(self) -> None:
        """Ask for the name to be typed, then disconnect."""
        connection = self.connection
        if connection is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._change(self._disconnecting(connection, "disconnect"))

        text = (
            "It is not refreshed any more. Nothing is deleted: its schemas, its drift and its "
            "mappings stay, and u connects it again."
        )
        dialog = TypedConfirm(f"Disconnect {connection.name}?", text, expected=connection.name)
        self.view.app.push_screen(dialog, answered)

    def reconnect(self) -> None:
        """Take a disconnection back."""
        connection = self.connection
        if connection is not None:
            there = self._disconnecting(connection, "reconnect")
            command = self._host.workspace.command_line(
                "connections set", connection.name, reconnect=True
            )
            self._change(replace(there, do=there.undo, undo=there.do, command=command))

    def _disconnecting(self, connection: Connection, deed: str) -> _Change:
        connections = self._host.workspace.connections
        return _Change(
            f"{deed} {connection.name}",
            lambda: connections.disconnect(connection.id),
            lambda: connections.update(connection.id, reconnect=True),
            self._host.workspace.command_line("disconnect", connection.name),
        )

    def test(self) -> None:
        """Ask the CRM who we are there, and show the answer."""
        connection = self.connection
        if connection is None:
            return

        def told(report: ProbeReport) -> None:
            self.view.changed()
            self.view.app.push_screen(Account(connection.name, report, self.view.now))

        def failed(error: CrmdeckError) -> None:
            self.view.changed()
            self.view.show_error(error)

        self._loader.load(
            "test",
            lambda job: self._host.workspace.connections.test(connection.id, progress=job.progress),
            told,
            failed=failed,
            label=f"testing {connection.name}",
        )

    def put_away(self) -> None:
        """Put the alert under the cursor away, or bring it back where it is away."""
        entry, alert = self.view.entry, self.view.alert
        if entry is None or alert is None:
            return
        health, is_away = self._host.workspace.health, alert.put_away_at is not None

        def away() -> Alert:
            return health.put_away(entry.id, alert.id)

        def back() -> Alert:
            return health.bring_back(entry.id, alert.id)

        title = f"{'bring back' if is_away else 'put away'}: {alert.message}"
        change = _Change(title, back, away) if is_away else _Change(title, away, back)
        self._change(change)

    @property
    def put_away_title(self) -> str:
        """What is done to the alert under the cursor."""
        alert = self.view.alert
        return "bring back" if alert is not None and alert.put_away_at else "put away"

    def no_alert(self) -> str | None:
        """Return why there is no alert to put away."""
        if self.view.alert is not None:
            return None
        return self.no_connection() or "There is no alert to put away."

    def _change(self, change: _Change) -> None:
        """Change a connection, and let that be undone."""
        self._turn(change.do, lambda: self._did(change), lambda: None)

    def _did(self, change: _Change) -> None:
        steps = self._host.steps

        def put_back() -> None:
            steps.put_back(change)

        steps.did(
            UndoStep(
                change.title,
                "Health",
                self._host.workspace.now,
                back=lambda: self._turn(change.undo, lambda: None, put_back),
                again=lambda: self._turn(change.do, lambda: None, put_back),
                subject=change,
                command=change.command,
            )
        )

    def _turn(
        self,
        work: Callable[[], object],
        did: Callable[[], object],
        not_done: Callable[[], object],
    ) -> None:
        def done(changed: object) -> None:
            did()
            self._host.say(_told(changed), timeout=4)
            self.view.changed()

        def failed(error: CrmdeckError) -> None:
            not_done()
            self.view.show_error(error)

        self._turns.put(lambda _: work(), done, failed=failed, label="changing the connection")

    def no_connection(self) -> str | None:
        """Return why nothing can be done to the connection that shows; None where it can."""
        return None if self.view.entry is not None else "No connection is chosen."

    def no_connected(self) -> str | None:
        """Return the same where it has to be connected."""
        connection = self.connection
        if connection is None:
            return self.no_connection()
        if connection.disconnected_at is not None:
            return f"{connection.name} is disconnected: reconnect it first."
        return None

    def no_step(self) -> str | None:
        """Return why there is no next step."""
        return None if self.view.step is not None else "No alert asks for anything that a key does."

    def no_refresh(self) -> str | None:
        """Return why there is nothing to refresh."""
        return None if self.view.shown else "No connection shows."


def _told(changed: object) -> str:
    """Return what is said of a connection or an alert that was changed."""
    match changed:
        case Connection():
            gone = changed.disconnected_at is not None
            how = "disconnected; what was cached of it stays" if gone else "connected"
            return f"{changed.name} is {how}."
        case Alert(put_away_at=None):
            return f"Brought back: {changed.message}"
        case Alert():
            return f"Put away: {changed.message}\nIt shows again when it is another one; u undoes."
    return ""
