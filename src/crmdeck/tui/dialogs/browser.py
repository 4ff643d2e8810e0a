"""Wait for a sign-in in the browser."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from crmdeck.errors import CrmdeckError
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.inputs import LineInput

if TYPE_CHECKING:
    from crmdeck.workspace import BrowserSignIn, Grant, SignedIn

# Over SSH a browser would open on the machine of the console, not on that of the user.
OVER_SSH = ("SSH_CONNECTION", "SSH_TTY")
LONGEST = 3000


class Browser(Dialog["SignedIn"]):
    """Answers with the result of the sign-in.

    `finish` gets the grant from the browser, in a thread. Esc stops the sign-in while the dialog
    waits for the browser.
    """

    SCOPE = "browser"
    # If no widget has the focus, o, c and p are keys and not letters.
    AUTO_FOCUS = ""

    loader: Loader

    def __init__(
        self, name: str, sign_in: BrowserSignIn, finish: Callable[[Grant], SignedIn]
    ) -> None:
        super().__init__(f"Sign in to {name} in the browser")
        self.loader = Loader(self, self.show_error)
        self._sign_in = sign_in
        self._finish = finish
        self._brought = False

    @property
    def redirect_uri(self) -> str:
        return self._sign_in.redirect_uri

    def compose_body(self) -> ComposeResult:
        yield Static(display_text(self._sign_in.url[:LONGEST]), id="address", markup=False)
        yield Static("", id="waiting", markup=False)
        yield Static(
            "Is the browser on another machine? Paste the last address it shows:",
            classes="dialog-label",
            markup=False,
        )
        yield LineInput(placeholder=self._sign_in.redirect_uri, compact=True, id="ended")
        yield Static("", classes="dialog-wrong", markup=False)

    def on_mount(self) -> None:
        waiting = self.query_one("#waiting", Static)

        def on_grant(grant: Grant) -> None:
            self._brought = True
            waiting.update("Signed in. Checking permissions…")
            self.loader.load("finish", lambda _job: self._finish(grant), ended, cancellable=False)

        def ended(signed_in: SignedIn) -> None:
            self.dismiss(signed_in)

        waiting.update(
            Content.assemble(
                ("Waiting for the browser to return to ", "$muted"), self._sign_in.redirect_uri
            )
        )
        self.loader.load("wait", lambda job: self._sign_in.wait(job.cancel), on_grant)
        if can_open_browser() and not self.app.is_headless:
            self.open_page()

    def on_unmount(self) -> None:
        # Until then it waits on a port of this machine.
        self._sign_in.close()

    def _is_pasting(self) -> bool:
        return isinstance(self.focused, Input)

    def _is_not_pasting(self) -> bool:
        return not self._is_pasting()

    @dialog_action("browser.open", "Open browser", "o", hint=40, applies=_is_not_pasting)
    def open_page(self) -> None:
        self.app.open_url(self._sign_in.url)

    @dialog_action("browser.copy", "Copy address", "c", hint=39, applies=_is_not_pasting)
    def copy_address(self) -> None:
        self.app.copy_to_clipboard(self._sign_in.url)
        self._say("Copied the address.", "$muted")

    @dialog_action("browser.paste", "Paste redirect URL", "p", hint=38, applies=_is_not_pasting)
    def go_to_entry(self) -> None:
        self.query_one("#ended").focus()

    @dialog_action(
        "browser.take", "Use this URL", "enter", hint=30, priority=True, applies=_is_pasting
    )
    def take(self) -> None:
        self.once_typed(self._take)

    def _take(self) -> None:
        try:
            self._sign_in.finish_with(self.query_one("#ended", LineInput).value)
        except CrmdeckError as error:
            self.show_error(error)
        else:
            self._say("")

    def cancel(self) -> None:
        if self._is_pasting():
            self.set_focus(None)
        # Once the browser has answered, the rest can't be stopped halfway.
        elif not (self._brought and self.loader.is_loading):
            self.loader.cancel()
            super().cancel()

    def show_error(self, error: CrmdeckError) -> None:
        lines = [line for line in (error.message, error.cause, error.remedy) if line]
        self.query_one(".dialog-wrong", Static).update(
            Content("\n").join(Content(display_text(line[:400])) for line in lines)
        )
        if not self.loader.is_loading:
            self.query_one("#waiting", Static).update("Stopped waiting for the browser.")

    @on(Input.Changed, "#ended")
    def _typed(self) -> None:
        self._say("")

    def _say(self, text: str, color: str = "$bad") -> None:
        self.query_one(".dialog-wrong", Static).update(Content.styled(text, color))


def can_open_browser() -> bool:
    """True if this machine has a browser with its own window.

    A browser in the terminal would take the terminal from the console.
    """
    if any(os.environ.get(name) for name in OVER_SSH):
        return False
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False
