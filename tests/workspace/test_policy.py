"""The rules of a policy, without a workspace."""

from __future__ import annotations

from datetime import date
from typing import Any

from crmdeck.model import Finding, FindingKind, Severity, Subject, Urgency
from crmdeck.workspace.policy import parse_policy

TODAY = date(2026, 5, 16)
POLICY = parse_policy(
    """
    [[rule]]
    level = "report"
    object = "Deal"
    attribute = "type"
    reason = "migration"
    until = 2027-01-01

    [[rule]]
    level = "ignore"
    object = "Lead"
    attribute = "label"
    reason = "launch"
    until = 2027-01-01
    """,
    "policy.toml",
)


def finding(object_type: str, *attributes: str, **more: Any) -> Finding:
    known: dict[str, Any] = {
        "id": "f",
        "connection_id": "c",
        "connection": "acme",
        "kind": FindingKind.CHANGE_OPEN,
        "urgency": Urgency.REVIEW,
        "code": "FIELD_CHANGED",
        "title": f"{object_type}.Amount",
        "severity": Severity.BREAKING,
        "subject": Subject(object_type=object_type, crm_field="Amount"),
        "attributes": attributes,
    }
    return Finding(**(known | more))


def test_a_changed_native_type_is_part_of_a_type_change() -> None:
    rule = POLICY.rule[0]
    assert POLICY.find(finding("Deal", "type", "nativeType"), TODAY) is rule
    assert POLICY.find(finding("Deal", "type", "length"), TODAY) is None
    assert POLICY.find(finding("Deal", "nativeType"), TODAY) is None


def test_rule_needs_a_code_to_excuse_failing() -> None:
    rule = 'level = "ignore"\nobject = "Deal"\nreason = "x"\nuntil = 2027-01-01\n'
    failing = finding("Deal", kind=FindingKind.ROW_FAILS, urgency=Urgency.FAILING, code="TOO_LONG")
    unread = finding("Deal", kind=FindingKind.SIGN_IN, urgency=Urgency.FAILING, code="TOO_LONG")
    without = parse_policy(f"[[rule]]\n{rule}", "p")
    assert without.find(failing, TODAY) is None
    assert without.find(finding("Deal"), TODAY) is not None
    assert "only code = TOO_LONG" in str(without.unused([failing], TODAY)[0].nearest)
    coded = parse_policy(f'[[rule]]\ncode = "TOO_LONG"\n{rule}', "p")
    assert coded.find(failing, TODAY) is coded.rule[0]
    # No code excuses what crmdeck can't read.
    assert coded.find(unread, TODAY) is None


def test_a_rule_without_a_match_names_the_nearest_finding() -> None:
    judged = [
        finding("Deal", "type", "nativeType"),
        finding("Case", "length"),
        finding("Lead", "length"),
    ]
    [unused] = POLICY.unused(judged, TODAY)
    assert (unused.number, unused.rule) == (2, "level = ignore, object = Lead, attribute = label")
    assert unused.nearest == "Lead.Amount (changed: length)"
    assert POLICY.unused(judged, date(2027, 2, 1)) == ()
    # Of several that one key keeps out, the one with the most similar names.
    misspelt = POLICY.unused([finding(name, "label") for name in ("Case", "Leads")], TODAY)[1]
    assert misspelt.nearest == "Leads.Amount (object is 'Leads')"
    assert [each.nearest for each in POLICY.unused([], TODAY)] == [None, None]


def test_policy_has_an_api_format() -> None:
    rules = POLICY.to_wire()["rule"]
    assert isinstance(rules, list)
    assert [each["until"] for each in rules] == ["2027-01-01"] * 2
