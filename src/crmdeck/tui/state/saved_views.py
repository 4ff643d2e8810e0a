"""Views that a person saved under a name: the filter, the sort and the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SavedView:
    """A view of one table; `sort` is a column's id and whether it descends.

    `columns` are the ids of those that show, in their order; none means as they come.
    """

    name: str
    filter: str = ""
    sort: tuple[str, bool] | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: object) -> SavedView | None:
        """Return the view that `to_state` kept; None where it is not one."""
        match kept:
            case {"name": str(name), "filter": str(filter_), **rest}:
                sort, columns = rest.get("sort"), rest.get("columns")
                return cls(
                    name,
                    filter_,
                    (sort[0], sort[1])
                    if isinstance(sort, list)
                    and len(sort) == 2
                    and isinstance(sort[0], str)
                    and isinstance(sort[1], bool)
                    else None,
                    tuple(map(str, columns)) if isinstance(columns, list) else (),
                )
        return None

    def to_state(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "filter": self.filter,
            "sort": list(self.sort) if self.sort is not None else None,
            "columns": list(self.columns),
        }

    def told(self, titles: Mapping[str, str]) -> str:
        """Return what it shows in words; `titles` are those of the columns."""
        parts = [self.filter or "no filter"]
        if self.sort is not None:
            column_id, descending = self.sort
            way = "descending" if descending else "ascending"
            parts.append(f"by {titles.get(column_id, column_id)} {way}")
        if self.columns:
            parts.append(f"{len(self.columns)} columns")
        return ", ".join(parts)


def views_of(kept: object) -> list[SavedView]:
    """Return the views that a state names, each name once."""
    found = (SavedView.of(one) for one in kept) if isinstance(kept, list) else ()
    return list({view.name: view for view in found if view is not None}.values())


def with_view(views: Sequence[SavedView], view: SavedView) -> list[SavedView]:
    """Return the views with this one in the place of that of its name, or at the end."""
    if any(one.name == view.name for one in views):
        return [view if one.name == view.name else one for one in views]
    return [*views, view]
