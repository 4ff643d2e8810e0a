"""Exports of the workspace: of now, of the past, of two schemas, and of a part of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmdeck.errors import CrmdeckError, NotFoundError, UsageError
from crmdeck.exports import read_csv
from crmdeck.model import DecisionState, Source
from crmdeck.workspace import ConnectionDraft, Workspace, parse_moment, parse_past_moment
from tests.workspace.conftest import Desk, describe, text_field

NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)


@pytest.fixture
def past(desk: Desk) -> Any:
    """Old__c left Account, Name got longer, Lead came. Returns when the first look was."""
    desk.export(describe("Account", text_field("Name"), text_field("Old__c")))
    desk.refresh()
    at = desk.clock.now
    desk.clock.move(days=1)
    desk.export(describe("Account", text_field("Name", length=120)), describe("Lead"))
    desk.refresh()
    return at


def exported(workspace: Workspace, what: str, **options: Any) -> list[dict[str, str | None]]:
    return read_csv(workspace.exports.render(what, "acme", format="csv", **options))


def test_the_past_is_exported_as_the_past(desk: Desk, past: Any) -> None:
    assert [row["objectType"] for row in exported(desk.workspace, "objects")] == ["Account", "Lead"]
    assert [row["objectType"] for row in exported(desk.workspace, "objects", at=past)] == [
        "Account"
    ]
    names = [row["name"] for row in exported(desk.workspace, "schema", at=past)]
    assert names == ["Id", "Name", "Old__c"]
    (account,) = json.loads(desk.workspace.exports.render("schema", "acme", at=past))
    assert account["fields"][1]["length"] == 80


def test_two_moments_are_exported_by_object_and_by_field(desk: Desk, past: Any) -> None:
    account, lead = exported(desk.workspace, "comparison", at=past)
    assert (account["left"], account["side"]) == ("acme", "both")
    assert (account["leftOnly"], account["differing"], account["rightOnly"]) == ("1", "1", "0")
    assert (lead["side"], lead["rightOnly"]) == ("right", "1")
    rows = exported(desk.workspace, "differences", at=past, object_type="Account")
    assert [(r["fieldName"], r["attribute"], r["leftValue"], r["rightValue"]) for r in rows] == [
        ("Name", "length", "80", "120"),
        ("Old__c", None, None, None),
    ]
    wire = json.loads(desk.workspace.exports.render("comparison", "acme", at=past))
    assert wire == desk.workspace.schemas.compare("acme", "acme", left_at=past).to_wire()


def test_only_listed_names_are_exported(desk: Desk, past: Any) -> None:
    only = {("Account", "Name"), ("Lead", "Id"), ("Lead", "Name")}
    rows = exported(desk.workspace, "schema", only=only)
    assert [(row["objectType"], row["name"]) for row in rows] == [
        ("Account", "Name"),
        ("Lead", "Id"),
    ]
    assert len(exported(desk.workspace, "schema", only={"Account"})) == 2
    assert len(exported(desk.workspace, "objects", only={"Lead"})) == 1
    kept = {("Account", "Old__c", "")}
    (row,) = exported(desk.workspace, "differences", at=past, only=kept)
    assert (row["fieldName"], row["side"]) == ("Old__c", "left")
    (row,) = exported(desk.workspace, "comparison", at=past, only={"Lead"})
    assert row["objectType"] == "Lead"


def test_a_comparison_names_connections_whatever_it_was_asked_by(desk: Desk, past: Any) -> None:
    id_ = desk.workspace.connections.get("acme").id
    assert desk.workspace.schemas.compare(id_, id_, left_at=past).left == "acme"


def test_incompatible_options_are_rejected(desk: Desk, past: Any) -> None:
    for what, options in (
        ("health", {"at": past}),
        ("mapping", {"right_at": past}),
        ("schema", {"right": "acme"}),
        ("audit", {"object_type": "Account"}),
        ("comparison", {}),
    ):
        with pytest.raises(UsageError) as caught:
            desk.workspace.exports.render(what, "acme", **options)
        assert caught.value.remedy
    with pytest.raises(NotFoundError, match="Acount"):
        desk.workspace.exports.render("differences", "acme", at=past, object_type="Acount")
    desk.workspace.connections.add(
        ConnectionDraft(
            name="new", source=Source.FILES, platform="salesforce", path=str(desk.folder)
        )
    )
    with pytest.raises(CrmdeckError, match="'new' was never refreshed"):
        desk.workspace.exports.render("comparison", "acme", right="new")


@pytest.mark.parametrize(
    "text", ["", "the day before", "2026-13-01", "7y", "9999-12-31T23:59-14:00", "-1d"]
)
def test_invalid_moment_is_reported(text: str) -> None:
    with pytest.raises(UsageError, match="isn't a date or duration"):
        parse_moment(text, NOW)


def test_future_moment_is_rejected_except_today() -> None:
    for text in ("2026-05-17", "2026-05-16T18:00", "7d"):
        assert parse_past_moment(text, NOW) < NOW + timedelta(hours=14)
    for text in ("2026-05-18", "2030-01-01T00:00Z"):
        with pytest.raises(UsageError, match="is in the future"):
            parse_past_moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-05-01", "2026-05-01T23:59:59.999999"),
        ("2026-05-01 12:00", "2026-05-01T12:00:59.999999"),
        ("2026-05-01T14:00+02:00", "2026-05-01T12:00:59.999999"),
        ("2026-05-01T12:00:30Z", "2026-05-01T12:00:30.999999"),
        ("2026-05-01T12:00:30.123Z", "2026-05-01T12:00:30.123999"),
        ("2026-05-01T12:00:30.123456Z", "2026-05-01T12:00:30.123456"),
    ],
)
def test_as_of_includes_the_whole_written_period(text: str, end: str) -> None:
    found = parse_moment(text, NOW, as_of=True)
    assert found == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_moment_that_was_shown_can_be_asked_for(desk: Desk, past: Any) -> None:
    (shown,) = desk.workspace.schemas.objects("acme", past).objects
    at = parse_moment(str(shown.to_wire()["discoveredAt"]), desk.clock.now, as_of=True)
    assert len(exported(desk.workspace, "objects", at=at)) == 1


def test_exported_schema_keeps_hashes(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")), describe("Deal__c", text_field("Old__c")))
    desk.refresh()
    schemas, left_out = desk.workspace.schemas, {"discovered_at", "expires_at"}
    wanted = [each.model_dump(exclude=left_out) for each in schemas.each("acme")]
    for format in ("json", "jsonl", "csv"):
        folder = desk.folder.parent / format
        folder.mkdir()
        desk.workspace.exports.write(folder / f"schema.{format}", "schema", "acme", format=format)
        draft = ConnectionDraft(
            name=format, platform="salesforce", source=Source.FILES, path=str(folder)
        )
        desk.workspace.connections.add(draft)
        desk.workspace.refreshes.run(format)

        assert schemas.compare("acme", format).objects == ()
        assert [each.model_dump(exclude=left_out) for each in schemas.each(format)] == wanted


def test_mappings_and_drift_are_exported_as_they_were(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = desk.workspace.context.settings.model_copy(update={"encoder": "none"})
    monkeypatch.setattr(desk.workspace.context, "settings", plain)
    pair = "deal_registration--Opportunity"
    names = text_field("Name"), text_field("Gone__c")
    desk.export(describe("Opportunity", *names))
    desk.refresh()
    mappings, drift, clock = desk.workspace.mappings, desk.workspace.drift, desk.clock
    mappings.accept("acme", pair, {"accountName": "Gone__c"})
    decided = clock.now
    clock.move(hours=1)
    desk.export(describe("Opportunity", text_field("Name")))
    (gone,) = desk.refresh().drift_events
    detected = clock.now
    clock.move(hours=1)
    drift.acknowledge([gone.id], "seen")
    acknowledged = clock.now
    clock.move(hours=1)
    drift.take_back([gone.id])
    mappings.accept("acme", pair, {"accountName": "Name"})

    def lines(**options: Any) -> list[tuple[str | None, ...]]:
        rows = exported(desk.workspace, "mapping", state=DecisionState.ACCEPTED, **options)
        return [(row["crmField"], row["drift"]) for row in rows]

    def events(**options: Any) -> list[tuple[str | None, ...]]:
        rows = exported(desk.workspace, "drift", **options)
        return [(row["id"], row["note"]) for row in rows]

    assert lines() == [("Name", "[]")]
    assert lines(at=decided, pair=pair) == [("Gone__c", "[]")]
    assert lines(at=detected, object_type="Opportunity") == [("Gone__c", f'["{gone.id}"]')]
    assert lines(since=acknowledged) == [("Name", "[]")]
    assert lines(since=decided, at=acknowledged) == []
    assert [events(at=at) for at in (decided, detected, acknowledged, None)] == [
        [],
        [(gone.id, None)],
        [(gone.id, "seen")],
        [(gone.id, None)],
    ]
    audit = {row["event"] for row in exported(desk.workspace, "audit", at=detected)}
    assert "mapping.accepted" in audit
    assert "schema.drift_acknowledged" not in audit
    sheets = [
        desk.workspace.exports.render("mapping-sheet", "acme", format="markdown", pair=pair, at=at)
        for at in (decided, None)
    ]
    assert ["Gone\\_\\_c" in sheet for sheet in sheets] == [True, False]
    assert "until: 20" in desk.workspace.exports.render("drift-report", "acme", format="markdown")


def test_invalid_filter_is_rejected_in_one_line(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    day = {number: datetime(2026, 5, number, tzinfo=UTC) for number in (1, 3)}
    refused: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("health", {"at": day[1]}, "health has no --at."),
        ("audit", {"object_type": "Account"}, "audit has no --object."),
        ("contract", {"since": day[1]}, "contract has no --since."),
        ("health-report", {"state": DecisionState.ACCEPTED}, "health-report has no --state."),
        ("drift", {"since": day[3], "at": day[1]}, "--since is later than --at"),
        ("mapping", {"object_type": "Acount"}, "No object type named 'Acount'"),
        ("objects", {"object_type": "Acount"}, "No object type named 'Acount'"),
    )
    for what, options, said in refused:
        format = "yaml" if what == "contract" else "html" if "report" in what else "json"
        with pytest.raises(CrmdeckError, match=said) as caught:
            desk.workspace.exports.render(what, "acme", format=format, **options)
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-05-16"),
        ("Yesterday", "2026-05-15"),
        ("saturday", "2026-05-16"),
        ("monday", "2026-05-11"),
        ("sunday", "2026-05-10"),
    ],
)
def test_parse_moment_reads_days_of_the_week(text: str, day: str) -> None:
    saturday = datetime(2026, 5, 16, 12, tzinfo=UTC)
    assert f"{parse_moment(text, saturday)}" == f"{day} 00:00:00+00:00"
    assert f"{parse_moment(text, saturday, as_of=True):%Y-%m-%d %H:%M}" == f"{day} 23:59"
