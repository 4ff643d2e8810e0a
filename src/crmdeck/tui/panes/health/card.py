"""One connection as a card: a few aligned lines, as dense as the room asks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import Alert, AlertLevel
from crmdeck.tui.health import ago, health_of
from crmdeck.tui.panes.health.board import Entry, quota_words, token_life, where
from crmdeck.tui.panes.health.strip import strip, weeks_in
from crmdeck.tui.text import display_text, pad

INDENT = 2
GAUGE = 8
AGE = 19
QUOTA = 12
MOST_WEEKS = 8
OWN_DOMAIN = ".my.salesforce.com"

COLOURS = {
    "ok": "$good",
    "warn": "$warn",
    "error": "$bad",
    "muted": "$muted",
}
ALERT_SIGNS = {AlertLevel.CRITICAL: "✕", AlertLevel.WARNING: "▲", AlertLevel.INFO: "•"}
ALERT_COLOURS = {
    AlertLevel.CRITICAL: "$bad",
    AlertLevel.WARNING: "$warn",
    AlertLevel.INFO: "$info",
}


class Density(IntEnum):
    """How much a card tells, the least first."""

    TERSE = 0
    BRIEF = 1
    HISTORY = 2
    USUAL = 3
    FULL = 4


def densities(entries: Sequence[Entry], height: int) -> tuple[Density, ...]:
    """Return how much each card tells so that all show in `height` lines.

    What room is left goes to the first cards. Where not even brief ones fit, all are terse, and
    the list scrolls.
    """
    chosen = [Density.BRIEF] * len(entries)
    separators = len(entries) - 1
    left = height - separators - sum(card_height(entry, Density.BRIEF) for entry in entries)
    if left < 0:
        return (Density.TERSE,) * len(entries)
    for density in (Density.HISTORY, Density.USUAL, Density.FULL):
        for number, entry in enumerate(entries):
            more = card_height(entry, density) - card_height(entry, chosen[number])
            if more > left:
                return tuple(chosen)
            chosen[number] = density
            left -= more
    return tuple(chosen)


def card_height(entry: Entry, density: Density) -> int:
    """Return how many lines `card` makes."""
    alerts = entry.status.alerts
    match density:
        case Density.TERSE:
            return 2
        case Density.BRIEF | Density.HISTORY:
            return 2 + bool(alerts) + (density is Density.HISTORY)
    told = (
        1 + bool(alert.remedy) + (bool(alert.cause) and density is Density.FULL) for alert in alerts
    )
    return 3 + sum(told)


def card(entry: Entry, width: int, now: datetime, density: Density) -> Content:
    """Return the card of a connection, `width` cells wide, at a density."""
    alerts = entry.status.alerts
    lines = [_title(entry, width)]
    if density is not Density.TERSE or not alerts:
        lines.append(_facts(entry, now, width))
    if density >= Density.HISTORY:
        lines.append(_history(entry, now, width))
    if density < Density.USUAL:
        if alerts:
            lines.append(_alert(alerts[0], width, len(alerts) - 1))
        return Content("\n").join(lines)
    for alert in alerts:
        lines.append(_alert(alert, width))
        if alert.cause and density is Density.FULL:
            lines.append(_below("  ", alert.cause, width))
        if alert.remedy:
            lines.append(_below("→ ", alert.remedy, width))
    return Content("\n").join(lines)


def gauge(left: float, width: int, state: str) -> Content:
    """Return a bar of `width` cells that empties as an allowance is used up."""
    filled = min(width, max(1 if left > 0 else 0, round(left * width)))
    return Content.assemble(
        ("━" * filled, COLOURS.get(state, "")), ("╌" * (width - filled), "$muted")
    )


def _title(entry: Entry, width: int) -> Content:
    health = health_of(entry.status)
    colour = COLOURS[health.state]
    name = display_text(entry.connection.name, max(8, width - INDENT - len(health.word) - 2))
    room = width - INDENT - cell_len(name) - 2 - len(health.word) - 2
    right = _leads_to(entry, room)
    space = " " * (room + 2 - cell_len(right))
    return Content.assemble(
        (f"{health.sign} ", colour),
        (f"{name}  ", "bold"),
        (health.word + space, colour),
        (right, "$muted"),
    )


def _leads_to(entry: Entry, room: int) -> str:
    """Return CRM and place in at most `room` cells; the vendor's part of a host goes first."""
    place = where(entry.connection)
    whole = f"{entry.platform_name} · {place}" if place else entry.platform_name
    if len(whole) > room:
        whole = whole.removesuffix(OWN_DOMAIN)
    return display_text(whole, room) if room >= len(entry.platform_name) else ""


def _facts(entry: Entry, now: datetime, width: int) -> Content:
    status = entry.status
    synced = ago(status.last_sync_at, now)
    words, state = quota_words(status)
    token, token_state = token_life(entry, now)
    # Where room lacks, the gauge gives way: its words say the same.
    bar = max(0, min(GAUGE, width - INDENT - AGE - QUOTA - len(token)))
    quota = (
        Content.assemble(
            gauge(status.quota.left, bar, state),
            (f" {pad(words, QUOTA - 1)}", "$muted" if state == "ok" else COLOURS[state]),
        )
        if status.quota is not None
        else Content.styled(pad(words, bar + QUOTA), "$muted")
    )
    age = f"synced {synced}" if status.last_sync_at else "never synced"
    return Content.assemble(
        (" " * INDENT + pad(age, AGE), "$muted"),
        quota,
        (token, COLOURS.get(token_state, "$muted")),
    ).truncate(width, ellipsis=True)


def _history(entry: Entry, now: datetime, width: int) -> Content:
    weeks = weeks_in(width - INDENT - 9, MOST_WEEKS)
    label = " " * INDENT + pad(f"{weeks} weeks", 9)
    return Content.assemble((label, "$muted"), strip(entry.runs, now, weeks) if weeks else "")


def _alert(alert: Alert, width: int, more: int = 0) -> Content:
    also = f"  +{more}" if more else ""
    message = display_text(alert.message, width - 2 * INDENT - len(also))
    sign = f"{' ' * INDENT}{ALERT_SIGNS[alert.level]} "
    colour = ALERT_COLOURS[alert.level]
    return Content.assemble((sign, colour), message, (also, "$muted"))


def _below(sign: str, text: str, width: int) -> Content:
    indent = " " * (2 * INDENT)
    return Content.styled(
        indent + sign + display_text(text, width - len(indent) - len(sign)), "$muted"
    )
