"""The verdict on where a field is used: never safe by silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmdeck.drift.usage import (
    judge_usage,
    kind_words,
    usage_summary,
    use_name,
    uses_by_kind,
    uses_in_schema,
)
from crmdeck.model import Field, FieldUse, ObjectSchema, Rule, RuleKind, UsageVerdict

_USES = st.lists(st.builds(FieldUse, kind=st.sampled_from(("Flow", "Layout", "NewKind"))))


@given(reported=_USES, in_schema=_USES, not_checked=st.lists(st.text(min_size=1)))
def test_usage_is_safe_only_if_complete_and_empty(
    reported: list[FieldUse], in_schema: list[FieldUse], not_checked: list[str]
) -> None:
    usage = judge_usage("Account", "Tier__c", reported, in_schema, not_checked)
    assert (usage.verdict is UsageVerdict.LIKELY_SAFE) == (
        not reported and not in_schema and not not_checked
    )
    assert (usage.verdict is UsageVerdict.DEPENDED_ON) == bool(reported or in_schema)
    assert usage.not_checked == tuple(not_checked)


def test_what_the_schema_itself_shows_counts_and_counts_once() -> None:
    schema = ObjectSchema(
        object_type="Deal",
        fields=(
            Field(name="Amount"),
            Field(name="Net__c", formula="Amount * 0.9 /* Rate__c */"),
            Field(name="Rate__c"),
        ),
        rules=(
            Rule(name="Known", kind=RuleKind.VALIDATION, fields=("Amount", "Rate__c")),
            Rule(name="Off", kind=RuleKind.VALIDATION, fields=("Rate__c",), active=False),
            Rule(name="Rate.MIN", kind=RuleKind.VALUES, fields=("Rate__c",)),
        ),
    )
    in_schema = uses_in_schema(schema, "Amount")
    assert [(use.kind, use.name) for use in in_schema] == [
        ("ValidationRule", "Known"),
        ("CustomField", "Net__c"),
    ]
    assert [use.name for use in uses_in_schema(schema, "Rate__c")] == ["Known"]
    reported = [FieldUse(kind="CustomField", name="Net"), FieldUse(kind="Flow", name="Send")]
    usage = judge_usage("Deal", "Amount", reported, in_schema, ())
    assert uses_by_kind(usage) == {
        "flows": ["Send"],
        "validation rules": ["Known"],
        "other fields": ["Net"],
    }
    assert usage_summary(usage) == "in use: 1 flow, 1 validation rule, 1 other field"


def use(kind: str, name: str, **more: str) -> FieldUse:
    return FieldUse(kind=kind, name=name, **more)


def test_uses_sort_by_fragility_and_name() -> None:
    uses = [
        use("Zebra", "x"),
        use("Report", "b"),
        use("Flow", "b"),
        use("Flow", "A"),
        use("Ant", "y"),
    ]
    usage = judge_usage("Deal", "Amount", uses, (), ())
    assert [(each.kind, each.name) for each in usage.uses] == [
        ("Flow", "A"),
        ("Flow", "b"),
        ("Report", "b"),
        ("Ant", "y"),
        ("Zebra", "x"),
    ]


def test_a_use_counts_once_whatever_its_case_and_suffix() -> None:
    uses = [use("CustomField", "net__c"), use("Flow", ""), use("Flow", ""), use("Report", "Net")]
    usage = judge_usage("Deal", "Amount", uses, [use("CustomField", "Net")], ())
    assert len(usage.uses) == 4


def test_names_and_kinds_as_people_read_them() -> None:
    assert kind_words("CustomTab") == ("custom tab", "custom tabs")
    assert kind_words("EmailTemplate") == ("email template", "email templates")
    assert use_name(use("Flow", "")) == "(unknown)"
    assert use_name(use("Flow", "Send", namespace="acme")) == "Send (package acme)"


def test_the_verdict_names_its_reason() -> None:
    gap = "HubSpot has no API for this."
    assert usage_summary(judge_usage("Deal", "Amount", (), (), [gap])) == f"unknown: {gap}"
    none = usage_summary(judge_usage("Deal", "Amount", (), (), ()))
    assert none == "likely safe: the CRM reports no use of it"
