"""One connection in full: alerts, schema, history, runs. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content

from crmdeck.model import Alert, ObjectFailure, Status, SyncOutcome, SyncRun
from crmdeck.tui.health import ago, health_of
from crmdeck.tui.panes.health.cards import ALERT_COLOURS, ALERT_SIGNS, COLOURS, GAUGE, gauge
from crmdeck.tui.panes.health.facts import quota_words, token_in_full
from crmdeck.tui.panes.health.history_strip import legend, outcome_of, strip, weeks_in
from crmdeck.tui.panes.health.overview import Entry, where
from crmdeck.tui.text import count, display_text, pad

LABEL = 12
MOST_RUNS = 40
MOST_FAILURES = 20
MOST_WEEKS = 12
LONGEST = 600

WORDS = {
    SyncOutcome.OK: "synced",
    SyncOutcome.PARTIAL: "partly",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.REAUTH: "refused",
    SyncOutcome.CANCELLED: "cancelled",
    SyncOutcome.STOPPED: "stopped",
}
SIGN_INS = {
    "browser": "OAuth (refresh token)",
    "refresh-token": "OAuth (refresh token)",
    "jwt": "JWT bearer",
    "client-credentials": "client credentials",
    "access-token": "access token",
    "password": "e-mail and password",
    "session-token": "session token",
}

Hint = Callable[[Alert], str]
"""Tells the key and title of an alert's next step, or the empty string."""


def detail(entry: Entry, now: datetime, width: int, hint: Hint) -> Content:
    """Return all there is to say about a connection, for `width` cells."""
    sections = [_head(entry, now, width)]
    if entry.status.alerts:
        sections.append(_alerts(entry, now, width, hint))
    elif entry.status.last_error_at is not None:
        sections.append(_last_error(entry, now, width))
    sections.append(_schema(entry, now, width))
    if entry.failures:
        sections.append(_failures(entry.failures, width))
    sections.append(_history(entry, now, width))
    return Content("\n\n").join(sections)


def _head(entry: Entry, now: datetime, width: int) -> Content:
    connection, status = entry.connection, entry.status
    health = health_of(status)
    _, state = quota_words(status)
    sign_in = SIGN_INS.get(connection.sign_in or "", connection.sign_in or "")
    lines = [
        Content.assemble(
            (display_text(connection.name, max(8, width - 20)), "bold"),
            "   ",
            (str(health), COLOURS[health.state]),
        ),
        _fact("CRM", f"{entry.platform_name}, source {connection.source}", width),
        _fact("where", where(connection), width),
        _fact("organisation", connection.organisation, width),
        _fact("API version", connection.api_version, width),
        _fact("signed in by", sign_in, width),
        _fact("token", token_in_full(entry, now), width),
        _fact("last sync", _moment(status.last_sync_at, now), width),
        _fact("scope", _scope(entry), width),
    ]
    if status.quota is not None:
        used = f" {status.quota.used:,} of {status.quota.limit:,} used"
        bar = Content.assemble(gauge(status.quota.left, GAUGE, state), used)
        label = Content.styled(pad("quota", LABEL + 2), "$muted")
        lines.insert(-2, _beside(label, bar, width))
    return _lines(lines)


def _alerts(entry: Entry, now: datetime, width: int, hint: Hint) -> Content:
    blocks = []
    for alert in entry.status.alerts:
        lines = [
            _beside(
                Content.styled(f"{ALERT_SIGNS[alert.level]} ", ALERT_COLOURS[alert.level]),
                Content.styled(display_text(alert.message[:LONGEST]), "bold"),
                width,
            ),
            _why("why", alert.cause, width),
            _why("next", alert.remedy, width),
            _why("when", _moment(alert.due_at, now) if alert.due_at else None, width),
            _why("see", alert.link, width),
        ]
        key = hint(alert)
        if key:
            lines.append(Content.styled(f"        {key}", "bold $primary"))
        blocks.append(_lines(lines))
    return Content("\n").join([_title("Alerts"), *blocks])


def _last_error(entry: Entry, now: datetime, width: int) -> Content:
    status = entry.status
    return _lines(
        [
            _title("Last error"),
            Content(display_text((status.last_error_message or "")[:LONGEST])),
            _why("next", status.last_error_remedy, width),
            _why("when", _moment(status.last_error_at, now), width),
        ]
    )


def _schema(entry: Entry, now: datetime, width: int) -> Content:
    stats = entry.status.schema_stats
    if stats.last_discovered_at is None:
        return _lines([_title("Schema"), Content.styled("Not discovered yet.", "$muted")])
    size = f"{count(stats.object_count, 'object')}, {count(stats.field_count, 'field')}"
    stale = f"{stats.stale_object_count:,} of {stats.object_count:,}"
    if stats.next_expiry_at:
        stale += f"; the next one {ago(stats.next_expiry_at, now)}"
    return _lines(
        [
            _title("Schema"),
            _fact("size", size, width),
            _fact("custom", count(stats.custom_field_count, "field"), width),
            _fact("discovered", _moment(stats.last_discovered_at, now), width),
            _fact("stale", stale, width),
            _fact("unreadable", count(stats.failed_object_count, "object type"), width),
        ]
    )


def _failures(failures: tuple[ObjectFailure, ...], width: int) -> Content:
    lines = [_title("Could not be read last time")]
    for failure in failures[:MOST_FAILURES]:
        lines.append(
            Content.assemble(
                ("✕ ", "$bad"),
                (display_text(failure.object_type, 40), "bold"),
                f"  {display_text(failure.message[:LONGEST])}",
            )
        )
        lines.append(_why("why", failure.cause, width))
        lines.append(_why("next", failure.remedy, width))
    left = len(failures) - MOST_FAILURES
    if left > 0:
        lines.append(Content.styled(f"and {left} more", "$muted"))
    return _lines(lines)


def _history(entry: Entry, now: datetime, width: int) -> Content:
    weeks = weeks_in(width, MOST_WEEKS)
    lines = [_title(f"History, {count(weeks, 'week')} to today")]
    if weeks:
        lines += [strip(entry.runs, now, weeks), legend(), Content("")]
    lines += [_run(run, now, width) for run in entry.runs[:MOST_RUNS]]
    if not entry.runs:
        lines.append(Content.styled("Nothing was tried yet.", "$muted"))
    return _lines(lines, keep_empty=True)


def _run(run: SyncRun, now: datetime, width: int) -> Content:
    day = outcome_of(run)
    word = "recovered" if run.recovered else WORDS[run.outcome]
    if run.kind != "refresh" and run.outcome is SyncOutcome.OK and not run.recovered:
        word = "tested"
    told = run.error_message or _did(run)
    at = run.finished_at
    start = f"{at:%d %b %H:%M}  " if at.year == now.year else f"{at:%d %b %Y}   "
    state = f"{day.mark} {word:<10}"
    return Content.assemble(
        (start, "$muted"),
        (state, day.colour),
        display_text(told, max(0, width - len(start) - len(state))),
    )


def _did(run: SyncRun) -> str:
    if run.kind != "refresh":
        return ""
    parts = [count(run.objects, "object"), count(run.fields, "field")]
    return ", ".join([*parts, *([count(run.drift_events, "change")] if run.drift_events else [])])


def _scope(entry: Entry) -> str:
    scope = entry.connection.scope
    parts = [scope.mode.value]
    if scope.include:
        parts.append(f"and {len(scope.include)} named")
    if scope.exclude:
        parts.append(f"without {len(scope.exclude)}")
    off = entry.status.status is Status.DISCONNECTED
    return " ".join(parts) + ("" if off else f"; fresh for {entry.connection.ttl_hours:g} h")


def _title(text: str) -> Content:
    return Content.styled(text, "bold $primary")


def _fact(label: str, value: str | None, width: int) -> Content:
    return _beside(Content.styled(pad(label, LABEL + 2), "$muted"), value, width)


def _why(label: str, value: str | None, width: int) -> Content:
    return _beside(Content.styled(f"  {pad(label, 6)}", "$muted"), value, width)


def _beside(label: Content, value: str | Content | None, width: int) -> Content:
    """Return a label and beside it a value, whose further lines stand under its first."""
    if not value:
        return Content("")
    text = Content(display_text(value[:LONGEST])) if isinstance(value, str) else value
    indent = label.cell_length
    lines = text.wrap(max(8, width - indent))
    joined = Content("\n" + " " * indent).join(lines)
    return Content.assemble(label, joined)


def _moment(moment: datetime | None, now: datetime) -> str:
    return f"{ago(moment, now)}, {moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _lines(lines: list[Content], *, keep_empty: bool = False) -> Content:
    return Content("\n").join(line for line in lines if keep_empty or line.plain)
