"""The keys of the health pane: act on a finding, or on a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crmdeck.errors import CrmdeckError
from crmdeck.model import (
    Connection,
    Finding,
    FindingKind,
    ProbeReport,
    RefreshResult,
    Step,
    Urgency,
    Verb,
)
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.choose import Choice, Choose, menu_choice
from crmdeck.tui.dialogs.confirm import Confirm, TypedConfirm
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import RunAction, action
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.loader import HealthViewState, OverviewLoader
from crmdeck.tui.panes.health.overview import ConnectionHealth, settled
from crmdeck.tui.panes.health.today import FindingRow
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.settling import SETTLING, Settling, first_step
from crmdeck.tui.panes.to_do import row_of
from crmdeck.tui.state.undo import Undoable
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Table

_WRITES = (Verb.SIGN_IN, Verb.REFRESH, Verb.ACCEPT_SUSPECT, Verb.ACKNOWLEDGE)
"""Steps that write right here; the others lead to a place that asks first."""
_IN_MAPPING = {
    Verb.MOVE: True,
    Verb.CHOOSE: True,
    Verb.UNMAP: False,
    Verb.MAP_VALUES: False,
    Verb.FILL: False,
    Verb.MAP: False,
    Verb.REVIEW: False,
    Verb.PROPOSE: False,
}
"""Steps that Mapping does; True if they choose a field."""
_WORDS = {
    **dict.fromkeys(_IN_MAPPING, "in Mapping"),
    Verb.SIGN_IN: "",
    Verb.TEST: "sign-in, permissions, quota",
    Verb.SET_SYNC_USER: "whose permissions and records to check",
    Verb.REFRESH: "reads the schema",
    Verb.ACCEPT_SUSPECT: "recorded as changes",
    Verb.ACKNOWLEDGE: "with a note",
    Verb.ACCEPT_RISK: "until a day; gates pass",
    Verb.SNOOZE: "until a day; gates still fail",
    Verb.REOPEN: "",
}


_KEYS = {**dict.fromkeys(SETTLING, "a"), Verb.ACKNOWLEDGE: "a", Verb.REOPEN: "c"}
"""The keys of the pane that do the same as a step."""


class HealthCommands:
    """Acts on the findings under the cursor, or on the chosen connection.

    `arrange` shows the rows again, with the cursor on a row.
    """

    def __init__(
        self,
        pane: Pane,
        overview: OverviewLoader,
        state: HealthViewState,
        findings: Table[FindingRow],
        connections: Table[ConnectionHealth],
        arrange: Callable[[], None],
    ) -> None:
        self._pane = pane
        self._host = pane.host
        self._overview = overview
        self._state = state
        self._findings = findings
        self._connections = connections
        self._arrange = arrange
        self._settling = Settling(pane, "Health", self._leave)

    @property
    def entry(self) -> ConnectionHealth | None:
        """The chosen connection with its health."""
        return self._overview.overview.entry(self._pane.connection_id)

    @property
    def connection(self) -> Connection | None:
        entry = self.entry
        return entry.connection if entry is not None else None

    @property
    def row(self) -> FindingRow | None:
        """The row under the cursor, if it is about the chosen connection."""
        if self._state.lists_connections:
            return None
        row, chosen = self._findings.cursor_row, self._pane.connection_id
        return row if row is not None and chosen in row.connection_ids else None

    @property
    def finding(self) -> Finding | None:
        """The finding under the cursor; among connections, the most urgent open one."""
        if self._state.lists_connections:
            entry = self.entry
            return next(iter(entry.status.open_findings), None) if entry is not None else None
        return self.row.finding if self.row is not None else None

    @property
    def chosen(self) -> tuple[Finding, ...]:
        """The finding, or all those of a folded row."""
        if self.row is not None:
            return self.row.findings
        return (self.finding,) if self.finding is not None else ()

    def no_connection(self) -> str | None:
        return None if self.entry is not None else "No connection is selected."

    def no_connected(self) -> str | None:
        connection = self.connection
        if connection is not None and connection.disconnected_at is not None:
            return f"{connection.name} is disconnected. Reconnect it first."
        return self.no_connection()

    def no_step(self) -> str | None:
        finding, row = self.finding, self.row
        if row is not None and row.open is not None:
            return None
        if finding is None:
            if self.entry is None:
                return self.no_connection()
            some = any(one.status.open_findings for one in self._overview.overview.entries)
            where = f"{self.entry.connection.name} has no open findings."
            return f"{where} n goes to the next one." if some else "No open findings."
        if not finding.is_open:
            return "Its risk is accepted. c reopens it."
        step = first_step(finding)
        if step is None:
            return "No key fixes this finding. The details show its cause."
        if self._host.workspace.read_only and step.verb in _WRITES:
            return "This workspace is open read-only. Nothing can be changed."
        return None

    @action(
        "health.next_step",
        "Fix",
        "f",
        help="Do the first step of this finding, or expand the row.",
        hint=98,
        blocked=no_step,
    )
    def take_next_step(self) -> None:
        finding, row = self.finding, self.row
        if row is not None and row.open is not None:
            step = row.step
            if step is not None and step.verb is Verb.REFRESH:
                self._refresh(row.connection_ids, "f")
            elif step is not None and step.verb is Verb.ACKNOWLEDGE:
                self._settling.acknowledge(row.findings)
            else:
                self._turn({row.key})
        elif finding is not None and (step := first_step(finding)) is not None:
            self._take(finding, step)

    def _take(self, finding: Finding, step: Step) -> None:
        about, connection = finding.subject, self.connection
        if connection is None:
            return
        match step.verb:
            case Verb.ACKNOWLEDGE:
                self._settling.acknowledge((finding,))
            case Verb.ACCEPT_RISK | Verb.SNOOZE:
                self._settling.accept((finding,), "")
            case Verb.REOPEN:
                self._settling.settle((finding,), finding.accepted_until, reopen=True)
            case Verb.TEST:
                self.test()
            case Verb.SET_SYNC_USER:
                self.set_sync_user()
            case Verb.REFRESH | Verb.ACCEPT_SUSPECT if finding.kind is FindingKind.SUSPECT_REFRESH:
                self._decide_refresh(connection, finding)
            # Signing in and refreshing are actions of the screen, because every pane has them.
            case Verb.SIGN_IN:
                self._pane.post_message(RunAction("connection.sign_in"))
            case Verb.REFRESH:
                self._pane.post_message(RunAction("connection.refresh"))
            case verb if verb in _IN_MAPPING and about.object_pair is not None:
                self._go_to_row(finding, repair=_IN_MAPPING[verb])
            case _:
                self._host.copy(step.command or "")

    def no_mapping(self) -> str | None:
        finding = self.finding
        if finding is not None and finding.subject.object_pair is not None:
            return None
        return self.no_connection() or "This finding isn't about a mapping."

    @action("health.mapping", "Mapping", help="Open the row in Mapping.", blocked=no_mapping)
    def open_mapping(self) -> None:
        if (finding := self.finding) is not None:
            self._go_to_row(finding)

    def _go_to_row(self, finding: Finding, *, repair: bool = False) -> None:
        self._host.go_to("mapping", row_of(finding, repair=repair))

    def show_steps(self) -> None:
        """Ask for a step of the finding or the connection; expand or fold a folded row."""
        finding, row = self.finding, self.row
        if self._state.lists_connections:
            self._show_connection_steps()
        elif row is not None and row.open is not None:
            self._turn({row.key})
        elif finding is not None:
            self._show_finding_steps(finding)

    def _show_finding_steps(self, finding: Finding) -> None:
        steps = list(finding.steps)
        choices = [
            Choice(
                str(place),
                step.text,
                _WORDS.get(step.verb, "copies its command"),
                "f" if step is first_step(finding) else _KEYS.get(step.verb, ""),
            )
            for place, step in enumerate(steps)
        ]
        if finding.changes:
            choices.append(Choice("drift", "Show the change", "in Drift"))
        if finding.subject.object_pair is not None:
            choices.append(Choice("mapping", "Show the row", "in Mapping"))
        choices.append(Choice("connection", "Show the connection", "quota, expiry, refreshes"))
        harmless = (
            choice.value
            for choice in choices
            if not choice.value.isdecimal() or steps[int(choice.value)].verb not in _WRITES
        )

        def on_choice(value: str | None) -> None:
            match value:
                case None:
                    pass
                case "drift":
                    location = Location(connection=finding.connection_id, event=finding.changes[0])
                    self._host.go_to("drift", location)
                case "mapping":
                    self._go_to_row(finding)
                case "connection":
                    self._pane.show_view(1)
                case _:
                    self._take(finding, steps[int(value)])

        dialog = Choose(finding.title, choices, current=next(harmless))
        self._pane.app.push_screen(dialog, on_choice)

    def _show_connection_steps(self) -> None:
        connection = self.connection
        if connection is None:
            return
        off = connection.disconnected_at is not None
        steps: dict[str, tuple[str, str, Callable[[], object]]] = {
            "findings": ("Show its findings", "in Today", lambda: self._pane.show_view(0)),
            "test": ("Test", "sign-in, permissions, quota", self.test),
            "refresh": ("Refresh", "read its schema", self._ask("connection.refresh")),
            "sign": ("Sign in", "again, or as another user", self._ask("connection.sign_in")),
            "explain": (
                "Explain sync errors", "of a file", self._ask("connection.explain")
            ),
            "sync_user": ("Set sync user", "whose permissions to check", self.set_sync_user),
            "rename": ("Rename", "its ID and history are kept", self.rename),
            "off": ("Disconnect", "its history is kept", self.disconnect),
            "all": ("Refresh all", "connections shown", self.refresh_all),
        }  # fmt: skip
        if off:
            steps = {name: steps[name] for name in ("findings", "rename", "all")}
            steps["on"] = ("Reconnect", "refreshes start again", self.reconnect)
        elif self._host.workspace.read_only:
            steps = {name: steps[name] for name in ("findings", "explain")}
        choices = [Choice(name, title, detail) for name, (title, detail, _) in steps.items()]

        def on_choice(value: str | None) -> None:
            if value is not None:
                steps[value][2]()

        self._pane.app.push_screen(Choose(connection.name, choices, current="findings"), on_choice)

    def _ask(self, action_id: str) -> Callable[[], object]:
        return lambda: self._pane.post_message(RunAction(action_id))

    def _decide_refresh(self, connection: Connection, finding: Finding) -> None:
        def on_submit(key: str | None) -> None:
            if key == "r":
                self._pane.post_message(RunAction("connection.refresh"))
            elif key == "a":
                self._accept_suspect(connection)

        self._pane.app.push_screen(
            Choose(
                f"Decide on the refresh of {connection.name}",
                [
                    menu_choice("r", "Refresh again", "keep the cached schema for now"),
                    menu_choice("a", "Accept removals", "recorded as changes"),
                ],
                text=f"{finding.title}\n{finding.cause}".strip(),
                cancel="change nothing",
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
        chosen = self.chosen
        if not chosen:
            return self.no_connection() or "No finding is selected."
        if not any(one.is_open for one in chosen):
            return "Its risk is accepted already. c reopens it."
        if any(one.can_be_accepted or one.is_unread for one in chosen):
            return None
        step = first_step(chosen[0])
        if chosen[0].urgency is Urgency.SETUP and step is not None:
            return f"Nothing to accept here: f does the next step, {step.text}."
        return "A note fails no gate, so its risk can't be accepted."

    @action(
        "health.accept",
        "Accept risk",
        "a",
        help="Acknowledge, accept until a day, or snooze a finding.",
        hint=97,
        blocked=no_finding,
        writes=True,
        title_now=lambda commands: commands.settling_title(),
    )
    def accept(self) -> None:
        self._settling.accept(self.chosen, "a")

    def settling_title(self) -> str:
        """Return the actions of `a` for the finding."""
        chosen = self.chosen
        if chosen and all(one.kind is FindingKind.CHANGE_OPEN for one in chosen):
            return "Acknowledge"
        return "Snooze" if chosen and chosen[0].is_unread else "Accept risk"

    def no_settled(self) -> str | None:
        if self._settled() is not None:
            return None
        if not self._state.lists_connections and self.finding is not None:
            return "This finding is open already."
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
            self._settling.settle(
                (finding,), finding.accepted_until, note=finding.note or "", reopen=True
            )

    def _settled(self) -> Finding | None:
        """Return the chosen finding if it is accepted; of a connection, the first accepted one."""
        entry, finding = self.entry, self.finding
        if entry is None or not self._state.lists_connections:
            return finding if finding is not None and finding.accepted_until else None
        return next(iter(settled(entry.status)), None)

    def _leave(self, findings: Iterable[Finding]) -> None:
        """Put the cursor on the next row once these findings are settled."""
        table, settled_ids = self._findings, {one.id for one in findings}
        rows = table.shown()
        for row in (*rows[table.cursor + 1 :], *reversed(rows[: table.cursor])):
            if not row.is_title and not settled_ids.issuperset(one.id for one in row.findings):
                self._state.wanted = row.key
                break

    def _none_open(self) -> str | None:
        rows = self._connections.shown() if self._state.lists_connections else ()
        some = any(map(_is_open, rows)) or any(map(_is_to_do, self._findings.shown()))
        return None if some else "No open findings here."

    @action("health.next", "Next open", "n", help="Go to the next open finding.",
            blocked=_none_open)  # fmt: skip
    def next_open(self) -> None:
        if self._state.lists_connections:
            self._connections.move_to_next(_is_open, 1)
        else:
            self._findings.move_to_next(_is_to_do, 1)

    def no_fold(self) -> str | None:
        row = self.row
        if row is not None and (row.open is not None or row.parent is not None):
            return None
        return "This row isn't folded."

    @action("health.fold", "Expand", "z", help="Expand or collapse this row.", blocked=no_fold)
    def fold(self) -> None:
        if self.row is not None:
            self._turn({self.row.parent or self.row.key})

    @action("health.fold_all", "Expand all", "Z", help="Expand or collapse all rows.")
    def fold_all(self) -> None:
        keys = {row.parent or row.key for row in self._findings.shown() if row.open is not None}
        self._turn(keys - self._state.expanded or keys)

    def _turn(self, keys: set[str]) -> None:
        # Of a folded row the cursor comes back to the row itself.
        row = self._findings.cursor_row
        if row is not None and row.parent in keys:
            self._state.wanted = row.parent
        self._state.expanded ^= keys
        self._arrange()

    @action(
        "health.test",
        "Test",
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
        help="Refresh the schemas of all connections shown.",
        blocked=lambda commands: None if commands._shown_ids() else "No connections to refresh.",
        writes=True,
    )
    def refresh_all(self) -> None:
        self._refresh(self._shown_ids())

    def _shown_ids(self) -> tuple[str, ...]:
        if self._state.lists_connections:
            return tuple(entry.id for entry in self._connections.shown())
        return tuple(entry.id for entry in self._overview.overview.entries)

    def _refresh(self, ids: Iterable[str], opened_by: str = "") -> None:
        """Refresh connections; list them first if a key for one row means several."""
        entries = [self._overview.overview.entry(id_) for id_ in ids]
        connections = [
            entry.connection
            for entry in entries
            if entry is not None and entry.connection.disconnected_at is None
        ]
        label = count(len(connections), "connection")

        def work(job: Job) -> tuple[str, list[str]]:
            attempts = self._host.workspace.refreshes.run_many(
                [one.id for one in connections], progress=job.progress, cancel=job.cancel
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

        def start(sure: bool | None) -> None:
            if sure:
                self._pane.loader.load("refresh", work, done, label=f"refreshing {label}")

        if not opened_by:
            start(True)
            return
        names = [one.name for one in connections]
        dialog = Confirm(
            f"Refresh {label}?", yes=f"Refresh {len(names):,}", opened_by=opened_by, listing=names
        )
        self._pane.app.push_screen(dialog, start)

    @action(
        "health.rename",
        "Rename",
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

    @action(
        "health.sync_user",
        "Set sync user",
        help="Choose the CRM user that the sync runs as.",
        blocked=no_connected,
        writes=True,
    )
    def set_sync_user(self) -> None:
        connection = self.connection
        if connection is None:
            return
        connections = self._host.workspace.connections

        def work(_job: Job, answers: dict[str, str]) -> Connection:
            path, user = answers["path"].strip(), answers["user"].strip()
            if path:
                return connections.update(connection.id, sync_access=path)
            return connections.update(connection.id, sync_user=user)

        def done(changed: Connection | None) -> None:
            if changed is None:
                return
            if changed.sync_user:
                self._host.say(f"Sync user: {changed.sync_user}. Refresh to read its permissions.")
            else:
                self._host.say("crmdeck checks with its own user's permissions.")
            self._changed()

        form: Form[Connection] = Form(
            f"Sync user of {connection.name}",
            [
                Asked(
                    "user",
                    "User name, ID or PartnerOS connection (empty: crmdeck's user)",
                    value=connection.sync_user or "",
                    required=False,
                ),
                Asked("path", "Or a file of its permissions", required=False, path=True),
            ],
            work,
            text="The CRM user that the sync runs as. crmdeck checks with its permissions.",
            label="finding the user",
        )
        self._pane.app.push_screen(form, done)

    def is_connected(self) -> bool:
        # Without a connection the key belongs to Disconnect, which shows why it can't run.
        connection = self.connection
        return connection is None or connection.disconnected_at is None

    @action(
        "health.disconnect",
        "Disconnect",
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
        """Return the functions that disconnect and reconnect a connection."""
        connections = self._host.workspace.connections
        return (
            lambda: connections.disconnect(connection.id),
            lambda: connections.update(connection.id, reconnect=True),
        )

    def _changed(self) -> None:
        self._pane.post_message(Pane.Changed())
        self._pane.reload()

    def _undoable(
        self,
        title: str,
        do: Callable[[], Connection],
        undo: Callable[[], Connection],
        command: str,
    ) -> Undoable[Connection]:
        def show(changed: Connection) -> None:
            gone = changed.disconnected_at is not None
            text = "is disconnected. Its history is kept." if gone else "is connected."
            self._host.say(f"{changed.name} {text}", timeout=4)
            self._changed()

        return Undoable(title, "Health", do, undo, turned=show, done=show, command=command)


def _is_open(entry: ConnectionHealth) -> bool:
    return bool(entry.status.open_findings)


def _is_to_do(row: FindingRow) -> bool:
    return not row.is_title and row.findings[0].is_open
