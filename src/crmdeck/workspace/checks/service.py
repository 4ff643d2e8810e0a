"""The check: refresh connections, then judge their findings.

A gate never passes because of something that it could not read: that is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from crmdeck.errors import (
    ConflictError,
    CrmdeckError,
    ExitCode,
    NextStep,
    NotFoundError,
    SchemaNotDiscoveredError,
    UsageError,
    exit_code,
)
from crmdeck.exports import CHECK_FORMATS, Contract, deviations, read_contract, require_format
from crmdeck.exports import render_check as export_check
from crmdeck.files import read_regular
from crmdeck.findings.find import in_order
from crmdeck.findings.gate import level_in_check
from crmdeck.findings.pairs import safe_change
from crmdeck.model import (
    CancelToken,
    ChangeState,
    CheckedConnection,
    CheckedFinding,
    CheckLevel,
    CheckReport,
    Connection,
    ConnectionStatus,
    FailOn,
    Finding,
    FindingKind,
    ProgressCallback,
    Severity,
    Status,
    Subject,
    Urgency,
    finding_id,
    to_utc,
)
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.audit import Audit
from crmdeck.workspace.checks.exit_code import reasons_of, reasons_of_all
from crmdeck.workspace.commands import no_connections
from crmdeck.workspace.context import Context
from crmdeck.workspace.explore.schemas import Schemas
from crmdeck.workspace.findings.health import Health
from crmdeck.workspace.findings.reading import read_statuses
from crmdeck.workspace.open_changes import POLICY_FILE, POLICY_SET, Standings, read_policy
from crmdeck.workspace.policy import Policy, load_policy, parse_policy, policy_text
from crmdeck.workspace.refresh.service import Attempt, Refreshes

CHECKED = "schema.checked"

_LONGEST_CONTRACT = 16 * 1024 * 1024  # characters


class Checks:
    """Check connections, for a person and for a gate."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._refreshes = Refreshes(context)
        self._health = Health(context)
        self._audit = Audit(context)
        self._schemas = Schemas(context)

    def run(
        self,
        refs: Sequence[str] = (),
        *,
        since: datetime | None = None,
        new: bool = False,
        fail_on: FailOn = FailOn.BREAKING,
        policy: Path | None = None,
        contracts: Sequence[Path] = (),
        refresh: bool = True,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> CheckReport:
        """Check the named connections, or all that are not disconnected.

        The same check gives the same result until someone settles a finding; with `new`, it leaves
        out rows and changes from before the last check of each connection, with `since` from before
        then. Safe changes
        are notes of the check that finds them, unless `fail_on` or a rule of the policy counts
        them. `policy` is a file of rules, by default that of the workspace. `contracts` are
        Open Data Contracts for the named connections, or for those that each contract names; the
        check then covers only those. Without `refresh` it checks the cache. A connection that
        can't be read doesn't stop the others. Raises NotFoundError and UsageError before it
        starts.
        """
        rules = (load_policy(policy) if policy else self.policy()) or Policy()
        agreed = [_load_contract(path, bool(refs)) for path in contracts]
        refs = refs or [name for each in agreed for name in each.servers]
        wanted = self.chosen(refs)
        last = {each.id: self._last_check(each) for each in wanted}
        starts = {each.id: since or (last[each.id] if new else None) for each in wanted}
        attempts: dict[str, Attempt] = {}
        if refresh and wanted:
            ran = self._refreshes.run_many(
                [connection.id for connection in wanted], progress=progress, cancel=cancel
            )
            attempts = {attempt.connection_id: attempt for attempt in ran}
        checked: list[CheckedConnection] = []
        findings: list[CheckedFinding] = []
        codes: list[ExitCode] = []
        today = self._context.now.date()
        for connection in wanted:
            # Set before the changes are read: later ones belong to the next check.
            until = self._context.now
            begin = starts[connection.id]
            # All of it sees one moment, and the file is opened once. Not for all connections at
            # once: others may write between two.
            with self._context.store.read() as session:
                (status,) = read_statuses(
                    self._context, session, (connection,), connection.id, rules
                )
                error = _error(connection, status, attempts.get(connection.id), refresh)
                found = list(_listed(status, error, begin))
                found += self._safe(
                    session, connection, rules, fail_on, begin or last[connection.id]
                )
                found += self._deviating(connection, agreed)
            judged = []
            for finding in found:
                rule = rules.find(finding, today)
                level = level_in_check(finding, fail_on, rule.level if rule is not None else None)
                more = {"rule": (rule.reason or "policy")} if rule is not None else {}
                judged.append(CheckedFinding(**{**dict(finding), **more}, level=level))
            findings += judged
            codes += reasons_of(judged, error)
            checked.append(_checked(connection, status, begin, until, error))
        report = self._report(fail_on, rules, checked, findings, codes)
        self._record(report)
        # Read the head after the check's own entries, so that it covers them.
        head = self._audit.head()
        return report.model_copy(update={"audit_head": head and head.hash})

    def chosen(self, refs: Sequence[str]) -> tuple[Connection, ...]:
        """Return the named connections, or all that are not disconnected.

        Raises NotFoundError, and UsageError if there are none.
        """
        named = [self._context.connection(ref) for ref in refs]
        if not refs:
            with self._context.store.read() as session:
                named = [c for c in session.connections.all() if c.disconnected_at is None]
        # A gate must not pass because there is nothing to check.
        if not named:
            raise no_connections(self._context, "check")
        return tuple({connection.id: connection for connection in named}.values())

    def require_format(self, format: str) -> None:
        """Raise UsageError if `render` has no such format; call it before a check."""
        require_format(format, CHECK_FORMATS, "check")

    def render(self, report: CheckReport, format: str) -> str:
        """Return a check as json, markdown, html, junit or github; raises UsageError."""
        return export_check(report, format)

    def unread(self, ref: str | None = None) -> tuple[CrmdeckError, ...]:
        """Return the errors of the last refresh, of one connection or of all.

        The exit code of an error is PARTIAL if that refresh read other connections or objects.
        Raises NotFoundError.
        """
        found: list[CrmdeckError] = []
        with self._context.store.read():
            named = self.chosen([ref] if ref else ())
            # One statement covers all connections, because 500 statements take a minute.
            statuses = [self._health.status(named[0].id)] if ref else self._health.statuses()
            status_of = {status.id: status for status in statuses}
            for connection in named:
                status = status_of[connection.id]
                error = _error(connection, status, None, refresh=False)
                failed = error is None and status.schema_stats.failed_object_count > 0
                failures = self._health.failures(connection.id) if failed else ()
                if failures:
                    error = CrmdeckError(
                        f"Can't read {count(len(failures), 'object')}.",
                        cause=failures[0].message,
                        remedy=failures[0].remedy,
                        code="OBJECTS_FAILED",
                    )
                    error.exit_code = ExitCode.PARTIAL
                if error is not None:
                    error.connection = connection.name
                    found.append(error)
        for error in found:
            if error.exit_code is ExitCode.FAILED and len(found) < len(named):
                error.exit_code = ExitCode.PARTIAL
        return tuple(found)

    def policy(self) -> Policy | None:
        """Return the policy of the workspace, None without one.

        A team's is in its history, any other is `policy.toml`. Raises UsageError if crmdeck
        can't use it.
        """
        with self._context.store.read() as session:
            return read_policy(self._context, session)

    def set_policy(self, path: Path | None) -> Policy | None:
        """Set the team's policy from a file, and return it.

        Without a file, remove it. The audit log stores it. Raises UsageError if crmdeck
        can't use the file, and in a workspace that is a folder: its policy is a file there.
        """
        self._context.require_writable()
        if not self._context.shared:
            raise UsageError(
                "Only a team's workspace has a shared policy.",
                cause="This workspace is a folder.",
                remedy=f"Write the policy to {self._context.home / POLICY_FILE}",
                code="NO_TEAM",
            )
        text = "" if path is None else policy_text(path)
        policy = None if path is None else parse_policy(text, str(path))
        entry = self._context.entry(
            POLICY_SET,
            "Removed the policy" if path is None else f"Set the policy from {path.name}",
            details={"policy": text},
        )
        with self._context.store.write() as session:
            session.audit.add(entry)
        return policy

    def _report(
        self,
        fail_on: FailOn,
        rules: Policy,
        checked: Sequence[CheckedConnection],
        findings: Sequence[CheckedFinding],
        codes: Sequence[ExitCode],
    ) -> CheckReport:
        reasons = reasons_of_all(codes, checked)
        now = self._context.now
        levels = list(CheckLevel)
        ordered = sorted(in_order(findings), key=lambda one: -levels.index(one.level))
        return CheckReport(
            checked_at=now,
            fail_on=fail_on,
            success=not reasons,
            exit_code=int(exit_code(reasons)),
            reasons=tuple(reason.reason for reason in reasons),
            connections=tuple(checked),
            findings=tuple(ordered),
            expired_rules=rules.expired(now.date()),
            unused_rules=rules.unused(findings, now.date()),
        )

    def _last_check(self, connection: Connection) -> datetime | None:
        last = self._audit.entries(connection.id, event=CHECKED, limit=1)
        until = last[0].details.get("until") if last else None
        return to_utc(datetime.fromisoformat(until)) if isinstance(until, str) else None

    def _safe(
        self,
        session: Session,
        connection: Connection,
        policy: Policy,
        fail_on: FailOn,
        since: datetime | None,
    ) -> Iterator[Finding]:
        """Yield the safe changes: those since the last check, or all if a gate counts them."""
        counts = fail_on is FailOn.SAFE or any(
            rule.level is CheckLevel.FAIL for rule in policy.rule
        )
        standings = Standings(self._context, session, connection.id, policy)
        judged = standings.changes(safe=True)
        safe = [
            change.id
            for change, standing in judged.get(connection.id, ())
            if change.severity is Severity.SAFE
            and standing.state in (ChangeState.INFO, ChangeState.EXCUSED)
            and (counts or since is None or change.at >= since)
        ]
        events = session.drift.by_ids(safe).values()
        for event in sorted(events, key=lambda each: each.detected_at, reverse=True):
            yield safe_change(connection, event)

    def _deviating(
        self, connection: Connection, contracts: Sequence[Contract]
    ) -> Iterator[Finding]:
        for contract in contracts:
            # A contract without servers was named together with its connections.
            if contract.servers and connection.name not in contract.servers:
                continue
            objects = {}
            for name in contract.objects:
                try:
                    objects[name] = self._schemas.object(connection.id, name)
                except NotFoundError:
                    continue
                except SchemaNotDiscoveredError:
                    # The check reports this connection as unread.
                    return
            for each in deviations(contract, objects):
                place = ".".join(filter(None, (each.object_type, each.field_name)))
                yield Finding(
                    id=finding_id(connection.id, "CONTRACT_BROKEN", place, each.text),
                    kind=FindingKind.CONTRACT_BROKEN,
                    urgency=Urgency.FAILING,
                    code="CONTRACT_BROKEN",
                    connection_id=connection.id,
                    connection=connection.name,
                    title=f"{place} breaks the contract",
                    cause=each.text,
                    effect="Undo the change in the CRM, or update the contract.",
                    subject=Subject(object_type=each.object_type, crm_field=each.field_name),
                    mapped=True,
                )

    def _record(self, report: CheckReport) -> None:
        if self._context.read_only:
            return
        entries = [
            self._context.entry(
                CHECKED,
                f"{each.name}: checked, {_count(report, each.name)}",
                connection_id=each.id,
                details={"until": each.until.isoformat(), "reasons": list(report.reasons)},
            )
            for each in report.connections
            if each.read
        ]
        with self._context.store.write() as session:
            session.audit.add(*entries)


def _load_contract(path: Path, named: bool) -> Contract:
    """Return the contract in a file. If `named`, the user chose the connections."""
    try:
        text = read_regular(path, _LONGEST_CONTRACT).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "The file isn't UTF-8 text."
        raise UsageError(f"Can't read {path}.", cause=why, code="BAD_CONTRACT") from None
    contract = read_contract(text, str(path))
    if not named and not contract.servers:
        raise UsageError(
            f"{path} doesn't specify a connection.",
            remedy="Enter the name of the connection to check.",
            code="BAD_CONTRACT",
        )
    return replace(contract, servers=()) if named else contract


def _count(report: CheckReport, name: str) -> str:
    mine = [each for each in report.findings if each.connection == name]
    failing = sum(each.level is CheckLevel.FAIL for each in mine)
    return f"{count(len(mine), 'finding')}, {failing} failing" if mine else "no findings"


def _listed(
    status: ConnectionStatus, error: CrmdeckError | None, since: datetime | None
) -> Iterator[Finding]:
    """Yield the findings that a check lists: without notes, and what is older than `since`."""
    shown = [
        each
        for each in status.findings
        if each.urgency not in (Urgency.SETUP, Urgency.NOTE)
        # What is about the connection itself is as new as the check.
        and (since is None or not _is_older(each, since))
    ]
    if error is not None and not any(each.code == error.code for each in shown):
        yield Finding(
            id=finding_id(status.id, error.code),
            kind=FindingKind.CONNECTION_ERROR,
            urgency=Urgency.FAILING,
            code=error.code,
            connection_id=status.id,
            connection=status.name,
            title=error.message.removesuffix("."),
            cause=" ".join(filter(None, (error.cause, error.remedy))),
        )
    yield from shown


def _is_older(finding: Finding, since: datetime) -> bool:
    """Return whether a finding about a row or a change is older than `since`."""
    if finding.subject.object_type is None:
        return False
    return finding.evidence_at is None or finding.evidence_at < since


def _error(
    connection: Connection, status: ConnectionStatus, attempt: Attempt | None, refresh: bool
) -> CrmdeckError | None:
    """Return the error of a connection that the check could not read, else None."""
    if attempt is not None:
        return attempt.error
    if not refresh and status.status is Status.DISCONNECTED:
        return ConflictError(f"'{connection.name}' is disconnected.")
    # If the check doesn't refresh, the outcome of the last refresh applies.
    if not refresh and status.status in (Status.ERROR, Status.REAUTH_REQUIRED):
        error = CrmdeckError(
            status.last_error_message or "The last refresh failed.",
            remedy=status.last_error_remedy,
            code=status.last_error_code,
        )
        if status.status is Status.REAUTH_REQUIRED:
            error.exit_code = ExitCode.REAUTH_REQUIRED
            error.next_step = NextStep.SIGN_IN
        return error
    if status.schema_stats.last_discovered_at is None:
        return SchemaNotDiscoveredError(
            f"'{connection.name}' was never refreshed.",
            remedy="Run the check without --no-refresh.",
        )
    return None


def _checked(
    connection: Connection,
    status: ConnectionStatus,
    since: datetime | None,
    until: datetime,
    error: CrmdeckError | None,
) -> CheckedConnection:
    return CheckedConnection(
        id=connection.id,
        name=connection.name,
        platform=connection.platform,
        status=status.status,
        read=error is None,
        since=since,
        until=until,
        object_count=status.schema_stats.object_count,
        field_count=status.schema_stats.field_count,
        open_changes=status.open_changes,
    )
