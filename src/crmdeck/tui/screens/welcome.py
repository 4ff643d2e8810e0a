"""The page shown while a workspace has no connections."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from crmdeck.tui import screens
from crmdeck.tui.host import Host
from crmdeck.tui.keys.actions import EVERYWHERE, ActionHost, action

WHAT = (
    "crmdeck looks after the CRM connections of a PartnerOS organization: whether each is "
    "healthy, what changed in its schema, which mappings that breaks, and who did what.\n\n"
    "You have no connections yet. Start with one of these:"
)
AFTERWARDS = (
    "Schemas stay on this machine; secrets go into the system keyring.\n"
    "In a shell: crmdeck demo, or crmdeck connections add NAME"
)
ROOM = 20
"""Height of the whole page in a window of 60 columns."""
READ_ONLY = "This workspace is read-only: you can't add connections."

WAYS = {
    "welcome.demo": "sample company with three months of history; works offline",
    "welcome.folder": "Salesforce describe files, HubSpot property lists",
    "welcome.sign_in": "Salesforce, HubSpot or PartnerOS",
}
"""The ways to start, by the id of their action, each with a description."""


class Ways(ActionHost, OptionList, inherit_bindings=False):
    """The list of ways to start; each also has a key."""

    SCOPE = "first run"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)

    def __init__(self, host: Host, *, id: str) -> None:
        offered = [one for one in self.ACTIONS if one.id in WAYS]
        if host.workspace.read_only:
            offered = [one for one in offered if not one.writes]
        options = [
            Option(
                Content.assemble(
                    (f" {way.keys[0]}  ", "bold $info"),
                    (f"{way.sentence.removesuffix('.')}\n    ", "bold"),
                    (WAYS[way.id], "$muted"),
                ),
                id=way.id,
            )
            for way in offered
        ]
        super().__init__(*options, id=id, markup=False)
        self._host = host

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        await self.action_run(event.option_id or "")

    @action("welcome.select", "Choose", "enter", hint=90, palette=False)
    def choose(self) -> None:
        self.action_select()

    @action("welcome.demo", "Demo", "d", help="Explore the demo.", hint=80)
    def begin_demo(self) -> None:
        self._host.leave_for_demo()

    @action(
        "welcome.folder",
        "Folder",
        "f",
        help="Open a folder of exported schemas.",
        hint=79,
        writes=True,
    )
    def add_folder(self) -> None:
        screens.add_files(self._host)

    @action("welcome.sign_in", "Sign in", "s", help="Sign in to a CRM.", hint=78, writes=True)
    def add_crm(self) -> None:
        screens.sign_in_somewhere(self._host)

    @action("welcome.cursor_down", "Next", "j", "down", palette=False)
    def next_way(self) -> None:
        self.action_cursor_down()

    @action("welcome.cursor_up", "Previous", "k", "up", palette=False)
    def previous_way(self) -> None:
        self.action_cursor_up()


class Welcome(Widget):
    """Replaces the sidebar and the pane in a workspace without connections."""

    def __init__(self, host: Host, *, id: str) -> None:
        super().__init__(id=id)
        self._host = host

    def compose(self) -> ComposeResult:
        with Vertical(id="page"):
            yield Static("Welcome to crmdeck", id="brand", markup=False)
            yield Static(WHAT, id="what", markup=False)
            yield Ways(self._host, id="ways")
            read_only = self._host.workspace.read_only
            yield Static(READ_ONLY if read_only else AFTERWARDS, id="afterwards", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < ROOM, "-low")

    def on_mount(self) -> None:
        ways = self.query_one(Ways)
        ways.highlighted = 0
        ways.focus()
