"""A field in full: its facts, and its picklist values as a table."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from crmdeck.model import PicklistValue
from crmdeck.tui.widgets.panel import Parts
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.tui.widgets.text_view import Draw, TextView

VALUE_COLUMNS: tuple[Column[tuple[int, PicklistValue]], ...] = (
    Column("value", "Value", lambda line: line[1].value, min_width=12, weight=1),
    Column(
        "label",
        "Label",
        lambda line: line[1].label if line[1].label != line[1].value else "",
        style=lambda _: "muted",
        min_width=10,
        weight=1,
    ),
    Column(
        "state",
        "",
        lambda line: " ".join(
            word
            for applies, word in ((line[1].default, "default"), (not line[1].active, "inactive"))
            if applies
        ),
        style=lambda line: "muted" if not line[1].active else "accent",
        width=8,
    ),
)

FEW = 6
"""Most values that need only a few lines."""


class FieldView(Parts):
    """Facts and values. The values are hidden if a field has none."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.facts = TextView(id="facts", classes="part")
        self.values: Table[tuple[int, PicklistValue]] = Table(
            VALUE_COLUMNS,
            key=lambda line: line[0],
            can_mark=False,
            empty="No values.",
            id="values",
            classes="part",
        )

    def compose(self) -> ComposeResult:
        yield self.facts
        yield self.values

    def show(self, facts: Draw, values: Sequence[PicklistValue], *, from_top: bool) -> None:
        """Show a field, scrolled to its start with `from_top`."""
        self.facts.show(facts, from_top=from_top)
        self.values.display = bool(values)
        self.set_class(bool(values), "-with-values")
        self.set_class(len(values) <= FEW, "-few")
        # If all labels equal their values, the values get the width of the labels.
        labeled = any(value.label != value.value for value in values)
        self.values.set_columns([one for one in VALUE_COLUMNS if labeled or one.id != "label"])
        self.values.set_rows(tuple(enumerate(values)), cursor=0 if from_top else None)

    @property
    def target(self) -> Widget:
        """The widget that gets the keys: the values, if any."""
        return self.values if self.values.display else self.facts
