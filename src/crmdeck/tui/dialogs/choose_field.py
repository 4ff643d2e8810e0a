"""Choose the CRM field of a mapping: suggestions first, then all fields of the object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.filters import FilterKey, flag_key, text_key
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import FieldChoice, Searchable

LEAST_NAME, LEAST_LABEL = 16, 16
MOST_NAME, MOST_TYPE = 40, 40
MATCH = 5
NOTE = 400
"""Characters of a note shown."""


def columns_for(title: str) -> tuple[Column[FieldChoice], ...]:
    return (
        Column(
            "name",
            title,
            lambda option: option.name,
            style=lambda option: "muted" if option.holder else "strong" if option.match else "",
            least=LEAST_NAME,
            most=MOST_NAME,
            fit=lambda option, width: cut_middle(option.name, width),
        ),
        Column(
            "label",
            "Label",
            lambda option: option.label,
            style=lambda _: "muted",
            least=LEAST_LABEL,
        ),
        Column("type", "Type", lambda option: option.type, least=len("Type"), most=MOST_TYPE),
        Column(
            "sure", "Match", lambda option: option.match, width=MATCH, align="right", searched=False
        ),
    )


GIVES = (("label", 0), ("name", LEAST_NAME))
"""Names stay whole, because a note has the labels."""

FILTER_KEYS: dict[str, FilterKey[FieldChoice]] = {
    "type": text_key(lambda option: option.type),
    "custom": flag_key(lambda option: option.custom),
    "required": flag_key(lambda option: option.required),
}
NOTES = 5


class ChooseField(Dialog[str]):
    """Answers with the name of a field. `notes` returns lines of text and style for one."""

    SCOPE = "choose field"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        title: str,
        options: Sequence[FieldChoice],
        *,
        current: str | None = None,
        notes: Callable[[str], Sequence[tuple[str, str]]] = lambda _: (),
        column: str = "CRM field",
    ) -> None:
        super().__init__(title)
        self._notes = notes
        self._list = SearchList(
            options,
            columns_for(column),
            gives=GIVES,
            key=lambda option: option.name,
            searched=lambda option: Searchable(option.name, texts=(option.label, option.type)),
            filter_keys=FILTER_KEYS,
            current=current,
            placeholder="type to search name, label, type:picklist",
            empty="This object has no fields.",
        )

    @property
    def row(self) -> FieldChoice | None:
        return self._list.row

    def compose_body(self) -> ComposeResult:
        yield self._list
        yield Static("", id="notes", markup=False)

    @dialog_action("field.take", "Choose", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        option: FieldChoice = message.row
        if not option.holder:
            self.dismiss(option.name)

    @on(SearchList.Highlighted)
    def _highlighted(self) -> None:
        option = self.row
        lines: list[tuple[str, str]] = []
        if option is not None and option.holder:
            lines = [(f"✕ already mapped to {option.holder}: change that row first", "$bad")]
        elif option is not None:
            # The list may have had no room for the label.
            lines = [(f"{option.label}, {option.type}" if option.label else option.type, "")]
            lines += [(option.why, "$muted")] if option.why else []
            lines += self._notes(option.name)
        self.query_one("#notes", Static).update(
            Content("\n").join(
                Content.styled(display_text(text, NOTE), style) for text, style in lines[:NOTES]
            )
        )
