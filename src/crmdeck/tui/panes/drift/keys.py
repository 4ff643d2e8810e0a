"""What the keys do in the drift pane."""

from __future__ import annotations

from typing import Any

from crmdeck.tui.actions import Action, Actions


def _has_lines(pane: Any) -> bool:
    return bool(pane.line)


def _has_days(pane: Any) -> bool:
    return bool(pane.line) and not pane.is_flat


def _has_drift(pane: Any) -> bool:
    return bool(pane.filter_text) or (pane.book is not None and bool(pane.book.entries))


def _has_connection(pane: Any) -> bool:
    return pane.connection_id is not None


def _on_event(pane: Any) -> bool:
    return pane.item is not None


def _on_field(pane: Any) -> bool:
    return pane.item is not None and not pane.item.event.kind.value.startswith("object_out")


def _on_values(pane: Any) -> bool:
    return pane.item is not None and bool(pane.item.values)


DRIFT_ACTIONS: Actions = (
    Action(
        "drift.acknowledge",
        "acknowledge",
        ("a",),
        help="acknowledge the change, the story, the day or all marked, with a note",
        hint=100,
        applies=lambda pane: any(True for _ in pane.open_items()),
        writes=True,
    ),
    Action(
        "drift.acknowledge_all",
        "acknowledge all shown",
        ("A",),
        help="acknowledge all that the filter shows, folded or not (asks)",
        applies=lambda pane: any(True for _ in pane.open_items(everything=True)),
        writes=True,
    ),
    Action(
        "drift.repair",
        "repair",
        ("f",),
        help="find another CRM field for the mapping that the change touches",
        hint=98,
        applies=lambda pane: bool(pane.broken()),
        writes=True,
    ),
    Action(
        "drift.rename",
        "take the rename",
        ("t",),
        help="take what left and what came as a rename: acknowledge both, move mappings",
        hint=96,
        applies=lambda pane: pane.rename() is not None,
        writes=True,
    ),
    Action(
        "drift.unacknowledged",
        "to do",
        ("u",),
        help="only what is not acknowledged, or all again",
        hint=90,
        applies=_has_drift,
    ),
    Action(
        "drift.breaking",
        "breaking",
        ("b",),
        help="only what is breaking, or all again",
        hint=86,
        applies=_has_drift,
    ),
    Action(
        "drift.mapped",
        "mapped",
        ("m",),
        help="only what touches a mapping, or all again",
        hint=44,
        applies=_has_drift,
    ),
    Action(
        "drift.fold",
        "fold",
        ("z",),
        help="fold or unfold the day or story; ←, → and Enter as well",
        hint=82,
        applies=_has_lines,
    ),
    Action(
        "drift.fold_all",
        "fold all",
        ("Z",),
        help="unfold all stories, or fold them again",
        applies=_has_lines,
    ),
    Action(
        "drift.older",
        "older day",
        ("less_than_sign",),
        help="go to the day before",
        applies=_has_days,
        palette=False,
    ),
    Action(
        "drift.newer",
        "newer day",
        ("greater_than_sign",),
        help="go to the day after",
        applies=_has_days,
        palette=False,
    ),
    Action(
        "drift.values",
        "values",
        ("p",),
        help="list all picklist values that changed",
        hint=80,
        applies=_on_values,
    ),
    Action(
        "drift.schema",
        "schema",
        ("o",),
        help="open the field in the Schema pane",
        hint=78,
        applies=_on_field,
    ),
    Action(
        "drift.everywhere",
        "all connections",
        ("asterisk",),
        help="show all connections, or this one only",
        hint=42,
        applies=_has_connection,
    ),
    Action("drift.scroll_down", "scroll the details", ("J",), palette=False, applies=_has_lines),
    Action("drift.scroll_up", "scroll the details back", ("K",), palette=False, applies=_has_lines),
    Action(
        "drift.copy_json", "copy as JSON", ("C",), help="copy the change as JSON", applies=_on_event
    ),
    Action(
        "drift.smaller",
        "smaller details",
        ("escape",),
        help="make the details smaller again (Enter on a change makes them larger)",
        applies=lambda pane: bool(pane.is_zoomed and not pane.filter_text),
        palette=False,
    ),
)
