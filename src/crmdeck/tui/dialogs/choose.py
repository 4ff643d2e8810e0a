"""Choose from a list with a search."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import Gives
from crmdeck.workspace import Searchable

V = TypeVar("V", bound=Hashable)


@dataclass(frozen=True)
class Choice(Generic[V]):
    """One choice. `value` is the answer, `label` and `detail` are shown.

    The one with `rest` expands the choices that don't show at first; its `value` is the first.
    """

    value: V
    label: str
    detail: str = ""
    rest: bool = False


COLUMNS: tuple[Column[Choice[Any]], ...] = (
    Column("label", "", lambda choice: choice.label, least=16, most=44, spill="detail"),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted"),
)


class Choose(Dialog[V]):
    """Answers with the value of the chosen row.

    Without `choices`, call `fill` later.
    """

    SCOPE = "choose"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice[V]] | None,
        *,
        text: str = "",
        current: V | None = None,
        columns: Sequence[Column[Choice[V]]] = COLUMNS,
        gives: Gives = (),
    ) -> None:
        super().__init__(title, text)
        self._list: SearchList[Choice[V]] = SearchList(
            choices,
            columns,
            gives=gives,
            key=lambda choice: choice.value,
            searched=lambda choice: Searchable(choice.label, texts=(choice.detail,)),
            current=current,
            passed_on=("z",),
        )

    @property
    def row(self) -> Choice[V] | None:
        return self._list.row

    def compose_body(self) -> ComposeResult:
        yield self._list

    def fill(
        self, choices: Sequence[Choice[V]], *, first: int | None = None, rest: str = ""
    ) -> None:
        """Show `choices` instead of the earlier ones.

        A search covers all of them. Without a search only the `first` ones show, and a row with
        the text `rest` expands the others.
        """
        if not self.is_open:
            return
        shown: Sequence[Choice[V]] | None = None
        if first is not None and first < len(choices):
            # Expanded, the list has the cursor on the first of the others.
            shown = (*choices[:first], Choice(choices[first].value, rest, rest=True))
        self._list.fill(choices, resting=shown)

    @dialog_action("choose.take", "Choose", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    def _is_on_rest(self) -> bool:
        return self.row is not None and self.row.rest

    # In a search it is a letter like any other: it expands only on its own row.
    @dialog_action(
        "choose.unfold", "Show the others", "z", hint=28, priority=True, applies=_is_on_rest
    )
    def expand_rest(self) -> None:
        if self.row is not None:
            self._list.unfold(self.row.value)

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        if message.row.rest:
            self.expand_rest()
        else:
            self.dismiss(message.row.value)

    @on(SearchList.Highlighted)
    def _moved_on(self) -> None:
        self.refresh_bindings()
