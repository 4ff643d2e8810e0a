"""The rules of a policy, without a workspace."""

from __future__ import annotations

from datetime import date

from crmdeck.model import Issue, IssueKind, IssueLevel, Severity
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


def problem(object_type: str) -> Issue:
    return Issue(
        connection="acme",
        kind=IssueKind.DRIFT,
        level=IssueLevel.REPORT,
        code="FIELD_CHANGED",
        title=f"{object_type}.Amount",
        severity=Severity.BREAKING,
        object_type=object_type,
        field_name="Amount",
    )


def test_a_changed_native_type_is_part_of_a_type_change() -> None:
    rule = POLICY.rule[0]
    assert POLICY.find(problem("Deal"), ["type", "nativeType"], TODAY) is rule
    assert POLICY.find(problem("Deal"), ["type", "length"], TODAY) is None
    assert POLICY.find(problem("Deal"), ["nativeType"], TODAY) is None


def test_a_rule_without_a_match_names_the_nearest_problem() -> None:
    judged = [
        (problem("Deal"), ["type", "nativeType"]),
        (problem("Case"), ["length"]),
        (problem("Lead"), ["length"]),
    ]
    [unused] = POLICY.unused(judged, TODAY)
    assert (unused.number, unused.rule) == (2, "level = ignore, object = Lead, attribute = label")
    assert unused.nearest == "Lead.Amount (changed: length)"
    assert POLICY.unused(judged, date(2027, 2, 1)) == ()
    # Of several that one key keeps out, the one with the most similar names.
    misspelt = POLICY.unused([(problem(name), ["label"]) for name in ("Case", "Leads")], TODAY)[1]
    assert misspelt.nearest == "Leads.Amount (object is 'Leads')"
    assert [each.nearest for each in POLICY.unused([], TODAY)] == [None, None]


def test_a_policy_has_a_wire_shape() -> None:
    rules = POLICY.to_wire()["rule"]
    assert isinstance(rules, list)
    assert [each["until"] for each in rules] == ["2027-01-01"] * 2
