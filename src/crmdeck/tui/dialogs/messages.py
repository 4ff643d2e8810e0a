"""What was said so far, the latest first; Enter copies the command line that does the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
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
    Column("text", "", lambda one: one.line, weight=1),
)


class Messages(Dialog[Message]):
    """Answers with the message that is to be copied."""

    SCOPE = "messages"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__("What was said so far (UTC)")
        self._list: SearchList[Message] = SearchList(
            messages,
            COLUMNS,
            searched=lambda one: Searchable(one.line, texts=(one.command,)),
            empty="Nothing was said yet.",
        )

    def compose_body(self) -> ComposeResult:
        """Yield the messages, and the one under the cursor in full."""
        yield self._list
        yield Static("", id="whole", markup=False)

    def take(self) -> None:
        """Answer with the message under the cursor."""
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row)

    @on(SearchList.Highlighted)
    @on(Table.Ordered)
    def _tell(self) -> None:
        one = self._list.row
        if one is None:
            return
        lines = [Content(display_block(one.text, SHOWN))]
        if one.command:
            lines.append(Content.styled(display_text(f"$ {one.command}", SHOWN), "$muted"))
        self.query_one("#whole", Static).update(Content("\n").join(lines))

    ACTIONS: ClassVar[Actions] = (
        Action(
            "messages.take",
            "copy the command, or the text",
            ("enter",),
            take,
            hint=30,
            palette=False,
            priority=True,
        ),
    )
