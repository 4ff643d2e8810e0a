"""Which component classes a table has, and how they become styles."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

from crmdeck.tui.widgets.table.rendering import Look

STATES = ("ok", "warn", "error", "muted", "strong", "accent", "info")
"""The states a cell can be in; `Column.style` names one of them."""

COMPONENTS = {
    "table--header",
    "table--header-sorted",
    "table--cursor",
    "table--sign",
    "table--marked",
    "table--match",
    "table--empty",
    *(f"table--{state}" for state in STATES),
}


def look_of(table: Widget) -> Look:
    """Return the styles that `table` has in the theme, focus and state of now.

    The cursor's own text colour wins over that of a state only where the theme sets one, so
    that states keep their colour under a tinted cursor and stay legible under a solid one.
    """

    def ground(name: str) -> Style:
        full = table.get_component_rich_style(name)
        partial = table.get_component_rich_style(name, partial=True)
        return Style(bgcolor=full.bgcolor) + partial.without_color + Style(color=partial.color)

    def accent(name: str) -> Style:
        return table.get_component_rich_style(name, partial=True)

    states = {state: accent(f"table--{state}") for state in STATES}
    none = Style()
    return Look(
        base=table.rich_style,
        header=table.rich_style + ground("table--header"),
        header_sorted=table.rich_style + ground("table--header-sorted"),
        cursor=ground("table--cursor"),
        sign=accent("table--sign"),
        marked=ground("table--marked"),
        match=accent("table--match"),
        empty=table.rich_style + accent("table--empty"),
        state=lambda name: states.get(name, none),
    )
