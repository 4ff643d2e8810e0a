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

SEPARATOR = " · "
NUMBERS = ("Nothing", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


class ToDo(NamedTuple):
    """One thing to do, in words, and in fewer."""

    text: str
    short: str


def things_to_do(entries: Sequence[Entry]) -> tuple[ToDo, ...]:
    """Return what to do in all connections, most urgent first."""
    every = [entry for entry in ordered(entries) if entry.status.status is not Status.DISCONNECTED]
    found = []
    for entry in filter(lambda entry: is_ill(entry.status), every):
        again = entry.status.status is Status.REAUTH_REQUIRED
        text = f"{'sign in to' if again else 'find out what is wrong with'} {entry.connection.name}"
        found.append(ToDo(text, text if again else f"test {entry.connection.name}"))
    unseen = [entry.status.unseen for entry in entries]
    total, breaking, mapped = (
        sum(getattr(one, name) for one in unseen) for name in ("total", "breaking", "mapped")
    )
    if total:
        how = f"{mapped:,} touch{'es' if mapped == 1 else ''} mappings" if mapped else ""
        how = how or (f"{breaking:,} breaking" if breaking else "")
        changes = count(total, "change")
        found.append(
            ToDo(
                f"look at {changes}" + (f" ({how})" if how else ""),
                changes + (f", {how}" if how else ""),
            )
        )
    low = sum(1 for entry in every if _is_low(entry.status))
    found += [thing for entry in every for thing in _of_working(entry, alone=low == 1)]
    return tuple(found)


def _is_low(status: ConnectionStatus) -> bool:
    """True if little quota is left and the alert about it is open."""
    away = {alert.code for alert in dismissed(status)}
    return status.quota_level is not None and not away & QUOTA_CODES


QUOTA_CODES = {"QUOTA_LOW", "QUOTA_RESERVE"}


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
        yield ToDo(
            f"{name} has {left} quota left", f"{'' if alone else name + ' '}quota {left} left"
        )
    elif "SYNC_NOT_ADVANCING" in codes or "OBJECTS_FAILED" in codes:
        yield ToDo(f"refresh {name}", f"refresh {name}")
    elif any(alert.code == "NEVER_REFRESHED" for alert in alerts):
        yield ToDo(f"read {name} for the first time", f"read {name}")
    if "TOKEN_ENDS_SOON" in codes or "TOKEN_ENDED" in codes:
        yield ToDo(f"sign in to {name}", f"sign in to {name}")


def summary(entries: Sequence[Entry], width: int) -> tuple[str, str]:
    """Return the lead and the text of the to-do line, in `width` cells.

    Things that don't fit are counted at the end.
    """
    things = things_to_do(entries)
    away = dismissed_words(sum(len(dismissed(entry.status)) for entry in entries))
    if not things:
        return "Nothing to do:", f"{count(len(entries), 'connection')}, {away or 'all is well'}"
    number = NUMBERS[len(things)] if len(things) < len(NUMBERS) else str(len(things))
    whole = f"{number} {'thing' if len(things) == 1 else 'things'} to do:"
    forms = [(whole, [one.text for one in things])]
    forms += [("To do:", [one.text for one in things]), ("To do:", [one.short for one in things])]
    for shown in range(len(things), -1, -1):
        more = f" +{len(things) - shown} more" if shown < len(things) else ""
        for lead, texts in forms:
            text = SEPARATOR.join(map(display_text, texts[:shown])) + more
            if cell_len(f"{lead} {text}") <= width:
                quietly = f"{text}{SEPARATOR}{away}"
                has_room = away and cell_len(f"{lead} {quietly}") <= width
                return lead, quietly if has_room else text
    return whole, ""


STEP_WORDS = {
    NextStep.SIGN_IN: "sign in again",
    NextStep.REFRESH: "refresh",
    NextStep.SEE_DRIFT: "see the drift",
    NextStep.TEST: "test it",
}
STEP_ACTIONS = {
    NextStep.SIGN_IN: "connection.sign_in",
    NextStep.REFRESH: "connection.refresh",
    NextStep.TEST: "health.test",
}
"""The actions that do it, if they have keys."""

_WRITES = (NextStep.SIGN_IN, NextStep.REFRESH)


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
