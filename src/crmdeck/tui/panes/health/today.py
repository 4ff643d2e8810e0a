"""Findings as rows: groups by urgency, folded rows of one kind, single findings. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from rich.cells import cell_len

from crmdeck.model import Finding, FindingKind, Step, Urgency, Verb
from crmdeck.tui.filters import FilterKey, FilterKeys, one_of, text_key, words_key
from crmdeck.tui.marks import URGENCY_SIGNS, URGENCY_STATES
from crmdeck.tui.panes.settling import first_step
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import Gives, some

FOLDS_FROM = 5
"""Findings of one kind from which rows fold."""

MOST_ALONE = 5
"""Connections up to which a folded row is about one of them."""

TITLES = {
    Urgency.FAILING: "FAILING",
    Urgency.EXPIRING: "EXPIRING SOON",
    Urgency.REVIEW: "TO REVIEW",
    Urgency.SETUP: "TO SET UP",
    Urgency.NOTE: "NOTES",
}

_KINDS = {
    FindingKind.MAPPING_BROKEN: ("broken mapping", "broken mappings"),
    FindingKind.ROW_FAILS: ("mapping that fails", "mappings that fail"),
    FindingKind.ROW_CAN_FAIL: ("mapping that can fail", "mappings that can fail"),
    FindingKind.MAPPING_CHANGED: ("changed mapping", "changed mappings"),
    FindingKind.REQUIRED_NO_SOURCE: ("required field not mapped", "required fields not mapped"),
    FindingKind.DELIVERY: ("check of the sync", "checks of the sync"),
    FindingKind.CHANGE_OPEN: ("change to unmapped fields", "changes to unmapped fields"),
    FindingKind.UNDECIDED_ROWS: ("pair with undecided rows", "pairs with undecided rows"),
    FindingKind.NOTHING_MAPPED: ("connection without mappings", "connections without mappings"),
}
"""Names of kinds whose titles differ."""

NOTES = "notes"


@dataclass(frozen=True)
class FindingRow:
    """A row of `findings`: one, or several that are folded, or a title above others.

    `open` is True for an expanded row, False for a folded one, else None. `parent` is the key of
    the row that it is folded in.
    """

    key: str
    findings: tuple[Finding, ...]
    title: str
    is_title: bool = False
    open: bool | None = None
    parent: str | None = None

    @property
    def finding(self) -> Finding | None:
        """The finding of a single one."""
        return self.findings[0] if self.open is None and not self.is_title else None

    @property
    def is_heading(self) -> bool:
        """True for a title, and for the folded row of all notes."""
        return self.is_title or (self.open is not None and self.urgency is Urgency.NOTE)

    @property
    def urgency(self) -> Urgency:
        return self.findings[0].urgency

    @cached_property
    def connection_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.connection_id for one in self.findings))

    @property
    def connection(self) -> str:
        """The name of its connection, or the number of them."""
        number = len(self.connection_ids)
        return self.findings[0].connection if number == 1 else count(number, "connection")

    @property
    def step(self) -> Step | None:
        """The first step, if it is the same for all its findings."""
        steps = {first_step(one) for one in self.findings}
        return steps.pop() if len(steps) == 1 else _alike(steps)


def _alike(steps: Collection[Step | None]) -> Step | None:
    # Commands differ by connection.
    words = {(step.verb, step.text) for step in steps if step is not None}
    if None in steps or len(words) != 1:
        return None
    verb, text = words.pop()
    return Step(verb=verb, text=text)


def arrange(
    findings: Iterable[Finding],
    expanded: Collection[str],
    title_of: Callable[[Finding], str],
    *,
    flat: bool = False,
) -> tuple[FindingRow, ...]:
    """Return the rows of findings, which are in order; `expanded` are the keys of open folds.

    `flat` leaves out titles and folds, for a table that the user sorts.
    """
    if flat:
        return tuple(FindingRow(one.id, (one,), title_of(one)) for one in findings)
    groups: dict[Urgency, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.urgency].append(finding)
    rows: list[FindingRow] = []
    for urgency, group in groups.items():
        title = f"{TITLES[urgency]}  {len(group):,}"
        places = len({one.connection_id for one in group})
        if places >= FOLDS_FROM:
            title += f" in {count(places, 'connection')}"
        if urgency is Urgency.NOTE:
            rows += _folded(NOTES, title, group, expanded, title_of)
            continue
        rows.append(FindingRow(f"title:{urgency}", tuple(group), title, is_title=True))
        by_kind: dict[FindingKind, list[Finding]] = defaultdict(list)
        for finding in group:
            by_kind[finding.kind].append(finding)
        for kind, alike in by_kind.items():
            for name, words, members in _parts(kind, alike):
                rows += _folded(f"{urgency}:{kind}:{name}", words, members, expanded, title_of)
    return tuple(rows)


def _folded(
    name: str,
    words: str,
    members: Sequence[Finding],
    expanded: Collection[str],
    title_of: Callable[[Finding], str],
) -> Iterator[FindingRow]:
    key = f"fold:{name}"
    if not words:
        yield from (FindingRow(one.id, (one,), title_of(one)) for one in members)
        return
    yield FindingRow(key, tuple(members), words, open=key in expanded)
    if key in expanded:
        yield from (FindingRow(one.id, (one,), title_of(one), parent=key) for one in members)


def _parts(kind: FindingKind, alike: list[Finding]) -> Iterator[tuple[str, str, list[Finding]]]:
    """Yield the findings of a kind in parts: a name, the words of its fold or none, its members.

    From `FOLDS_FROM` on those of one title fold across connections, then those of a connection.
    """
    if len(alike) < FOLDS_FROM:
        yield "", "", alike
        return
    by_title: dict[str, list[Finding]] = defaultdict(list)
    for finding in alike:
        by_title[finding.title].append(finding)
    rest = []
    for title, members in by_title.items():
        if len(members) >= FOLDS_FROM:
            yield title, title, members
        else:
            rest += members
    by_connection: dict[str, list[Finding]] = defaultdict(list)
    for finding in rest:
        by_connection[finding.connection_id].append(finding)
    if len(by_connection) > MOST_ALONE:
        by_connection = defaultdict(list, {"": rest})
    least = 2 if kind is FindingKind.CHANGE_OPEN else FOLDS_FROM
    for name, members in by_connection.items():
        one, several = _KINDS.get(kind, ("finding of one kind", "findings of one kind"))
        words = count(len(members), one, several) if len(members) >= least else ""
        yield name, words, members


def today_columns(now: datetime) -> tuple[Column[FindingRow], ...]:
    """Return the columns of the open findings."""

    def since(row: FindingRow) -> str:
        days = [one.since for one in row.findings if one.since is not None]
        if row.is_title or not days:
            return ""
        return f"{max(days):%m-%d}" if max(days).year == now.year else f"{max(days):%Y-%m}"

    def who(row: FindingRow) -> str:
        names = {one.by for one in row.findings}
        return (names.pop() or "") if len(names) == 1 and not row.is_title else ""

    def fix(row: FindingRow) -> str:
        step = row.step if not row.is_title else None
        more = " all" if step and row.open is not None and step.verb is Verb.REFRESH else ""
        return f"{step.text}{more}" if step is not None else ""

    return (
        *_first_columns(),
        Column("who", "Who", who, least=6, most=16, needed=some(who)),
        Column("since", "Since", since, style=lambda _: "muted", least=5, most=7,
               sort_key=lambda row: row.findings[0].since, searched=False),
        Column("fix", "Fix (f)", fix, least=7, most=40, searched=False),
    )  # fmt: skip


TODAY_GIVES: Gives = (
    ("finding", 42), ("fix", 24), ("fix", 0), ("who", 0), ("connection", 10), ("finding", 20),
)  # fmt: skip

ACCEPTED_COLUMNS: tuple[Column[FindingRow], ...]
ACCEPTED_GIVES: Gives = (("finding", 40), ("by", 0), ("note", 12), ("note", 0), ("finding", 20))


def _first_columns() -> tuple[Column[FindingRow], ...]:
    def sign(row: FindingRow) -> str:
        if row.is_title:
            return row.title
        fold = " " if row.open is None else "▾" if row.open else "▸"
        return fold + (
            "⊘" if row.finding and not row.finding.is_open else URGENCY_SIGNS[row.urgency]
        )

    def connection(row: FindingRow) -> str:
        if row.is_heading:
            return "" if row.is_title else row.title
        return row.connection

    def brief(row: FindingRow, width: int) -> str:
        # The details show it whole.
        indent = "  " if row.parent else ""
        text = "" if row.is_heading else indent + row.title
        return text if cell_len(text) <= width else re.split(r"[;(]", text)[0].rstrip()

    def style(row: FindingRow) -> str:
        if row.is_title:
            return "strong"
        is_open = row.finding is None or row.finding.is_open
        return URGENCY_STATES[row.urgency] if is_open else "muted"

    return (
        Column("sign", "", sign, style=style, width=2, sortable=False, searched=False,
               reach=lambda row: "finding" if row.is_title else ""),
        Column("connection", "Connection", connection, least=10, most=24,
               reach=lambda row: "finding" if row.is_heading else ""),
        Column("finding", "Finding",
               lambda row: "" if row.is_heading else ("  " if row.parent else "") + row.title,
               fit=brief, least=24, most=90, spill="who",
               sort_key=lambda row: row.title.casefold()),
    )  # fmt: skip


ACCEPTED_COLUMNS = (
    *_first_columns(),
    Column("by", "Accepted by", lambda row: row.findings[0].accepted_by or "", least=11, most=16),
    Column("until", "Until", lambda row: str(row.findings[0].accepted_until), width=10),
    Column("note", "Note", lambda row: row.findings[0].note or "", least=4, most=40,
           needed=some(lambda row: row.findings[0].note)),
)  # fmt: skip


def searched(finding: Finding) -> Iterable[str]:
    """Yield the texts in which a filter searches words."""
    about = finding.subject
    yield from (finding.connection, finding.title, finding.cause, finding.by or "")
    yield from filter(None, (about.partner_field, about.crm_field, about.object_pair))


FINDING_KEYS: FilterKeys[Finding] = {
    "finding": FilterKey(
        lambda one, wanted: one_of(one.urgency.value, wanted) or wanted in one.code.casefold(),
        lambda one: (one.urgency.value, one.code),
    ),
    "connection": text_key(lambda one: one.connection),
    "kind": text_key(lambda one: one.kind.value),
    "who": words_key(lambda one: (one.by or "",)),
}
