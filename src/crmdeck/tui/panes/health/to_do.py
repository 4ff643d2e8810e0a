"""The to-do line of the health pane, and the next step of a connection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from crmdeck.errors import NextStep
from crmdeck.model import Alert, AlertLevel, ConnectionStatus, Status
from crmdeck.tui.marks import is_ill
from crmdeck.tui.panes.health.overview import (
    Entry,
    dismissed,
    dismissed_words,
    ordered,
    quota_left,
)
from crmdeck.tui.text import count, display_text

TO_DO = "To do:"
SEPARATOR = " · "
QUOTA_CODES = {"QUOTA_LOW", "QUOTA_RESERVE"}

STEP_WORDS = {
    NextStep.SIGN_IN: "Sign in",
    NextStep.REFRESH: "Refresh",
    NextStep.SEE_DRIFT: "Review changes",
    NextStep.TEST: "Test",
}
STEP_ACTIONS = {
    NextStep.SIGN_IN: "connection.sign_in",
    NextStep.REFRESH: "connection.refresh",
    NextStep.TEST: "health.test",
}
"""The actions that do it, if they have keys."""

_WRITES = (NextStep.SIGN_IN, NextStep.REFRESH)


class ToDo(NamedTuple):
    """One thing to do, in words, and in fewer."""

    text: str
    short: str


def things_to_do(entries: Sequence[Entry]) -> tuple[ToDo, ...]:
    """Return what to do in all connections, most urgent first."""
    every = [entry for entry in ordered(entries) if entry.status.status is not Status.DISCONNECTED]
    found = []
    for entry in every:
        if is_ill(entry.status):
            refused = entry.status.status is Status.REAUTH_REQUIRED
            text = f"{'sign in to' if refused else 'test'} {entry.connection.name}"
            found.append(ToDo(text, text))
    unseen = [entry.status.unseen for entry in entries]
    total, breaking, mapped = (
        sum(getattr(one, name) for one in unseen) for name in ("total", "breaking", "mapped")
    )
    if total:
        how = f"{mapped:,} touch{'es' if mapped == 1 else ''} mappings" if mapped else ""
        how = how or (f"{breaking:,} breaking" if breaking else "")
        long, short = (f" ({how})", f", {how}") if how else ("", "")
        found.append(
            ToDo(f"review {count(total, 'unseen change')}{long}", f"{total:,} unseen{short}")
        )
    low = sum(1 for entry in every if _is_low(entry.status))
    found += [thing for entry in every for thing in _of_working(entry, alone=low == 1)]
    return tuple(found)


def _is_low(status: ConnectionStatus) -> bool:
    away = {alert.code for alert in dismissed(status)}
    return status.quota_level is not None and not away & QUOTA_CODES


def _of_working(entry: Entry, *, alone: bool) -> Iterable[ToDo]:
    """Yield what to do for a connection that works; `alone` means no other is low on quota."""
    name, status = entry.connection.name, entry.status
    if status.status is not Status.ACTIVE:
        return
    alerts = status.open_alerts
    codes = {alert.code for alert in alerts if alert.level is not AlertLevel.INFO}
    if "DRIFT_ON_MAPPED_FIELDS" in codes and not status.unseen.total:
        yield ToDo(f"repair the mappings of {name}", f"repair mappings of {name}")
    if status.quota is not None and _is_low(status):
        left = quota_left(status.quota)
        yield ToDo(f"{name}: {left} quota left", f"{'' if alone else name + ' '}quota {left} left")
    elif codes & {"SYNC_NOT_ADVANCING", "OBJECTS_FAILED"} or any(
        alert.code == "NEVER_REFRESHED" for alert in alerts
    ):
        yield ToDo(f"refresh {name}", f"refresh {name}")
    if codes & {"TOKEN_ENDS_SOON", "TOKEN_ENDED"}:
        yield ToDo(f"sign in to {name}", f"sign in to {name}")


def summary(entries: Sequence[Entry], width: int) -> tuple[str, str]:
    """Return the lead and the text of the to-do line, in `width` cells.

    Things that don't fit are counted at the end.
    """
    things = things_to_do(entries)
    away = dismissed_words(sum(len(dismissed(entry.status)) for entry in entries))
    if not things:
        connections = count(len(entries), "connection")
        return "Nothing to do:", f"{connections}, {away or 'no open alerts'}"
    room = width - cell_len(f"{TO_DO} ")
    for shown in range(len(things), -1, -1):
        more = f" +{len(things) - shown}" if shown < len(things) else ""
        for texts in ([one.text for one in things], [one.short for one in things]):
            text = SEPARATOR.join(map(display_text, texts[:shown])) + more
            if cell_len(text) <= room:
                longer = f"{text}{SEPARATOR}{away}"
                return TO_DO, longer if away and cell_len(longer) <= room else text
    return TO_DO, ""


def first_step(status: ConnectionStatus, *, read_only: bool) -> tuple[Alert, NextStep] | None:
    """Return the most urgent open alert that a key can fix, and its next step."""
    return next(
        (
            (alert, alert.next_step)
            for alert in status.open_alerts
            if alert.next_step is not None and not (read_only and alert.next_step in _WRITES)
        ),
        None,
    )
