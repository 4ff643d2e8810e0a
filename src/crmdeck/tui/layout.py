"""Layout of text in cells: wrapped, or in two columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells
from textual.content import Content

from crmdeck.tui.text import display_block, display_text, pad

# Of two underscores only the second ends a piece: `Amount__`, then `c`.
_SEPARATED = re.compile(r"(?<=[/.\\_?&=-])(?!_)")

BETWEEN = " │ "
"""What separates two texts side by side."""

LONGEST_VALUE = 1200
"""Most characters of a value that are shown; `y` copies all of it."""


def wrap(text: str, width: int) -> list[str]:
    """Return `text`, made safe, as lines of at most `width` cells, broken between words."""
    width = max(4, width)
    return [
        line
        for paragraph in display_block(text, LONGEST_VALUE).split("\n")
        for line in _wrap_line(paragraph, width)
    ]


def hanging(label: Content, value: str | Content, width: int) -> Content:
    """Return a label, and next to it a value whose lines are aligned."""
    indent = label.cell_length
    room = max(8, width - indent)
    lines = [*map(Content, wrap(value, room))] if isinstance(value, str) else value.wrap(room)
    return Content.assemble(label, Content("\n" + " " * indent).join(lines))


def labeled(label: str, value: str | Content, width: int, cells: int) -> Content:
    """Return a muted label of `cells` cells, and next to it a value whose lines are aligned."""
    return hanging(Content.styled(pad(label, cells), "$muted"), value, width)


def rule(title: str, width: int) -> Content:
    """Return the title of a section, with a rule up to `width` cells."""
    shown = display_text(title, max(4, width - 2))
    line = "─" * max(0, width - cell_len(shown) - 1)
    return Content.assemble((shown, "bold $info"), " ", (line, "$border-blurred"))


def beside(left: Content, right: Content, cells: int) -> Content:
    """Return two texts side by side; lines of the left one have at most so many cells."""
    lines = zip_longest(left.split("\n"), right.split("\n"), fillvalue=Content(""))
    return Content("\n").join(
        Content.assemble(
            one, " " * max(0, cells - one.cell_length), (BETWEEN, "$border-blurred"), other
        )
        for one, other in lines
    )


def wrap_hanging(text: str, width: int, hang: int) -> str:
    """Return `text`, made safe, in wrapped lines, all but the first indented by `hang` cells.

    The first `hang` characters are a label or a sign, and are not wrapped.
    """
    at = hang + len(text[hang:]) - len(text[hang:].lstrip(" "))
    label, lines = display_text(text[:at]), wrap(text[at:], width - at)
    return "\n".join([f"{label}{lines[0]}", *(f"{' ' * hang}{line}" for line in lines[1:])])


LABEL = 13
GAP = 2


def half(width: int, label_cells: int = LABEL) -> int:
    """Return the cells of each of two columns next to a label."""
    return (width - label_cells - GAP) // 2


def side_by_side(
    label: str,
    left: Sequence[tuple[str, str]],
    right: Sequence[tuple[str, str]],
    width: int,
    label_cells: int = LABEL,
    left_cells: int | None = None,
) -> Iterator[Content]:
    """Yield the lines of two columns of (safe text, style) next to a label.

    The left one has `left_cells`, by default half of the width.
    """
    cells = left_cells if left_cells is not None else half(width, label_cells)
    for index, (one, other) in enumerate(zip_longest(left, right, fillvalue=("", ""))):
        yield Content.assemble(
            (pad(label if index == 0 else "", label_cells), "$muted"),
            (pad(one[0], cells + GAP), one[1]),
            (other[0], other[1]),
        )


def _wrap_line(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        wider = f"{line} {word}" if line else word
        if cell_len(wider) <= width:
            line = wider
            continue
        if line:
            yield line
        *full, line = _pieces(word, width)
        yield from full
    yield line


def _pieces(word: str, width: int) -> list[str]:
    """Return the pieces of a word longer than a line, broken after the separators in it."""
    if cell_len(word) <= width:
        return [word]
    lines = [""]
    for piece in filter(None, _SEPARATED.split(word)):
        for part in chop_cells(piece, width):
            if cell_len(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
    return lines
