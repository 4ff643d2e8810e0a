"""Names of crmdeck's own that were renamed: what was written under the old ones is still read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crmdeck.model import Connection, FieldUsage, MappingLine, WireModel
from crmdeck.server.accounts import AccountBook
from crmdeck.server.sessions import Session

WHEN = "2026-05-16T12:00:00.000Z"
CONNECTION = {"id": "x", "name": "acme", "platform": "salesforce", "source": "files"}
USAGE = {"objectType": "Account", "fieldName": "Tier__c", "verdict": "unknown"}
LINE = {"partnerField": "a", "state": "pending", "crmField": None, "direction": "push"}
SESSION = {"tokenHash": "t", "email": "e", "proof": "p", "createdAt": WHEN, "expiresAt": WHEN}


@pytest.mark.parametrize(
    ("model", "rest", "old", "new", "value"),
    [
        (Connection, CONNECTION | {"createdAt": WHEN}, "organisation", "organization", "00D1"),
        (FieldUsage, USAGE, "untold", "notChecked", ["Reports were not read."]),
        (MappingLine, LINE, "driftTold", "driftSummary", ["gone"]),
        (AccountBook, {}, "organisations", "organizations", [{"id": "a", "connections": None}]),
        (Session, SESSION, "activeOrganisation", "activeOrganization", "acme"),
    ],
)
def test_an_old_name_is_read_and_the_new_one_written(
    model: type[WireModel], rest: dict[str, Any], old: str, new: str, value: object
) -> None:
    record = model.model_validate_json(json.dumps({**rest, old: value}))
    assert record.to_wire()[new] == value
    assert old not in record.to_wire()
    assert model.model_validate_json(record.to_json()) == record
