"""What a planned change of a field breaks: found over lookups, and in every kind of place."""

from __future__ import annotations

import pytest

from crmdeck.drift.detect import AcceptedField
from crmdeck.drift.impact import (
    mapping_effects,
    relations_of,
    require_length,
    schema_effects,
    usage_effects,
    worst_first,
)
from crmdeck.errors import UsageError
from crmdeck.model import (
    Direction,
    Effect,
    EffectKind,
    Field,
    FieldChange,
    FieldUsage,
    FieldUse,
    ObjectSchema,
    Rule,
    RuleKind,
    Severity,
    UsageVerdict,
)

REMOVED, RENAMED, SHORTENED = FieldChange.REMOVED, FieldChange.RENAMED, FieldChange.SHORTENED
DEAL = ObjectSchema(
    object_type="Deal",
    fields=(
        Field(name="AccountId", references=("Account",), relationship_name="Account"),
        Field(name="Parent__c", references=("Deal",)),
        Field(name="City__c", formula="Account.Region__c & Parent__r.Account.Region__c"),
        Field(name="Quoted__c", formula='"Account.Region__c" & Region__c /* Account.Region__c */'),
        Field(name="Region__c"),
        Field(name="Owner__c", formula="$User.Region__c", default="Region__c"),
    ),
    rules=(
        Rule(name="Far", kind=RuleKind.VALIDATION, expression="ISBLANK(Account.Region__c)"),
        Rule(name="Off", kind=RuleKind.VALIDATION, active=False, fields=("Region__c",)),
    ),
)
ACCOUNT = ObjectSchema(
    object_type="Account",
    fields=(
        Field(name="Region__c", length=40),
        Field(name="Country__c", controller="Region__c"),
        Field(name="Code__c", default="LEFT(Region__c, 2)", default_is_formula=True),
        Field(name="Sum__c", rollup="sum of Deal.Amount by Deal.AccountId where Deal.City__c ne x"),
        Field(name="Boss__c", references=("User",), lookup_filter="required: Account.Region__c"),
        Field(name="Total__c", formula="SUM(Deal.Region__c)"),
    ),
    rules=(
        Rule(name="Near", kind=RuleKind.VALIDATION, fields=("Region__c",)),
        Rule(name="Same", kind=RuleKind.DUPLICATES, fields=("Region__c",), on_create="block"),
    ),
)
RELATIONS = {each.object_type: relations_of(each) for each in (DEAL, ACCOUNT)}


def _found(target: tuple[str, str], change: FieldChange = REMOVED) -> set[tuple[str, str]]:
    effects = [
        effect
        for schema in (DEAL, ACCOUNT)
        for effect in schema_effects(change, target, schema, RELATIONS)
    ]
    return {(effect.kind.value, f"{effect.object_type}.{effect.name}") for effect in effects}


def test_impact_finds_readers_of_this_field_only() -> None:
    near = {
        ("rule", "Account.Near"),
        ("rule", "Account.Same"),
        ("rule", "Deal.Far"),
        ("formula", "Deal.City__c"),
        ("formula", "Account.Code__c"),
        ("lookup_filter", "Account.Boss__c"),
    }
    assert _found(("Account", "Region__c")) == near | {("picklist", "Account.Country__c")}
    assert _found(("Account", "Region__c"), SHORTENED) == near
    assert _found(("Deal", "Region__c")) == {
        ("formula", "Deal.Quoted__c"),
        ("formula", "Account.Total__c"),
    }
    assert _found(("User", "Region__c")) == {("formula", "Deal.Owner__c")}
    # A lookup is read by each path that follows it.
    assert _found(("Deal", "Parent__c")) == {("formula", "Deal.City__c")}
    assert _found(("Deal", "AccountId")) == {
        ("formula", "Deal.City__c"),
        ("rule", "Deal.Far"),
        ("rollup", "Account.Sum__c"),
    }


def test_broken_mapping_depends_on_change_and_direction() -> None:
    push = AcceptedField("deal--Deal", "region", "Deal", "Region__c", Direction.PUSH)
    pull = AcceptedField("deal--Deal", "area", "Deal", "Region__c", Direction.PULL)
    partner = {("deal--Deal", "region"): Field(name="region", length=2000)}
    for change in (REMOVED, RENAMED):
        effects = mapping_effects(change, (push, pull), partner)
        assert {effect.severity for effect in effects} == {Severity.BREAKING}
    pushed, pulled = mapping_effects(SHORTENED, (push, pull), partner)
    assert (pushed.name, pushed.severity, pulled.severity) == (
        "deal.region",
        Severity.RISKY,
        Severity.SAFE,
    )
    assert "2,000 characters" in pushed.text
    require_length(Field(name="Region__c", length=2), SHORTENED)
    with pytest.raises(UsageError, match="can't be shortened"):
        require_length(Field(name="Date__c"), SHORTENED)


def test_what_the_crm_reports_counts_once_and_the_worst_is_first() -> None:
    shown = [
        Effect(kind=EffectKind.FORMULA, severity=Severity.RISKY, object_type="Deal",
               name="City__c", text=""),
    ]  # fmt: skip
    usage = FieldUsage(
        object_type="Deal",
        field_name="Region__c",
        verdict=UsageVerdict.DEPENDED_ON,
        uses=(
            FieldUse(kind="Layout", name="Deal Layout"),
            FieldUse(kind="Flow", name="Send"),
            # The CRM leaves out the suffix, and its names ignore case.
            FieldUse(kind="CustomField", name="CITY"),
        ),
    )
    effects = worst_first([*shown, *usage_effects(REMOVED, usage, shown)])
    assert [(effect.severity, effect.name) for effect in effects] == [
        (Severity.BREAKING, "flow Send"),
        (Severity.RISKY, "City__c"),
        (Severity.RISKY, "page layout Deal Layout"),
    ]
