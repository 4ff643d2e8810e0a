"""Which CRM value each PartnerOS value becomes, edited value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import ValueChoice

NONE = ""
"""What stands for no counterpart in the list to choose from."""


COLUMNS: tuple[Column[ValueChoice], ...] = (
    Column(
        "sign",
        "",
        lambda row: "○" if row.target is None else "✓",
        style=lambda row: "warn" if row.target is None else "ok",
        width=1,
    ),
    Column("value", "PartnerOS value", lambda row: row.label or row.value, min_width=12, weight=1),
    Column("arrow", "", lambda _: "→", style=lambda _: "accent", width=1),
    Column(
        "target",
        "CRM value",
        lambda row: "no counterpart" if row.target is None else row.target_label or row.target,
        style=lambda row: "muted" if row.target is None else "strong",
        min_width=12,
        weight=1,
    ),
    Column("how", "Found by", lambda row: row.how, style=lambda _: "muted", width=10),
)


class EditValueMap(Dialog[dict[str, str]]):
    """Answers with the map from PartnerOS values to CRM values, what has none left out.

    `targets` are the CRM values to choose from, with their labels. Opens empty: `fill` it.
    """

    SCOPE = "value map"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self,
        title: str,
        targets: Sequence[tuple[str, str]],
        *,
        text: str = "",
    ) -> None:
        super().__init__(title, text)
        self.rows: tuple[ValueChoice, ...] = ()
        self._suggested: tuple[ValueChoice, ...] = ()
        self._targets = dict(targets)

    def compose_body(self) -> ComposeResult:
        """Yield the values and how complete the map is."""
        table: Table[ValueChoice] = Table(
            COLUMNS, key=lambda row: row.value, can_mark=False, empty=""
        )
        table.can_focus = False
        yield table
        yield Static("", id="complete", markup=False)

    def fill(self, rows: Sequence[ValueChoice], suggested: Sequence[ValueChoice]) -> None:
        """Show the map as it is, and know what is suggested."""
        self._suggested = tuple(suggested)
        self.rows = tuple(rows)
        if self.is_mounted and self.is_open:
            self._show(self.rows)

    def on_mount(self) -> None:
        """Show what is known by now."""
        self._show(self.rows)

    def change(self) -> None:
        """Choose the CRM value of the line."""
        row: ValueChoice | None = self.query_one(Table).cursor_row
        if row is None:
            return
        choices = [Choice(value, label or value, value) for value, label in self._targets.items()]
        choices.append(Choice(NONE, "no counterpart", "values like this are not written"))

        def chosen(value: str | None) -> None:
            if value is not None:
                self._set(row, value or None)

        title = f"{row.label or row.value} becomes"
        self.app.push_screen(Choose(title, choices, current=row.target or NONE), chosen)

    def clear(self) -> None:
        """Leave the value without a counterpart."""
        row: ValueChoice | None = self.query_one(Table).cursor_row
        if row is not None:
            self._set(row, None)

    def reset(self) -> None:
        """Put everything back to what is suggested."""
        self._show(self._suggested)

    def save(self) -> None:
        """Answer with the map, once there is one."""
        if not self.rows:
            return
        self.dismiss({row.value: row.target for row in self.rows if row.target is not None})

    def next_value(self) -> None:
        """Go to the next value."""
        self.query_one(Table).next_row()

    def previous_value(self) -> None:
        """Go to the previous value."""
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
            text, style = "matching the values…", "$muted"
        elif open_:
            text, style = f"○ incomplete: {count(open_, 'value')} without a counterpart", "$warn"
        else:
            text, style = f"✓ complete: all {count(len(rows), 'value')} have a counterpart", "$good"
        self.query_one("#complete", Static).update(Content.styled(text, style))

    ACTIONS: ClassVar[Actions] = (
        Action("values.change", "choose value", ("enter",), change, hint=40, palette=False),
        Action("values.clear", "no counterpart", ("x", "delete"), clear, hint=36, palette=False),
        Action("values.save", "save", ("s", "ctrl+s"), save, hint=38, palette=False),
        Action("values.reset", "as suggested", ("u",), reset, hint=30, palette=False),
        Action("values.down", "next", ("j", "down"), next_value, palette=False),
        Action("values.up", "previous", ("k", "up"), previous_value, palette=False),
    )
