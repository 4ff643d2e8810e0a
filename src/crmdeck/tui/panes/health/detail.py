"""The details of a finding, and of a connection: failures, facts, refreshes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import ObjectFailure, Status, SyncOutcome, SyncRun
from crmdeck.text import ago
from crmdeck.tui.layout import BETWEEN, beside, hanging, labeled, rule
from crmdeck.tui.marks import STATE_COLORS, URGENCY_SIGNS, URGENCY_STATES, health_of
from crmdeck.tui.panes.health.facts import quota_words, scope_words, token_in_full
from crmdeck.tui.panes.health.history_strip import days, legend, outcome_of, span_in
from crmdeck.tui.panes.health.overview import ConnectionHealth, settled, where
from crmdeck.tui.panes.health.today import FindingRow
from crmdeck.tui.panes.to_do import KeyStep, key_lines
from crmdeck.tui.text import count, display_text, pad

LABEL, WHY_LABEL = 14, 8
MOST_RUNS = 40
MOST_FAILURES, MOST_LISTED = 20, 30
MOST_WEEKS = 12
LONGEST = 600
"""Most characters of a text, because a CRM's error can be a whole page."""
WORD = 10
TWO_COLUMNS = 96
"""Minimum width with the facts next to the findings, not below, in cells."""
LEFT_SHARE = 56
LONG_TITLE = 40
"""Cells of a title from which the details show it whole."""

WORDS = {
    SyncOutcome.OK: "refreshed",
    SyncOutcome.PARTIAL: "partial",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.REAUTH: "rejected",
    SyncOutcome.CANCELED: "canceled",
    SyncOutcome.STOPPED: "stopped",
}
SIGN_INS = {
    "browser": "OAuth (refresh token)",
    "refresh-token": "OAuth (refresh token)",
    "jwt": "JWT bearer",
    "client-credentials": "client credentials",
    "access-token": "access token",
    "password": "email and password",
    "session-token": "session token",
}


def row_titles(row: FindingRow) -> tuple[str, ...]:
    """Return the titles of a row's details, the longest first."""
    finding = row.finding
    if finding is None:
        return (row.title,)
    about = finding.subject
    if about.partner_field and about.crm_field:
        return f"{about.partner_field} → {about.crm_field}", about.partner_field
    if about.object_type and about.crm_field:
        return (f"{about.object_type}.{about.crm_field}",)
    return (about.object_pair or about.object_type or finding.connection,)


def row_detail(
    row: FindingRow, now: datetime, width: int, steps: Sequence[KeyStep] = ()
) -> Content:
    """Return the details of a row for `width` cells; `steps` are the keys that act on it."""
    finding = row.finding
    if finding is None:
        lines = [
            _beside(
                Content.styled("  ", "$muted"),
                one.title if len(row.connection_ids) == 1 else f"{one.connection}: {one.title}",
                width,
            )
            for one in row.findings[:MOST_LISTED]
        ]
        left = len(row.findings) - MOST_LISTED
        more = [Content.styled(f"  and {left:,} more", "$muted")] if left > 0 else []
        return _lines([*lines, *more, *key_lines(steps, width)])
    state = None
    if finding.accepted_at is not None:
        until = f"until {finding.accepted_until} by {finding.accepted_by}"
        state = f"{finding.state.value} {until}, {_moment(finding.accepted_at, now)}"
    whole = finding.title if cell_len(finding.title) > LONG_TITLE else None
    return _lines(
        [
            _labeled("what", whole, width),
            _labeled("why", finding.cause, width),
            _labeled("effect", finding.effect, width),
            _labeled("state", state, width),
            _labeled("note", finding.note, width),
            _labeled("due", _moment(finding.due_at, now) if finding.due_at else None, width),
            _labeled("see", finding.link, width),
            *key_lines(steps, width),
        ]
    )


def detail(entry: ConnectionHealth, now: datetime, width: int) -> Content:
    """Return the details of a connection, for `width` cells."""
    is_wide = width >= TWO_COLUMNS
    left = width * LEFT_SHARE // 100 if is_wide else width
    right = width - left - len(BETWEEN) if is_wide else width
    findings = _sections([_findings(entry, now, left), _failures(entry.failures, left)])
    facts = facts_detail(entry, now, right)
    return beside(findings, facts, left) if is_wide else _sections([findings, facts])


def facts_detail(entry: ConnectionHealth, now: datetime, width: int) -> Content:
    """Return the facts about a connection, its refreshes, and what can end it."""
    found = [_lines([rule("Facts", width), _facts(entry, now, width)])]
    if entry.runs:
        runs = [_run(run, width) for run in entry.runs[:MOST_RUNS]]
        found.append(_lines([rule("Last refreshes", width), *runs]))
    span = span_in(width, MOST_WEEKS)
    if entry.runs and span.weeks:
        marks = days(entry.runs, now, span.marks, span.each)
        strip = Content.assemble(*((day.mark, day.color) for day in marks))
        title = rule(f"History, {span.title} to today", width)
        found.append(_lines([title, strip, *legend(span).wrap(width)]))
    if entry.status.endings:
        ends = [rule("What can break this connection", width)]
        for end in entry.status.endings:
            ends += [
                _beside(Content("· "), display_text(end.message), width),
                _why("next", end.remedy, width),
                _why("due", f"{end.ends_at:%Y-%m-%d}" if end.ends_at else None, width),
            ]
        found.append(_lines(ends))
    return _sections(found)


def findings_state(entry: ConnectionHealth) -> Content:
    """Return the state of a connection, and how many findings are open."""
    health = health_of(entry.status)
    number = len(entry.status.open_findings)
    words = f"{number:,} open" if number else "none open"
    return Content.assemble((f"{health.word}, ", STATE_COLORS[health.state]), words)


def _sections(sections: list[Content]) -> Content:
    return Content("\n\n").join(section for section in sections if section.plain)


def _findings(entry: ConnectionHealth, now: datetime, width: int) -> Content:
    """Return the titles of the open findings, and the number of the others."""
    findings, hidden = entry.status.open_findings, len(settled(entry.status))
    failed_at, read_at = entry.status.last_error_at, entry.status.last_sync_at
    # A later refresh has settled what an earlier one reports.
    if not findings and failed_at is not None and (read_at is None or read_at < failed_at):
        return _last_error(entry, now, width)
    off = entry.status.status is Status.DISCONNECTED
    none = "Disconnected. History is kept." if off else "No open findings."
    return _lines(
        [
            *(
                _beside(
                    Content.styled(
                        f"{URGENCY_SIGNS[one.urgency]} ", STATE_COLORS[URGENCY_STATES[one.urgency]]
                    ),
                    display_text(one.title),
                    width,
                )
                for one in findings
            ),
            Content.styled("" if findings else none, "$muted" if off else "$good"),
            Content.styled(f"{hidden:,} accepted" if hidden else "", "$muted"),
        ]
    )


def _last_error(entry: ConnectionHealth, now: datetime, width: int) -> Content:
    status = entry.status
    message = Content(display_text((status.last_error_message or "")[:LONGEST]))
    return _lines(
        [
            Content.styled("Last error", "bold $info"),
            *message.wrap(width),
            _why("next", status.last_error_remedy, width),
            _why("when", _moment(status.last_error_at, now), width),
        ]
    )


def _facts(entry: ConnectionHealth, now: datetime, width: int) -> Content:
    connection, status, stats = entry.connection, entry.status, entry.status.schema_stats
    version = f" {connection.api_version}" if connection.api_version else ""
    # A connection by API has the CRM itself as its source.
    own_source = connection.source == connection.platform
    source = "" if own_source else f", source {connection.source}"
    quota = None
    if status.quota is not None:
        left = quota_words(status)[0]
        quota = f"{status.quota.used:,} of {status.quota.limit:,} used, {left}"
    read = None
    if stats.last_discovered_at is not None:
        size = f"{count(stats.object_count, 'object')}, {count(stats.field_count, 'field')}"
        custom = f", {stats.custom_field_count:,} custom" if stats.custom_field_count else ""
        stale = f"{stats.stale_object_count:,}" if stats.stale_object_count else "none"
        if stats.stale_object_count and stats.stale_object_count == stats.object_count:
            stale = "all"
        read = f"{size}{custom}, {stale} stale"
    scope = scope_words(entry)
    if status.status is not Status.DISCONNECTED:
        scope += f", stale after {connection.ttl_hours:g} h"
    pairs = count(len(entry.pairs), "pair")
    mapped = count(sum(pair.accepted for pair in entry.pairs), "field")
    failed = stats.failed_object_count
    used, rotated = status.token_used_at, status.token_rotated_at
    return _lines(
        [
            _fact("address", where(connection), width),
            _fact("CRM", f"{entry.platform_name}{version}{source}", width),
            _fact("organization", connection.organization, width),
            _fact("sign-in", SIGN_INS.get(connection.sign_in or "", connection.sign_in), width),
            _fact("token", token_in_full(entry, now), width),
            _fact("token used", _moment(used, now) if used else None, width),
            _fact("rotated", _moment(rotated, now) if rotated else None, width),
            _fact("quota", quota, width),
            _fact("schema", read or "never refreshed", width),
            _fact("failed", count(failed, "object") if failed else None, width),
            _fact("last refresh", _moment(status.last_sync_at, now), width),
            _fact("scope", scope, width),
            _fact("mappings", f"{pairs}, {mapped}" if entry.pairs else "none yet", width),
        ]
    )


def _failures(failures: tuple[ObjectFailure, ...], width: int) -> Content:
    if not failures:
        return Content("")
    lines = [rule("Failed in the last refresh", width)]
    for failure in failures[:MOST_FAILURES]:
        text = Content.assemble(
            (display_text(failure.object_type, 80), "bold"),
            f"  {display_text(failure.message[:LONGEST])}",
        )
        lines.append(_beside(Content.styled("✕ ", "$bad"), text, width))
        lines.append(_why("why", failure.cause, width))
        lines.append(_why("next", failure.remedy, width))
    left = len(failures) - MOST_FAILURES
    if left > 0:
        lines.append(Content.styled(f"and {left} more", "$muted"))
    return _lines(lines)


def _run(run: SyncRun, width: int) -> Content:
    # The mark of a day in the history, so that both show the same.
    day = outcome_of(run)
    word = "recovered" if run.recovered else WORDS[run.outcome]
    if run.kind != "refresh" and run.outcome is SyncOutcome.OK and not run.recovered:
        word = "tested"
    text = ""
    if run.error_message:
        text = run.error_message
    elif run.kind == "refresh" and run.outcome in (SyncOutcome.OK, SyncOutcome.PARTIAL):
        read = f"{count(run.objects, 'object')}, {count(run.fields, 'field')}, "
        text = read + (count(run.drift_events, "change") if run.drift_events else "no changes")
    at = run.finished_at
    label = Content.assemble((f"{at:%Y-%m-%d %H:%M}  ", "$muted"), (f"{day.mark} ", day.color))
    value = Content.assemble(
        (pad(word, WORD if text else 0), day.color), display_text(text[:LONGEST])
    )
    return _beside(label, value, width)


def _fact(label: str, value: str | None, width: int) -> Content:
    return labeled(label, value[:LONGEST], width, LABEL) if value else Content("")


def _why(label: str, value: str | None, width: int) -> Content:
    return labeled(f"  {label}", value[:LONGEST], width, WHY_LABEL) if value else Content("")


def _labeled(label: str, value: str | None, width: int) -> Content:
    return labeled(label, value[:LONGEST], width, WHY_LABEL - 1) if value else Content("")


def _beside(label: Content, value: str | Content | None, width: int) -> Content:
    return hanging(label, value[:LONGEST], width) if value else Content("")


def _moment(moment: datetime | None, now: datetime) -> str:
    return f"{ago(moment, now)}, {moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _lines(lines: list[Content]) -> Content:
    return Content("\n").join(line for line in lines if line.plain)
