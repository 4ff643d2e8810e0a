"""The place in the drift pane, and the places that other panes lead to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from crmdeck.tui.panes.drift.arrangement import Folds
from crmdeck.tui.widgets.table import Sort

MOST_FOLDS = 500
"""Folds that are kept; nobody who has turned over more will miss the oldest."""


@dataclass(frozen=True)
class ViewState:
    """What a state says, with what holds now where it says nothing."""

    cursor: str | None
    sort: Sort | None
    folds: Folds
    everywhere: bool
    filter: str | None

    @classmethod
    def of(cls, state: Mapping[str, Any], folds: Folds, *, everywhere: bool) -> Self:
        """Read a state; what is missing or of another form is left as it is."""
        cursor = _text(state.get("event")) or _text(state.get("line")) or None
        sort = None
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                sort = Sort(column_id, descending)
        wanted = state.get("everywhere")
        return cls(
            cursor=cursor,
            sort=sort,
            folds=Folds(_names(state.get("open"), folds.open_stories)),
            everywhere=wanted if isinstance(wanted, bool) else everywhere,
            filter=_text(state.get("filter")) if "filter" in state else None,
        )


def to_state(line: str, sort: Sort | None, folds: Folds, everywhere: bool) -> dict[str, Any]:
    """Return what `ViewState.of` reads, as JSON values."""
    return {
        "line": line,
        "sort": [sort.column_id, sort.descending] if sort is not None else None,
        "open": sorted(folds.open_stories)[-MOST_FOLDS:],
        "everywhere": everywhere,
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _names(value: object, otherwise: frozenset[str]) -> frozenset[str]:
    if not isinstance(value, list):
        return otherwise
    return frozenset(one for one in value if isinstance(one, str))
