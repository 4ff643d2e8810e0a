"""Choose one of a list, with a search that narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import Searchable


@dataclass(frozen=True)
class Choice:
    """One thing to choose: `value` is the answer, `label` and `detail` what is shown."""

    value: Any
    label: str
    detail: str = ""


LEAST_LABEL, MOST_LABEL = 16, 44


def columns_for(choices: Sequence[Choice]) -> tuple[Column[Choice], ...]:
    """Return the columns: labels are whole, what is said of them has the rest."""
    longest = max((cell_len(display_text(one.label)) for one in choices), default=0)
    return (
        Column(
            "label",
            "",
            lambda choice: choice.label,
            width=min(MOST_LABEL, max(LEAST_LABEL, longest)),
            spill="detail",
        ),
        Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted"),
    )


REST = object()
"""The value of the line that stands for the choices that do not show at first."""


def _is_on_rest(dialog: Choose) -> bool:
    return dialog.row is not None and dialog.row.value is REST


class Choose(Dialog[Any]):
    """Answers with the value of the chosen line, which has to be hashable.

    Any number of choices; with None for them `fill` follows.
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
        """The line under the cursor."""
        return self._list.row

    def compose_body(self) -> ComposeResult:
        """Yield the list."""
        yield self._list

    def fill(self, choices: Sequence[Choice], *, first: int | None = None, rest: str = "") -> None:
        """Show `choices`, in the place of those that were there.

        All are searched, but only the `first` ones show by themselves: a line that says `rest`
        stands for the others, and opens them.
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

    def unfold(self) -> None:
        """Show all choices."""
        self._list.unfold(self._after)

    def take(self) -> None:
        """Answer with the line under the cursor."""
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        if message.row.value is REST:
            self.unfold()
        else:
            self.dismiss(message.row.value)

    @on(SearchList.Highlighted)
    def _moved_on(self) -> None:
        self.refresh_bindings()

    ACTIONS: ClassVar[Actions] = (
        Action("choose.take", "choose", ("enter",), take, hint=30, palette=False, priority=True),
        # In a search it is a letter like any other: it unfolds only on the line that it is for.
        Action(
            "choose.unfold",
            "show the others",
            ("z",),
            unfold,
            hint=28,
            palette=False,
            priority=True,
            applies=_is_on_rest,
        ),
    )
