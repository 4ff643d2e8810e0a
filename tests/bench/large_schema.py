"""A large generated org: many object types with plausible fields, for benchmarks."""

from __future__ import annotations

from crmdeck.sandbox import Organization, Scenario
from crmdeck.sandbox.associated_objects import with_system_fields
from crmdeck.sandbox.history import State
from crmdeck.sandbox.schema import FieldDef, ObjectDef, Value

_WORDS = ("Account", "Amount", "Approval", "Batch", "Billing", "Channel", "Close", "Contract",
          "Currency", "Customer", "Delivery", "Discount", "Expiry", "External", "Forecast",
          "Invoice", "License", "Margin", "Milestone", "Owner", "Partner", "Payment", "Phase",
          "Priority", "Product", "Project", "Region", "Renewal", "Request", "Revenue", "Score",
          "Service", "Shipment", "Source", "Stage", "Status", "Support", "Target", "Term",
          "Territory")  # fmt: skip
_KINDS = ("string", "picklist", "currency", "date", "reference", "boolean", "double", "textarea")
_CHOICES = tuple(Value(each, each) for each in ("New", "Open", "Pending", "Done", "Canceled"))
_ASSOCIATES = ("History", "Share", "Feed", "ChangeEvent")
SYSTEM_FIELDS = 7


def large_scenario(objects: int = 1294, in_scope: int = 220, fields: int = 50) -> Scenario:
    """Return a scenario with one large Salesforce org named `large`.

    `in_scope` of its object types are mappable. Each has `fields` fields.
    """
    state = State(large_objects(objects, in_scope, fields))
    org = Organization("large", "salesforce", "Large Org", state, domain="large")
    return Scenario((org,), Scenario.demo().people)


def large_objects(objects: int, in_scope: int, fields: int) -> dict[str, ObjectDef]:
    """Return `objects` object types with `fields` fields each; `in_scope` of them are mappable."""
    own = [_field(index) for index in range(max(1, fields - SYSTEM_FIELDS))]
    result: dict[str, ObjectDef] = {}
    for index in range(objects):
        mappable = index < in_scope
        number = index if mappable else index - in_scope
        words = f"{_WORDS[number % 40]} {_WORDS[(number // 40 + number + 7) % 40]} {number:04d}"
        stem = words.replace(" ", "_")
        name = f"{stem}__c" if mappable else f"{stem}__{_ASSOCIATES[index % 4]}"
        target = ObjectDef(
            name=name,
            label=words,
            plural=f"{words}s",
            prefix=f"{index:03x}",
            abilities=frozenset({"record"} if mappable else {f"is:{_ASSOCIATES[index % 4]}"}),
            custom=mappable,
        )
        result[name] = with_system_fields(target, own, ())
    return result


def _field(index: int) -> FieldDef:
    kind = _KINDS[index % len(_KINDS)]
    first, second = _WORDS[index % 40], _WORDS[(index * 7 + 3) % 40]
    return FieldDef(
        name=f"{first}_{second}_{index}__c",
        label=f"{first} {second} {index}",
        type=kind,
        length={"string": 120, "textarea": 32000, "reference": 18, "picklist": 255}.get(kind, 0),
        precision=16 if kind in {"currency", "double"} else 0,
        scale=2 if kind == "currency" else 0,
        values=_CHOICES if kind == "picklist" else (),
        references=("Account",) if kind == "reference" else (),
        help=f"Maintained by the {second.lower()} team." if index % 3 == 0 else None,
    )
