"""Before a sign-in: which way, what is still to be asked for, where secrets will go."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from functools import partial

from crmdeck.credentials import (
    SECRET_NAMES,
    environment_variable,
    keyring_available,
    no_keyring,
)
from crmdeck.errors import UsageError
from crmdeck.model import Connection, Platform, SecretsPlace, Source
from crmdeck.workspace.connecting import Connecting, ConnectionDraft, require_free_name
from crmdeck.workspace.signin.browser import DEFAULT_PORT, BrowserSignIn
from crmdeck.workspace.signin.flows import (
    Flow,
    Question,
    find_flow,
    fitting_flow,
    flow_in_use,
    flows_of,
    tidied,
)
from crmdeck.workspace.signin.hosts import LOGIN_HOSTS, is_login_host
from crmdeck.workspace.signin.purse import Purse

Target = ConnectionDraft | str


class Preparing(Connecting):
    """What a face needs to know before it asks; a target is a draft or a connection's name."""

    def sign_in_flows(self, target: Target) -> tuple[Flow, ...]:
        """Return the ways of signing in, the usual one first; () where there is no need."""
        connection = self._target(target)
        return flows_of(connection.source, connection.platform)

    def ways_in(self, draft: ConnectionDraft) -> tuple[Flow, ...]:
        """Return the ways of signing in to what is to be added, the usual one first.

        Raises UsageError for a draft that makes no sense, ConflictError for a name in use.
        """
        connection = self._draft(draft)
        require_free_name(connection.name, self.connections())
        return flows_of(connection.source, connection.platform)

    def choose_flow(
        self, target: Target, name: str | None = None, given: Collection[str] = ()
    ) -> Flow | None:
        """Return the flow of that name, else the one that the `given` secrets are enough for,
        else the one in use; None where nothing tells.

        Raises UsageError for a flow that is not offered, and says what to use instead.
        """
        flows = self.sign_in_flows(target)
        if name is not None:
            return find_flow(flows, name)
        if isinstance(target, ConnectionDraft):
            return fitting_flow(flows, given)
        stored = self._stored(self._target(target))
        app = {q.name for flow in flows for q in flow.questions if q.lasting}
        touched = tuple(flow for flow in flows if flow.names & set(given))
        fitting = fitting_flow(touched, set(given) | (app & set(stored)))
        return fitting or flow_in_use(flows, stored)

    def open_questions(
        self, target: Target, flow: Flow, given: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return what is still to be asked for; what belongs to the app is asked for once."""
        stored = self._stored(self._target(target))
        app = {question.name for question in flow.questions if question.lasting}
        known = set(given) | (app & set(stored))
        if known & app and not flow.missing(known | {"access_token", "refresh_token"}):
            # The app is known, and so is whether it has a secret.
            known |= app
        return tuple(question for question in flow.questions if question.name not in known)

    def needs_own_host(self, target: Target, flow: Flow) -> bool:
        """Return whether a flow needs the org's own URL, and it is not known yet."""
        return needs_own_host(self._target(target), flow)

    def secrets_place(self, wanted: SecretsPlace | None = None) -> SecretsPlace:
        """Return where new secrets go: `wanted`, else as in the settings.

        Raises NoKeyringError where that is the keyring and there is none.
        """
        place = wanted or SecretsPlace(self.settings.secrets)
        if place is SecretsPlace.KEYRING and self._secrets is None and not keyring_available():
            raise no_keyring()
        return place

    def place_for(self, target: Target) -> SecretsPlace:
        """Return where the secrets of a sign-in go unless told otherwise.

        That is where those of the connection are, or for a new one as in the settings. Raises
        NoKeyringError where that is the keyring and there is none.
        """
        if isinstance(target, ConnectionDraft):
            return self.secrets_place()
        return self.secrets_place(self._vault.place(self.connection(target).id))

    def begin_browser(
        self,
        target: Target,
        secrets: Mapping[str, str],
        *,
        port: int = DEFAULT_PORT,
        listen: bool = True,
    ) -> BrowserSignIn:
        """Begin a sign-in with the browser; what its `wait` returns is for `connect`, `sign_in`.

        `secrets` holds the app's id and, where it has one, its secret. Raises UsageError where
        they are missing, PortInUseError.
        """
        connection = self._target(target)
        flow = find_flow(flows_of(connection.source, connection.platform), "browser")
        answers = self._filled(connection, flow, tidied(secrets))
        require_answers(connection, flow, answers)
        if connection.source is Source.SANDBOX and connection.endpoint is None:
            raise UsageError(
                "There is nothing to sign in to.",
                cause="The sandbox of the demo lets connections in by itself.",
                code="NO_ENDPOINT",
            )
        oauth = importlib.import_module(f"crmdeck.connectors.{connection.platform.value}.oauth")
        held = Purse(answers)
        return BrowserSignIn(
            partial(
                oauth.authorize_url, _sign_in_base(connection), client_id=held.get("client_id")
            ),
            partial(oauth.redeem, connection, held),
            port=port,
            listen=listen,
        )

    def _target(self, target: Target) -> Connection:
        if isinstance(target, ConnectionDraft):
            return self._draft(target)
        return self.connection(target)

    def _stored(self, connection: Connection) -> dict[str, str]:
        held = self._credentials(connection)
        found = {name: held.get(name) for name in SECRET_NAMES}
        return {name: value for name, value in found.items() if value is not None}

    def _filled(
        self, connection: Connection, flow: Flow, given: Mapping[str, str]
    ) -> dict[str, str]:
        app = {question.name for question in flow.questions if question.lasting}
        stored = self._stored(connection)
        return {name: value for name, value in stored.items() if name in app} | dict(given)


def needs_own_host(connection: Connection, flow: Flow) -> bool:
    """Return whether a flow needs the org's own URL, and the connection has none."""
    if connection.platform is not Platform.SALESFORCE or connection.endpoint:
        return False
    return flow.own_host and (
        connection.instance_url is None or is_login_host(connection.instance_url)
    )


def require_answers(connection: Connection, flow: Flow, given: Collection[str]) -> None:
    """Raise UsageError naming what a flow needs and is not there, and where to put it."""
    missing = flow.missing(given)
    if not missing:
        return
    variables = [environment_variable(connection.name, question.name) for question in missing]
    raise UsageError(
        f"To sign in to {connection.name} by {flow.name}, something is missing.",
        cause="Missing: " + ", ".join(question.name for question in missing) + ".",
        remedy="Set " + ", ".join(variables) + " in the environment, or answer at a terminal.",
        code="MISSING_SECRETS",
    )


def _sign_in_base(connection: Connection) -> str:
    if connection.endpoint:
        return connection.endpoint
    if connection.platform is Platform.HUBSPOT:
        from crmdeck.connectors.hubspot.oauth import SIGN_IN

        return SIGN_IN
    return (connection.instance_url or LOGIN_HOSTS["production"]).rstrip("/")
