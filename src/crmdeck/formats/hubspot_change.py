"""HubSpot changes: new properties and new options, as bodies for the Properties API.

Source: HubSpot API reference, "Create a batch of properties" (2026-03).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from crmdeck.formats.new_names import free_name, name_words, one_line
from crmdeck.model import (
    ChangeFiles,
    ChangeRequest,
    Field,
    FieldType,
    Lack,
    PicklistValue,
    ProposedChange,
    ProposedFile,
    ProposedKind,
)

# Accounts may lack the newest version, 2026-09.
_API = "https://api.hubapi.com/crm/properties/2026-03"
_LONGEST_NAME = 100
_LONGEST_LABEL = 255
_CREATE = "properties/create.json"
_ARCHIVE = "properties/undo.json"
# The type and the field type, which must fit each other.
_NATIVE = {
    FieldType.BOOLEAN: ("bool", "booleancheckbox"),
    FieldType.CURRENCY: ("number", "number"),
    FieldType.DATE: ("date", "date"),
    FieldType.DATETIME: ("datetime", "date"),
    FieldType.DECIMAL: ("number", "number"),
    FieldType.EMAIL: ("string", "text"),
    FieldType.HTML: ("string", "html"),
    FieldType.ID: ("string", "text"),
    FieldType.INTEGER: ("number", "number"),
    FieldType.MULTIPICKLIST: ("enumeration", "checkbox"),
    FieldType.PERCENT: ("number", "number"),
    FieldType.PHONE: ("string", "phonenumber"),
    FieldType.PICKLIST: ("enumeration", "select"),
    FieldType.REFERENCE: ("string", "text"),
    FieldType.STRING: ("string", "text"),
    FieldType.TEXT: ("string", "textarea"),
    FieldType.TIME: ("string", "text"),
    FieldType.URL: ("string", "text"),
}
_CHOICES = (FieldType.PICKLIST, FieldType.MULTIPICKLIST)
_YES_AND_NO = (
    PicklistValue(value="true", label="Yes"),
    PicklistValue(value="false", label="No"),
)


def write_change(request: ChangeRequest) -> ChangeFiles:
    """Return the request bodies that add properties and options, and what to do by hand."""
    target = request.schema.object_type
    taken = {field.name.lower() for field in request.schema.fields}
    # The group of most custom properties, else of most properties.
    fields = request.schema.fields
    counts = Counter(field.group for field in fields if field.group and field.custom)
    counts = counts or Counter(field.group for field in fields if field.group)
    group = counts.most_common(1)[0][0] if counts else f"{target}information"
    changes: list[ProposedChange] = []
    files: list[ProposedFile] = []
    new: list[dict[str, object]] = []
    deploy: list[str] = []
    undo: list[str] = []
    for lack in request.lacks:
        if lack.target is None:
            wanted = wanted_property(lack.source, taken, group)
            changes.append(_added(lack.source, wanted))
            if not isinstance(wanted, str):
                new.append(wanted)
            continue
        change, edit = _edit(lack, lack.target)
        changes.append(change)
        files += edit
        deploy += [_call("PATCH", f"{target}/{change.crm_field}", each.path) for each in edit[:1]]
        undo += [_call("PATCH", f"{target}/{change.crm_field}", each.path) for each in edit[1:]]
    if new:
        names = [{"name": each["name"]} for each in new]
        files = [
            ProposedFile(path=_CREATE, content=_json({"inputs": new})),
            *files,
            ProposedFile(path=_ARCHIVE, content=_json({"inputs": names})),
        ]
        deploy.insert(0, _call("POST", f"{target}/batch/create", _CREATE))
        undo.append(_call("POST", f"{target}/batch/archive", _ARCHIVE))
    return ChangeFiles(tuple(changes), tuple(files), tuple(deploy), tuple(undo))


def wanted_property(source: Field, taken: set[str], group: str) -> dict[str, object] | str:
    """Return the body that creates a property for a PartnerOS field, or why there can't be one.

    The name is added to `taken`, which has names in lower case.
    """
    native = _NATIVE.get(source.type)
    if native is None:
        return f"HubSpot has no property for values of type {source.type}."
    choices: tuple[PicklistValue, ...] = ()
    if source.type is FieldType.BOOLEAN:
        choices = _YES_AND_NO
    if source.type in _CHOICES:
        found = {each.value: each for each in source.picklist if each.active}
        choices = tuple(found.values())
        if not choices:
            return "PartnerOS doesn't list the values. Create the property by hand."
        if source.type is FieldType.MULTIPICKLIST and any(";" in each for each in found):
            return "A value contains a semicolon, which separates values."
    words = name_words(source.label, source.name) or ["partneros", "field"]
    stem = "_".join(words).lower()
    name = free_name(stem if stem[0].isalpha() else f"p_{stem}", taken, _LONGEST_NAME)
    taken.add(name)
    body: dict[str, object] = {
        "name": name,
        "label": one_line(source.label, _LONGEST_LABEL) or one_line(source.name, _LONGEST_LABEL),
        "type": native[0],
        "fieldType": native[1],
        "groupName": group,
        "description": one_line(source.description or "", 1000),
    }
    if source.type is FieldType.CURRENCY:
        body["showCurrencySymbol"] = True
    elif source.type is FieldType.PERCENT:
        body["numberDisplayHint"] = "percentage"
    elif source.type is FieldType.ID:
        body["hasUniqueValue"] = True
    if choices:
        body["options"] = _options(choices)
    return body


def _added(source: Field, wanted: dict[str, object] | str) -> ProposedChange:
    if isinstance(wanted, str):
        return ProposedChange(
            kind=ProposedKind.NEW_FIELD,
            partner_field=source.name,
            crm_field=None,
            summary=f"a property for {source.type}",
            note=wanted,
        )
    values = wanted.get("options")
    count = f" with {len(values)} options" if isinstance(values, list) else ""
    reference = source.type is FieldType.REFERENCE
    return ProposedChange(
        kind=ProposedKind.NEW_FIELD,
        partner_field=source.name,
        crm_field=str(wanted["name"]),
        summary=f"{wanted['type']}, {wanted['fieldType']}{count}",
        file=_CREATE,
        note="The property stores the PartnerOS ID as text." if reference else None,
    )


def _edit(lack: Lack, target: Field) -> tuple[ProposedChange, tuple[ProposedFile, ...]]:
    """Return the change of a property's options with the body for it and the one to undo it."""
    summary = "new options: " + ", ".join(each.value for each in lack.values)
    change = ProposedChange(
        kind=ProposedKind.NEW_VALUES,
        partner_field=lack.source.name,
        crm_field=target.name,
        summary=summary,
    )
    metadata = target.native.get("modificationMetadata")
    fixed = isinstance(metadata, dict) and metadata.get("readOnlyOptions") is True
    note = None
    if target.native.get("pipelines") or target.name in ("pipeline", "hs_pipeline"):
        note = "The values are pipelines or stages. Add them in the pipeline settings."
    elif fixed or target.restricted is False or target.type is FieldType.BOOLEAN:
        note = "HubSpot doesn't let an admin add options to this property."
    if note is not None:
        return change.model_copy(update={"note": note}), ()
    # An update replaces all options: those that the body leaves out are deleted.
    stated = target.native.get("optionDescriptions")
    descriptions = stated if isinstance(stated, dict) else {}
    before = _options(target.picklist, descriptions)
    shown = {each.value for each in lack.values}
    kept = [
        each.model_copy(update={"active": True}) if each.value in shown else each
        for each in target.picklist
    ]
    new = [each for each in lack.values if each.value not in {one.value for one in kept}]
    after = _options((*kept, *new), descriptions)
    path = f"properties/update-{target.name}.json"
    return change.model_copy(update={"file": path}), (
        ProposedFile(path=path, content=_json({"options": after})),
        ProposedFile(
            path=f"properties/undo-{target.name}.json", content=_json({"options": before})
        ),
    )


def _options(
    values: Iterable[PicklistValue], descriptions: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    options = []
    for order, each in enumerate(values):
        option: dict[str, object] = {
            "label": one_line(each.label, _LONGEST_LABEL) or each.value,
            "value": each.value,
            "displayOrder": order,
            "hidden": not each.active,
        }
        if descriptions and each.value in descriptions:
            option["description"] = descriptions[each.value]
        options.append(option)
    return options


def _call(method: str, place: str, path: str) -> str:
    return (
        f'curl --fail -X {method} {_API}/{place} -H "Authorization: Bearer $HUBSPOT_TOKEN"'
        f' -H "Content-Type: application/json" -d @{path}'
    )


def _json(body: object) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
