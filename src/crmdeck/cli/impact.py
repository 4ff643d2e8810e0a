"""crmdeck impact: what breaks if a CRM field changes."""

from __future__ import annotations

from crmdeck import workspace
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import say
from crmdeck.errors import UsageError
from crmdeck.model import Effect, FieldChange, Severity
from crmdeck.text import count, visible_text


def impact(
    ws: workspace.Workspace,
    listing: Listing,
    name: str,
    place: str,
    change: FieldChange = FieldChange.REMOVED,
) -> None:
    """Show what breaks if a CRM field is renamed, removed or shortened."""
    object_type, _, field_name = place.partition(".")
    if not object_type or not field_name:
        raise UsageError(f"'{place}' isn't a field.", remedy="Enter it as OBJECT.FIELD.")
    found = ws.fields.impact(name, object_type, field_name, change)
    if not listing.emit(
        found.effects,
        columns=wire_columns(Effect),
        answer=lambda effects: {**found.to_wire(), "effects": effects},
        table={
            "severity": "severity",
            "kind": lambda effect: effect.kind.replace("_", " "),
            "object": lambda effect: effect.object_type or "-",
            "name": "name",
            "effect": "text",
        },
        below="effect",
    ):
        return
    breaking = sum(each.severity is Severity.BREAKING for each in found.effects)
    effects = f"{count(len(found.effects), 'effect')}, {breaking:,} breaking"
    for sentence in (f"If {place} is {change}: {effects}.",
                     *(f"Note: {each}" for each in found.not_checked)):  # fmt: skip
        say(visible_text(sentence))
