"""Sign-in: the flow, the questions, the place for secrets, and the sign-in itself.

crmdeck tests secrets first, and stores them only if they work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import Connector
from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.registry import flows_of, oauth_of, vendor_of
from crmdeck.connectors.tokens import Grant
from crmdeck.credentials import (
    SECRET_NAMES,
    NoKeyringError,
    environment_variable,
    remember_secrets,
)
from crmdeck.errors import ConflictError, CrmdeckError, ReauthRequiredError, UsageError
from crmdeck.model import (
    AuditEntry,
    Connection,
    Flow,
    ProbeReport,
    Question,
    SecretsPlace,
    Source,
    WireModel,
)
from crmdeck.store import Session
from crmdeck.workspace.connections.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.connections.service import (
    ConnectionDraft,
    added_entry,
    drafted,
    learned,
    platform_needed,
    remember,
    require_free_name,
    stored_entry,
)
from crmdeck.workspace.connections.signin.browser import DEFAULT_PORT, BrowserSignIn
from crmdeck.workspace.connections.signin.flows import (
    find_flow,
    fitting_flow,
    flow_in_use,
    tidied,
)
from crmdeck.workspace.context import Context, require_connected

Target = ConnectionDraft | str


class SignedIn(WireModel):
    """The result of a sign-in: the connection, and the report of its test, if any."""

    connection: Connection
    report: ProbeReport | None = None
    flow: str | None = None


class MemoryCredentials:
    """The secrets of a connection during its sign-in.

    `values` are all of them, `renewed` those that the CRM issued in the meantime.
    """

    def __init__(self, given: Mapping[str, str], grant: Grant | None = None) -> None:
        remember_secrets(given)
        self.values = dict(given)
        self.renewed: dict[str, str] = {}
        if grant is not None:
            self.put({"access_token": grant.access_token})
            if grant.refresh_token:
                self.put({"refresh_token": grant.refresh_token})

    def __repr__(self) -> str:
        return f"MemoryCredentials({', '.join(sorted(self.values))})"

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        remember_secrets(values)
        self.values.update(values)
        self.renewed.update(values)

    def note(self, event: str, summary: str) -> None:
        """Ignore token events, because the audit log records the stored secrets."""


@dataclass
class _Trial:
    """The result of testing secrets."""

    credentials: MemoryCredentials
    connector: Connector | None = None
    report: ProbeReport | None = None
    error: CrmdeckError | None = None


@dataclass(frozen=True)
class _Plan:
    """The flow of a sign-in, the place for its secrets, and whether to test them."""

    flow: Flow
    place: SecretsPlace
    test: bool
    keep_password: bool


class SignIn:
    """Signs in to connections, and signs in again.

    A target is a draft, or a connection's name or UUID.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def flows(self, target: Target) -> tuple[Flow, ...]:
        """Return the sign-in flows, the usual one first; () if none is needed."""
        return flows_of(self._target(target))

    def ways_in(self, draft: ConnectionDraft) -> tuple[Flow, ...]:
        """Return the sign-in flows for a new connection, the usual one first.

        Raises UsageError for an invalid draft, and ConflictError for a name in use.
        """
        connection = drafted(self._context, draft)
        with self._context.store.read() as session:
            require_free_name(session, connection.name)
        return flows_of(connection)

    def choose_flow(
        self, target: Target, name: str | None = None, given: Collection[str] = ()
    ) -> Flow | None:
        """Return the flow of that name, else the flow for the `given` secrets, else the one in use.

        Raises UsageError for an unknown name, with the names to use instead.
        """
        flows = self.flows(target)
        if name is not None:
            return find_flow(flows, name, vendor_of(self._target(target).platform))
        if isinstance(target, ConnectionDraft):
            return fitting_flow(flows, given)
        stored = self._stored(self._target(target))
        app = {q.name for flow in flows for q in flow.questions if q.lasting}
        touched = tuple(flow for flow in flows if flow.names & set(given))
        # The secrets of the app are asked only once, so the stored ones count too.
        fitting = fitting_flow(touched, set(given) | (app & set(stored)))
        return fitting or flow_in_use(flows, stored)

    def open_questions(
        self, target: Target, flow: Flow, given: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return the open questions; the app's own secrets are asked only once."""
        stored = self._stored(self._target(target))
        app = {question.name for question in flow.questions if question.lasting}
        known = set(given) | (app & set(stored))
        if known & app and not flow.missing(known | {"access_token", "refresh_token"}):
            # The stored app answers the questions about its secret.
            known |= app
        return tuple(question for question in flow.questions if question.name not in known)

    def needs_own_host(self, target: Target, flow: Flow) -> bool:
        """Return True if a flow needs the org's own URL, and the target has none."""
        connection = self._target(target)
        if not flow.own_host or connection.endpoint:
            return False
        return connection.instance_url is None or _is_login_host(connection)

    def secrets_place(self, wanted: SecretsPlace | None = None) -> SecretsPlace:
        """Return the place for new secrets: `wanted`, else the one in the settings.

        Raises NoKeyringError, or SecretsKeyError, if they can't be stored there.
        """
        place = wanted or SecretsPlace(self._context.settings.secrets)
        if self._context.secrets is None:
            self._context.require_place(place)
        return place

    def place_for(self, target: Target) -> SecretsPlace:
        """Return the default place for the secrets of a sign-in.

        That is the place of the connection's secrets, or for a new one the place in the settings.
        Raises NoKeyringError if this machine has no keyring for them.
        """
        if isinstance(target, ConnectionDraft):
            return self.secrets_place()
        return self.secrets_place(self._context.vault.place(self._context.connection(target).id))

    def begin_browser(
        self,
        target: Target,
        secrets: Mapping[str, str],
        *,
        port: int = DEFAULT_PORT,
        listen: bool = True,
    ) -> BrowserSignIn:
        """Start a sign-in with the browser; pass the result of its `wait` to `connect` or `renew`.

        `secrets` are the app's ID and, if it has one, its secret. Raises UsageError if they are
        missing, and PortInUseError.
        """
        connection = self._target(target)
        vendor = vendor_of(connection.platform)
        flow = find_flow(flows_of(connection), "browser", vendor)
        answers = self._filled(connection, flow, tidied(secrets))
        require_answers(connection, flow, answers)
        if connection.source == Source.SANDBOX and connection.endpoint is None:
            raise UsageError(
                f"{connection.name} needs no sign-in.",
                cause="The demo's sandbox signs its connections in automatically.",
                remedy="Refresh the connection: crmdeck refresh NAME --demo",
                code="NO_ENDPOINT",
            )
        oauth = oauth_of(connection.platform)
        own = connection.instance_url if vendor.own_url_example else None
        base = connection.endpoint or (own or next(iter(vendor.login_hosts.values()))).rstrip("/")
        held = MemoryCredentials(answers)
        return BrowserSignIn(
            partial(oauth.authorize_url, base, client_id=held.get("client_id")),
            partial(oauth.redeem, connection, held),
            load_faults(connection.platform, vendor.title),
            port=port,
            listen=listen,
        )

    def connect(
        self,
        draft: ConnectionDraft,
        secrets: Mapping[str, str] | None = None,
        *,
        grant: Grant | None = None,
        flow: str | None = None,
        place: SecretsPlace | None = None,
        test: bool = True,
        keep_password: bool = False,
    ) -> SignedIn:
        """Test the secrets, or the `grant` of a browser, then store them and add the connection.

        Adds nothing if they don't work. But if the CRM issued a new refresh token before the error,
        adds the connection and raises the error, so that the token isn't lost. Raises UsageError,
        ConflictError, NoKeyringError, and the errors of the source.
        """
        self._context.require_writable()
        connection = drafted(self._context, draft)
        with self._context.store.read() as session:
            require_free_name(session, connection.name)
        if draft.source == Source.PARTNEROS and draft.platform is None and not test:
            raise platform_needed(draft)
        given = tidied(secrets or {})
        plan = self._plan(draft, given, grant, flow, place, test, keep_password)
        connection = _as_granted(connection, grant)
        trial = self._try(
            connection, MemoryCredentials(given, grant), test if plan is None else plan.test
        )
        connection = _as_reported(connection, trial)
        try:
            entries = [added_entry(self._context, connection)]
            if plan is not None:
                entries += self._keep(connection, trial.credentials, plan)
            with self._context.store.write() as session:
                # Again: another user may have taken the name during the test.
                require_free_name(session, connection.name)
                session.connections.put(connection, self._context.now, self._context.actor)
                session.audit.add(*entries)
                self._record_trial(session, connection, trial)
        except CrmdeckError:
            # Secrets of a connection that was not added would stay in the keyring.
            self._context.forget_secrets(connection)
            raise
        return _ended(connection, trial, plan)

    def renew(
        self,
        ref: str,
        secrets: Mapping[str, str] | None = None,
        *,
        grant: Grant | None = None,
        flow: str | None = None,
        place: SecretsPlace | None = None,
        test: bool = True,
        keep_password: bool = False,
    ) -> SignedIn:
        """Sign in again, and replace the connection's secrets if the new ones work.

        The defaults for the app's own secrets are the stored ones, and the default `place` is the
        current one. Raises ConflictError if the secrets belong to another org or account, and the
        errors of `connect`.
        """
        self._context.require_writable()
        connection = self._context.connection(ref)
        require_connected(connection)
        given = tidied(secrets or {})
        chosen = self.choose_flow(ref, "browser" if grant else flow, given)
        if chosen is not None:
            given = self._filled(connection, chosen, given)
            flow = chosen.name
        place = place or self._context.vault.place(connection.id)
        plan = self._plan(ref, given, grant, flow, place, test, keep_password)
        if plan is None:
            raise UsageError(
                f"{connection.name} needs no sign-in.",
                cause=f"The {connection.source} source has no credentials.",
                remedy=f"Refresh the connection: crmdeck refresh {connection.name}",
                code="NO_SIGN_IN",
            )
        granted = _as_granted(connection, grant)
        trial = self._try(granted, MemoryCredentials(given, grant), plan.test)
        tried = _as_reported(granted, trial)
        entries = self._keep(tried, trial.credentials, plan)
        with self._context.store.write() as session:
            # Another user may have changed other values in the meantime.
            changes = {
                name: value
                for name in Connection.model_fields
                if (value := getattr(tried, name)) != getattr(connection, name)
            }
            remember(self._context, session, connection.id, changes)
            session.audit.add(*entries)
            self._record_trial(session, connection, trial)
            latest = session.connections.get(connection.id) or tried
        return _ended(latest, trial, plan)

    def _target(self, target: Target) -> Connection:
        if isinstance(target, ConnectionDraft):
            return drafted(self._context, target)
        return self._context.connection(target)

    def _stored(self, connection: Connection) -> dict[str, str]:
        held = self._context.credentials(connection)
        try:
            found = {name: held.get(name) for name in SECRET_NAMES}
        except ReauthRequiredError:
            # They were entered for another host, so crmdeck asks for all of them again.
            return {}
        return {name: value for name, value in found.items() if value is not None}

    def _filled(
        self, connection: Connection, flow: Flow, given: Mapping[str, str]
    ) -> dict[str, str]:
        app = {question.name for question in flow.questions if question.lasting}
        stored = self._stored(connection)
        return {name: value for name, value in stored.items() if name in app} | dict(given)

    def _plan(
        self,
        target: ConnectionDraft | str,
        given: Mapping[str, str],
        grant: Grant | None,
        flow_name: str | None,
        place: SecretsPlace | None,
        test: bool,
        keep_password: bool,
    ) -> _Plan | None:
        flows = self.flows(target)
        if not flows and flow_name is None:
            return None
        connection = self._target(target)
        flow = self.choose_flow(target, "browser" if grant else flow_name, given)
        if flow is None and place is SecretsPlace.ENVIRONMENT and not test:
            return None  # another machine has the secrets in its environment
        if flow is None or (flow.browser and grant is None):
            raise _nothing_given(connection, flows)
        if grant is not None and place is SecretsPlace.ENVIRONMENT:
            raise UsageError(
                "Can't store a sign-in with the browser in the environment.",
                cause="This flow creates its tokens during sign-in; variables can't supply them.",
                remedy="Use --secrets keyring or --secrets file",
                code="NOTHING_TO_KEEP_IT_IN",
            )
        require_answers(connection, flow, given)
        # If the org's own URL isn't set, only the first sign-in shows which org it is.
        nowhere = not test and grant is None and _is_login_host(connection)
        if self.needs_own_host(target, flow) or nowhere:
            raise UsageError(
                f"The flow {flow.name} needs the org's own URL.",
                remedy=f"Add --instance-url {vendor_of(connection.platform).own_url_example}",
                code="INSTANCE_URL_NEEDED",
            )
        # Without --keep-password, crmdeck stores only the session, which needs the sign-in.
        session_wanted = "password" in flow.names and not keep_password
        place = self.secrets_place(place)
        return _Plan(flow, place, test or session_wanted, keep_password)

    def _try(self, connection: Connection, credentials: MemoryCredentials, test: bool) -> _Trial:
        trial = _Trial(credentials)
        if not test:
            return trial
        try:
            with fault_barrier(connection):
                trial.connector = self._context.open_connector(
                    connection, credentials, credentials.note
                )
                trial.report = trial.connector.probe()
        except CrmdeckError as error:
            if "refresh_token" not in credentials.renewed:
                raise
            trial.error = error
        return trial

    def _keep(
        self, connection: Connection, credentials: MemoryCredentials, plan: _Plan
    ) -> list[AuditEntry]:
        values: dict[str, str | None] = dict(credentials.values)
        if values.get("session_token") and not plan.keep_password:
            values.pop("password", None)
        if plan.place is not SecretsPlace.ENVIRONMENT:
            # The secrets of the flow before would decide which flow is in use.
            unused = dict.fromkeys(name for name in SECRET_NAMES if name not in values)
            self._context.put_secrets(connection, {**values, **unused}, plan.place)
            return [stored_entry(self._context, connection, values)]
        summary = f"Signed in to {connection.name} with secrets from the environment"
        entry = stored_entry(self._context, connection, {}).model_copy(
            update={"event": "connection.signed_in", "summary": summary}
        )
        # The CRM replaced the token in the environment, so the new one must be stored somewhere.
        if "refresh_token" not in credentials.renewed:
            return [entry]
        try:
            self._context.put_secrets(connection, credentials.renewed, None)
        except NoKeyringError as error:
            return [
                entry,
                self._context.entry("token.not_stored", error.message, connection_id=connection.id),
            ]
        return [stored_entry(self._context, connection, credentials.renewed)]

    def _record_trial(self, session: Session, connection: Connection, trial: _Trial) -> None:
        if trial.connector is None:
            return
        run = started_run(connection.id, "test", self._context.now)
        if trial.error is not None:
            session.runs.add(failed_run(run, trial.error, self._context.now))
            return
        write_run(self._context, session, connection, run)
        write_quota(session, connection.id, trial.connector, run.finished_at)


def require_answers(connection: Connection, flow: Flow, given: Collection[str]) -> None:
    """Raise UsageError with the missing secrets of a flow and their variables."""
    missing = flow.missing(given)
    if not missing:
        return
    variables = [environment_variable(connection.name, question.name) for question in missing]
    raise UsageError(
        f"Secrets are missing to sign in to {connection.name} with {flow.name}.",
        cause="Missing: " + ", ".join(question.name for question in missing) + ".",
        remedy="Sign in at a terminal, or set the variables " + ", ".join(variables),
        code="MISSING_SECRETS",
    )


def _is_login_host(connection: Connection) -> bool:
    """Return True if the instance URL is a shared sign-in host, not the org's own."""
    url = (connection.instance_url or "").rstrip("/")
    return url in vendor_of(connection.platform).login_hosts.values()


def _as_granted(connection: Connection, grant: Grant | None) -> Connection:
    """Return the connection with the grant's facts; raises ConflictError for another org."""
    if grant is None:
        return connection
    _require_same(connection, grant.organization)
    facts = {"instance_url": grant.instance_url, "organization": grant.organization}
    return connection.model_copy(update={key: value for key, value in facts.items() if value})


def _as_reported(connection: Connection, trial: _Trial) -> Connection:
    """Return the connection with the test's facts; raises ConflictError for another org."""
    if trial.report is None:
        return connection
    _require_same(connection, trial.report.organization)
    return connection.model_copy(update=learned(connection, trial.report, trial.credentials))


def _require_same(connection: Connection, organization: str | None) -> None:
    if organization is None or connection.organization in (None, organization):
        return
    raise ConflictError(
        f"The credentials belong to another {vendor_of(connection.platform).account} than "
        f"{connection.name}.",
        cause=f"The connection is for {connection.organization}, the credentials are for "
        f"{organization}.",
        remedy="Sign in with a user of the same one, or add a connection: crmdeck connections add",
        code="OTHER_ORGANIZATION",
    )


def _ended(connection: Connection, trial: _Trial, plan: _Plan | None) -> SignedIn:
    if trial.error is not None:
        raise trial.error
    return SignedIn(
        connection=connection, report=trial.report, flow=plan.flow.name if plan else None
    )


def _nothing_given(connection: Connection, flows: tuple[Flow, ...]) -> UsageError:
    ways = [
        " and ".join(environment_variable(connection.name, q.name) for q in flow.missing(()))
        for flow in flows
        if not flow.browser
    ]
    browser = any(flow.browser for flow in flows)
    return UsageError(
        f"No credentials for {connection.name}.",
        cause="The environment has no secrets for the connection.",
        remedy="Set "
        + ", or ".join(ways)
        + (", or sign in with the browser: --flow browser" if browser else ""),
        code="MISSING_SECRETS",
    )
