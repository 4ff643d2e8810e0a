"""Choose the CRM field of a line: what the ranker offers first, then any field of the object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from crmdeck.tui.actions import Action
from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.filtering import KeyTest, compile_filter, one_of, yes_no
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput
from crmdeck.tui.widgets.table import Column, Table


@dataclass(frozen=True)
class FieldOption:
    """One CRM field: `sure` and `why` are empty where the ranker does not offer it.

    `holder` is the PartnerOS field that it is mapped to already; it can't be chosen then.
    """

    name: str
    label: str
    type: str
    sure: str = ""
    why: str = ""
    holder: str = ""
    custom: bool | None = None
    required: bool | None = None


COLUMNS: tuple[Column[FieldOption], ...] = (
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
KEYS: dict[str, KeyTest[FieldOption]] = {
    "type": lambda option, wanted: one_of(option.type, wanted),
    "custom": lambda option, wanted: yes_no(option.custom, wanted),
    "required": lambda option, wanted: yes_no(option.required, wanted),
}
NOTES = 4


class ChooseField(Dialog[str]):
    """Answers with the name of a CRM field; `notes` says of one what is to be known of it."""

    SCOPE = "choose field"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("field.take", "choose", ("enter",), hint=30, palette=False, priority=True),
        Action("field.down", "next", ("down",), hint=20, palette=False, priority=True),
        Action("field.up", "previous", ("up",), palette=False, priority=True),
        Action("field.page_down", "next page", ("pagedown",), palette=False, priority=True),
        Action("field.page_up", "previous page", ("pageup",), palette=False, priority=True),
    )

    def __init__(
        self,
        title: str,
        options: Sequence[FieldOption],
        *,
        text: str = "",
        current: str | None = None,
        notes: Callable[[str], Sequence[tuple[str, str]]] = lambda _: (),
    ) -> None:
        super().__init__(title, text)
        self._options = tuple(options)
        self._current = current
        self._notes = notes

    def compose_body(self) -> ComposeResult:
        """Yield the search line, the fields, and what is to be known of the one chosen."""
        yield LineInput(placeholder="type to search name, label, type:picklist", compact=True)
        table: Table[FieldOption] = Table(
            COLUMNS,
            key=lambda option: option.name,
            can_mark=False,
            empty="This object has no fields.",
        )
        table.can_focus = False
        yield table
        yield Static("", id="notes", markup=False)

    def on_mount(self) -> None:
        """Fill the list, with the current field under the cursor."""
        self.query_one(Table).set_rows(self._options, cursor=self._current)
        self.query_one(LineInput).focus()

    def action_take(self) -> None:
        """Answer with the field under the cursor."""
        option: FieldOption | None = self.query_one(Table).cursor_row
        if option is not None and not option.holder:
            self.dismiss(option.name)

    def action_down(self) -> None:
        """Go to the next field."""
        self.query_one(Table).action_cursor_down()

    def action_up(self) -> None:
        """Go to the previous field."""
        self.query_one(Table).action_cursor_up()

    def action_page_down(self) -> None:
        """Go on by a page."""
        self.query_one(Table).action_page_down()

    def action_page_up(self) -> None:
        """Go back by a page."""
        self.query_one(Table).action_page_up()

    @on(Table.Selected)
    def _double_clicked(self) -> None:
        self.action_take()

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        option: FieldOption | None = message.row
        self.query_one("#notes", Static).update(self._note(option))

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        found = compile_filter(
            event.value,
            searched=lambda option: (option.name, option.label, option.type),
            keys=KEYS,
        )
        self.query_one(Table).set_filter(found.predicate, found.words)

    def _note(self, option: FieldOption | None) -> Content:
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
