"""Change the folder of a connection that reads exported schemas."""

from __future__ import annotations

from crmdeck.model import Connection
from crmdeck.tui.dialogs.form import Form, asked_path
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.screens.refresh import refresh_connection


def ask_folder(host: Host, connection_id: str) -> None:
    """Ask for another folder, then refresh from it."""

    def work(_job: Job, answers: dict[str, str]) -> Connection:
        path = answers["path"].strip()
        return host.workspace.connections.update(connection_id, path=path)

    def done(moved: Connection | None) -> None:
        if moved is not None:
            refresh_connection(host, moved.id, moved.name)

    def ask(connection: Connection) -> None:
        form: Form[Connection] = Form(
            f"Schema files of {connection.name}",
            [asked_path(connection.path or "")],
            work,
            text="crmdeck refreshes from this folder now. The history is kept.",
            label="Changing the folder",
        )
        host.app.push_screen(form, done)

    host.loader.load("folder", lambda _: host.workspace.connections.get(connection_id), ask)
