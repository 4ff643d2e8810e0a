"""What all dialogs share: a frame with a title, a body, and a line of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from crmdeck.tui.keys.actions import Action, ActionHost, Actions
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_block, display_text
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.tint import Tint

T = TypeVar("T")

FRAME_SHARE = 0.9
"""How much of the window's height a dialog takes at most, as in the sheet."""

LEAST = 2


class Dialog(ActionHost, ModalScreen[T | None]):
    """A dialog that Esc leaves with None."""

    SCOPE = "dialog"
    # No rule for dialogs asks for the size of the window: the classes that tell it would only
    # have all of a dialog styled a second time as it opens.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = []  # noqa: RUF012 - as Textual has it
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = []  # noqa: RUF012 - as Textual has it

    class HelpAsked(Message):
        """Asks the application for what the keys do in a `dialog` with this `title`."""

        def __init__(self, dialog: Dialog[Any], title: str) -> None:
            super().__init__()
            self.dialog, self.title = dialog, title

    loader: Loader | None = None
    """Closed as the dialog is left; for those that work themselves."""

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__()
        self._heading = display_text(title, 120)
        self._text = display_block(text)
        self._left = False
        self._room = 0
        self._moved = False

    def compose(self) -> ComposeResult:
        """Lay the dialog out."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, classes="dialog-title", markup=False)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            yield from self.compose_body()
            yield Hints()

    def render(self) -> RenderableType:
        """Return the screen below, tinted."""
        below = super().render()
        return Tint(below.screen, below.color) if isinstance(below, BackgroundScreen) else below

    def compose_body(self) -> ComposeResult:
        """Yield what stands between the text and the keys."""
        yield from ()

    @property
    def is_open(self) -> bool:
        """Whether the dialog still takes answers: not once it was left."""
        return not self._left

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave with an answer, once; what lies above is left with it, and no work goes on."""
        if self._left or self not in self.app.screen_stack:
            return AwaitComplete()
        if not self.is_mounted:
            # What is left half made would look for lines of its own that were never there.
            def leave() -> None:
                self.dismiss(result)

            self.call_later(leave)
            return AwaitComplete()
        self._left = True
        if self.loader is not None:
            self.loader.close()
        if self.app.screen is not self:
            # Textual would take away the topmost in its place.
            self.pop_until_active()
            self.app.call_later(super().dismiss, result)
            return AwaitComplete()
        return super().dismiss(result)

    def on_unmount(self) -> None:
        """Take no answers any more, however the dialog was left."""
        self._left = True
        if self.loader is not None:
            self.loader.close()

    def on_mount(self) -> None:
        """See to it whenever all was laid out that nothing is pushed out of the frame."""
        self.screen_layout_refresh_signal.subscribe(self, self._fit)

    async def on_resize(self) -> None:
        """Let others have a turn: it is painted at its first size, laid out and painted again."""
        # Not nothing: what is due by now would still come after this.
        await asyncio.sleep(0.001)

    def _fit(self, _screen: Screen[Any]) -> None:
        if self._left:
            return
        frame = self.query_one(".dialog")
        scrolls = list(frame.query_children(VerticalScroll))
        if not scrolls:
            return
        around = sum(
            child.outer_size.height + child.styles.margin.height
            for child in frame.children
            if child not in scrolls and child.display
        )
        edges = frame.styles.padding.height + 2 + scrolls[0].styles.margin.height
        room = max(LEAST, int(self.size.height * FRAME_SHARE) - edges - around)
        if room != self._room:
            self._room = room
            self._moved = True
            scrolls[0].styles.max_height = room
        elif self._moved:
            self._moved = False
            if self.focused is not None and self.focused is not scrolls[0]:
                self.focused.scroll_visible(animate=False)

    def once_typed(self, then: Callable[[], None]) -> None:
        """Do `then` after all keys that came before this one.

        A letter waits for its turn with the line that has the focus; a key of the dialog's own
        would overtake it.
        """
        if self.focused is None:
            then()
        else:
            self.focused.call_later(then)

    def cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)

    def show_help(self) -> None:
        """Show what the keys do here."""
        self.post_message(self.HelpAsked(self, self._heading))

    ACTIONS: ClassVar[Actions] = (
        Action(
            "dialog.help",
            "keys",
            ("question_mark", "f1"),
            show_help,
            help="what the keys do here",
            hint=30,
            palette=False,
            priority=True,
        ),
        # Dialogs say otherwise what leaving means.
        Action(
            "dialog.cancel",
            "cancel",
            ("escape",),
            lambda dialog: dialog.cancel(),
            hint=10,
            palette=False,
        ),
    )
