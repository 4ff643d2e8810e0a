"""Sign in: choose the flow, answer its questions, and show the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import Flow, Question, SecretsPlace
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.browser import Browser
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.form import YES, Asked, Form, answered
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.screens.refresh import refresh_connection
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import (
    DEFAULT_PORT,
    BrowserSignIn,
    ConnectionDraft,
    Grant,
    SignedIn,
    Workspace,
    read_key,
)

T = TypeVar("T")

NO_KEYRING = "NO_KEYRING"
PORT, OWN_HOST, KEEP_PASSWORD = "redirect_port", "own_host", "keep_password"


@dataclass(frozen=True)
class _Plan:
    """The chosen flow and its questions. Without a keyring for secrets, it has no `place`."""

    flow: Flow
    questions: tuple[Question, ...]
    own_host: bool
    place: SecretsPlace | None
    no_keyring: str = ""


class SignInFlow:
    """One sign-in, to a new connection (a draft) or to an existing one (its id)."""

    def __init__(self, host: Host, target: ConnectionDraft | str, name: str) -> None:
        self._host = host
        self._target = target
        self._name = name
        self._secrets: dict[str, str] = {}
        self._keep_password = False

    @property
    def _workspace(self) -> Workspace:
        return self._host.workspace

    def start(self) -> None:
        """Ask for the sign-in flow."""

        def look(_job: Job) -> tuple[tuple[Flow, ...], Flow | None]:
            flows = self._workspace.signin.flows(self._target)
            known = isinstance(self._target, str)
            return flows, self._workspace.signin.choose_flow(self._target) if known else None

        self._load(look, self._ask_how)

    # The flow

    def _ask_how(self, found: tuple[tuple[Flow, ...], Flow | None]) -> None:
        flows, current = found
        by_name = {flow.name: flow for flow in flows}
        choices = [Choice(flow.name, flow.title) for flow in flows]
        dialog = Choose(
            f"Sign in to {self._name}",
            choices,
            current=current.name if current else None,
            columns=(Column("title", "", lambda choice: choice.label),),
        )

        def chosen(name: str | None) -> None:
            if name is not None:
                self._load(partial(self._plan, by_name[name]), self._settle_place)

        self._host.app.push_screen(dialog, chosen)

    # The place for secrets

    def _plan(self, flow: Flow, _job: Job) -> _Plan:
        workspace, target = self._workspace, self._target
        place, no_keyring = None, ""
        # Without a keyring the user may choose the private file; any other error ends the sign-in.
        try:
            place = workspace.signin.place_for(target)
        except CrmdeckError as error:
            if error.code != NO_KEYRING:
                raise
            no_keyring = error.message
        return _Plan(
            flow,
            workspace.signin.open_questions(target, flow),
            not isinstance(target, str) and workspace.signin.needs_own_host(target, flow),
            place,
            no_keyring,
        )

    def _settle_place(self, plan: _Plan) -> None:
        if plan.place is not None:
            self._ask_what(plan)
            return

        def answer(sure: bool | None) -> None:
            if sure:
                self._ask_what(replace(plan, place=SecretsPlace.FILE))

        file = self._workspace.home / "secrets.json"
        text = f"{plan.no_keyring} Store secrets in {file} instead? Only you can read it."
        dialog = Confirm("Store secrets in a private file?", text, yes="Store in private file")
        self._host.app.push_screen(dialog, answer)

    # The input

    def _ask_what(self, plan: _Plan) -> None:
        lines = _lines(plan)
        work = partial(self._take, plan)

        def then(result: SignedIn | BrowserSignIn | None) -> None:
            if isinstance(result, BrowserSignIn):
                dialog = Browser(self._name, result, partial(self._finish, plan))
                self._host.app.push_screen(dialog, self._ended)
            else:
                self._ended(result)

        # A flow without a question starts at once.
        if not lines:
            self._load(lambda job: work(job, {}), then)
            return
        form: Form[SignedIn | BrowserSignIn] = Form(
            f"Sign in to {self._name}",
            lines,
            work,
            text=plan.flow.title,
            label="Starting" if plan.flow.browser else "Checking permissions",
        )
        self._host.app.push_screen(form, then)

    def _take(self, plan: _Plan, _job: Job, answers: dict[str, str]) -> SignedIn | BrowserSignIn:
        # A second attempt doesn't keep the input of the first.
        self._secrets = {}
        for question in plan.questions:
            answer = answered(answers, question.name)
            if answer is not None:
                read = read_key(Path(answer)) if question.from_file else answer
                self._secrets[question.name] = read
        self._keep_password = answers.get(KEEP_PASSWORD) == YES
        host = answered(answers, OWN_HOST)
        if host is not None and not isinstance(self._target, str):
            self._target = self._target.model_copy(update={"instance_url": host})
        if not plan.flow.browser:
            return self._finish(plan, None)
        port = _port(answers.get(PORT, ""))
        return self._workspace.signin.begin_browser(self._target, self._secrets, port=port)

    def _finish(self, plan: _Plan, grant: Grant | None) -> SignedIn:
        target = self._target
        connect = (
            partial(self._workspace.signin.renew, target)
            if isinstance(target, str)
            else partial(self._workspace.signin.connect, target)
        )
        return connect(
            self._secrets,
            grant=grant,
            flow=plan.flow.name,
            place=plan.place,
            keep_password=self._keep_password,
        )

    # The result

    def _ended(self, signed_in: SignedIn | None) -> None:
        # The workspace has stored them: no object of the console keeps them longer.
        self._secrets = {}
        if signed_in is None:
            # Even a canceled sign-in can change the status: a failed attempt, a rotated token.
            self._host.reload()
            return
        connection = signed_in.connection
        self._host.connection_id = connection.id
        self._host.reload()

        def answer(refresh: bool | None) -> None:
            if refresh:
                refresh_connection(self._host, connection.id, connection.name)

        now = self._workspace.now
        dialog = Account(connection.name, signed_in.report, now, refresh=True)
        self._host.app.push_screen(dialog, answer)

    def _load(self, work: Callable[[Job], T], then: Callable[[T], None]) -> None:
        self._host.loader.load("sign-in", work, then, label=f"signing in to {self._name}")


def _lines(plan: _Plan) -> Sequence[Asked]:
    lines = []
    if plan.own_host:
        placeholder = "https://MYDOMAIN.my.salesforce.com"
        lines.append(Asked(OWN_HOST, "My Domain URL", placeholder=placeholder))
    for question in plan.questions:
        label = f"{question.text} (path of its file)" if question.from_file else question.text
        hidden = question.hidden and not question.from_file
        lines.append(Asked(question.name, label, hidden=hidden, required=question.required))
    if plan.flow.browser:
        label = "Port of the app's callback URL"
        lines.append(Asked(PORT, label, value=str(DEFAULT_PORT)))
    if "password" in plan.flow.names:
        label = "Store the password too, to renew the session"
        lines.append(Asked(KEEP_PASSWORD, label, choice=True))
    return lines


def _port(text: str) -> int:
    if text.strip().isdecimal() and int(text) <= 65535:
        return int(text)
    raise UsageError(
        f"'{text}' isn't a port.",
        remedy="Enter a number up to 65535. 0 picks a free port.",
        code="BAD_PORT",
    )
