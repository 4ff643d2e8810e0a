"""The driver of a console in a browser."""

from __future__ import annotations

import os

from textual import messages
from textual.drivers.web_driver import WebDriver


class SessionDriver(WebDriver):
    """Stops the console when its server is gone, even if that was killed."""

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            # Nothing reads what the console still paints, and the pipe may be closed.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno)
            os.close(nowhere)
            self._app.post_message(messages.ExitApp())
