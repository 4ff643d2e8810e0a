"""Choose one of a list, with a search that narrows it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.searched import SearchedList
from crmdeck.tui.widgets.table import Column


@dataclass(frozen=True)
class Choice:
    """One thing to choose: `value` is the answer, `label` and `detail` what is shown."""

    value: Any
    label: str
    detail: str = ""


COLUMNS: tuple[Column[Choice], ...] = (
    Column("label", "", lambda choice: choice.label, weight=2),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", weight=3),
)


class Choose(SearchedList[Any]):
    """Answers with the value of the chosen line. Any number of choices; None: `fill` follows."""

    SCOPE = "choose"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    ACTIONS: ClassVar[Actions] = (
        Action("choose.take", "choose", ("enter",), hint=30, palette=False, priority=True),
    )

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice] | None,
        *,
        text: str = "",
        current: Any = None,
        columns: Sequence[Column[Choice]] = COLUMNS,
    ) -> None:
        super().__init__(title, choices, columns, text=text, current=current)

    def key_of(self, row: Choice) -> Hashable:
        """Return the value, which has to be hashable."""
        value: Hashable = row.value
        return value

    def searched(self, row: Choice) -> Iterable[str]:
        """Return label and detail, whatever the columns show of them."""
        return row.label, row.detail

    def take(self) -> None:
        """Answer with the line under the cursor."""
        if self.row is not None:
            self.dismiss(self.row.value)
