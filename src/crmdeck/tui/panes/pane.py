"""What a pane is: the contract between the main screen and every pane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import CrmdeckError
from crmdeck.tui.filters import has_terms, with_terms
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.keys.actions import EVERYWHERE, ActionHost
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.error_panel import ErrorPanel
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.tui.widgets.view_chips import ViewChips

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

PADDING = 2
BETWEEN = "   "

DIM_AFTER = 0.1
"""Seconds that data of a connection that was left may show before it is dimmed."""

DETAIL_STEP = 3
"""Lines that a key scrolls the details by."""


@dataclass(frozen=True)
class View:
    """A view of a pane: its name, and the terms of the filter by which it shows less."""

    name: str
    filter: str = ""


class CrmPlace(NamedTuple):
    """What the CRM may show itself: a connection by its id, an object of it, or a field."""

    connection_id: str
    object_type: str | None = None
    field_name: str | None = None


class ExportPart(NamedTuple):
    """What is to be exported of one connection: its name, and the records (None: all)."""

    connection: str
    only: frozenset[tuple[str, ...]] | None = None


@dataclass(frozen=True)
class ExportRequest:
    """What `e` exports: `what` as the workspace names it, and the object pair where it has one.

    `only` names the records that are on screen, `everywhere` asks for all connections. `at`,
    `right` and `right_at` are the moment and the other side, as the workspace takes them.
    `inner` names what may be exported instead: the same, with all that is in it. `parts` are what
    is to be exported of several connections, by their ids, each to a file of its own.
    """

    what: str
    pair: str | None = None
    only: frozenset[str] | frozenset[tuple[str, ...]] | None = None
    everywhere: bool = False
    at: datetime | None = None
    right: str | None = None
    right_at: datetime | None = None
    inner: str = ""
    parts: Mapping[str, ExportPart] = field(default_factory=dict)


class Pane(ActionHost, Widget):
    """One pane. A subclass implements `compose_body`, `reload`, and what else it has.

    The main screen calls `restore` once before the first `show`, `show` whenever the pane
    comes up, the connection changes or its data did, `visit` where another pane leads here, and
    `apply_filter` as the user types.
    """

    WITHIN: ClassVar[tuple[str, ...]] = ("table", EVERYWHERE)

    class Summary(Message):
        """What the filter line says of the rows: `12 of 340`, and a hint on the filter."""

        def __init__(self, count: str, hint: str = "") -> None:
            super().__init__()
            self.count = count
            self.hint = hint

    class Filtered(Message):
        """The pane set its filter by itself: the filter line is to say so."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Resized(Message):
        """What shows wants more room now, or less."""

    class Changed(Message):
        """The pane changed something in the workspace: statuses may differ now."""

    class Chosen(Message):
        """The pane went on to another connection by itself: rail and other panes follow."""

        def __init__(self, connection_id: str) -> None:
            super().__init__()
            self.connection_id = connection_id

    class Asked(Message):
        """Asks the screen for one of its own actions, by its id."""

        def __init__(self, action_id: str) -> None:
            super().__init__()
            self.action_id = action_id

    class Failed(Message):
        """Something went wrong; the pane shows it."""

        def __init__(self, error: CrmdeckError) -> None:
            super().__init__()
            self.error = error

    class AddConnection(Message):
        """Asks the screen to add a connection."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.host = host
        self.loader = Loader(self, self.show_error)
        self.connection_id: str | None = None
        self.filter_text = ""
        self.detail_size = 0
        self._titles: tuple[str, ...] = ()
        self._details: tuple[Content, ...] = ()
        self._has_to_do = False

    def compose_body(self) -> ComposeResult:
        """Yield the widgets of the pane."""
        raise NotImplementedError

    def reload(self) -> None:
        """Load what the pane shows of `connection_id`, through its loader."""
        raise NotImplementedError

    @property
    def is_reading(self) -> bool:
        """Whether it reads or stores already, so that it is not to be woken now."""
        return self.loader.is_loading

    def wake(self, head: int) -> None:
        """Read again since somebody wrote to the workspace, whose log has this `head` now.

        Called where nothing is shown of it: what is on screen stays, and the cursor on its row.
        """
        self.reload()

    def apply_filter(self, text: str) -> None:
        """Filter by `text`; post a `Summary`."""

    @property
    def wants_room(self) -> bool:
        """Whether what shows needs the room of the rail beside it."""
        return False

    @property
    def views(self) -> tuple[View, ...]:
        """The views of what shows now, in their order; none where there is one only."""
        return ()

    @property
    def view_position(self) -> int:
        """The place of the view that shows among `views`: the last one whose terms all hold."""
        held = [
            (len(view.filter.split()), position)
            for position, view in enumerate(self.views)
            if has_terms(self.filter_text, view.filter)
        ]
        return max(held)[1] if held else -1

    def show_view(self, position: int) -> None:
        """Show a view, the first again after the last; the other words of the filter stay."""
        views = self.views
        view = views[position % len(views)]
        others = (other.filter for other in views)
        self.replace_filter(with_terms(self.filter_text, view.filter, others))

    def show_views(self) -> None:
        """Say in the heading which views there are, and which of them shows."""
        names = [view.name for view in self.views]
        self.query_one(ViewChips).show(names, self.view_position)
        self._fit_heading()

    @on(ViewChips.Picked)
    def _view_picked(self, message: ViewChips.Picked) -> None:
        self.show_view(message.position)

    @cached_property
    def _detail_widget(self) -> Widget | None:
        # Asked for by each hint of the footer, and there from the start.
        return next(iter(self.query(".detail").results(Widget)), None)

    @property
    def details(self) -> Widget | None:
        """What tells of the row under the cursor, to be scrolled; None where nothing does."""
        return self._detail_widget

    def turn_details(self) -> None:
        """Go to the details, or from there back to what they tell of."""
        details, target = self.details, self.focus_target()
        wanted = target if details is None or details.has_focus else details
        if wanted is not None:
            wanted.focus()

    @on(TextView.Left)
    def _left_details(self) -> None:
        self.turn_details()

    def scroll_details(self, direction: int) -> None:
        """Scroll the details by a step, on or back."""
        details = self.details
        if details is not None:
            details.scroll_relative(y=DETAIL_STEP * direction, animate=False)

    def size_details(self, step: int) -> None:
        """Make the details larger (1) or smaller (-1): small, as usual, large."""
        self.detail_size = max(-1, min(1, self.detail_size + step))
        self.set_class(self.detail_size > 0, "-zoomed")
        self.set_class(self.detail_size < 0, "-shrunk")
        self.refresh_bindings()

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms in which `y` copies what is under the cursor; none where nothing is."""
        return ()

    def crm_place(self) -> CrmPlace | None:
        """Return what `O` opens in the CRM; None where nothing is under the cursor."""
        return CrmPlace(self.connection_id) if self.connection_id is not None else None

    def can_copy(self) -> bool:
        """Return whether `y` has anything to copy; asked often, so override what is slow."""
        return bool(self.copies())

    def export_request(self) -> ExportRequest | None:
        """Return what `e` exports; None where there is nothing to."""
        return None

    def can_export(self) -> bool:
        """Return whether `e` has anything to export; asked often, so override what is slow."""
        return self.export_request() is not None

    def state(self) -> dict[str, Any]:
        """Return what to restore next time, as JSON values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state; unknown and missing values are ignored."""

    def visit(self, location: Location) -> None:
        """Go to a location that another pane names; `show` follows."""
        self.restore(location.as_state())

    def shown_connection(self) -> str | None:
        """Return whose data is on screen: None where that of several is, or none.

        Overridden where what is on screen may be of a connection that was left.
        """
        return self.connection_id

    @property
    def is_left(self) -> bool:
        """Whether what is on screen is of another connection than the one that is chosen."""
        shown = self.shown_connection()
        return shown is not None and shown != self.connection_id

    def refuses_writes(self) -> str | None:
        """Return why nothing can be changed: what is on screen is of a connection that was left."""
        if self.is_left:
            return f"This is not {self.connection_name} yet: nothing was changed."
        return super().refuses_writes()

    def focus_target(self) -> Widget | None:
        """Return the widget that gets the focus when the pane comes up."""
        return next(
            (widget for widget in self.query("*").results(Widget) if widget.focusable), None
        )

    @property
    def connection_name(self) -> str:
        """The name of the connection, for headings."""
        status = self.host.status
        return status.name if status is not None else ""

    def compose(self) -> ComposeResult:
        """Lay the pane out: heading, error, body."""
        with Horizontal(classes="head"):
            yield Static("", classes="heading", markup=False)
            yield ViewChips()
        yield ErrorPanel()
        yield from self.compose_body()

    def on_unmount(self) -> None:
        """Stop the work that nobody waits for any more."""
        self.loader.close()

    def show(self, connection_id: str | None) -> None:
        """Show a connection; what is on screen stays until its data is there."""
        if connection_id != self.connection_id:
            self.show_error(None)
        self.connection_id = connection_id
        if self.is_left:
            # A pane that is dimmed is styled and painted anew: too long for what comes at once.
            self.set_timer(DIM_AFTER, self.dim)
        self.reload()

    def on_busy_changed(self) -> None:
        """Dim no more what is of the connection that is chosen."""
        if not self.is_left:
            self.dim()

    def dim(self) -> None:
        """Dim what is of a connection that was left, and nothing else."""
        self.set_class(self.is_left, "-left")

    def set_filter_text(self, text: str) -> None:
        """Filter by `text` and remember it."""
        self.filter_text = text
        self.apply_filter(text)
        self.show_views()

    def replace_filter(self, text: str) -> None:
        """Filter by `text` from here on, and let the filter line say so."""
        self.set_filter_text(text)
        if self.display:
            self.post_message(self.Filtered(text))

    def set_heading(self, title: str, *details: str | Content, short: str = "") -> None:
        """Write the first line of the pane; every text may come from outside.

        Where room lacks, details give way from the last on, then the title to its `short` form,
        then the views that do not show; the first detail stays where it is what to do, a Content.
        The title is whole, in two lines if need be.
        """
        self._titles = tuple(display_text(text, 240) for text in (title, short) if text)
        shown = tuple(text for text in details if text)
        self._details = tuple(
            Content.styled(display_text(text, 160), "$muted") if isinstance(text, str) else text
            for text in shown
        )
        self._has_to_do = bool(shown) and isinstance(shown[0], Content)
        self._fit_heading()

    @on(events.Resize)
    def _resized(self) -> None:
        self._fit_heading()

    def _fit_heading(self) -> None:
        if not self._titles:
            return
        chips = self.query_one(ViewChips)
        to_do = self._details[0].cell_length + len(BETWEEN) if self._has_to_do else 0
        forms = [
            (title, compact, least)
            for least in dict.fromkeys((to_do, 0))
            for compact in (False, True)
            for title in self._titles
        ]
        for title, compact, least in forms:
            shown = chips.cells(compact=compact) + PADDING if chips.display else 0
            room = self.size.width - PADDING - shown
            if cell_len(title) + least <= room:
                break
        chips.compact = compact
        heading = Content.styled(title, "bold")
        for detail in self._details:
            longer = Content.assemble(heading, BETWEEN, detail)
            if self.size.width and longer.cell_length > room:
                break
            heading = longer
        self.query_one(".heading", Static).update(heading)

    def show_error(self, error: CrmdeckError | None) -> None:
        """Show an error above the body, or take it away."""
        if error is not None:
            self.post_message(self.Failed(error))
        self.query_one(ErrorPanel).error = error

    @property
    def error(self) -> CrmdeckError | None:
        """The error that shows."""
        return self.query_one(ErrorPanel).error

    def error_details(self) -> str:
        """Return the details of the error that shows, to be copied."""
        return self.query_one(ErrorPanel).details()
