"""Salesforce's describe answers in the format of the REST API, rendered once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

from crmdeck.sandbox.schema import FieldDef, ObjectDef
from crmdeck.sandbox.write_rules import MASTER, RECORD_TYPES

_CHILD = frozenset(
    {"queryable", "createable", "updateable", "deletable", "replicateable", "retrieveable"}
)
_RECORD = _CHILD | {"layoutable", "searchable", "triggerable", "undeletable", "mruEnabled"}
_ABILITIES = {
    "record": _RECORD,
    "line": _RECORD - {"searchable", "undeletable", "mruEnabled"},
    "child": _CHILD,
    "setup": frozenset({"queryable", "retrieveable"}),
    "mergeable": frozenset({"mergeable"}),
    "feed": frozenset({"feedEnabled"}),
    "is:History": frozenset({"queryable", "replicateable", "retrieveable"}),
    "is:FieldHistory": frozenset({"queryable", "replicateable", "retrieveable"}),
    "is:Feed": frozenset({"queryable", "deletable", "replicateable", "retrieveable"}),
    "is:Share": frozenset({"queryable", "createable", "updateable", "deletable", "retrieveable"}),
    "is:ChangeEvent": frozenset({"triggerable", "retrieveable"}),
}
_FLAGS = sorted(_RECORD | {"activateable", "feedEnabled", "mergeable"})
_NEVER = (
    "customSetting", "deepCloneable", "deprecatedAndHidden", "hasSubtypes", "isInterface",
    "isSubtype",
)  # fmt: skip

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
    "anyType": "xsd:anyType",
    "complexvalue": "urn:ChangeEventHeader",
}

ALWAYS_SET = frozenset(
    {
        *("Id", "IsDeleted", "OwnerId", "SystemModstamp"),
        *("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"),
    }
)
# Fields that a release retires are absent in its version and in later ones.
_RETIRED = {"Account": ("68.0", frozenset({"Jigsaw", "JigsawCompanyId", "CleanStatus"}))}


def retired(object_type: str, version: str) -> frozenset[str]:
    """Return the fields of an object type that an API version no longer has."""
    since, fields = _RETIRED.get(object_type, (version, frozenset[str]()))
    return fields if float(version) >= float(since) else frozenset()


def has_ability(target: ObjectDef, ability: str) -> bool:
    """Return True if an object type is queryable, createable, layoutable, ..."""
    return any(ability in _ABILITIES.get(each, ()) for each in target.abilities)


def summary(target: ObjectDef, version: str) -> dict[str, object]:
    """Return one object type in describeGlobal, which also starts its describe."""
    base = f"/services/data/v{version}/sobjects/{target.name}"
    associate = next((each[3:] for each in target.abilities if each.startswith("is:")), None)
    return {
        **{flag: has_ability(target, flag) for flag in _FLAGS},
        **dict.fromkeys(_NEVER, False),
        "associateEntityType": "History" if associate == "FieldHistory" else associate,
        "associateParentEntity": target.parent,
        "custom": target.custom,
        "keyPrefix": target.prefix or None,
        "label": target.label,
        "labelPlural": target.plural,
        "name": target.name,
        "urls": {
            "rowTemplate": f"{base}/{{ID}}",
            "describe": f"{base}/describe",
            "sobject": base,
        },
    }


def global_text(objects: Iterable[ObjectDef], version: str) -> str:
    listed = [summary(each, version) for each in sorted(objects, key=lambda each: each.name)]
    return json.dumps({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})


def describe_text(target: ObjectDef, version: str, hidden: frozenset[str] = frozenset()) -> str:
    """Return the body of an sObject describe, without hidden fields."""
    head = summary(target, version) | {
        "actionOverrides": [],
        "childRelationships": [],
        "compactLayoutable": "record" in target.abilities,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(target, version),
        "searchLayoutable": has_ability(target, "layoutable"),
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {target.plural.lower()}", "name": "everything"}],
    }
    fields = (field_text(each) for each in target.fields.values() if each.name not in hidden)
    return f'{json.dumps(head)[:-1]},"fields":[{",".join(fields)}]}}'


def _record_types(target: ObjectDef, version: str) -> list[dict[str, object]]:
    base = f"/services/data/v{version}/sobjects/{target.name}"
    own = [each for each in RECORD_TYPES if each.object_type == target.name]
    return [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": each.default and not (own and each is MASTER),
            "developerName": each.name,
            "master": each is MASTER,
            "name": each.label,
            "recordTypeId": each.id,
            "urls": {"layout": f"{base}/describe/layouts/{each.id}"},
        }
        for each in [*own, MASTER]
    ]


# "Understanding Relationship Names", SOQL and SOSL Reference.
def _relationship_name(field: FieldDef) -> str | None:
    if not field.references:
        return None
    if field.name.endswith("__c"):
        return f"{field.name[:-3]}__r"
    return field.name.removesuffix("Id")


@cache
def field_text(field: FieldDef) -> str:
    """Return one field of a describe, with every attribute of API 60 and later."""
    flags = field.flags
    boolean = field.type == "boolean"
    calculated = "formula" in flags
    auto = "auto" in flags
    extra = "personname" if field.compound == "Name" else None
    if field.type == "textarea":
        extra = "plaintextarea"
    described = {
        "aggregatable": field.type not in {"address", "textarea", "boolean"},
        "aiPredictionField": False,
        "autoNumber": auto,
        "byteLength": field.length * 3 if field.type not in {"id", "reference"} else field.length,
        "calculated": calculated,
        "calculatedFormula": field.formula,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": field.compound,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if boolean else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": boolean or auto or "defaulted" in flags or field.name in ALWAYS_SET,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.length if field.type == "int" else 0,
        "displayLocationInDecimal": field.name.endswith(("Latitude", "Longitude")),
        "encrypted": False,
        "externalId": "externalid" in flags,
        "extraTypeInfo": extra,
        "filterable": not (field.type == "textarea" and field.length > 255),
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": calculated,
        "groupable": field.type not in {"double", "currency", "percent", "datetime", "address"},
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.type == "id" or "name" in flags or "externalid" in flags,
        "inlineHelpText": field.help,
        "label": field.label,
        # A describe has the size of an integer in `digits`.
        "length": 0 if field.type == "int" else field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": "name" in flags,
        "namePointing": len(field.references) > 1,
        "nillable": not (field.required or boolean or field.name in ALWAYS_SET or auto),
        "permissionable": not (field.required or field.name in ALWAYS_SET),
        "picklistValues": [
            {
                "active": True,
                "defaultValue": False,
                "label": each.label,
                "validFor": None,
                "value": each.value,
            }
            for each in field.values
        ],
        "polymorphicForeignKey": len(field.references) > 1,
        "precision": field.precision,
        "queryByDistance": field.type == "address",
        "referenceTargetField": None,
        "referenceTo": list(field.references),
        "relationshipName": _relationship_name(field),
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": "restricted" in flags,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference",
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.type not in {"address", "multipicklist"},
        "type": field.type,
        "unique": "unique" in flags,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }
    return json.dumps(described, ensure_ascii=False, separators=(",", ":"))
