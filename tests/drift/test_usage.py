"""The verdict on where a field is used: never safe by silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmdeck.drift.usage import judge_usage, usage_summary, uses_by_kind, uses_in_schema
from crmdeck.model import Field, FieldUse, ObjectSchema, Rule, RuleKind, UsageVerdict

_USES = st.lists(st.builds(FieldUse, kind=st.sampled_from(("Flow", "Layout", "NewKind"))))


@given(told=_USES, seen=_USES, not_checked=st.lists(st.text(min_size=1)))
def test_nothing_is_safe_while_anything_is_found_or_untold(
    told: list[FieldUse], seen: list[FieldUse], not_checked: list[str]
) -> None:
    usage = judge_usage("Account", "Tier__c", told, seen, not_checked)
    assert (usage.verdict is UsageVerdict.LIKELY_SAFE) == (
        not told and not seen and not not_checked
    )
    assert (usage.verdict is UsageVerdict.DEPENDED_ON) == bool(told or seen)
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
    seen = uses_in_schema(schema, "Amount")
    assert [(use.kind, use.name) for use in seen] == [
        ("ValidationRule", "Known"),
        ("CustomField", "Net__c"),
    ]
    assert [use.name for use in uses_in_schema(schema, "Rate__c")] == ["Known"]
    told = [FieldUse(kind="CustomField", name="Net"), FieldUse(kind="Flow", name="Send")]
    usage = judge_usage("Deal", "Amount", told, seen, ())
    assert uses_by_kind(usage) == {
        "flows": ["Send"],
        "validation rules": ["Known"],
        "other fields": ["Net"],
    }
    assert usage_summary(usage) == "depended on: 1 flow, 1 validation rule, 1 other field"
