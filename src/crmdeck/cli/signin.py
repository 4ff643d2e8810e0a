"""crmdeck connections sign-in, and the options that adding a connection shares with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck.cli.asking import Wishes, collect
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NameArgument
from crmdeck.cli.output import emit, emit_json, say
from crmdeck.cli.session import workspace
from crmdeck.model import ProbeReport
from crmdeck.workspace import DEFAULT_PORT, SecretsPlace, SignedIn

FlowOption = Annotated[
    str | None,
    typer.Option(
        "--flow",
        help="How to sign in: browser, refresh-token, jwt, client-credentials or access-token "
        "(Salesforce); access-token, browser or refresh-token (HubSpot); password or "
        "session-token (PartnerOS).",
    ),
]
SecretsOption = Annotated[
    SecretsPlace | None,
    typer.Option(
        "--secrets", help="Where secrets are kept.  [default: as in the settings, else keyring]"
    ),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option("--private-key-file", help="For jwt: the file with the private key (PEM)."),
]
PortOption = Annotated[
    int,
    typer.Option(
        "--redirect-port",
        min=0,
        max=65535,
        help="The port that the browser comes back to, as in the app's callback URL; 0 takes "
        "a free one.",
    ),
]
PasteOption = Annotated[
    bool | None,
    typer.Option(
        "--paste/--no-paste",
        help="Paste the address that the browser ends at: for a browser on another machine.  "
        "[default: over SSH]",
        show_default=False,
    ),
]
BrowserOption = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the browser, or only show the address.")
]
TestOption = Annotated[
    bool, typer.Option("--test/--no-test", help="Ask the CRM who we are before anything is kept.")
]
KeepPasswordOption = Annotated[
    bool,
    typer.Option("--keep-password", help="For PartnerOS: keep the password, not only a session."),
]


def sign_in(
    name: NameArgument,
    flow: FlowOption = None,
    secrets: SecretsOption = None,
    private_key_file: KeyFileOption = None,
    redirect_port: PortOption = DEFAULT_PORT,
    paste: PasteOption = None,
    open_browser: BrowserOption = True,
    test: TestOption = True,
    keep_password: KeepPasswordOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in again to a connection, as when it asks for it.

    What belongs to the app is remembered; the rest is asked for, or taken from the environment
    as for `connections add`.
    """
    with workspace(home, demo, as_json) as ws:
        connection = ws.connection(name)
        wishes = Wishes(flow, secrets, private_key_file, redirect_port, paste, open_browser)
        answers = collect(ws, connection.id, connection.name, wishes)
        ended = ws.sign_in(
            connection.id,
            answers.secrets,
            grant=answers.grant,
            flow=answers.flow,
            place=answers.place,
            test=test,
            keep_password=keep_password,
        )
        show_signed_in(ended, as_json=as_json)


def show_signed_in(ended: SignedIn, *, as_json: bool) -> None:
    """Tell how a sign-in ended: the connection as data, who we are there as talk."""
    connection, report = ended.connection, ended.report
    if as_json:
        told = report.to_wire() if report else None
        emit_json({**connection.to_wire(), "test": told})
        return
    emit(f"{connection.name}\t{connection.id}")
    if report is not None:
        say(_who(report))
        for missing in report.missing_permissions:
            say(f"Missing: {missing}")


def _who(report: ProbeReport) -> str:
    user = f" as {report.user}" if report.user else ""
    where = f" to organisation {report.organisation}" if report.organisation else ""
    at = f" at {report.instance_url}" if report.instance_url else ""
    return f"Connected{user}{where}{at}."
