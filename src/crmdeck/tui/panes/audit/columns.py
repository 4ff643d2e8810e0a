"""Audit entries as lines, the columns of the log, and its filter. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rich.cells import cell_len

from crmdeck.errors import UsageError
from crmdeck.model import AuditEntry
from crmdeck.tui.filters import AGO, FilterKey, FilterKeys, flag_key, one_of, text_key, words_key
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import parse_moment

BAD_WORDS = ("failed", "rejected", "error", "reauth", "disconnect")

AUTOMATIC = (
    "token.",
    "schema.refresh",
    "schema.checked",
    "schema.sampled",
    "schema.drift_detected",
    "connection.recovered",
)
"""Prefixes of events that no user causes directly, such as those of a refresh."""

LEAST_NAME = 8

_BEGINS = {
    "schema.refresh_failed": "refresh failed: ",
    "token.refresh_failed": "token refresh failed: ",
    "mapping.accepted": "accepted ",
    "mapping.rejected": "rejected ",
    "mapping.filled_elsewhere": "",
    "mapping.pending": "cleared ",
    "mapping.undone": "undid ",
}
"""Words before the summary of an event, which doesn't have them."""

_REASONS = {"QUOTA_RESERVE": "low on quota"}
"""Short words for error codes that aren't plain themselves."""

_ARROW = " → "
_PAIR_END, _NAMES_PART = ": ", " -> "


@dataclass(frozen=True)
class LogRow:
    """An entry, with the current name of its connection if it has one.

    A `title` makes it the heading of a day, whose first entry is `entry`.
    """

    entry: AuditEntry
    connection: str = ""
    title: str = ""

    @property
    def key(self) -> str:
        return f"day:{self.entry.at:%Y-%m-%d}" if self.title else self.entry.id

    @property
    def day(self) -> date:
        """The day of the entry, in UTC."""
        return self.entry.at.date()

    @property
    def about(self) -> str | None:
        """The pane that shows the subject of the entry, if there is one."""
        if self.title or not self.connection:
            return None
        if self.entry.event.startswith("mapping."):
            return "mapping"
        return "drift" if self.entry.event.startswith("schema.drift") else "health"

    @property
    def decision(self) -> tuple[str, str] | None:
        """The object pair and the ID of the decision that the entry records."""
        id_ = self.entry.details.get("decision")
        if self.title or not self.connection or not self.entry.event.startswith("mapping."):
            return None
        pair = self.entry.summary.partition(_PAIR_END)[0]
        return (pair, id_) if isinstance(id_, str) else None

    @property
    def summary(self) -> str:
        """The summary of the entry, without the name of the connection."""
        name, text = self.connection, self.entry.summary
        if name and self.entry.event != "connection.renamed":
            text = text.removeprefix(f"{name}: ")
            # Names contain hyphens, so `acme` is not the beginning of `acme-prod`.
            text = re.sub(rf"( in)? {re.escape(name)}(?![\w-])", "", text, count=1)
        begins = _BEGINS.get(self.entry.event)
        if begins is not None:
            arrow = _ARROW if self.entry.event.startswith("mapping.") else _NAMES_PART
            return begins + text.replace(_NAMES_PART, arrow, 1)
        return text[:1].lower() + text[1:]

    def brief(self, width: int) -> str:
        """Return the summary, in fewer words if it doesn't fit into `width` cells.

        The details show it whole.
        """
        text = ""
        # If no form fits, the table cuts the last one.
        for text in self._forms(width):
            if cell_len(display_text(text)) <= width:
                break
        return text

    def _forms(self, width: int) -> Iterator[str]:
        """Yield the summary in fewer and fewer words; the last one cuts a name in the middle."""
        event, details = self.entry.event, self.entry.details
        yield self.summary
        pair, _, fields = self.entry.summary.partition(_PAIR_END)
        partner, arrow, crm = fields.rpartition(_NAMES_PART)
        if event.startswith("mapping.") and arrow:
            start = f"{_BEGINS.get(event, '')}{partner}{_ARROW}"
            yield f"{start}{pair.rpartition('--')[2]}.{crm}"
            yield start + crm
            yield start + cut_middle(crm, max(LEAST_NAME, width - cell_len(start)))
            return
        yield re.split(r"[.;] ", self.summary, maxsplit=1)[0].rstrip(".")
        code, note = details.get("code"), details.get("note")
        begins = _BEGINS.get(event)
        if begins is not None and isinstance(code, str):
            yield begins + _REASONS.get(code, code.replace("_", " ").lower())
        if isinstance(note, str) and note:
            without = self.summary.removesuffix(f": {note}")
            yield f"{without}, with a note"
            yield without
        yield begins.rstrip(": ") if begins is not None else re.sub("[._]", " ", event)


def with_days(lines: Sequence[LogRow]) -> tuple[LogRow, ...]:
    """Return the lines, newest first as given, each day below its heading."""
    found: list[LogRow] = []
    before: date | None = None
    for line in lines:
        if line.day != before:
            found.append(replace(line, title=f"{line.day:%Y-%m-%d}"))
        before = line.day
        found.append(line)
    return tuple(found)


def is_bad(line: LogRow) -> bool:
    """True if the entry is about a failure, or the end of something."""
    return any(word in line.entry.event for word in BAD_WORDS)


GIVES = (("connection", 0), ("summary", 16))


def log_columns(*, everywhere: bool, flat: bool) -> tuple[Column[LogRow], ...]:
    """Return the columns of the log of one connection or of all.

    `flat` adds the date to the time, for a sorted table. In a narrow table the summary begins with
    the connection, which has no column then.
    """
    time = "%Y-%m-%d %H:%M" if flat else "%H:%M"
    columns = (
        Column[LogRow](
            "sign",
            "",
            lambda line: line.title or ("✕" if is_bad(line) else "✓"),
            style=lambda line: "strong" if line.title else "error" if is_bad(line) else "muted",
            width=1,
            sortable=False,
            searched=False,
            reach=lambda line: "summary" if line.title else "",
        ),
        Column[LogRow](
            "at",
            "Time",
            lambda line: "" if line.title else f"{line.entry.at:{time}}",
            style=lambda _: "muted",
            width=16 if flat else 5,
            sort_key=lambda line: line.entry.at,
            searched=False,
        ),
        Column[LogRow]("actor", "Who", lambda line: line.entry.actor, least=6, most=16),
        Column[LogRow]("connection", "Connection", lambda line: line.connection, least=10, most=20),
        Column[LogRow](
            "summary",
            "Event",
            lambda line: line.summary,
            fit=LogRow.brief,
            style=lambda line: "error" if is_bad(line) else "",
            least=60,
            joins="connection",
        ),
    )
    return tuple(column for column in columns if everywhere or column.id != "connection")


def filter_keys(now: datetime) -> FilterKeys[LogRow]:
    """Return the filter keys; `since:` and `until:` may be relative to `now`."""
    return {
        "event": FilterKey(
            lambda line, wanted: (
                one_of(line.entry.event, wanted) or wanted in line.entry.event.casefold().split(".")
            ),
            lambda line: (line.entry.event,),
            words=lambda event: event.replace(".", " ").replace("_", " "),
        ),
        "people": flag_key(lambda line: not line.entry.event.startswith(AUTOMATIC)),
        "failed": flag_key(is_bad),
        "who": words_key(lambda line: (line.entry.actor, *filter(None, (line.entry.db_user,)))),
        "connection": text_key(lambda line: line.connection),
        "on": text_key(lambda line: line.entry.at.strftime("%Y-%m-%d")),
        "since": FilterKey(lambda line, wanted: _is(line, ">", wanted, now), examples=AGO),
        "until": FilterKey(lambda line, wanted: _is(line, "<", wanted, now), examples=AGO),
    }


def searched(line: LogRow) -> Iterable[str]:
    """Return the texts that the words of a filter search."""
    entry = line.entry
    return (entry.event, entry.summary, entry.actor, entry.db_user or "", line.connection)


def _is(line: LogRow, side: str, wanted: str, now: datetime) -> bool:
    try:
        # Filters are case-folded, and times have a `T`. `until:` includes the day that it names.
        moment = parse_moment(wanted.upper() if "t" in wanted else wanted, now, as_of=side == "<")
    except UsageError:
        return True  # The user is still typing it.
    return line.entry.at >= moment if side == ">" else line.entry.at <= moment
