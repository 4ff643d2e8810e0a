"""A list of any length to look through and search, nothing to decide."""

from __future__ import annotations

from typing import ClassVar

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.searched import SearchedList


class Values(SearchedList[None]):
    """Shows `rows` under `columns`; what is typed narrows them to those that have the words."""

    SCOPE = "values"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    ACTIONS: ClassVar[Actions] = (
        Action("values.take", "close", ("enter",), hint=30, palette=False, priority=True),
    )
    EMPTY = ""

    def take(self) -> None:
        """Go back."""
        self.dismiss(None)
