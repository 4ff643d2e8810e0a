"""What a source leaves out of every field, so that no change of it can be seen."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.model.enums import FieldType
from crmdeck.model.schema import Field
from crmdeck.model.vendor import VendorProfile


def unknown_attributes(vendor: VendorProfile, fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the attributes (wire names) that the `fields` of an object never state.

    `type` is included if the source doesn't distinguish a currency from a number, or a reference
    from a list, `picklist` if it names a global value set without its values.
    """
    if not fields:
        return ()
    not_checked = [
        name
        for name in vendor.always_stated
        if all(getattr(field, name) is None for field in fields)
    ]
    texts = [field for field in fields if field.type is FieldType.STRING]
    if vendor.states_length and texts and all(each.length is None for each in texts):
        not_checked.append("length")
    if any(field.type_exact is False for field in fields):
        not_checked.append("type")
    if any(field.value_set and not field.picklist for field in fields):
        not_checked.append("picklist")
    aliases = {name: Field.model_fields[name].alias or name for name in not_checked}
    return tuple(aliases[name] for name in not_checked)
