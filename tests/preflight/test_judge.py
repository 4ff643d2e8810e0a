"""What a CRM does with a record: each outcome, by how certain it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.connectors.registry import vendor_of
from crmdeck.model import (
    Field,
    FieldType,
    ObjectSchema,
    Outcome,
    OutcomeCounts,
    PicklistValue,
    RecordType,
    Rule,
    RuleKind,
    WriteProblem,
)
from crmdeck.preflight.causes import WriteProblems
from crmdeck.preflight.edges import fails_when
from crmdeck.preflight.fields import Raw
from crmdeck.preflight.judge import RECORD_TYPE_PATH, Judge, MappedField, Setting, converted

NOW = datetime(2026, 5, 16, 12)
SALESFORCE = vendor_of("salesforce").write_rules
HUBSPOT = vendor_of("hubspot").write_rules


def target(kind: FieldType, **facts: Any) -> Field:
    return Field(name="Target__c", type=kind, createable=True, updateable=True, **facts)


def judged(
    field: Field, *values: Raw, rules: tuple[Rule, ...] | None = (), **setting: Any
) -> list[tuple[Outcome, str]]:
    judge = Judge(
        ObjectSchema(object_type="Opportunity", fields=(field,), rules=rules),
        [MappedField("source", field.name)],
        SALESFORCE,
        Setting(now=NOW, **setting),
    )
    return [
        (finding.outcome, finding.code)
        for position, value in enumerate(values, 1)
        for finding in judge.judge(position, {"source": value})
    ]


VALUES = (PicklistValue(value="won"), PicklistValue(value="old", active=False))
MONEY = target(FieldType.CURRENCY, precision=5, scale=2)


def choice(restricted: bool | None, kind: FieldType = FieldType.PICKLIST) -> Field:
    return target(kind, picklist=VALUES, restricted=restricted)


MANY = choice(True, FieldType.MULTIPICKLIST)
FILLED = target(FieldType.STRING, required=True, default="x")


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        (target(FieldType.STRING, length=3), "abc", None),
        (target(FieldType.STRING, length=3), "abcd", (Outcome.REJECTED, "TOO_LONG")),
        (target(FieldType.STRING, length=3), " abc ", (Outcome.CHANGED, "TRIMMED")),
        (target(FieldType.EMAIL), "ada@example.com", None),
        (target(FieldType.EMAIL), "ada", (Outcome.REJECTED, "NOT_AN_EMAIL")),
        (MONEY, "999.99", None),
        (MONEY, "1000", (Outcome.REJECTED, "NUMBER_TOO_LARGE")),
        (MONEY, "99.999", (Outcome.CHANGED, "ROUNDED")),
        (target(FieldType.DECIMAL), "1,5", (Outcome.REJECTED, "NOT_A_NUMBER")),
        (target(FieldType.INTEGER), 1.5, (Outcome.CHANGED, "ROUNDED")),
        (target(FieldType.BOOLEAN), "yes", (Outcome.REJECTED, "NOT_A_FLAG")),
        (target(FieldType.DATE), "2026-02-29", (Outcome.REJECTED, "NOT_A_DATE")),
        (target(FieldType.DATE), "31/12/2026", (Outcome.REJECTED, "NOT_A_DATE")),
        (target(FieldType.DATE), "46000.5", (Outcome.REJECTED, "NOT_A_DATE")),
        (target(FieldType.DATE), "1699-12-31", (Outcome.REJECTED, "DATE_OUT_OF_RANGE")),
        (target(FieldType.DATE), "2026-05-16T12:00:00Z", (Outcome.CHANGED, "TIME_CUT")),
        (target(FieldType.DATETIME), "2026-05-16", (Outcome.UNKNOWN, "TIME_MISSING")),
        (target(FieldType.REFERENCE), "3f1c2a9e-7b40", (Outcome.REJECTED, "FOREIGN_ID")),
        (target(FieldType.REFERENCE), "001000000000001AAA", None),
        (choice(True), "won", None),
        (choice(True), "old", (Outcome.REJECTED, "NOT_A_PICKLIST_VALUE")),
        (choice(False), "new", (Outcome.CHANGED, "NEW_PICKLIST_VALUE")),
        (choice(True), " won ", (Outcome.CHANGED, "TRIMMED")),
        (target(FieldType.PICKLIST, picklist=VALUES, restricted=False, length=3), "long",
         (Outcome.REJECTED, "TOO_LONG")),
        (choice(None), "new", (Outcome.UNKNOWN, "NOT_A_PICKLIST_VALUE")),
        (MANY, "won;old", (Outcome.REJECTED, "NOT_A_PICKLIST_VALUE")),
        (target(FieldType.OTHER), "x", (Outcome.UNKNOWN, "TYPE_NOT_JUDGED")),
        (target(FieldType.STRING, calculated=True), "x", (Outcome.REJECTED, "READ_ONLY")),
        (target(FieldType.STRING, required=True), "", (Outcome.UNLESS_AUTOMATION, "REQUIRED")),
        (FILLED, "", (Outcome.CHANGED, "DEFAULT_FILLS")),
    ],
)  # fmt: skip
def test_value_is_accepted_changed_or_rejected(
    field: Field, value: Raw, found: tuple[Outcome, str] | None
) -> None:
    assert judged(field, value) == ([] if found is None else [found])


def test_missing_value_without_automation_is_rejected() -> None:
    field = target(FieldType.STRING, required=True)
    assert judged(field, "", automation=()) == [(Outcome.REJECTED, "REQUIRED")]
    assert judged(field, "", automation=("flow",)) == [(Outcome.UNLESS_AUTOMATION, "REQUIRED")]
    assert judged(field, "", filled=frozenset({"Target__c"})) == []


def test_rule_ignores_value_that_its_field_rejects() -> None:
    rule = Rule(
        name="Desk",
        kind=RuleKind.VALIDATION,
        expression="AND(Target__c > 5, NOT($Permission.Deal_Desk))",
    )
    refused = [(Outcome.REJECTED, "NOT_A_NUMBER")]
    assert judged(target(FieldType.DECIMAL), "1,5", rules=(rule,)) == refused


def test_unique_value_appears_once_in_a_batch() -> None:
    field = target(FieldType.STRING, unique=True)
    assert judged(field, "a", "A", "", "") == [(Outcome.REJECTED, "TWICE_IN_BATCH")]
    assert judged(field.model_copy(update={"case_sensitive": True}), "a", "A") == []


def test_rejected_record_keeps_unique_value_free() -> None:
    schema = ObjectSchema(
        object_type="Opportunity",
        fields=(
            target(FieldType.STRING, unique=True),
            Field(name="Day__c", type=FieldType.DATE, createable=True),
            Field(name="When__c", type=FieldType.DATETIME, createable=True),
        ),
        rules=(),
    )
    mapped = [MappedField(name, name) for name in ("Target__c", "Day__c", "When__c")]
    judge = Judge(schema, mapped, SALESFORCE, Setting(now=NOW))
    records: list[dict[str, Raw]] = [
        {"Target__c": "a", "Day__c": "31/12/2026"},
        {"Target__c": "a", "When__c": "2026-05-16"},
        {"Target__c": "a"},
        {"Target__c": "a"},
    ]
    found = [
        [(each.outcome, each.code) for each in judge.judge(place, record)]
        for place, record in enumerate(records, 1)
    ]
    assert found == [
        [(Outcome.REJECTED, "NOT_A_DATE")],
        [(Outcome.UNKNOWN, "TIME_MISSING")],
        # The second record is stored or not: in either case this value is taken afterwards.
        [(Outcome.UNKNOWN, "TWICE_IN_BATCH")],
        [(Outcome.REJECTED, "TWICE_IN_BATCH")],
    ]


@pytest.mark.parametrize(
    ("default", "is_formula", "outcome"),
    [
        ('"USD"', False, []),
        ('"EUR"', False, [(Outcome.UNLESS_AUTOMATION, "RULE")]),
        ('IF(ISNEW(), "USD", "EUR")', True, [(Outcome.UNKNOWN, "RULE")]),
        ("USD", None, [(Outcome.UNKNOWN, "RULE")]),
    ],
)
def test_rules_read_a_default_that_is_a_literal(
    default: str, is_formula: bool | None, outcome: list[tuple[Outcome, str]]
) -> None:
    currency = Field(
        name="Currency__c",
        type=FieldType.STRING,
        createable=True,
        default=default,
        default_is_formula=is_formula,
    )
    not_usd = Rule(name="Only_USD", kind=RuleKind.VALIDATION, expression='Currency__c <> "USD"')
    schema = ObjectSchema(object_type="Opportunity", fields=(MONEY, currency), rules=(not_usd,))
    judge = Judge(schema, [MappedField("source", MONEY.name)], SALESFORCE, Setting(now=NOW))
    assert [(each.outcome, each.code) for each in judge.judge(1, {"source": "5"})] == outcome


PIPELINES = [
    {"id": "sales", "stages": [{"id": "new"}, {"id": "won"}]},
    {"id": "partners", "stages": [{"id": "submitted"}, {"id": "approved"}]},
]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"dealstage": "new"}, []),
        ({"dealstage": "new", "pipeline": "partners"}, [(Outcome.REJECTED, "NOT_IN_PIPELINE")]),
        ({"dealstage": "submitted", "pipeline": "partners"}, []),
        ({"dealstage": "submitted"}, [(Outcome.UNKNOWN, "NOT_IN_PIPELINE")]),
        ({"dealstage": "lost"}, [(Outcome.REJECTED, "NOT_IN_PIPELINE")]),
        ({"dealstage": "new", "pipeline": "other"}, [(Outcome.REJECTED, "NOT_IN_PIPELINE")]),
        ({"dealstage": "approved", "pipeline": "partners"}, [(Outcome.REJECTED, "PIPELINE_RULE")]),
    ],
)
def test_a_stage_belongs_to_its_pipeline(
    record: dict[str, Raw], found: list[tuple[Outcome, str]]
) -> None:
    stages = [stage["id"] for each in PIPELINES for stage in each["stages"]]  # type: ignore[index]
    schema = ObjectSchema(
        object_type="deals",
        fields=(
            Field(name="pipeline", type=FieldType.STRING),
            Field(
                name="dealstage",
                type=FieldType.PICKLIST,
                restricted=False,
                picklist=tuple(PicklistValue(value=str(each)) for each in stages),
                native={"pipelines": PIPELINES},
            ),
        ),
        rules=(
            Rule(
                name="pipeline:partners.CREATE_IN",
                kind=RuleKind.PIPELINE,
                field="dealstage",
                expression="CREATE_IN(submitted)",
            ),
        ),
    )
    mapped = [MappedField(name, name) for name in record]
    judge = Judge(schema, mapped, HUBSPOT, Setting(now=NOW))
    assert [(each.outcome, each.code) for each in judge.judge(1, record)] == found


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (FieldType.DATE, "2026-05-16T12:00:00Z", "NOT_A_DATE"),
        (FieldType.DATE, "2026-05-16T00:00:00Z", None),
        (FieldType.DATE, "1778889600000", None),
        (FieldType.DATE, "1778889600001", "NOT_A_DATE"),
        (FieldType.DATE, "2026-02-30T00:00:00Z", "NOT_A_DATE"),
        (FieldType.DATETIME, "1778889600001", None),
        (FieldType.DECIMAL, " 5", "OUTER_SPACES"),
        (FieldType.DECIMAL, "  ", "OUTER_SPACES"),
        (FieldType.STRING, " 5", None),
    ],
)
def test_hubspot_has_habits_of_its_own(kind: FieldType, value: str, code: str | None) -> None:
    schema = ObjectSchema(object_type="deals", fields=(target(kind),), rules=())
    judge = Judge(schema, [MappedField("source", "Target__c")], HUBSPOT, Setting(now=NOW))
    found = [(each.outcome, each.code) for each in judge.judge(1, {"source": value})]
    assert found == ([] if code is None else [(Outcome.REJECTED, code)])


def rule(expression: str) -> Rule:
    return Rule(name="R", kind=RuleKind.VALIDATION, expression=expression)


@pytest.mark.parametrize("create", [True, False])
def test_rule_with_long_number_keeps_all_digits(create: bool) -> None:
    long = "1" + "0" * 30
    field = target(FieldType.DECIMAL, precision=36, scale=0)
    rules = (rule(f"Target__c - {long} = 1"),)
    for last, fires in (("1", True), ("2", False)):
        found = judged(field, long[:-1] + last, rules=rules, create=create)
        assert found == ([(Outcome.UNLESS_AUTOMATION, "RULE")] if fires else [])


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("Target__c > 10", Outcome.UNLESS_AUTOMATION),
        ("Target__c > 100", None),
        ("Elsewhere__c > 1", Outcome.UNKNOWN),
        ("AND(Target__c > 10, NOT($Permission.Deal_Desk))", Outcome.UNLESS_USER),
        ("AND(Target__c > 100, NOT($Permission.Deal_Desk))", None),
        ("this is not a formula", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
        ("REGEX(TEXT(Target__c), '(5+)+0')", Outcome.UNLESS_AUTOMATION),
        ("REGEX(TEXT(Target__c), '(5)\\\\1')", Outcome.UNKNOWN),
        ("REGEX(TEXT(Target__c), '[0-9&&[^5]]+')", Outcome.UNKNOWN),
    ],
)
def test_rule_rejects_passes_or_is_unknown(expression: str, outcome: Outcome | None) -> None:
    found = judged(target(FieldType.DECIMAL), 50, rules=(rule(expression),))
    assert [each for each, _ in found] == ([] if outcome is None else [outcome])


def test_rules_that_were_not_read_are_never_passed() -> None:
    found = judged(target(FieldType.DECIMAL), 50, rules=None)
    assert found == [(Outcome.UNKNOWN, "RULES_NOT_READ")]


def test_on_update_a_rule_reads_the_stored_record() -> None:
    schema = ObjectSchema(
        object_type="Opportunity",
        fields=(target(FieldType.DECIMAL), Field(name="Stage", type=FieldType.PICKLIST)),
        rules=(rule("AND(ISCHANGED(Target__c), ISPICKVAL(Stage, 'won'))"),),
    )
    judge = Judge(
        schema, [MappedField("source", "Target__c")], SALESFORCE, Setting(now=NOW, create=False)
    )
    stored: dict[str, Raw] = {"Target__c": 1, "Stage": "won"}
    assert [f.outcome for f in judge.judge(1, {"source": 2}, stored)] == [Outcome.UNLESS_AUTOMATION]
    assert judge.judge(2, {"source": 1}, stored) == ()
    assert [f.outcome for f in judge.judge(3, {"source": 2})] == [Outcome.UNKNOWN]


def test_a_record_type_is_known_or_asked_for() -> None:
    schema = ObjectSchema(
        object_type="Opportunity",
        fields=(target(FieldType.DECIMAL),),
        record_types=(RecordType(name="Partner"),),
        rules=(rule("RecordType.DeveloperName = 'Partner'"),),
    )
    mapped = [MappedField("source", "Target__c")]
    for chosen, outcome in ((None, Outcome.UNKNOWN), ("Partner", Outcome.UNLESS_AUTOMATION)):
        judge = Judge(schema, mapped, SALESFORCE, Setting(now=NOW, record_type=chosen))
        assert [f.outcome for f in judge.judge(1, {"source": 1})] == [outcome]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("MIN_LENGTH(2)", [Outcome.REJECTED]),
        ("MIN_LENGTH(1)", []),
        ("NEW_KIND(1)", [Outcome.UNKNOWN]),
    ],
)
def test_hubspot_validations_reject(expression: str, found: list[Outcome]) -> None:
    field = target(FieldType.STRING)
    rule = Rule(name="V", kind=RuleKind.VALUES, field=field.name, expression=expression)
    schema = ObjectSchema(object_type="deals", fields=(field,), rules=(rule,))
    judge = Judge(schema, [MappedField("source", field.name)], HUBSPOT, Setting(now=NOW))
    assert [each.outcome for each in judge.judge(1, {"source": "x"})] == found


def test_cause_of_every_record_sorts_first() -> None:
    def finding(position: int, outcome: Outcome, code: str) -> WriteProblem:
        return WriteProblem(position=position, outcome=outcome, code=code, reason=code)

    listed = [
        finding(1, Outcome.REJECTED, "SOME"),
        finding(1, Outcome.CHANGED, "ALL_CHANGED"),
        finding(2, Outcome.CHANGED, "ALL_CHANGED"),
        finding(1, Outcome.UNLESS_AUTOMATION, "ALL"),
        finding(2, Outcome.UNLESS_AUTOMATION, "ALL"),
    ]
    findings = WriteProblems()
    findings.add(listed)
    assert list(findings) == listed
    causes = findings.causes(2)
    assert [(cause.code, cause.count, cause.every) for cause in causes] == [
        ("ALL", 2, True),
        ("SOME", 1, False),
        ("ALL_CHANGED", 2, True),
    ]
    assert findings.counts(3) == OutcomeCounts(rejected=1, unless_automation=1, fine=1)
    assert findings.counts(3, causes[:1]) == OutcomeCounts(rejected=1, changed=1, fine=1)


STAGE = Field(
    name="Target__c", type=FieldType.PICKLIST, createable=True, restricted=True,
    picklist=(PicklistValue(value="a"), PicklistValue(value="b"), PicklistValue(value="c")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "record_type", "found"),
    [
        ("a", None, None),
        ("b", None, (Outcome.UNKNOWN, "NOT_IN_RECORD_TYPE")),
        ("c", None, (Outcome.REJECTED, "NOT_IN_RECORD_TYPE")),
        ("b", "Partner", (Outcome.REJECTED, "NOT_IN_RECORD_TYPE")),
        ("b", "Direct", None),
        ("a", "Unread", (Outcome.UNKNOWN, "RECORD_TYPE_VALUES")),
    ],
)
def test_a_record_type_limits_choices(
    value: str, record_type: str | None, found: tuple[Outcome, str] | None
) -> None:
    types = (
        RecordType(name="Partner", values={"Target__c": ("a",)}),
        RecordType(name="Direct", values={"Target__c": ("a", "b")}),
        RecordType(name="Unread", available=False),
    )
    schema = ObjectSchema(object_type="X", fields=(STAGE,), record_types=types, rules=())
    setting = Setting(now=NOW, record_type=record_type)
    judge = Judge(schema, [MappedField("source", "Target__c")], SALESFORCE, setting)
    judged = [(each.outcome, each.code) for each in judge.judge(1, {"source": value})]
    assert judged == ([] if found is None else [found])


def test_other_rules_apply_or_are_listed() -> None:
    controller = Field(name="Region__c", type=FieldType.PICKLIST, createable=True,
                       picklist=(PicklistValue(value="EU"),))  # fmt: skip
    dependent = STAGE.model_copy(
        update={"controller": "Region__c", "allowed_values": {"EU": ("a",)}}
    )
    rules = (
        Rule(name="duplicates:Same", kind=RuleKind.DUPLICATES, on_create="block"),
        Rule(name="duplicates:Reported", kind=RuleKind.DUPLICATES, on_create="report"),
        rule("AND(ISPICKVAL(Target__c, 'b'), NOT($Permission.Deal_Desk))"),
    )
    schema = ObjectSchema(object_type="X", fields=(controller, dependent), rules=rules)

    def judged(value: str, may: bool) -> list[tuple[str, str]]:
        setting = Setting(now=NOW, user={"$permission.deal_desk": may})
        rows = [MappedField("region", "Region__c"), MappedField("source", "Target__c")]
        found = Judge(schema, rows, SALESFORCE, setting).judge(1, {"region": "EU", "source": value})
        return [(each.code, each.reason) for each in found]

    duplicate = ("DUPLICATES", "duplicate rule Same")
    depends = ("DEPENDENT_VALUE", "stored, but Region__c doesn't allow it")
    assert judged("a", may=False) == [duplicate]
    assert judged("b", may=True) == [depends, duplicate]
    assert judged("b", may=False) == [depends, ("RULE", "breaks rule R"), duplicate]


@given(
    st.sampled_from(list(FieldType)),
    st.one_of(
        st.none(), st.text(), st.booleans(), st.decimals(allow_nan=False), st.lists(st.text())
    ),
)
def test_any_value_is_judged_without_an_error(kind: FieldType, value: Any) -> None:
    judged(target(kind, length=5, precision=3, scale=1), value)


def test_boundary_values_show_when_rows_fail() -> None:
    schema = ObjectSchema(
        object_type="Opportunity",
        fields=(
            Field(name="Name", type=FieldType.STRING, length=80, required=True, createable=True),
            Field(name="Amount", type=FieldType.CURRENCY, precision=18, scale=2, createable=True),
        ),
        rules=(rule("Amount > 500000"),),
    )
    found = fails_when(
        schema,
        [MappedField("name", "Name"), MappedField("value", "Amount")],
        {"name": Field(name="name", length=255), "value": Field(name="value")},
        SALESFORCE,
        Setting(now=NOW, automation=()),
    )
    assert [(each.partner_field, each.outcome, each.when) for each in found] == [
        ("name", Outcome.REJECTED, "empty"),
        ("name", Outcome.REJECTED, "81 characters or more"),
        ("value", Outcome.REJECTED, "10,000,000,000,000,000 or more"),
        ("value", Outcome.REJECTED, "more than 500,000"),
        ("value", Outcome.CHANGED, "more than 2 decimal places"),
    ]


def test_a_number_is_read_exactly() -> None:
    field = target(FieldType.DECIMAL, precision=20, scale=2)
    assert judged(field, Decimal("12345678901234567.89"), "1e3", "-.5") == []


PARTNER, DIRECT = "0125g000000P4RTAA0", "0125g000000D1RCAA0"


@pytest.mark.parametrize(
    ("written", "stored", "found"),
    [
        ({"type": PARTNER}, {RECORD_TYPE_PATH: "Direct"}, ["NOT_IN_RECORD_TYPE", "RULE"]),
        ({"type": DIRECT}, {RECORD_TYPE_PATH: "Partner"}, []),
        ({}, {RECORD_TYPE_PATH: "Partner"}, ["NOT_IN_RECORD_TYPE", "RULE"]),
        ({}, {RECORD_TYPE_PATH: "Direct"}, []),
    ],
)
def test_an_update_has_the_record_type_that_it_writes_or_keeps(
    written: dict[str, Raw], stored: dict[str, Raw], found: list[str]
) -> None:
    types = (
        RecordType(name="Partner", id=PARTNER, values={"Target__c": ("a",)}),
        RecordType(name="Direct", id=DIRECT, values={"Target__c": ("a", "b")}),
    )
    kind = Field(name="RecordTypeId", type=FieldType.REFERENCE, updateable=True)
    schema = ObjectSchema(
        object_type="X",
        fields=(STAGE, kind),
        record_types=types,
        rules=(rule("RecordType.DeveloperName = 'Partner'"),),
    )
    rows = [MappedField("source", "Target__c")]
    rows += [MappedField("type", "RecordTypeId")] if written else []
    judge = Judge(schema, rows, SALESFORCE, Setting(now=NOW, create=False))
    judged = judge.judge(1, {"source": "b"} | written, stored)
    assert [each.code for each in judged] == found


def test_a_stored_value_older_than_its_field_is_still_read() -> None:
    stage = choice(True).model_copy(update={"name": "Stage"})
    schema = ObjectSchema(
        object_type="X",
        fields=(target(FieldType.STRING), stage),
        rules=(rule("ISPICKVAL(Stage, 'gone')"),),
    )
    judge = Judge(schema, [MappedField("source", "Target__c")], SALESFORCE,
                  Setting(now=NOW, create=False, automation=()))  # fmt: skip
    judged = judge.judge(1, {"source": "x"}, {"Stage": "gone"})
    assert [(each.outcome, each.code) for each in judged] == [(Outcome.REJECTED, "RULE")]


def test_a_value_map_converts_each_choice() -> None:
    values = {"a": "A", "b": "B", "true": "Yes"}
    assert [converted(raw, values) for raw in ("a;b; c", ["a", "c"], " a", "c;d", True, 5)] == [
        "A;B;c", ("A", "c"), "A", "c;d", "Yes", 5,
    ]  # fmt: skip
