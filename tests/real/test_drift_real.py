"""Drift on a real org: three exports of all its objects, taken on one day."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import DriftKind, DriftReport, GoneReason, ObjectSchema, Severity
from crmdeck.workspace.knowledge import read_field_words

DATA = Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-b"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real org at hand")


@cache
def states(number: int) -> dict[str, ObjectSchema]:
    with gzip.open(DATA / f"all-objects.{number}.json.gz", "rt", encoding="utf-8") as file:
        return {s.object_type: s for s in map(parse_object, json.load(file))}


def drift(first: int, second: int) -> DriftReport:
    before, after = states(first), states(second)
    return detect(
        connection_id="org-b",
        vendor=vendor_of("salesforce"),
        detected_at=datetime(2026, 5, 16, tzinfo=UTC),
        before=before,
        after=after,
        gone_objects=dict.fromkeys(before.keys() - after.keys(), GoneReason.ABSENT),
        field_words=partial(read_field_words, None),
    )


def news(report: DriftReport) -> list[tuple[str, str | None, DriftKind, Severity]]:
    return [(e.object_type, e.field_name, e.kind, e.severity) for e in report.events if not e.story]


def test_three_fields_added_to_account_stand_out_of_their_echoes() -> None:
    report = drift(1, 2)
    assert news(report) == [
        ("Account", name, DriftKind.FIELD_ADDED, Severity.SAFE)
        for name in ("JIRA_Project_Id__c", "JIRA_Project_Key__c", "Jira_Error__c")
    ]
    stories = {story.kind: story for story in report.stories}
    assert stories.keys() == {"setup_picklists", "mirror"}
    assert stories["mirror"].title == "AccountChangeEvent repeats 3 changes of Account"
    assert stories["mirror"].event_count == 3
    assert stories["setup_picklists"].object_types == (
        "AIInsightValue",
        "AIRecordInsight",
        "AccountHistory",
        "FieldHistoryArchive",
        "FieldPermissions",
        "MatchingRuleItem",
    )
    assert len(report.events) == 12


def test_a_list_of_fourteen_thousand_values_tells_only_the_three_that_came() -> None:
    [event] = (e for e in drift(1, 2).events if e.object_type == "AIInsightValue")
    assert [c.attribute for c in event.changes] == ["picklist"]
    assert event.changes[0].before == []
    assert [entry["value"] for entry in event.changes[0].after] == [
        "Account.JIRA_Project_Id__c",
        "Account.JIRA_Project_Key__c",
        "Account.Jira_Error__c",
    ]


def test_a_narrower_export_is_one_story_and_no_removal() -> None:
    report = drift(2, 3)
    assert news(report) == [
        ("Account", name, DriftKind.FIELD_ADDED, Severity.SAFE)
        for name in ("JIRA_Project_Name__c", "JIRA_Project_URL__c")
    ]
    [left] = (story for story in report.stories if story.kind == "object_kinds")
    assert left.title == (
        "361 objects of 4 kinds (History, Share, ChangeEvent, Event) are no longer in the export"
    )
    inside = [e.kind for e in report.events if e.story == left.id]
    assert inside == [DriftKind.OBJECT_ABSENT] * 361
    [echoes] = (story for story in report.stories if story.kind == "setup_picklists")
    assert "RecordAction" in echoes.object_types
    assert len(report.events) == 2 + 361 + echoes.event_count


def test_the_way_back_mirrors_the_way_there() -> None:
    there, back = drift(1, 2), drift(2, 1)
    assert len(there.events) == len(back.events)
    assert {(o, f, k) for o, f, k, _ in news(back)} == {
        (o, f, DriftKind.FIELD_ABSENT) for o, f, _, _ in news(there)
    }


def test_a_refresh_that_changes_nothing_tells_nothing() -> None:
    assert drift(2, 2) == DriftReport()
