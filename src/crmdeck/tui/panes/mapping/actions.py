"""What the keys of the mapping pane are."""

from __future__ import annotations

from functools import partial

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.panes.mapping.commands import MappingCommands
from crmdeck.tui.samples import SAMPLES_HELP

_decision = partial(Action[MappingCommands], blocked=MappingCommands.why_no_row, writes=True)

MAPPING_ACTIONS: Actions = (
    _decision(
        "mapping.accept",
        "accept",
        ("a",),
        MappingCommands.accept,
        help="accept what is suggested, on this line or all marked ones",
        hint=100,
    ),
    _decision(
        "mapping.reject",
        "reject",
        ("x",),
        MappingCommands.reject,
        help="reject what is suggested; the next candidate moves up",
        hint=98,
    ),
    _decision(
        "mapping.unmap",
        "leave unmapped",
        ("X",),
        MappingCommands.unmap,
        help="decide that this PartnerOS field, or all marked ones, stay unmapped",
    ),
    _decision(
        "mapping.direction",
        "direction",
        ("d",),
        MappingCommands.direction,
        help="both ways, PartnerOS to CRM, CRM to PartnerOS",
        hint=92,
    ),
    Action(
        "mapping.values",
        "values",
        ("v",),
        MappingCommands.values,
        help="which CRM value each PartnerOS value becomes",
        hint=94,
        blocked=MappingCommands.why_no_values,
        writes=True,
    ),
    Action(
        "mapping.samples",
        "samples",
        ("w",),
        MappingCommands.samples,
        help=SAMPLES_HELP,
        hint=76,
        blocked=MappingCommands.why_no_samples,
    ),
    Action(
        "mapping.next",
        "next open",
        ("n",),
        MappingCommands.next_open,
        help="next undecided line",
        hint=78,
        blocked=MappingCommands.why_no_row,
    ),
    Action(
        "mapping.previous",
        "previous open",
        ("N",),
        MappingCommands.previous_open,
        help="previous undecided line",
        blocked=MappingCommands.why_no_row,
    ),
    _decision(
        "mapping.accept_all",
        "accept sure ones",
        ("A",),
        MappingCommands.accept_all,
        help="accept all undecided lines shown at or above a confidence",
        hint=74,
    ),
    Action(
        "mapping.undo",
        "undo",
        ("u",),
        MappingCommands.undo,
        help="take back the last step of this sitting",
        hint=90,
        blocked=MappingCommands.why_no_undo,
        writes=True,
    ),
    Action(
        "mapping.redo",
        "redo",
        ("U",),
        MappingCommands.redo,
        help="do again what was taken back",
        hint=70,
        blocked=MappingCommands.why_no_redo,
        writes=True,
    ),
    Action(
        "mapping.pair",
        "pair",
        ("p",),
        MappingCommands.choose_pair,
        help="choose the object pair",
        hint=88,
        blocked=MappingCommands.why_no_pair,
    ),
)
