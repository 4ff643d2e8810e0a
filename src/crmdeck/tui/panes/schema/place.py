"""What a place of the schema pane has beside its list and details."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from textual.content import Content

from crmdeck.model import PicklistValue
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Only, View
from crmdeck.tui.panes.place import Place
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.panes.schema.view_state import Address
from crmdeck.tui.widgets.text_view import Draw

if TYPE_CHECKING:
    from crmdeck.model import AttributeChange
    from crmdeck.workspace import SearchIndex

R = TypeVar("R")

Heading: TypeAlias = tuple[str | Content, ...]
"""The parts of the state in a heading."""


@dataclass(frozen=True)
class Facts:
    """A field in full: the text about it, its picklist values, and what it is about."""

    draw: Draw
    values: Sequence[PicklistValue]
    about: object


@dataclass(frozen=True, kw_only=True)
class SchemaPlace(Place[R]):
    """A place of the trail, at an address.

    `what` and `where` (the chosen connection by default) begin its title, `heading` is the state,
    `banner` returns the text above the list for so many cells.
    A `wide` place needs the width of the sidebar. `enter` loads what only this place shows, `rest`
    what the details need once the cursor rests on a row. `open` returns the address that Enter
    leads to, `came_from` the key of the row that leads to the place that was left. `line` returns
    the field of a row, if it is one of the chosen connection. `change` returns the two values of a
    row of a comparison. `facts` replace the details by a field in full.
    """

    address: Address
    what: str = "Schema"
    where: str = ""
    heading: Callable[[], Heading] = lambda: ()
    banner: Callable[[int], str]
    hint: Callable[[str], str] = lambda _: ""
    index: Callable[[Sequence[R]], SearchIndex[R] | None] = lambda _: None
    export: Callable[[Only | None], ExportRequest | None]
    is_ready: Callable[[], bool]
    exists: Callable[[], bool] = lambda: True
    views: tuple[View, ...] = ()
    wide: bool = False
    enter: Callable[[], None] = lambda: None
    rest: Callable[[FieldLine], None] | None = None
    open: Callable[[R], Address | None] = lambda _: None
    came_from: Callable[[Address], Hashable | None] = lambda _: None
    line: Callable[[R | None], FieldLine | None] = lambda _: None
    samples_in_view: bool = False
    crm: Callable[[R], CrmPlace] | None = None
    change: Callable[[R], AttributeChange | None] | None = None
    facts: Callable[[], Facts | None] | None = None
