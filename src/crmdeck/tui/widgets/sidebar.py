"""The sidebar with all connections and their health; collapsed, a strip in the top line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from crmdeck import workspace
from crmdeck.tui.keys.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.marks import STATE_COLORS, Health, health_of, open_mark
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.top_bar import CONNECTION

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


MOST_NAMED = 6
"""Most connections that a strip names; more are counted by state."""

LONGEST_NAME = 20

SHORTER = (LONGEST_NAME, 12, 8)
"""Cells of the name in shorter and shorter strips."""

GAP = 2

EDGES = 5
"""Cells of a row besides its text: a space and the frame at both ends, and the scroll bar."""

STEPS = Content.styled("[ ]", "$muted")
"""The keys of the previous and next connection, at the end of a strip."""


class Sidebar(ActionHost, OptionList, inherit_bindings=False):
    """The list of connections; moving the cursor shows the connection below it."""

    SCOPE = "sidebar"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = (
        *(
            Action(f"sidebar.{name}", title, keys, run, palette=False)
            for name, title, keys, run in (
                ("cursor_down", "Next connection", ("j", "down"), OptionList.action_cursor_down),
                ("cursor_up", "Previous connection", ("k", "up"), OptionList.action_cursor_up),
                ("first", "First connection", ("g", "home"), OptionList.action_first),
                ("last", "Last connection", ("G", "end"), OptionList.action_last),
            )
        ),
        Action(
            "sidebar.select",
            "Open pane",
            ("enter",),
            OptionList.action_select,
            help="Go to the pane of the connection.",
            hint=40,
            palette=False,
        ),
    )

    @dataclass
    class Chosen(Message):
        """Another connection was chosen; `enter` if the user wants to go to its pane."""

        connection_id: str
        enter: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.border_title = "Connections"
        self._statuses: tuple[ConnectionStatus, ...] = ()
        self._is_dragged = self._is_sized = False

    def set_statuses(self, statuses: Sequence[ConnectionStatus], chosen: str | None) -> None:
        """Show `statuses`, with the cursor on the connection `chosen`."""
        self._statuses = tuple(statuses)
        lines = connection_lines(self._statuses)
        # The longest name decides, which no style sheet knows, or the user.
        if not self._is_sized:
            self.styles.width = max([line.cell_length for line in lines], default=0) + EDGES
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(
                Option(line, id=status.id)
                for status, line in zip(self._statuses, lines, strict=True)
            )
            if chosen is not None:
                self.choose(chosen)

    def choose(self, connection_id: str) -> None:
        """Move the cursor to a connection, without a message."""
        ids = [status.id for status in self._statuses]
        if connection_id in ids:
            with self.prevent(OptionList.OptionHighlighted):
                self.highlighted = ids.index(connection_id)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._is_dragged = event.x == self.outer_size.width - 1
        self.capture_mouse(self._is_dragged)

    def on_mouse_up(self) -> None:
        self._is_dragged = False
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._is_dragged:
            self._is_sized = True
            self.styles.width = event.x + 1
            return
        # Textual's list puts the position of an option into the style of its cells.
        position = event.style.meta.get("option")
        known = self._statuses
        status = known[position] if isinstance(position, int) and position < len(known) else None
        self.tooltip = tooltip_of(status) if status is not None else None

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(event.option_id, enter=False))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(event.option_id, enter=True))


def connection_lines(statuses: Sequence[ConnectionStatus]) -> list[Content]:
    """Return the rows of the sidebar: sign and name, and at the right the open changes."""
    names = [cut_middle(display_text(status.name), LONGEST_NAME) for status in statuses]
    marks = [open_mark(status.open_changes) for status in statuses]
    widest = max(map(cell_len, names), default=0)
    most = max((cell_len(mark) for mark, _ in marks), default=0)
    return [
        Content.assemble(
            _sign(health_of(status)),
            name,
            " " * (widest - cell_len(name) + GAP + most - cell_len(mark or "-")) if most else "",
            ((mark or "-") if most else "", STATE_COLORS[state]),
        )
        for status, name, (mark, state) in zip(statuses, names, marks, strict=True)
    ]


def tooltip_of(status: ConnectionStatus) -> Content:
    """Return the tooltip of a connection: `acme-prod: active, Salesforce, 2 open changes`."""
    health = health_of(status)
    words = f"{health.word}, {workspace.vendor_of(status.platform).title}"
    changes = f", {status.open_changes.text}" if status.open_changes.count else ""
    return Content(f"{display_text(status.name, 60)}: {words}{changes}")


def strips(
    statuses: Sequence[ConnectionStatus], healths: Mapping[str, Health], chosen: str | None
) -> tuple[Content, ...]:
    """Return the connections as lines of text, longest first.

    The first one names all connections unless there are many. The next ones count them by state
    and name the `chosen` one. The last ones only name that one, in fewer and fewer cells.
    """
    # Compare sign and state, because the words contain findings.
    tally = Counter(health[::2] for health in healths.values())
    states = [
        Content.assemble((f"{sign} ", STATE_COLORS[state]), str(number))
        for (sign, state), number in tally.items()
    ]
    current = [
        _short(status, healths[status.id], True) for status in statuses if status.id == chosen
    ]
    few = statuses if len(statuses) <= MOST_NAMED else ()
    named = [_short(status, healths[status.id], status.id == chosen) for status in few]
    fullest = [named] if few else []
    steps = [STEPS] if len(statuses) > 1 else []
    shown = [[*line, *steps] for line in (*fullest, [*states, *current], current)]
    shorter = [
        [_short(status, healths[status.id], True, cells)]
        for cells in SHORTER
        for status in statuses
        if status.id == chosen
    ]
    return tuple(map(Content("  ").join, [*shown, *shorter] if statuses else ()))


def _short(
    status: ConnectionStatus, health: Health, chosen: bool, cells: int = LONGEST_NAME
) -> Content:
    name = display_text(status.name, cells)
    # Underlined, because a color alone may be invisible in the terminal's own colors.
    look = "bold underline" if chosen else ""
    shown = Content.assemble(_sign(health), (name, look))
    return shown.stylize(Style.from_meta({CONNECTION: status.id}))


def _sign(health: Health) -> tuple[str, str]:
    return f"{health.sign} ", STATE_COLORS[health.state]
