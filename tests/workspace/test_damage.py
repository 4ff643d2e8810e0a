"""Definitions that were lost or altered: nobody is content, and nobody dies of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crmdeck.errors import CacheDamagedError, ExitCode

from .conftest import Desk, describe, text_field


def execute(desk: Desk, sql: str, parameters: Sequence[object] = ()) -> None:
    with desk.workspace.context.store.write() as session:
        session.database.run(sql, parameters)


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


@pytest.mark.parametrize("what", LOST)
def test_what_was_lost_is_told_and_comes_back_with_a_refresh(full: Desk, what: str) -> None:
    whole = full.workspace.schemas.all("acme"), full.workspace.schemas.fields("acme")
    execute(full, LOST[what])
    alerts = full.workspace.health.status("acme").alerts
    assert alerts[0].code == CacheDamagedError.code
    assert "Account" in alerts[0].message
    assert alerts[0].remedy
    reads = [full.workspace.schemas.all, full.workspace.schemas.fields]
    # What tells of an object itself is not needed to list its fields.
    for read in reads[: 1 if what == "an object" else 2]:
        with pytest.raises(CacheDamagedError) as caught:
            read("acme")
        assert "Account" in str(caught.value)
        assert "crmdeck doctor" in (caught.value.remedy or "")
        assert caught.value.exit_code is ExitCode.CACHE_BUSY

    result = full.refresh()
    assert "DEFINITIONS_READ_ANEW" in [notice.code for notice in result.notices]
    assert result.drift_events == ()
    assert CacheDamagedError.code not in [
        alert.code for alert in full.workspace.health.status("acme").alerts
    ]
    after, fields = full.workspace.schemas.all("acme"), full.workspace.schemas.fields("acme")
    assert [detail.fields for detail in after] == [detail.fields for detail in whole[0]]
    assert fields == whole[1]
    assert "DEFINITIONS_READ_ANEW" not in [notice.code for notice in full.refresh().notices]


def test_what_was_lost_and_then_left_the_crm_is_gone_like_anything_else(full: Desk) -> None:
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


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_is_not_shown_as_true(full: Desk, what: str) -> None:
    execute(full, ALTERED[what])
    with pytest.raises(CacheDamagedError) as caught:
        full.workspace.schemas.object("acme", "Account")
    assert "Account" in caught.value.message
    with pytest.raises(CacheDamagedError):
        full.workspace.schemas.all("acme")
