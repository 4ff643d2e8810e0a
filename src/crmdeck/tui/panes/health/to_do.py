"""The to-do line of the health pane, and the next step of a connection. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from crmdeck.errors import NextStep
from crmdeck.model import Alert, AlertLevel, ConnectionStatus, OpenChanges, Status
from crmdeck.tui.layout import STEP_BETWEEN, fit_steps
from crmdeck.tui.panes.health.overview import (
    Entry,
    dismissed,
    dismissed_words,
    is_failing,
    ordered,
    quota_left,
)
from crmdeck.tui.text import count

TO_DO = "To do:"
QUOTA_CODES = {"QUOTA_LOW", "QUOTA_RESERVE"}

STEP_WORDS = {
    NextStep.SIGN_IN: "Sign in",
    NextStep.REFRESH: "Refresh",
    NextStep.SEE_DRIFT: "Review changes",
    NextStep.TEST: "Test",
    NextStep.DECIDE_REFRESH: "Decide",
}
STEP_ACTIONS = {
    NextStep.SIGN_IN: "connection.sign_in",
    NextStep.REFRESH: "connection.refresh",
    NextStep.TEST: "health.test",
}
"""The actions that do it, if they have keys."""

_WRITES = (NextStep.SIGN_IN, NextStep.REFRESH, NextStep.DECIDE_REFRESH)


class ToDo(NamedTuple):
    """One thing to do, in words, and in fewer."""

    text: str
    short: str


def things_to_do(entries: Sequence[Entry]) -> tuple[ToDo, ...]:
    """Return what to do in all connections, what stops data first.

    Broken mappings, required CRM fields without a source, failing connections, what expires, the
    rest. Dismissed alerts are left out.
    """
    every = [entry for entry in ordered(entries) if entry.status.status is not Status.DISCONNECTED]
    low = sum(_is_low(entry.status) for entry in every)
    found = [
        *(thing for entry in every for thing in _broken(entry)),
        *(thing for entry in every for thing in _required(entry)),
        *(thing for entry in every for thing in _failing(entry.status)),
        *(thing for entry in every for thing in _expiring(entry.status)),
        *(thing for entry in every for thing in _of_working(entry, alone=low == 1)),
    ]
    if any("BAD_POLICY" in _codes(entry.status) for entry in every):
        found.append(ToDo("correct the policy", "correct the policy"))
    changes = OpenChanges.total(entry.status.open_changes for entry in entries)
    if changes.count:
        found.append(
            ToDo(f"review {changes.text}", f"review {count(changes.count, 'open change')}")
        )
    return tuple(found)


def _codes(status: ConnectionStatus) -> frozenset[str]:
    return frozenset(alert.code for alert in status.open_alerts)


def _broken(entry: Entry) -> Iterator[ToDo]:
    if entry.broken and "DRIFT_ON_MAPPED_FIELDS" in _codes(entry.status):
        text = f"repair {count(len(entry.broken), 'mapping')}"
        yield ToDo(f"{text} of {entry.connection.name}", text)


def _required(entry: Entry) -> Iterator[ToDo]:
    if entry.required:
        text = f"map {count(entry.required, 'required field')}"
        yield ToDo(f"{text} of {entry.connection.name}", text)


def _failing(status: ConnectionStatus) -> Iterator[ToDo]:
    critical = [alert for alert in status.alerts if alert.level is AlertLevel.CRITICAL]
    all_dismissed = bool(critical) and all(alert.dismissed_at for alert in critical)
    if is_failing(status) and not all_dismissed:
        refused = status.status is Status.REAUTH_REQUIRED
        deed = "sign in to" if refused else "test"
        if any(alert.next_step is NextStep.DECIDE_REFRESH for alert in critical):
            deed = "decide on the refresh of"
        text = f"{deed} {status.name}"
        yield ToDo(text, text)


def _expiring(status: ConnectionStatus) -> Iterator[ToDo]:
    if not is_failing(status) and _codes(status) & {"TOKEN_ENDS_SOON", "TOKEN_ENDED"}:
        yield ToDo(f"sign in to {status.name}", f"sign in to {status.name}")


def _is_low(status: ConnectionStatus) -> bool:
    away = {alert.code for alert in dismissed(status)}
    return status.quota_level is not None and not away & QUOTA_CODES


def _of_working(entry: Entry, *, alone: bool) -> Iterator[ToDo]:
    """Yield what else to do for a connection; `alone` means no other is low on quota."""
    name, status = entry.connection.name, entry.status
    if status.status is not Status.ACTIVE:
        return
    if status.quota is not None and _is_low(status):
        left = quota_left(status.quota)
        yield ToDo(f"{name}: {left} quota left", f"{'' if alone else name + ' '}quota {left} left")
    elif _codes(status) & {
        "SYNC_NOT_ADVANCING",
        "OBJECTS_FAILED",
        "NEVER_REFRESHED",
        "CACHE_DAMAGED",
    }:
        yield ToDo(f"refresh {name}", f"refresh {name}")


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
    text = fit_steps(things, room)
    longer = f"{text}{STEP_BETWEEN}{away}"
    return TO_DO, longer if away and text and cell_len(longer) <= room else text


def to_do(entries: Sequence[Entry], width: int) -> Content:
    """Return the to-do line in `width` cells."""
    lead, text = summary(entries, width)
    return Content.assemble((lead, "bold"), " ", text)


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
