"""What a source does not say of any field, so that no change of it can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck.model.enums import FieldType, Platform
from crmdeck.model.schema import Field

# What a full answer says of every field; what a CRM never says is not missing from an export.
_SAID_OF_ALL: Mapping[Platform, tuple[str, ...]] = {
    Platform.SALESFORCE: (
        *("required", "createable", "updateable", "unique", "external_id", "calculated"),
    ),
    Platform.HUBSPOT: ("createable", "updateable", "unique", "calculated"),
}


def unknown_attributes(platform: Platform, fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the attributes (wire names) that `fields` of one object type can't be judged by.

    `type` is among them where the source leaves out what tells a currency from a number or a
    reference from a list.
    """
    if not fields:
        return ()
    not_checked = [
        name
        for name in _SAID_OF_ALL[platform]
        if all(getattr(field, name) is None for field in fields)
    ]
    texts = [field for field in fields if field.type is FieldType.STRING]
    if platform is Platform.SALESFORCE and texts and all(each.length is None for each in texts):
        not_checked.append("length")
    if any(field.type_exact is False for field in fields):
        not_checked.append("type")
    aliases = {name: Field.model_fields[name].alias or name for name in not_checked}
    return tuple(aliases[name] for name in not_checked)
