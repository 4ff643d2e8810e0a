"""Choose from a list: with a search, or from a menu whose rows have keys."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.filters import FilterKeys
from crmdeck.tui.keys.actions import short_key_label
from crmdeck.tui.text import display_block
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.tui.widgets.table.columns import Gives, some
from crmdeck.workspace import Searchable

V = TypeVar("V")
R = TypeVar("R")

Lines = Sequence[tuple[str, str]]
"""Lines of text, each with its style."""

LONGEST_NOTE = 4000
CANCEL = "escape"


@dataclass(frozen=True)
class Choice(Generic[V]):
    """One choice: a dialog answers with its `value`, and shows `label` and `detail`.

    `key` chooses it in a menu. `blocked` is why it can't be chosen, or empty. The one with `rest`
    expands the choices that don't show at first; its `value` is the first.
    """

    value: V
    label: str
    detail: str = ""
    key: str = ""
    blocked: str = ""
    rest: bool = False


def menu_choice(key: str, label: str, detail: str = "", blocked: str = "") -> Choice[str]:
    """Return the choice whose value is its key."""
    return Choice(key, label, detail, key, blocked)


def choices_of(rows: Iterable[R], columns: Sequence[Column[R]]) -> tuple[Choice[R], ...]:
    """Return a choice per row, which a search finds by the texts of the columns."""
    shown = [column.text for column in columns if column.searched]
    return tuple(Choice(row, "", "\n".join(text(row) for text in shown)) for row in rows)


def columns_of(columns: Iterable[Column[R]]) -> tuple[Column[Choice[R]], ...]:
    """Return the columns of rows as columns of choices whose values are the rows."""

    def inside(read: Callable[..., Any] | None) -> Any:
        return read and (lambda choice, *more: read(choice.value, *more))

    reads = ("text", "style", "fit", "parts", "sort_key", "reach")
    found = []
    for column in columns:
        # None of the columns here is left out for its rows.
        changes = {name: inside(getattr(column, name)) for name in reads}
        found.append(cast("Column[Choice[R]]", replace(column, **changes)))
    return tuple(found)


COLUMNS: tuple[Column[Choice[Any]], ...] = (
    Column(
        "key",
        "",
        lambda choice: short_key_label(choice.key) if choice.key else "",
        style=lambda choice: "muted" if choice.blocked else "accent",
        most=6,
        needed=some(lambda choice: choice.key),
    ),
    Column(
        "label",
        "",
        lambda choice: choice.label,
        style=lambda choice: "muted" if choice.blocked else "",
        least=16,
        most=44,
        spill="detail",
    ),
    Column("detail", "", lambda choice: choice.blocked or choice.detail, style=lambda _: "muted"),
)


class Choose(Dialog[V]):
    """Answers with the value of the chosen row.

    Without `choices`, call `fill` later. If they have keys, it is a menu without a search: each key
    chooses its row. `cancel` adds a row, which then has the cursor.
    `opened_by` is the key that opened a menu: it chooses nothing. `notes` returns lines about a
    value, shown in `note_lines` lines below the list. With `show`, Enter calls it with a value, and
    the list stays open.
    """

    SCOPE = "choose"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    SHARE = 0.96

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice[V]] | None,
        *,
        text: str = "",
        listing: Sequence[str] = (),
        current: V | None = None,
        columns: Sequence[Column[Choice[V]]] = COLUMNS,
        gives: Gives = (),
        key: Callable[[Choice[V]], Hashable] = lambda choice: cast("Hashable", choice.value),
        searched: Callable[[Choice[V]], Searchable] | None = None,
        filter_keys: FilterKeys[Choice[V]] | None = None,
        placeholder: str = "Type to search",
        empty: str = "Nothing to choose from.",
        notes: Callable[[V], Lines] | None = None,
        note_lines: int = 0,
        takes: str = "Choose",
        show: Callable[[V], object] | None = None,
        cancel: str = "",
        opened_by: str = "",
    ) -> None:
        super().__init__(title, text, listing=listing)
        self.takes = takes
        self._notes = notes
        self._note_lines = note_lines
        self._show = show
        self._opened_by = opened_by
        self._cancel = cast("tuple[Choice[V], ...]", (menu_choice(CANCEL, "Cancel", cancel),))
        if not cancel:
            self._cancel = ()
        shown = (*choices, *self._cancel) if choices is not None else None
        self.is_menu = any(one.key for one in shown or ())
        self._shown = shown or ()
        if self.is_menu and not note_lines and any(one.blocked for one in self._shown):
            self._note_lines = 2
        self._list: SearchList[Choice[V]] = SearchList(
            shown,
            columns,
            gives=gives,
            key=key,
            searched=searched or (lambda one: Searchable(one.label, texts=(one.detail,))),
            filter_keys=filter_keys,
            current=CANCEL if cancel else current,
            placeholder=placeholder,
            empty=empty,
            passed_on=("z",),
            is_menu=self.is_menu,
        )

    @property
    def row(self) -> Choice[V] | None:
        return self._list.row

    def compose_body(self) -> ComposeResult:
        yield self._list
        if self._note_lines:
            notes = Static("", id="notes", markup=False)
            notes.styles.height = self._note_lines
            yield notes

    def fill(
        self, choices: Sequence[Choice[V]], *, first: int | None = None, rest: str = ""
    ) -> None:
        """Show `choices` instead of the earlier ones.

        A search covers all of them. Without a search only the `first` ones show, and a row with
        the text `rest` expands the others.
        """
        if not self.is_open:
            return
        choices = self._shown = (*choices, *self._cancel)
        shown: Sequence[Choice[V]] | None = None
        if first is not None and first < len(choices):
            # Expanded, the list has the cursor on the first of the others.
            shown = (*choices[:first], Choice(choices[first].value, rest, rest=True))
        self._list.fill(choices, resting=shown)

    @dialog_action(
        "choose.take",
        "Choose",
        "enter",
        hint=30,
        priority=True,
        title_now=lambda dialog: dialog.takes,
    )
    def take(self) -> None:
        self._list.take()

    def on_key(self, event: events.Key) -> None:
        # These aren't actions, because each menu has other rows and keys.
        found = next((one for one in self._shown if one.key == event.key != CANCEL), None)
        if found is None or event.key == self._opened_by:
            return
        event.stop()
        self._list.go_to(found)
        self._take(found)

    def _take(self, choice: Choice[V]) -> None:
        if choice.rest:
            self.expand_rest()
        elif choice.key == CANCEL:
            self.dismiss(None)
        elif choice.blocked:
            self._show_notes()
        elif self._show is not None:
            self._show(choice.value)
        else:
            self.dismiss(choice.value)

    def _is_on_rest(self) -> bool:
        return self.row is not None and self.row.rest

    # In a search it is a letter like any other: it expands only on its own row.
    @dialog_action(
        "choose.unfold", "Show the others", "z", hint=28, priority=True, applies=_is_on_rest
    )
    def expand_rest(self) -> None:
        if self.row is not None:
            self._list.unfold(self._list.key_of(self.row))

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self._take(message.row)

    @on(SearchList.Highlighted)
    # A search may put another row under the cursor without moving it.
    @on(Table.Ordered)
    def _moved_on(self) -> None:
        self.refresh_bindings()
        self.show_position(self._list.position_text)
        self._show_notes()

    def _show_notes(self) -> None:
        row = self.row
        lines: Lines = ()
        if row is not None and row.blocked:
            lines = [(f"✕ {row.blocked}", "$bad")]
        elif row is not None and self._notes is not None and row.key != CANCEL:
            lines = self._notes(row.value)
        if self._note_lines:
            self.query_one("#notes", Static).update(
                Content("\n").join(
                    Content.styled(display_block(text, LONGEST_NOTE), style)
                    for text, style in lines
                )
            )
