"""crmdeck impact: what breaks if a CRM field changes."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import JsonOption, NameArgument
from crmdeck.cli.output import Cells, TextTable, emit_json, emit_table, say
from crmdeck.cli.session import in_workspace
from crmdeck.errors import UsageError
from crmdeck.model import FieldChange, Severity
from crmdeck.text import count, visible_text


@in_workspace()
def impact(
    ws: workspace.Workspace,
    name: NameArgument,
    place: Annotated[str, typer.Argument(metavar="OBJECT.FIELD", help="CRM field.")],
    change: Annotated[
        FieldChange, typer.Option("--if", help="Planned change of the field.")
    ] = FieldChange.REMOVED,
    as_json: JsonOption = False,
) -> None:
    """Show what breaks if a CRM field is renamed, removed or shortened."""
    object_type, _, field_name = place.partition(".")
    if not object_type or not field_name:
        raise UsageError(f"'{place}' isn't a field.", remedy="Enter it as OBJECT.FIELD.")
    found = ws.fields.impact(name, object_type, field_name, change)
    if as_json:
        emit_json(found)
        return
    if found.effects:
        cells: Cells = {
            "severity": "severity",
            "kind": lambda effect: effect.kind.replace("_", " "),
            "object": lambda effect: effect.object_type or "-",
            "name": "name",
            "effect": "text",
        }
        emit_table(TextTable.of(found.effects, cells, below="effect"))
    breaking = sum(each.severity is Severity.BREAKING for each in found.effects)
    say(
        visible_text(
            f"If {place} is {change}: {count(len(found.effects), 'effect')}, {breaking:,} breaking."
        )
    )
    for sentence in found.not_checked:
        say(visible_text(f"Note: {sentence}"))
