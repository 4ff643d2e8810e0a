"""The way of a new connection: what it leads to, its name and its place, then the sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crmdeck.model import Connection, Platform, Source
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.form import Asked, Form, answered, asked_path
from crmdeck.tui.host import FlowHost
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.screens.sign_in import SignInFlow

if TYPE_CHECKING:
    from crmdeck.workspace import ConnectionDraft

PRODUCTION = "production"


@dataclass(frozen=True)
class Kind:
    """One kind of connection: what it is called, and how it is reached."""

    id: str
    label: str
    detail: str
    source: Source
    platform: Platform | None = None

    @property
    def is_files(self) -> bool:
        """Return whether it is read from this machine, without signing in."""
        return self.source is Source.FILES


KINDS = (
    Kind("salesforce", "Salesforce", "sign in to an org", Source.SALESFORCE),
    Kind("hubspot", "HubSpot", "sign in to a portal", Source.HUBSPOT),
    Kind("partneros", "PartnerOS", "through its Integrations API", Source.PARTNEROS),
    Kind(
        "salesforce-files",
        "Salesforce schemas",
        "describes exported to a folder",
        Source.FILES,
        Platform.SALESFORCE,
    ),
    Kind(
        "hubspot-files",
        "HubSpot schemas",
        "properties exported to a folder",
        Source.FILES,
        Platform.HUBSPOT,
    ),
)
_NAME = Asked("name", "Name of the connection", placeholder="acme-prod")
_ENDPOINT = Asked(
    "endpoint",
    "A proxy or a sandbox in place of the vendor's host, if any",
    required=False,
)


def add_connection(host: FlowHost, kinds: Sequence[Kind] = KINDS) -> None:
    """Ask which of `kinds`, then for all that it takes."""
    by_id = {kind.id: kind for kind in kinds}

    def chosen(kind_id: str | None) -> None:
        if kind_id is not None:
            _ask(host, by_id[kind_id])

    choices = [Choice(kind.id, kind.label, kind.detail) for kind in kinds]
    host.app.push_screen(Choose("Add a connection", choices), chosen)


def add_files(host: FlowHost) -> None:
    """Ask for a folder of exported schemas."""
    add_connection(host, [kind for kind in KINDS if kind.is_files])


def sign_in_somewhere(host: FlowHost) -> None:
    """Ask for a CRM to sign in to."""
    add_connection(host, [kind for kind in KINDS if not kind.is_files])


def _ask(host: FlowHost, kind: Kind) -> None:
    if kind.is_files:
        _ask_files(host, kind)
        return

    def work(_job: Job, answers: dict[str, str]) -> ConnectionDraft:
        draft = _draft(kind, answers)
        host.workspace.signin.ways_in(draft)
        return draft

    def done(draft: ConnectionDraft | None) -> None:
        if draft is not None:
            SignInFlow(host, draft, draft.name).start()

    form: Form[ConnectionDraft] = Form(
        f"Add a connection: {kind.label}", _lines(kind), work, label="Looking at it"
    )
    host.app.push_screen(form, done)


def _ask_files(host: FlowHost, kind: Kind) -> None:
    def work(_job: Job, answers: dict[str, str]) -> Connection:
        return host.workspace.signin.connect(_draft(kind, answers)).connection

    def done(connection: Connection | None) -> None:
        if connection is not None:
            host.show_added(connection, refresh=True)

    form: Form[Connection] = Form(
        f"Add a connection: {kind.label}",
        [_NAME, asked_path()],
        work,
        label="Adding it",
    )
    host.app.push_screen(form, done)


def _lines(kind: Kind) -> list[Asked]:
    match kind.source:
        case Source.SALESFORCE:
            label = "Sign in at: production, sandbox, or the org's My Domain"
            return [_NAME, Asked("host", label, value=PRODUCTION), _ENDPOINT]
        case Source.PARTNEROS:
            return [
                _NAME,
                Asked("endpoint", "Where PartnerOS is", placeholder="https://HOST"),
                Asked("remote_id", "UUID of the integration there"),
            ]
        case _:
            return [_NAME, _ENDPOINT]


def _draft(kind: Kind, answers: dict[str, str]) -> ConnectionDraft:
    from crmdeck.workspace import ConnectionDraft, login_url

    endpoint = answered(answers, "endpoint")
    host = answered(answers, "host")
    # Behind another host the vendor's sign-in page is not asked.
    elsewhere = endpoint is not None and host == PRODUCTION
    return ConnectionDraft(
        name=answers["name"].strip(),
        source=kind.source,
        platform=kind.platform,
        path=answered(answers, "path"),
        remote_id=answered(answers, "remote_id"),
        endpoint=endpoint,
        instance_url=login_url(host) if host and not elsewhere else None,
    )
