"""A real org: three exports of all its objects, taken on one day, are read, compared and stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import pytest

from crmdeck.connectors.base import Discovered, Discovery, Known, Listing, Unchanged
from crmdeck.connectors.files import FilesConnector
from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.model import (
    CancelToken,
    Connection,
    DriftKind,
    DriftReport,
    GoneReason,
    ObjectSchema,
    Scope,
    ScopeMode,
    Severity,
    Source,
)
from crmdeck.store import Store
from crmdeck.workspace.knowledge import read_field_words
from tests.store.build import day, record

ORG = Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-b"
pytestmark = pytest.mark.skipif(not ORG.is_dir(), reason="no real org at hand")


def read(number: int, known: dict[str, Known], *names: str) -> list[Discovery]:
    """Read an export, or only the objects of these names."""
    connection = Connection(
        id="org-b",
        name="org-b",
        platform="salesforce",
        source=Source.FILES,
        path=str(ORG / f"all-objects.{number}.json.gz"),
        created_at=datetime(2026, 5, 16, tzinfo=UTC),
    )
    scope = Scope(mode=ScopeMode.NAMED, include=names) if names else Scope()
    return list(FilesConnector(connection).discover(scope, known, CancelToken()))


@cache
def export(number: int) -> dict[str, Discovered]:
    """Return all objects of an export, which takes most of a second to read."""
    found = read(number, {})
    return {each.schema.object_type: each for each in found if isinstance(each, Discovered)}


def states(number: int) -> dict[str, ObjectSchema]:
    return {name: each.schema for name, each in export(number).items()}


def test_whole_org_loads_and_next_export_differs() -> None:
    found = [states(number) for number in (1, 2, 3)]

    assert [len(each) for each in found] == [1019, 1019, 658]
    fields = [field for schema in found[0].values() for field in schema.fields]
    assert len(fields) == 17_941
    assert max(len(field.picklist) for field in fields) == 14_120
    accounts = [{field.name for field in each["Account"].fields} for each in found]
    assert [len(accounts[1] - accounts[0]), len(accounts[2] - accounts[1])] == [3, 2]

    known = {name: Known(name, "hash", each.validator) for name, each in export(1).items()}
    again = read(1, known)
    assert isinstance(again[0], Listing)
    assert again[1:] == [Unchanged(name) for name in sorted(found[0])]


def test_a_real_org_is_kept_by_content_and_comes_back_whole(tmp_path: Path) -> None:
    first, second = (
        [schema for name, schema in states(number).items() if name < "B"] for number in (1, 2)
    )
    names = [schema.object_type for schema in first]
    once_more = [each.schema for each in read(1, {}, *names) if isinstance(each, Discovered)]
    with Store(tmp_path / "cache.duckdb").write() as session:
        baseline = record(session, 0, *first)
        assert baseline.states == len(baseline.changed) == 133
        assert 0 < baseline.new_definitions < 2_036

        again = record(session, 1, *once_more)
        assert (again.new_definitions, again.states, again.changed) == (0, 0, ())

        changed = record(session, 2, *second)
        assert "Account" in changed.changed
        assert 3 <= changed.new_definitions < 30
        assert session.snapshots.moments("acme") == (day(2), day(0))

        for moment, schemas in ((day(1), first), (day(2), second)):
            infos = session.snapshots.current("acme", moment)
            loaded = session.snapshots.load(infos)
            held = {s.info.object_type: (s.fields, s.native) for s in loaded.values()}
            assert held == {s.object_type: (s.fields, s.native) for s in schemas}
        stats = session.snapshots.stats("acme", day(2) + timedelta(hours=1))
        assert stats.field_count == sum(len(schema.fields) for schema in second)
        assert len(session.snapshots.field_rows("acme")) == stats.field_count


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


def test_huge_picklist_reports_three_added_values() -> None:
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


def test_unchanged_refresh_has_no_events() -> None:
    assert drift(2, 2) == DriftReport()
