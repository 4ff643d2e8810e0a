"""Rows as strips of the terminal: made safe, cut, padded, styled and highlighted."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.style import Style as ContentStyle
from textual.widget import Widget

from crmdeck.tui.text import display_text, pad
from crmdeck.tui.widgets.table.columns import LAST, Column, Placed
from crmdeck.tui.widgets.table.order import Sort

R = TypeVar("R")

GUTTER = 2
"""Cells at the left for the cursor and the mark."""

CURSOR_SIGN = "▌"
MARK_SIGN = "✓"
RANGE_SIGN = "│"
MORE_SIGN = "›"
ASCENDING = "▲"
DESCENDING = "▼"


STATES = {
    "ok": "$good",
    "warn": "$warn",
    "error": "$bad",
    "muted": "$muted",
    "strong": "bold",
    "accent": "$mark",
    "info": "$info",
}
"""The style of each state of a cell; `Column.style` names one."""

# Only what has a background, or differs by theme: Textual styles each of them like a widget,
# whenever the table is styled.
COMPONENTS = {"table--header", "table--header-sorted", "table--cursor", "table--marked"}


@dataclass(frozen=True)
class Marks:
    """The keys of marked rows, and the position at which an open range starts."""

    keys: frozenset[Hashable] = frozenset()
    anchor: int | None = None

    def toggled(self, keys: Iterable[Hashable]) -> Marks:
        """Return the marks with `keys` marked, or unmarked if all of them were marked."""
        wanted = frozenset(keys)
        rest = self.keys - wanted if wanted <= self.keys else self.keys | wanted
        return Marks(rest, None)

    def range_from(self, position: int | None) -> Marks:
        """Return the marks with a range that starts at `position`; None means no range."""
        return Marks(self.keys, position)

    def span(self, cursor: int) -> range:
        """Return the positions of the open range, up to `cursor`."""
        if self.anchor is None:
            return range(0)
        return range(min(self.anchor, cursor), max(self.anchor, cursor) + 1)


@dataclass(frozen=True)
class RowState:
    """State of a row that changes its look."""

    cursor: bool = False
    marked: bool = False
    in_range: bool = False


@dataclass(frozen=True)
class Look:
    """The resolved styles of one table in one theme."""

    base: Style
    header: Style
    header_sorted: Style
    cursor: Style
    sign: Style
    marked: Style
    match: Style
    empty: Style
    state: Callable[[str], Style]


def look_of(table: Widget) -> Look:
    """Return the current styles of `table`, as theme, focus and state give them.

    The text color of the cursor replaces that of a state only if the theme sets one. So states
    keep their color under a tinted cursor, and stay legible under a solid one.
    """

    def ground(name: str) -> Style:
        full = table.get_component_rich_style(name)
        partial = table.get_component_rich_style(name, partial=True)
        return Style(bgcolor=full.bgcolor) + partial.without_color + Style(color=partial.color)

    def accent(style: str) -> Style:
        return ContentStyle.parse(style).rich_style

    # Rows of the previous connection are dimmed, because they can't be changed.
    is_left = any(node.has_class("-left") for node in table.ancestors)
    states = {state: accent("$muted" if is_left else style) for state, style in STATES.items()}
    none = Style()
    return Look(
        base=table.rich_style,
        header=table.rich_style + ground("table--header"),
        header_sorted=table.rich_style + ground("table--header-sorted"),
        cursor=ground("table--cursor"),
        sign=accent("$muted" if is_left else "bold $info"),
        marked=ground("table--marked"),
        match=accent("bold underline $warn"),
        empty=table.rich_style + accent("$muted"),
        state=lambda name: states.get(name, none),
    )


def row_strip(
    row: R, placed: Sequence[Placed[R]], state: RowState, words: Sequence[str], look: Look
) -> Strip:
    """Return `row` in its whole width, with the gutter."""
    ground = look.base
    if state.marked or state.in_range:
        ground += look.marked
    if state.cursor:
        ground += look.cursor
    mark = MARK_SIGN if state.marked else RANGE_SIGN if state.in_range else " "
    segments = [
        Segment(CURSOR_SIGN if state.cursor else " ", ground + look.sign),
        Segment(mark, ground + look.sign),
    ]
    index = 0
    while index < len(placed):
        place = placed[index]
        column = place.column
        if column.reach is not None:
            index = _reached(placed, index, column.reach(row))
        elif column.spill:
            index = _spilled(placed, index, column, cell_len(place.text(row)))
        width = placed[index].start + placed[index].width - place.start
        if column.parts is not None and width == place.width:
            segments += _parted(column.parts(row, width), width, state, ground, look)
        else:
            style = _styled(column.style(row) if column.style else "", state, ground, look)
            text = pad(
                display_text(place.text(row, width), width), width, right=column.align == "right"
            )
            segments += _highlighted(text, style, look.match, words if column.searched else ())
        if index < len(placed) - 1:
            segments.append(Segment(" " * _gap(placed, index), ground))
        index += 1
    return Strip(segments)


def _gap(placed: Sequence[Placed[R]], index: int) -> int:
    return placed[index + 1].start - placed[index].start - placed[index].width


def _styled(name: str, state: RowState, ground: Style, look: Look) -> Style:
    # Muted text would be too pale on the background of the cursor.
    if not name or (state.cursor and name == "muted"):
        return ground
    style = ground + look.state(name)
    return style + look.cursor if state.cursor else style


def _parted(
    parts: Iterable[tuple[str, str]], width: int, state: RowState, ground: Style, look: Look
) -> Iterable[Segment]:
    left = width
    for text, name in parts:
        shown = display_text(text, left)
        left -= cell_len(shown)
        yield Segment(shown, _styled(name, state, ground, look))
    yield Segment(" " * left, ground)


def _spilled(placed: Sequence[Placed[R]], index: int, column: Column[R], needed: int) -> int:
    """Return the index of the last place that a text of so many cells needs and may use."""
    start, last = placed[index].start, _reached(placed, index, column.spill)
    while index < last and placed[index].start + placed[index].width - start < needed:
        index += 1
    return index


def _reached(placed: Sequence[Placed[R]], index: int, column_id: str) -> int:
    if column_id == LAST:
        return len(placed) - 1
    ids = [place.column.id for place in placed]
    return max(index, ids.index(column_id)) if column_id in ids else index


def header_strip(placed: Sequence[Placed[R]], sort: Sort | None, look: Look) -> Strip:
    """Return the header line; the sorted column has a sign for its direction."""
    segments = [Segment(" " * GUTTER, look.header)]
    for index, place in enumerate(placed):
        column = place.column
        title, style = place.title, look.header
        if sort is not None and sort.column_id == column.id:
            sign = DESCENDING if sort.descending else ASCENDING
            title = f"{display_text(title, max(1, place.width - 2))} {sign}"
            style = look.header_sorted
        text = pad(display_text(title, place.width), place.width, right=column.align == "right")
        segments.append(Segment(text, style))
        if index < len(placed) - 1:
            segments.append(Segment(" " * _gap(placed, index), look.header))
    return Strip(segments)


def window(strip: Strip, left: int, width: int, sticky: int, ground: Style) -> Strip:
    """Return `width` cells of `strip` scrolled by `left`; its first `sticky` cells don't move."""
    if left <= 0:
        return strip.crop_extend(0, width, ground)
    kept = strip.crop(0, min(sticky, width))
    moved = strip.crop(sticky + left, max(sticky + left, left + width))
    return Strip.join([kept, moved]).crop_extend(0, width, ground)


def with_more(strip: Strip, width: int, look: Look) -> Strip:
    """Return the header line with a sign at its end: there is more to the right."""
    return Strip.join([strip.crop(0, width - 1), Strip([Segment(MORE_SIGN, look.header)])])


def _highlighted(text: str, style: Style, match: Style, words: Sequence[str]) -> Iterable[Segment]:
    folded = text.casefold() if words else ""
    # Case-folding makes some texts longer (ß becomes ss), so its places aren't those in `text`.
    if not words or len(folded) != len(text):
        return [Segment(text, style)]
    marks = sorted(found.span() for word in words for found in re.finditer(re.escape(word), folded))
    segments = []
    position = 0
    for start, stop in marks:
        if stop <= position:
            continue
        start = max(start, position)
        if start > position:
            segments.append(Segment(text[position:start], style))
        segments.append(Segment(text[start:stop], style + match))
        position = stop
    if position < len(text):
        segments.append(Segment(text[position:], style))
    return segments
