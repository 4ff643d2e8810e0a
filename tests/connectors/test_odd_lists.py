"""Lists with odd entries: no list gets shorter, and no refresh calls it a success."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from crmdeck.connectors import partneros
from crmdeck.connectors.base import Connector, Known
from crmdeck.connectors.bounded_pool import BoundedPool, RawAnswer
from crmdeck.connectors.salesforce import discovery
from crmdeck.connectors.salesforce.session import _Adapter
from crmdeck.errors import CrmdeckError
from crmdeck.model import Field, PicklistValue, RecordType, Rule, RuleKind, Scope, ScopeMode
from crmdeck.sandbox import Sandbox
from tests.connectors.crm import QUICK, Purse, Run, connection_of, hubspot_to, run, salesforce_to

Body = Any
GONE = "gone"
Path_ = tuple[str | int, ...]
Lists = Callable[["Recorder"], Mapping[str, Sequence[tuple[str, Body]]]]
ERRORS: tuple[Body, ...] = (
    {"status": "error", "category": "RATE_LIMITS", "message": "no"},
    [{"errorCode": "UNKNOWN_EXCEPTION", "message": "no"}],
)


@dataclass
class Recorder:
    """Answers a request as the sandbox did the first time, or with a spoiled body."""

    answers: dict[str, tuple[int, bytes, Mapping[str, str]]] = field(default_factory=dict)
    spoiled: tuple[str, bytes] = ("", b"")

    def __call__(
        self, key: str, ask: Callable[[], tuple[int, bytes, Mapping[str, str]]]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        word, body = self.spoiled
        if word and word in key:
            return 200, body, {}
        if key not in self.answers:
            self.answers[key] = ask()
        return self.answers[key]

    def body(self, word: str) -> Body:
        """Return the last body for a request that contains `word`."""
        found = [each[1] for key, each in self.answers.items() if word in key]
        return json.loads(max(found, key=len))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    request, send = BoundedPool.request, _Adapter.send

    def of_pool(pool: BoundedPool, method: str, url: str, **more: Any) -> RawAnswer:
        def ask() -> tuple[int, bytes, Mapping[str, str]]:
            found = request(pool, method, url, **more)
            return found.status, found.data, found.headers

        status, data, headers = recorder(f"{method} {url} {more.get('fields')}", ask)
        return RawAnswer(status, "", data, headers)

    def of_adapter(
        adapter: _Adapter, asked: requests.PreparedRequest, *more: Any, **kw: Any
    ) -> Any:
        def ask() -> tuple[int, bytes, Mapping[str, str]]:
            found = send(adapter, asked, *more, **kw)
            return found.status_code, found.content, found.headers

        response = requests.Response()
        key = f"{asked.method} {asked.path_url} {asked.body!r}"
        response.status_code, response._content, headers = recorder(key, ask)
        response.headers.update(headers)
        response.url = asked.url or ""
        adapter._last.facts = (headers, len(response.content))
        return response

    monkeypatch.setattr(BoundedPool, "request", of_pool)
    monkeypatch.setattr(_Adapter, "send", of_adapter)
    monkeypatch.setattr(discovery, "_trusted_listing", lambda *_: None)
    return recorder


ODD_LISTS: tuple[Body, ...] = (GONE, None, {}, "x", 7, True)
ODD_FLAGS: tuple[Body, ...] = ("yes", 1, [], {})
ODD: tuple[Body, ...] = (None, 7, [], {})
# What some source may send: see the parsers.
ALLOWED = (
    *((name, "list", odd) for name in ("rules", "recordTypes") for odd in (GONE, None)),
    *((name, "list", GONE) for name in ("recordTypeInfos", "failures")),
    *(
        ("picklist", "entry", "x"),
        ("picklist", "value", ""),
        ("options", "value", ""),
        ("results", "id", 7),
        ("stages", "id", 7),
    ),
)


def spoil(body: Body, *path: str | int) -> Iterator[tuple[str, Body]]:
    """Yield a body with each odd form of the list at `path`; its last part names the entries."""
    *place, last, name = path
    odd_ones: list[tuple[str, Body]] = [("list", each) for each in ODD_LISTS]
    more: tuple[Body, ...] = ("x",) if name else ()
    odd_ones += [("entry", each) for each in (*ODD, *more)]
    odd_ones += [(str(name), each) for each in (*ODD, "") if name]
    for what, odd in odd_ones:
        if (last, what, odd) in ALLOWED:
            continue
        found = copy.deepcopy(body)
        holder = functools.reduce(lambda one, key: one[key], place, found)
        if odd == GONE:
            del holder[last]
        elif what == "list":
            holder[last] = odd
        elif what == "entry":
            holder[last][0] = odd
        else:
            holder[last][-1][what] = odd
        yield f"{'.'.join(map(str, path))}: {what} {odd!r}", found


def check(recorder: Recorder, connector: Connector, scope: Scope, lists: Lists) -> None:
    """Check that no spoiled list changes what is known, or passes for read."""
    first = run(connector, scope=scope)
    # The second one also reads what only mapped objects need.
    first = run(
        connector,
        {name: replace(each, validator=None) for name, each in cached(first).items()},
        scope,
    )
    known = cached(first)
    run(connector, known, scope)
    bad = []
    for word, bodies in lists(recorder).items():
        for what, body in [*(("an error", each) for each in ERRORS), *bodies]:
            recorder.spoiled = (word, json.dumps(body).encode())
            try:
                found = run(connector, known, scope)
            except CrmdeckError:
                continue
            if not found.failed and not found.rules.failed:
                bad.append((word, what, "a success"))
            if set(found.listing.in_scope) != set(known) or changes(first, found):
                bad.append((word, what, "a change"))
    assert not bad, "\n".join(map(str, bad))
    recorder.spoiled = ("", b"")
    last = run(connector, known, scope)
    assert not last.failed
    assert not last.rules.failed
    assert not changes(first, last)


def cached(found: Run) -> dict[str, Known]:
    """Return what a cache would have of each object, all with a mapping."""
    known = {}
    for name, each in found.known.items():
        schema = found.discovered[name].schema
        rules = found.rules.by_object.get(name)
        if rules is not None:
            schema = schema.model_copy(
                update={"rules": rules.rules, "not_read": rules.not_read, "user": rules.user}
            )
        known[name] = replace(each, schema=schema, mapped=True, stays=True)
    return known


def changes(first: Run, found: Run) -> bool:
    """Return whether an object or its rules differ from the first discovery."""
    return any(
        each.schema != first.discovered[name].schema for name, each in found.discovered.items()
    ) or any(
        (each.rules, each.user)
        != (first.rules.by_object[name].rules, first.rules.by_object[name].user)
        for name, each in found.rules.by_object.items()
    )


def at(recorder: Recorder, word: str, *paths: Path_) -> list[tuple[str, Body]]:
    return [each for path in paths for each in spoil(recorder.body(word), *path)]


def test_odd_lists_of_hubspot(sandbox: Sandbox, recorder: Recorder) -> None:
    def lists(found: Recorder) -> dict[str, list[tuple[str, Body]]]:
        deals = "/properties/2026-09/deals"
        names = [each["name"] for each in found.body(deals)["results"]]
        options = ("results", names.index("dealtype"), "options", "value")
        pipelines, checks = "/pipelines/2026-09/deals", "/property-validations/2026-09/0-3"
        stages = ("governanceValidationRules", "noBackwardsMovementRule", "pipelineStageIds", "")
        rules = "/pipelines-rules/2026-09/0-3/48210011"
        return {
            "/schemas": at(found, "/schemas", ("results", "name")),
            deals: at(found, deals, ("results", "name"), options),
            pipelines: at(found, pipelines, ("results", "id"), ("results", 0, "stages", "id")),
            checks: at(
                found,
                checks,
                ("results", "propertyName"),
                ("results", 0, "propertyValidationRules", "ruleType"),
            ),
            rules: at(found, rules, stages),
        }

    connector, _ = hubspot_to(sandbox, limits=replace(QUICK, reserve=0.0))
    check(
        recorder, connector, Scope(mode=ScopeMode.NAMED, include=("deals", "partner_tier")), lists
    )


def test_odd_lists_of_salesforce(sandbox: Sandbox, recorder: Recorder) -> None:
    def lists(found: Recorder) -> dict[str, list[tuple[str, Body]]]:
        describes = found.body("68.0/composite ")
        names = [each["name"] for each in describes["compositeResponse"][1]["body"]["fields"]]
        body = ("compositeResponse", 1, "body")
        stage = (*body, "fields", names.index("StageName"))
        owner = (*body, "fields", names.index("AccountId"))
        listing = found.body("/sobjects None")
        flags = ("queryable", "layoutable", "deprecatedAndHidden", "customSetting")
        rows = listing["sobjects"]
        odd_flags: list[tuple[str, Body]] = [
            (f"{flag} {odd!r}", {"sobjects": [row | {flag: odd} for row in rows]})
            for flag in flags
            for odd in ODD_FLAGS
        ]
        rules, triggers = "FROM+ValidationRule+WHERE+Active", "FROM+ApexTrigger"
        last = {"records": [], "done": False}
        pages = [("no page", last), ("a page", last | {"nextRecordsUrl": "https://evil.example"})]
        values = next(iter(found.body("picklist-values/")["picklistFieldValues"]))
        return {
            "/sobjects None": [*at(found, "/sobjects None", ("sobjects", "name")), *odd_flags],
            "68.0/composite ": at(
                found,
                "68.0/composite ",
                ("compositeResponse", "referenceId"),
                (*body, "fields", "name"),
                (*stage, "picklistValues", "value"),
                (*owner, "referenceTo", ""),
                (*body, "recordTypeInfos", ""),
            ),
            rules: [
                *at(found, rules, ("records", "ValidationName"), ("records", "EntityDefinition")),
                *pages,
            ],
            "FROM+DuplicateRule": [
                *at(
                    found,
                    "FROM+DuplicateRule",
                    ("records", "DeveloperName"),
                    ("records", "SobjectType"),
                ),
                *pages,
            ],
            "FlowDefinitionView": at(
                found,
                "FlowDefinitionView",
                ("records", "ApiName"),
                ("records", "TriggerObjectOrEvent"),
            ),
            triggers: at(found, triggers, ("records", "Name"), ("records", "EntityDefinition")),
            "ui-api/duplicates/Lead": at(
                found, "ui-api/duplicates/Lead", ("duplicateRules", "name"), ("dedupeFields", "")
            ),
            "picklist-values/": at(
                found, "picklist-values/", ("picklistFieldValues", values, "values", "value")
            ),
        }

    connector, _ = salesforce_to(sandbox, limits=replace(QUICK, reserve=0.0))
    everything = run(connector).listing.in_scope
    recorder.answers.clear()
    scope = Scope(exclude=tuple(set(everything) - {"Lead", "Opportunity"}))
    check(recorder, connector, scope, lists)


def test_odd_lists_of_partneros(recorder: Recorder) -> None:
    pair = ("Account", "Opportunity")
    stage = Field(name="Stage", type="picklist", picklist=(PicklistValue(value="New"),) * 2)
    parent = Field(name="Parent", type="reference", references=("Account", "Lead"))
    rule = Rule(name="Late", kind=RuleKind.VALIDATION, expression="CloseDate < TODAY()")
    partner = RecordType(name="Partner", values={"Stage": ("New",)}, id="012a")
    answers: dict[str, Body] = {
        "GET {}/status": {"status": "active", "platform": "salesforce"},
        "POST {}/schema/refresh": {
            "success": True,
            "objects": [],
            "failures": [{"objectType": "Lead", "code": "X", "message": "no"}],
        },
        "GET {}/schema": {
            "objects": [{"objectType": name, "label": name, "schemaHash": ""} for name in pair]
        },
        "GET {}/schemas": {},
    } | {
        "GET {}/schema?objectType=" + name: {
            "objectType": name,
            "fields": [json.loads(each.to_json()) for each in (stage, parent)],
            "rules": [rule.to_wire(), rule.model_copy(update={"name": "B"}).to_wire()],
            "recordTypes": [partner.to_wire()],
        }
        for name in pair
    }
    for key, body in answers.items():
        url = "http://127.0.0.1:9/api/integrations/00000000-0000-0000-0000-000000000002"
        recorder.answers[f"{key.format(url)} None"] = (200, json.dumps(body).encode(), {})

    def lists(found: Recorder) -> dict[str, list[tuple[str, Body]]]:
        schema, one = "/schema None", "objectType=Opportunity"
        details = [
            each
            for path in (
                ("fields", "name"),
                ("fields", 0, "picklist", "value"),
                ("fields", 1, "references", ""),
                ("rules", "name"),
                ("recordTypes", "name"),
            )
            for each in spoil(found.body(one), *path)
        ]
        refresh = "/schema/refresh"
        return {
            schema: at(found, schema, ("objects", "objectType")),
            refresh: at(found, refresh, ("failures", "objectType")),
            one: details,
        }

    purse = Purse({"session_token": "of-the-test"})
    connection = connection_of(
        "salesforce",
        source="partneros",
        endpoint="http://127.0.0.1:9",
        remote_id="00000000-0000-0000-0000-000000000002",
    )
    connector = partneros.open_connector(connection, purse, purse.note, QUICK)
    check(recorder, connector, Scope(), lists)
