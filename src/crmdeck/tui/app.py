"""The application: themes, keys, state, and safe ways to speak to the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.command import Provider
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.system_commands import SystemCommandsProvider

from crmdeck.tui.actions import check_keymap
from crmdeck.tui.collector import calm
from crmdeck.tui.ending import on_ending
from crmdeck.tui.palette import DeckCommands
from crmdeck.tui.panes.registry import PANES, PaneSpec
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.sheets import sheets
from crmdeck.tui.text import count, display_block, display_text
from crmdeck.tui.themes import THEMES, roles, theme_name
from crmdeck.tui.ui_state import UiState

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

LONGEST_TOAST = 400


class CrmdeckApp(App[None]):
    """The console over one workspace.

    `keys` remaps actions by id (`{"view.filter": "f"}`), `theme` is a theme's name, `terminal`
    for the terminal's own colours, or None for that of last time.
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
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        SystemCommandsProvider,
        DeckCommands,
    }

    def __init__(
        self,
        workspace: Workspace,
        *,
        keys: Mapping[str, str] | None = None,
        theme: str | None = None,
        panes: Sequence[PaneSpec] = PANES,
    ) -> None:
        super().__init__(css_path=[*sheets()])
        self.workspace = workspace
        self.read_only = workspace.read_only
        self.wants_demo = False
        self._keys = dict(keys or {})
        self._specs = tuple(panes)
        self.ui_state = UiState.load(workspace.home)
        for own in THEMES:
            self.register_theme(own)
        self.theme = theme_name(theme or self.ui_state.theme, set(self.available_themes))
        self.set_keymap(self._keys)

    def get_default_screen(self) -> Screen[None]:
        """Return the main screen."""
        return MainScreen(self._specs, self.ui_state)

    def on_mount(self) -> None:
        """Say what is wrong with the user's keys."""
        self.call_after_refresh(calm)
        on_ending(self.leave)
        if self._keys:
            for spec in self._specs:
                spec.load()
            for problem in check_keymap(self._keys):
                self.say(problem, title="Key map", severity="warning")

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
    ) -> None:
        """Show a toast; text from outside is shown as the text it is."""
        self.notify(
            display_block(text, LONGEST_TOAST),
            title=display_text(title, 60),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def copy(self, text: str) -> None:
        """Copy `text` to the clipboard of the terminal (OSC 52) and say so."""
        if text:
            self.copy_to_clipboard(text)
            lines = text.count("\n") + 1
            shown = display_text(text, 60) if lines == 1 else count(lines, "line")
            self.say(f"Copied {shown}", timeout=2)

    def get_css_variables(self) -> dict[str, str]:
        """Return the theme's variables with crmdeck's own roles added."""
        variables = super().get_css_variables()
        variables |= roles(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield what the palette offers beside the actions of crmdeck."""
        yield SystemCommand("app: theme", "Choose a theme", self.action_change_theme)

    def save_state(self) -> None:
        """Keep where the user is; a read-only workspace keeps what it had."""
        if self.read_only:
            return
        screen = self.screen_stack[0] if self.screen_stack else None
        if isinstance(screen, MainScreen):
            state = screen.collect_state()
            state.theme = self.theme
            state.save(self.workspace.home)

    async def action_quit(self) -> None:
        """Leave; where the user was is kept."""
        self.leave()

    def leave(self) -> None:
        """Leave at once; where the user was is kept, and what was decided is stored."""
        self.save_state()
        self.exit()

    def leave_for_demo(self) -> None:
        """Leave; who runs the console is told that the demo is wanted next."""
        self.wants_demo = True
        self.exit()
