"""What the keys are in the schema pane."""

from __future__ import annotations

from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.panes.samples import SAMPLES_HELP
from crmdeck.tui.panes.schema.commands import SchemaCommands
from crmdeck.tui.panes.usage import USAGE_HELP

SCHEMA_ACTIONS: Actions = (
    Action(
        "schema.all",
        "all fields",
        ("f",),
        SchemaCommands.search_all,
        help="search the fields of all objects, or go back to the objects",
        hint=90,
        blocked=SchemaCommands.no_schema,
    ),
    Action(
        "schema.everywhere",
        "all connections",
        ("asterisk",),
        SchemaCommands.turn_everywhere,
        help="search the fields of all connections, or of this one only",
        blocked=SchemaCommands.no_everywhere,
    ),
    Action(
        "schema.travel",
        "time travel",
        ("t",),
        SchemaCommands.travel,
        help="see the schema as of an earlier moment",
        hint=85,
        blocked=SchemaCommands.no_schema,
    ),
    Action(
        "schema.compare",
        "compare",
        ("equals_sign",),
        SchemaCommands.compare,
        help="compare with another connection, or with another moment",
        hint=82,
        blocked=SchemaCommands.no_schema,
    ),
    Action(
        "schema.now",
        "back to now",
        ("T",),
        SchemaCommands.go_to_now,
        help="leave the past",
        hint=95,
        blocked=SchemaCommands.no_past,
    ),
    Action(
        "schema.samples",
        "samples",
        ("w",),
        SchemaCommands.turn_samples,
        help=SAMPLES_HELP,
        hint=78,
        blocked=SchemaCommands.no_samples,
    ),
    Action(
        "schema.usage",
        "depended on?",
        ("D",),
        SchemaCommands.ask_usage,
        help=USAGE_HELP,
        hint=76,
        blocked=SchemaCommands.no_usage,
    ),
    Action(
        "schema.mapping",
        "map",
        ("m",),
        SchemaCommands.go_to_mapping,
        help="open the mapping of the field, or begin one for it",
        hint=79,
        blocked=SchemaCommands.no_mapping,
    ),
    Action(
        "schema.up",
        "up",
        ("backspace",),
        SchemaCommands.go_up,
        help="go back up to where one came from",
        applies=lambda commands: commands.escape_leaves,
        palette=False,
        mode="free",
    ),
    Action(
        "schema.out",
        "up",
        ("backspace",),
        SchemaCommands.go_up,
        help="go back up while Esc has something else to do first, such as clearing the filter",
        hint=88,
        applies=lambda commands: commands.can_leave and not commands.escape_leaves,
        palette=False,
        mode="taken",
    ),
    Action(
        "schema.leave",
        "up",
        ("escape",),
        SchemaCommands.go_up,
        help="go back up, and from the past to now",
        hint=88,
        applies=lambda commands: commands.escape_leaves,
        palette=False,
    ),
)
