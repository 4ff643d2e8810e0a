"""The keys of the health pane: act on a connection, or on one of its findings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from crmdeck.errors import CrmdeckError
from crmdeck.model import (
    Connection,
    Finding,
    FindingKind,
    ProbeReport,
    RefreshResult,
    Step,
    Verb,
)
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.ask import Ask, Deed
from crmdeck.tui.dialogs.confirm import TypedConfirm
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import action
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.loader import OverviewLoader
from crmdeck.tui.panes.health.overview import ConnectionHealth, listed, settled
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.state.undo import Undoable
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView

_SETTLING = (Verb.ACCEPT_RISK, Verb.SNOOZE, Verb.REOPEN, Verb.EXAMINE)
_WRITES = (Verb.SIGN_IN, Verb.REFRESH, Verb.ACCEPT_SUSPECT)
_DAYS = {"7": 7, "3": 30, "9": 90}
"""The days until which a risk is accepted, by key."""


class HealthCommands:
    """Acts on the chosen connection, and knows which of its findings is chosen.

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
        self.finding_id = ""
        """The finding under the cursor of the details; empty means the first one."""

    @property
    def entry(self) -> ConnectionHealth | None:
        """The chosen connection with its health."""
        return self._overview.overview.entry(self._pane.connection_id)

    @property
    def connection(self) -> Connection | None:
        entry = self.entry
        return entry.connection if entry is not None else None

    @property
    def finding(self) -> Finding | None:
        """The finding under the cursor; in the list, the most urgent open one."""
        entry = self.entry
        if entry is None:
            return None
        if not self.is_inside():
            return next(iter(entry.status.open_findings), None)
        findings = listed(entry.status)
        chosen = (finding for finding in findings if finding.id == self.finding_id)
        # The chosen finding may be resolved since.
        return next(chosen, next(iter(findings), None))

    @property
    def step(self) -> Step | None:
        """The first step of the chosen finding that a key can do."""
        finding, read_only = self.finding, self._host.workspace.read_only
        if finding is None or not finding.is_open:
            return None
        steps = (step for step in finding.steps if step.verb not in _SETTLING)
        return next((one for one in steps if not (read_only and one.verb in _WRITES)), None)

    def step_finding(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) finding; return False if that is the end."""
        entry, finding = self.entry, self.finding
        if entry is None or finding is None or not self.is_inside():
            return False
        findings = listed(entry.status)
        position = findings.index(finding) + direction
        # At the ends the key scrolls the text instead.
        if not 0 <= position < len(findings):
            return False
        self.finding_id = findings[position].id
        self._draw(False)
        self._pane.refresh_bindings()
        return True

    def is_inside(self) -> bool:
        """True if the details fill the pane."""
        return self._pane.has_class("-inside")

    def enter(self) -> None:
        """Go into the details, to the chosen finding or the first one."""
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
        if self.entry is None or self.step is not None:
            return self.no_connection()
        if self.finding is not None:
            return "No key fixes this finding. Enter shows its cause."
        if any(map(_is_open, self._overview.overview.entries)):
            return "No open findings here. n goes to the next one."
        return "No open findings."

    @action(
        "health.next_step",
        "Fix",
        "f",
        help="Do the first step of the most urgent finding.",
        hint=90,
        blocked=no_step,
    )
    def take_next_step(self) -> None:
        entry, finding, step = self.entry, self.finding, self.step
        if entry is None or finding is None or step is None:
            return
        about = finding.subject
        match step.verb:
            case Verb.ACKNOWLEDGE:
                event = finding.changes[0] if finding.changes else None
                self._host.go_to("drift", Location(connection=entry.id, event=event))
            case Verb.TEST:
                self.test()
            # Signing in and refreshing are actions of the screen, because every pane has them.
            case Verb.SIGN_IN:
                self._pane.post_message(Pane.Asked("connection.sign_in"))
            case Verb.REFRESH if finding.kind is FindingKind.SUSPECT_REFRESH:
                self._decide_refresh(entry.connection, finding)
            case Verb.REFRESH:
                self._pane.post_message(Pane.Asked("connection.refresh"))
            case _ if about.object_pair is not None:
                field = about.partner_field or (about.crm_field and f"crm:{about.crm_field}")
                location = Location(connection=entry.id, pair=about.object_pair, field=field)
                self._host.go_to("mapping", location)
            case _:
                self._host.say(f"{step.text}: {step.command}")

    def _decide_refresh(self, connection: Connection, finding: Finding) -> None:
        def on_submit(key: str | None) -> None:
            if key == "r":
                self._pane.post_message(Pane.Asked("connection.refresh"))
            elif key == "x":
                self._accept_suspect(connection)

        self._pane.app.push_screen(
            Ask(
                f"Decide on the refresh of {connection.name}",
                f"{finding.title}\n{finding.cause}".strip(),
                [
                    Deed("r", "Refresh again", "keep the cached schema for now"),
                    Deed("x", "Accept removals", "recorded as changes"),
                ],
                opened_by="f",
            ),
            on_submit,
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

    def no_finding(self) -> str | None:
        finding = self.finding
        if finding is None:
            return self.no_connection() or "No open findings."
        if not finding.is_open:
            return "Already accepted. c reopens it."
        can = finding.can_be_accepted or finding.is_unread
        return None if can else "Its risk can't be accepted: it fails no gate."

    @action(
        "health.accept",
        "Accept risk",
        "a",
        help="Accept the risk of this finding until a day, or snooze what crmdeck can't read.",
        hint=83,
        blocked=no_finding,
        writes=True,
    )
    def accept(self) -> None:
        finding = self.finding
        if finding is None:
            return
        today = self._host.workspace.now.date()

        def on_submit(key: str | None) -> None:
            if key == "d":
                self._ask_until(finding)
            elif key in _DAYS:
                self._settle(finding, today + timedelta(days=_DAYS[key]))

        snoozes = finding.is_unread
        self._pane.app.push_screen(
            Ask(
                "Snooze this finding?" if snoozes else "Accept this risk?",
                finding.title,
                [
                    *(
                        Deed(key, f"{days} days", f"until {today + timedelta(days=days)}")
                        for key, days in _DAYS.items()
                    ),
                    Deed("d", "Another day…", "gates still fail" if snoozes else "gates pass"),
                ],
                opened_by="a",
            ),
            on_submit,
        )

    def _ask_until(self, finding: Finding) -> None:
        today = self._host.workspace.now.date()

        def wrong(text: str) -> str:
            day = _day(text)
            if day is None:
                return "Enter a date, such as 2026-12-31."
            return f"{day} has passed." if day < today else ""

        def on_submit(text: str | None) -> None:
            if text is not None and (day := _day(text)) is not None:
                self._settle(finding, day)

        self._pane.app.push_screen(
            Prompt("Until which day", finding.title, placeholder="2026-12-31", check=wrong),
            on_submit,
        )

    def no_settled(self) -> str | None:
        if self._settled() is not None:
            return None
        return self.no_connection() or "No risk here is accepted."

    @action(
        "health.reopen",
        "Reopen",
        "c",
        help="Reopen the accepted finding.",
        hint=82,
        blocked=no_settled,
        writes=True,
    )
    def reopen(self) -> None:
        finding = self._settled()
        if finding is not None:
            self._settle(finding, finding.accepted_until, reopen=True)

    def _settled(self) -> Finding | None:
        """Return the chosen finding if it is accepted; in the list, the first accepted one."""
        entry, finding = self.entry, self.finding
        if entry is None or self.is_inside():
            return finding if finding is not None and finding.accepted_until else None
        return next(iter(settled(entry.status)), None)

    def _settle(self, finding: Finding, until: date | None, *, reopen: bool = False) -> None:
        """Accept the risk of a finding until a day, or snooze it, or reopen it."""
        workspace, id_ = self._host.workspace, finding.id
        day, note = until or workspace.now.date(), finding.note or ""

        def accepted() -> Finding:
            if finding.is_unread:
                return workspace.findings.snooze(id_, day)
            return workspace.findings.accept(id_, day, note)

        def reopened() -> Finding:
            return workspace.findings.reopen(id_)

        verb = "reopen" if reopen else "snooze" if finding.is_unread else "accept"
        do, undo = (reopened, accepted) if reopen else (accepted, reopened)
        shown = None if reopen else str(day)
        command = workspace.command_line(f"findings {verb}", id_, until=shown)
        self._pane.perform(self._undoable(f"{verb}: {finding.title}", do, undo, command))

    def _none_open(self) -> str | None:
        return None if any(map(_is_open, self._table.shown())) else "No open findings here."

    @action(
        "health.next",
        "Next open",
        "n",
        help="Go to the next connection with open findings.",
        blocked=_none_open,
    )
    def next_open(self) -> None:
        self._table.move_to_next(_is_open, 1)

    @action(
        "health.previous",
        "Previous open",
        "N",
        help="Go to the previous connection with open findings.",
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

        def on_submit(sure: bool | None) -> None:
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
        self._pane.app.push_screen(dialog, on_submit)

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
        do: Callable[[], Connection | Finding],
        undo: Callable[[], Connection | Finding],
        command: str,
    ) -> Undoable[Connection | Finding]:
        def show(changed: Connection | Finding) -> None:
            self._host.say(_result_text(changed), timeout=4)
            self._changed()

        return Undoable(title, "Health", do, undo, turned=show, done=show, command=command)


def _result_text(changed: Connection | Finding) -> str:
    match changed:
        case Connection():
            if changed.disconnected_at is not None:
                return f"Disconnected {changed.name}. Its history is kept."
            return f"{changed.name} is connected."
        case Finding(accepted_until=None):
            return f"Reopened: {changed.title}"
        case Finding():
            what = "Snoozed" if changed.is_unread else "Accepted the risk"
            return f"{what} until {changed.accepted_until}: {changed.title}\nu undoes this."


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _is_open(entry: ConnectionHealth) -> bool:
    return bool(entry.status.open_findings)
