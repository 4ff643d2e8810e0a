"""Tables fitted to a terminal, drawn by Rich, which takes longer to import than a short command."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LONGEST_WORD = 48
_BETWEEN_NAMES = re.compile(r"(?<=\w)\.(?=\w)")
_SENTENCE = 28
_LONG_SENTENCE = 40
_INDENT = 4
_GAP = 2
_UNBOUNDED = 100_000


def draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as lines of text, as wide as its cells."""
    wide = Console(file=io.StringIO(), color_system=None, width=_UNBOUNDED)
    with wide.capture() as drawn:
        print_table(columns, rows, (), (), sentences=False, on=wide)
    return "".join(line.rstrip() + "\n" for line in drawn.get().splitlines())


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    least: Sequence[str],
    moments: Collection[int],
    *,
    sentences: bool,
    on: Console | None = None,
) -> None:
    """Print a table; columns of `moments` don't wrap if they fit, the last can be `sentences`."""
    screen = on or console()
    needs = [
        _need(name, [row[index] for row in rows], index in moments)
        for index, name in enumerate(columns)
    ]
    last = len(columns) - 1
    kept = [i for i in range(len(columns)) if not rows or any(row[i] for row in rows)]
    if sentences and last in kept:
        beside = [*(needs[index].readable for index in kept[:-1]), _LONG_SENTENCE]
        if _room(beside) > screen.width:
            kept.remove(last)
    for name in least:
        if _room(needs[index].readable for index in kept) <= screen.width:
            break
        kept = [index for index in kept if columns[index] != name]
    narrow = [_need(columns[i], [row[i] for row in rows], whole=False) for i in kept]
    wide = [needs[index] for index in kept]
    # A time without wrapping is nicer, but an unbroken name is needed.
    fits = _room(need.word for need in wide) <= screen.width
    widths = _widths(wide if fits else narrow, screen.width)
    names = [columns[index] for index in kept]
    if not sentences or last in kept:
        screen.print(_drawn(names, widths, [[row[i] for i in kept] for row in rows]))
        return
    screen.print(_drawn(names, widths, []))
    for row in rows:
        screen.print(_drawn((), widths, [[row[i] for i in kept]]))
        for line in wrapped(row[-1], screen.width - _INDENT) if row[-1] else ():
            # Rich would read brackets in a text of the CRM as markup.
            screen.print(" " * _INDENT + line, style="dim", markup=False, highlight=False)


def _drawn(names: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table with these column widths, with a header if `names` has any."""
    # The box adds one space between columns, the padding another.
    table = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        show_header=bool(names),
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    for index, width in enumerate(widths):
        # Rich's ellipsis would cut names that users copy.
        table.add_column(Text(names[index] if names else ""), overflow="fold", width=width)
    for row in rows:
        table.add_row(
            *(Text(_folded(text, width)) for text, width in zip(row, widths, strict=True))
        )
    return table


def console() -> Console:
    """Return the function that writes to stdout."""
    # Rich keeps bold and dim under $NO_COLOR; a pager or a file needs plain text.
    return Console(color_system=None) if os.environ.get("NO_COLOR") else Console()


def wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines of `width` columns, broken between words if possible."""
    return [line.plain.rstrip() for line in Text(text).wrap(console(), max(20, width))]


class _Need(NamedTuple):
    """The widths at which a column breaks no word, reads well, and wraps nothing."""

    word: int
    readable: int
    whole: int


def _folded(text: str, width: int) -> str:
    """Return text in which a long `Object.Field` breaks after the dot."""
    if "." not in text or cell_len(text) <= width:
        return text
    return " ".join(
        _BETWEEN_NAMES.sub(".\n", word, count=1) if cell_len(word) > width else word
        for word in text.split(" ")
    )


def _need(name: str, cells: Sequence[str], whole: bool) -> _Need:
    texts = (name, *cells)
    words = (word for text in texts for word in _BETWEEN_NAMES.sub(". ", text).split() or [""])
    longest = max(map(cell_len, texts))
    word = min(max(map(cell_len, words)), _LONGEST_WORD)
    if whole:
        word = max([word, *map(cell_len, cells)])
    return _Need(word, max(word, min(longest, _SENTENCE)), longest)


def _room(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + _GAP * len(listed)


def _widths(needs: Sequence[_Need], room: int) -> list[int]:
    """Return the width of each column: its longest word and a share of the remaining room."""
    widths = [need.word for need in needs]
    left = room - _room(widths)
    # The column that needs least comes first and leaves the rest of its share to the others.
    order = sorted(range(len(needs)), key=lambda index: needs[index].whole - widths[index])
    for turn, index in enumerate(order):
        share = max(0, left) // (len(order) - turn)
        more = min(share, needs[index].whole - widths[index])
        widths[index] += max(0, more)
        left -= max(0, more)
    return widths
