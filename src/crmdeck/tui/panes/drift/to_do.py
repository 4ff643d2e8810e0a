"""The to-do line of the drift pane. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from crmdeck.tui.text import count
from crmdeck.workspace import Timeline

LEAST_GAP = 2


def to_do(timeline: Timeline, elsewhere: int, width: int) -> Content:
    """Return the next steps with their keys, and how many changes are open `elsewhere`.

    In fewer than all `width` cells the words are shorter; at last the right part is left out.
    """
    forms = list(_forms(timeline, elsewhere))
    for left, right in forms:
        lead, _, rest = left.partition(":")
        line = Content.assemble((f"{lead}:", "bold"), rest)
        gap = width - line.cell_length - len(right)
        if gap >= LEAST_GAP or not right:
            return Content.assemble(line, (" " * max(gap, 0) + right, "$muted")) if right else line
    return line


def _forms(timeline: Timeline, elsewhere: int) -> Iterator[tuple[str, str]]:
    """Yield the left and the right part, longest first."""
    breaking = timeline.breaking_groups
    breaks = "breaks" if breaking == 1 else "break"
    parts, short = [], []
    if breaking:
        parts.append(f"f fixes {count(breaking, 'change')} that {breaks} a mapping")
        short.append(f"f fixes {breaking:,} that {breaks} a mapping")
    if timeline.open_changes.count:
        parts.append("a acknowledges a row, A all")
        short.append("a acknowledges")
    others = f"{elsewhere:,} open in other connections (*)" if elsewhere else ""
    fewer = f"{elsewhere:,} elsewhere (*)" if elsewhere else ""
    if not parts:
        yield "Nothing to do: no open changes", others
        yield "Nothing to do: no open changes", fewer
        yield "Nothing to do: no open changes", ""
        return
    yield f"To do: {' · '.join(parts)}", others
    yield f"To do: {' · '.join(short)}", fewer
    yield f"To do: {' · '.join(short)}", ""
