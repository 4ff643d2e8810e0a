"""Waiting for a sign-in with the browser: its address, and the one that it ended at."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from crmdeck.errors import CrmdeckError
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.loading.requests import BusyChanged, Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from crmdeck.workspace import BrowserSignIn, SignedIn

OVER_SSH = ("SSH_CONNECTION", "SSH_TTY")
LONGEST = 3000


def _is_reading(dialog: Any) -> bool:
    return not isinstance(dialog.focused, Input)


class Browser(Dialog["SignedIn"]):
    """Answers with how the sign-in ended.

    `finish` is given what the browser brought, in a thread. Esc gives the sign-in up while the
    browser is waited for.
    """

    SCOPE = "browser"
    AUTO_FOCUS = ""
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    loader: Loader

    def __init__(
        self, name: str, sign_in: BrowserSignIn, finish: Callable[[Any], SignedIn]
    ) -> None:
        super().__init__(f"Sign in to {name} with the browser")
        self.loader = Loader(self, self.show_error)
        self._sign_in = sign_in
        self._finish = finish
        self._brought = False

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back to."""
        return self._sign_in.redirect_uri

    def compose_body(self) -> ComposeResult:
        """Yield the address, what is waited for, and the line for the address at the end."""
        yield Static(display_text(self._sign_in.url[:LONGEST]), id="address", markup=False)
        yield Static("", id="waiting", markup=False)
        yield Static(
            "Is the browser on another machine? Paste the address that it ends at:",
            classes="dialog-label",
            markup=False,
        )
        yield LineInput(placeholder=self._sign_in.redirect_uri, compact=True, id="ended")
        yield Static("", classes="dialog-wrong", markup=False)

    def on_mount(self) -> None:
        """Open the browser where that can be done, and wait."""
        self._wait()
        if can_open_browser() and not self.app.is_headless:
            self.open_page()

    def on_unmount(self) -> None:
        """Stop listening."""
        self._sign_in.close()

    def open_page(self) -> None:
        """Open the address in the browser."""
        self.app.open_url(self._sign_in.url)

    def copy_address(self) -> None:
        """Copy the address."""
        self.app.copy_to_clipboard(self._sign_in.url)
        self._say("Copied the address.", "$muted")

    def go_to_entry(self) -> None:
        """Go to the line for the address at the end."""
        self.query_one("#ended").focus()

    def take(self) -> None:
        """Take the address that the browser ended at."""
        self.once_typed(self._take)

    def _take(self) -> None:
        try:
            self._sign_in.finish_with(self.query_one("#ended", LineInput).value)
        except CrmdeckError as error:
            self.show_error(error)
        else:
            self._say("")

    def cancel(self) -> None:
        """Give the sign-in up; once the browser has answered, the end is waited for."""
        if isinstance(self.focused, Input):
            self.set_focus(None)
        elif not (self._brought and self.loader.is_loading):
            self.loader.cancel()
            super().cancel()

    def show_error(self, error: CrmdeckError) -> None:
        """Say what went wrong, why, and what to do."""
        lines = [line for line in (error.message, error.cause, error.remedy) if line]
        self.query_one(".dialog-wrong", Static).update(
            Content("\n").join(Content(display_text(line[:400])) for line in lines)
        )
        if not self.loader.is_loading:
            self.query_one("#waiting", Static).update("Nothing is waited for any more.")

    def on_busy_changed(self, message: BusyChanged) -> None:
        """Keep it from the screens below."""
        message.stop()

    @on(Input.Changed, "#ended")
    def _typed(self) -> None:
        self._say("")

    def _wait(self) -> None:
        self.query_one("#waiting", Static).update(
            Content.assemble(
                ("Waiting for the browser to come back to ", "$muted"), self._sign_in.redirect_uri
            )
        )
        self.loader.load("wait", lambda job: self._sign_in.wait(job.cancel), self._came)

    def _came(self, grant: Any) -> None:
        self._brought = True
        self.query_one("#waiting", Static).update("The browser is back; asking who you are there…")
        self.loader.load("finish", lambda _job: self._finish(grant), self._ended, cancellable=False)

    def _ended(self, signed_in: SignedIn) -> None:
        self.dismiss(signed_in)

    def _say(self, text: str, color: str = "$bad") -> None:
        self.query_one(".dialog-wrong", Static).update(Content.styled(text, color))

    ACTIONS: ClassVar[Actions] = (
        Action(
            "browser.open",
            "open the browser",
            ("o",),
            open_page,
            hint=40,
            palette=False,
            applies=_is_reading,
        ),
        Action(
            "browser.copy",
            "copy the address",
            ("c",),
            copy_address,
            hint=39,
            palette=False,
            applies=_is_reading,
        ),
        Action(
            "browser.paste",
            "paste where it ended",
            ("p",),
            go_to_entry,
            hint=38,
            palette=False,
            applies=_is_reading,
        ),
        Action(
            "browser.take",
            "that is it",
            ("enter",),
            take,
            hint=30,
            palette=False,
            priority=True,
            applies=lambda dialog: not _is_reading(dialog),
        ),
    )


def can_open_browser() -> bool:
    """Return whether there is a browser with a window of its own to open, on this machine.

    One that runs in the terminal would take it from the console.
    """
    import webbrowser

    if any(os.environ.get(name) for name in OVER_SSH):
        return False
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False
