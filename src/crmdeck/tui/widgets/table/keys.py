"""What the keys do in every table."""

from __future__ import annotations

from typing import Any

from crmdeck.tui.actions import Action, Actions


def _busy_selecting(table: Any) -> bool:
    return bool(table.marks.keys) or table.marks.anchor is not None


def _can_mark(table: Any) -> bool:
    return bool(table.can_mark) and table.shown_count > 0


def _move(name: str, title: str, *keys: str) -> Action[Any]:
    return Action(f"table.{name}", title, keys, palette=False)


TABLE_ACTIONS: Actions = (
    Action("table.select", "open", ("enter",), help="open the row", palette=False),
    _move("cursor_down", "next row", "j", "down"),
    _move("cursor_up", "previous row", "k", "up"),
    _move("first", "first row", "g", "home"),
    _move("last", "last row", "G", "end"),
    _move("page_down", "next page", "pagedown", "ctrl+f"),
    _move("page_up", "previous page", "pageup", "ctrl+b"),
    _move("left", "scroll left", "left"),
    _move("right", "scroll right", "right"),
    Action(
        "table.sort",
        "sort by the next column",
        ("s",),
        help="sort by the next column, or click a title",
    ),
    Action("table.reverse", "reverse the sort", ("S",)),
    Action("table.mark", "mark", ("space",), help="mark the row and go on", applies=_can_mark),
    Action(
        "table.range",
        "mark a range",
        ("v", "V"),
        help="begin a range, move, and press again to mark it",
        applies=_can_mark,
    ),
    Action("table.mark_all", "mark all shown", ("ctrl+a",), applies=_can_mark),
    Action(
        "table.unmark",
        "unmark all",
        ("escape",),
        applies=_busy_selecting,
        palette=False,
    ),
)
