"""Saved views: the filter, sort and columns of a table under a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.columns import Columns
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.host import Host
from crmdeck.tui.state.saved_views import SavedView, views_of, with_view
from crmdeck.tui.widgets.table import Sort, Table

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane

LONGEST_NAME = 60
TOO_LONG = f"At most {LONGEST_NAME} characters."


class SavedViewsFlow:
    """Asks for a saved view, and keeps saved views in the state of the console."""

    def __init__(self, host: Host, pane: Pane, table: Table[Any], place: str) -> None:
        self._host = host
        self._pane = pane
        self._table = table
        self._place = place

    @property
    def views(self) -> list[SavedView]:
        return views_of(self._host.ui_state.views.get(self._place))

    def start(self) -> None:
        deeds: dict[str, tuple[str, str, Callable[[], object]]] = {
            "save": ("+ Save this view", "filter, sort and layout, under a name", self._ask_name),
            "columns": ("+ Choose columns", "which ones show, in which order", self._ask_columns),
        }
        if self.views:
            deeds["delete"] = ("+ Delete a view", "which one", self._ask_deleted)

        def on_submit(choice: SavedView | str | None) -> None:
            if isinstance(choice, str):
                deeds[choice][2]()
            elif choice is not None:
                self._show(choice)

        choices: list[Choice[SavedView | str]] = [*self._choices()]
        choices += [Choice(name, title, detail) for name, (title, detail, _) in deeds.items()]
        self._host.app.push_screen(Choose("Saved views", choices), on_submit)

    def _choices(self) -> Iterator[Choice[Any]]:
        titles = {column.id: column.title for column in self._table.columns}
        return (Choice(view, view.name, view.summary(titles)) for view in self.views)

    def _ask_name(self) -> None:
        prompt = Prompt(
            "Save this view as",
            placeholder="Name. A view of this name is replaced.",
            check=lambda name: "" if len(name) <= LONGEST_NAME else TOO_LONG,
        )
        self._host.app.push_screen(prompt, self._save)

    def _ask_columns(self) -> None:
        named = [(one.id, one.title) for one in self._table.columns if one.title]
        dialog = Columns(named, self._table.column_choice)
        self._host.app.push_screen(dialog, self._choose_columns)

    def _ask_deleted(self) -> None:
        def on_submit(view: SavedView | None) -> None:
            if view is not None:
                self._keep([one for one in self.views if one.name != view.name])
                self._host.say(f"Deleted view {view.name}.", timeout=3)

        self._host.app.push_screen(Choose("Delete a view", [*self._choices()]), on_submit)

    def _show(self, view: SavedView) -> None:
        # A newer version may have other columns than the view was saved with.
        ids = {column.id for column in self._table.columns}
        self._choose_columns(tuple(one for one in view.columns if one in ids))
        sort = Sort(*view.sort) if view.sort is not None and view.sort[0] in ids else None
        self._table.set_sort(sort)
        self._pane.replace_filter(view.filter)

    def _save(self, name: str | None) -> None:
        if name is None or not name.strip():
            return
        sort = self._table.sort
        view = SavedView(
            name.strip(),
            self._pane.filter_text,
            (sort.column_id, sort.descending) if sort is not None else None,
            self._table.column_choice,
        )
        before = self.views
        self._keep(with_view(before, view))
        known = any(one.name == view.name for one in before)
        self._host.say(f"{'Replaced' if known else 'Saved'} view {view.name}.", timeout=3)

    def _choose_columns(self, ids: tuple[str, ...] | None) -> None:
        if ids is None:
            return
        self._table.choose_columns(ids)
        columns = self._host.ui_state.columns
        if ids:
            columns[self._place] = list(ids)
        else:
            columns.pop(self._place, None)
        self._host.save_state()

    def _keep(self, views: list[SavedView]) -> None:
        self._host.ui_state.views[self._place] = [view.to_state() for view in views]
        self._host.save_state()
