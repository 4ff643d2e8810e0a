"""crmdeck status, crmdeck refresh and crmdeck doctor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck import model, workspace
from crmdeck.cli.findings import show_finding
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import emit_json, report_error, say, say_details
from crmdeck.cli.session import ProgressLine, say_empty
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.home import require_home
from crmdeck.model import FailOn, FindingKind, Status
from crmdeck.text import count


def status(
    ws: workspace.Workspace,
    listing: Listing,
    names: list[str] | None = None,
    fail_on: FailOn | None = None,
) -> ExitCode:
    """Show connection health. Exit with 3 if a connection needs a sign-in.

    With --fail-on, also exit with 4 if a finding fails at that level, and with 3, 6 or 1 if the
    last refresh could not read everything.
    """
    listing.require(workspace.COLUMNS["health"])
    unread: dict[str | None, ExitCode] = {}
    if fail_on is not None:
        # A gate must not pass because of something that it could not read.
        ws.checks.policy()
        for error in (each for name in names or (None,) for each in ws.checks.unread(name)):
            report_error(error, as_json=listing.as_json)
            unread[error.connection] = error.exit_code
    found = [ws.health.status(name) for name in names] if names else list(ws.health.statuses())
    reasons: dict[str, list[ExitCode]] = {}
    for item in found:
        codes = _status_reasons(item, found)
        if fail_on is not None and ws.findings.fails(item, fail_on):
            codes.append(ExitCode.DRIFT)
        if item.name in unread:
            codes.append(unread[item.name])
        reasons[item.id] = list(dict.fromkeys(codes))
    # A question about one connection returns one object, as in the API.
    alone = names is not None and len(names) == 1
    if listing.emit(
        found,
        columns=workspace.COLUMNS["health"],
        record=lambda item: next(iter(workspace.records("health", item))),
        wire=lambda item: _with_reasons(item.to_wire(), reasons[item.id]),
        answer=lambda answers: answers[0] if alone else answers,
        table={
            "name": "name",
            "platform": "platform",
            "status": lambda item: item.status.replace("reauth_required", "sign-in required"),
            "last refresh": "last_sync_at",
            "objects": "schema_stats.object_count",
            "fields": "schema_stats.field_count",
            "quota": lambda item: f"{item.quota.left:.0%}" if item.quota else None,
            "open": lambda item: _open(item.open_changes),
            "finding": lambda item: _first_finding(item.open_findings),
        },
        least=("fields", "objects", "quota", "platform"),
    ):
        if not found:
            say_empty(ws)
        for item in found if names else ():
            _say_details(item)
    return exit_code(each for found in reasons.values() for each in found)


def _status_reasons(
    item: model.ConnectionStatus, of: Sequence[model.ConnectionStatus]
) -> list[ExitCode]:
    reasons = []
    if any(each.kind is FindingKind.CACHE_DAMAGED for each in item.findings):
        reasons.append(ExitCode.CACHE_BUSY)
    if item.status is Status.REAUTH_REQUIRED:
        reasons.append(ExitCode.REAUTH_REQUIRED)
    if item.status is Status.ERROR:
        alone = all(each.status is Status.ERROR for each in of)
        reasons.append(ExitCode.FAILED if alone else ExitCode.PARTIAL)
    return reasons


def _with_reasons(answer: Mapping[str, object], reasons: Sequence[ExitCode]) -> dict[str, object]:
    return {**answer, "reasons": [reason.reason for reason in reasons]}


def _open(changes: model.OpenChanges) -> str | None:
    """Return `11 (9 breaking)`, None if no change is open."""
    breaking = f" ({changes.breaking:,} breaking)" if changes.breaking else ""
    return f"{changes.count:,}{breaking}" if changes.count else None


def _first_finding(findings: Sequence[model.Finding]) -> str | None:
    if not findings:
        return None
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return findings[0].title + more


def _say_details(status: model.ConnectionStatus) -> None:
    for finding in status.findings:
        show_finding(finding)
    for end in status.endings:
        due = f" May stop working on {end.ends_at:%Y-%m-%d}." if end.ends_at else ""
        say(f"{status.name}: can break: {end.message}{due}")
        say_details(end.remedy, end.link)


def refresh(
    ws: workspace.Workspace,
    names: list[str] | None = None,
    everything: bool = False,
    accept_suspect: bool = False,
    fail_on: FailOn | None = None,
    as_json: bool = False,
) -> ExitCode:
    """Refresh schemas and show what changed."""
    if bool(names) == everything:
        raise UsageError(
            "No connection to refresh.", remedy="Enter connection names, or use --all."
        )
    wanted = names or [c.name for c in ws.connections.all() if c.disconnected_at is None]
    if not wanted:
        raise workspace.no_connections(ws.context, "refresh")
    if fail_on is not None:
        ws.checks.policy()  # A gate rejects a policy that it can't use before it refreshes.
    with ProgressLine(wanted[0] if len(wanted) == 1 else "") as line:
        attempts = ws.refreshes.run_many(wanted, progress=line, accept_suspect=accept_suspect)
    reasons = [_reasons(ws, attempt, attempts, fail_on) for attempt in attempts]
    for attempt in attempts:
        if attempt.error is not None:
            attempt.error.connection = attempt.error.connection or attempt.name
            report_error(attempt.error, as_json=as_json)
        elif attempt.result is not None and not as_json:
            _say_result(attempt.name, attempt.result)
    if as_json:
        refreshed, failed = [], []
        for attempt, why in zip(attempts, reasons, strict=True):
            known = {"connectionId": attempt.connection_id, "connection": attempt.name}
            if attempt.result is not None:
                refreshed.append(_with_reasons(known | attempt.result.to_wire(), why))
            elif attempt.error is not None:
                failed.append(_with_reasons(known | attempt.error.to_wire(), why))
        if not names or len(names) != 1:
            emit_json({"refreshed": refreshed, "failed": failed})
        elif refreshed:
            emit_json(refreshed[0])
    return exit_code(each for found in reasons for each in found)


def _reasons(
    ws: workspace.Workspace,
    attempt: workspace.Attempt,
    of: Sequence[workspace.Attempt],
    fail_on: FailOn | None,
) -> list[ExitCode]:
    if attempt.error is not None:
        # A failure is a part of the result if another connection was refreshed.
        part = attempt.error.exit_code is ExitCode.FAILED and any(a.error is None for a in of)
        return [ExitCode.PARTIAL if part else attempt.error.exit_code]
    reasons = []
    # Only what this refresh found: `drift --fail-on` judges what was open before.
    if fail_on is not None and attempt.result is not None:
        found = {event.id for event in attempt.result.drift_events}
        if ws.drift.fails(fail_on, attempt.connection_id, among=found):
            reasons.append(ExitCode.DRIFT)
    if attempt.result is not None and attempt.result.failures:
        reasons.append(ExitCode.PARTIAL)
    return reasons


def _say_result(name: str, result: model.RefreshResult) -> None:
    changes = "baseline" if result.baseline else count(len(result.drift_events), "change")
    say(
        f"{name}: {count(len(result.objects), 'object')}, {count(result.total_fields, 'field')}, "
        f"{changes} ({result.elapsed_ms:,} ms, {count(result.traffic.requests, 'request')})"
    )
    if result.rule_calls:
        calls = ", ".join(
            f"{model.RULE_WORDS[kind]} {n}" for kind, n in result.rule_calls.items() if n
        )
        say(f"  requests for rules: {calls}")
    for failure in result.failures:
        say(f"  {failure.object_type}: {_sentences(failure)}")
    for notice in result.notices:
        say(f"  {_sentences(notice)}")


def _sentences(problem: model.ObjectFailure | model.Notice) -> str:
    return " ".join(filter(None, (problem.message, problem.cause, problem.remedy)))


def doctor(
    listing: Listing,
    home: str | None = None,
    demo: bool = False,
    repair: bool = False,
    head: str | None = None,
) -> ExitCode:
    """Check this machine and this workspace, and repair the cache.

    Exit codes: 5 if the cache is damaged or unreadable, 1 for any other problem.
    """
    listing.require(columns := wire_columns(workspace.DoctorResult))
    if demo and repair:
        raise UsageError("The demo needs no repair.", remedy="Use only one of --repair and --demo.")
    if demo and head:
        raise UsageError(
            "The demo's audit log isn't checked.", remedy="Use only one of --head and --demo."
        )
    require_home(home, demo=demo)
    results = workspace.examine(home, demo=demo, repair=repair, head=head)
    if listing.emit(
        results,
        columns=columns,
        table={
            "check": "check",
            "ok": "ok",
            "found": "found",
            "lost": "lost",
            "next step": "remedy",
        },
    ):
        lost = [result for result in results if result.code]
        if repair and lost:
            say(f"{count(len(lost), 'problem')} left after the repair. Next steps are above.")
        elif any(result.repairable for result in results):
            say("Repair the cache: crmdeck doctor --repair")
    wrong = [result for result in results if not result.ok]
    if any(result.code for result in wrong):
        return ExitCode.CACHE_BUSY
    return ExitCode.FAILED if wrong else ExitCode.OK
