"""What the keys of the main screen do, whichever pane shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.model import Source, Status
from crmdeck.tui.keys.actions import EVERYWHERE
from crmdeck.tui.signals import has_job_control
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane
    from crmdeck.tui.screens.go_to import GoToAnything
    from crmdeck.tui.screens.main_host import MainHost
    from crmdeck.tui.state.messages import Message
    from crmdeck.workspace import Copy, CrmPage


class MainCommands:
    """Runs what has a key everywhere, and tells why it can't run just now."""

    def __init__(self, host: MainHost) -> None:
        self._host = host
        self._go_to_anything: GoToAnything | None = None

    # Connections

    def focus_rail(self) -> None:
        """Go to the connections, which unfold."""
        if self._host.is_folded:
            self.fold_rail()
        self._host.rail.focus()

    def fold_rail(self) -> None:
        """Fold the connections into a strip in the header line, or show them beside again."""
        self._host.fold(not self._host.is_folded)

    def next_connection(self) -> None:
        """Show the next connection, after the last the first."""
        self._step(1)

    def previous_connection(self) -> None:
        """Show the previous connection, before the first the last."""
        self._step(-1)

    def _step(self, step: int) -> None:
        ids = [status.id for status in self._host.statuses]
        chosen = self._host.connection_id
        if chosen in ids:
            self._host.show_connection(ids[(ids.index(chosen) + step) % len(ids)])

    def no_connection(self) -> str | None:
        """Say why there is no connection to do something with."""
        return None if self._host.connection_id is not None else "There is no connection yet."

    def refresh_chosen(self) -> None:
        """Refresh the schema of the connection."""
        status = self._host.status
        if status is not None:
            self._host.refresh_connection(status.id, status.name)

    def sign_in(self) -> None:
        """Sign in again to the connection, or read it from another folder."""
        from crmdeck.tui.screens.folder import ask_folder
        from crmdeck.tui.screens.sign_in import SignInFlow

        status = self._host.status
        if status is None:
            return
        if status.source is Source.FILES:
            ask_folder(self._host, status.id)
        else:
            SignInFlow(self._host, status.id, status.name).start()

    def no_sign_in(self) -> str | None:
        """Say why one can't sign in to the connection."""
        status = self._host.status
        if status is None:
            return self.no_connection() or "The connections are still being read."
        if status.status is Status.DISCONNECTED:
            return f"{status.name} is disconnected: reconnect it in Health first."
        return None

    # The pane

    @property
    def pane(self) -> Pane | None:
        """The pane that shows."""
        return self._host.pane

    def has_pane(self) -> bool:
        """Return whether a pane shows."""
        return self.pane is not None

    def focus_pane(self) -> None:
        """Go to the pane."""
        self._host.focus_pane()

    def reload(self) -> None:
        """Read the cache again."""
        self._host.reload()

    def go_back(self) -> None:
        """Undo the latest of: loading, an error, the filter."""
        host, pane = self._host, self.pane
        if host.loader.cancel() or (pane is not None and pane.loader.cancel()):
            host.say("Canceled; what was there stays.")
        elif pane is not None and pane.error is not None:
            pane.show_error(None)
        else:
            host.filter_bar.drop()
        host.refresh_bindings()

    def can_go_back(self) -> bool:
        """Return whether Esc has something to do on the main screen."""
        return self._host.takes_escape

    def is_not_typing(self) -> bool:
        """Return whether a letter is a key, not a part of a text."""
        return not self._host.is_typing

    def edit_filter(self) -> None:
        """Type a filter."""
        self._host.filter_bar.edit()

    def no_filter(self) -> str | None:
        """Say why there is nothing to filter."""
        return "There is nothing to filter yet." if self.pane is None else self.no_connection()

    def has_views(self) -> bool:
        """Return whether the pane has views to choose from."""
        return self.pane is not None and bool(self.pane.views)

    def next_view(self) -> None:
        """Show the next view of the pane."""
        self._turn_view(1)

    def previous_view(self) -> None:
        """Show the previous view of the pane."""
        self._turn_view(-1)

    def _turn_view(self, step: int) -> None:
        if self.pane is not None and self.pane.views:
            self.pane.show_view(self.pane.view_position + step)

    def has_details(self) -> bool:
        """Return whether the pane has details."""
        return self.pane is not None and self.pane.details is not None

    def enlarge_details(self) -> None:
        """Make the details of the pane larger."""
        if self.pane is not None:
            self.pane.size_details(1)

    def shrink_details(self) -> None:
        """Make the details of the pane smaller."""
        if self.pane is not None:
            self.pane.size_details(-1)

    def turn_details(self) -> None:
        """Go to the details of the pane, or back; from a line of text first to the pane."""
        if self.pane is None:
            return
        if self._host.is_typing:
            self._host.focus_pane()
        else:
            self.pane.turn_details()

    def scroll_details_down(self) -> None:
        """Scroll the details of the pane down."""
        if self.pane is not None:
            self.pane.scroll_details(1)

    def scroll_details_up(self) -> None:
        """Scroll the details of the pane up."""
        if self.pane is not None:
            self.pane.scroll_details(-1)

    def copy_shown(self) -> None:
        """Copy the error that shows, else ask what to copy of what is under the cursor."""
        from crmdeck.tui.dialogs.copy_as import CopyAs

        host, pane = self._host, self.pane
        if pane is None:
            return
        if pane.error is not None:
            host.copy(pane.error_details())
            return

        def chosen(copy: Copy | None) -> None:
            if copy is not None:
                host.ui_state.copy_kind = copy.kind
                host.copy(copy.text)

        if copies := pane.copies():
            host.app.push_screen(CopyAs(copies, host.ui_state.copy_kind), chosen)

    def no_copy(self) -> str | None:
        """Say why there is nothing to copy."""
        pane = self.pane
        can = pane is not None and bool(pane.error or pane.can_copy())
        return None if can else "There is nothing to copy here."

    def export_shown(self) -> None:
        """Export what the pane shows."""
        from crmdeck.tui.screens.export import ask_and_export

        request = self.pane.export_request() if self.pane is not None else None
        if request is not None:
            ask_and_export(self._host, request, self._host.connection_id)

    def no_export(self) -> str | None:
        """Say why there is nothing to export."""
        can = self.pane is not None and self.pane.can_export()
        return None if can else "There is nothing to export here."

    def open_saved_views(self) -> None:
        """Choose a saved view of the table, save one, or choose its columns."""
        from crmdeck.tui.screens.saved_views import SavedViewsFlow

        pane, table = self.pane, self._host.table
        if pane is not None and table is not None:
            place = f"{self._host.stage.pane_id}/{table.id}"
            SavedViewsFlow(self._host, pane, table, place).start()

    def no_table(self) -> str | None:
        """Say why there are no saved views."""
        return None if self._host.table is not None else "There is no table here."

    def open_in_crm(self) -> None:
        """Open what is under the cursor in the CRM's own setup page."""
        from crmdeck.tui.dialogs.browser import can_open_browser

        host = self._host
        place = self.pane.crm_place() if self.pane is not None else None
        if place is None:
            return

        def opened(page: CrmPage) -> None:
            # A browser in this terminal would take it from the console.
            if can_open_browser() and not host.app.is_headless:
                host.app.open_url(page.url)
                host.say("\n".join(filter(None, (f"Opened {page.url}", page.note))), timeout=4)
            else:
                host.copy(page.url)
                lines = ("No browser can be opened from here; copied:", page.url, page.note)
                host.say("\n".join(filter(None, lines)), timeout=10)

        host.loader.load(
            "page",
            lambda _: host.workspace.connections.page(*place),
            opened,
            label="finding its page",
            failed=lambda error: host.say(
                " ".join(filter(None, (error.message, error.cause, error.remedy))),
                severity="warning",
                timeout=8,
            ),
            quiet=True,
        )

    def no_crm_place(self) -> str | None:
        """Say why there is nothing to open in the CRM."""
        some = self.pane is not None and self.pane.crm_place() is not None
        return None if some else "There is nothing to open in the CRM."

    # Steps that were done

    def undo(self) -> None:
        """Undo the latest step, in whichever pane it was done."""
        step = self._host.steps.undo()
        self._host.say(f"Undone: {step.title}  ({step.where})", timeout=4)

    def undo_title(self) -> str:
        """Return `undo`, and how many steps can be undone."""
        number = len(self._host.steps.done)
        return f"undo {count(number, 'step')}" if number > 1 else "undo"

    def no_undo(self) -> str | None:
        """Say why there is nothing to undo."""
        return self._host.steps.why_no_undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        step = self._host.steps.redo()
        self._host.say(f"Done again: {step.title}  ({step.where})", timeout=4)

    def no_redo(self) -> str | None:
        """Say why there is nothing to do again."""
        return self._host.steps.why_no_redo()

    def list_steps(self) -> None:
        """List what was done and can be undone."""
        from crmdeck.tui.dialogs.steps import Steps

        self._host.app.push_screen(Steps(self._host.steps, self.undo, self.redo))

    def no_steps(self) -> str | None:
        """Say why there are no steps to list."""
        return self.no_undo() if not self._host.steps.undone else None

    # The console

    def show_messages(self) -> None:
        """Show what was said so far; Enter copies the command line of a message."""
        from crmdeck.tui.dialogs.messages import Messages

        def chosen(message: Message | None) -> None:
            if message is not None:
                self._host.copy(message.command or message.text)

        self._host.app.push_screen(Messages(self._host.console.messages()), chosen)

    def show_help(self) -> None:
        """Show what the keys do here."""
        from crmdeck.tui.dialogs.help import open_help

        scope = type(self.pane).SCOPE if self.pane is not None else EVERYWHERE
        open_help(self._host.app.screen, self._host.stage.title, scope)

    def open_go_to(self) -> None:
        """Go to a connection, an object, a field, a change, an action: to anything."""
        from crmdeck.tui.screens.go_to import GoToAnything

        if self._go_to_anything is None:
            self._go_to_anything = GoToAnything(self._host)
        self._go_to_anything.open()

    def can_go_to(self) -> bool:
        """Return whether there is a workspace to go through, and no text being typed."""
        return self._host.is_open and not self._host.is_typing

    def suspend(self) -> None:
        """Go back to the shell, which brings the console back with `fg`."""
        self._host.app.action_suspend_process()

    def no_shell(self) -> str | None:
        """Say why there is no shell to go back to."""
        return None if has_job_control() else "There is no shell to go back to."

    async def quit(self) -> None:
        """Leave; where the user was is kept."""
        await self._host.app.action_quit()
