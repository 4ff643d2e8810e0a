"""How field types are called in a sentence."""

from __future__ import annotations

from crmdeck.model import FieldType

_PLURALS = {
    FieldType.ID: "record ids",
    FieldType.STRING: "texts",
    FieldType.TEXT: "long texts",
    FieldType.HTML: "formatted texts",
    FieldType.EMAIL: "e-mail addresses",
    FieldType.PHONE: "phone numbers",
    FieldType.URL: "web addresses",
    FieldType.BOOLEAN: "yes or no",
    FieldType.INTEGER: "whole numbers",
    FieldType.DECIMAL: "numbers",
    FieldType.CURRENCY: "amounts of money",
    FieldType.PERCENT: "percentages",
    FieldType.DATE: "dates",
    FieldType.DATETIME: "dates with a time",
    FieldType.TIME: "times",
    FieldType.PICKLIST: "picklists",
    FieldType.MULTIPICKLIST: "picklists of several values",
    FieldType.REFERENCE: "references to a record",
    FieldType.COMPOUND: "compound fields",
    FieldType.BINARY: "files",
    FieldType.OTHER: "of a type of their own",
}


def both_kinds(left: FieldType, right: FieldType) -> str:
    """Return in words that two types fit: "both dates", "texts fit long texts"."""
    if FieldType.OTHER in (left, right):
        return "types may fit"
    if left is right:
        return f"both {_PLURALS[left]}"
    return f"{_PLURALS[left]} fit {_PLURALS[right]}"
