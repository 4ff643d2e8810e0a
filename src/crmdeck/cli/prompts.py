"""Ask at a terminal for what a sign-in needs; in scripts, read it from the environment."""

from __future__ import annotations

import os
import sys
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path

import typer

from crmdeck import model, workspace
from crmdeck.cli.output import say
from crmdeck.errors import CrmdeckError
from crmdeck.model import SecretsPlace

# A browser on the user's own machine can't return to a port at the other end of SSH.
_OVER_SSH = ("SSH_CONNECTION", "SSH_TTY")


@dataclass(frozen=True)
class SignInOptions:
    """The options of a sign-in; None if not given."""

    flow: str | None = None
    secrets: SecretsPlace | None = None
    private_key_file: Path | None = None
    redirect_port: int | None = None
    paste: bool | None = None
    open_browser: bool = True
    test: bool = True
    keep_password: bool = False


@dataclass
class SignInAnswers:
    """The values for a sign-in; `grant` comes from the browser."""

    target: workspace.ConnectionDraft | str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    grant: workspace.Grant | None = field(default=None, repr=False)
    flow: str | None = None
    place: SecretsPlace | None = None

    def draft(self, otherwise: workspace.ConnectionDraft) -> workspace.ConnectionDraft:
        """Return the draft with the user's input, or `otherwise` without a draft."""
        return self.target if isinstance(self.target, workspace.ConnectionDraft) else otherwise


def collect(
    ws: workspace.Workspace,
    target: workspace.ConnectionDraft | str,
    name: str,
    options: SignInOptions,
) -> SignInAnswers:
    """Return the values to sign in to the connection `name`.

    Without a terminal, answers can be missing: the sign-in then raises an error.
    """
    values = workspace.secrets_from_environment(name)
    if options.private_key_file is not None:
        values["private_key"] = workspace.read_key(options.private_key_file)
    answers = SignInAnswers(target, values, place=options.secrets)
    at_terminal = sys.stdin.isatty() and options.secrets is not SecretsPlace.ENVIRONMENT
    flow = ws.signin.choose_flow(target, options.flow, values)
    flows = ws.signin.flows(target)
    if flow is None and flows and at_terminal:
        flow = _choose(flows)
    if flow is None:
        return answers
    answers.flow = flow.name
    if at_terminal:
        if options.secrets is None and isinstance(target, workspace.ConnectionDraft):
            answers.place = _place(ws)
        answers.target = target = _located(ws, target, flow)
        for question in ws.signin.open_questions(target, flow, values):
            answer = _ask(question)
            if answer:
                values[question.name] = answer
    if flow.browser:
        if answers.place is not SecretsPlace.ENVIRONMENT and isinstance(
            target, workspace.ConnectionDraft
        ):
            # Raises an error before the user signs in if the secrets can't be stored.
            ws.signin.secrets_place(answers.place)
        answers.grant = _browse(ws, target, values, options)
    return answers


def _choose(flows: tuple[model.Flow, ...]) -> model.Flow:
    for number, flow in enumerate(flows, 1):
        say(f"  {number}  {flow.title}")
    while True:
        # Questions go to stderr, because stdout is for data.
        answer = typer.prompt("How do you want to sign in?", default="1", err=True)
        if answer.isdecimal() and 1 <= int(answer) <= len(flows):
            return flows[int(answer) - 1]
        say(f"Enter a number from 1 to {len(flows)}.")


def _place(ws: workspace.Workspace) -> SecretsPlace:
    try:
        return ws.signin.secrets_place()
    except CrmdeckError as error:
        if error.code != "NO_KEYRING":
            raise
        say(error.message)
        if not typer.confirm(
            f"Store secrets in {ws.home / 'secrets.json'}, readable by you only?",
            default=False,
            err=True,
        ):
            raise
        return SecretsPlace.FILE


def _located(
    ws: workspace.Workspace, target: workspace.ConnectionDraft | str, flow: model.Flow
) -> workspace.ConnectionDraft | str:
    if not isinstance(target, workspace.ConnectionDraft) or target.endpoint:
        return target
    own = ws.signin.needs_own_host(target, flow)
    vendor = workspace.vendor_of(target.source)
    if vendor.login_url is None or (target.instance_url and not own):
        return target
    if own:
        host = typer.prompt(f"Org URL ({vendor.own_url_example})", err=True)
    else:
        hosts = list(vendor.login_hosts)
        places = ", ".join([*hosts, f"or {vendor.own_url_example}"])
        host = typer.prompt(f"Sign in at ({places})", default=hosts[0], err=True)
    return target.model_copy(update={"instance_url": vendor.login_url(host)})


def _ask(question: model.Question) -> str:
    if question.from_file:
        return workspace.read_key(Path(typer.prompt(f"{question.text}: file", err=True)))
    answer: str = typer.prompt(
        question.text,
        hide_input=question.hidden,
        default=None if question.required else "",
        show_default=False,
        err=True,
    )
    return answer


def _browse(
    ws: workspace.Workspace,
    target: workspace.ConnectionDraft | str,
    values: dict[str, str],
    options: SignInOptions,
) -> workspace.Grant:
    paste = options.paste
    if paste is None:
        paste = any(os.environ.get(name) for name in _OVER_SSH)
    port = {} if options.redirect_port is None else {"port": options.redirect_port}
    with ws.signin.begin_browser(target, values, listen=not paste, **port) as sign_in:
        say("Sign in with a browser at this address:")
        say(sign_in.url)
        if paste:
            say("The browser may show an error or a blank page. That is expected.")
            say("Paste the whole address of that page:")
            sign_in.finish_with(sys.stdin.readline())
        else:
            say(f"Waiting for the browser to return to {sign_in.redirect_uri}")
            say("Browser on another machine? Press Ctrl+C and add --paste.")
            if options.open_browser:
                webbrowser.open(sign_in.url)
        return sign_in.wait()
