"""The active validation rules of an org, from the Tooling API.

One query lists them. Their formulas are in `Metadata`, which a query returns for one record only,
so 25 of these queries go into each `tooling/composite` call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from crmdeck.connectors.base import Rules
from crmdeck.connectors.http import records_of
from crmdeck.connectors.salesforce.batches import MOST_IN_A_CALL
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.session import FAULTS
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, Notice, Rule, RuleKind

_LIST = (
    "SELECT Id, ValidationName, NamespacePrefix, ErrorDisplayField, ErrorMessage, "
    "EntityDefinition.QualifiedApiName FROM ValidationRule WHERE Active = true ORDER BY Id"
)
# The formulas of more rules would cost too many calls.
_MOST_FORMULAS = 500
# Each page has 2,000 rules. The limit guards against an endless list.
_MOST_PAGES = 50


def read_rules(
    client: SalesforceClient, names: Collection[str], cancel: CancelToken
) -> Rules | Notice:
    """Return the rules of the object types `names`, or a notice with the reason for none."""
    try:
        found = {
            str(record["Id"]): (name, record)
            for record in _records(client, cancel)
            if (name := _object_of(record)) in names and record.get("Id")
        }
        formulas = _formulas(client, sorted(found)[:_MOST_FORMULAS], cancel)
    except CrmdeckError as error:
        if FAULTS.concerns_connection(error):
            raise
        return Notice(
            code="RULES_UNTOLD",
            message="crmdeck can't read the validation rules of the org.",
            cause=f"{error.message} {error.cause or ''}".strip(),
            remedy="Give the user the permission View Setup and Configuration.",
        )
    rules: dict[str, list[Rule]] = {name: [] for name in names}
    for rule_id, (object_type, record) in found.items():
        rules[object_type].append(_rule(record, formulas.get(rule_id, "")))
    return Rules({name: tuple(each) for name, each in rules.items()})


def _records(client: SalesforceClient, cancel: CancelToken) -> Iterator[Mapping[str, object]]:
    reply = client.get("tooling/query", cancel, params={"q": _LIST})
    for _ in range(_MOST_PAGES):
        yield from records_of(reply.body)
        following = reply.fields.get("nextRecordsUrl")
        if not isinstance(following, str) or "/tooling/query/" not in following:
            return
        page = following.rpartition("/")[2]
        reply = client.get(f"tooling/query/{page}", cancel)


def _formulas(
    client: SalesforceClient, rule_ids: Sequence[str], cancel: CancelToken
) -> dict[str, str]:
    formulas: dict[str, str] = {}
    for start in range(0, len(rule_ids), MOST_IN_A_CALL):
        some = [each for each in rule_ids[start : start + MOST_IN_A_CALL] if each.isalnum()]
        parts = [
            {
                "method": "GET",
                "url": f"/services/data/v{client.version()}/tooling/query?q=SELECT+Metadata+FROM"
                f"+ValidationRule+WHERE+Id='{rule_id}'",
                "referenceId": rule_id,
            }
            for rule_id in some
        ]
        body = {"allOrNone": False, "compositeRequest": parts}
        reply = client.post("tooling/composite", body, cancel)
        for answer in records_of(reply.body, "compositeResponse"):
            for record in records_of(answer.get("body")):
                metadata = record.get("Metadata")
                if isinstance(metadata, Mapping):
                    formula = metadata.get("errorConditionFormula")
                    formulas[str(answer.get("referenceId"))] = str(formula or "")
    return formulas


def _object_of(record: Mapping[str, object]) -> str:
    entity = record.get("EntityDefinition")
    return str(entity.get("QualifiedApiName")) if isinstance(entity, Mapping) else ""


def _rule(record: Mapping[str, object], formula: str) -> Rule:
    name, namespace = str(record.get("ValidationName")), record.get("NamespacePrefix")
    place = record.get("ErrorDisplayField")
    return Rule(
        name=f"{namespace}__{name}" if namespace else name,
        kind=RuleKind.VALIDATION,
        field=place if isinstance(place, str) and place else None,
        message=str(record.get("ErrorMessage") or ""),
        expression=formula,
    )
