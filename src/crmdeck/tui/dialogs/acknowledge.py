"""Acknowledge changes: mark some, and write a note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.model import Severity
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS, SEVERITY_STATES
from crmdeck.tui.text import count
from crmdeck.tui.widgets.inputs import LineInput
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column

KEYS = {Severity.BREAKING: "b", Severity.RISKY: "r", Severity.SAFE: "s"}


class ChangeRow(NamedTuple):
    """Changes that are acknowledged together, by id: their worst severity, and what happened."""

    ids: tuple[str, ...]
    severity: Severity
    text: str


class ChosenChanges(NamedTuple):
    """The IDs of the acknowledged changes, and the note."""

    ids: tuple[str, ...]
    note: str


class Acknowledge(Dialog[ChosenChanges]):
    """Lists changes by severity, each with a mark.

    Breaking changes begin without one if there are others, unless the user chose `every` row.
    """

    SCOPE = "acknowledge"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    AUTO_FOCUS = ""
    SHARE = 0.96

    def __init__(self, rows: Sequence[ChangeRow], *, every: bool = False) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: -row.severity.rank))
        number = sum(len(row.ids) for row in self.rows)
        super().__init__(f"Acknowledge {count(number, 'change')}", "u undoes it.")
        others = [row for row in self.rows if row.severity is not Severity.BREAKING]
        self.marked = set(self.rows if every or not others else others)
        columns = (
            Column[ChangeRow](
                "mark", "", lambda row: "[x]" if row in self.marked else "[ ]", width=3
            ),
            Column[ChangeRow](
                "severity",
                "",
                lambda row: SEVERITY_SIGNS[row.severity],
                style=lambda row: SEVERITY_STATES[row.severity],
                width=1,
            ),
            Column[ChangeRow](
                "text",
                "",
                lambda row: row.text,
                style=lambda row: "" if row in self.marked else "muted",
            ),
        )
        self._list = SearchList(self.rows, columns, key=lambda row: row.ids, is_menu=True)
        self._note = LineInput(placeholder="note for your team (optional)", compact=True)

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs of the marked changes."""
        marked = (row for row in self.rows if row in self.marked)
        return tuple(dict.fromkeys(id_ for row in marked for id_ in row.ids))

    def compose_body(self) -> ComposeResult:
        yield Static("", id="severities", markup=False)
        yield self._list
        yield self._note

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        if len(self.rows) == 1:
            # There is nothing to choose.
            self.call_after_refresh(self._note.focus)

    def _show(self) -> None:
        found = Counter(row.severity for row in self.rows)
        parts = []
        for severity, key in KEYS.items():
            if severity in found and len(self.rows) > 1:
                marked = sum(row.severity is severity for row in self.marked)
                text = f"{key} {SEVERITY_SIGNS[severity]} {marked} of {found[severity]} {severity}"
                parts.append(Content.styled(text, SEVERITY_COLORS[severity]))
        summary = self.query_one("#severities", Static)
        summary.update(Content("   ").join(parts))
        summary.display = bool(parts)
        self._list.fill(self.rows)
        self.refresh_bindings()

    @dialog_action(
        "acknowledge.take",
        "Acknowledge",
        "enter",
        hint=30,
        priority=True,
        blocked=lambda dialog: None if dialog.marked else "Mark a change first: Space marks it.",
        title_now=lambda dialog: f"Acknowledge {len(dialog.ids):,}",
    )
    def take(self) -> None:
        self.once_typed(self._take)

    def _take(self) -> None:
        self.dismiss(ChosenChanges(self.ids, self._note.value.strip()))

    @dialog_action("acknowledge.mark", "Mark", "space", hint=28)
    def mark(self) -> None:
        if (row := self._list.row) is not None:
            self.marked ^= {row}
            self._show()
            self._list.next_row()

    @dialog_action("acknowledge.breaking", "Breaking", "b", help="Mark all breaking, or none.")
    def mark_breaking(self) -> None:
        self._turn(Severity.BREAKING)

    @dialog_action("acknowledge.risky", "Risky", "r", help="Mark all risky, or none.")
    def mark_risky(self) -> None:
        self._turn(Severity.RISKY)

    @dialog_action("acknowledge.safe", "Safe", "s", help="Mark all safe, or none.")
    def mark_safe(self) -> None:
        self._turn(Severity.SAFE)

    def _turn(self, severity: Severity) -> None:
        same = {row for row in self.rows if row.severity is severity}
        self.marked = self.marked - same if same <= self.marked else self.marked | same
        self._show()

    @dialog_action("acknowledge.note", "Note", "tab", hint=26, priority=True)
    def turn_note(self) -> None:
        (self._list if self._note.has_focus else self._note).focus()
