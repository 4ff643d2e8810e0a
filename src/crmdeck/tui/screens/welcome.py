"""The first run: what this is, and the ways to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost

if TYPE_CHECKING:
    from crmdeck.tui.screens.main import MainScreen

WHAT = (
    "It looks after the CRM connections of a PartnerOS organisation: whether each one is "
    "healthy, what changed in its schema, which mappings that breaks, and who did what.\n\n"
    "There is no connection yet. Begin with one of these:"
)
AFTERWARDS = "What is read is kept on this machine; secrets go into its keyring."
ROOM = 20
"""Lines that the page takes with all that it says, in a window of 60 columns."""
READ_ONLY = "This workspace is open read-only: nothing can be added to it."

WAYS = (
    (
        "demo",
        "d",
        "Look around in the demo",
        "a made-up company, three months of history, offline",
    ),
    (
        "folder",
        "f",
        "Open a folder of exported schemas",
        "describes of Salesforce, properties of HubSpot",
    ),
    ("sign_in", "s", "Sign in to a CRM", "Salesforce, HubSpot, or through PartnerOS"),
)


def _move(name: str, title: str, *keys: str) -> Action:
    return Action(f"welcome.{name}", title, keys, palette=False)


class Ways(ActionHost, OptionList, inherit_bindings=False):
    """The list of ways to begin; each has a key as well."""

    SCOPE = "first run"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("welcome.select", "begin", ("enter",), hint=90, palette=False),
        Action("welcome.demo", "demo", ("d",), help="look around in the demo", hint=80),
        Action("welcome.folder", "folder", ("f",), help="open schemas", hint=79, writes=True),
        Action("welcome.sign_in", "sign in", ("s",), help="sign in to a CRM", hint=78, writes=True),
        _move("cursor_down", "next", "j", "down"),
        _move("cursor_up", "previous", "k", "up"),
    )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Begin."""
        event.stop()
        getattr(self, f"action_{event.option_id}")()

    def action_demo(self) -> None:
        """Leave this workspace for the demo."""
        self._main.deck.leave_for_demo()

    def action_folder(self) -> None:
        """Add a folder of exported schemas."""
        from crmdeck.tui.screens.adding import add_files

        add_files(self._main)

    def action_sign_in(self) -> None:
        """Add a CRM."""
        from crmdeck.tui.screens.adding import sign_in_somewhere

        sign_in_somewhere(self._main)

    @property
    def _main(self) -> MainScreen:
        return cast("MainScreen", self.screen)


class Welcome(Widget):
    """Takes the place of rail and pane while there is no connection."""

    def compose(self) -> ComposeResult:
        """Lay the page out."""
        with Vertical(id="page"):
            yield Static("Welcome to crmdeck", id="brand", markup=False)
            yield Static(WHAT, id="what", markup=False)
            yield Ways(id="ways", markup=False)
            yield Static("", id="afterwards", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the ways to begin in sight where there is no room for all."""
        self.set_class(event.size.height < ROOM, "-low")

    def on_mount(self) -> None:
        """List what can be done in this workspace."""
        read_only = cast("MainScreen", self.screen).deck.read_only
        ways = WAYS[:1] if read_only else WAYS
        self.query_one(Ways).add_options(
            Option(
                Content.assemble(
                    (f" {key}  ", "bold $primary"), (f"{title}\n    ", "bold"), (detail, "$muted")
                ),
                id=way,
            )
            for way, key, title, detail in ways
        )
        self.query_one("#afterwards", Static).update(READ_ONLY if read_only else AFTERWARDS)
        chosen = self.query_one(Ways)
        chosen.highlighted = 0
        chosen.focus()
