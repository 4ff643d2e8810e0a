"""The messages of this session, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.state.messages import Message
from crmdeck.tui.text import display_block, display_text
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import Searchable

SIGNS = {"information": " ", "warning": "▲", "error": "✕"}
STATES = {"warning": "warn", "error": "error"}
SHOWN = 600

COLUMNS: tuple[Column[Message], ...] = (
    Column("at", "", lambda one: f"{one.at:%H:%M:%S}", style=lambda _: "muted", width=8),
    Column(
        "severity",
        "",
        lambda one: SIGNS.get(one.severity, " "),
        style=lambda one: STATES.get(one.severity, ""),
        width=1,
        searched=False,
    ),
    Column("text", "", lambda one: one.line),
)


class Messages(Dialog[Message]):
    """Answers with the message to copy."""

    SCOPE = "messages"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__("Messages (times in UTC)")
        self._list: SearchList[Message] = SearchList(
            messages,
            COLUMNS,
            searched=lambda one: Searchable(one.line, texts=(one.command,)),
            empty="No messages yet.",
        )

    def compose_body(self) -> ComposeResult:
        yield self._list
        yield Static("", id="whole", markup=False)

    @dialog_action("messages.take", "Copy command or text", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row)

    @on(SearchList.Highlighted)
    @on(Table.Ordered)
    def _show_whole(self) -> None:
        one = self._list.row
        if one is None:
            return
        lines = [Content(display_block(one.text, SHOWN))]
        if one.command:
            lines.append(Content.styled(display_text(f"$ {one.command}", SHOWN), "$muted"))
        self.query_one("#whole", Static).update(Content("\n").join(lines))
