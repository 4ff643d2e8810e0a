"""Pages of what grows: together they are the whole, in its order, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.errors import NotFoundError
from crmdeck.model import Choice, DecisionState, DriftEvent, Severity

from .conftest import Desk, describe, text_field

PAIR = "deal_registration--Opportunity"


def test_pages_together_are_the_whole(desk: Desk) -> None:
    names = [f"F{number}__c" for number in range(6)]
    for kept in (names, names[:4], names[2:5], names):
        desk.export(describe("Opportunity", *map(text_field, kept)), describe("Account"))
        desk.refresh()
    drift = desk.workspace.drift
    whole = drift.report("acme")
    assert len(whole.events) > 5
    drift.acknowledge([whole.events[1].id, whole.events[3].id])
    drift.acknowledge([whole.events[2].id])
    drift.take_back([whole.events[3].id])
    every: tuple[dict[str, Any], ...] = (
        {},
        {"acknowledged": True},
        {"acknowledged": False, "at_least": Severity.RISKY},
        {"object_type": "Opportunity", "since": whole.events[-2].detected_at},
    )
    for filters in every:
        expected = drift.report("acme", **filters)
        found: list[DriftEvent] = []
        cursor = None
        while True:
            page = drift.page("acme", 2, after=cursor, **filters)
            assert len(page.events) <= 2
            assert page.open_changes == expected.open_changes
            assert {one.id for one in page.stories} == {one.story for one in page.events} - {None}
            found += page.events
            cursor = page.next_cursor
            if cursor is None:
                break
        assert tuple(found) == expected.events
        assert found

    log = desk.workspace.audit.entries("acme")
    assert desk.workspace.audit.entries("acme", after=log[1].id, limit=3) == log[2:5]
    for name in names[:3]:
        choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field=name)
        desk.workspace.mappings.record_decisions("acme", PAIR, [choice])
    decided = desk.workspace.mappings.decisions("acme")
    after = decided[0].id
    assert desk.workspace.mappings.decisions("acme", after=after, limit=1) == decided[1:2]
    for size in (1, 2, 1000):
        assert tuple(desk.workspace.mappings.each_decision("acme", at_once=size)) == decided
    find = desk.workspace.schemas.find_field
    assert find("acme", "Opportunity", names[0]) is not None
    assert find("acme", "Opportunity", "Nothing__c") is find("acme", "Nothing", "Id") is None
    assert desk.workspace.connections.find("acmee") is None
    with pytest.raises(NotFoundError):
        find("acmee", "Opportunity", names[0])
    with pytest.raises(NotFoundError, match="cursor"):
        drift.page("acme", 2, after=log[0].id)
