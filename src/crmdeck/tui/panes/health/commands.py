"""The keys of the health pane: act on the connection under the cursor, or on one of its alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from crmdeck.errors import CrmdeckError, NextStep
from crmdeck.model import Alert, Connection, ProbeReport, RefreshResult
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.ask import Ask, Deed
from crmdeck.tui.dialogs.confirm import TypedConfirm
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import action
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.loader import OverviewLoader
from crmdeck.tui.panes.health.overview import ConnectionHealth, dismissed, listed
from crmdeck.tui.panes.health.to_do import first_step, things_to_do
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.state.undo import Undoable
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView


class HealthCommands:
    """Acts on the chosen connection, and knows which of its alerts is chosen.

    `draw` draws the details again; True scrolls them to the top.
    """

    def __init__(
        self,
        pane: Pane,
        overview: OverviewLoader,
        table: Table[ConnectionHealth],
        details: TextView,
        draw: Callable[[bool], None],
    ) -> None:
        self._pane = pane
        self._host = pane.host
        self._overview = overview
        self._table = table
        self._details = details
        self._draw = draw
        self.alert_id = ""
        """The alert under the cursor of the details; empty means the first one."""

    @property
    def entry(self) -> ConnectionHealth | None:
        """The chosen connection with its health."""
        return self._overview.overview.entry(self._pane.connection_id)

    @property
    def connection(self) -> Connection | None:
        entry = self.entry
        return entry.connection if entry is not None else None

    @property
    def step(self) -> tuple[Alert, NextStep] | None:
        """The most urgent alert of the connection that a key can fix, and its next step."""
        entry = self.entry
        if entry is None:
            return None
        return first_step(entry.status, read_only=self._host.workspace.read_only)

    @property
    def alert(self) -> Alert | None:
        """The alert under the cursor; in the list, the most urgent open one."""
        entry = self.entry
        if entry is None:
            return None
        if not self.is_inside():
            return next(iter(entry.status.open_alerts), None)
        alerts = listed(entry.status)
        chosen = (alert for alert in alerts if alert.id == self.alert_id)
        # The chosen alert may be resolved since.
        return next(chosen, next(iter(alerts), None))

    def step_alert(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) alert; return False if that is the end."""
        entry, alert = self.entry, self.alert
        if entry is None or alert is None or not self.is_inside():
            return False
        alerts = listed(entry.status)
        position = alerts.index(alert) + direction
        # At the ends the key scrolls the text instead.
        if not 0 <= position < len(alerts):
            return False
        self.alert_id = alerts[position].id
        self._draw(False)
        self._pane.refresh_bindings()
        return True

    def is_inside(self) -> bool:
        """True if the details fill the pane."""
        return self._pane.has_class("-inside")

    def enter(self) -> None:
        """Go into the details, to the chosen alert or the first one."""
        self._pane.add_class("-inside")
        self._draw(True)
        self._details.focus()
        self._pane.refresh_bindings()

    def no_connection(self) -> str | None:
        return None if self.entry is not None else "No connection is selected."

    def no_connected(self) -> str | None:
        connection = self.connection
        if connection is not None and connection.disconnected_at is not None:
            return f"{connection.name} is disconnected. Reconnect it first."
        return self.no_connection()

    def no_step(self) -> str | None:
        entry = self.entry
        if entry is None or self.step is not None:
            return self.no_connection()
        if entry.status.open_alerts:
            return "No alert here can be fixed with a key."
        if entry.required:
            fields = count(entry.required, "required field")
            return f"No open alerts here. Next: map {fields}. 4 opens Mapping."
        entries = self._overview.overview.entries
        things = things_to_do(entries)
        if not things:
            return "No open alerts. Nothing to do."
        way = "n goes to the next alert" if any(map(_is_open, entries)) else "3 opens Drift"
        return f"No open alerts here. Next: {things[0].text}. {way}."

    @action(
        "health.next_step",
        "Fix",
        "f",
        help="Do the next step of the most urgent alert.",
        hint=90,
        blocked=no_step,
    )
    def take_next_step(self) -> None:
        entry, step = self.entry, self.step
        if entry is None or step is None:
            return
        match step[1]:
            case NextStep.SEE_DRIFT:
                self._host.go_to("drift", Location(connection=entry.id))
            case NextStep.TEST:
                self.test()
            # Signing in and refreshing are actions of the screen, because every pane has them.
            case NextStep.SIGN_IN:
                self._pane.post_message(Pane.Asked("connection.sign_in"))
            case NextStep.REFRESH:
                self._pane.post_message(Pane.Asked("connection.refresh"))
            case NextStep.DECIDE_REFRESH:
                self._decide_refresh(entry.connection, step[0])

    def _decide_refresh(self, connection: Connection, alert: Alert) -> None:
        def answered(key: str | None) -> None:
            if key == "r":
                self._pane.post_message(Pane.Asked("connection.refresh"))
            elif key == "x":
                self._accept_suspect(connection)

        self._pane.app.push_screen(
            Ask(
                f"Decide on the refresh of {connection.name}",
                f"{alert.message}\n{alert.cause or ''}".strip(),
                [
                    Deed("r", "Refresh again", "keep the cached schema for now"),
                    Deed("x", "Accept removals", "recorded as changes"),
                ],
                opened_by="f",
            ),
            answered,
        )

    def _accept_suspect(self, connection: Connection) -> None:
        workspace = self._host.workspace

        def done(result: RefreshResult) -> None:
            changes = count(len(result.drift_events), "change")
            self._host.say(
                f"Refreshed {connection.name}: {changes}.",
                command=workspace.command_line("refresh", connection.name, accept_suspect=True),
            )
            self._changed()

        self._pane.loader.load(
            "refresh",
            lambda job: workspace.refreshes.run(
                connection.id, progress=job.progress, cancel=job.cancel, accept_suspect=True
            ),
            done,
            label=f"refreshing {connection.name}",
        )

    def no_alert(self) -> str | None:
        alert = self.alert
        if alert is None:
            return self.no_connection() or "No alert to dismiss."
        return "Already dismissed. c reopens it." if alert.dismissed_at else None

    @action(
        "health.dismiss",
        "Dismiss",
        "a",
        help="Dismiss this alert, optionally until a date.",
        hint=83,
        blocked=no_alert,
        writes=True,
    )
    def dismiss(self) -> None:
        entry, alert = self.entry, self.alert
        if entry is None or alert is None:
            return

        def answered(key: str | None) -> None:
            if key == "d":
                self._settle(entry, alert, reopen=False)
            elif key == "u":
                self._ask_until(entry, alert)

        self._pane.app.push_screen(
            Ask(
                f"Dismiss this alert of {entry.connection.name}?",
                alert.message,
                [
                    Deed("d", "Dismiss", "reopens if it gets worse or comes back"),
                    Deed("u", "Dismiss until…", "reopens after a date, too"),
                ],
                opened_by="a",
            ),
            answered,
        )

    def _ask_until(self, entry: ConnectionHealth, alert: Alert) -> None:
        today = self._host.workspace.now.date()

        def wrong(text: str) -> str:
            day = _day(text)
            if day is None:
                return "Enter a date, such as 2026-12-31."
            return f"{day} has passed." if day < today else ""

        def chosen(text: str | None) -> None:
            if text is not None:
                self._settle(entry, alert, reopen=False, until=_day(text))

        self._pane.app.push_screen(
            Prompt("Dismiss until", alert.message, placeholder="2026-12-31", check=wrong), chosen
        )

    def no_dismissed(self) -> str | None:
        if self._dismissed() is not None:
            return None
        return self.no_connection() or "No alert here is dismissed."

    @action(
        "health.reopen",
        "Reopen",
        "c",
        help="Reopen the dismissed alert.",
        hint=82,
        blocked=no_dismissed,
        writes=True,
    )
    def reopen(self) -> None:
        entry, alert = self.entry, self._dismissed()
        if entry is not None and alert is not None:
            self._settle(entry, alert, reopen=True, until=alert.dismissed_until)

    def _dismissed(self) -> Alert | None:
        """Return the chosen alert if it is dismissed; in the list, the first dismissed one."""
        entry, alert = self.entry, self.alert
        if entry is None or self.is_inside():
            return alert if alert is not None and alert.dismissed_at else None
        return next(iter(dismissed(entry.status)), None)

    def _settle(
        self, entry: ConnectionHealth, alert: Alert, *, reopen: bool, until: date | None = None
    ) -> None:
        """Dismiss or reopen an alert; `until` is the last day of the dismissal."""
        workspace, name = self._host.workspace, entry.connection.name

        def dismissed() -> Alert:
            return workspace.health.dismiss(entry.id, alert.id, until=until)

        def reopened() -> Alert:
            return workspace.health.reopen(entry.id, alert.id)

        verb = "reopen" if reopen else "dismiss"
        do, undo = (reopened, dismissed) if reopen else (dismissed, reopened)
        day = str(until) if until is not None and not reopen else None
        command = workspace.command_line(f"health {verb}", name, alert.id, until=day)
        self._pane.perform(self._undoable(f"{verb}: {alert.message}", do, undo, command))

    def _none_open(self) -> str | None:
        return None if any(map(_is_open, self._table.shown())) else "No open alerts here."

    @action(
        "health.next",
        "Next open",
        "n",
        help="Go to the next connection with open alerts.",
        blocked=_none_open,
    )
    def next_open(self) -> None:
        self._table.move_to_next(_is_open, 1)

    @action(
        "health.previous",
        "Previous open",
        "N",
        help="Go to the previous connection with open alerts.",
        blocked=_none_open,
    )
    def previous_open(self) -> None:
        self._table.move_to_next(_is_open, -1)

    @action(
        "health.test",
        "Test",
        "t",
        help="Test sign-in, permissions and quota.",
        hint=80,
        blocked=no_connected,
    )
    def test(self) -> None:
        connection = self.connection
        if connection is None:
            return

        def done(report: ProbeReport) -> None:
            self._changed()
            now = self._overview.overview.now or self._host.workspace.now
            self._pane.app.push_screen(Account(connection.name, report, now))

        def failed(error: CrmdeckError) -> None:
            # A failed test is in the history, too, and can change the state of the connection.
            self._changed()
            self._pane.show_error(error)

        self._pane.loader.load(
            "test",
            lambda job: self._host.workspace.connections.test(connection.id, progress=job.progress),
            done,
            failed=failed,
            label=f"testing {connection.name}",
        )

    @action("health.add", "Add", "ctrl+n", help="Add a connection.", hint=75, writes=True)
    def add(self) -> None:
        self._pane.post_message(Pane.AddConnection())

    @action(
        "health.refresh_all",
        "Refresh all",
        "ctrl+r",
        help="Refresh the schemas of all connections shown.",
        hint=48,
        blocked=lambda commands: None if commands._table.shown() else "No connections to refresh.",
        writes=True,
    )
    def refresh_all(self) -> None:
        wanted = [
            entry.id for entry in self._table.shown() if entry.connection.disconnected_at is None
        ]

        def work(job: Job) -> tuple[str, list[str]]:
            attempts = self._host.workspace.refreshes.run_many(
                wanted, progress=job.progress, cancel=job.cancel
            )
            results = [each.result for each in attempts if each.result is not None]
            changes = sum(len(result.drift_events) for result in results)
            text = f"Refreshed {count(len(results), 'connection')}: {count(changes, 'change')}."
            return text, [each.name for each in attempts if each.error is not None]

        def done(answer: tuple[str, list[str]]) -> None:
            text, failed = answer
            text += f" Failed: {', '.join(failed)}." if failed else ""
            self._host.say(text, severity="warning" if failed else "information")
            self._changed()

        label = f"refreshing {count(len(wanted), 'connection')}"
        self._pane.loader.load("refresh", work, done, label=label)

    @action(
        "health.rename",
        "Rename",
        "R",
        help="Rename the connection.",
        blocked=no_connection,
        writes=True,
    )
    def rename(self) -> None:
        connection = self.connection
        if connection is None:
            return
        workspace, connections = self._host.workspace, self._host.workspace.connections

        def work(_job: Job, answers: dict[str, str]) -> Connection:
            return connections.rename(connection.id, answers["name"].strip())

        def done(renamed: Connection | None) -> None:
            if renamed is None:
                return
            old, new = connection.name, renamed.name
            self._pane.performed(
                self._undoable(
                    f"rename {old} to {new}",
                    lambda: connections.rename(connection.id, new),
                    lambda: connections.rename(connection.id, old),
                    workspace.command_line("connections rename", old, new),
                )
            )
            self._changed()

        # Renamed by the form itself, so that a name that is taken can be corrected there.
        form: Form[Connection] = Form(
            f"Rename {connection.name}",
            [Asked("name", "New name", value=connection.name)],
            work,
            text="Its ID and history are kept.",
            label="renaming",
        )
        self._pane.app.push_screen(form, done)

    def is_connected(self) -> bool:
        # Without a connection the key belongs to Disconnect, which shows why it can't run.
        connection = self.connection
        return connection is None or connection.disconnected_at is None

    @action(
        "health.disconnect",
        "Disconnect",
        "ctrl+x",
        help="Disconnect the connection. Its history is kept.",
        applies=is_connected,
        blocked=no_connection,
        writes=True,
        mode="connected",
    )
    def disconnect(self) -> None:
        connection = self.connection
        if connection is None:
            return
        command = self._host.workspace.command_line("disconnect", connection.name)

        def answered(sure: bool | None) -> None:
            if sure:
                self._pane.perform(
                    self._undoable(
                        f"disconnect {connection.name}", *self._turns(connection), command
                    )
                )

        text = (
            "crmdeck stops refreshing it. Its schemas, changes and mappings are kept. u undoes it."
        )
        dialog = TypedConfirm(f"Disconnect {connection.name}?", text, expected=connection.name)
        self._pane.app.push_screen(dialog, answered)

    @action(
        "health.reconnect",
        "Reconnect",
        "ctrl+x",
        help="Reconnect the connection.",
        hint=85,
        applies=lambda commands: not commands.is_connected(),
        writes=True,
        mode="disconnected",
    )
    def reconnect(self) -> None:
        connection = self.connection
        if connection is None:
            return
        command = self._host.workspace.command_line(
            "connections set", connection.name, reconnect=True
        )
        disconnect, reconnect = self._turns(connection)
        self._pane.perform(
            self._undoable(f"reconnect {connection.name}", reconnect, disconnect, command)
        )

    def _turns(
        self, connection: Connection
    ) -> tuple[Callable[[], Connection], Callable[[], Connection]]:
        """Return what disconnects a connection, and what reconnects it."""
        connections = self._host.workspace.connections
        return (
            lambda: connections.disconnect(connection.id),
            lambda: connections.update(connection.id, reconnect=True),
        )

    @action(
        "health.leave",
        "Back",
        "escape",
        "backspace",
        help="Go back to the connections.",
        hint=95,
        applies=is_inside,
        palette=False,
    )
    def leave(self) -> None:
        self._pane.remove_class("-inside")
        self._draw(True)
        self._table.focus()
        self._pane.refresh_bindings()

    def _changed(self) -> None:
        self._pane.post_message(Pane.Changed())
        self._pane.reload()

    def _undoable(
        self,
        title: str,
        do: Callable[[], Connection | Alert],
        undo: Callable[[], Connection | Alert],
        command: str,
    ) -> Undoable[Connection | Alert]:
        def show(changed: Connection | Alert) -> None:
            self._host.say(_result_text(changed), timeout=4)
            self._changed()

        return Undoable(title, "Health", do, undo, turned=show, done=show, command=command)


def _result_text(changed: Connection | Alert) -> str:
    match changed:
        case Connection():
            if changed.disconnected_at is not None:
                return f"Disconnected {changed.name}. Its history is kept."
            return f"{changed.name} is connected."
        case Alert(dismissed_at=None):
            return f"Reopened: {changed.message}"
        case Alert(dismissed_until=None):
            return f"Dismissed: {changed.message}\nIt reopens if it gets worse. u undoes this."
        case Alert():
            until = changed.dismissed_until
            return f"Dismissed until {until}: {changed.message}\nu undoes this."


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _is_open(entry: ConnectionHealth) -> bool:
    return bool(entry.status.open_alerts)
