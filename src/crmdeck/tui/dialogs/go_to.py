"""Go to anything: one list of all places, actions and settings, the best match first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.filters import FilterKey, text_key
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import Offer
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import GoToTarget, PlaceKind, Searchable, SearchIndex

if TYPE_CHECKING:
    from crmdeck.workspace import Setting

ACTION, SETTING, RECENT = "action", "setting", "recent"

SIGNS = {
    PlaceKind.CONNECTION: "●",
    PlaceKind.MAPPING: "✕",
    PlaceKind.PAIR: "↔",
    PlaceKind.OBJECT: "□",
    PlaceKind.FIELD: "·",
    PlaceKind.CHANGE: "±",
    PlaceKind.FINDING: "▲",
    ACTION: "›",
    SETTING: "=",
    RECENT: "↶",
}
STATES = {
    PlaceKind.MAPPING: "error",
    PlaceKind.FINDING: "warn",
    ACTION: "info",
    SETTING: "muted",
    PlaceKind.FIELD: "muted",
}
PREFIXES = {
    ">": f"kind:{ACTION}",
    "@": f"kind:{PlaceKind.FIELD}",
    "#": f"kind:{PlaceKind.OBJECT}",
    "!": f"kind:{PlaceKind.CHANGE}",
}


class Option(NamedTuple):
    """A row that isn't a place of the workspace: an action, a setting, a recent place.

    `goal` is the offer, the setting, or a pane and the recent place in it. `refused` explains why
    it can't run now.
    """

    kind: str
    name: str
    within: str
    detail: str
    goal: Offer | Setting | tuple[str, Location]
    key: Hashable
    relevance: int = 0
    refused: str = ""
    connection: str = ""

    @property
    def path(self) -> str:
        """The name, with that of its group."""
        return f"{self.within}: {self.name}" if self.within else self.name

    @property
    def searched(self) -> Searchable:
        return Searchable(self.name, self.within, (self.detail, self.kind), self.relevance)


GoToRow = GoToTarget | Option


def key_of(line: GoToRow) -> Hashable:
    return line.key if isinstance(line, Option) else line


FILTER_KEYS: dict[str, FilterKey[GoToRow]] = {
    "kind": text_key(lambda line: line.kind),
    "on": text_key(lambda line: line.connection),
}


def columns(*, connections: bool) -> tuple[Column[GoToRow], ...]:
    """Return the columns, with that of the connection if there are several."""
    found: list[Column[GoToRow]] = [
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
            least=24,
            spill="detail",
            fit=lambda line, width: cut_middle(line.path, width),
        ),
        Column(
            "detail",
            "",
            lambda line: line.detail,
            style=lambda _: "muted",
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
                searched=False,
            )
        )
    return tuple(found)


class GoTo(Dialog[GoToRow]):
    """Answers with the chosen row.

    `resting` shows before the user types. `fill` brings all rows, also more than once. `meaning`
    returns what Enter does on a row.
    """

    SCOPE = "go to"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        resting: Sequence[GoToRow],
        meaning: Callable[[GoToRow], str],
        *,
        connections: bool,
    ) -> None:
        super().__init__("Go to anything")
        self._meaning = meaning
        self._reading = True
        self._note = ""
        self._list: SearchList[GoToRow] = SearchList(
            resting,
            columns(connections=connections),
            key=key_of,
            searched=lambda line: line.searched,
            filter_keys=FILTER_KEYS,
            resting=resting,
            prefixes=PREFIXES,
            placeholder="Type a name.  > actions  @ fields  # objects  ! changes  on:connection",
            empty="No matches. Check the spelling.",
        )

    @property
    def row(self) -> GoToRow | None:
        return self._list.row

    def compose_body(self) -> ComposeResult:
        yield self._list
        yield Static("", id="meaning", markup=False)

    def fill(
        self,
        lines: Sequence[GoToRow],
        index: SearchIndex[GoToRow],
        note: str = "",
        *,
        resting: Sequence[GoToRow] | None = None,
    ) -> None:
        """Show all rows, with an index over them; `note` names what is left out."""
        # Places may come after the user has closed the list.
        if self.is_open:
            self._reading, self._note = False, note
            self._list.fill(lines, index, resting=resting)
            self._show_meaning()

    def fail(self, note: str) -> None:
        """Show why no more rows come."""
        if self.is_open:
            self._reading, self._note = False, note
            self._show_meaning()

    @dialog_action("go_to.take", "Go there", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row)

    @on(SearchList.Highlighted)
    # A search may put another row under the cursor without moving it.
    @on(Table.Ordered)
    def _show_meaning(self) -> None:
        row = self.row
        lines = [Content("")] * 2
        if row is not None:
            whole = " ".join(filter(None, (row.path, row.connection and f"of {row.connection}")))
            lines[0] = Content(display_text(whole, 200))
            lines[1] = Content.styled(display_text(self._meaning(row), 200), "$muted")
        note = "Loading places…" if self._reading else self._note
        lines.append(Content.styled(display_text(note, 200), "$muted"))
        self.query_one("#meaning", Static).update(Content("\n").join(lines))
        self.show_position(self._list.position_text)
