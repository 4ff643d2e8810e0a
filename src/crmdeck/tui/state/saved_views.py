"""Views that a user saved under a name: the filter, the sort and the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SavedView:
    """A view of one table; `sort` is the id of a column, and True if descending.

    `columns` are the ids of the shown columns in order; empty means the default ones.
    """

    name: str
    filter: str = ""
    sort: tuple[str, bool] | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: object) -> SavedView | None:
        """Return the view that `to_state` made, or None if `kept` isn't one."""
        match kept:
            case {"name": str(name), "filter": str(filter_), **rest}:
                columns = rest.get("columns")
                shown = tuple(map(str, columns)) if isinstance(columns, list) else ()
                match rest.get("sort"):
                    case [str(column_id), bool(descending)]:
                        return cls(name, filter_, (column_id, descending), shown)
                return cls(name, filter_, None, shown)
        return None

    def to_state(self) -> dict[str, object]:
        """Return the view as JSON values."""
        return {
            "name": self.name,
            "filter": self.filter,
            "sort": list(self.sort) if self.sort is not None else None,
            "columns": list(self.columns),
        }

    def summary(self, titles: Mapping[str, str]) -> str:
        """Return the filter, sort and columns in words; `titles` are those of the columns by id."""
        parts = [self.filter or "no filter"]
        if self.sort is not None:
            column_id, descending = self.sort
            order = "descending" if descending else "ascending"
            parts.append(f"by {titles.get(column_id, column_id)} {order}")
        if self.columns:
            parts.append(f"{len(self.columns)} columns")
        return ", ".join(parts)


def views_of(kept: object) -> list[SavedView]:
    """Return the valid views of a kept list, each name once."""
    found = (SavedView.of(one) for one in kept) if isinstance(kept, list) else ()
    return list({view.name: view for view in found if view is not None}.values())


def with_view(views: Sequence[SavedView], view: SavedView) -> list[SavedView]:
    """Return the views with `view` instead of the one of its name, or at the end."""
    if any(one.name == view.name for one in views):
        return [view if one.name == view.name else one for one in views]
    return [*views, view]
