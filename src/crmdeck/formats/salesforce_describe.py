"""Salesforce describe JSON to ObjectSchema.

Accepts full and reduced answers of the REST API's sObject Describe. A missing attribute becomes
None.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from crmdeck.formats import json_values
from crmdeck.formats.formula_syntax import literal_of
from crmdeck.formats.json_values import MalformedError
from crmdeck.formats.picklist import value_maker
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue, RecordType

_TYPES = {
    "id": FieldType.ID,
    "string": FieldType.STRING,
    "encryptedstring": FieldType.STRING,
    "textarea": FieldType.TEXT,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "double": FieldType.DECIMAL,
    "currency": FieldType.CURRENCY,
    "percent": FieldType.PERCENT,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
    "picklist": FieldType.PICKLIST,
    "combobox": FieldType.PICKLIST,
    "multipicklist": FieldType.MULTIPICKLIST,
    "reference": FieldType.REFERENCE,
    "address": FieldType.COMPOUND,
    "location": FieldType.COMPOUND,
    "base64": FieldType.BINARY,
}
_PICKLISTS = frozenset({FieldType.PICKLIST, FieldType.MULTIPICKLIST})
_NUMBERS = frozenset({FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT})
# A record always has an ID, and an empty checkbox is false.
_ALWAYS_FILLED = frozenset({FieldType.ID, FieldType.BOOLEAN})
# Salesforce derives these, and no user can write them.
_DERIVED = {"Opportunity": {"ForecastCategory"}}

_FIELD_KEYS = frozenset(
    {
        "name",
        "label",
        "type",
        "inlineHelpText",
        "createable",
        "updateable",
        "unique",
        "externalId",
        "calculated",
        "calculatedFormula",
        "custom",
        "length",
        "precision",
        "scale",
        "digits",
        "picklistValues",
        "restrictedPicklist",
        "referenceTo",
        "compoundFieldName",
        "defaultValue",
        "defaultValueFormula",
        "deprecatedAndHidden",
        "nillable",
        "controllerName",
        "dependentPicklist",
        "relationshipName",
        "filterable",
        "idLookup",
        "encrypted",
        "caseSensitive",
        "autoNumber",
        "cascadeDelete",
        "restrictedDelete",
        "filteredLookupInfo",
        "formulaTreatNullNumberAsZero",
        "writeRequiresMasterRead",
    }
)
# `childRelationships` repeats the reference fields of other objects, and `urls` the request.
_OBJECT_KEYS = frozenset(
    {
        "name",
        "label",
        "custom",
        "fields",
        "childRelationships",
        "urls",
        "labelPlural",
        "createable",
        "updateable",
        "deletable",
        "queryable",
        "customSetting",
        "recordTypeInfos",
    }
)


def parse_object(describe: Mapping[str, object]) -> ObjectSchema:
    """Return the object type in a describe answer.

    Raises SourceError naming object, field and attribute if the response is malformed.
    """
    place = "The description of an object"
    try:
        whole = json_values.record(describe, "it")
        describe = json_values.clean({k: v for k, v in whole.items() if k != "fields"})
        object_type = json_values.name(describe)
        place = object_type
        if "fields" not in whole:
            raise MalformedError("`fields` is missing")
        dependent: dict[str, Mapping[str, object]] = {}
        label = json_values.text(describe, "label") or ""
        custom = json_values.flag(describe, "custom")
        fields = []
        lists = {"picklistValues": _PICKLISTS, "referenceTo": {FieldType.REFERENCE}}
        listed, unlisted = set[str](), dict[str, str]()
        for index, entry in enumerate(json_values.items(whole, "fields")):
            place = f"{object_type}, field {index + 1}"
            record = json_values.clean(json_values.record(entry, "a field"))
            if isinstance(record.get("name"), str):
                place = f"{object_type}.{record['name']}"
            fields.append(_parse_field(record))
            listed |= lists.keys() & record.keys()
            for key in lists.keys() - record.keys():
                if fields[-1].type in lists[key]:
                    unlisted[key] = fields[-1].name
            # A record needs more memory than its field, so the others are not kept.
            if fields[-1].controller:
                dependent[fields[-1].name] = record
        place = object_type
        # A reduced describe has such a list of no field.
        for key in listed & unlisted.keys():
            raise MalformedError(f"`{key}` of {unlisted[key]} is missing")
        json_values.require_unique(field.name for field in fields)
        # A record needs the parts of a compound field instead: the last name, not the whole name.
        filled = {each.compound for each in fields} | _DERIVED.get(object_type, set())
        fields = [
            each.model_copy(update={"required": False})
            if each.required and each.name in filled
            else each
            for each in fields
        ]
        by_name = {field.name: field for field in fields}
        for index, field in enumerate(fields):
            if field.name in dependent:
                fields[index] = _with_allowed_values(field, dependent[field.name], by_name)
        record_types = _record_types(describe)
        flags = {
            attribute: json_values.flag(describe, key)
            for attribute, key in (
                ("createable", "createable"),
                ("updateable", "updateable"),
                ("deletable", "deletable"),
                ("queryable", "queryable"),
                ("custom_setting", "customSetting"),
            )
        }
        plural = json_values.text(describe, "labelPlural")
    except MalformedError as error:
        raise json_values.malformed(place, error) from None
    return ObjectSchema(
        object_type=object_type,
        label=label,
        custom=custom,
        plural=plural,
        record_types=record_types,
        fields=tuple(fields),
        **flags,
        native=json_values.rest(describe, _OBJECT_KEYS),
    )


def _parse_field(record: Mapping[str, object]) -> Field:
    name = json_values.name(record)
    native_type = json_values.name(record, "type")
    kind = _TYPES.get(native_type, FieldType.OTHER)
    rich = record.get("htmlFormatted") is True or record.get("extraTypeInfo") == "richtextarea"
    if native_type == "textarea" and rich:
        kind = FieldType.HTML
    # A describe has a fixed default in one key, and a formula in the other.
    default = json_values.scalar(record.get("defaultValue"))
    default_is_formula = None if default is None else False
    if default is None:
        default = json_values.text(record, "defaultValueFormula")
        default_is_formula = None if default is None else literal_of(default) is None
    # A describe has 0 for a field without a length or digits.
    length = precision = scale = None
    if kind in _NUMBERS:
        precision = json_values.number(record, "precision")
        scale = json_values.number(record, "scale")
    elif kind is FieldType.INTEGER:
        precision = json_values.number(record, "digits") or None
    else:
        length = json_values.number(record, "length") or None
    # A compound field names itself here, as its parts do.
    shell = json_values.text(record, "compoundFieldName")
    calculated = json_values.flag(record, "calculated")
    # Only the detail of a master-detail relationship has an order.
    is_detail = json_values.number(record, "relationshipOrder") is not None
    native = json_values.rest(record, _FIELD_KEYS)
    return Field(
        name=name,
        label=json_values.text(record, "label") or "",
        type=kind,
        native_type=native_type,
        description=json_values.stated_text(record, "inlineHelpText"),
        required=_required(record, kind, default),
        nillable=json_values.flag(record, "nillable"),
        # A describe lists only the fields that the user can read.
        readable=True,
        createable=json_values.flag(record, "createable"),
        updateable=json_values.flag(record, "updateable"),
        unique=json_values.flag(record, "unique"),
        external_id=json_values.flag(record, "externalId"),
        calculated=calculated,
        formula=json_values.stated_text(record, "calculatedFormula"),
        custom=json_values.flag(record, "custom"),
        length=length,
        precision=precision,
        scale=scale,
        picklist=_picklist(record),
        restricted=json_values.flag(record, "restrictedPicklist") if kind in _PICKLISTS else None,
        controller=json_values.stated_text(record, "controllerName"),
        references=json_values.texts(record, "referenceTo"),
        relationship_name=json_values.stated_text(record, "relationshipName"),
        delete_constraint=_delete_constraint(record) if kind is FieldType.REFERENCE else None,
        lookup_filter=_lookup_filter(record) if kind is FieldType.REFERENCE else None,
        write_requires_master_read=(
            json_values.flag(record, "writeRequiresMasterRead") if is_detail else None
        ),
        blanks_as_zero=(
            json_values.flag(record, "formulaTreatNullNumberAsZero") if calculated else None
        ),
        filterable=json_values.flag(record, "filterable"),
        id_lookup=json_values.flag(record, "idLookup"),
        encrypted=json_values.flag(record, "encrypted"),
        case_sensitive=json_values.flag(record, "caseSensitive"),
        auto_number=json_values.flag(record, "autoNumber"),
        compound=shell if shell != name else None,
        default=json_values.empty_if_null(record, "defaultValue", default),
        default_is_formula=default_is_formula,
        archived=json_values.flag(record, "deprecatedAndHidden"),
        native=native,
    )


def _delete_constraint(record: Mapping[str, object]) -> str | None:
    flags = [json_values.flag(record, key) for key in ("cascadeDelete", "restrictedDelete")]
    if None in flags:
        return None
    cascades, is_restricted = flags
    return "Cascade" if cascades else "Restrict" if is_restricted else "SetNull"


def _lookup_filter(record: Mapping[str, object]) -> str | None:
    """Return the parts of a lookup filter in a describe, which leaves out its condition."""
    info = record.get("filteredLookupInfo")
    if info is None:
        return "" if "filteredLookupInfo" in record else None
    filtered = json_values.record(info, "`filteredLookupInfo`")
    state = "optional" if json_values.flag(filtered, "optionalFilter") else "required"
    controlling = ", ".join(json_values.texts(filtered, "controllingFields"))
    return f"{state}: by {controlling}" if controlling else state


def _required(record: Mapping[str, object], kind: FieldType, default: str | None) -> bool | None:
    """Return whether a record can't be created without a field; None if a flag is missing.

    `createable` is a right of the user that crmdeck reads with, so false shows nothing.
    """
    nillable = json_values.flag(record, "nillable")
    defaulted = json_values.flag(record, "defaultedOnCreate")
    if nillable or defaulted or default is not None:
        return False
    if kind in _ALWAYS_FILLED:
        return False
    # In a reduced describe, only a field that a user can write isn't one that the CRM fills.
    is_known = defaulted is not None or json_values.flag(record, "createable")
    return True if nillable is False and is_known else None


def _picklist(record: Mapping[str, object]) -> tuple[PicklistValue, ...]:
    values = []
    entries = json_values.items(record, "picklistValues")
    make = value_maker(len(entries))
    for entry in entries:
        item = json_values.record(entry, "a picklist value")
        value = item.get("value")
        label = item.get("label")
        if not isinstance(value, str) or not value or not isinstance(label, str | None):
            raise MalformedError("the `value` or `label` of a picklist value isn't text")
        active = item.get("active", True)
        values.append(
            make(
                value,
                label or "",
                active=active is not False,
                default=item.get("defaultValue") is True,
            )
        )
    return tuple(values)


def _with_allowed_values(
    field: Field, record: Mapping[str, object], fields: Mapping[str, Field]
) -> Field:
    """Return a dependent picklist with the values that each controlling value allows.

    `validFor` is a bit set in base64. Its first bit is the first value of the controlling field,
    or false if that is a checkbox.
    """
    controlling = fields.get(field.controller or "")
    if controlling is None:
        return field
    choices = [value.value for value in controlling.picklist]
    if controlling.type is FieldType.BOOLEAN:
        choices = ["false", "true"]
    allowed: dict[str, list[str]] = {choice: [] for choice in choices}
    for entry, value in zip(
        json_values.items(record, "picklistValues"), field.picklist, strict=True
    ):
        try:
            valid_for = json_values.record(entry, "a picklist value").get("validFor")
            bits = base64.b64decode(str(valid_for or ""), validate=True)
        except (TypeError, ValueError):
            return field
        for place, choice in enumerate(choices[: 8 * len(bits)]):
            if bits[place // 8] & (128 >> place % 8):
                allowed[choice].append(value.value)
    return field.model_copy(
        update={"allowed_values": {choice: tuple(rest) for choice, rest in allowed.items() if rest}}
    )


def _record_types(describe: Mapping[str, object]) -> tuple[RecordType, ...] | None:
    """Return the record types without Master, which means no record type."""
    if "recordTypeInfos" not in describe:
        return None
    found = []
    for entry in json_values.items(describe, "recordTypeInfos"):
        info = json_values.record(entry, "a record type")
        if json_values.flag(info, "master"):
            continue
        label = json_values.text(info, "name") or ""
        found.append(
            RecordType(
                # API versions before 43 leave out the developer name.
                name=json_values.text(info, "developerName") or json_values.name(info),
                label=label,
                active=json_values.flag(info, "active") is not False,
                available=json_values.flag(info, "available"),
                default=json_values.flag(info, "defaultRecordTypeMapping"),
                id=json_values.text(info, "recordTypeId"),
            )
        )
    return tuple(found)
