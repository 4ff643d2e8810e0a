from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CanceledError, ConflictError, SourceError
from crmdeck.model import CancelToken, DriftKind, Scope, ScopeMode, Severity, Status
from crmdeck.store.database import Database
from crmdeck.store.definitions import content_hash, sha256
from tests.workspace.conftest import Desk, describe, text_field


def test_second_refresh_reports_changes_to_baseline(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name"), text_field("Old__c")))
    first = desk.refresh()
    assert first.baseline
    assert first.drift_events == ()
    assert first.total_fields == 3

    desk.export(describe("Account", text_field("Name", length=40), text_field("New__c")))
    second = desk.refresh()
    told = {(event.field_name, event.kind) for event in second.drift_events}
    assert told == {
        ("Name", DriftKind.FIELD_CHANGED),
        ("Old__c", DriftKind.FIELD_ABSENT),
        ("New__c", DriftKind.FIELD_ADDED),
    }
    assert [e.event for e in desk.workspace.audit.entries(event="schema.*")] == [
        "schema.drift_detected",
        "schema.refreshed",
        "schema.refreshed",
    ]


def test_unchanged_refresh_writes_no_definition(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")), describe("Contact", text_field("Phone")))
    assert desk.refresh().new_definitions == 4
    again = desk.refresh()
    assert (again.new_definitions, again.unchanged_objects, again.drift_events) == (0, 2, ())
    assert again.total_fields == 4


NEW_KEYS = ("nillable", "filterable", "idLookup", "caseSensitive", "relationshipName")


def forget_what_is_new(desk: Desk) -> None:
    """Make the cache hold what crmdeck kept before it compared objects and these attributes."""
    with desk.workspace.context.store.write() as session:
        database = session.snapshots._database
        for key, body in database.rows("SELECT field_hash, body FROM field_definition"):
            kept = json.loads(body)
            native = {name: kept.pop(name) for name in NEW_KEYS if name in kept}
            old = json.dumps({**kept, "native": {**kept.get("native", {}), **native}})
            rename(database, "field_hash", key, sha256(old))
            database.run(
                "UPDATE field_definition SET body = ? WHERE field_hash = ?", [old, sha256(old)]
            )
        database.run(
            "UPDATE object_definition SET object_hash = NULL, rules_hash = NULL, body = NULL, "
            "schema_hash = concat('old ', schema_hash)"
        )
        for content, label, custom, native in database.rows(
            "SELECT content_hash, label, custom, native FROM object_definition"
        ):
            fields = database.rows(
                "SELECT field_hash FROM object_field WHERE content_hash = ? ORDER BY position",
                [content],
            )
            old = content_hash(label, custom, [key for (key,) in fields], native, None)
            rename(database, "content_hash", content, old)


def rename(database: Database, column: str, before: str, after: str) -> None:
    owners = {
        "field_hash": ["field_definition"],
        "content_hash": ["object_definition", "object_state"],
    }
    for table in ["object_field", *owners[column]]:
        database.run(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [after, before])


def test_older_cache_causes_no_false_drift(desk: Desk) -> None:
    more = {"filterable": True, "idLookup": False, "caseSensitive": False, "relationshipName": None}
    account = describe("Account", text_field("Name", **more), text_field("Old__c", **more))
    desk.export(account | {"labelPlural": "Accounts", "createable": True})
    desk.refresh()
    forget_what_is_new(desk)
    [old] = desk.again().schemas.all("acme")
    assert {field.filterable for field in old.fields} == {None}

    first = desk.refresh()
    assert (first.drift_events, first.unchanged_objects) == ((), 0)
    assert desk.refresh().unchanged_objects == 1
    account["fields"][1]["filterable"] = False
    desk.export(account | {"labelPlural": "Firms", "createable": True})
    assert [
        (event.field_name, [change.attribute for change in event.changes])
        for event in desk.refresh().drift_events
    ] == [(None, ["plural"]), ("Name", ["filterable"])]


def test_older_cache_reports_real_changes(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    forget_what_is_new(desk)
    desk.export(describe("Account", text_field("Name", length=40)) | {"label": "Firm"})
    assert [
        (event.field_name, [change.attribute for change in event.changes])
        for event in desk.refresh().drift_events
    ] == [(None, ["label"]), ("Name", ["length"])]


def test_late_side_effect_is_grouped_with_its_cause(desk: Desk) -> None:
    def task(*targets: str) -> dict[str, Any]:
        return describe("Task", text_field("WhatId", type="reference", referenceTo=[*targets]))

    account, deal = describe("Account"), describe("Deal__c", text_field("Region__c"))
    desk.export(account, deal, task("Account", "Deal__c", "Case"))
    desk.refresh()
    desk.export(account, task("Account", "Deal__c", "Case"))
    desk.refresh()
    desk.export(account, task("Account", "Case"))
    late = desk.refresh()
    assert [story.kind for story in late.stories] == ["reference_lists"]
    desk.export(account, task("Account"))
    news = desk.refresh()
    assert news.stories == ()
    assert [event.severity for event in news.drift_events] == [Severity.RISKY]


def test_lagging_mirror_is_compared_with_cached_base(desk: Desk) -> None:
    base = describe("Deal__c", text_field("Region__c"))
    desk.export(base, describe("Deal__ChangeEvent"))
    desk.refresh()
    desk.export(base, describe("Deal__ChangeEvent", text_field("Region__c")))
    assert [story.kind for story in desk.refresh().stories] == ["mirror"]


def test_removed_and_returned_object_has_two_events(desk: Desk) -> None:
    both = (describe("Account", text_field("Name")), describe("Contact", text_field("Phone")))
    desk.export(*both)
    desk.refresh()
    desk.export(both[0])
    left = desk.refresh()
    assert [(e.object_type, e.kind) for e in left.drift_events] == [
        ("Contact", DriftKind.OBJECT_ABSENT)
    ]
    assert [o.object_type for o in desk.workspace.schemas.objects("acme").objects] == ["Account"]
    desk.export(*both)
    back = desk.refresh()
    assert [(e.object_type, e.kind) for e in back.drift_events] == [
        ("Contact", DriftKind.OBJECT_ADDED)
    ]


def test_scope_change_is_not_drift(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")), describe("Contact", text_field("Phone")))
    desk.refresh()
    narrow = Scope(mode=ScopeMode.NAMED, include=("Account",))
    desk.workspace.connections.update("acme", scope=narrow)
    shrunk = desk.refresh()
    assert [e.kind for e in shrunk.drift_events] == [DriftKind.OBJECT_OUT_OF_SCOPE]
    desk.export(
        describe("Account", text_field("Name")),
        describe("Contact", text_field("Phone")),
        describe("Lead", text_field("Email")),
    )
    desk.workspace.connections.update("acme", scope=Scope())
    wide = desk.refresh()
    assert "Lead" not in {event.object_type for event in wide.drift_events}


def test_broken_file_keeps_its_objects_snapshot(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")), describe("Contact", text_field("Phone")))
    desk.refresh()
    (desk.folder / "Contact.json").write_text('{"name": "Contact", "fields": [')
    partial = desk.refresh()
    assert partial.success
    assert len(partial.failures) == 1
    assert partial.drift_events == ()
    assert "Contact.json" in partial.failures[0].message
    kept = desk.workspace.schemas.object("acme", "Contact")
    assert [field.name for field in kept.fields] == ["Id", "Phone"]


def test_unreadable_crm_sets_error_status(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    (desk.folder / "Account.json").unlink()
    with pytest.raises(SourceError):
        desk.refresh()
    status = desk.workspace.health.status("acme")
    assert status.status is Status.ERROR
    assert status.last_error_message
    assert status.findings[0].steps
    assert status.schema_stats.object_count == 1
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    assert desk.workspace.health.status("acme").status is Status.ACTIVE


def test_canceled_refresh_stores_only_the_attempt(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    desk.export(describe("Account", text_field("Name"), text_field("New__c")))
    cancel = CancelToken()
    with pytest.raises(CanceledError):
        desk.workspace.refreshes.run("acme", cancel=cancel, progress=lambda _: cancel.cancel())
    assert desk.workspace.drift.report("acme").events == ()
    assert len(desk.workspace.schemas.object("acme", "Account").fields) == 2
    assert desk.workspace.health.status("acme").status is Status.ACTIVE


def test_disconnected_connection_is_not_refreshed(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    desk.workspace.connections.disconnect("acme")
    with pytest.raises(ConflictError, match="disconnected") as caught:
        desk.refresh()
    assert caught.value.code == "CONNECTION_DISCONNECTED"
    assert desk.workspace.health.status("acme").status is Status.DISCONNECTED
    assert len(desk.workspace.schemas.objects("acme").objects) == 1
    assert desk.workspace.audit.entries(event="connection.disconnected")[0].actor == "dana"
    desk.workspace.connections.update("acme", reconnect=True)
    assert desk.refresh().success


def test_concurrent_refreshes_share_a_run(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    results: list[object] = []
    started = threading.Event()
    proceed = threading.Event()

    def slow(_: object) -> None:
        started.set()
        proceed.wait(10)

    first = threading.Thread(
        target=lambda: results.append(desk.workspace.refreshes.run("acme", progress=slow))
    )
    first.start()
    assert started.wait(10)
    second = threading.Thread(target=lambda: results.append(desk.workspace.refreshes.run("acme")))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    proceed.set()
    first.join(10)
    second.join(10)
    assert len(results) == 2
    assert results[0] == results[1]
    assert len(desk.workspace.health.sync_history("acme")) == 1


@pytest.mark.parametrize("database", ["duckdb"], indirect=True)
def test_concurrent_refresh_is_taken_into_account(desk: Desk, tmp_path: Path) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    desk.export(describe("Account", text_field("Name"), text_field("New__c")))
    other = desk.again()
    done: list[object] = []

    def meanwhile(_: object) -> None:
        if not done:
            done.append(None)
            other.refreshes.run("acme")

    mine = desk.workspace.refreshes.run("acme", progress=meanwhile)
    assert mine.drift_events == ()
    assert [e.field_name for e in desk.workspace.drift.report("acme").events] == ["New__c"]


@pytest.mark.parametrize("database", ["duckdb"], indirect=True)
def test_unchanged_object_returns_after_removal_elsewhere(desk: Desk) -> None:
    both = (describe("Account", text_field("Name")), describe("Lead", text_field("Company")))
    desk.export(*both)
    desk.refresh()
    other = desk.again()
    done: list[object] = []

    def meanwhile(_: object) -> None:
        if not done:
            done.append(None)
            away = desk.folder / "away"
            (desk.folder / "Lead.json").rename(away)
            other.refreshes.run("acme")
            away.rename(desk.folder / "Lead.json")

    # Both are unchanged to who began before Lead had gone.
    mine = desk.workspace.refreshes.run("acme", progress=meanwhile)
    assert [(e.object_type, e.kind) for e in mine.drift_events] == [
        ("Lead", DriftKind.OBJECT_ADDED)
    ]
    kinds = [event.kind for event in desk.workspace.drift.report("acme").events]
    assert kinds == [DriftKind.OBJECT_ADDED, DriftKind.OBJECT_ABSENT]
    assert len(desk.workspace.schemas.all("acme")) == 2


def test_host_can_be_removed(desk: Desk) -> None:
    update = desk.workspace.connections.update
    update("acme", endpoint="https://proxy.example", instance_url="https://a.my.salesforce.com")
    cleared = update("acme", endpoint="")
    assert (cleared.endpoint, cleared.instance_url) == (None, "https://a.my.salesforce.com")
    assert update("acme", instance_url="").instance_url is None
    assert desk.workspace.connections.get("acme").endpoint is None
    (latest, *_) = desk.workspace.audit.entries("acme", event="connection.updated")
    assert latest.summary == "Changed instance_url"


class Locked(MemorySecrets):
    """A keyring that must not be opened."""

    def get(self, connection_id: str, name: str) -> str | None:
        raise AssertionError(f"{name} was asked for")


def test_source_without_secrets_asks_for_none(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.workspace.context.secrets = Locked()
    assert desk.refresh().success
    desk.workspace.connections.test("acme")
    assert desk.workspace.health.status("acme").schema_stats.object_count == 1
