"""Each question has an answer in the demo, and bad arguments are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import CrmdeckError, NotFoundError
from crmdeck.mcp.tools import TOOLS, View, ask
from crmdeck.workspace import Workspace, open_demo

PAIR = "deal_registration--Opportunity"
PLACE = {"connection": "acme-prod", "object": "Opportunity"}
QUESTIONS: dict[str, dict[str, Any]] = {
    "status": {},
    "findings": {},
    "changes": {"since": "90d"},
    "impact": {**PLACE, "field": "Amount", "change": "renamed"},
    "find_fields": {"meaning": "how much the deal is worth"},
    "field": {**PLACE, "field": "StageName"},
    "fields": PLACE,
    "history": {"connection": "acme-prod", "pair": PAIR, "partnerField": "contactEmail"},
    "compare": {"left": "acme-prod", "leftAt": "30d"},
    "mapping": {"connection": "acme-prod", "pair": PAIR},
    "preflight": {"connection": "acme-prod", "pair": PAIR},
    "explain_errors": {
        "connection": "acme-prod",
        "text": "REQUIRED_FIELD_MISSING: Required fields are missing: [End_Customer_Domain__c]",
    },
}


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_demo(at=datetime(2026, 5, 16, 12, tzinfo=UTC)) as workspace:
        yield workspace


def answer(ws: Workspace, name: str, **more: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(View(ws), name, {**QUESTIONS[name], **more}))
    return found


def test_gaps_list_unreadable_connections(ws: Workspace) -> None:
    status = answer(ws, "status")
    assert status["total"] == len(status["rows"]) == 4
    states = {row["connection"]: row["status"] for row in status["rows"]}
    named = {sentence.split(":")[0].split(" ")[0] for sentence in status["notChecked"]}
    assert {name for name, state in states.items() if state != "active"} <= named
    recent = answer(ws, "changes", since="3d")
    old = [sentence for sentence in recent["notChecked"] if "later changes are unknown" in sentence]
    assert {sentence.split(" ")[0] for sentence in old} >= {"acme-emea", "legacy-portal"}
    assert not any(sentence.startswith("acme-prod") for sentence in recent["notChecked"])


def test_breaking_changes_come_first_with_total(ws: Workspace) -> None:
    rows = answer(ws, "changes", maxBytes=40_000)["rows"]
    touching = ["mappings" in row for row in rows]
    assert touching == sorted(touching, reverse=True)
    assert any(touching)
    assert {row["severity"] for row in rows} <= {"breaking", "risky"}
    assert len(rows) == ws.drift.open_changes().count
    every = answer(ws, "changes", onlyWhatMatters=False)
    assert every["total"] > len(rows)
    assert every["more"] is not None
    page = answer(ws, "changes", onlyWhatMatters=False, cursor=every["more"])
    assert page["rows"][0] not in every["rows"]


def test_impact_and_find_give_reasons_and_no_percentage(ws: Workspace) -> None:
    found = answer(ws, "impact")
    assert [(row["kind"], row["name"]) for row in found["rows"]] == [
        ("mapping", "deal_registration.estimatedValue"),
        ("rule", "Partner_Deal_Needs_Amount"),
        ("formula", "Sum_Open_Opportunities__c"),
    ]
    assert any("hasn't asked" in sentence for sentence in found["notChecked"])
    other = {"connection": "acme-marketing", "object": "deals", "field": "amount"}
    hidden = answer(ws, "impact", **other)["notChecked"]
    assert any("doesn't show formulas of 9 fields" in sentence for sentence in hidden)
    fields = answer(ws, "find_fields")["rows"]
    assert fields[0]["label"] == "Estimated Deal Value"
    assert all(row["reasons"] for row in fields)
    assert "%" not in json.dumps(fields)
    # A query written together is cut by the words of the fields.
    together = answer(ws, "find_fields", meaning="closedate")["rows"]
    assert together[0]["reasons"][0] == "same words: close, date"


def test_history_shows_deciders_and_authors(ws: Workspace) -> None:
    found = answer(ws, "history")
    assert found["today"] == "2026-05-16"
    times = [row["at"] for row in found["rows"]]
    assert times == sorted(times, reverse=True)
    decided = [row for row in found["rows"] if "decision" in row]
    changed = [row for row in found["rows"] if "what" in row]
    assert {row["by"] for row in decided} == {"priya.raman"}
    assert "Lena Brandt" in {row["by"] for row in changed}
    place = {**PLACE, "field": "Decision_Contact_Email__c", "pair": None, "partnerField": None}
    assert answer(ws, "history", **place)["total"] == found["total"]


def test_fields_and_compare_answer_as_of_a_date(ws: Workspace) -> None:
    now, before = answer(ws, "fields"), answer(ws, "fields", at="30d")
    assert now["rows"][0]["mappings"]
    assert now["total"] != before["total"]
    objects = answer(ws, "fields", object=None, maxBytes=40_000)["rows"]
    assert "Opportunity" in {row["object"] for row in objects}
    severities = {row["objectType"]: row["severity"] for row in answer(ws, "compare")["rows"]}
    assert severities["Opportunity"] == "breaking"
    rows = answer(ws, "compare", object="Opportunity", leftAt="monday", right="acme-emea")["rows"]
    assert {row["side"] for row in rows} <= {"left", "right", "both"}


def test_field_mapping_and_preflight_answer_in_rows(ws: Workspace) -> None:
    facts = answer(ws, "field")["rows"]
    assert {"attribute": "type", "value": "picklist"} in facts
    assert any(row.get("picklistValue") == "Closed Won" for row in facts)
    rows = answer(ws, "mapping")["rows"]
    assert {"requiredCrmField": "Name", "state": "not mapped"} in rows
    assert any("changedSince" in row for row in rows)
    assert PAIR in {row["objectPair"] for row in answer(ws, "mapping", pair=None)["rows"]}
    assert "rejected" in {row["outcome"] for row in answer(ws, "preflight")["rows"]}
    (cause,) = answer(ws, "explain_errors")["rows"]
    assert (cause["kind"], cause["change"]["by"]) == ("required", "Tom Okafor")
    assert cause["mappings"] == [f"{PAIR}:accountDomain"]


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("field", {**PLACE, "connection": 5, "field": "Amount"}, "BAD_ARGUMENT"),
        ("field", PLACE, "BAD_ARGUMENT"),
        ("status", {"maxBytes": "many"}, "BAD_ARGUMENT"),
        ("status", {"verbose": True}, "BAD_ARGUMENT"),
        ("status", [1], "BAD_ARGUMENT"),
        ("impact", {**QUESTIONS["impact"], "change": "moved"}, "BAD_ARGUMENT"),
        ("impact", {**QUESTIONS["impact"], "field": "Amout"}, "FIELD_NOT_FOUND"),
        ("field", {**PLACE, "connection": "acme-prd", "field": "A"}, "CONNECTION_NOT_FOUND"),
        ("changes", {"since": "soon"}, "BAD_MOMENT"),
        ("find_fields", {"meaning": "…"}, "NO_WORDS"),
        ("compare", {"left": "acme-prod"}, "BAD_ARGUMENT"),
        ("history", {"connection": "acme-prod"}, "BAD_ARGUMENT"),
        ("history", {**PLACE, "field": "Amout"}, "FIELD_NOT_FOUND"),
        ("mapping", {"connection": "acme-prod", "pair": "Opportunity"}, "BAD_OBJECT_PAIR"),
        ("accept", {}, "TOOL_NOT_FOUND"),
    ],
)
def test_bad_argument_is_rejected_with_next_step(
    ws: Workspace, name: str, arguments: object, code: str
) -> None:
    with pytest.raises(CrmdeckError) as caught:
        ask(View(ws), name, arguments)
    assert caught.value.code == code
    assert caught.value.remedy


def test_view_reads_only_its_connections(ws: Workspace) -> None:
    before = len(ws.audit.entries()), len(ws.mappings.decisions("acme-prod"))
    assert set(QUESTIONS) == set(TOOLS)
    prod = ws.connections.get("acme-prod").id
    view = View(ws, frozenset({prod}))
    for name, arguments in QUESTIONS.items():
        text = ask(view, name, {**arguments, "maxBytes": 40_000})
        assert not any(other in text for other in ("acme-emea", "acme-marketing", "legacy-portal"))
        assert json.loads(text)["total"] > 0
    for name in ("acme-emea", ws.connections.get("acme-emea").id, "acme-eme"):
        with pytest.raises(NotFoundError) as caught:
            ask(view, "mapping", {"connection": name})
        assert "acme-emea" not in str(caught.value.remedy)
    nothing = View(ws, frozenset())
    assert json.loads(ask(nothing, "find_fields", QUESTIONS["find_fields"]))["rows"] == []
    assert json.loads(ask(nothing, "changes", QUESTIONS["changes"]))["rows"] == []
    assert (len(ws.audit.entries()), len(ws.mappings.decisions("acme-prod"))) == before


def test_suggestion_on_decided_field_is_rejected(tmp_path: Path) -> None:
    asked = {"connection": "acme-prod", "pair": PAIR, "reason": "same", "crmField": "NextStep"}
    with open_demo(folder=tmp_path) as ws:
        allowed = View(ws, suggests_as="helper\x1b[2J " + "x" * 200)

        def refusal(view: View = allowed, **more: object) -> CrmdeckError:
            with pytest.raises(CrmdeckError) as caught:
                ask(view, "suggest_mapping", {**asked, "partnerField": "contactName", **more})
            return caught.value

        assert refusal(View(ws)).code == "TOOL_NOT_FOUND"
        assert refusal(View(ws, frozenset(), "helper")).code == "CONNECTION_NOT_FOUND"
        unknown = refusal(crmField="NextStp")
        assert (unknown.code, "NextStep" in (unknown.remedy or "")) == ("CRM_FIELD_NOT_FOUND", True)
        assert refusal(partnerField="contactNam").code == "PARTNEROS_FIELD_NOT_FOUND"
        assert refusal(partnerField="estimatedValue").code == "ALREADY_DECIDED"
        assert refusal(crmField="Amount").code == "CRM_FIELD_TAKEN"
        assert refusal(crmField="CreatedDate", direction="push").code == "BAD_DIRECTION"
        for reason in ("", "x" * 501, "  "):
            assert refusal(reason=reason).code in ("BAD_ARGUMENT", "BAD_REASON")
        before = ws.mappings.decisions("acme-prod")
        text = "\x1b[2J [bold]=HYPERLINK()\u202e"
        ask(allowed, "suggest_mapping", {**asked, "partnerField": "contactName", "reason": text})
        (kept,) = ws.mappings.assistant_suggestions("acme-prod", PAIR)
        assert (kept.reason, len(kept.suggested_by)) == (text, 100)
        (entry,) = ws.audit.entries(event="mapping.suggested")
        assert entry.details["crmField"] == "NextStep"
        assert ws.mappings.decisions("acme-prod") == before
        (row,) = (
            each
            for each in ws.mappings.suggest("acme-prod", PAIR, encoder="none").suggestions
            if each.partner_field == "contactName"
        )
        assert (row.crm_field, row.confidence, row.decision) == ("NextStep", 0.0, "pending")
        earlier = ws.now - timedelta(days=1)
        assert not any(
            reason.signal == "assistant"
            for each in ws.mappings.suggest(
                "acme-prod", PAIR, encoder="none", at=earlier
            ).suggestions
            for reason in each.reasons
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("crmdeck.workspace.mappings.assistants.MOST_A_DAY", 1)
            assert refusal().code == "TOO_MANY_SUGGESTIONS"
