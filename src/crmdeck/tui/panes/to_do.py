"""Next steps with their keys, in the to-do line of a pane and in details. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from textual.content import Content
from textual.style import Style

from crmdeck.model import Finding
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import ACTION
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.progress_line import STEP

LEAD = "To do: "
BETWEEN = " · "
LEAST_GAP = 2


class ToDo(NamedTuple):
    """A next step in words, and in fewer. A click calls `do`."""

    words: str
    short: str
    do: Callable[[], object]


def to_do_line(
    steps: Sequence[ToDo], nothing: str, notes: Sequence[str], width: int, lead: str = LEAD
) -> Content:
    """Return the steps, or that there is `nothing` to do, and the longest of the `notes` that fits.

    In fewer than all `width` cells the words are shorter, then the last steps are counted: `+2`.
    """
    start = Content.styled(lead, "bold") if steps else Content.styled(nothing, "$muted")
    for form, note in ((0, notes[:1]), (1, notes[-1:])):
        line = start + _joined(steps, form)
        gap = width - line.cell_length - sum(map(len, note))
        if note and gap >= LEAST_GAP:
            return Content.assemble(line, " " * gap, (note[0], "$muted"))
    for shown in range(len(steps), -1, -1):
        more = f" +{len(steps) - shown}" if shown < len(steps) else ""
        for form in (0, 1):
            line = start + _joined(steps[:shown], form) + more
            if line.cell_length <= width:
                return line
    return Content("")


def _joined(steps: Sequence[ToDo], form: int) -> Content:
    return Content(BETWEEN).join(
        Content(display_text(words)).stylize(Style.from_meta({STEP: place}))
        for place, words in enumerate(step.short if form else step.words for step in steps)
    )


class KeyStep(NamedTuple):
    """A step in the details: what a key does. A click runs the action with this ID."""

    action: str
    key: str
    text: str


def clickable(text: Content, action: str) -> Content:
    return text.stylize(Style.from_meta({ACTION: action}))


def key_lines(steps: Iterable[KeyStep], width: int) -> Iterator[Content]:
    """Yield lines of at most `width` cells with the steps side by side."""
    line = Content("")
    for step in steps:
        text = f" {display_text(step.text, width - 4)}"
        shown = clickable(Content.assemble((step.key, "bold $info"), text), step.action)
        longer = Content.assemble(line, "   ", shown) if line else shown
        if longer.cell_length > width:
            yield line
            longer = shown
        line = longer
    if line:
        yield line


def row_of(finding: Finding, *, repair: bool = False) -> Location:
    """Return the row of Mapping that a finding is about."""
    about = finding.subject
    return Location(
        connection=finding.connection_id,
        pair=about.object_pair,
        field=about.partner_field or (about.crm_field and f"crm:{about.crm_field}"),
        repair=repair and about.partner_field is not None,
    )
