"""Choose from a list with a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import action
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import longest
from crmdeck.workspace import Searchable


@dataclass(frozen=True)
class Choice:
    """One choice. `value` is the answer, `label` and `detail` are shown."""

    value: Any
    label: str
    detail: str = ""


LEAST_LABEL, MOST_LABEL = 16, 44


def columns_for(choices: Sequence[Choice]) -> tuple[Column[Choice], ...]:
    """Return the columns: whole labels, and the rest of the width for the details."""
    return (
        Column(
            "label",
            "",
            lambda choice: choice.label,
            width=longest((one.label for one in choices), LEAST_LABEL, MOST_LABEL),
            spill="detail",
        ),
        Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted"),
    )


REST = object()
"""The value of the row that stands for the choices not shown at first."""


class Choose(Dialog[Any]):
    """Answers with the value of the chosen row, which must be hashable.

    Without `choices`, call `fill` later.
    """

    SCOPE = "choose"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice] | None,
        *,
        text: str = "",
        current: Any = None,
        columns: Sequence[Column[Choice]] = (),
    ) -> None:
        super().__init__(title, text)
        self._columns = tuple(columns)
        self._after: Any = None
        self._list = SearchList(
            choices,
            self._columns or columns_for(choices or ()),
            key=lambda choice: choice.value,
            searched=lambda choice: Searchable(choice.label, texts=(choice.detail,)),
            current=current,
            passed_on=("z",),
        )

    @property
    def row(self) -> Choice | None:
        """The row under the cursor."""
        return self._list.row

    def compose_body(self) -> ComposeResult:
        yield self._list

    def fill(self, choices: Sequence[Choice], *, first: int | None = None, rest: str = "") -> None:
        """Show `choices` instead of the earlier ones.

        A search covers all of them. Without a search only the `first` ones show, and a row with
        the text `rest` expands the others.
        """
        if not self.is_open:
            return
        shown: Sequence[Choice] | None = None
        if first is not None and first < len(choices):
            self._after = choices[first].value
            shown = (*choices[:first], Choice(REST, rest))
        if not self._columns:
            self._list.set_columns(columns_for(choices))
        self._list.fill(choices, resting=shown)

    @action("choose.take", "Choose", "enter", hint=30, palette=False, priority=True)
    def take(self) -> None:
        self._list.take()

    def _is_on_rest(self) -> bool:
        return self.row is not None and self.row.value is REST

    # In a search it is a letter like any other: it expands only on its own row.
    @action(
        "choose.unfold",
        "Show the others",
        "z",
        hint=28,
        palette=False,
        priority=True,
        applies=_is_on_rest,
    )
    def expand_rest(self) -> None:
        self._list.unfold(self._after)

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        if message.row.value is REST:
            self.expand_rest()
        else:
            self.dismiss(message.row.value)

    @on(SearchList.Highlighted)
    def _moved_on(self) -> None:
        self.refresh_bindings()
