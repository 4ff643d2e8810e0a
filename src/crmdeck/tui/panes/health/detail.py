"""The details of one connection: findings, failures, facts, refreshes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from textual.content import Content

from crmdeck.model import Finding, ObjectFailure, Status, SyncOutcome, SyncRun
from crmdeck.text import ago
from crmdeck.tui.layout import BETWEEN, beside, hanging, labeled, rule
from crmdeck.tui.marks import STATE_COLORS, URGENCY_SIGNS, URGENCY_STATES, health_of
from crmdeck.tui.panes.health.facts import quota_words, scope_words, token_in_full
from crmdeck.tui.panes.health.history_strip import days, legend, outcome_of, span_in
from crmdeck.tui.panes.health.overview import ConnectionHealth, listed, settled, where
from crmdeck.tui.text import count, display_text, pad
from crmdeck.tui.widgets.text_view import MARK

LABEL, WHY_LABEL = 14, 8
MOST_RUNS, FEW_RUNS = 40, 8
MOST_FAILURES = 20
MOST_WEEKS = 12
LONGEST = 600
"""Most characters of a text, because a CRM's error can be a whole page."""
WORD = 10
TWO_COLUMNS = 96
"""Minimum width with the facts next to the findings, not below, in cells."""
LEFT_SHARE = 56

WORDS = {
    SyncOutcome.OK: "refreshed",
    SyncOutcome.PARTIAL: "partial",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.REAUTH: "refused",
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

Hint = Callable[[Finding], str]
"""Returns the key and words of a finding's next step, or an empty string."""


def detail(
    entry: ConnectionHealth,
    now: datetime,
    width: int,
    hint: Hint,
    *,
    whole: bool = False,
    marked: Finding | None = None,
) -> Content:
    """Return the details of a connection, for `width` cells.

    `whole` adds the name, accepted findings, the errors of each run, and the history; then the
    lines of the finding that is `marked` begin with a bar.
    """
    is_wide = width >= TWO_COLUMNS
    left = width * LEFT_SHARE // 100 if is_wide else width
    right = width - left - len(BETWEEN) if is_wide else width
    findings = findings_detail(entry, now, left, hint, whole=whole, marked=marked)
    facts = facts_detail(entry, now, right, whole=whole, titled=True)
    return beside(findings, facts, left) if is_wide else _sections([findings, facts])


def findings_detail(
    entry: ConnectionHealth,
    now: datetime,
    width: int,
    hint: Hint,
    *,
    whole: bool = False,
    marked: Finding | None = None,
) -> Content:
    """Return the findings of a connection, and the objects that failed."""
    findings = listed(entry.status) if whole else entry.status.open_findings
    found = [_findings(entry, findings, now, width, hint, marked if whole else None)]
    if entry.failures:
        found.append(_failures(entry.failures, width))
    return _sections(found)


def facts_detail(
    entry: ConnectionHealth, now: datetime, width: int, *, whole: bool = False, titled: bool = False
) -> Content:
    """Return the facts about a connection, and its last refreshes."""
    facts = _facts(entry, now, width)
    found = [_lines([rule("Facts", width), facts]) if titled else facts]
    if entry.runs:
        shown = entry.runs[: MOST_RUNS if whole else FEW_RUNS]
        runs = [_run(run, width, whole=whole) for run in shown]
        found.append(_lines([rule("Last refreshes", width), *runs]))
    else:
        found.append(Content.styled("Never refreshed.", "$muted"))
    span = span_in(width, MOST_WEEKS)
    if whole and span.weeks:
        marks = days(entry.runs, now, span.marks, span.each)
        strip = Content.assemble(*((day.mark, day.color) for day in marks))
        title = rule(f"History, {span.title} to today", width)
        found.append(_lines([title, strip, *legend(span).wrap(width)]))
    if whole and entry.status.endings:
        ends = [rule("What can end this connection", width)]
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


def _findings(
    entry: ConnectionHealth,
    findings: Sequence[Finding],
    now: datetime,
    width: int,
    hint: Hint,
    marked: Finding | None,
) -> Content:
    hidden = len(settled(entry.status))
    away = f"{hidden:,} accepted (Enter shows {'it' if hidden == 1 else 'them'})"
    if not findings and hidden:
        return Content.styled(f"No open findings. {away}.", "$muted")
    failed_at, read_at = entry.status.last_error_at, entry.status.last_sync_at
    # A later refresh has settled what an earlier one reports.
    if not findings and failed_at is not None and (read_at is None or read_at < failed_at):
        return _last_error(entry, now, width)
    if not findings:
        off = entry.status.status is Status.DISCONNECTED
        text = "Disconnected. History is kept." if off else "No open findings."
        return Content.styled(text, "$muted" if off else "$good")
    blocks = []
    for finding in findings:
        # Other findings keep the cell of the mark free, so that nothing moves with the cursor.
        bar = "" if marked is None else MARK if finding.id == marked.id else " "
        block = _finding(finding, now, width - len(bar), hint(finding))
        blocks.append(_lines([Content.assemble((bar, "$mark"), line) for line in block]))
    if hidden and len(findings) == len(entry.status.open_findings):
        blocks.append(Content.styled(away, "$muted"))
    return Content("\n").join(blocks)


def _finding(finding: Finding, now: datetime, width: int, key: str) -> list[Content]:
    sign, state, since = URGENCY_SIGNS[finding.urgency], None, None
    if finding.accepted_at is not None:
        by = f"by {finding.accepted_by} until {finding.accepted_until}"
        state = f"{finding.state.value} {_moment(finding.accepted_at, now)} {by}"
    message = Content.styled(display_text(finding.title[:LONGEST]), "$muted" if state else "bold")
    if finding.since is not None:
        today = finding.since.date() == now.date()
        since = f"{finding.since:%H:%M}" if today else f"{finding.since:%Y-%m-%d}"
    beside_it = Content.assemble(message, (f"  since {since}", "$muted"))
    has_room = since is not None and len(sign) + 1 + beside_it.cell_length <= width
    block = _lines(
        [
            _beside(
                Content.styled(f"{sign} ", STATE_COLORS[URGENCY_STATES[finding.urgency]]),
                beside_it if has_room else message,
                width,
            ),
            _why("since", None if has_room else since, width),
            _why("state", state, width),
            _why("note", finding.note, width),
            _why("why", finding.cause, width),
            _why("effect", finding.effect, width),
            _why("due", _moment(finding.due_at, now) if finding.due_at else None, width),
            _why("see", finding.link, width),
            # Aligned with the texts next to the labels.
            Content.styled(f"        {key}", "bold $info") if key else Content(""),
        ]
    )
    return block.split("\n")


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


def _run(run: SyncRun, width: int, *, whole: bool) -> Content:
    # The mark of a day in the history, so that both show the same.
    day = outcome_of(run)
    word = "recovered" if run.recovered else WORDS[run.outcome]
    if run.kind != "refresh" and run.outcome is SyncOutcome.OK and not run.recovered:
        word = "tested"
    text = ""
    if run.error_message and whole:
        text = run.error_message
    elif run.kind == "refresh" and run.outcome in (SyncOutcome.OK, SyncOutcome.PARTIAL):
        read = f"{count(run.objects, 'object')}, {count(run.fields, 'field')}, " if whole else ""
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


def _beside(label: Content, value: str | Content | None, width: int) -> Content:
    return hanging(label, value[:LONGEST], width) if value else Content("")


def _moment(moment: datetime | None, now: datetime) -> str:
    return f"{ago(moment, now)}, {moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _lines(lines: list[Content]) -> Content:
    return Content("\n").join(line for line in lines if line.plain)
