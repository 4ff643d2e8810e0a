"""Rules in words, as Schema and the command line list them."""

from __future__ import annotations

from crmdeck.model import ObjectSchema, RecordType, Rule, RuleKind
from crmdeck.workspace import rule_lines

DEAL = ObjectSchema(
    object_type="Deal",
    record_types=(
        RecordType(name="Direct", label="Direct deal", values={"Stage": ("New", "Won")}),
        RecordType(name="Partner", values={"Stage": ("New",)}),
    ),
    rules=(
        Rule(name="Late", kind=RuleKind.VALIDATION, fields=("Day",), message="Too late."),
        Rule(
            name="duplicates:Email",
            kind=RuleKind.DUPLICATES,
            fields=("Email",),
            on_create="block",
            on_update="alert",
        ),
        Rule(
            name="automation:flow.Fill",
            kind=RuleKind.AUTOMATION,
            on_create="run",
            on_update="run",
        ),
        Rule(name="Old", kind=RuleKind.VALIDATION, active=False),
    ),
    not_read={"user": "A permission is missing."},
)


def test_rules_list_kind_and_effect_then_unknown() -> None:
    assert [(line.title, line.text, line.known) for line in rule_lines(DEAL)] == [
        ("rule Late", "Day: Too late.", True),
        (
            "duplicate rule Email",
            "Email: rejects on create, rejects unless the caller confirms on update",
            True,
        ),
        (
            "flow Fill",
            "runs on create and update, before the rules: can fill or change fields",
            True,
        ),
        ("record type Direct", "Direct deal", True),
        ("record type Partner", "allows 1 of 2 values of Stage", True),
        ("permissions of this connection's user", "A permission is missing.", False),
    ]
    assert [line.title for line in rule_lines(DEAL, "Day")] == ["rule Late"]
    assert [line.title for line in rule_lines(DEAL, "Stage")] == ["record type Partner"]
