"""Definitions that were lost or altered: nobody is content, and nobody dies of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from crmdeck.errors import CacheDamagedError, ExitCode

from .conftest import Desk, describe, text_field


def execute(desk: Desk, sql: str, parameters: Sequence[object] = ()) -> None:
    with desk.workspace.context.store.write() as session:
        session.database.run(sql, parameters)


@contextmanager
def put_back(desk: Desk, *tables: str) -> Iterator[None]:
    """Put back what these tables contained."""
    store = desk.workspace.context.store
    with store.write() as session:
        for table in tables:
            session.database.run(f"CREATE TABLE whole_{table} AS SELECT * FROM {table}")
    yield
    with store.write() as session:
        for table in tables:
            session.database.run(f"DELETE FROM {table}")
            session.database.run(f"INSERT INTO {table} SELECT * FROM whole_{table}")
            session.database.run(f"DROP TABLE whole_{table}")


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk with two refreshes behind it: Account and Lead, which share a field."""
    shared = text_field("Shared__c")
    lead = describe("Lead", text_field("Company"), shared)
    desk.export(describe("Account", text_field("Name"), shared), lead)
    desk.refresh()
    desk.export(describe("Account", text_field("Name", length=40), shared), lead)
    assert len(desk.refresh().drift_events) == 1
    return desk


LOST = {
    "a field": "DELETE FROM field_definition WHERE name = 'Name'",
    "all fields": "DELETE FROM field_definition",
    "an object": "DELETE FROM object_definition WHERE label = 'Account'",
    "its order": "DELETE FROM object_field WHERE position = 1",
}


def test_lost_definitions_return_with_a_refresh(full: Desk) -> None:
    details, fields = full.workspace.schemas.all("acme"), full.workspace.schemas.fields("acme")
    reads = [full.workspace.schemas.all, full.workspace.schemas.fields]
    for what, sql in LOST.items():
        execute(full, sql)
        found = full.workspace.health.status("acme").findings
        assert found[0].code == CacheDamagedError.code, what
        assert "Account" in found[0].title
        assert found[0].steps
        # What tells of an object itself is not needed to list its fields.
        for read in reads[: 1 if what == "an object" else 2]:
            with pytest.raises(CacheDamagedError) as caught:
                read("acme")
            assert "Account" in str(caught.value)
            assert "crmdeck doctor" in (caught.value.remedy or "")
            assert caught.value.exit_code is ExitCode.CACHE_BUSY

        result = full.refresh()
        assert "DEFINITIONS_READ_ANEW" in [notice.code for notice in result.notices], what
        assert result.drift_events == ()
        found = full.workspace.health.status("acme").findings
        assert CacheDamagedError.code not in [one.code for one in found]
        after = full.workspace.schemas.all("acme")
        assert [detail.fields for detail in after] == [detail.fields for detail in details]
        assert full.workspace.schemas.fields("acme") == fields
        assert "DEFINITIONS_READ_ANEW" not in [notice.code for notice in full.refresh().notices]


def test_lost_then_removed_object_is_removed(full: Desk) -> None:
    execute(full, LOST["an object"])
    full.export(describe("Lead", text_field("Company"), text_field("Shared__c")))
    [event] = full.refresh().drift_events
    assert (event.object_type, event.kind.value) == ("Account", "object_absent")


ALTERED = {
    "another body": "UPDATE field_definition SET body = replace(body, '40', '44')",
    "no JSON": "UPDATE field_definition SET body = 'x' WHERE name = 'Name'",
    "another field": "UPDATE object_field SET field_hash = "
    "(SELECT max(field_hash) FROM field_definition) WHERE position = 1",
    "another object": "UPDATE object_definition SET native = '{' WHERE label = 'Account'",
}


def test_altered_rows_are_not_shown(full: Desk) -> None:
    for what, sql in ALTERED.items():
        with put_back(full, "field_definition", "object_definition", "object_field"):
            execute(full, sql)
            with pytest.raises(CacheDamagedError) as caught:
                full.workspace.schemas.object("acme", "Account")
            assert "Account" in caught.value.message, what
            with pytest.raises(CacheDamagedError):
                full.workspace.schemas.all("acme")
        assert full.workspace.schemas.object("acme", "Account").fields, what
