"""Open a place in the CRM's own setup, in a browser if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.dialogs.browser import can_open_browser
from crmdeck.tui.host import Host
from crmdeck.tui.panes.pane import CrmPlace

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.model import CrmPage


def open_page(host: Host, place: CrmPlace) -> None:
    """Open the page of a place, or copy its address."""

    def opened(page: CrmPage) -> None:
        # A browser in this terminal would take it from the console.
        if can_open_browser() and not host.app.is_headless:
            host.app.open_url(page.url)
            host.say("\n".join(filter(None, (f"Opened {page.url}", page.note))), timeout=4)
        else:
            host.copy(page.url)
            lines = ("Can't open a browser here. Copied:", page.url, page.note)
            host.say("\n".join(filter(None, lines)), timeout=10)

    def failed(error: CrmdeckError) -> None:
        host.say(str(error), severity="warning", timeout=8)

    host.loader.load(
        "page",
        lambda _: host.workspace.connections.page(*place),
        opened,
        label="finding the page",
        failed=failed,
        quiet=True,
    )
