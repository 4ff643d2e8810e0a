"""Choose the CRM field of a line: what the ranker offers first, then any field of the object."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.searched import SearchedList
from crmdeck.tui.filtering import one_of, yes_no
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import FieldChoice

COLUMNS: tuple[Column[FieldChoice], ...] = (
    Column(
        "name",
        "CRM field",
        lambda option: option.name,
        style=lambda option: "muted" if option.holder else "strong" if option.sure else "",
        min_width=16,
        weight=5,
    ),
    Column("label", "Label", lambda option: option.label, style=lambda _: "muted", weight=4),
    Column("type", "Type", lambda option: option.type, width=14, shrink_to=8),
    Column("sure", "Sure", lambda option: option.sure, width=4, align="right", searched=False),
)
NOTES = 4


class ChooseField(SearchedList[str]):
    """Answers with the name of a CRM field; `notes` says of one what is to be known of it."""

    SCOPE = "choose field"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    ACTIONS: ClassVar[Actions] = (
        Action("field.take", "choose", ("enter",), hint=30, palette=False, priority=True),
    )
    FILTER_KEYS: ClassVar = {
        "type": lambda option, wanted: one_of(option.type, wanted),
        "custom": lambda option, wanted: yes_no(option.custom, wanted),
        "required": lambda option, wanted: yes_no(option.required, wanted),
    }
    SEARCH_FOR = "type to search name, label, type:picklist"
    EMPTY = "This object has no fields."

    def __init__(
        self,
        title: str,
        options: Sequence[FieldChoice],
        *,
        text: str = "",
        current: str | None = None,
        notes: Callable[[str], Sequence[tuple[str, str]]] = lambda _: (),
    ) -> None:
        super().__init__(title, options, COLUMNS, text=text, current=current)
        self._notes = notes

    def key_of(self, row: FieldChoice) -> Hashable:
        """Return the name."""
        return row.name

    def searched(self, row: FieldChoice) -> Iterable[str]:
        """Return name, label and type."""
        return row.name, row.label, row.type

    def compose_body(self) -> ComposeResult:
        """Yield the search line, the fields, and what is to be known of the one chosen."""
        yield from super().compose_body()
        yield Static("", id="notes", markup=False)

    def take(self) -> None:
        """Answer with the field under the cursor."""
        option: FieldChoice | None = self.row
        if option is not None and not option.holder:
            self.dismiss(option.name)

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        option: FieldChoice | None = message.row
        self.query_one("#notes", Static).update(self._note(option))

    def _note(self, option: FieldChoice | None) -> Content:
        if option is None:
            return Content("")
        if option.holder:
            text = f"✕ mapped to {option.holder} already: change that line first"
            return Content.styled(display_text(text, 200), "$bad")
        notes = [(option.why, "$muted")] if option.why else []
        notes += self._notes(option.name)
        return Content("\n").join(
            Content.styled(display_text(text, 200), style) for text, style in notes[:NOTES]
        )
