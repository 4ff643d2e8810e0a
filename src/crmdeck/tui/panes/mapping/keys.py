"""What the keys do in the mapping pane."""

from __future__ import annotations

from typing import Any

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.panes.sampling import SAMPLES_HELP


def _has_line(pane: Any) -> bool:
    return pane.line is not None or pane.is_loading


def _has_connection(pane: Any) -> bool:
    return pane.connection_id is not None


def _can_map_values(pane: Any) -> bool:
    return pane.line is not None and bool(pane.line.values)


def _can_sample(pane: Any) -> bool:
    return pane.fields_in_view() is not None


def _can_undo(pane: Any) -> bool:
    return pane.sitting is not None and bool(pane.sitting.undoable)


def _can_redo(pane: Any) -> bool:
    return pane.sitting is not None and bool(pane.sitting.redoable)


MAPPING_ACTIONS: Actions = (
    Action(
        "mapping.accept",
        "accept",
        ("a",),
        help="accept what is suggested, on this line or all marked ones",
        hint=100,
        applies=_has_line,
        writes=True,
    ),
    Action(
        "mapping.reject",
        "reject",
        ("x",),
        help="reject what is suggested; the next candidate moves up",
        hint=98,
        applies=_has_line,
        writes=True,
    ),
    Action(
        "mapping.unmap",
        "leave unmapped",
        ("X",),
        help="decide that this PartnerOS field, or all marked ones, stay unmapped",
        applies=_has_line,
        writes=True,
    ),
    Action(
        "mapping.direction",
        "direction",
        ("d",),
        help="both ways, PartnerOS to CRM, CRM to PartnerOS",
        hint=92,
        applies=_has_line,
        writes=True,
    ),
    Action(
        "mapping.values",
        "values",
        ("v",),
        help="which CRM value each PartnerOS value becomes",
        hint=94,
        applies=_can_map_values,
        writes=True,
    ),
    Action(
        "mapping.samples",
        "samples",
        ("w",),
        help=SAMPLES_HELP,
        hint=76,
        applies=_can_sample,
    ),
    Action(
        "mapping.next",
        "next open",
        ("n",),
        help="next undecided line",
        hint=78,
        applies=_has_line,
    ),
    Action(
        "mapping.previous",
        "previous open",
        ("N",),
        help="previous undecided line",
        applies=_has_line,
    ),
    Action(
        "mapping.accept_all",
        "accept sure ones",
        ("A",),
        help="accept all undecided lines shown at or above a confidence",
        hint=74,
        applies=_has_line,
        writes=True,
    ),
    Action(
        "mapping.undo",
        "undo",
        ("u",),
        help="take back the last step of this sitting",
        hint=90,
        applies=_can_undo,
        writes=True,
    ),
    Action(
        "mapping.redo",
        "redo",
        ("U",),
        help="do again what was taken back",
        hint=70,
        applies=_can_redo,
        writes=True,
    ),
    Action(
        "mapping.pair",
        "pair",
        ("p",),
        help="choose the object pair",
        hint=88,
        applies=_has_connection,
    ),
)
