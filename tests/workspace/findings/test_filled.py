"""A required CRM field that something else fills with a known value."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from crmdeck.errors import NotFoundError
from crmdeck.model import Finding, Urgency
from crmdeck.workspace import Workspace, open_demo

REF, PAIR = "acme-prod", "deal_registration--Opportunity"


def about(ws: Workspace, name: str) -> list[Finding]:
    found = [one for one in ws.findings.find([REF]) if one.subject.crm_field == name]
    return [one for one in found if one.subject.partner_field is None]


def test_a_known_value_is_judged_exported_and_applied() -> None:
    with open_demo(at=datetime(2026, 5, 16, 12, tzinfo=UTC)) as ws:
        assert [one.code for one in about(ws, "Name")] == ["REQUIRED"]

        ws.mappings.mark_filled(REF, PAIR, ["Name"], value="x" * 121)
        (too_long,) = about(ws, "Name")
        assert (too_long.code, too_long.urgency) == ("TOO_LONG", Urgency.FAILING)
        assert "longer than 120 characters" in str(too_long.cause)
        assert "mapping filled --clear" in str(too_long.steps[0].command)

        # A template is as long as its fields, and empty if they are.
        ws.mappings.mark_filled(REF, PAIR, ["Name"], value="{accountName}")
        whens = {
            one.when: one.outcome.value
            for one in ws.preflights.fails_when(REF, PAIR)
            if one.crm_field == "Name"
        }
        assert "accountName 121 characters or more" in whens
        (can_fail,) = about(ws, "Name")
        assert can_fail.urgency is Urgency.REVIEW

        ws.mappings.mark_filled(REF, PAIR, ["Name"], value="Deal of a partner")
        assert about(ws, "Name") == []
        file = ws.mappings.get(REF, PAIR).to_wire()
        assert file["filledWith"] == {"Name": "Deal of a partner"}

        with pytest.raises(NotFoundError):
            ws.mappings.mark_filled(REF, PAIR, ["Name"], value="{acountName}")
        ws.mappings.undo(REF, PAIR)
        assert ws.mappings.get(REF, PAIR).filled_with == {"Name": "{accountName}"}
        plan = ws.mappings.plan(REF, PAIR, json.dumps(file).encode())
        assert [(one.crm_field, one.filled_with) for one in plan.choices] == [
            ("Name", "Deal of a partner")
        ]
        ws.mappings.mark_filled(REF, PAIR, ["Name"], filled=False)
        assert [one.code for one in about(ws, "Name")] == ["REQUIRED"]
