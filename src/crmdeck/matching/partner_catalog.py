"""Parse the PartnerOS catalog: one file for each object type.

A later file of the same object adds and replaces fields, or replaces the whole object with
`replace = true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from crmdeck.errors import UsageError
from crmdeck.matching.knowledge_files import Document
from crmdeck.model import Field, FieldType, PartnerObject, PicklistValue
from crmdeck.text import mistake_text

_OBJECT_KEYS = frozenset({"object", "label", "description", "replace", "fields"})
_FIELD_KEYS = frozenset(Field.model_fields) - {"name", "native", "native_type"}


@dataclass(frozen=True)
class CatalogFile:
    object: PartnerObject
    replace: bool = False


def parse_catalog(text: str, origin: str) -> CatalogFile:
    """Return the content of a catalog file; `origin` names it in errors.

    By default fields are optional, readable, createable and updateable. Calculated ones can't be
    written. Raises UsageError (`BAD_CATALOG_FILE`) with the file, the line and the correct form.
    """
    document = Document(text, origin, "BAD_CATALOG_FILE")
    document.allow(document.data, _OBJECT_KEYS, "The file")
    name = document.text(document.data.get("object"), "object")
    label = document.data.get("label", "")
    description = document.data.get("description", "")
    fields = document.table("fields")
    return CatalogFile(
        object=PartnerObject(
            object_type=name,
            label=document.text(label, "label") if label else "",
            description=document.text(description, "description") if description else "",
            fields=tuple(_field(document, key, document.table(key, fields)) for key in fields),
        ),
        replace=document.flag(document.data.get("replace", False), "replace"),
    )


def combine(files: tuple[CatalogFile, ...]) -> dict[str, PartnerObject]:
    """Return the catalog by object name; a later file extends or replaces an earlier one."""
    objects: dict[str, PartnerObject] = {}
    for file in files:
        known = objects.get(file.object.object_type)
        objects[file.object.object_type] = (
            file.object if known is None or file.replace else _extended(known, file.object)
        )
    return {
        name: partner if partner.label else partner.model_copy(update={"label": name})
        for name, partner in objects.items()
    }


def _extended(known: PartnerObject, more: PartnerObject) -> PartnerObject:
    fields = {field.name: field for field in (*known.fields, *more.fields)}
    return PartnerObject(
        object_type=known.object_type,
        label=more.label or known.label,
        description=more.description or known.description,
        fields=tuple(fields.values()),
    )


def _field(document: Document, name: str, entry: Mapping[str, object]) -> Field:
    document.allow(entry, _FIELD_KEYS, f"The field '{name}'")
    type_ = document.text(entry.get("type", FieldType.STRING.value), "type")
    if type_ not in frozenset(FieldType):
        raise document.error(
            f"'{type_}' isn't a type.",
            f"Use one of: {', '.join(FieldType)}.",
            at=f'"{type_}"',
        )
    writable = entry.get("calculated") is not True
    try:
        return Field.model_validate(
            {
                "label": name,
                "required": False,
                "readable": True,
                "createable": writable,
                "updateable": writable,
                "calculated": False,
                **entry,
                "name": name,
                "type": type_,
                "native_type": type_,
                "picklist": _picklist(document, entry),
            }
        )
    except ValidationError as error:
        raise _not_valid(document, name, error) from None


def _picklist(document: Document, entry: Mapping[str, object]) -> tuple[PicklistValue, ...]:
    values = entry.get("picklist", [])
    if isinstance(values, dict):
        return tuple(
            PicklistValue(value=value, label=document.text(label, value))
            for value, label in values.items()
        )
    return tuple(
        PicklistValue(value=value, label=value) for value in document.texts(values, "picklist")
    )


def _not_valid(document: Document, name: str, error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return document.error(
        f"'{key}' of the field '{name}' {mistake_text(first)}.",
        "Correct the value, or remove the line.",
        at=f"fields.{name}]",
    )
