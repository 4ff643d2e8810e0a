"""The application: themes, keys, state, and toasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.screen import Screen

from crmdeck.tui import dialogs, screens
from crmdeck.tui.gc_tuning import freeze_startup_objects
from crmdeck.tui.keys.actions import Refused, check_keymap
from crmdeck.tui.keys.queue import KeyQueue
from crmdeck.tui.panes.registry import PANES, PaneSpec
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.sheets import sheets
from crmdeck.tui.signals import on_ending, suspend_job
from crmdeck.tui.themes import THEMES, roles, theme_name
from crmdeck.workspace import PendingWorkspace

if TYPE_CHECKING:
    from textual.driver import Driver

    from crmdeck.tui.dialogs.dialog import Dialog
    from crmdeck.workspace import Workspace

MOST_PROBLEMS = 4


QUITTING = ("q", "ctrl+q", "ctrl+c")
"""Keys that work immediately while the console opens."""


class CrmdeckApp(App[None]):
    """The console over one workspace, which it opens once the frame is painted.

    `keys` remaps actions by id (`{"view.filter": "f"}`); None uses the map of the settings. `theme`
    is the name of a theme, or `terminal` for the terminal's own colors; None uses that of the
    settings, else that of the last session. With `still`, the console never reloads by itself and
    marks nothing as seen, so that pictures of it don't change.
    """

    TITLE = "crmdeck"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Textual has it
        (0, "-tiny"),
        (60, "-narrow"),
        (80, "-normal"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Textual has it
        (0, "-flat"),
        (12, "-tall"),
    ]
    # Go to anything replaces Textual's palette.
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(
        self,
        workspace: Workspace | PendingWorkspace,
        *,
        keys: Mapping[str, str] | None = None,
        theme: str | None = None,
        panes: Sequence[PaneSpec] = PANES,
        still: bool = False,
    ) -> None:
        # The other sheets are read once the frame is painted.
        super().__init__(css_path=sheets()[0])
        opening = (
            workspace
            if isinstance(workspace, PendingWorkspace)
            else PendingWorkspace(workspace.home, workspace.read_only, lambda: workspace)
        )
        self.main = MainScreen(self, opening, panes, self._keys_for, self._take, is_still=still)
        self.host = self.main.host
        self.bug: Exception | None = None
        self._typed = KeyQueue(self, super().on_event, self._can_take)
        self._keys = keys
        self._theme = theme
        for own in THEMES:
            self.register_theme(own)
        # That of the last session: the settings are read after the first paint.
        self._use_theme(theme or self.host.ui_state.theme)

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def on_mount(self) -> None:
        on_ending(self.exit)

    def on_exit_app(self) -> None:
        # `action_quit` isn't enough: a signal or a closed browser tab also quits.
        if not self.host.wants_demo:
            self.host.save_state()

    def _keys_for(self, workspace: Workspace) -> Mapping[str, str]:
        # In a worker: it imports all actions.
        keys = workspace.settings.keys if self._keys is None else self._keys
        if keys or workspace.settings.command:
            from crmdeck.tui.key_table import load_all_actions

            load_all_actions()
        return keys

    def _take(self, workspace: Workspace, keys: Mapping[str, str]) -> None:
        """Use the settings of an open workspace, and report errors in its key map."""
        workspace.report_waits(self._say_later)
        settings = workspace.settings
        if self._theme is None and settings.theme is not None:
            self._use_theme(settings.theme)
        if keys:
            self.set_keymap(dict(keys))
            self._say_problems("Key map", check_keymap(keys))
        if settings.command:
            self._say_problems("Commands", screens.bind_commands(self.main, settings.command))
        # Once the first pane is painted, most of what lives until the end exists.
        self.call_after_refresh(freeze_startup_objects)

    def _say_problems(self, title: str, problems: Sequence[str]) -> None:
        if problems:
            lines = list(problems[:MOST_PROBLEMS])
            if left := len(problems[MOST_PROBLEMS:]):
                lines.append(f"and {left} more")
            self.host.say("\n".join(lines), title=title, severity="warning", timeout=15)

    def _can_take(self, event: events.Key | events.Paste) -> bool:
        """True if a key acts now. Keys typed while a pane opens act when it is open."""
        # A digit chooses another pane, and Esc cancels a slow one.
        return self.main.takes_keys or (
            isinstance(event, events.Key) and (event.key.isdigit() or event.key == "escape")
        )

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not self.screen_stack:
            # A console that ends has no screen for the keys that are left.
            return
        if isinstance(event, events.Key) and event.key in QUITTING and not self._can_take(event):
            await super().on_event(event)
        elif isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._typed.put(event)
        else:
            await super().on_event(event)

    def on_refused(self, message: Refused) -> None:
        self.host.say(message.reason, severity="warning", timeout=4)

    def on_dialog_help_asked(self, message: Dialog.HelpAsked) -> None:
        if message.dialog is self.screen:
            dialogs.open_help(message.dialog, message.title, message.dialog.SCOPE)

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        # By its name: to import the class would load Textual's web driver in every terminal.
        if found.__name__ != "WebDriver":
            return found
        from crmdeck.tui.web_session import SessionDriver

        return SessionDriver

    def _say_later(self, text: str) -> None:
        # The workspace reports from the thread that waits.
        self.call_later(self.host.say, text)

    def _handle_exception(self, error: Exception) -> None:
        # The first error is the cause. Others may follow from it.
        self.bug = self.bug or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        super()._fatal_error()
        # Textual would print the values of all variables, tokens among them. The caller of
        # `run_console` reports the error.
        self._exit_renderables.clear()

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        variables |= roles(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def action_change_theme(self) -> None:
        """Choose the theme for this and later sessions."""

        def on_submit(name: str | None) -> None:
            if name is not None:
                self._use_theme(name)
                self.host.save_state()

        names = sorted(self.available_themes)
        choices = [dialogs.Choice(name, name) for name in names]
        self.push_screen(dialogs.Choose("Theme", choices, current=self.theme), on_submit)

    def action_suspend_process(self) -> None:
        driver = self._driver
        if driver is not None and driver.can_suspend:
            self.app_suspend_signal.publish(self)
            driver.suspend_application_mode()
            # On SIGCONT the driver takes the terminal again.
            suspend_job()
            self.app_resume_signal.publish(self)
            self.refresh(layout=True)

    def _use_theme(self, wanted: str) -> None:
        self.theme = theme_name(wanted, set(self.available_themes))
