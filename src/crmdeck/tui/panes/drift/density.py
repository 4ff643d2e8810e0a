"""The density strip: number and worst severity of the changes of each of the last 90 days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from crmdeck.model import Severity
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS
from crmdeck.workspace import DayCount

DAYS = 90
BARS = "▁▂▃▄▅▆▇█"
LABEL = 9
"""Cells of the label at its left."""


@dataclass(frozen=True)
class Slot:
    """One cell of the strip: the days `first` to `last`. Without changes it has no `worst`."""

    first: date
    last: date
    events: int
    worst: Severity | None


def slots(days: Sequence[DayCount], today: date, width: int) -> tuple[Slot, ...]:
    """Return the last days in `width` cells, oldest first: one a cell, but at least 90 days."""
    each = max(1, math.ceil(DAYS / max(1, width)))
    every = max(DAYS, width)
    known = {day.day: day for day in days}
    found = []
    last = today
    while (today - last).days < every:
        span = [last - timedelta(days=back) for back in range(each)]
        inside = [known[day] for day in span if day in known]
        worst = Severity.worst(day.worst for day in inside) if inside else None
        found.append(Slot(span[-1], last, sum(day.events for day in inside), worst))
        last = span[-1] - timedelta(days=1)
    return tuple(reversed(found))


def bar(events_: int, most: int) -> str:
    """Return a bar on a logarithmic scale, so that one change shows next to a thousand."""
    if not events_:
        return "·"
    share = math.log1p(events_) / math.log1p(most)
    return BARS[min(len(BARS) - 1, round(share * (len(BARS) - 1)))]


def axis(cells: Sequence[Slot]) -> str:
    """Return the line of month names, each below its first cell."""
    line = " " * LABEL
    for index, slot in enumerate(cells):
        begins = slot.last.day <= (slot.last - slot.first).days + 1
        if begins and len(line) <= LABEL + index:
            line = f"{line:<{LABEL + index}}{slot.last:%b}"
    return line


class Density(Widget):
    """Bars, then the worst severity of each day as a sign, then the months if there is room.

    Days whose changes aren't read yet are blank. The day under the cursor is highlighted. A click
    goes to that day.
    """

    days: reactive[tuple[DayCount, ...]] = reactive(())
    unread_before: reactive[date | None] = reactive(None)
    today: reactive[date | None] = reactive(None)
    current: reactive[date | None] = reactive(None)

    @dataclass
    class Picked(Message):
        """The user clicked on these days."""

        first: date
        last: date

    def slots(self) -> tuple[Slot, ...]:
        if self.today is None:
            return ()
        return slots(self.days, self.today, self.size.width - LABEL)

    def render(self) -> RenderResult:
        cells = self.slots()
        most = max((slot.events for slot in cells), default=0)
        days = (cells[-1].last - cells[0].first).days + 1 if cells else DAYS
        bars: list[tuple[str, str]] = [(f"{f'{days} days':<{LABEL}}", "$muted")]
        signs: list[tuple[str, str]] = [(" " * LABEL, "")]
        for slot in cells:
            color = SEVERITY_COLORS[slot.worst] if slot.worst is not None else "$muted"
            here = self.current is not None and slot.first <= self.current <= slot.last
            look = f"bold reverse {color}" if here else color
            is_unread = self.unread_before is not None and slot.last < self.unread_before
            bars.append((" " if is_unread else bar(slot.events, most), color))
            signs.append((SEVERITY_SIGNS[slot.worst] if slot.worst is not None else " ", look))
        lines = [Content.assemble(*bars), Content.assemble(*signs)]
        return Content("\n").join([*lines, Content.styled(axis(cells), "$muted")])

    def on_click(self, event: events.Click) -> None:
        inside = event.get_content_offset(self)
        cells = self.slots()
        index = inside.x - LABEL if inside is not None else -1
        if 0 <= index < len(cells):
            self.post_message(self.Picked(cells[index].first, cells[index].last))
