"""Go to anything: one list of all places, actions and settings, the best match first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.filters import KeyTest, one_of
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import Place, PlaceKind, Searchable, SearchIndex

ACTION, SETTING, RECENT = "action", "setting", "recent"

SIGNS = {
    PlaceKind.CONNECTION: "●",
    PlaceKind.PAIR: "↔",
    PlaceKind.OBJECT: "□",
    PlaceKind.FIELD: "·",
    PlaceKind.CHANGE: "±",
    PlaceKind.ALERT: "▲",
    ACTION: "›",
    SETTING: "=",
    RECENT: "↶",
}
STATES = {PlaceKind.ALERT: "warn", ACTION: "info", SETTING: "muted", PlaceKind.FIELD: "muted"}


class Option(NamedTuple):
    """A line that is not a place of the workspace: an action, a setting, a place of before.

    `goal` is what it stands for; `refused` says why it can't be had now.
    """

    kind: str
    name: str
    within: str
    detail: str
    goal: Any
    key: Hashable
    standing: int = 0
    refused: str = ""
    connection: str = ""

    @property
    def path(self) -> str:
        """Its name, with that of the group that it is in."""
        return f"{self.within}: {self.name}" if self.within else self.name

    @property
    def searched(self) -> Searchable:
        """What is looked for in it."""
        return Searchable(self.name, self.within, (self.detail, self.kind), self.standing)


Line = Place | Option


def key_of(line: Line) -> Hashable:
    """Return what names a line."""
    return line.key if isinstance(line, Option) else line


FILTER_KEYS: dict[str, KeyTest[Line]] = {
    "kind": lambda line, wanted: one_of(line.kind, wanted),
    "on": lambda line, wanted: one_of(line.connection, wanted),
}


def columns(*, connections: bool) -> tuple[Column[Line], ...]:
    """Return the columns; that of the connection where there are several."""
    found: list[Column[Line]] = [
        Column(
            "kind",
            "",
            lambda line: f"{SIGNS.get(line.kind, ' ')} {line.kind}",
            style=lambda line: STATES.get(line.kind, "accent"),
            width=12,
            searched=False,
        ),
        Column(
            "name",
            "",
            lambda line: line.path,
            style=lambda line: "muted" if isinstance(line, Option) and line.refused else "",
            min_width=24,
            weight=5,
            spill="detail",
            fit=lambda line, width: cut_middle(line.path, width),
        ),
        Column(
            "detail",
            "",
            lambda line: line.detail,
            style=lambda _: "muted",
            weight=4,
            reach=lambda line: "" if line.connection else "connection",
        ),
    ]
    if connections:
        found.append(
            Column(
                "connection",
                "",
                lambda line: line.connection,
                style=lambda _: "muted",
                width=16,
                shrink_to=14,
                hide_below=60,
                searched=False,
            )
        )
    return tuple(found)


class GoTo(Dialog[Line]):
    """Answers with the line that was taken.

    `resting` shows while nothing is typed. All lines are brought by `fill`, and may be so again.
    `meaning` tells what Enter does on a line.
    """

    SCOPE = "go to"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        resting: Sequence[Line],
        meaning: Callable[[Line], str],
        *,
        connections: bool,
    ) -> None:
        super().__init__("Go to anything")
        self._meaning = meaning
        self._reading = True
        self._note = ""
        self._list: SearchList[Line] = SearchList(
            resting,
            columns(connections=connections),
            key=key_of,
            searched=lambda line: line.searched,
            filter_keys=FILTER_KEYS,
            resting=resting,
            placeholder="type a name, a label, an action; kind:field  on:connection",
            empty="Nothing is called so.",
        )

    @property
    def row(self) -> Line | None:
        """The line under the cursor."""
        return self._list.row

    def compose_body(self) -> ComposeResult:
        """Yield the list, and what Enter does on the line under the cursor."""
        yield self._list
        yield Static("", id="meaning", markup=False)

    def fill(self, lines: Sequence[Line], index: SearchIndex[Line], note: str = "") -> None:
        """Take all lines, with an index over them; `note` says what is not among them."""
        if self.is_open:
            self._reading, self._note = False, note
            self._list.fill(lines, index)
            self._tell()

    def tell(self, note: str) -> None:
        """Say that no more lines come, and why."""
        if self.is_open:
            self._reading, self._note = False, note
            self._tell()

    def take(self) -> None:
        """Answer with the line under the cursor."""
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row)

    @on(SearchList.Highlighted)
    @on(Table.Ordered)
    def _row_changed(self) -> None:
        self._tell()

    def _tell(self) -> None:
        row = self.row
        lines = [Content("")] * 2
        if row is not None:
            whole = " ".join(filter(None, (row.path, row.connection and f"of {row.connection}")))
            lines[0] = Content(display_text(whole, 200))
            lines[1] = Content.styled(display_text(self._meaning(row), 200), "$muted")
        note = "reading the places…" if self._reading else self._note
        lines.append(Content.styled(display_text(note, 200), "$muted"))
        self.query_one("#meaning", Static).update(Content("\n").join(lines))

    ACTIONS: ClassVar[Actions] = (
        Action("go_to.take", "go there", ("enter",), take, hint=30, palette=False, priority=True),
    )
