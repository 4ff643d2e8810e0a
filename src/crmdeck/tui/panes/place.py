"""A place: a list that a pane shows, and its details, filter and copies."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from textual.content import Content

from crmdeck.tui.filters import FilterKeys
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import Gives
from crmdeck.tui.widgets.text_view import Draw

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

R = TypeVar("R")

Columns: TypeAlias = tuple[Sequence[Column[R]], Gives]
"""The columns of a list, and how they give way."""


@dataclass(frozen=True)
class Brief:
    """The details of a row: titles, the longest first, parts of its state, and the text."""

    titles: Sequence[str] = ("Details",)
    state: Sequence[Content] = ()
    draw: Draw = lambda _: Content("")


NO_BRIEF = Brief()


@dataclass(frozen=True, kw_only=True)
class Place(Generic[R]):
    """A list of rows `R` with details. One function makes a place.

    `rows` returns None while they load: then the old rows stay. The others are asked with the rows
    on screen. `keys` are the filter keys, `searched` the texts of a row that words search; a pane
    that filters on its own leaves them out.
    """

    key: Callable[[R], Hashable]
    rows: Callable[[], Sequence[R] | None]
    columns: Callable[[Sequence[R]], Columns[R]]
    keys: Callable[[], FilterKeys[R]] = dict
    searched: Callable[[R], Iterable[str]] = lambda _: ()
    brief: Callable[[R], Brief]
    copies: Callable[[Sequence[R]], tuple[Copy, ...]]
    empty: str
    can_mark: bool = True
