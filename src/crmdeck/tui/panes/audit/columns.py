"""What an audit entry looks like as a line, and how it is filtered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from crmdeck.model import AuditEntry
from crmdeck.tui.filters import KeyTest, one_of, yes_no
from crmdeck.tui.widgets.table import Column

BAD_WORDS = ("failed", "refused", "error", "reauth", "disconnect")

AUTOMATIC = (
    "token.",
    "schema.refresh",
    "schema.checked",
    "schema.sampled",
    "schema.drift_detected",
    "connection.recovered",
)
"""How the events begin that nobody decides on: they come of reading, whoever reads."""


@dataclass(frozen=True)
class Line:
    """One entry, with the name that its connection has now; empty where it is of none."""

    entry: AuditEntry
    connection: str = ""


def is_bad(line: Line) -> bool:
    """Return whether an entry tells of something that went wrong, or was ended."""
    return any(word in line.entry.event for word in BAD_WORDS)


def event_state(line: Line) -> str:
    """Return the state of the event cell: what went wrong stands out, by its word as well."""
    return "error" if is_bad(line) else "accent"


_WHEN: Column[Line] = Column(
    "at",
    "When (UTC)",
    lambda line: line.entry.at.strftime("%Y-%m-%d %H:%M"),
    style=lambda _: "muted",
    width=16,
    sort_key=lambda line: line.entry.at,
)
_EVENT: Column[Line] = Column(
    "event", "Event", lambda line: line.entry.event, style=event_state, width=26, shrink_to=21
)
_CONNECTION: Column[Line] = Column(
    "connection",
    "Connection",
    lambda line: line.connection,
    width=18,
    shrink_to=12,
    hide_below=72,
)
_WHAT: Column[Line] = Column("summary", "What", lambda line: line.entry.summary, min_width=13)
_WHAT_HERE: Column[Line] = Column(
    "summary",
    "What",
    lambda line: line.entry.summary.removeprefix(f"{line.connection}: "),
    min_width=13,
)
_WHO: Column[Line] = Column("actor", "Who", lambda line: line.entry.actor, width=14, hide_below=72)

OF_ONE = (_WHEN, _EVENT, _WHAT_HERE, _WHO)
OF_ALL = (_WHEN, _EVENT, _CONNECTION, _WHAT, _WHO)
"""The columns for the entries of one connection, and of all."""


def filter_keys(now: datetime) -> Mapping[str, KeyTest[Line]]:
    """Return the tests of the filter's keys; `since:` and `until:` count from `now`."""
    return {
        "event": lambda line, wanted: (
            one_of(line.entry.event, wanted) or wanted in line.entry.event.casefold().split(".")
        ),
        "people": lambda line, wanted: yes_no(not line.entry.event.startswith(AUTOMATIC), wanted),
        "failed": lambda line, wanted: yes_no(is_bad(line), wanted),
        "who": lambda line, wanted: one_of(line.entry.actor, wanted),
        "connection": lambda line, wanted: one_of(line.connection, wanted),
        "on": lambda line, wanted: line.entry.at.strftime("%Y-%m-%d").startswith(wanted),
        "since": lambda line, wanted: _is(line, ">", wanted, now),
        "until": lambda line, wanted: _is(line, "<", wanted, now),
    }


def searched(line: Line) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    return (line.entry.event, line.entry.summary, line.entry.actor, line.connection)


def _is(line: Line, side: str, wanted: str, now: datetime) -> bool:
    from crmdeck.errors import UsageError
    from crmdeck.workspace import parse_moment

    try:
        moment = parse_moment(wanted.upper() if "t" in wanted else wanted, now, as_of=side == "<")
    except UsageError:
        return True  # not typed to its end yet
    return line.entry.at >= moment if side == ">" else line.entry.at <= moment
