"""Add a connection: its kind, its name and address, then the sign-in. Change its folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crmdeck.model import Connection, Source
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.form import Asked, Form, answered, asked_path
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.screens.refresh import refresh_connection
from crmdeck.tui.screens.sign_in import SignInFlow
from crmdeck.workspace import CRMS, ConnectionDraft, vendor_of


@dataclass(frozen=True)
class Kind:
    """One kind of connection, by its source."""

    id: str
    label: str
    detail: str
    source: str

    @property
    def is_files(self) -> bool:
        """True if its schema is read from files, without a sign-in."""
        return self.source == Source.FILES


def kinds() -> list[Kind]:
    """Return everything that a user can add, CRMs first."""
    vendors = [vendor_of(platform) for platform in CRMS]
    return [
        *(Kind(v.name, v.title, f"sign in to your {v.account}", v.name) for v in vendors),
        Kind("partneros", "PartnerOS", "through its Integrations API", Source.PARTNEROS),
        Kind("files", "Exported schemas", "a folder or file from any CRM", Source.FILES),
    ]


_NAME = Asked("name", "Connection name", placeholder="acme-prod")
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9._-]+")
_FILES_NAME = Asked("name", "Connection name (default: that of the folder)", required=False)
_ENDPOINT = Asked("endpoint", "Custom API URL (optional)", required=False)
_PLATFORM = Asked(
    "platform",
    "CRM, if the files don't show it",
    placeholder=" or ".join(CRMS),
    required=False,
)


def ask_connection(host: Host, offered: Sequence[Kind] = ()) -> None:
    """Ask for one of the `offered` kinds (default: all), then for the connection's details."""
    offered = offered or kinds()
    by_id = {kind.id: kind for kind in offered}

    def chosen(kind_id: str | None) -> None:
        if kind_id is not None:
            _ask(host, by_id[kind_id])

    choices = [Choice(kind.id, kind.label, kind.detail) for kind in offered]
    host.app.push_screen(Choose("Add a connection", choices), chosen)


def add_files(host: Host) -> None:
    """Ask for a folder of exported schemas."""
    _ask_files(host, next(kind for kind in kinds() if kind.is_files))


def sign_in_somewhere(host: Host) -> None:
    """Ask for a CRM to sign in to."""
    ask_connection(host, [kind for kind in kinds() if not kind.is_files])


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


def _ask(host: Host, kind: Kind) -> None:
    if kind.is_files:
        _ask_files(host, kind)
        return

    def work(_job: Job, answers: dict[str, str]) -> ConnectionDraft:
        draft = _draft(kind, answers)
        # Raises the errors in the input while their form is still open.
        host.workspace.signin.ways_in(draft)
        return draft

    def done(draft: ConnectionDraft | None) -> None:
        if draft is not None:
            SignInFlow(host, draft, draft.name).start()

    form: Form[ConnectionDraft] = Form(
        f"Add a connection: {kind.label}", _lines(kind), work, label="Checking"
    )
    host.app.push_screen(form, done)


def _ask_files(host: Host, kind: Kind) -> None:
    def work(_job: Job, answers: dict[str, str]) -> Connection:
        return host.workspace.signin.connect(_draft(kind, answers)).connection

    def done(connection: Connection | None) -> None:
        if connection is not None:
            # Choose it before the reload, which shows the chosen connection.
            host.connection_id = connection.id
            host.reload()
            refresh_connection(host, connection.id, connection.name)

    form: Form[Connection] = Form(
        f"Add a connection: {kind.label}",
        [asked_path(), _FILES_NAME, _PLATFORM],
        work,
        label="Adding",
    )
    host.app.push_screen(form, done)


def _lines(kind: Kind) -> list[Asked]:
    if kind.source == Source.PARTNEROS:
        return [
            _NAME,
            Asked("endpoint", "PartnerOS URL", placeholder="https://HOST"),
            Asked("remote_id", "UUID of the integration"),
        ]
    vendor = vendor_of(kind.source)
    if vendor.login_url is None:
        return [_NAME, _ENDPOINT]
    hosts = list(vendor.login_hosts)
    label = f"Sign in at: {', '.join(hosts)}, or the {vendor.account}'s own URL"
    return [_NAME, Asked("host", label, value=hosts[0]), _ENDPOINT]


def _draft(kind: Kind, answers: dict[str, str]) -> ConnectionDraft:
    endpoint = answered(answers, "endpoint")
    host = answered(answers, "host")
    # A custom API URL replaces the vendor's sign-in page.
    default = next(iter(vendor_of(kind.source).login_hosts), None)
    elsewhere = endpoint is not None and host == default
    path = answered(answers, "path")
    return ConnectionDraft(
        name=answered(answers, "name") or _UNNAMEABLE.sub("-", Path(path or "").stem).strip("-._"),
        source=kind.source,
        platform=answered(answers, "platform"),
        path=path,
        remote_id=answered(answers, "remote_id"),
        endpoint=endpoint,
        instance_url=None if elsewhere else host,
    )
