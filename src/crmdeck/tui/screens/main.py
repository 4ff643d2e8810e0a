"""The main screen: what the keys do everywhere, whatever pane shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from crmdeck.tui.actions import Action, ActionHost, offers
from crmdeck.tui.screens.frame import Frame
from crmdeck.tui.screens.keys import SCREEN_ACTIONS
from crmdeck.tui.ui_state import UiState
from crmdeck.tui.widgets.rail import Rail

if TYPE_CHECKING:
    from crmdeck.model import Connection


class MainScreen(ActionHost, Frame):
    """Acts on the connection and the pane that show."""

    ACTIONS: ClassVar[tuple[Action, ...]] = SCREEN_ACTIONS

    def action_rail(self) -> None:
        """Go to the rail."""
        self.query_one(Rail).focus()

    def action_pane(self) -> None:
        """Go to the pane."""
        self.focus_pane()

    def action_next(self) -> None:
        """Show the next connection."""
        self._step(1)

    def action_previous(self) -> None:
        """Show the previous connection."""
        self._step(-1)

    def action_back(self) -> None:
        """Undo the latest of: loading, an error, the filter."""
        pane = self.pane
        if self.cancel_load() or (pane is not None and pane.cancel_load()):
            self.deck.say("Cancelled; what was there stays.")
        elif pane is not None and pane.error is not None:
            pane.show_error(None)
        else:
            self.filter_bar.action_drop()
        self.refresh_bindings()

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter_bar.edit()

    def action_refresh(self) -> None:
        """Refresh the schema of the connection."""
        if self.status is not None:
            self.refresh_connection(self.status.id, self.status.name)

    def refresh_connection(self, ref: str, name: str) -> None:
        """Refresh the schema of a connection; a failure shows in the pane, and in its health."""
        from crmdeck.tui.screens.refreshing import refresh_and_tell

        refresh_and_tell(self, ref, name)

    def show_added(self, connection: Connection, *, refresh: bool) -> None:
        """Show a connection that is new, or signed in to again."""
        self.connection_id = connection.id
        self.action_reload()
        if refresh:
            self.refresh_connection(connection.id, connection.name)

    def action_sign_in(self) -> None:
        """Sign in again to the connection."""
        from crmdeck.tui.screens.signing_in import SigningIn

        if self.status is not None:
            SigningIn(self, self.status.id, self.status.name).start()

    def action_reload(self) -> None:
        """Read the cache again."""
        self.load_statuses()
        if self.pane is not None:
            self.pane.show(self.connection_id)

    def action_copy(self) -> None:
        """Copy the error that shows, else what the pane has under its cursor."""
        pane = self.pane
        if pane is not None:
            text = pane.error_details() if pane.error is not None else pane.copy_text()
            self.deck.copy(text)

    def action_export(self) -> None:
        """Export what the pane shows."""
        from crmdeck.tui.screens.exporting import ask_and_export

        request = self.pane.export_request() if self.pane is not None else None
        if request is not None:
            ask_and_export(self, request, self.connection_id)

    def action_help(self) -> None:
        """Show what the keys do here."""
        from crmdeck.tui.dialogs.help import Help

        self.app.push_screen(Help(f"Keys · {self.stage.title}", offers(self)))

    def action_commands(self) -> None:
        """Open the palette."""
        self.app.action_command_palette()

    async def action_quit(self) -> None:
        """Leave; where the user was is kept."""
        await self.app.action_quit()

    def palette_entries(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Yield what the palette offers beside the actions."""
        for spec in self.specs:
            yield f"go: {spec.title}", partial(self.action_show_pane, spec.id)
        for status in self.query_one(Rail).statuses:
            yield f"connection: {status.name}", partial(self.show_connection, status.id)

    def collect_state(self) -> UiState:
        """Return where the user is, to be kept."""
        state = self.ui_state
        state.connection_id = self.connection_id or ""
        state.pane = self.stage.pane_id or state.pane
        state.panes |= self.stage.states()
        return state

    def _step(self, step: int) -> None:
        ids = [status.id for status in self.query_one(Rail).statuses]
        if self.connection_id in ids:
            self.show_connection(ids[(ids.index(self.connection_id) + step) % len(ids)])
