"""What decides writes in the sandbox, apart from the fields.

Validation rules, duplicate rules, flows and triggers, record types, the integration user, pipeline
and value rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmdeck.sandbox.schema import ObjectDef


@dataclass(frozen=True, kw_only=True)
class DuplicateRuleDef:
    """A duplicate rule of Salesforce; an action is `Allow` or `Block`."""

    object_type: str
    name: str
    label: str
    fields: tuple[str, ...]
    on_insert: str = "Allow"
    on_update: str = "Allow"
    then: tuple[str, ...] = ("Alert", "Report")


@dataclass(frozen=True)
class AutomationDef:
    """A before-save flow, or a trigger; `runs` is Create, Update or CreateAndUpdate."""

    object_type: str
    name: str
    runs: str
    is_trigger: bool = False


@dataclass(frozen=True)
class RecordTypeDef:
    """A record type; `values` limits picklists, all others allow all of their values."""

    object_type: str
    name: str
    label: str
    id: str
    default: bool = False
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PipelineRulesDef:
    """The rules of a HubSpot pipeline, by stage."""

    object_type: str
    pipeline: str
    create_in: tuple[str, ...] = ()
    no_backwards: tuple[str, ...] = ()


# Object type, name, field, message and formula of each validation rule.
VALIDATION_RULES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "Opportunity",
        "Close_Date_In_Future",
        "CloseDate",
        "An open opportunity closes today or later.",
        "AND(NOT(IsClosed), ISCHANGED(CloseDate), CloseDate < TODAY())",
    ),
    (
        "Lead",
        "Company_Needs_A_Country",
        "Country",
        "Say in which country the company is.",
        "AND(NOT(ISBLANK(Company)), ISBLANK(Country))",
    ),
    (
        "Opportunity",
        "Partner_Deal_Needs_Amount",
        "Amount",
        "Enter the estimated value of the partner deal.",
        "AND(NOT(ISBLANK(End_Customer_Name__c)), ISBLANK(Amount))",
    ),
)
DUPLICATE_RULES = (
    DuplicateRuleDef(
        object_type="Lead",
        name="Lead_With_Same_Email",
        label="Lead with the same email",
        fields=("Email",),
        on_insert="Block",
    ),
    DuplicateRuleDef(
        object_type="Account",
        name="Standard_Account_Duplicate_Rule",
        label="Standard Account Duplicate Rule",
        fields=("Name", "BillingCity"),
        then=("Report",),
    ),
)
AUTOMATIONS = (
    AutomationDef("Opportunity", "Opportunity_Partner_Defaults", "Create"),
    AutomationDef("Lead", "LeadRouting", "CreateAndUpdate", is_trigger=True),
)
RECORD_TYPES = (
    RecordTypeDef("Opportunity", "Direct_Deal", "Direct Deal", "0125g000000D1RCAA0", default=True),
    RecordTypeDef(
        "Opportunity",
        "Partner_Deal",
        "Partner Deal",
        "0125g000000P4RTAA0",
        values={
            "StageName": (
                "Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review",
                "Closed Won", "Closed Lost",
            ),
            "Type": ("New Customer",),
        },
    ),
)  # fmt: skip
# Allows every value; all objects have it.
MASTER = RecordTypeDef("", "Master", "Master", "012000000000000AAA", default=True)
PIPELINE_RULES = (
    PipelineRulesDef(
        object_type="deals",
        pipeline="48210011",
        create_in=("101846201",),
        no_backwards=("101846205",),
    ),
)
# The property validations of HubSpot by property: each with its type and arguments.
VALUE_RULES: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "amount": (("MIN_NUMBER", ("0",)),),
    "zip": (("ALPHANUMERIC", ("NUMERIC_ONLY",)),),
}
PROFILE = "PartnerOS Integration"
PERMISSION_SETS = ("CRM_Sync", "Partner_Data")
# Custom permissions of the org, each with the permission set that grants it.
CUSTOM_PERMISSIONS = {"Deal_Desk": None, "Bypass_Rules": "Partner_Data"}


def picklist_values(target: ObjectDef, record_type: RecordTypeDef) -> dict[str, object]:
    """Return the response of `/ui-api/object-info/{object}/picklist-values/{recordTypeId}`."""
    base = f"/ui-api/object-info/{target.name}/picklist-values/{record_type.id}"
    return {
        "eTag": f"{target.version:032x}",
        "picklistFieldValues": {
            each.name: {
                "controllerValues": {},
                "defaultValue": None,
                "url": f"{base}/{each.name}",
                "values": [
                    {"attributes": None, "label": one.label, "validFor": [], "value": one.value}
                    for one in each.values
                    if one.value in record_type.values.get(each.name, (one.value,))
                ],
            }
            for each in target.fields.values()
            if each.type in ("picklist", "multipicklist")
        },
    }


def duplicates(target: ObjectDef) -> dict[str, object]:
    """Return the response of `/ui-api/duplicates/{object}`: its active duplicate rules."""
    rules = [each for each in DUPLICATE_RULES if each.object_type == target.name]
    fields = dict.fromkeys(name for each in rules for name in each.fields)
    return {
        "apiName": target.name,
        "dedupeEnabled": bool(rules),
        "dedupeFields": list(fields),
        "duplicateRules": [
            {
                "actionOnInsert": each.on_insert,
                "actionOnUpdate": each.on_update,
                "active": True,
                "duplicateRuleFilters": [],
                "matchRules": [],
                "name": each.label,
                "operationsOnInsert": [] if each.on_insert == "Block" else list(each.then),
                "operationsOnUpdate": [] if each.on_update == "Block" else list(each.then),
            }
            for each in rules
        ],
        "predupeEnabled": bool(rules),
    }


def pipeline_rules(target: ObjectDef, pipeline: str) -> dict[str, object]:
    """Return the response of `/crm/pipelines-rules/{version}/{type}/{pipeline}`."""
    none = PipelineRulesDef(object_type=target.name, pipeline=pipeline)
    found = next(
        (e for e in PIPELINE_RULES if (e.object_type, e.pipeline) == (target.name, pipeline)), none
    )
    return {
        "id": f"{target.prefix}-{pipeline}",
        "objectTypeId": target.prefix,
        "pipelineId": pipeline,
        "governanceValidationRules": {
            "noBackwardsMovementRule": {
                "enabledForAllStages": False,
                "pipelineStageIds": list(found.no_backwards),
            },
            "noSkippingStagesRule": {"enabledForAllStages": False, "pipelineStageIds": []},
            "objectCreationRule": {"pipelineStageIds": list(found.create_in)},
        },
        "approvalStageRules": [],
        "createdAt": "2024-01-15T10:30:00.000Z",
        "updatedAt": "2024-06-01T14:22:00.000Z",
    }
