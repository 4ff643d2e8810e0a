"""The check: refresh connections, then report changes, broken mappings, and alerts.

A gate never passes because of something that it could not read: that is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from crmdeck.drift.wording import place_of, what_happened
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
from crmdeck.mapping.validity import broken_mappings
from crmdeck.model import (
    AlertLevel,
    CancelToken,
    ChangeState,
    CheckedConnection,
    CheckReport,
    Connection,
    ConnectionStatus,
    DriftEvent,
    FailOn,
    Issue,
    IssueKind,
    IssueLevel,
    ObjectPair,
    OpenChanges,
    ProgressCallback,
    Severity,
    Status,
    to_utc,
)
from crmdeck.text import count
from crmdeck.workspace.audit import Audit
from crmdeck.workspace.checks.exit_code import judge, reasons_of, reasons_of_all
from crmdeck.workspace.checks.preflight import Preflights
from crmdeck.workspace.commands import no_connections
from crmdeck.workspace.connections.alerts import EXPIRING_CODES
from crmdeck.workspace.connections.health import Health
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.drift import Drift
from crmdeck.workspace.explore.schemas import Schemas
from crmdeck.workspace.mappings.service import Mappings
from crmdeck.workspace.open_changes import (
    POLICY_FILE,
    POLICY_SET,
    count_judged,
    judge_changes,
    read_policy,
)
from crmdeck.workspace.policy import Policy, load_policy, parse_policy, policy_text
from crmdeck.workspace.refresh.service import Attempt, Refreshes

CHECKED = "schema.checked"

_LONGEST_CONTRACT = 16 * 1024 * 1024  # characters

# The check reports these in more detail, as changes, broken mappings or failed reads.
_ELSEWHERE = ("DRIFT_ON_MAPPED_FIELDS", "OBJECTS_FAILED", "NEVER_REFRESHED", "SCHEMA_STALE")


class Checks:
    """Check connections for new problems."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._refreshes = Refreshes(context)
        self._drift = Drift(context)
        self._mappings = Mappings(context)
        self._health = Health(context)
        self._audit = Audit(context)
        self._schemas = Schemas(context)
        self._preflights = Preflights(context)

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
        preflight: bool = False,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> CheckReport:
        """Check the named connections, or all that are not disconnected.

        Open changes count, so the same check gives the same result; with `new`, only those since
        the last check of each connection, and with `since` only those since then. Safe changes
        are notes of the check that finds them, unless `fail_on` or a rule of the policy counts
        them. `policy` is a file of rules, by default that of the workspace. `contracts` are
        Open Data Contracts for the named connections, or for those that each contract names; the
        check then covers only those. Without `refresh` it checks the cache. With `preflight`,
        writes that the CRM refuses because of these changes fail too. A connection that
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
        issues: list[Issue] = []
        codes: list[ExitCode] = []
        attributes: dict[str | None, list[str]] = {}
        for connection in wanted:
            # Set before the changes are read: later ones belong to the next check.
            until = self._context.now
            begin = starts[connection.id]
            # All of it sees one moment, and the file is opened once. Not for all connections at
            # once: others may write between two.
            with self._context.store.read():
                status = self._health.status(connection.id)
                error = _error(connection, status, attempts.get(connection.id), refresh)
                found = list(self._found(connection, status, error))
                changes, still = self._changes(
                    connection, rules, fail_on, begin, last[connection.id]
                )
                found += [_drifted(connection, event) for event in changes]
                attributes |= {
                    event.id: [one.attribute for one in event.changes] for event in changes
                }
                if preflight:
                    found += self._refused(connection, changes)
                found += self._deviating(connection, agreed)
            today = self._context.now.date()
            judged = [
                judge(issue, fail_on, rules.find(issue, attributes.get(issue.event_id, ()), today))
                for issue in found
            ]
            issues += judged
            codes += reasons_of(judged, error)
            checked.append(_checked(connection, status, begin, until, error, still))
        report = self._report(fail_on, rules, checked, issues, attributes, codes)
        self._record(report)
        # After the check's own entries, so that a kept head covers them.
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

    def mapping(self, ref: str, pair: str | None = None) -> tuple[Issue, ...]:
        """Return the broken mappings of a connection, of one object pair or of all.

        Raises NotFoundError for a pair without decisions.
        """
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            pairs = [pair] if pair else self._accepted_pairs(ref)
            return tuple(issue for each in pairs for issue in self._broken(connection, each))

    def _accepted_pairs(self, ref: str) -> list[str]:
        # Without an accepted mapping nothing can be broken, even if the object is gone.
        return [each.object_pair for each in self._mappings.pairs(ref) if each.accepted]

    def unread(self, ref: str | None = None) -> tuple[CrmdeckError, ...]:
        """Return the errors of the last refresh, of one connection or of all.

        The exit code of an error is PARTIAL if that refresh read other connections or objects.
        Raises NotFoundError.
        """
        found: list[CrmdeckError] = []
        with self._context.store.read():
            named = self.chosen([ref] if ref else ())
            # Statements over all connections: each on its own takes a minute for 500.
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
        issues: Sequence[Issue],
        attributes: Mapping[str | None, Sequence[str]],
        codes: Sequence[ExitCode],
    ) -> CheckReport:
        reasons = reasons_of_all(codes, checked)
        now = self._context.now
        return CheckReport(
            checked_at=now,
            fail_on=fail_on,
            success=not reasons,
            exit_code=int(exit_code(reasons)),
            reasons=tuple(reason.reason for reason in reasons),
            connections=tuple(checked),
            issues=tuple(sorted(issues, key=_urgency)),
            expired_rules=rules.expired(now.date()),
            unused_rules=rules.unused(
                [(issue, attributes.get(issue.event_id, ())) for issue in issues], now.date()
            ),
        )

    def _last_check(self, connection: Connection) -> datetime | None:
        last = self._audit.entries(connection.id, event=CHECKED, limit=1)
        until = last[0].details.get("until") if last else None
        return to_utc(datetime.fromisoformat(until)) if isinstance(until, str) else None

    def _found(
        self, connection: Connection, status: ConnectionStatus, error: CrmdeckError | None
    ) -> Iterator[Issue]:
        if error is not None:
            yield Issue(
                connection=connection.name,
                kind=IssueKind.UNREAD,
                level=IssueLevel.FAIL,
                code=error.code,
                title=error.message,
                detail=error.cause or "",
                remedy=error.remedy,
            )
        for failure in self._health.failures(connection.id):
            yield Issue(
                connection=connection.name,
                kind=IssueKind.UNREAD,
                level=IssueLevel.FAIL,
                code=failure.code,
                title=f"Can't read {failure.object_type}",
                detail=" ".join(filter(None, (failure.message, failure.cause))),
                remedy=failure.remedy,
                object_type=failure.object_type,
            )
        for pair in self._accepted_pairs(connection.id):
            yield from self._broken(connection, pair)
        for alert in status.alerts:
            reported = alert.code in _ELSEWHERE or (error is not None and alert.code == error.code)
            if not reported and alert.level is not AlertLevel.INFO:
                yield Issue(
                    connection=connection.name,
                    kind=IssueKind.ALERT,
                    level=IssueLevel.REPORT,
                    code=alert.code,
                    title=alert.message,
                    detail=alert.cause or "",
                    remedy=alert.remedy,
                )

    def _changes(
        self,
        connection: Connection,
        policy: Policy,
        fail_on: FailOn,
        since: datetime | None,
        last_check: datetime | None,
    ) -> tuple[tuple[DriftEvent, ...], OpenChanges]:
        """Return the changes that a check judges, and the count of all open ones.

        It judges open and excused changes, and new safe ones.
        """
        counts_safe = fail_on is FailOn.SAFE or any(
            rule.level is IssueLevel.FAIL for rule in policy.rule
        )
        states = {ChangeState.OPEN, ChangeState.EXCUSED}
        if counts_safe:
            states.add(ChangeState.INFO)
        with self._context.store.read() as session:
            judged = judge_changes(
                self._context, session, connection.id, safe=counts_safe, policy=policy
            ).get(connection.id, [])
            wanted = [change.id for change, standing in judged if standing.state in states]
            events = session.drift.among(wanted).values()
        still = count_judged(judged)
        newest = sorted(events, key=lambda event: event.detected_at, reverse=True)
        found = tuple(each for each in newest if since is None or each.detected_at >= since)
        if counts_safe:
            return found, still
        notes = self._drift.report(connection.id, since=since or last_check, acknowledged=False)
        safe = tuple(each for each in notes.events if each.severity is Severity.SAFE)
        return found + safe, still

    def _broken(self, connection: Connection, pair: str) -> Iterator[Issue]:
        try:
            mapping = self._mappings.get(connection.id, pair)
            review = self._mappings.review(connection.id, pair)
        except (NotFoundError, SchemaNotDiscoveredError) as error:
            yield Issue(
                connection=connection.name,
                kind=IssueKind.MAPPING,
                level=IssueLevel.FAIL,
                code=error.code,
                title=f"Can't check {pair}",
                detail=error.message,
                remedy=error.remedy,
                object_pair=pair,
                mapped=True,
            )
            return
        for line, why in broken_mappings(mapping, review):
            yield Issue(
                connection=connection.name,
                kind=IssueKind.MAPPING,
                level=IssueLevel.FAIL,
                code="MAPPING_BROKEN",
                title=f"Broken mapping: {line.partner_field} → {line.crm_field}",
                detail=why,
                remedy="Choose another field, or undo the decision.",
                object_type=ObjectPair.parse(pair).crm_object,
                field_name=line.crm_field,
                object_pair=pair,
                partner_field=line.partner_field,
                mapped=True,
            )

    def _refused(self, connection: Connection, changes: Sequence[DriftEvent]) -> Iterator[Issue]:
        """Yield the writes that passed before these changes, and that the CRM refuses now."""
        for summary in self._mappings.pairs(connection.id):
            pair = summary.object_pair
            crm_object = ObjectPair.parse(pair).crm_object
            times = [each.detected_at for each in changes if each.object_type == crm_object]
            if not times or not summary.accepted:
                continue
            for failure in self._preflights.newly_refused(connection.id, pair, min(times)):
                if failure.code == "FIELD_GONE":  # A broken mapping.
                    continue
                place = failure.crm_field or crm_object
                yield Issue(
                    connection=connection.name,
                    kind=IssueKind.PREFLIGHT,
                    level=IssueLevel.FAIL,
                    code="WRITES_REFUSED",
                    title=f"{place} refuses writes that passed before",
                    detail=f"{failure.when}: {failure.reason}",
                    remedy=f"See all: crmdeck preflight {connection.name} {pair}",
                    object_type=crm_object,
                    field_name=failure.crm_field,
                    object_pair=pair,
                    partner_field=failure.partner_field,
                    mapped=True,
                )

    def _deviating(self, connection: Connection, contracts: Sequence[Contract]) -> Iterator[Issue]:
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
                yield Issue(
                    connection=connection.name,
                    kind=IssueKind.CONTRACT,
                    level=IssueLevel.FAIL,
                    code="CONTRACT_BROKEN",
                    title=f"{place} breaks the contract",
                    detail=each.text,
                    remedy="Undo the change in the CRM, or update the contract.",
                    object_type=each.object_type,
                    field_name=each.field_name,
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
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST_CONTRACT + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "The file isn't UTF-8 text."
        raise UsageError(f"Can't read {path}.", cause=why, code="BAD_CONTRACT") from None
    if len(text) > _LONGEST_CONTRACT:
        raise UsageError(f"{path} is too large for a contract.", code="BAD_CONTRACT")
    contract = read_contract(text, str(path))
    if not named and not contract.servers:
        raise UsageError(
            f"{path} names no connection.",
            remedy="Enter the name of the connection to check.",
            code="BAD_CONTRACT",
        )
    return replace(contract, servers=()) if named else contract


def _count(report: CheckReport, name: str) -> str:
    mine = [issue for issue in report.issues if issue.connection == name]
    failing = sum(issue.level is IssueLevel.FAIL for issue in mine)
    return f"{count(len(mine), 'problem')}, {failing} failing" if mine else "no problems"


def _error(
    connection: Connection, status: ConnectionStatus, attempt: Attempt | None, refresh: bool
) -> CrmdeckError | None:
    """Return the error of a connection that the check could not read, else None."""
    if attempt is not None:
        return attempt.error
    if not refresh and status.status is Status.DISCONNECTED:
        return ConflictError(f"'{connection.name}' is disconnected.")
    # Without a refresh, the outcome of the last one counts.
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


def _drifted(connection: Connection, event: DriftEvent) -> Issue:
    return Issue(
        connection=connection.name,
        kind=IssueKind.DRIFT,
        level=IssueLevel.REPORT,
        code=event.kind.value.upper(),
        title=f"{place_of(event)}: {what_happened(event)}",
        detail=event.reason,
        severity=event.severity,
        object_type=event.object_type,
        field_name=event.field_name,
        mapped=bool(event.affected_mappings),
        event_id=event.id,
        detected_at=event.detected_at,
        changed_by=event.changed_by,
    )


def _checked(
    connection: Connection,
    status: ConnectionStatus,
    since: datetime | None,
    until: datetime,
    error: CrmdeckError | None,
    open_changes: OpenChanges,
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
        open_changes=open_changes,
    )


def _urgency(issue: Issue) -> tuple[int, int, int, str, str]:
    """Return the sort key: broken mappings, failed reads, what expires, the rest."""
    levels = list(IssueLevel)
    rank = issue.severity.rank if issue.severity else 0
    match issue.kind:
        case IssueKind.MAPPING:
            place = 0
        case IssueKind.DRIFT if issue.mapped and issue.severity is Severity.BREAKING:
            place = 0
        case IssueKind.UNREAD:
            place = 1
        case IssueKind.ALERT if issue.code in EXPIRING_CODES:
            place = 2
        case _:
            place = 3
    return (-levels.index(issue.level), place, -rank, issue.connection, issue.title)
