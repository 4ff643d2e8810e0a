"""What the health pane does to connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, Connection, ProgressCallback
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.confirm import TypedConfirm
from crmdeck.tui.dialogs.form import Asked, Form, asked_path
from crmdeck.tui.requests import Job
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ProbeReport
    from crmdeck.tui.panes.health.pane import HealthPane
    from crmdeck.workspace import Workspace


@dataclass(frozen=True)
class Round:
    """What a refresh of many led to."""

    changes: int
    done: tuple[str, ...]
    failed: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{count(len(self.done), 'connection')} refreshed, {count(self.changes, 'change')}"
        return f"{told}; failed: {', '.join(self.failed)}" if self.failed else told


def refresh_all(
    workspace: Workspace,
    connections: Sequence[Connection],
    progress: ProgressCallback,
    cancel: CancelToken,
) -> Round:
    """Refresh them at the same time; who fails keeps its error and stops nobody else."""
    ids = [connection.id for connection in connections]
    attempts = workspace.refreshes.run_many(ids, progress=progress, cancel=cancel)
    results = {each.name: each.result for each in attempts if each.result is not None}
    return Round(
        sum(len(result.drift_events) for result in results.values()),
        tuple(results),
        tuple(each.name for each in attempts if each.error is not None),
    )


def ask_and_rename(pane: HealthPane, connection: Connection) -> None:
    """Ask for another name."""

    def work(_job: Job, answers: dict[str, str]) -> Connection:
        return pane.workspace.connections.rename(connection.id, answers["name"].strip())

    form: Form[Connection] = Form(
        f"Rename {connection.name}",
        [Asked("name", "New name", value=connection.name)],
        work,
        text="Its id and its history stay.",
        label="renaming",
    )
    pane.app.push_screen(form, lambda renamed: pane.changed() if renamed else None)


def ask_and_move(pane: HealthPane, connection: Connection) -> None:
    """Ask for another folder of exported schemas, then read it."""

    def work(_job: Job, answers: dict[str, str]) -> Connection:
        path = answers["path"].strip()
        return pane.workspace.connections.update(connection.id, path=path)

    def done(moved: Connection | None) -> None:
        if moved is not None:
            pane.changed()
            pane.post_message(pane.Asked("connection.refresh"))

    form: Form[Connection] = Form(
        f"Where {connection.name} reads from",
        [asked_path(connection.path or "")],
        work,
        text="It is read at once; what was cached before stays in the history.",
        label="moving",
    )
    pane.app.push_screen(form, done)


def ask_and_disconnect(pane: HealthPane, connection: Connection) -> None:
    """Ask for the name to be typed, then disconnect."""

    def work(_job: Job) -> Connection:
        return pane.workspace.connections.disconnect(connection.id)

    def answered(sure: bool | None) -> None:
        if sure:
            pane.load("change", work, done, label="disconnecting", cancellable=False)

    def done(_connection: Connection) -> None:
        pane.deck.say(f"{connection.name} is disconnected; what was cached of it stays.")
        pane.changed()

    text = (
        "It is not refreshed any more. Nothing is deleted: its schemas, its drift and its "
        "mappings stay, and it can be connected again."
    )
    dialog = TypedConfirm(f"Disconnect {connection.name}?", text, expected=connection.name)
    pane.app.push_screen(dialog, answered)


def reconnect(pane: HealthPane, connection: Connection) -> None:
    """Take a disconnection back."""

    def done(_connection: Connection) -> None:
        pane.deck.say(f"{connection.name} is connected again.")
        pane.changed()

    pane.load(
        "change",
        lambda _: pane.workspace.connections.update(connection.id, reconnect=True),
        done,
        label="connecting again",
        cancellable=False,
    )


def test(pane: HealthPane, connection: Connection) -> None:
    """Ask the CRM who we are there, and show the answer."""

    def told(report: ProbeReport) -> None:
        pane.changed()
        pane.app.push_screen(Account(connection.name, report, pane.now))

    def failed(error: CrmdeckError) -> None:
        pane.changed()
        pane.show_error(error)

    pane.load(
        "test",
        lambda job: pane.workspace.connections.test(connection.id, progress=job.progress),
        told,
        failed=failed,
        label=f"testing {connection.name}",
    )
