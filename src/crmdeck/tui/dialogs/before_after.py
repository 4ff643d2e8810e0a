"""Two values in full, side by side: lists by their entries, texts with the words that differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.model import AttributeChange
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.layout import BETWEEN, beside, rule
from crmdeck.tui.text import display_block, display_text
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.workspace import attribute_word, value_text

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
LONGEST = 100_000
"""Most characters of a value that are shown."""

MOST_COMPARED = 5_000
"""Most pieces that are compared, between those that both sides start and end with."""

LONG = 40
"""Characters from which a value is long."""


class BeforeAfter(Dialog[None]):
    """Shows both sides of all `changes`, below the names of the sides."""

    SCOPE = "before and after"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self,
        title: str,
        changes: Iterable[AttributeChange],
        sides: tuple[str, str] = ("before", "after"),
    ) -> None:
        super().__init__(title)
        self._changes = tuple(changes)
        self._sides = sides
        self._marked = [marked(_pieces(one.before), _pieces(one.after)) for one in self._changes]
        self._view = TextView()

    def compose_body(self) -> ComposeResult:
        yield Static("", id="both-sides", markup=False)
        yield self._view

    def on_mount(self) -> None:
        super().on_mount()
        self._view.show(self._draw)
        self._view.focus()

    def _draw(self, width: int) -> Content:
        cells = (width - len(BETWEEN)) // 2
        left, right = (Content.styled(display_text(side, cells), "bold") for side in self._sides)
        self.query_one("#both-sides", Static).update(beside(left, right, cells))
        lines: list[Content] = []
        for change, both in zip(self._changes, self._marked, strict=True):
            if len(self._changes) > 1:
                lines.append(rule(attribute_word(change.attribute), width))
            before, after = (Content("\n").join(side.wrap(cells)) for side in both)
            lines.append(beside(before, after, cells))
        return Content("\n").join(lines)

    @dialog_action("before_after.copy", "Copy both", "y", hint=30)
    def copy_both(self) -> None:
        blocks = [
            f"{attribute_word(change.attribute)}, {side}:\n" + "\n".join(_whole(value))
            for change in self._changes
            for side, value in zip(self._sides, (change.before, change.after), strict=True)
        ]
        self.app.copy_to_clipboard("\n\n".join(blocks))
        self.show_position("copied")

    @dialog_action("before_after.close", "Close", "enter", hint=20)
    def leave(self) -> None:
        self.dismiss(None)


def is_long(change: AttributeChange) -> bool:
    """True if a side of a change is longer than a cell of a table."""
    return any(len(value_text(side, LONG)) == LONG for side in (change.before, change.after))


def _whole(value: Any) -> list[str]:
    """Return the entries of a list, or a text as one entry."""
    if isinstance(value, list | tuple):
        return [value_text([one]) for one in value] or ["none"]
    return [value_text(value, listed=LONGEST)]


def _pieces(value: Any) -> list[str]:
    """Return the lines of a list, or the words, spaces and signs of a text."""
    if isinstance(value, list | tuple):
        return [display_text(line) + "\n" for line in _whole(value)]
    return _WORD.findall(display_block(_whole(value)[0], LONGEST))


def marked(before: Sequence[str], after: Sequence[str]) -> tuple[Content, Content]:
    """Return both sides with colors for the pieces that only one of them has."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    head, tail = "".join(before[:start]), "".join(before[len(before) - end :])
    left, right = before[start : len(before) - end], after[start : len(after) - end]
    # The time to compare grows with the square of the length: 50,000 pieces took 10 seconds.
    steps = [("replace", 0, len(left), 0, len(right))]
    if max(len(left), len(right)) <= MOST_COMPARED:
        steps = [*SequenceMatcher(None, left, right).get_opcodes()]
    olds = [("".join(left[i:j]), "" if tag == "equal" else "$bad") for tag, i, j, _, _ in steps]
    news = [("".join(right[i:j]), "" if tag == "equal" else "$good") for tag, _, _, i, j in steps]
    return (
        Content.assemble(head, *olds, tail).rstrip(),
        Content.assemble(head, *news, tail).rstrip(),
    )


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    both = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in both if a != b), min(len(one), len(other)))
