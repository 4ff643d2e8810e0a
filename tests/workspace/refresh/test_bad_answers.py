"""Bad answers: each costs its own connection, no removal is invented, and a report is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crmdeck.connectors.base import Connector
from crmdeck.connectors.salesforce import discovery
from crmdeck.errors import CrmdeckError
from crmdeck.model import DriftKind, Scope, ScopeMode, Status
from crmdeck.sandbox import Fault, FaultKind, salesforce_describe
from crmdeck.sandbox import salesforce as salesforce_api
from crmdeck.sandbox.tenant import Tenant
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
    "null", "5", "true", '"text"', "[]", "{}", "[null]", "[[]]", "",
    '{"results": []}', '{"results": null}', '{"results": [null]}', '{"results": {}}',
    '{"results": [{"name": null}]}',
    '{"sobjects": []}', '{"sobjects": null}', '{"sobjects": [{}]}',
    '{"compositeResponse": null}', '{"compositeResponse": [null]}',
    '{"compositeResponse": [{"body": null, "httpStatusCode": 200}]}',
    '{"compositeResponse": [{"body": {"fields": []}, "httpStatusCode": 200, '
    '"referenceId": "r0"}]}',
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
LISTS = {"/sobjects": "sobjects", "/composite": "compositeResponse", "/properties": "results"}
"""The key of each list of objects or fields in its answer."""

CRM_OBJECTS = ("Account", "Campaign", "Case", "Contact", "Contract", "Event", "Lead", "Task")
PORTAL_OBJECTS = ("companies", "contacts", "deals")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An org and a portal of some objects each and a folder of files, all refreshed.

    Each refresh asks the org for each object, even if its list of objects is unchanged.
    """
    monkeypatch.setattr(discovery, "_trusted_listing", lambda *_: None)
    folder = tmp_path / "files"
    folder.mkdir()
    fields = [text_field("Name"), text_field("City")]
    (folder / "Account.json").write_text(json.dumps(describe("Account", *fields)))
    # Without a hold, each of some thousand reads opens the file again.
    with opened(tmp_path / "home") as office, office.workspace.hold():
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=CRM_OBJECTS))
        office.add_portal(OLD_PORTAL, scope=Scope(mode=ScopeMode.NAMED, include=PORTAL_OBJECTS))
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


def spares_the_others(
    office: Office, name: str, tenant: str, answers: Iterable[Sequence[Fault]], good: str = ""
) -> None:
    """Check for each round of faults that it costs nothing but new facts about its connection.

    The object `good` is read in every round. The last round meets all connections.
    """
    before = [o.field_count for o in office.workspace.schemas.objects(name).objects]
    for faults in answers:
        office.sandbox.clear()
        for fault in faults:
            office.sandbox.fault(tenant, fault)
        asked = [len(office.paths(str(fault.path))) for fault in faults]
        error = refresh(office, name)[name]
        if good:
            assert error is None, faults
            failed = [each.object_type for each in office.workspace.health.failures(name)]
            assert good not in failed, faults
        kept = [o.field_count for o in office.workspace.schemas.objects(name).objects]
        assert kept == before, faults
        for fault, number in zip(faults, asked, strict=True):
            assert len(office.paths(str(fault.path))) > number, fault
    errors = refresh(office, *NAMES)
    assert not [other for other in NAMES if other != name and errors[other]]
    assert len(office.workspace.checks.run(NAMES).connections) == 3


def bodies(*paths: str) -> Iterator[tuple[Fault]]:
    """Yield each bad body for the lists of objects and fields, every fourth one for the rest."""
    for path in paths:
        key = LISTS.get(path)
        some = [each for each in BODIES if ":" not in each or (key and f'"{key}"' in each)]
        for body in some if key else BODIES[::4]:
            yield (Fault(FaultKind.BODY, path=path, message=body),)


def test_a_bad_answer_of_salesforce_costs_that_connection_only(office: Office) -> None:
    spares_the_others(office, "org", ORG, bodies("/sobjects", "/composite", "/tooling"))


def test_a_bad_answer_of_hubspot_costs_that_connection_only(office: Office) -> None:
    paths = ("/properties", "/schemas", "/pipelines", "/property-validations")
    spares_the_others(office, "portal", OLD_PORTAL, bodies(*paths))


def spoiled(good: list[dict[str, str]], choices: str) -> list[str]:
    """Return the list of an object's fields with each bad attribute that one of them can have."""
    bad = [
        json.dumps([good[0] | {choices if key == "choices" else key: bad[key]}, *good[1:]])
        for bad in BAD_ATTRIBUTES
        for key in bad
    ]
    return [
        *bad,
        json.dumps([*good, good[0]]),
        json.dumps([*good, {"name": None}]),
        json.dumps([*good, None]),
        json.dumps(good).replace('"string"', "1" * 5000, 1),
        json.dumps(good).replace('"string"', "[" * 5000 + "]" * 5000, 1),
    ]


def good_fields(office: Office, name: str, object_type: str) -> list[dict[str, str]]:
    return [
        {"name": field.name, "label": field.label, "type": "string"}
        for field in office.workspace.schemas.object(name, object_type).fields
    ]


def is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def rounds(spoiled_ones: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield a list of fields for each object, each spoiled in another way, until none is left."""
    objects = list(spoiled_ones)
    for start in range(0, len(spoiled_ones[objects[0]]), len(objects)):
        yield {
            each: spoiled_ones[each][(start + number) % len(spoiled_ones[each])]
            for number, each in enumerate(objects)
        }


def test_a_bad_field_of_salesforce_costs_its_object_only(office: Office) -> None:
    *others, last = CRM_OBJECTS
    good = {each: good_fields(office, "org", each) for each in CRM_OBJECTS}

    def answer(fields: Mapping[str, str]) -> list[Fault]:
        parts = [
            f'{{"referenceId": "r{number}", "httpStatusCode": 200, "body": '
            f'{{"name": "{name}", "fields": {fields.get(name, json.dumps(good[name]))}}}}}'
            for number, name in enumerate(CRM_OBJECTS)
        ]
        message = f'{{"compositeResponse": [{",".join(parts)}]}}'
        return [Fault(FaultKind.BODY, path="/composite", message=message)]

    lists = {each: spoiled(good[each], "picklistValues") for each in others}
    readable = {each: list(filter(is_json, lists[each])) for each in others}
    assert len(readable[others[0]]) > 25
    spares_the_others(office, "org", ORG, map(answer, rounds(readable)), good=last)
    # What isn't JSON spoils the answer about all of them.
    broken = [answer({others[0]: each}) for each in lists[others[0]] if not is_json(each)]
    assert len(broken) > 2
    spares_the_others(office, "org", ORG, broken)


def test_a_bad_property_of_hubspot_costs_its_object_only(office: Office) -> None:
    *others, last = PORTAL_OBJECTS
    lists = {each: spoiled(good_fields(office, "portal", each), "options") for each in others}
    assert len(lists[others[0]]) > 30
    faults = [
        [
            Fault(FaultKind.BODY, path=f"/properties/{name}", message=f'{{"results": {fields}}}')
            for name, fields in each.items()
        ]
        for each in rounds(lists)
    ]
    spares_the_others(office, "portal", OLD_PORTAL, faults, good=last)


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


def test_name_case_is_not_a_change(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, describe = salesforce_describe.global_text, salesforce_describe.describe_text
    named = r'("(?:name|controllerName|compoundFieldName)": ?)"([^"]*)"'
    listed = r'("referenceTo": ?)\[([^\]]*)\]'

    def shout(text: str) -> str:
        text = re.sub(named, lambda found: f'{found[1]}"{found[2].upper()}"', text)
        return re.sub(listed, lambda found: f"{found[1]}[{found[2].upper()}]", text)

    monkeypatch.setattr(salesforce_api, "global_text", lambda *given: shout(rows(*given)))
    monkeypatch.setattr(salesforce_api, "describe_text", lambda *given: shout(describe(*given)))
    visible, retired = Tenant.visible, salesforce_describe.retired
    monkeypatch.setattr(salesforce_api, "retired", lambda name, v: retired(name.capitalize(), v))

    class Folded(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return next((v for k, v in self.items() if k.casefold() == key.casefold()), default)

        def __contains__(self, key: object) -> bool:
            return self.get(str(key)) is not None

        __getitem__ = get

    monkeypatch.setattr(Tenant, "visible", lambda tenant: Folded(visible(tenant)))
    for site in office.sandbox._sites.values():
        getattr(site, "_texts", {}).clear()
    before = office.workspace.schemas.object("org", "Account").fields
    (attempt,) = office.workspace.refreshes.run_many(["org"])
    assert attempt.error is None
    assert attempt.result is not None
    assert attempt.result.drift_events == ()
    assert attempt.result.failures == ()
    assert office.workspace.schemas.object("org", "Account").fields == before
