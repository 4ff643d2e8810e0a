"""HubSpot property and pipeline JSON to ObjectSchema.

Reads the responses of `/crm/properties/{version}/{objectType}` and
`/crm/v3/properties/{objectType}`, and the older v2 list with `readOnlyValue` and `deleted` at the
top level.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from crmdeck.formats import json_values
from crmdeck.formats.json_values import MalformedError
from crmdeck.formats.picklist import picklist_value, value_maker
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue, Rule, RuleKind

_TYPES = {
    "string": FieldType.STRING,
    "phone_number": FieldType.PHONE,
    "number": FieldType.DECIMAL,
    "currency_number": FieldType.CURRENCY,
    "bool": FieldType.BOOLEAN,
    "enumeration": FieldType.PICKLIST,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
}
_STRING_FIELDS = {
    "textarea": FieldType.TEXT,
    "html": FieldType.HTML,
    "phonenumber": FieldType.PHONE,
    "file": FieldType.BINARY,
}
_TEXT_HINTS = {
    "email": FieldType.EMAIL,
    "phone_number": FieldType.PHONE,
    "domain_name": FieldType.URL,
    "multi_line": FieldType.TEXT,
}
_NUMBER_HINTS = {"currency": FieldType.CURRENCY, "percentage": FieldType.PERCENT}
_ENUMERATION_FIELDS = {
    "checkbox": FieldType.MULTIPICKLIST,
    "booleancheckbox": FieldType.BOOLEAN,
}
# These keys distinguish a currency from a number, and a reference from a number or a list.
_HINTS = ("showCurrencySymbol", "numberDisplayHint", "referencedObjectType", "options")
_PICKLISTS = frozenset({FieldType.PICKLIST, FieldType.MULTIPICKLIST})

# Properties whose values are the object's pipelines, or their stages.
_PIPELINE_PROPERTIES = frozenset({"pipeline", "hs_pipeline"})
_STAGE_PROPERTIES = frozenset({"dealstage", "hs_pipeline_stage"})

_FIELD_KEYS = frozenset(
    {
        "name",
        "label",
        "type",
        "description",
        "hasUniqueValue",
        "calculated",
        "calculationFormula",
        "hubspotDefined",
        "options",
        "referencedObjectType",
        "defaultValue",
        "groupName",
        "archived",
        "deleted",
    }
)


def parse_properties(
    object_type: str,
    label: str,
    properties: Sequence[object],
    pipelines: Sequence[Mapping[str, object]] = (),
    custom: bool | None = None,
    *,
    required: Collection[str] | None = None,
    rules: tuple[Rule, ...] | None = None,
) -> ObjectSchema:
    """Return the object type in a list of properties.

    The object's `pipelines` and their stages become picklist values of its pipeline properties.
    `required` are the required properties from an object schema. Raises SourceError naming object,
    property and attribute if the response is malformed.
    """
    place = object_type
    try:
        for what in (properties, pipelines):
            if not isinstance(what, list | tuple):
                raise MalformedError("properties and pipelines should be lists")
        pipelines = [_record(each, "a pipeline") for each in pipelines]
        pipeline_values, stage_values = _pipeline_values(pipelines)
        fields = []
        hints = _hints_in(properties)
        for index, entry in enumerate(properties):
            place = f"{object_type}, property {index + 1}"
            record = _record(entry, "a property")
            if isinstance(record.get("name"), str):
                place = f"{object_type}.{record['name']}"
            field = _parse_property(record, required, hints)
            if pipelines and field.name in _PIPELINE_PROPERTIES:
                field = field.model_copy(update={"picklist": pipeline_values})
            elif pipelines and field.name in _STAGE_PROPERTIES:
                native = field.native | {"pipelines": [dict(each) for each in pipelines]}
                field = field.model_copy(update={"picklist": stage_values, "native": native})
            fields.append(field)
        place = object_type
        json_values.require_unique(field.name for field in fields)
    except MalformedError as error:
        raise json_values.malformed(place, error) from None
    return ObjectSchema(
        object_type=object_type, label=label, custom=custom, rules=rules, fields=tuple(fields)
    )


def parse_rules(object_type: str, records: Sequence[object]) -> tuple[Rule, ...]:
    """Return the rules in a response of `/crm/property-validations/...` for an object.

    Raises SourceError if the response is malformed.
    """
    place = f"The validation rules of {object_type}"
    rules = []
    try:
        for entry in records:
            record = _record(entry, "a property")
            name = json_values.name(record, "propertyName")
            listed = record.get("propertyValidationRules")
            for rule in json_values.records(listed, "`propertyValidationRules`"):
                kind = json_values.name(rule, "ruleType")
                arguments = json_values.texts(rule, "ruleArguments")
                message = ""
                # A pattern comes with the message for values that don't match it.
                if kind == "REGEX":
                    message = " ".join(arguments[1:])
                    arguments = arguments[:1]
                expression = f"{kind}({', '.join(arguments)})"
                if json_values.flag(rule, "shouldApplyNormalization"):
                    expression += " after normalization"
                rules.append(
                    Rule(
                        name=f"{name}.{kind}",
                        kind=RuleKind.VALUES,
                        fields=(name,),
                        field=name,
                        expression=expression,
                        message=message,
                    )
                )
    except MalformedError as error:
        raise json_values.malformed(place, error) from None
    return tuple(rules)


def _record(value: object, what: str) -> Mapping[str, object]:
    return json_values.clean(json_values.record(value, what))


def _parse_property(
    record: Mapping[str, object], required: Collection[str] | None, hints: Collection[str]
) -> Field:
    name = json_values.name(record)
    native_type = json_values.text(record, "type") or ""
    widget = json_values.text(record, "fieldType") or ""
    reference = json_values.text(record, "referencedObjectType")
    kind = FieldType.REFERENCE if reference else _canonical(native_type, widget, record)
    calculated = json_values.flag(record, "calculated")
    # Some computed properties show it only in their field type.
    if widget.startswith("calculation_"):
        calculated = True
    writable = _writable(record, calculated)
    external = json_values.flag(record, "externalOptions")
    archived = json_values.flag(record, "archived")
    native = json_values.rest(record, _FIELD_KEYS)
    if kind in _PICKLISTS and "options" in hints and "options" not in record:
        raise MalformedError("`options` is missing")
    picklist, descriptions = _options(record)
    if descriptions:
        native["optionDescriptions"] = descriptions
    return Field(
        name=name,
        label=json_values.text(record, "label") or "",
        type=kind,
        native_type=native_type,
        type_exact=_is_exact(native_type, kind, hints),
        description=json_values.stated_text(record, "description"),
        # No write needs a property that HubSpot fills.
        required=None if required is None else name in required and writable is not False,
        createable=writable,
        updateable=writable,
        unique=json_values.flag(record, "hasUniqueValue"),
        calculated=calculated,
        formula=json_values.text(record, "calculationFormula"),
        # HubSpot marks its own properties, and leaves the mark out for custom ones.
        custom=not json_values.flag(record, "hubspotDefined"),
        picklist=picklist,
        restricted=not external if kind in _PICKLISTS and external is not None else None,
        references=(reference,) if reference else (),
        default=(default := json_values.scalar(record.get("defaultValue"))),
        default_is_formula=None if default is None else False,
        group=json_values.text(record, "groupName"),
        archived=json_values.flag(record, "deleted") if archived is None else archived,
        native=native,
    )


def _canonical(native_type: str, widget: str, record: Mapping[str, object]) -> FieldType:
    kind = _TYPES.get(native_type, FieldType.OTHER)
    if native_type == "string":
        hint = json_values.text(record, "textDisplayHint") or ""
        return _STRING_FIELDS.get(widget) or _TEXT_HINTS.get(hint) or kind
    if native_type == "number":
        hint = json_values.text(record, "numberDisplayHint") or ""
        if record.get("showCurrencySymbol") is True:
            return FieldType.CURRENCY
        return _NUMBER_HINTS.get(hint, kind)
    if native_type == "enumeration":
        return _ENUMERATION_FIELDS.get(widget, kind)
    return kind


def _hints_in(properties: Sequence[object]) -> frozenset[str]:
    found = set[str]()
    for entry in properties:
        if isinstance(entry, Mapping | msgspec.Raw):
            found.update(hint for hint in _HINTS if hint in json_values.record(entry, "a property"))
        if len(found) == len(_HINTS):
            break
    return frozenset(found)


def _is_exact(native_type: str, kind: FieldType, hints: Collection[str]) -> bool:
    """Return True if the response would show a more exact type.

    HubSpot leaves out keys without a value. If a response has none of these
    keys, a tool removed them.
    """
    if kind is FieldType.REFERENCE or native_type not in ("number", "enumeration"):
        return True
    if "referencedObjectType" not in hints:
        return False
    shows_currency = "showCurrencySymbol" in hints or "numberDisplayHint" in hints
    return native_type != "number" or kind is FieldType.CURRENCY or shows_currency


def _writable(record: Mapping[str, object], calculated: bool | None) -> bool | None:
    metadata = json_values.record(
        record.get("modificationMetadata") or {}, "`modificationMetadata`"
    )
    read_only = json_values.flag(metadata, "readOnlyValue")
    # The v2 list has the key at the top level.
    if read_only is None:
        read_only = json_values.flag(record, "readOnlyValue")
    if calculated or read_only:
        return False
    return None if read_only is None else True


def _options(record: Mapping[str, object]) -> tuple[tuple[PicklistValue, ...], dict[str, str]]:
    values = []
    descriptions = {}
    entries = json_values.items(record, "options")
    make = value_maker(len(entries))
    for entry in entries:
        item = json_values.record(entry, "an option")
        value = json_values.text(item, "value")
        if value is None:
            raise MalformedError("an option has no `value`")
        label = json_values.text(item, "label") or ""
        # A hidden option stays valid for records that have it, but forms no longer offer it.
        hidden = json_values.flag(item, "hidden")
        values.append(make(value, label, active=not hidden))
        description = json_values.text(item, "description")
        if description:
            descriptions[value] = description
    return tuple(values), descriptions


def parse_pipeline_rules(
    object_type: str,
    stage_property: str,
    pipelines: Sequence[Mapping[str, object]],
    answers: Mapping[str, Mapping[str, object]],
) -> tuple[Rule, ...]:
    """Return the rules in answers of `/crm/pipelines-rules/...`, by pipeline.

    Raises SourceError if a response is malformed.
    """
    place = f"The pipeline rules of {object_type}"
    labels = {
        str(stage.get("id")): str(stage.get("label"))
        for pipeline in pipelines
        for stage in json_values.items(pipeline, "stages")
        if isinstance(stage, Mapping)
    }
    rules = []
    try:
        for key, answer in answers.items():
            checks = answer.get("governanceValidationRules")
            checks = json_values.record(checks, "the rules") if checks is not None else {}
            found = [
                (word, *_stages_of(checks, name))
                for word, name in (
                    ("CREATE_IN", "objectCreationRule"),
                    ("NO_SKIPPING", "noSkippingStagesRule"),
                    ("NO_BACKWARDS", "noBackwardsMovementRule"),
                )
            ]
            approvals = [
                json_values.name(json_values.record(each, "an approval"), "pipelineStageId")
                for each in json_values.items(answer, "approvalStageRules")
            ]
            found.append(("APPROVAL", False, tuple(approvals)))
            rules += [
                Rule(
                    name=f"{RuleKind.PIPELINE}:{key}.{word}",
                    kind=RuleKind.PIPELINE,
                    fields=(stage_property,),
                    field=stage_property,
                    expression=f"{word}({', '.join(stages)})",
                    message=", ".join(labels.get(stage, stage) for stage in stages),
                )
                for word, every, stages in found
                if every or stages
            ]
    except MalformedError as error:
        raise json_values.malformed(place, error) from None
    return tuple(rules)


def _stages_of(checks: Mapping[str, object], name: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether a rule covers all stages, and the stages that it names."""
    if checks.get(name) is None:
        return False, ()
    check = json_values.record(checks[name], f"`{name}`")
    every = json_values.flag(check, "enabledForAllStages") is True
    if not every and "pipelineStageIds" not in check:
        raise MalformedError(f"`{name}` has no stages")
    return every, json_values.texts(check, "pipelineStageIds")


def _pipeline_values(
    pipelines: Sequence[Mapping[str, object]],
) -> tuple[tuple[PicklistValue, ...], tuple[PicklistValue, ...]]:
    found: dict[str, PicklistValue] = {}
    stages: dict[str, PicklistValue] = {}
    for pipeline in pipelines:
        value = _pipeline_value(pipeline, "pipelineId")
        found.setdefault(value.value, value)
        for item in json_values.records(pipeline.get("stages"), "`stages`"):
            stage = _pipeline_value(item, "stageId")
            # No record can move to a stage of an archived pipeline.
            if not value.active:
                stage = stage.model_copy(update={"active": False})
            stages.setdefault(stage.value, stage)
    return tuple(found.values()), tuple(stages.values())


def _pipeline_value(record: Mapping[str, object], older_key: str) -> PicklistValue:
    # Older answers have the IDs under other keys.
    value = json_values.scalar(record.get("id")) or json_values.scalar(record.get(older_key))
    if not value:
        raise MalformedError("a pipeline or stage has no `id`")
    return picklist_value(
        value,
        json_values.text(record, "label") or "",
        active=not json_values.flag(record, "archived"),
    )
