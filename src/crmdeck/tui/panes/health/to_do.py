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
    ConnectionHealth,
    dismissed,
    is_failing,
    ordered,
    quota_left,
)
from crmdeck.tui.text import count

TO_DO = "To do:"

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

    @classmethod
    def same(cls, text: str) -> ToDo:
        return cls(text, text)


def things_to_do(entries: Sequence[ConnectionHealth]) -> tuple[ToDo, ...]:
    """Return what to do in all connections, what stops data first.

    Broken mappings, required CRM fields without a source, failing connections, what expires, the
    rest. Dismissed alerts are left out.
    """
    every = [entry for entry in ordered(entries) if entry.status.status is not Status.DISCONNECTED]
    # With one connection low on quota, the short form leaves its name out.
    low = sum(_is_low(entry.status) for entry in every)
    broken: list[ToDo] = []
    required: list[ToDo] = []
    failing: list[ToDo] = []
    expiring: list[ToDo] = []
    others: list[ToDo] = []
    for entry in every:
        status, codes = entry.status, _codes(entry.status)
        if entry.broken and "DRIFT_ON_MAPPED_FIELDS" in codes:
            text = f"repair {count(len(entry.broken), 'mapping')}"
            broken.append(ToDo(f"{text} of {status.name}", text))
        if entry.required:
            text = f"map {count(entry.required, 'required field')}"
            required.append(ToDo(f"{text} of {status.name}", text))
        if is_failing(status):
            failing += _failing(status)
        elif codes & {"TOKEN_ENDS_SOON", "TOKEN_ENDED"}:
            expiring.append(ToDo.same(f"sign in to {status.name}"))
        if status.status is Status.ACTIVE:
            others += _of_working(status, codes, alone=low == 1)
    if any("BAD_POLICY" in _codes(entry.status) for entry in every):
        others.append(ToDo.same("correct the policy"))
    # Also those of disconnected connections: their changes stay open.
    changes = OpenChanges.total(entry.status.open_changes for entry in entries)
    if changes.count:
        words = f"review {count(changes.count, 'open change')}"
        others.append(ToDo(f"review {changes.text}", words))
    return (*broken, *required, *failing, *expiring, *others)


def _codes(status: ConnectionStatus) -> frozenset[str]:
    return frozenset(alert.code for alert in status.open_alerts)


def _failing(status: ConnectionStatus) -> Iterator[ToDo]:
    critical = [alert for alert in status.alerts if alert.level is AlertLevel.CRITICAL]
    # Without an alert, the connection fails for a reason that no one could dismiss yet.
    if critical and all(alert.dismissed_at for alert in critical):
        return
    deed = "sign in to" if status.status is Status.REAUTH_REQUIRED else "test"
    if any(alert.next_step is NextStep.DECIDE_REFRESH for alert in critical):
        deed = "decide on the refresh of"
    yield ToDo.same(f"{deed} {status.name}")


def _is_low(status: ConnectionStatus) -> bool:
    # A low quota that the user dismissed is nothing to do.
    away = {alert.code for alert in dismissed(status)}
    return status.quota_level is not None and not away & {"QUOTA_LOW", "QUOTA_RESERVE"}


def _of_working(status: ConnectionStatus, codes: frozenset[str], *, alone: bool) -> Iterator[ToDo]:
    """Yield what else to do for a connection; `alone` means no other is low on quota."""
    if status.quota is not None and _is_low(status):
        left, name = quota_left(status.quota), "" if alone else f"{status.name} "
        yield ToDo(f"{status.name}: {left} quota left", f"{name}quota {left} left")
    elif codes & {"SYNC_NOT_ADVANCING", "OBJECTS_FAILED", "NEVER_REFRESHED", "CACHE_DAMAGED"}:
        yield ToDo.same(f"refresh {status.name}")


def summary(entries: Sequence[ConnectionHealth], width: int) -> tuple[str, str]:
    """Return the lead and the text of the to-do line, in `width` cells.

    Things that don't fit are counted at the end.
    """
    things = things_to_do(entries)
    number = sum(len(dismissed(entry.status)) for entry in entries)
    away = f"{count(number, 'alert')} dismissed" if number else ""
    if not things:
        connections = count(len(entries), "connection")
        return "Nothing to do:", f"{connections}, {away or 'no open alerts'}"
    room = width - cell_len(f"{TO_DO} ")
    text = fit_steps(things, room)
    longer = f"{text}{STEP_BETWEEN}{away}"
    return TO_DO, longer if away and text and cell_len(longer) <= room else text


def to_do(entries: Sequence[ConnectionHealth], width: int) -> Content:
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
