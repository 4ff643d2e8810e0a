"""What the keys of the mapping pane are."""

from __future__ import annotations

from functools import partial

from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.panes.mapping.commands import MappingCommands
from crmdeck.tui.panes.samples import SAMPLES_HELP

_decision = partial(Action[MappingCommands], blocked=MappingCommands.why_no_rows, writes=True)

MAPPING_ACTIONS: Actions = (
    _decision(
        "mapping.accept",
        "accept",
        ("a",),
        MappingCommands.accept,
        blocked=MappingCommands.why_not_accepted,
        help="accept what is suggested, on this line, all marked ones, or a group",
        hint=100,
    ),
    _decision(
        "mapping.reject",
        "reject",
        ("x",),
        MappingCommands.reject,
        help="reject what is suggested; the next candidate moves up if it is likely",
        hint=98,
    ),
    _decision(
        "mapping.unmap",
        "unmapped",
        ("X",),
        MappingCommands.unmap,
        help="leave this PartnerOS field, all marked ones, or a group unmapped",
        hint=97,
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
        "mapping.repair",
        "repair",
        ("f",),
        MappingCommands.repair,
        help="find another CRM field for a line that a change broke",
        hint=93,
        blocked=MappingCommands.why_no_repair,
        writes=True,
    ),
    Action(
        "mapping.known",
        "warning is known",
        ("W",),
        MappingCommands.know_warning,
        help="tell this kind of warning no more on the pair; again: tell all kinds",
        blocked=MappingCommands.why_no_warning,
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
        blocked=MappingCommands.why_no_rows,
    ),
    Action(
        "mapping.previous",
        "previous open",
        ("N",),
        MappingCommands.previous_open,
        help="previous undecided line",
        blocked=MappingCommands.why_no_rows,
    ),
    _decision(
        "mapping.accept_all",
        "sure ones",
        ("A",),
        MappingCommands.accept_all,
        blocked=MappingCommands.why_not_accepted,
        help="accept the sure lines shown in which values can flow: it lists them first",
        hint=95,
    ),
    Action(
        "mapping.schema",
        "schema",
        ("o",),
        MappingCommands.open_schema,
        help="open the CRM field in the Schema pane",
        blocked=MappingCommands.why_no_field,
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
    Action(
        "mapping.edit",
        "edit the pair",
        ("E",),
        MappingCommands.edit,
        help="edit the whole pair as a mapping file in $EDITOR, with a preview",
        blocked=MappingCommands.why_no_edit,
        writes=True,
    ),
)
