"""The base of all panes: a list with details, its keys, and its messages to the main screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from crmdeck.errors import CrmdeckError
from crmdeck.tui import widgets
from crmdeck.tui.dialogs.menu import MenuStep, open_menu
from crmdeck.tui.filters import (
    Filter,
    FilterSource,
    compile_filter,
    has_terms,
    with_terms,
    with_value,
)
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import EVERYWHERE, ActionHost, RunAction, offers
from crmdeck.tui.loading.requests import Loader, LoadQueue
from crmdeck.tui.panes.place import NO_BRIEF, Place
from crmdeck.tui.panes.to_do import LEAD, ToDo, to_do_line
from crmdeck.tui.state.undo import Undoable, UndoStep
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.error_panel import ErrorPanel
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.tui.widgets.view_chips import ViewChips

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

T = TypeVar("T")

DETAILS_BESIDE = 200
"""Width of the window from which all panes have their details at the right."""

LOW = 30
"""Height of a window below which pictures give way to rows."""

TIGHT = 18
"""Height of a window below which the details have few lines."""

DIM_AFTER = 0.1
"""Seconds before the data of the previous connection is dimmed."""

DETAIL_STEP = 3
"""Lines that one key press scrolls the details."""


@dataclass(frozen=True)
class View:
    """A named filter of a pane."""

    name: str
    filter: str = ""


class CrmPlace(NamedTuple):
    """A connection, object or field that can be opened in the CRM."""

    connection_id: str
    object_type: str | None = None
    field_name: str | None = None


Only: TypeAlias = frozenset[str] | frozenset[tuple[str, ...]]
"""Names of records to export."""


class ExportPart(NamedTuple):
    """The records to export of one connection, by its name; None means all."""

    connection: str
    only: frozenset[tuple[str, ...]] | None = None


@dataclass(frozen=True)
class ExportRequest:
    """What `e` exports: `what` and its options, as `workspace.exports` takes them.

    `only` are the records that match the filter; a function reads them in a worker. `everywhere`
    means all connections. `inner` names a larger export that the user can choose instead, such as
    an object with its fields. `parts` are exports of several connections by id, each to its own
    file.
    """

    what: str
    pair: str | None = None
    only: Only | Callable[[], frozenset[str]] | None = None
    everywhere: bool = False
    at: datetime | None = None
    right: str | None = None
    right_at: datetime | None = None
    inner: str = ""
    parts: Mapping[str, ExportPart] = field(default_factory=dict)


class Pane(ActionHost, Widget):
    """One pane: a list, and the details of the row under the cursor.

    A subclass implements `table`, `place` and `reload`, and more if it needs to.

    The main screen calls `restore` once before the first `show`. It calls `show` when the pane is
    shown, and when the connection or its data changes, `visit` when another pane leads here, and
    `apply_filter` while the user types.
    """

    WITHIN: ClassVar[tuple[str, ...]] = ("table", EVERYWHERE)

    class Summary(Message):
        """The filter bar must show another `note`."""

    @dataclass
    class Filtered(Message):
        """The pane set its own filter; the filter bar must show it."""

        text: str

    class Resized(Message):
        """The pane needs more width now, or less."""

    class NextSteps(Message):
        """The pane has another to-do line, `next_steps`."""

    class Changed(Message):
        """The pane changed the workspace: statuses may differ now."""

    @dataclass
    class Chosen(Message):
        """The pane chose another connection; the sidebar and the other panes follow."""

        connection_id: str

    @dataclass
    class Failed(Message):
        """An error that the pane shows."""

        error: CrmdeckError

    class AddConnection(Message):
        """Asks the screen for the dialog that adds a connection."""

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.host = host
        self.loader = Loader(self, self.show_error)
        # One at a time: a redo right after an undo must not overtake it.
        self._changes = LoadQueue(self.loader, "change")
        self.connection_id: str | None = None
        self.filter_text = ""
        self.note = ("", "")
        self.brief = TextView(id="brief", classes="detail part")
        self._hint = ""
        self._briefed: object = None
        self.detail_size = 0
        self.next_steps: Callable[[int], Content] = lambda _: Content("")
        self._to_do: tuple[ToDo, ...] = ()

    @property
    def place(self) -> Place[Any]:
        """The list on screen."""
        raise NotImplementedError

    @property
    def table(self) -> Table[Any]:
        """The table of the list."""
        raise NotImplementedError

    def open_row(self, row: Any) -> None:
        """Open a row: Enter was pressed on it."""

    def compose_body(self) -> ComposeResult:
        """Yield the widgets of the main part of the pane."""
        yield self.table

    def compose_details(self) -> ComposeResult:
        """Yield the other parts, below or beside the main one."""
        yield self.brief

    def reload(self) -> None:
        """Load the data of `connection_id` with `loader`."""
        raise NotImplementedError

    @property
    def is_reading(self) -> bool:
        """True while the pane loads or stores: then `wake` must wait."""
        return self.loader.is_loading

    def show_statuses(self) -> None:
        """Show what comes from the statuses of the host: they were read again."""

    @property
    def has_data(self) -> bool:
        """True once the pane shows what it loads; until then keys wait."""
        return self.panel.is_drawn

    def wake(self, head: int) -> None:
        """Load again after a write to the workspace; `head` is that of its log.

        What is on screen stays until then, and the cursor stays on its row.
        """
        self.reload()

    def apply_filter(self, text: str) -> None:
        """Filter by `text`; post a `Summary`."""

    def read_filter(self) -> Filter[Any]:
        """Return the filter, with the keys of the list."""
        place = self.place
        return compile_filter(self.filter_text, searched=place.searched, keys=place.keys())

    def filter_source(self) -> FilterSource[Any]:
        """Return the rows that a filter chooses from, and its keys."""
        return FilterSource(self.table.all_rows, self.place.keys())

    COUNTED: ClassVar[tuple[str, ...]] = ()
    """Filter keys by whose values the rows are counted."""

    def counted(self) -> Iterable[object]:
        """Return the rows to count: those that match the filter. An iterator reads in a worker."""
        return self.table.shown()

    @property
    def wants_room(self) -> bool:
        """True if the pane needs the width of the sidebar."""
        return False

    @property
    def views(self) -> tuple[View, ...]:
        """The views to choose from, in their order."""
        return ()

    def view_name(self, view: View) -> str:
        """Return the name of a view in the heading, with the number of its rows if known."""
        return view.name

    first_filter: ClassVar[str] = ""
    """The filter of a pane that was never shown before."""

    @property
    def view_position(self) -> int:
        """Position of the current view: the one with the most terms in the filter; -1 if none."""
        # A view without terms, such as All, is part of every filter.
        held = [
            (len(view.filter.split()), position)
            for position, view in enumerate(self.views)
            if has_terms(self.filter_text, view.filter)
        ]
        return max(held)[1] if held else -1

    def show_view(self, position: int) -> None:
        """Show a view, counting around after the last. Other words of the filter stay."""
        views = self.views
        view = views[position % len(views)]
        others = (other.filter for other in views)
        self.replace_filter(with_terms(self.filter_text, view.filter, others))

    def show_views(self) -> None:
        """Show the views and the current one in the heading."""
        names = [self.view_name(view) for view in self.views]
        self.query_one(ViewChips).show(names, self.view_position)

    @on(ViewChips.Picked)
    def _view_picked(self, message: ViewChips.Picked) -> None:
        self.show_view(message.position)

    @property
    def details(self) -> Widget | None:
        """The widget with the details of the row under the cursor, if it shows."""
        return self.brief

    def describe(self) -> None:
        """Show the details of the row under the cursor."""
        row = self.table.cursor_row
        brief = self.place.brief(row) if row is not None else NO_BRIEF
        # Set the title with the data, because a first title draws the frame.
        if self.panel.is_drawn or row is not None:
            self.panel.caption(self.brief, *brief.titles, state=brief.state)
        about = (self.table.id, self.table.cursor_key)
        self.brief.show(brief.draw, from_top=about != self._briefed)
        self._briefed = about

    def count_rows(self) -> None:
        """Show the number of rows in the filter bar. Called when other rows show."""
        self.summarize(self.table.count_text, self._hint)

    # Textual runs the method of the class that declares it, and panes override what it calls. A
    # late message may come from the table of another list.
    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        if message.table is self.table:
            self.count_rows()
            self.describe()

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        if message.table is self.table:
            self.describe()
            self.refresh_bindings()

    goes_in: ClassVar[bool] = False
    """True if Enter opens the row in full. In other panes it shows the steps of the row."""

    @on(Table.MenuAsked)
    def _menu_asked(self, message: Table.MenuAsked) -> None:
        table = self.table
        if message.table is not table:
            return
        if not self.goes_in:
            self.open_row(table.cursor_row)
            return
        found = [one for one in offers(self.screen) if one.host in (self, table)]
        found.sort(key=lambda offer: -offer.action.hint)
        steps = [MenuStep(one.action.id) for one in found if one.action.palette]
        key, title = table.cursor_key, self.place.brief(table.cursor_row).titles[0]
        open_menu(self.screen, title, steps, still=lambda: table.cursor_key == key)

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        if message.table is self.table:
            self.open_row(message.row)

    def turn_details(self) -> None:
        """Focus the details, or go back from there."""
        details, target = self.details, self.focus_target()
        wanted = target if details is None or details.has_focus else details
        if wanted is not None:
            wanted.focus()

    @on(TextView.Left)
    def _left_details(self) -> None:
        self.turn_details()

    def scroll_details(self, direction: int) -> None:
        """Scroll the details down (1) or up (-1)."""
        details = self.details
        if details is not None:
            details.scroll_relative(y=DETAIL_STEP * direction, animate=False)

    def size_details(self, step: int) -> None:
        """Make the details larger (1) or smaller (-1); there are three sizes."""
        self.panel.forget_sizes()
        self.detail_size = max(-1, min(1, self.detail_size + step))
        self.set_class(self.detail_size > 0, "-zoomed")
        self.set_class(self.detail_size < 0, "-shrunk")
        # Enlarged details are no longer tight.
        self._fit_parts()
        self.refresh_bindings()

    def copies(self) -> tuple[Copy, ...]:
        """Return the formats in which `y` copies the row under the cursor or the marked rows."""
        return self.place.copies(self.table.chosen())

    def crm_place(self) -> CrmPlace | None:
        """Return the page that `O` opens in the CRM, if any."""
        return CrmPlace(self.connection_id) if self.connection_id is not None else None

    def can_copy(self) -> bool:
        """True if `y` can copy something. Called often."""
        return self.table.cursor_row is not None

    def export_request(self) -> ExportRequest | None:
        """Return the export of `e`, if any."""
        return None

    def can_export(self) -> bool:
        """True if `e` can export something. Called often: override it if the request is slow."""
        return self.export_request() is not None

    def state(self) -> dict[str, object]:
        """Return the state to restore at the next start, as JSON values."""
        return {}

    def restore(self, state: Mapping[str, object]) -> None:
        """Restore a state; unknown and missing values are ignored."""

    def visit(self, location: Location) -> None:
        """Prepare to show a location; `show` follows."""
        self.restore(location.as_state())

    def shown_connection(self) -> str | None:
        """Return the connection whose data is on screen; None for several or none.

        Override it if data of the previous connection may still be on screen.
        """
        return self.connection_id

    @property
    def is_left(self) -> bool:
        """True if the data on screen belongs to the previous connection."""
        shown = self.shown_connection()
        return shown is not None and shown != self.connection_id

    def refuses_writes(self) -> str | None:
        # The row under the cursor is not one of the connection that the user sees chosen.
        if self.is_left:
            name = self.host.status.name if self.host.status is not None else ""
            return f"Still loading {name}. Nothing was changed."
        return super().refuses_writes()

    def focus_target(self) -> Widget | None:
        """Return the widget that gets the focus when the pane is shown."""
        return self.table

    @property
    def connection_name(self) -> str:
        """Name of the connection whose data is on screen, for headings."""
        ref = self.shown_connection() or self.connection_id
        return next((one.name for one in self.host.statuses if one.id == ref), "")

    def compose(self) -> ComposeResult:
        with widgets.Panel(id="panel"):
            with Vertical(classes="main part"):
                yield ErrorPanel()
                yield ViewChips()
                yield from self.compose_body()
            yield from self.compose_details()

    def on_unmount(self) -> None:
        self.loader.close()

    def show(self, connection_id: str | None) -> None:
        """Show a connection. The old data stays on screen until the new data is loaded."""
        # An error is about one connection. After a reload it stays until the result.
        if connection_id != self.connection_id:
            self.show_error(None)
        self.connection_id = connection_id
        if self.is_left:
            # Dimming styles and paints the whole pane: too slow if the data is about to come.
            self.set_timer(DIM_AFTER, self.dim)
        self.reload()

    def on_busy_changed(self) -> None:
        if not self.is_left:
            self.dim()

    def dim(self) -> None:
        """Dim the pane if its data belongs to the previous connection."""
        self.set_class(self.is_left, "-left")

    def perform(self, change: Undoable[T]) -> None:
        """Store a change after all earlier ones, and make it undoable."""

        def done(result: T) -> None:
            self.performed(change)
            change.done(result)

        self._changes.put(lambda _: change.do(), done, failed=self.show_error, label=change.label)

    def performed(self, change: Undoable[T]) -> None:
        """Make a change undoable that is stored already."""
        steps = self.host.steps

        def turn(work: Callable[[], T], label: str) -> None:
            self._changes.put(lambda _: work(), change.turned, failed=failed, label=label)

        def failed(error: CrmdeckError) -> None:
            steps.put_back(change)
            self.show_error(error)

        steps.did(
            UndoStep(
                change.title,
                change.where,
                self.host.workspace.now,
                back=lambda: turn(change.undo, "undoing"),
                again=lambda: turn(change.do, "redoing"),
                subject=change,
                command=change.command,
            )
        )

    def set_filter_text(self, text: str) -> None:
        """Filter by `text` and remember it."""
        self.filter_text = text
        self.apply_filter(text)
        self.show_views()

    def summarize(self, count: str, hint: str = "") -> None:
        """Set the note that the filter bar shows while the pane is on screen."""
        self.note = (count, hint)
        self.post_message(self.Summary())

    def replace_filter(self, text: str) -> None:
        """Filter by `text`, and show it in the filter bar."""
        self.set_filter_text(text)
        # The filter bar belongs to the visible pane.
        if self.display:
            self.post_message(self.Filtered(text))

    def filter_value(self, key: str, value: str) -> None:
        """Filter by a value of `key`, besides the other terms."""
        self.replace_filter(with_value(self.filter_text, key, value))

    @cached_property
    def panel(self) -> widgets.Panel:
        """The frame around the parts of the pane."""
        return self.query_one(widgets.Panel)

    @cached_property
    def _main(self) -> Widget:
        return self.query_one(".main")

    def set_heading(self, title: str, *state: str | Content, short: str = "") -> None:
        """Set the title of the pane and its state; the texts may come from outside.

        In a narrow pane the state is left out from its last part on, and the title gets its
        `short` form.
        """
        self.panel.caption(
            self._main,
            *(display_text(text, 240) for text in (title, short) if text),
            state=[
                Content.styled(display_text(text, 160), "$muted") if isinstance(text, str) else text
                for text in state
                if text
            ],
        )

    def show_to_do(
        self, steps: Iterable[ToDo], *notes: str, nothing: str = "Nothing to do", lead: str = LEAD
    ) -> None:
        """Show the to-do line, and at the right the longest of the notes that fits."""
        self._to_do = tuple(steps)
        draw = partial(to_do_line, self._to_do, nothing, notes, lead=lead)
        self.show_next_steps(draw)

    def take_step(self, position: int) -> None:
        """Do a step of the to-do line: it was clicked."""
        if position < len(self._to_do):
            self._to_do[position].do()

    def run_on(self, action_id: str, keys: Collection[Hashable]) -> None:
        """Run an action, first with the cursor on one of these rows, if there are any."""
        table = self.table
        if keys and table.cursor_key not in keys:
            shown = [table.key_of(row) for row in table.shown()]
            place = next((at for at, key in enumerate(shown) if key in keys), None)
            if place is None:
                self.host.say("These rows aren't shown. Clear the filter, or expand their group.")
                return
            table.move_to(place)
        self.post_message(RunAction(action_id))

    def show_next_steps(self, draw: Callable[[int], Content]) -> None:
        """Show the to-do line of the pane; `draw` returns it for so many cells."""
        self.next_steps = draw
        if self.display:
            self.post_message(self.NextSteps())

    @on(events.Resize)
    def _fit_parts(self) -> None:
        width, height = self.app.size
        self.set_class(width >= DETAILS_BESIDE, "-beside")
        self.set_class(height < LOW, "-low")
        self.set_class(height < TIGHT and self.detail_size <= 0, "-tight")

    def show_error(self, error: CrmdeckError | None) -> None:
        """Show an error above the body, or remove it."""
        if error is not None:
            self.post_message(self.Failed(error))
            # The panel draws nothing until a part has a title.
            if not self.panel.is_drawn:
                self.set_heading(self.connection_name)
        self.query_one(ErrorPanel).error = error

    @property
    def error(self) -> CrmdeckError | None:
        return self.query_one(ErrorPanel).error

    def error_details(self) -> str:
        return self.query_one(ErrorPanel).details()
