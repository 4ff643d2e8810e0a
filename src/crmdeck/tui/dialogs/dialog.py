"""The base of all dialogs: a frame with a title, a body, and a line of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from rich.console import RenderableType
from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from crmdeck.tui.keys.actions import ActionHost, action
from crmdeck.tui.loading.requests import BusyChanged, Loader
from crmdeck.tui.text import display_block, display_text
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.tint import Tint, repaint_once

T = TypeVar("T")

dialog_action = partial(action, palette=False)
"""Declares an action of a dialog, which go to anything can't open."""

LEAST = 2


class Dialog(ActionHost, ModalScreen[T | None]):
    """A dialog. Esc closes it with None. `listing` names what it is about, and scrolls."""

    SCOPE = "dialog"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    # No rule for dialogs depends on the size of the window. The classes for it would only make
    # Textual style each dialog a second time when it opens.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = []  # noqa: RUF012 - as Textual has it
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = []  # noqa: RUF012 - as Textual has it

    @dataclass
    class HelpAsked(Message):
        """Asks the application for the help of a dialog."""

        dialog: Dialog[Any]
        title: str

    SHARE = 0.9
    """Most of the window's height for the dialog, as in the style sheet."""

    loader: Loader | None = None
    """Closed with the dialog; for dialogs that load or store."""

    def __init__(self, title: str, text: str = "", *, listing: Sequence[str] = ()) -> None:
        super().__init__()
        self._heading = display_text(title, 120)
        self._text = display_block(text)
        self._listing = tuple(map(display_text, listing))
        self._is_closed = False
        self._is_sized = False
        self._room = 0
        self._moved = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = Content(self._heading)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            if self._listing:
                with VerticalScroll(can_focus=False):
                    yield Static("\n".join(self._listing), markup=False)
            yield from self.compose_body()
            yield Hints()

    def _compositor_refresh(self) -> None:
        # Textual would paint twice: before the widgets know their sizes, and when they do.
        if self._is_sized:
            super()._compositor_refresh()
        repaint_once(self)

    def render(self) -> RenderableType:
        # The screen below, tinted.
        below = super().render()
        return Tint(below.screen, below.color) if isinstance(below, BackgroundScreen) else below

    def show_position(self, text: str) -> None:
        """Show a number or a position at the bottom right of the frame."""
        self.query_one(".dialog").border_subtitle = Content(text)

    def compose_body(self) -> ComposeResult:
        """Yield the widgets between the text and the keys."""
        yield from ()

    @property
    def is_open(self) -> bool:
        """True until the dialog is closed: after that it takes no answer."""
        return not self._is_closed

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close with a result, once, along with the dialogs above and the dialog's work."""
        if self._is_closed or self not in self.app.screen_stack:
            return AwaitComplete()
        if not self.is_mounted:
            # A dialog closed before it is mounted would look for widgets it doesn't have yet.
            def leave() -> None:
                self.dismiss(result)

            self.call_later(leave)
            return AwaitComplete()
        self._is_closed = True
        if self.loader is not None:
            self.loader.close()
        if self.app.screen is not self:
            # Textual would close the topmost one instead.
            self.pop_until_active()
            self.app.call_later(super().dismiss, result)
            return AwaitComplete()
        return super().dismiss(result)

    def on_unmount(self) -> None:
        self._is_closed = True
        if self.loader is not None:
            self.loader.close()

    def on_mount(self) -> None:
        self.screen_layout_refresh_signal.subscribe(self, self._fit)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self._is_sized:
            # The widgets of a new dialog were just styled.
            event.refresh_styles = False

    async def on_resize(self) -> None:
        # Other work can run between the layout and the paint, that of the resized widgets too. Not
        # 0: work that is due by now would still wait.
        await asyncio.sleep(0.001)
        self._is_sized = True

    def _fit(self, _screen: Screen[object]) -> None:
        # A frame as high as its content doesn't limit what is inside it, so that a long list would
        # push the keys below the edge of the window.
        if self._is_closed:
            return
        frame = self.query_one(".dialog")
        lists = list(frame.query_children(SearchList))
        scrolls = [*frame.query_children(VerticalScroll), *lists][:1]
        if not scrolls:
            return
        around = sum(
            child.outer_size.height + child.styles.margin.height
            for child in frame.children
            if child not in scrolls and child.display
        )
        edges = frame.styles.padding.height + 2 + scrolls[0].styles.margin.height
        room = max(LEAST, int(self.size.height * self.SHARE) - edges - around)
        if room != self._room:
            self._room = room
            self._moved = True
            if lists:
                # Next to a text that scrolls, a menu has all its rows.
                lists[0].fit(room if lists == scrolls else self.size.height)
            if lists != scrolls:
                scrolls[0].styles.max_height = room
        elif self._moved:
            # The list has its new height only in the layout after this one.
            self._moved = False
            if self.focused is not None and self.focused is not scrolls[0]:
                self.focused.scroll_visible(animate=False)

    def on_busy_changed(self, message: BusyChanged) -> None:
        # The screens below would show the work as theirs.
        message.stop()

    def once_typed(self, then: Callable[[], None]) -> None:
        """Call `then` after all earlier keys.

        A letter waits in the queue of the focused line, and a key of the dialog would overtake it.
        """
        if self.focused is None:
            then()
        else:
            self.focused.call_later(then)

    @dialog_action(
        "dialog.help",
        "Help",
        "question_mark",
        "f1",
        help="Show what the keys do here.",
        hint=30,
        priority=True,
    )
    def show_help(self) -> None:
        self.post_message(self.HelpAsked(self, self._heading))

    @dialog_action("dialog.cancel", "Cancel", "escape", hint=10)
    def cancel(self) -> None:
        """Close without a result."""
        self.dismiss(None)
