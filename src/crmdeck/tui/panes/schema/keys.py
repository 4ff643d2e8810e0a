"""What the keys do in the schema pane."""

from __future__ import annotations

from typing import Any

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.panes.sampling import SAMPLES_HELP


def _has_data(pane: Any) -> bool:
    return pane.data is not None


def _can_leave(pane: Any) -> bool:
    return bool(len(pane.trail) > 1 or pane.at is not None)


def _escape_leaves(pane: Any) -> bool:
    # Esc first cancels, puts errors away and clears the filter: that is the screen's part.
    if pane.is_loading or pane.error or pane.filter_text or pane.screen.loader.is_loading:
        return False
    return _can_leave(pane)


def _escape_is_taken(pane: Any) -> bool:
    return _can_leave(pane) and not _escape_leaves(pane)


def _is_past(pane: Any) -> bool:
    return pane.at is not None


def _is_mapped(pane: Any) -> bool:
    return pane.mapping_place() is not None and any(spec.id == "mapping" for spec in PANES)


def _can_sample(pane: Any) -> bool:
    return pane.fields_in_view() is not None


def _has_values(pane: Any) -> bool:
    return bool(pane.has_values)


SCHEMA_ACTIONS: Actions = (
    Action(
        "schema.all",
        "all fields",
        ("f",),
        help="search the fields of all objects, or go back to the objects",
        hint=90,
        applies=_has_data,
    ),
    Action(
        "schema.travel",
        "time travel",
        ("t",),
        help="see the schema as of an earlier moment",
        hint=85,
        applies=_has_data,
    ),
    Action(
        "schema.compare",
        "compare",
        ("equals_sign",),
        help="compare with another connection, or with another moment",
        hint=82,
        applies=_has_data,
    ),
    Action(
        "schema.now",
        "back to now",
        ("T",),
        help="leave the past",
        hint=95,
        applies=_is_past,
    ),
    Action("schema.samples", "samples", ("w",), help=SAMPLES_HELP, hint=78, applies=_can_sample),
    Action("schema.mapping", "mapping", ("m",), help="open the mapping", applies=_is_mapped),
    Action(
        "schema.other",
        "facts/values",
        ("tab",),
        help="go between the facts and the picklist values",
        hint=80,
        applies=_has_values,
        palette=False,
    ),
    Action(
        "schema.up",
        "up",
        ("backspace",),
        help="go back up to where one came from",
        applies=_escape_leaves,
        palette=False,
        mode="free",
    ),
    Action(
        "schema.out",
        "up",
        ("backspace",),
        help="go back up while Esc has something else to do first, such as clearing the filter",
        hint=88,
        applies=_escape_is_taken,
        palette=False,
        mode="taken",
    ),
    Action(
        "schema.leave",
        "up",
        ("escape",),
        help="go back up, and from the past to now",
        hint=88,
        applies=_escape_leaves,
        palette=False,
    ),
)
