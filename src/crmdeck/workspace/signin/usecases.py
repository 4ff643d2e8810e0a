"""Signing in: secrets are tried first, and stored only where they work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmdeck.connectors.base import Connector
from crmdeck.connectors.tokens import Grant
from crmdeck.credentials import SECRET_NAMES, NoKeyringError, environment_variable
from crmdeck.errors import ConflictError, CrmdeckError, UsageError
from crmdeck.model import AuditEntry, Connection, ProbeReport, SecretsPlace, Source, WireModel
from crmdeck.store import Session
from crmdeck.workspace.connecting import (
    ConnectionDraft,
    platform_needed,
    require_free_name,
)
from crmdeck.workspace.learned import learned
from crmdeck.workspace.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.signin.flows import Flow, tidied
from crmdeck.workspace.signin.hosts import is_login_host
from crmdeck.workspace.signin.preparing import Preparing, needs_own_host, require_answers
from crmdeck.workspace.signin.purse import Purse


class SignedIn(WireModel):
    """How a sign-in ended: the connection as it is now, and who we are there, if asked."""

    connection: Connection
    report: ProbeReport | None = None
    flow: str | None = None


@dataclass
class _Trial:
    """What trying secrets led to."""

    purse: Purse
    connector: Connector | None = None
    report: ProbeReport | None = None
    error: CrmdeckError | None = None


@dataclass(frozen=True)
class _Plan:
    """How it is to be done: by which flow, kept where, tried or not."""

    flow: Flow
    place: SecretsPlace
    test: bool
    keep_password: bool


class SigningIn(Preparing):
    """How a connection gets its credentials, and gets them again."""

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
        """Try the secrets, or the `grant` of a browser, then store them and add the connection.

        Nothing is added where they do not work. Where the CRM gave something in exchange that
        can't be had again, the connection is added, and the error raised all the same. Raises
        UsageError, ConflictError, NoKeyringError, and what the source answers.
        """
        self._require_writable()
        connection = self._draft(draft)
        require_free_name(connection.name, self.connections())
        if draft.source is Source.PARTNEROS and draft.platform is None and not test:
            raise platform_needed(draft)
        given = tidied(secrets or {})
        plan = self._plan(draft, given, grant, flow, place, test, keep_password)
        connection = _as_granted(connection, grant)
        trial = self._try(connection, Purse(given, grant), test if plan is None else plan.test)
        connection = _as_reported(connection, trial)
        try:
            entries = [self._added_entry(connection)]
            if plan is not None:
                entries += self._keep(connection, trial.purse, plan)
            with self._store.write() as session:
                require_free_name(connection.name, session.connections.all())
                session.connections.put(connection, self.now, self.actor)
                session.audit.add(*entries)
                self._record_trial(session, connection, trial)
        except CrmdeckError:
            self._secret_store().forget(connection.id)
            raise
        return _ended(connection, trial, plan)

    def sign_in(
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
        """Sign in again: what works replaces the secrets that the connection has.

        What belongs to the app is taken from the stored secrets where it is not given; the
        place stays unless one is named. Raises ConflictError where the secrets lead to another
        org or portal than before, and otherwise as `connect` does.
        """
        self._require_writable()
        connection = self.connection(ref)
        self._require_connected(connection)
        given = tidied(secrets or {})
        chosen = self.choose_flow(ref, "browser" if grant else flow, given)
        if chosen is not None:
            given = self._filled(connection, chosen, given)
            flow = chosen.name
        place = place or self._vault.place(connection.id)
        plan = self._plan(ref, given, grant, flow, place, test, keep_password)
        if plan is None:
            raise UsageError(
                f"{connection.name} needs no signing in.",
                cause=f"The source {connection.source} has no credentials.",
                code="NO_SIGN_IN",
            )
        connection = _as_granted(connection, grant)
        trial = self._try(connection, Purse(given, grant), plan.test)
        connection = _as_reported(connection, trial)
        entries = self._keep(connection, trial.purse, plan)
        with self._store.write() as session:
            session.connections.put(connection, self.now, self.actor)
            session.audit.add(*entries)
            self._record_trial(session, connection, trial)
        return _ended(connection, trial, plan)

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
        flows = self.sign_in_flows(target)
        if not flows and flow_name is None:
            return None
        connection = self._target(target)
        flow = self.choose_flow(target, "browser" if grant else flow_name, given)
        if flow is None and place is SecretsPlace.ENVIRONMENT and not test:
            return None  # set up ahead of the machine that will have the secrets
        if flow is None or (flow.browser and grant is None):
            raise _nothing_given(connection, flows)
        if grant is not None and place is SecretsPlace.ENVIRONMENT:
            raise UsageError(
                "A sign-in with the browser has to be kept somewhere.",
                cause="What it gives is in no environment.",
                remedy="Use --secrets keyring or --secrets file.",
                code="NOTHING_TO_KEEP_IT_IN",
            )
        require_answers(connection, flow, given)
        # Without its own URL an org is only known from an answer to the first sign-in.
        nowhere = not test and grant is None and is_login_host(connection.instance_url or "")
        if needs_own_host(connection, flow) or nowhere:
            raise UsageError(
                f"The flow {flow.name} needs the org's own URL.",
                remedy="Add --instance-url https://MYDOMAIN.my.salesforce.com",
                code="INSTANCE_URL_NEEDED",
            )
        # A session is had by signing in, which is all that can be kept of a password.
        session_wanted = "password" in flow.names and not keep_password
        place = self.secrets_place(place)
        return _Plan(flow, place, test or session_wanted, keep_password)

    def _try(self, connection: Connection, purse: Purse, test: bool) -> _Trial:
        trial = _Trial(purse)
        if not test:
            return trial
        try:
            trial.connector = self._connector(connection, purse, purse.note)
            trial.report = trial.connector.probe()
        except CrmdeckError as error:
            if "refresh_token" not in purse.renewed:
                raise
            trial.error = error
        return trial

    def _keep(self, connection: Connection, purse: Purse, plan: _Plan) -> list[AuditEntry]:
        values: dict[str, str | None] = dict(purse.contents())
        if values.get("session_token") and not plan.keep_password:
            values.pop("password", None)
        if plan.place is not SecretsPlace.ENVIRONMENT:
            unused = dict.fromkeys(name for name in SECRET_NAMES if name not in values)
            self._store_secrets(connection, {**values, **unused}, plan.place)
            return [self._stored_entry(connection, values)]
        if "refresh_token" not in purse.renewed:
            return []
        try:
            self._store_secrets(connection, purse.renewed, None)
        except NoKeyringError as error:
            return [self._entry("token.not_stored", error.message, connection_id=connection.id)]
        return [self._stored_entry(connection, purse.renewed)]

    def _record_trial(self, session: Session, connection: Connection, trial: _Trial) -> None:
        if trial.connector is None:
            return
        run = started_run(connection.id, "test", self.now)
        if trial.error is not None:
            session.runs.add(failed_run(run, trial.error, self.now))
            return
        write_run(session, connection, run, self._recovered_entry(connection))
        write_quota(session, trial.connector, run)


def _as_granted(connection: Connection, grant: Grant | None) -> Connection:
    """Return the connection with what the grant told; raises ConflictError for another org."""
    if grant is None:
        return connection
    _require_same(connection, grant.organisation)
    told = {"instance_url": grant.instance_url, "organisation": grant.organisation}
    return connection.model_copy(update={key: value for key, value in told.items() if value})


def _as_reported(connection: Connection, trial: _Trial) -> Connection:
    """Return the connection with what the test told; raises ConflictError for another org."""
    if trial.report is None:
        return connection
    _require_same(connection, trial.report.organisation)
    return connection.model_copy(update=learned(connection, trial.report, trial.purse))


def _require_same(connection: Connection, organisation: str | None) -> None:
    if organisation is None or connection.organisation in (None, organisation):
        return
    raise ConflictError(
        f"These credentials are not for the organisation of {connection.name}.",
        cause=f"They lead to {organisation}, and the connection to {connection.organisation}.",
        remedy="Sign in as a user of that organisation, or add another connection.",
        code="OTHER_ORGANISATION",
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
        f"There is nothing to sign in to {connection.name} with.",
        cause="The environment holds no secrets for it.",
        remedy="Set " + ", or ".join(ways) + ("; or use --flow browser." if browser else "."),
        code="MISSING_SECRETS",
    )
