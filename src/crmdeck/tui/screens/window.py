"""A screen that keeps up with its window, and lets the user go back to the shell."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.screen import Screen


class Window(Screen[None]):
    """The screen beneath all dialogs."""

    _laid_out_for: Size | None = None

    def on_resize(self, event: events.Resize) -> None:
        """Note for which size the screen has been laid out."""
        self._laid_out_for = event.size

    def on_screen_resume(self) -> None:
        """Catch up with a window whose size changed beneath a dialog."""
        size = self.app.size
        if self._laid_out_for not in (None, size):
            self.post_message(events.Resize(size, size))

    def action_suspend(self) -> None:
        """Go back to the shell, which brings the console back with `fg`."""
        self.app.action_suspend_process()
