"""Bad answers: each costs its own connection, no removal is invented, and a report is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.base import Connector
from crmdeck.errors import CrmdeckError
from crmdeck.model import DriftKind, Scope, ScopeMode, Status
from crmdeck.sandbox import Fault, FaultKind
from crmdeck.workspace.context import Context
from tests.workspace.crm import OLD_PORTAL, ORG, Office, opened

GONE = {
    DriftKind.OBJECT_REMOVED,
    DriftKind.OBJECT_ABSENT,
    DriftKind.OBJECT_HIDDEN,
    DriftKind.FIELD_REMOVED,
    DriftKind.FIELD_ABSENT,
    DriftKind.FIELD_HIDDEN,
}
BODIES = (
    "null", "5", "true", '"text"', "[]", "{}", "[null]", "[[]]", '{"results": []}',
    '{"results": null}', '{"results": [null]}', '{"results": {}}', '{"results": [{"name": null}]}',
    '{"sobjects": []}', '{"sobjects": null}', '{"sobjects": [{}]}', '{"fields": []}',
    '{"fields": null}', '{"compositeResponse": null}', '{"compositeResponse": [null]}',
    '{"compositeResponse": [{"body": null, "httpStatusCode": 200}]}',
    '{"compositeResponse": [{"body": {"fields": []}, "httpStatusCode": 200, '
    '"referenceId": "0"}]}', "",
)  # fmt: skip
SALESFORCE = ("/sobjects", "/composite", "/limits", "/tooling")
HUBSPOT = ("/properties", "/schemas", "/pipelines", "/property-validations")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An org of two objects and a portal, both refreshed."""
    with opened(tmp_path) as office:
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=("Account", "Contact")))
        office.add_portal(OLD_PORTAL)
        for attempt in office.workspace.refreshes.run_many(["org", "portal"]):
            assert attempt.error is None
        yield office


def refresh_all(office: Office) -> dict[str, CrmdeckError | None]:
    """Refresh both connections, and check that no removal was invented."""
    attempts = office.workspace.refreshes.run_many(["org", "portal"])
    for attempt in attempts:
        if attempt.result is not None:
            assert not [e for e in attempt.result.drift_events if e.kind in GONE], attempt.name
    return {attempt.name: attempt.error for attempt in attempts}


@pytest.mark.parametrize("path", SALESFORCE)
def test_a_bad_answer_of_salesforce_costs_that_connection_only(office: Office, path: str) -> None:
    before = office.workspace.schemas.objects("org")
    for body in BODIES:
        office.sandbox.clear()
        office.sandbox.fault(ORG, Fault(FaultKind.BODY, path=path, message=body))
        errors = refresh_all(office)
        assert errors["portal"] is None, body
        kept = office.workspace.schemas.objects("org")
        assert [o.field_count for o in kept.objects] == [o.field_count for o in before.objects]


@pytest.mark.parametrize("path", HUBSPOT)
def test_a_bad_answer_of_hubspot_costs_that_connection_only(office: Office, path: str) -> None:
    before = office.workspace.schemas.objects("portal")
    for body in BODIES:
        office.sandbox.clear()
        office.sandbox.fault(OLD_PORTAL, Fault(FaultKind.BODY, path=path, message=body))
        errors = refresh_all(office)
        assert errors["org"] is None, body
        kept = office.workspace.schemas.objects("portal")
        assert [o.field_count for o in kept.objects] == [o.field_count for o in before.objects]


class OddError(Exception):
    """An exception that no list of exceptions contains."""


@pytest.mark.parametrize("raised", [TypeError, KeyError, RecursionError, MemoryError, OddError])
@pytest.mark.parametrize("method", ["discover", "probe"])
def test_any_exception_of_a_connector_is_a_recorded_failure(
    office: Office, monkeypatch: pytest.MonkeyPatch, method: str, raised: type[Exception]
) -> None:
    real = Context.open_connector

    def failing(context: Context, connection: Any, *rest: Any, **more: Any) -> Connector:
        connector = real(context, connection, *rest, **more)
        if connection.name == "org":

            def broken(*_: object, **__: object) -> None:
                raise raised("odd")

            monkeypatch.setattr(connector, method, broken, raising=True)
        return connector

    monkeypatch.setattr(Context, "open_connector", failing)
    if method == "probe":
        with pytest.raises(CrmdeckError) as caught:
            office.workspace.connections.test("org")
        assert caught.value.code == "UNEXPECTED_ANSWER"
        return
    errors = refresh_all(office)
    assert errors["portal"] is None
    failure = errors["org"]
    assert failure is not None
    assert failure.code == "UNEXPECTED_ANSWER"
    assert office.workspace.health.status("org").status is Status.ERROR
    assert office.workspace.audit.entries(event="schema.refresh_failed")
    report = office.workspace.checks.run(["org", "portal"])
    assert len(report.connections) == 2
