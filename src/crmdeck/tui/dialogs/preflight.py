"""The result of a preflight, or of a sync: a sentence, a bar, and the causes with details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.model import Outcome
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.marks import STATE_COLORS
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.tui.widgets.table.columns import some
from crmdeck.workspace import OUTCOME_SIGNS, Part

NOTE = 400
"""Characters of a note shown."""

OUTCOME_STYLES = {
    Outcome.REJECTED: "error",
    Outcome.UNLESS_AUTOMATION: "warn",
    Outcome.UNLESS_USER: "warn",
    Outcome.CHANGED: "",
    Outcome.UNKNOWN: "muted",
}
"""State of each outcome of preflight."""


@dataclass(frozen=True)
class ResultRow:
    """One cause: the row of the mapping, how many records, why in short, and notes about it.

    Without an `outcome`, the schema isn't the cause. `message` is about the cause, for a person.
    """

    number: int
    outcome: Outcome | None
    name: str
    words: str
    count: str = ""
    notes: tuple[str, ...] = ()
    message: str = ""

    @property
    def sign(self) -> str:
        return "•" if self.outcome is None else OUTCOME_SIGNS[self.outcome]

    @property
    def style(self) -> str:
        return "muted" if self.outcome is None else OUTCOME_STYLES[self.outcome]


@dataclass(frozen=True)
class Result:
    """A preflight as its dialog shows it; `notes` are sentences below the summary.

    `opened` shows what is behind the row of that number, `export` writes the preflight to a file.
    """

    summary: str
    rows: tuple[ResultRow, ...]
    opened: Callable[[int], object]
    export: Callable[[ShowPreflight], object]
    bar: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()


COLUMNS: tuple[Column[ResultRow], ...] = (
    Column("sign", "", lambda row: row.sign, style=lambda row: row.style, width=1),
    Column(
        "count", "", lambda row: row.count, align="right", most=12, needed=some(lambda r: r.count)
    ),
    Column(
        "name",
        "",
        lambda row: row.name,
        style=lambda _: "strong",
        least=16,
        most=60,
        fit=lambda row, width: cut_middle(row.name, width),
    ),
    Column("words", "", lambda row: row.words, style=lambda row: row.style, least=16),
)
GIVES = (("name", 16),)
"""Names stay whole while they can: the details have the reason whole."""


def cells_of(counts: Sequence[int], width: int) -> list[int]:
    """Return the cells of each part of a bar that fills `width`: at least 1 each, if they fit."""
    total, counted, done, cells = sum(counts), 0, 0, []
    for place, each in enumerate(counts, 1):
        counted += each
        end = min(max(done + 1, round(width * counted / total)), width - (len(counts) - place))
        cells.append(max(0, end - done))
        done += cells[-1]
    return cells


class ShareBar(Widget):
    """Parts as one bar of full width, and below it a sign and a count for each."""

    SIGNS: ClassVar[dict[str, tuple[str, str]]] = {
        "bad": ("✕", STATE_COLORS["error"]),
        "warn": ("▲", STATE_COLORS["warn"]),
        "note": ("~", "$accent"),
        "": ("?", STATE_COLORS["muted"]),
        "good": ("✓", STATE_COLORS["ok"]),
    }

    def __init__(self) -> None:
        super().__init__(id="bar")
        self.parts: tuple[Part, ...] = ()
        self.display = False

    def show(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(part for part in parts if part.count)
        self.display = bool(self.parts)
        self.refresh(layout=True)

    def render(self) -> Content:
        cells = cells_of([part.count for part in self.parts], self.size.width)
        bar = [
            Content.styled("█" * each, self.SIGNS[part.mark][1])
            for each, part in zip(cells, self.parts, strict=True)
        ]
        legend = []
        for part in self.parts:
            sign, color = self.SIGNS[part.mark]
            legend.append(Content.styled(f"{sign} {part.count:,} {part.label}", color))
        return Content("\n").join([Content("").join(bar), Content("  ").join(legend)])


class ShowPreflight(Dialog[None]):
    """Shows a preflight once `fill` is called. `opens` is the title of Enter."""

    SCOPE = "preflight"

    def __init__(self, title: str, *, opens: str, waiting: str = "") -> None:
        super().__init__(title)
        self.result: Result | None = None
        self.opens = opens
        self._waiting = waiting

    def compose_body(self) -> ComposeResult:
        yield Static(self._waiting, id="summary", markup=False)
        yield ShareBar()
        table = Table(COLUMNS, gives=GIVES, key=lambda row: row.number, can_mark=False, empty="")
        # The keys of the dialog move the cursor.
        table.can_focus = False
        yield table
        yield Static("", id="notes", markup=False)

    def on_mount(self) -> None:
        if self.result is not None:
            self._show(self.result)

    def fill(self, result: Result) -> None:
        self.result = result
        # The result may come before the dialog is mounted, or after it was closed.
        if self.is_mounted and self.is_open:
            self._show(result)

    def _show(self, result: Result) -> None:
        lines = [Content(display_text(result.summary, NOTE))]
        lines += [Content.styled(display_text(note, NOTE), "$muted") for note in result.notes]
        self.query_one("#summary", Static).update(Content("\n").join(lines))
        self.query_one(ShareBar).show(result.bar)
        table = self.query_one(Table)
        table.set_rows(result.rows)
        if not result.rows:
            table.display = False
            # The frame has a fixed height for a list, which would be empty.
            self.query_one(".dialog").styles.height = "auto"
        self._show_notes()
        self.refresh_bindings()

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence instead of the notes until the cursor moves."""
        color = "$bad" if failed else "$good"
        self.query_one("#notes", Static).update(Content.styled(display_text(text, NOTE), color))

    @property
    def row(self) -> ResultRow | None:
        row: ResultRow | None = self.query_one(Table).cursor_row
        return row

    def _why_no_row(self) -> str | None:
        if self.result is None:
            return "Still running."
        return None if self.result.rows else "Nothing fails."

    @dialog_action(
        "preflight.open",
        "Open",
        "enter",
        help="Open the row, or the values behind a cause.",
        hint=40,
        blocked=_why_no_row,
        title_now=lambda dialog: dialog.opens,
    )
    def open_row(self) -> None:
        if self.result is not None and self.row is not None:
            self.result.opened(self.row.number)

    @dialog_action(
        "preflight.message",
        "Copy message",
        "y",
        help="Copy a message about this cause.",
        hint=38,
        applies=lambda dialog: dialog.row is not None and bool(dialog.row.message),
    )
    def copy_message(self) -> None:
        if self.row is not None:
            self.app.copy_to_clipboard(self.row.message)
            self.say("Copied a message about this cause.")

    @dialog_action(
        "preflight.export",
        "Export",
        "e",
        help="Write a report, or every finding, to a file.",
        hint=36,
        blocked=lambda dialog: "Still running." if dialog.result is None else None,
    )
    def export(self) -> None:
        if self.result is not None:
            self.result.export(self)

    @dialog_action("preflight.down", "Next", "j", "down")
    def next_cause(self) -> None:
        self.query_one(Table).next_row()

    @dialog_action("preflight.up", "Previous", "k", "up")
    def previous_cause(self) -> None:
        self.query_one(Table).previous_row()

    @on(Table.Selected)
    def _double_clicked(self) -> None:
        self.open_row()

    @on(Table.Highlighted)
    def _show_notes(self) -> None:
        notes = () if self.row is None else self.row.notes
        self.query_one("#notes", Static).update(
            Content("\n").join(
                Content.styled(display_text(note, NOTE), "$muted" if number else "")
                for number, note in enumerate(notes)
            )
        )
