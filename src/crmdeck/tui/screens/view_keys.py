"""The keys of what the pane shows: filter, views, details, copies and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui import dialogs, screens
from crmdeck.tui.host import Host
from crmdeck.tui.keys.actions import action
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane
    from crmdeck.workspace import Copy

OPENERS = {
    "m": ("health.mapping", "drift.mapping", "schema.mapping"),
    "s": ("drift.schema", "mapping.schema"),
    "c": ("view.open_in_crm",),
    "u": ("drift.usage", "schema.usage"),
    "w": ("mapping.samples", "schema.samples"),
}
"""The actions that `o` offers, by the key that follows; a pane has one of each."""

LETTERS = {"API name": "n", "Message": "s", "Markdown row": "m", "Command line": "c"}
"""The letters of the kinds of copies; their enum would be imported before the first frame."""

PREVIEWED = 8
"""Lines of a copy that show before it is copied."""


class ViewKeys:
    """Acts on the visible pane, also while the sidebar has the focus."""

    def __init__(self, host: Host, stage: Stage, filter_bar: FilterBar) -> None:
        self._host = host
        self._stage = stage
        self._filter_bar = filter_bar

    @property
    def _pane(self) -> Pane:
        """The visible pane. No key here runs without one."""
        return self._stage.shown

    def _no_filter(self) -> str | None:
        if self._stage.pane is None:
            return "Nothing to filter yet."
        return self._host.why_no_connection()

    @action(
        "view.filter",
        "Filter",
        "slash",
        hint=60,
        # In a line of text `/` is a letter, and Textual would take it for this key.
        applies=lambda keys: not keys._stage.is_typing,
        blocked=_no_filter,
    )
    def edit_filter(self) -> None:
        self._filter_bar.edit(self._pane.filter_source())

    def _no_counts(self) -> str | None:
        some = self._stage.pane is not None and self._pane.COUNTED
        return None if some else "Drift, Audit and Schema have counts."

    @action(
        "view.counts",
        "Counts",
        help="Count by kind, author or type. Enter filters.",
        blocked=_no_counts,
    )
    def show_counts(self) -> None:
        pane = self._pane
        if (source := pane.filter_source()) is None:
            return
        shown = source._replace(rows=pane.counted())
        if not shown.rows:
            self._host.say("No rows to count.", severity="warning")
            return

        def chosen(one: dialogs.Count | None) -> None:
            if one is not None:
                pane.filter_value(one.key, one.value)

        dialog = dialogs.choose_count(f"Counts in {self._stage.title}")
        dialogs.open_filled(
            pane.app,
            dialog,
            chosen,
            pane.loader,
            lambda _: dialogs.count_choices(shown, pane.COUNTED),
            dialog.fill,
            slot="counts",
            label="counting",
        )

    def _has_views(self) -> bool:
        return self._stage.pane is not None and bool(self._pane.views)

    @action(
        "view.next",
        "Next view",
        "full_stop",
        help="Show the next view (or click its name).",
        applies=_has_views,
    )
    def next_view(self) -> None:
        self._pane.show_view(self._pane.view_position + 1)

    @action(
        "view.previous",
        "Previous view",
        help="Show the previous view.",
        applies=_has_views,
    )
    def previous_view(self) -> None:
        self._pane.show_view(self._pane.view_position - 1)

    def _has_details(self) -> bool:
        return self._stage.pane is not None and self._pane.details is not None

    @action("view.larger", "Enlarge details", applies=_has_details)
    def enlarge_details(self) -> None:
        self._pane.size_details(1)

    @action("view.smaller", "Shrink details", applies=_has_details)
    def shrink_details(self) -> None:
        self._pane.size_details(-1)

    @action(
        "view.details",
        "Details",
        "tab",
        help="Move to the details, or back.",
        applies=_has_details,
        palette=False,
    )
    def turn_details(self) -> None:
        if self._stage.is_typing:
            self._stage.focus_pane()
        else:
            self._pane.turn_details()

    @action("view.details_down", "Scroll details down", applies=_has_details)
    def scroll_details_down(self) -> None:
        self._pane.scroll_details(1)

    @action("view.details_up", "Scroll details up", applies=_has_details)
    def scroll_details_up(self) -> None:
        self._pane.scroll_details(-1)

    def _no_copy(self) -> str | None:
        pane = self._stage.pane
        can = pane is not None and bool(pane.error or pane.can_copy())
        return None if can else "Nothing to copy here."

    @action(
        "view.copy",
        "Copy as…",
        "y",
        help="Copy as name, message, Markdown or command.",
        hint=19,
        blocked=_no_copy,
    )
    def copy_shown(self) -> None:
        pane = self._pane
        if pane.error is not None:
            self._host.copy(pane.error_details())
            return

        def chosen(copy: Copy | None) -> None:
            if copy is not None:
                self._host.ui_state.copy_kind = copy.kind
                self._host.copy(copy.text)

        if copies := pane.copies():
            last = self._host.ui_state.copy_kind
            dialog = dialogs.Choose(
                "Copy as",
                [dialogs.Choice(one, one.kind.value, key=LETTERS[one.kind]) for one in copies],
                current=next((one for one in copies if one.kind == last), None),
                notes=lambda copy: [(copy.text, "")],
                note_lines=PREVIEWED,
                takes="Copy",
                opened_by="y",
            )
            self._host.app.push_screen(dialog, chosen)

    def _no_crm_place(self) -> str | None:
        some = self._stage.pane is not None and self._pane.crm_place() is not None
        return None if some else "Nothing to open in the CRM."

    @action(
        "view.open_in_crm",
        "Open in CRM",
        help="Open the row in the CRM's setup.",
        blocked=_no_crm_place,
    )
    def open_in_crm(self) -> None:
        if (place := self._pane.crm_place()) is not None:
            screens.open_page(self._host, place)

    @action("view.open", "Open in…", "o", help="Open the row in another pane or the CRM.", hint=18)
    def open_elsewhere(self) -> None:
        steps = [dialogs.MenuStep(id_, key=key) for key, ids in OPENERS.items() for id_ in ids]
        dialogs.open_menu(self._stage.screen, "Open in…", steps, refused=True)

    @action(
        "view.saved",
        "Saved views",
        help="Save or show a view: filter, sort, columns.",
        blocked=lambda keys: None if keys._stage.table else "This place has no table.",
    )
    def open_saved_views(self) -> None:
        if (table := self._stage.table) is not None:
            key = f"{self._stage.pane_id}/{table.id}"
            screens.SavedViewsFlow(self._host, self._pane, table, key).start()

    def _no_export(self) -> str | None:
        can = self._stage.pane is not None and self._pane.can_export()
        return None if can else "Nothing to export here."

    @action(
        "view.export",
        "Export",
        "e",
        help="Export the rows shown.",
        hint=20,
        blocked=_no_export,
    )
    def export_shown(self) -> None:
        if (request := self._pane.export_request()) is not None:
            screens.ask_and_export(self._host, request, self._host.connection_id)
