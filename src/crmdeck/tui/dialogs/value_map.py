"""Edit the map of PartnerOS values to CRM values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import ValueChoice

NONE = ""
"""The choice for no counterpart."""


COLUMNS: tuple[Column[ValueChoice], ...] = (
    Column(
        "sign",
        "",
        lambda row: "○" if row.target is None else "✓",
        style=lambda row: "warn" if row.target is None else "ok",
        width=1,
    ),
    Column("value", "PartnerOS value", lambda row: row.label or row.value, least=12),
    Column("arrow", "", lambda _: "→", style=lambda _: "accent", width=1),
    Column(
        "target",
        "CRM value",
        lambda row: "no counterpart" if row.target is None else row.target_label or row.target,
        style=lambda row: "muted" if row.target is None else "strong",
        least=12,
    ),
    Column("how", "Found by", lambda row: row.how, style=lambda _: "muted", width=10),
)


class EditValueMap(Dialog[dict[str, str]]):
    """Answers with the map from PartnerOS values to CRM values, without those that have none.

    `targets` are the CRM values and their labels. The dialog opens empty: call `fill`.
    """

    SCOPE = "value map"

    def __init__(self, title: str, targets: Sequence[tuple[str, str]], *, text: str = "") -> None:
        super().__init__(title, text)
        self.rows: tuple[ValueChoice, ...] = ()
        self._suggested: tuple[ValueChoice, ...] = ()
        self._targets = dict(targets)

    def compose_body(self) -> ComposeResult:
        table: Table[ValueChoice] = Table(
            COLUMNS, key=lambda row: row.value, can_mark=False, empty=""
        )
        # The keys of the dialog move the cursor.
        table.can_focus = False
        yield table
        yield Static("", id="complete", markup=False)

    def fill(self, rows: Sequence[ValueChoice], suggested: Sequence[ValueChoice]) -> None:
        """Show the current map; `suggested` is the one to reset to."""
        self._suggested = tuple(suggested)
        self.rows = tuple(rows)
        # The values may be matched before the dialog is mounted, or after it was closed.
        if self.is_mounted and self.is_open:
            self._show_first_open()

    def on_mount(self) -> None:
        self._show_first_open()

    def _show_first_open(self) -> None:
        self._show(self.rows)
        open_ = [place for place, row in enumerate(self.rows) if row.target is None]
        self.query_one(Table).move_to(open_[0] if open_ else 0)

    @dialog_action("values.change", "Choose value", "enter", hint=40)
    def change(self) -> None:
        row: ValueChoice | None = self.query_one(Table).cursor_row
        if row is None:
            return
        choices = [Choice(value, label or value, value) for value, label in self._targets.items()]
        choices.append(Choice(NONE, "no counterpart", "not synced"))

        def on_submit(value: str | None) -> None:
            if value is not None:
                self._set(row, value or None)

        title = f"{row.label or row.value} becomes"
        self.app.push_screen(Choose(title, choices, current=row.target or NONE), on_submit)

    @dialog_action("values.clear", "No counterpart", "x", "delete", hint=36)
    def clear(self) -> None:
        row: ValueChoice | None = self.query_one(Table).cursor_row
        if row is not None:
            self._set(row, None)

    @dialog_action("values.save", "Save", "s", "ctrl+s", hint=38)
    def save(self) -> None:
        # Saving before the values are matched would store a map of nothing.
        if self.rows:
            self.dismiss({row.value: row.target for row in self.rows if row.target is not None})

    @dialog_action("values.reset", "Reset to suggestions", "u", hint=30)
    def reset(self) -> None:
        self._show(self._suggested)

    @dialog_action("values.down", "Next", "j", "down")
    def next_value(self) -> None:
        self.query_one(Table).next_row()

    @dialog_action("values.up", "Previous", "k", "up")
    def previous_value(self) -> None:
        self.query_one(Table).previous_row()

    @on(Table.Selected)
    def _double_clicked(self) -> None:
        self.change()

    def _set(self, row: ValueChoice, target: str | None) -> None:
        label = self._targets.get(target, "") if target is not None else ""
        changed = replace(row, target=target, target_label=label, how="by hand")
        self._show([changed if one.value == row.value else one for one in self.rows])
        self.next_value()

    def _show(self, rows: Sequence[ValueChoice]) -> None:
        self.rows = tuple(rows)
        self.query_one(Table).set_rows(self.rows)
        open_ = sum(row.target is None for row in rows)
        if not rows:
            text, style = "Matching values…", "$muted"
        elif open_:
            text, style = f"○ incomplete: {count(open_, 'value')} without a counterpart", "$warn"
        else:
            text, style = f"✓ complete: all {count(len(rows), 'value')} have a counterpart", "$good"
        self.query_one("#complete", Static).update(Content.styled(text, style))
