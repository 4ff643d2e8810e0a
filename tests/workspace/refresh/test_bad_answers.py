"""Bad answers: each costs its own connection, no removal is invented, and a report is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.base import Connector
from crmdeck.connectors.salesforce import discovery
from crmdeck.errors import CrmdeckError
from crmdeck.model import DriftKind, Scope, ScopeMode, Status
from crmdeck.sandbox import Fault, FaultKind
from crmdeck.workspace import ConnectionDraft
from crmdeck.workspace.context import Context
from tests.workspace.conftest import describe, text_field
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
BAD_ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"type": None}, {"type": {}}, {"type": "hologram"}, {"type": 5}, {"label": 7}, {"label": None},
    {"label": "\ud800"}, {"label": "\0"}, {"label": "\x1b]0;x\a"}, {"label": "x" * 100_000},
    {"length": "x"}, {"length": -1}, {"length": 10**30}, {"length": float("inf")},
    {"length": float("nan")}, {"precision": True}, {"choices": "x"}, {"choices": [None]},
    {"choices": [{"value": None}]}, {"choices": [{"value": {}, "label": []}]}, {"choices": {}},
    {"referenceTo": "Account"}, {"referenceTo": [None]}, {"nillable": "yes"}, {"calculated": []},
    {"createable": {}}, {"name": ""},
)  # fmt: skip
NAMES = ("org", "portal", "exported")
SALESFORCE = ("/sobjects", "/composite", "/tooling")
HUBSPOT = ("/properties", "/schemas", "/pipelines", "/property-validations")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An org and a portal of two objects each and a folder of files, all refreshed.

    Each refresh asks the org for each object, even if its list of objects is unchanged.
    """
    monkeypatch.setattr(discovery, "_trusted_listing", lambda *_: None)
    folder = tmp_path / "files"
    folder.mkdir()
    fields = [text_field("Name"), text_field("City")]
    (folder / "Account.json").write_text(json.dumps(describe("Account", *fields)))
    # Without a hold, each of some thousand reads opens the file again.
    with opened(tmp_path / "home") as office, office.workspace.hold():
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=("Account", "Contact")))
        two = Scope(mode=ScopeMode.NAMED, include=("contacts", "deals"))
        office.add_portal(OLD_PORTAL, scope=two)
        draft = ConnectionDraft(
            name="exported", source="files", platform="salesforce", path=str(folder)
        )
        office.workspace.connections.add(draft)
        for attempt in office.workspace.refreshes.run_many(NAMES):
            assert attempt.error is None
        yield office


def refresh(office: Office, *names: str) -> dict[str, CrmdeckError | None]:
    """Refresh connections, and check that no removal was invented."""
    attempts = office.workspace.refreshes.run_many(names)
    for attempt in attempts:
        if attempt.result is not None:
            assert not [e for e in attempt.result.drift_events if e.kind in GONE], attempt.name
    return {attempt.name: attempt.error for attempt in attempts}


def spares_the_others(office: Office, name: str, tenant: str, faults: Iterable[Fault]) -> None:
    """Check for each fault that it costs nothing but new facts about its connection.

    The last fault meets all connections.
    """
    before = [o.field_count for o in office.workspace.schemas.objects(name).objects]
    for fault in faults:
        office.sandbox.clear()
        office.sandbox.fault(tenant, fault)
        asked = len(office.paths(str(fault.path)))
        refresh(office, name)
        kept = [o.field_count for o in office.workspace.schemas.objects(name).objects]
        assert kept == before, fault
        assert len(office.paths(str(fault.path))) > asked, fault
    errors = refresh(office, *NAMES)
    assert not [other for other in NAMES if other != name and errors[other]]
    assert len(office.workspace.checks.run(NAMES).connections) == 3


def bodies(*paths: str) -> Iterator[Fault]:
    """Yield each bad body for the lists of objects and fields, every third one for the rest."""
    for path in paths:
        some = BODIES if path in ("/sobjects", "/composite", "/properties") else BODIES[::3]
        for body in some:
            yield Fault(FaultKind.BODY, path=path, message=body)


def test_a_bad_answer_of_salesforce_costs_that_connection_only(office: Office) -> None:
    spares_the_others(office, "org", ORG, bodies(*SALESFORCE))


def test_a_bad_answer_of_hubspot_costs_that_connection_only(office: Office) -> None:
    spares_the_others(office, "portal", OLD_PORTAL, bodies(*HUBSPOT))


def with_bad_field(office: Office, name: str, object_type: str, choices: str) -> Iterator[str]:
    """Yield a list of an object's fields for each bad attribute that one of them can have."""
    good = [
        {"name": field.name, "label": field.label, "type": "string"}
        for field in office.workspace.schemas.object(name, object_type).fields
    ]
    for bad in BAD_ATTRIBUTES:
        first = good[0] | {choices if key == "choices" else key: bad[key] for key in bad}
        yield json.dumps([first, *good[1:]])
    yield json.dumps([*good, good[0]])
    yield json.dumps([*good, {"name": None}])
    yield json.dumps([*good, None])
    yield json.dumps(good).replace('"string"', "1" * 5000, 1)
    yield json.dumps(good).replace('"string"', "[" * 5000 + "]" * 5000, 1)


def test_a_bad_field_of_salesforce_costs_its_object_only(office: Office) -> None:
    def part(number: int, name: str, fields: str) -> str:
        head = f'"referenceId": "r{number}", "httpStatusCode": 200'
        return f'{{{head}, "body": {{"name": "{name}", "fields": {fields}}}}}'

    contact = part(1, "Contact", next(with_bad_field(office, "org", "Contact", "picklistValues")))
    parts = [
        part(0, "Account", fields)
        for fields in with_bad_field(office, "org", "Account", "picklistValues")
    ]
    faults = [
        Fault(
            FaultKind.BODY,
            path="/composite",
            message=f'{{"compositeResponse": [{each},{contact}]}}',
        )
        for each in parts
    ]
    assert len(faults) > 30
    spares_the_others(office, "org", ORG, faults)


def test_a_bad_property_of_hubspot_costs_its_object_only(office: Office) -> None:
    faults = [
        Fault(FaultKind.BODY, path="contacts", message=f'{{"results": {each}}}')
        for each in with_bad_field(office, "portal", "contacts", "options")
    ]
    spares_the_others(office, "portal", OLD_PORTAL, faults)


class OddError(Exception):
    """An exception that no list of exceptions contains."""


def test_any_exception_of_a_connector_is_a_recorded_failure(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Context.open_connector
    raising: Exception = OddError()

    def failing(context: Context, connection: Any, *rest: Any, **more: Any) -> Connector:
        connector = real(context, connection, *rest, **more)
        if connection.name == "org":

            def broken(*_: object, **__: object) -> None:
                raise raising

            for method in ("discover", "probe"):
                monkeypatch.setattr(connector, method, broken, raising=True)
        return connector

    monkeypatch.setattr(Context, "open_connector", failing)
    for raised in (TypeError, KeyError, RecursionError, MemoryError, OddError):
        raising = raised("odd")
        with pytest.raises(CrmdeckError) as caught:
            office.workspace.connections.test("org")
        assert caught.value.code == "UNEXPECTED_ANSWER"
        failure = refresh(office, "org")["org"]
        assert failure is not None
        assert failure.code == "UNEXPECTED_ANSWER"
        assert office.workspace.health.status("org").status is Status.ERROR
    assert len(office.workspace.audit.entries(event="schema.refresh_failed")) == 5
    errors = refresh(office, *NAMES)
    assert errors["org"] is not None
    assert errors["portal"] is None
    assert len(office.workspace.checks.run(NAMES).connections) == 3
