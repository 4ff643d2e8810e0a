"""Decisions in a workspace: recorded, undone, applied from files, and learned from."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from crmdeck.errors import (
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SchemaNotDiscoveredError,
    UsageError,
)
from crmdeck.matching import EncoderUnavailableError, SentenceEncoder
from crmdeck.matching import encoder as encoder_module
from crmdeck.model import Choice, DecisionState, Direction, Severity, Source
from crmdeck.settings import Settings
from crmdeck.workspace import ConnectionDraft, Workspace
from crmdeck.workspace.context import Context
from tests.workspace.conftest import Desk, describe, text_field

PAIR = "deal_registration--Opportunity"
OPPORTUNITY = (
    text_field("Name", nillable=False),
    text_field("Account_Name__c"),
    text_field("Registered_Account__c"),
    text_field("Description", type="textarea", length=32000),
    text_field("CloseDate", type="date", length=0),
    text_field("Amount", type="currency", length=0, precision=18, scale=2),
)


def discovered(desk: Desk) -> Workspace:
    desk.export(describe("Opportunity", *OPPORTUNITY))
    desk.refresh()
    return desk.workspace


def line(workspace: Workspace, field: str) -> tuple[DecisionState, str | None]:
    found = next(x for x in workspace.mappings.get("acme", PAIR).lines if x.partner_field == field)
    return found.state, found.crm_field


def accept(field: str, crm_field: str) -> Choice:
    return Choice(partner_field=field, state=DecisionState.ACCEPTED, crm_field=crm_field)


def test_pair_without_schema_has_remedy(desk: Desk) -> None:
    with pytest.raises(SchemaNotDiscoveredError) as caught:
        desk.workspace.mappings.suggest("acme", PAIR)
    assert caught.value.remedy == "Refresh it: crmdeck refresh acme"


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ("deal_registraton--Opportunity", "PARTNEROS_OBJECT_NOT_FOUND"),
        ("deal_registration--Oportunity", "OBJECT_TYPE_NOT_FOUND"),
    ],
)
def test_unknown_object_suggests_the_nearest(desk: Desk, pair: str, code: str) -> None:
    workspace = discovered(desk)
    with pytest.raises(NotFoundError, match="Did you mean") as caught:
        workspace.mappings.suggest("acme", pair)
    assert caught.value.code == code


def test_decisions_and_undos_survive_a_new_workspace(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.mappings.record_decisions("acme", PAIR, [accept("accountName", "Account_Name__c")])
    workspace.mappings.record_decisions("acme", PAIR, [accept("expectedCloseDate", "CloseDate")])
    first = workspace.mappings.decisions("acme", PAIR)[0]
    undone = workspace.mappings.undo("acme", PAIR)
    assert undone.partner_field == "expectedCloseDate"

    again = desk.again()
    assert line(again, "accountName") == (DecisionState.ACCEPTED, "Account_Name__c")
    assert line(again, "expectedCloseDate") == (DecisionState.PENDING, None)
    again.mappings.undo("acme", PAIR, undone.id)
    assert line(again, "expectedCloseDate") == (DecisionState.ACCEPTED, "CloseDate")
    assert again.mappings.decisions("acme", PAIR)[0] == first
    assert [entry.event for entry in again.audit.entries(event="mapping.*")] == [
        "mapping.undone",
        "mapping.undone",
        "mapping.accepted",
        "mapping.accepted",
    ]


def test_stored_vectors_spare_the_encoder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = discovered(desk)

    def fail() -> object:
        raise EncoderUnavailableError("Can't load the sentence encoder.")

    with monkeypatch.context() as broken:
        broken.setattr(encoder_module, "_load_model", fail)
        assert workspace.mappings.suggest("acme", PAIR).encoder == "none"
    ranked = workspace.mappings.suggest("acme", PAIR)
    assert ranked.encoder == SentenceEncoder.name
    monkeypatch.setattr(encoder_module, "_load_model", fail)
    assert workspace.mappings.suggest("acme", PAIR) == ranked


def test_rejected_and_accepted_fields_are_not_suggested(
    desk: Desk,
) -> None:
    workspace = discovered(desk)

    def suggestion(field: str) -> tuple[str | None, DecisionState]:
        answer = workspace.mappings.suggest("acme", PAIR, encoder="none")
        found = next(s for s in answer.suggestions if s.partner_field == field)
        return found.crm_field, found.decision

    first, _ = suggestion("accountName")
    assert first == "Account_Name__c"
    workspace.mappings.reject("acme", PAIR, {"accountName": None}, encoder="none")
    second, state = suggestion("accountName")
    assert second != "Account_Name__c"
    assert state is (DecisionState.PENDING if second else DecisionState.REJECTED)
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("expectedCloseDate", "Registered_Account__c")]
    )
    assert suggestion("accountName")[0] != "Registered_Account__c"
    assert suggestion("expectedCloseDate") == ("Registered_Account__c", DecisionState.ACCEPTED)


def test_filled_elsewhere_ends_when_cleared_or_mapped(desk: Desk) -> None:
    mappings = discovered(desk).mappings
    preflights = desk.workspace.preflights

    def missing() -> set[str]:
        found = {one.crm_field for one in preflights.fails_when("acme", PAIR) if one.when}
        names = {field.name for field in mappings.required_unmapped("acme", PAIR)}
        assert names == {"Name"} & found
        return names

    mappings.record_decisions("acme", PAIR, [accept("description", "Description")])
    assert missing() == {"Name"}
    (mark,) = mappings.mark_filled("acme", PAIR, ["Name"])
    assert mappings.mark_filled("acme", PAIR, ["Name"]) == ()
    assert missing() == set()
    assert mappings.get("acme", PAIR).filled_elsewhere == ("Name",)
    exported = mappings.get("acme", PAIR).to_json()
    mappings.mark_filled("acme", PAIR, ["Name"], filled=False)
    assert missing() == {"Name"}
    mappings.apply("acme", PAIR, exported)
    assert missing() == set()
    mappings.record_decisions("acme", PAIR, [accept("accountName", "Name")])
    assert mappings.get("acme", PAIR).filled_elsewhere == ()
    with pytest.raises(ConflictError, match="already mapped to 'accountName'"):
        mappings.mark_filled("acme", PAIR, ["Name"])
    with pytest.raises(NotFoundError):
        mappings.mark_filled("acme", PAIR, ["Nome"])
    with pytest.raises(ConflictError, match="later decision"):
        mappings.undo("acme", PAIR, mark.id)
    events = [entry.event for entry in desk.workspace.audit.entries(event="mapping.*")]
    assert events.count("mapping.filled_elsewhere") == 2


def test_accepting_other_picklist_values_needs_a_value_map(desk: Desk) -> None:
    stages = ("Open", "Lost", "rejected", "expired", "converted")
    listed = [{"value": one, "label": one, "active": True} for one in stages]
    desk.export(
        describe("Opportunity", text_field("Stage", type="picklist", picklistValues=listed))
    )
    desk.refresh()
    mappings = desk.workspace.mappings
    status = next(one for one in mappings.partner_fields(PAIR) if one.name == "status")
    ours = [value.value for value in status.picklist if value.active]
    lacking = [value for value in ours if value not in stages]
    accept_stage = functools.partial(mappings.accept, "acme", PAIR, encoder="none")
    pick = {"status": "Stage"}
    with pytest.raises(UsageError, match="needs a value map") as caught:
        accept_stage(pick)
    assert caught.value.code == "VALUE_MAP_NEEDED"
    assert all(value in (caught.value.cause or "") for value in lacking)
    assert "converted" not in (caught.value.cause or "")
    assert accept_stage({}, at_least=0.0) == ()
    for wrong in ({lacking[0]: "Opne"}, {"nope": "Open"}, {lacking[0]: "Open"}):
        with pytest.raises(UsageError):
            accept_stage(pick, value_map=wrong)
    with pytest.raises(UsageError, match="belongs to one mapping"):
        accept_stage({"description": "Stage"}, value_map={"a": "Open"})
    assert mappings.decisions("acme") == ()
    (mapped,) = accept_stage(pick, value_map=dict.fromkeys(lacking, "Open"))
    assert mapped.value_map == dict.fromkeys(lacking, "Open")
    (without,) = accept_stage(pick, without_value_map=True)
    assert without.value_map is None


def test_a_crm_field_is_mapped_once(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.mappings.record_decisions("acme", PAIR, [accept("accountName", "Account_Name__c")])
    with pytest.raises(ConflictError, match="already mapped to 'accountName'"):
        workspace.mappings.record_decisions(
            "acme", PAIR, [accept("description", "Account_Name__c")]
        )
    with pytest.raises(ConflictError):
        workspace.mappings.record_decisions(
            "acme", PAIR, [accept("description", "Name"), accept("contactName", "Name")]
        )
    assert line(workspace, "description") == (DecisionState.PENDING, None)


def test_two_fields_can_swap_their_crm_fields_in_one_step(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("accountName", "Name"), accept("contactName", "Description")]
    )
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("accountName", "Description"), accept("contactName", "Name")]
    )
    assert line(workspace, "accountName") == (DecisionState.ACCEPTED, "Description")
    assert line(workspace, "contactName") == (DecisionState.ACCEPTED, "Name")


def test_an_unseen_decision_is_neither_overwritten_nor_undone(desk: Desk) -> None:
    workspace = discovered(desk)
    (first,) = workspace.mappings.record_decisions(
        "acme", PAIR, [accept("accountName", "Account_Name__c")], seen=()
    )
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("description", "Description")], seen=()
    )
    both = [accept("expectedCloseDate", "CloseDate"), accept("accountName", "Name")]
    for choices in (both[1:], both):
        with pytest.raises(ConflictError, match="dana changed 'accountName'") as caught:
            workspace.mappings.record_decisions("acme", PAIR, choices, seen=())
        assert caught.value.code == "DECIDED_MEANWHILE"
    with pytest.raises(ConflictError, match="dana changed 'accountName'"):
        workspace.mappings.undo_all("acme", PAIR, [first.id], seen=())
    assert line(workspace, "accountName") == (DecisionState.ACCEPTED, "Account_Name__c")
    assert line(workspace, "expectedCloseDate") == (DecisionState.PENDING, None)
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("accountName", "Name")], seen=[first.id]
    )
    assert line(workspace, "accountName") == (DecisionState.ACCEPTED, "Name")


def test_a_change_names_the_mapping_and_the_mapping_the_change(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.mappings.record_decisions("acme", PAIR, [accept("accountName", "Account_Name__c")])
    desk.export(
        describe("Opportunity", *(f for f in OPPORTUNITY if f["name"] != "Account_Name__c"))
    )
    (event,) = desk.refresh().drift_events
    assert event.severity is not Severity.SAFE
    assert event.affected_mappings == (f"{PAIR}:accountName",)
    mapped = next(
        x for x in workspace.mappings.get("acme", PAIR).lines if x.partner_field == "accountName"
    )
    assert mapped.drift == (event.id,)
    day = f"{event.detected_at:%Y-%m-%d}"
    assert mapped.drift_summary == (f"{day}, breaking, Opportunity.Account_Name__c: absent",)
    (gone,) = [one for one in workspace.findings.find() if one.code == "FIELD_GONE"]
    assert gone.changes == (event.id,)
    assert workspace.drift.acknowledge([event.id], "on it").number == 1
    assert workspace.drift.acknowledge([event.id]).number == 0
    acknowledged = workspace.drift.report("acme").events[0]
    assert (acknowledged.note, acknowledged.acknowledged_by) == ("on it", "dana")
    # An acknowledged change doesn't bring the field back.
    assert gone.id in {one.id for one in workspace.findings.find()}


def test_an_exported_mapping_is_applied_once(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.mappings.record_decisions(
        "acme",
        PAIR,
        [
            accept("accountName", "Account_Name__c").model_copy(
                update={"direction": Direction.PULL}
            ),
            Choice(partner_field="tags", state=DecisionState.REJECTED)
            if any(x.partner_field == "tags" for x in workspace.mappings.get("acme", PAIR).lines)
            else accept("description", "Description"),
        ],
    )
    text = workspace.exports.render("mapping", "acme", pair=PAIR)
    before = workspace.mappings.get("acme", PAIR)
    assert workspace.mappings.apply("acme", PAIR, text) == ()
    workspace.mappings.undo("acme", PAIR)
    workspace.mappings.undo("acme", PAIR)
    assert len(workspace.mappings.apply("acme", PAIR, text)) == 2
    after = workspace.mappings.get("acme", PAIR)
    for old, new in zip(before.lines, after.lines, strict=True):
        assert (old.state, old.crm_field, old.direction) == (
            new.state,
            new.crm_field,
            new.direction,
        )


def test_acceptance_helps_other_orgs_until_undone(desk: Desk) -> None:
    workspace = discovered(desk)
    workspace.connections.add(
        ConnectionDraft(
            name="emea",
            source=Source.FILES,
            platform="salesforce",
            path=str(desk.folder),
        )
    )
    workspace.refreshes.run("emea")

    def suggested() -> tuple[str | None, list[str]]:
        answer = workspace.mappings.suggest("emea", PAIR, encoder="none")
        found = next(s for s in answer.suggestions if s.partner_field == "contactTitle")
        return found.crm_field, [reason.text for reason in found.reasons]

    first, before = workspace.mappings.suggest("emea", PAIR, encoder="none"), suggested()
    assert before[0] != "Registered_Account__c"
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("contactTitle", "Registered_Account__c")]
    )
    crm_field, reasons = suggested()
    assert (crm_field, reasons[0]) == ("Registered_Account__c", "accepted in acme")
    assert workspace.mappings.decisions("emea") == ()
    desk.let_go()
    off = Context(
        workspace.home, database=desk.database, settings=Settings(learning=False), clock=desk.clock
    )
    assert Workspace(off).mappings.suggest("emea", PAIR, encoder="none") == first
    workspace.mappings.undo("acme", PAIR)
    assert suggested() == before
    workspace.mappings.record_decisions(
        "acme", PAIR, [accept("contactTitle", "Registered_Account__c")]
    )
    workspace.mappings.reject("emea", PAIR, {"contactTitle": None}, encoder="none")
    assert suggested()[0] != "Registered_Account__c"


def test_read_only_workspace_rejects_changes(desk: Desk) -> None:
    discovered(desk)
    reader = desk.again(read_only=True)
    assert reader.mappings.suggest("acme", PAIR, encoder="none").suggestions
    changes: tuple[Callable[[], object], ...] = (
        lambda: reader.refreshes.run("acme"),
        lambda: reader.mappings.record_decisions("acme", PAIR, [accept("accountName", "Name")]),
        lambda: reader.connections.disconnect("acme"),
        lambda: reader.drift.acknowledge([]),
    )
    for change in changes:
        with pytest.raises(ReadOnlyError):
            change()


def renamed_object(desk: Desk) -> Workspace:
    """Return a workspace whose mapped object Deal__c was renamed to Registration__c."""
    fields = (text_field("Account__c"), text_field("Owner__c"), text_field("Notes__c"))
    desk.export(describe("Account"), {**describe("Deal__c", *fields), "custom": True})
    desk.refresh()
    choices = [accept("accountName", "Account__c"), accept("description", "Notes__c")]
    desk.workspace.mappings.record_decisions("acme", OLD_PAIR, choices)
    new = {**describe("Registration__c", *fields), "custom": True}
    desk.export(describe("Account"), new)
    desk.refresh()
    return desk.workspace


OLD_PAIR, NEW_PAIR = "deal_registration--Deal__c", "deal_registration--Registration__c"


def mapped_fields(workspace: Workspace, pair: str) -> dict[str, str | None]:
    lines = workspace.mappings.get("acme", pair).lines
    return {x.partner_field: x.crm_field for x in lines if x.state is DecisionState.ACCEPTED}


def test_an_accepted_object_rename_moves_its_mappings_and_undoes(desk: Desk) -> None:
    workspace = renamed_object(desk)
    before = mapped_fields(workspace, OLD_PAIR)
    events = workspace.drift.report("acme").events
    both = {one.id for one in events if one.object_type in ("Deal__c", "Registration__c")}
    added = next(one for one in events if one.rename_of)
    assert added.rename_of == "Deal__c"
    assert workspace.drift.open_changes("acme").count == 1

    rename = workspace.mappings.accept_rename(added.id)
    assert (rename.moved, rename.left, set(rename.changes)) == (2, (), both)
    assert mapped_fields(workspace, NEW_PAIR) == before
    assert mapped_fields(workspace, OLD_PAIR) == {}
    assert workspace.drift.open_changes("acme").count == 0
    assert {one.note for one in workspace.drift.report("acme", acknowledged=True).events} == {
        "Renamed: Deal__c is now Registration__c."
    }
    assert not [one for one in workspace.findings.find() if one.urgency == "failing"]
    audited = [entry.event for entry in workspace.audit.entries(limit=5)]
    assert sorted(audited) == sorted(
        ["schema.drift_acknowledged", *["mapping.pending"] * 2, *["mapping.accepted"] * 2]
    )

    undone = workspace.mappings.undo_rename(rename)
    assert mapped_fields(workspace, OLD_PAIR) == before
    assert mapped_fields(workspace, NEW_PAIR) == {}
    assert workspace.drift.open_changes("acme").count == 1
    workspace.mappings.undo_rename(undone, again=True)
    assert mapped_fields(workspace, NEW_PAIR) == before
    assert workspace.drift.open_changes("acme").count == 0


def test_a_rename_is_accepted_as_a_whole_or_not_at_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = renamed_object(desk)
    before = mapped_fields(workspace, OLD_PAIR)
    other, *_ = (one for one in workspace.drift.report("acme").events if not one.rename_of)

    def fail(*_: object) -> None:
        raise ConflictError("no")

    with monkeypatch.context() as patch:
        patch.setattr("crmdeck.workspace.mappings.service.acknowledge_changes", fail)
        with pytest.raises(ConflictError):
            workspace.mappings.accept_rename(other.id)
    assert mapped_fields(workspace, OLD_PAIR) == before
    assert mapped_fields(workspace, NEW_PAIR) == {}
    desk.export(describe("Account", text_field("New__c")), describe("Registration__c"))
    desk.refresh()
    alone = next(x for x in workspace.drift.report("acme").events if x.field_name == "New__c")
    with pytest.raises(ConflictError) as caught:
        workspace.mappings.accept_rename(alone.id)
    assert caught.value.code == "NO_RENAME"
