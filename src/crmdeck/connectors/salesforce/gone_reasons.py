"""Why object types and fields are missing: the Tooling API also lists what a user can't see.

`EntityDefinition` and `FieldDefinition` list everything that is defined. Each query also asks for
something that always exists. If even that is missing, the user lacks access, and the reason stays
unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from crmdeck.connectors.base import Missing
from crmdeck.connectors.http import records_of
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.session import FAULTS
from crmdeck.errors import CrmdeckError
from crmdeck.formats import json_values
from crmdeck.formats.json_values import MalformedError
from crmdeck.model import GoneReason

_NAME = re.compile(r"\w{1,100}")
_AT_ONCE = 100
_SURE_OBJECT = "User"
_SURE_FIELD = "Id"


def explain_missing(
    client: SalesforceClient, missing: Sequence[Missing]
) -> dict[Missing, GoneReason]:
    objects = [each for each in missing if each.field_name is None]
    fields: dict[str, list[Missing]] = {}
    for each in missing:
        if each.field_name is not None:
            fields.setdefault(each.object_type, []).append(each)
    reasons: dict[Missing, GoneReason] = {}
    for chunk in _chunks(objects):
        names = {each: each.object_type for each in chunk}
        reasons |= _ask(client, "EntityDefinition", "", _SURE_OBJECT, names)
    for object_type, group in fields.items():
        if not _NAME.fullmatch(object_type):
            continue
        where = f"EntityDefinition.QualifiedApiName = '{object_type}' AND "
        for chunk in _chunks(group):
            names = {each: each.field_name or "" for each in chunk}
            reasons |= _ask(client, "FieldDefinition", where, _SURE_FIELD, names)
    return reasons


def _ask(
    client: SalesforceClient, entity: str, where: str, sure: str, names: Mapping[Missing, str]
) -> dict[Missing, GoneReason]:
    wanted = {each: name for each, name in names.items() if _NAME.fullmatch(name)}
    listed = ", ".join(f"'{name}'" for name in sorted({sure, *wanted.values()}))
    soql = f"SELECT QualifiedApiName FROM {entity} WHERE {where}QualifiedApiName IN ({listed})"  # noqa: S608
    try:
        rows = records_of(client.get("tooling/query", params={"q": soql}).body)
        defined = {json_values.name(row, "QualifiedApiName") for row in rows}
    except MalformedError:
        return {}
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        return {}
    if sure not in defined:
        return {}
    return {
        each: GoneReason.HIDDEN if name in defined else GoneReason.REMOVED
        for each, name in wanted.items()
    }


def _chunks(items: Sequence[Missing]) -> Iterator[Sequence[Missing]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
