"""Pages of what grows: together they are the whole, in its order, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crmdeck.errors import NotFoundError
from crmdeck.model import Choice, DecisionState, DriftEvent, Severity
from crmdeck.workspace import ChangeEntry

from .conftest import Desk, describe, text_field

ACCEPTED = DecisionState.ACCEPTED
PAIR = "deal_registration--Opportunity"


def test_pages_together_are_the_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
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
        pages = list(drift.pages(at_once=3, **filters))
        assert [one for page in pages for one in page.events] == list(expected.events)
        assert all(len(page.events) <= 3 for page in pages)
        assert found
    past = desk.workspace.audit.entries("acme", event="schema.drift_acknowledged")[-1].at
    more: tuple[dict[str, Any], ...] = (
        {"at": past},
        {"at": whole.events[-2].detected_at},
    )
    for filters in more:
        expected = drift.report(**filters)
        pages = list(drift.pages(at_once=2, **filters))
        assert [one for page in pages for one in page.events] == list(expected.events)
        assert {page.open_changes for page in pages} == {expected.open_changes}
        assert expected.events
    with pytest.raises(NotFoundError):
        drift.pages("acmee")

    log = desk.workspace.audit.entries("acme")
    assert desk.workspace.audit.entries("acme", after=log[1].id, limit=3) == log[2:5]
    for name in names[:3]:
        choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field=name)
        desk.workspace.mappings.record_decisions("acme", PAIR, [choice])
    decided = desk.workspace.mappings.decisions("acme")
    after = decided[0].id
    assert desk.workspace.mappings.decisions("acme", after=after, limit=1) == decided[1:2]
    schemas = desk.workspace.schemas
    monkeypatch.setattr("crmdeck.workspace.explore.schemas.FIELDS_AT_ONCE", 1)
    assert [each.object_type for each in schemas.each("acme")] == ["Account", "Opportunity"]
    find = schemas.find_field
    assert find("acme", "Opportunity", names[0]) is not None
    assert find("acme", "Opportunity", "Nothing__c") is find("acme", "Nothing", "Id") is None
    assert desk.workspace.connections.find("acmee") is None
    with pytest.raises(NotFoundError):
        find("acmee", "Opportunity", names[0])
    with pytest.raises(NotFoundError, match="cursor"):
        drift.page("acme", 2, after=log[0].id)


def test_a_long_timeline_read_on_is_the_whole(desk: Desk) -> None:
    names = [f"F{number}__c" for number in range(6)]
    drift = desk.workspace.drift
    for number, kept in enumerate((names, names[:4], names[2:5], names[3:], names[1:3])):
        renamed = () if number != 3 else ("Renamed_F2__c",)
        desk.export(describe("Opportunity", *map(text_field, (*kept, *renamed))))
        desk.refresh()
        if number == 0:
            choice = Choice(partner_field="accountName", state=ACCEPTED, crm_field="F5__c")
            desk.workspace.mappings.record_decisions("acme", PAIR, [choice])
        desk.clock.move(days=2)
    events = drift.report("acme").events
    drift.acknowledge([events[0].id, events[4].id])
    drift.see([events[1].id])
    still = drift.report(open_only=True).events
    pages = drift.pages(open_only=True, at_once=2)
    assert tuple(one for page in pages for one in page.events) == still != ()
    for ref in ("acme", None):
        whole = drift.timeline(ref)
        start = drift.timeline(ref, short=3)
        assert start.long is not None
        assert len({day.day for day in start.long.days}) > 2
        assert start.total == len(whole.entries) == sum(day.events for day in start.long.days)
        assert start.open_changes == whole.open_changes
        assert start.groups == whole.groups
        assert start.breaking_groups == whole.breaking_groups > 0
        assert {one.event.id for one in start.entries} == {
            one.event.id for one in whole.entries if whole.breaks(one)
        }
        passing: tuple[Callable[[ChangeEntry], bool] | None, ...] = (None, lambda one: one.is_open)
        for open_only, keep in enumerate(passing):
            timeline, parts = start, 0
            while timeline.long and timeline.long.unread(open_only=bool(open_only)):
                timeline = drift.read_on(timeline, 1, keep=keep, open_only=bool(open_only))
                parts += 1
            expected = [one for one in whole.entries if keep is None or keep(one)]
            assert list(timeline.entries) == expected
            assert parts > 2
            assert [timeline.rename_of(one) for one in expected] == [
                whole.rename_of(one) for one in expected
            ]
        assert drift.found_on(events[0].id) == events[0].detected_at.date()
        assert drift.found_on("none") is None
