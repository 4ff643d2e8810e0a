"""What an audit entry looks like as a line, and how it is filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rich.cells import cell_len

from crmdeck.model import AuditEntry
from crmdeck.tui.filters import KeyTest, one_of, yes_no
from crmdeck.tui.text import cut_middle, display_text
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


LEAST_WHO, MOST_WHO, MOST_NAME = 6, 16, 20
TIME_CELLS = 5
LEAST_NAME = 8
WIDE = 100
"""Cells from which on the connections have a column of their own."""

_BEGINS = {
    "schema.refresh_failed": "refresh failed: ",
    "token.refresh_failed": "renewing the token failed: ",
    "mapping.accepted": "accepted ",
    "mapping.rejected": "rejected ",
    "mapping.undone": "took back ",
}
"""What an event is called before its summary, which does not say it."""

_REASONS = {"QUOTA_RESERVE": "low on quota"}
"""What a code of a failure says in few words, where its own are not plain."""

_ARROW = " → "
_PAIR_END, _NAMES_PART = ": ", " -> "


@dataclass(frozen=True)
class Line:
    """One entry, with the name that its connection has now; empty where it is of none.

    `title` is set on the line of a day, which stands above its entries; `entry` is the first then.
    """

    entry: AuditEntry
    connection: str = ""
    title: str = ""

    @property
    def key(self) -> str:
        """Return what names the line."""
        return f"day:{self.entry.at:%Y-%m-%d}" if self.title else self.entry.id

    @property
    def about(self) -> str | None:
        """Return the pane that shows what the entry is about; None where there is none."""
        if self.title or not self.connection:
            return None
        if self.entry.event.startswith("mapping."):
            return "mapping"
        return "drift" if self.entry.event.startswith("schema.drift") else "health"

    @property
    def said(self) -> str:
        """Return what happened, as a sentence that does not name the connection."""
        name, text = self.connection, self.entry.summary
        if name and self.entry.event != "connection.renamed":
            text = text.removeprefix(f"{name}: ")
            text = re.sub(rf"( in)? {re.escape(name)}(?![\w-])", "", text, count=1)
        begins = _BEGINS.get(self.entry.event)
        if begins is not None:
            arrow = _ARROW if self.entry.event.startswith("mapping.") else _NAMES_PART
            return begins + text.replace(_NAMES_PART, arrow, 1)
        return text[:1].lower() + text[1:]

    def brief(self, width: int, *, named: bool = False) -> str:
        """Return what happened in `width` cells, in fewer words where the whole has no room.

        `named` puts the connection before it. What is too long in any words is whole there, and
        the details tell it all.
        """
        text, before = "", f"{self.connection}: " if named and self.connection else ""
        for told in self._forms(width - cell_len(display_text(before))):
            text = before + told
            if cell_len(display_text(text)) <= width:
                break
        return text

    def _forms(self, width: int) -> Iterator[str]:
        """Yield what happened in ever fewer words; the last cuts a name in its middle."""
        event, details = self.entry.event, self.entry.details
        yield self.said
        pair, _, fields = self.entry.summary.partition(_PAIR_END)
        partner, arrow, crm = fields.rpartition(_NAMES_PART)
        if event.startswith("mapping.") and arrow:
            start = f"{_BEGINS.get(event, '')}{partner}{_ARROW}"
            yield f"{start}{pair.rpartition('--')[2]}.{crm}"
            yield start + crm
            yield start + cut_middle(crm, max(LEAST_NAME, width - cell_len(start)))
            return
        yield re.split(r"[.;] ", self.said, maxsplit=1)[0].rstrip(".")
        code, note = details.get("code"), details.get("note")
        begins = _BEGINS.get(event)
        if begins is not None and isinstance(code, str):
            yield begins + _REASONS.get(code, code.replace("_", " ").lower())
        if isinstance(note, str) and note:
            without = self.said.removesuffix(f": {note}")
            yield f"{without}, with a note"
            yield without
        yield begins.rstrip(": ") if begins is not None else re.sub("[._]", " ", event)


def with_days(lines: Sequence[Line], now: datetime) -> tuple[Line, ...]:
    """Return the lines, newest first as they come, each day under its title."""
    found: list[Line] = []
    before: date | None = None
    for line in lines:
        day = line.entry.at.date()
        if day != before:
            year = "" if day.year == now.year else f" {day.year}"
            found.append(replace(line, title=f"{day:%a} {day.day} {day:%b}{year}"))
        before = day
        found.append(line)
    return tuple(found)


def is_bad(line: Line) -> bool:
    """Return whether an entry tells of something that went wrong, or was ended."""
    return any(word in line.entry.event for word in BAD_WORDS)


def event_state(line: Line) -> str:
    """Return the state of what happened: what went wrong stands out, by its words as well."""
    return "error" if is_bad(line) else ""


def columns_for(
    lines: Sequence[Line], width: int, *, everywhere: bool, flat: bool
) -> tuple[Column[Line], ...]:
    """Return the columns of a table of `width` cells: what happened has all that is left.

    `flat` gives each line its day as well, for a table that is sorted. Where room lacks for a
    column of connections, the sentence names its own.
    """
    who = _longest((line.entry.actor for line in lines), LEAST_WHO, MOST_WHO)
    apart = everywhere and width >= WIDE
    named = everywhere and not apart
    years = {line.entry.at.year for line in lines}
    moment = ("%d %b %H:%M" if len(years) == 1 else "%d %b %Y %H:%M") if flat else "%H:%M"
    columns = (
        Column[Line](
            "at",
            "Time",
            lambda line: line.title or f"{line.entry.at:{moment}}",
            style=lambda line: "strong" if line.title else "muted",
            width=_longest((f"{line.entry.at:{moment}}" for line in lines), TIME_CELLS, 20),
            sort_key=lambda line: line.entry.at,
            searched=False,
            reach=lambda line: "summary" if line.title else "",
        ),
        Column[Line]("actor", "Who", lambda line: line.entry.actor, width=who),
        Column[Line](
            "connection",
            "Connection",
            lambda line: line.connection,
            width=_longest((line.connection for line in lines), 10, MOST_NAME),
        ),
        Column[Line](
            "summary",
            "What happened",
            lambda line: _named(line) if named else line.said,
            fit=lambda line, cells: line.brief(cells, named=named),
            style=event_state,
        ),
    )
    return tuple(column for column in columns if apart or column.id != "connection")


def _named(line: Line) -> str:
    return f"{line.connection}: {line.said}" if line.connection else line.said


def _longest(texts: Iterable[str], least: int, most: int) -> int:
    return min(most, max([least, *map(cell_len, texts)]))


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
