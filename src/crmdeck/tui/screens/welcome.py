"""The first run: what this is, and the ways to begin."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from crmdeck.tui.host import Console, FlowHost
from crmdeck.tui.keys.actions import EVERYWHERE, Action, ActionHost, Actions

WHAT = (
    "It looks after the CRM connections of a PartnerOS organization: whether each one is "
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


class Ways(ActionHost, OptionList, inherit_bindings=False):
    """The list of ways to begin; each has a key as well."""

    SCOPE = "first run"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)

    def __init__(self, host: FlowHost, application: Console, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._host = host
        self._application = application

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Begin."""
        event.stop()
        await self.action_run(f"welcome.{event.option_id}")

    def begin_demo(self) -> None:
        """Leave this workspace for the demo."""
        self._application.leave_for_demo()

    def add_folder(self) -> None:
        """Add a folder of exported schemas."""
        from crmdeck.tui.screens.add_connection import add_files

        add_files(self._host)

    def add_crm(self) -> None:
        """Add a CRM."""
        from crmdeck.tui.screens.add_connection import sign_in_somewhere

        sign_in_somewhere(self._host)

    ACTIONS: ClassVar[Actions] = (
        Action(
            "welcome.select", "begin", ("enter",), OptionList.action_select, hint=90, palette=False
        ),
        Action("welcome.demo", "demo", ("d",), begin_demo, help="look around in the demo", hint=80),
        Action(
            "welcome.folder",
            "folder",
            ("f",),
            add_folder,
            help="open schemas",
            hint=79,
            writes=True,
        ),
        Action(
            "welcome.sign_in",
            "sign in",
            ("s",),
            add_crm,
            help="sign in to a CRM",
            hint=78,
            writes=True,
        ),
        Action(
            "welcome.cursor_down",
            "next",
            ("j", "down"),
            OptionList.action_cursor_down,
            palette=False,
        ),
        Action(
            "welcome.cursor_up",
            "previous",
            ("k", "up"),
            OptionList.action_cursor_up,
            palette=False,
        ),
    )


class Welcome(Widget):
    """Takes the place of rail and pane while there is no connection."""

    def __init__(self, host: FlowHost, application: Console, *, id: str) -> None:
        super().__init__(id=id)
        self._host = host
        self._application = application

    def compose(self) -> ComposeResult:
        """Lay the page out."""
        with Vertical(id="page"):
            yield Static("Welcome to crmdeck", id="brand", markup=False)
            yield Static(WHAT, id="what", markup=False)
            yield Ways(self._host, self._application, id="ways")
            yield Static("", id="afterwards", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the ways to begin in sight where there is no room for all."""
        self.set_class(event.size.height < ROOM, "-low")

    def on_mount(self) -> None:
        """List what can be done in this workspace."""
        read_only = self._host.workspace.read_only
        ways = WAYS[:1] if read_only else WAYS
        self.query_one(Ways).add_options(
            Option(
                Content.assemble(
                    (f" {key}  ", "bold $info"), (f"{title}\n    ", "bold"), (detail, "$muted")
                ),
                id=way,
            )
            for way, key, title, detail in ways
        )
        self.query_one("#afterwards", Static).update(READ_ONLY if read_only else AFTERWARDS)
        chosen = self.query_one(Ways)
        chosen.highlighted = 0
        chosen.focus()
