"""The cards: every connection, one under the other, telling as much as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from enum import IntEnum
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from crmdeck.model import Alert, AlertLevel
from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.health import ago, health_of
from crmdeck.tui.panes.health.facts import quota_words, token_life
from crmdeck.tui.panes.health.history_strip import strip, weeks_in
from crmdeck.tui.panes.health.overview import Entry, where
from crmdeck.tui.text import display_text, pad

PADDING = 1
INDENT = 2
GAUGE = 8
AGE = 19
QUOTA = 12
MOST_WEEKS = 8
OWN_DOMAIN = ".my.salesforce.com"

COLOURS = {
    "ok": "$good",
    "warn": "$warn",
    "error": "$bad",
    "muted": "$muted",
}
ALERT_SIGNS = {AlertLevel.CRITICAL: "✕", AlertLevel.WARNING: "▲", AlertLevel.INFO: "•"}
ALERT_COLOURS = {
    AlertLevel.CRITICAL: "$bad",
    AlertLevel.WARNING: "$warn",
    AlertLevel.INFO: "$info",
}


class Density(IntEnum):
    """How much a card tells, the least first."""

    TERSE = 0
    BRIEF = 1
    HISTORY = 2
    USUAL = 3
    FULL = 4


class Cards(ActionHost, OptionList, inherit_bindings=False):
    """The connection under the cursor is the one that the console shows."""

    SCOPE = "cards"
    WITHIN: ClassVar[tuple[str, ...]] = ("health", EVERYWHERE)

    def page_down(self) -> None:
        """Go on by what fits on the screen."""
        # OptionList pages by an index of lines that it has from its first layout on only.
        with suppress(KeyError):
            self.action_page_down()  # type: ignore[no-untyped-call]

    def page_up(self) -> None:
        """Go back by what fits on the screen."""
        with suppress(KeyError):
            self.action_page_up()  # type: ignore[no-untyped-call]

    ACTIONS: ClassVar[Actions] = (
        *(
            Action(f"cards.{name}", title, keys, run, palette=False)
            for name, title, keys, run in (
                ("cursor_down", "next connection", ("j", "down"), OptionList.action_cursor_down),
                ("cursor_up", "previous connection", ("k", "up"), OptionList.action_cursor_up),
                ("first", "first connection", ("g", "home"), OptionList.action_first),
                ("last", "last connection", ("G", "end"), OptionList.action_last),
                ("page_down", "next page", ("pagedown", "ctrl+f"), page_down),
                ("page_up", "previous page", ("pageup", "ctrl+b"), page_up),
            )
        ),
        Action(
            "cards.select", "details", ("enter",), OptionList.action_select, hint=72, palette=False
        ),
    )

    class Moved(Message):
        """The cursor went to another connection."""

        def __init__(self, connection_id: str) -> None:
            super().__init__()
            self.connection_id = connection_id

    class Opened(Message):
        """The user wants to see all of the connection under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._entries: tuple[Entry, ...] = ()
        self._now: datetime | None = None
        self._chosen: str | None = None
        self.densities: tuple[Density, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What shows, in its order."""
        return self._entries

    def show_entries(
        self, entries: Sequence[Entry], now: datetime | None, chosen: str | None
    ) -> None:
        """Show `entries`, the cursor on the connection `chosen` where it is among them."""
        self._entries, self._now, self._chosen = tuple(entries), now, chosen
        self._fill()

    def choose(self, connection_id: str | None) -> None:
        """Put the cursor on a connection; tells nobody."""
        self._chosen = connection_id
        ids = [entry.id for entry in self._entries]
        if connection_id in ids:
            with self.prevent(OptionList.OptionHighlighted):
                self.highlighted = ids.index(connection_id)

    def on_resize(self, _event: events.Resize) -> None:
        """Say as much as there is room for now."""
        self._fill()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell where the cursor went."""
        event.stop()
        if event.option_id is not None and event.option_id != self._chosen:
            self._chosen = event.option_id
            self.post_message(self.Moved(event.option_id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the card."""
        event.stop()
        self.post_message(self.Opened())

    def _fill(self) -> None:
        # The sheet keeps the scrollbar's place free.
        width = self.size.width - self.styles.scrollbar_size_vertical - 2 * PADDING
        if width <= 0:
            return
        self.densities = densities(self._entries, self.size.height)
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(self._cards(width))
            self.choose(self._chosen)
        self.call_after_refresh(self.scroll_to_highlight)

    def _cards(self, width: int) -> Iterator[Option | None]:
        if self._now is None:
            return
        for number, (entry, density) in enumerate(zip(self._entries, self.densities, strict=True)):
            if number and density is not Density.TERSE:
                yield None
            yield Option(card(entry, width, self._now, density), id=entry.id)


def densities(entries: Sequence[Entry], height: int) -> tuple[Density, ...]:
    """Return how much each card tells so that all show in `height` lines.

    What room is left goes to the first cards. Where not even brief ones fit, all are terse, and
    the list scrolls.
    """
    chosen = [Density.BRIEF] * len(entries)
    separators = len(entries) - 1
    left = height - separators - sum(card_height(entry, Density.BRIEF) for entry in entries)
    if left < 0:
        return (Density.TERSE,) * len(entries)
    for density in (Density.HISTORY, Density.USUAL, Density.FULL):
        for number, entry in enumerate(entries):
            more = card_height(entry, density) - card_height(entry, chosen[number])
            if more > left:
                return tuple(chosen)
            chosen[number] = density
            left -= more
    return tuple(chosen)


def card_height(entry: Entry, density: Density) -> int:
    """Return how many lines `card` makes."""
    alerts = entry.status.alerts
    match density:
        case Density.TERSE:
            return 2
        case Density.BRIEF | Density.HISTORY:
            return 2 + bool(alerts) + (density is Density.HISTORY)
    told = (
        1 + bool(alert.remedy) + (bool(alert.cause) and density is Density.FULL) for alert in alerts
    )
    return 3 + sum(told)


def card(entry: Entry, width: int, now: datetime, density: Density) -> Content:
    """Return the card of a connection, `width` cells wide, at a density."""
    alerts = entry.status.alerts
    lines = [_title(entry, width)]
    if density is not Density.TERSE or not alerts:
        lines.append(_facts(entry, now, width))
    if density >= Density.HISTORY:
        lines.append(_history(entry, now, width))
    if density < Density.USUAL:
        if alerts:
            lines.append(_alert(alerts[0], width, len(alerts) - 1))
        return Content("\n").join(lines)
    for alert in alerts:
        lines.append(_alert(alert, width))
        if alert.cause and density is Density.FULL:
            lines.append(_below("  ", alert.cause, width))
        if alert.remedy:
            lines.append(_below("→ ", alert.remedy, width))
    return Content("\n").join(lines)


def gauge(left: float, width: int, state: str) -> Content:
    """Return a bar of `width` cells that empties as an allowance is used up."""
    filled = min(width, max(1 if left > 0 else 0, round(left * width)))
    return Content.assemble(
        ("━" * filled, COLOURS.get(state, "")), ("╌" * (width - filled), "$muted")
    )


def _title(entry: Entry, width: int) -> Content:
    health = health_of(entry.status)
    colour = COLOURS[health.state]
    name = display_text(entry.connection.name, max(8, width - INDENT - len(health.word) - 2))
    room = width - INDENT - cell_len(name) - 2 - len(health.word) - 2
    right = _leads_to(entry, room)
    space = " " * (room + 2 - cell_len(right))
    return Content.assemble(
        (f"{health.sign} ", colour),
        (f"{name}  ", "bold"),
        (health.word + space, colour),
        (right, "$muted"),
    )


def _leads_to(entry: Entry, room: int) -> str:
    """Return CRM and place in at most `room` cells; the vendor's part of a host goes first."""
    place = where(entry.connection)
    whole = f"{entry.platform_name} · {place}" if place else entry.platform_name
    if len(whole) > room:
        whole = whole.removesuffix(OWN_DOMAIN)
    return display_text(whole, room) if room >= len(entry.platform_name) else ""


def _facts(entry: Entry, now: datetime, width: int) -> Content:
    status = entry.status
    synced = ago(status.last_sync_at, now)
    words, state = quota_words(status)
    token, token_state = token_life(entry, now)
    # Where room lacks, the gauge gives way: its words say the same.
    bar = max(0, min(GAUGE, width - INDENT - AGE - QUOTA - len(token)))
    quota = (
        Content.assemble(
            gauge(status.quota.left, bar, state),
            (f" {pad(words, QUOTA - 1)}", "$muted" if state == "ok" else COLOURS[state]),
        )
        if status.quota is not None
        else Content.styled(pad(words, bar + QUOTA), "$muted")
    )
    age = f"synced {synced}" if status.last_sync_at else "never synced"
    return Content.assemble(
        (" " * INDENT + pad(age, AGE), "$muted"),
        quota,
        (token, COLOURS.get(token_state, "$muted")),
    ).truncate(width, ellipsis=True)


def _history(entry: Entry, now: datetime, width: int) -> Content:
    weeks = weeks_in(width - INDENT - 9, MOST_WEEKS)
    label = " " * INDENT + pad(f"{weeks} weeks", 9)
    return Content.assemble((label, "$muted"), strip(entry.runs, now, weeks) if weeks else "")


def _alert(alert: Alert, width: int, more: int = 0) -> Content:
    also = f"  +{more}" if more else ""
    message = display_text(alert.message, width - 2 * INDENT - len(also))
    sign = f"{' ' * INDENT}{ALERT_SIGNS[alert.level]} "
    colour = ALERT_COLOURS[alert.level]
    return Content.assemble((sign, colour), message, (also, "$muted"))


def _below(sign: str, text: str, width: int) -> Content:
    indent = " " * (2 * INDENT)
    return Content.styled(
        indent + sign + display_text(text, width - len(indent) - len(sign)), "$muted"
    )
