"""Processor time of a preflight: records pushed through 91 mapped fields and 58 rules.

`python -m tests.bench preflight`. Fields, rules and records are invented, always the same ones.
The peer judges the same records without rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import process_time

from crmdeck.connectors.salesforce.profile import PROFILE
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue, Rule, RuleKind
from crmdeck.preflight.judge import Judge, MappedField, Record, Setting
from tests.bench.figures import Figure, show

RECORDS = 10_000
TYPES = {
    FieldType.STRING: 41,
    FieldType.CURRENCY: 15,
    FieldType.PICKLIST: 12,
    FieldType.DATE: 10,
    FieldType.BOOLEAN: 8,
    FieldType.EMAIL: 5,
}
FORMULAS = (
    "AND(ISPICKVAL(picklist{0}__c, 'v3'), ISBLANK(string{1}__c))",
    "OR(currency{0}__c < 0, currency{1}__c > 900000)",
    "AND(NOT(ISBLANK(date{0}__c)), date{0}__c < date{1}__c, boolean{0}__c)",
    "IF(boolean{0}__c, LEN(string{0}__c) > 60, currency{1}__c + currency{0}__c < 10)",
    "CASE(picklist{0}__c, 'v1', 1, 'v2', 2, 'v3', 3, 0) + currency{1}__c > 999990",
    "AND(ISCHANGED(picklist{0}__c), ISPICKVAL(PRIORVALUE(picklist{0}__c), 'v4'))",
    "NOT(REGEX(string{0}__c, '[A-Za-z0-9 ]*'))",
    "AND($Profile.Name <> 'System Administrator', CONTAINS(string{0}__c, 'zz'))",
    "date{0}__c > TODAY() + 3650",
    "AND(Account.Name = 'Acme', BLANKVALUE(currency{0}__c, 0) * 2 > currency{1}__c)",
)


def judge_of(rules: int) -> Judge:
    """Return a judge of the invented object with so many rules."""
    fields = [
        Field(
            name=f"{kind}{place}__c",
            label=f"{kind} {place}",
            type=kind,
            native_type=kind,
            length=80 if kind in (FieldType.STRING, FieldType.EMAIL) else None,
            precision=18 if kind is FieldType.CURRENCY else None,
            scale=2 if kind is FieldType.CURRENCY else None,
            createable=True,
            updateable=True,
            restricted=True,
            picklist=tuple(PicklistValue(value=f"v{each}") for each in range(20))
            if kind is FieldType.PICKLIST
            else (),
        )
        for kind, count in TYPES.items()
        for place in range(count)
    ]
    # An object has far more fields than a sync maps.
    others = [
        Field(name=f"Other{place}__c", label="", type=FieldType.STRING, native_type="string")
        for place in range(300)
    ]
    formulas = [
        Rule(
            kind=RuleKind.VALIDATION,
            name=f"Rule_{place}",
            expression=FORMULAS[place % len(FORMULAS)].format(place % 8, (place + 3) % 8),
        )
        for place in range(rules)
    ]
    schema = ObjectSchema(object_type="Deal__c", fields=(*fields, *others), rules=tuple(formulas))
    mapped = [MappedField(each.name, each.name) for each in fields]
    setting = Setting(now=datetime(2026, 5, 16, 12), automation=())
    return Judge(schema, mapped, PROFILE.write_rules, setting)


def records(count: int) -> Sequence[Record]:
    """Return the records, the same ones each time."""
    draw = random.Random(1)
    words = ("alpha", "beta", "gamma", "delta 7", "zz top", "Ünïcode", "")
    made: dict[FieldType, Callable[[], str]] = {
        FieldType.STRING: lambda: f"{draw.choice(words)} {draw.randrange(10**6)}",
        FieldType.CURRENCY: lambda: f"{draw.uniform(-10, 10**6):.2f}",
        FieldType.PICKLIST: lambda: f"v{draw.randrange(20)}",
        FieldType.DATE: lambda: f"20{draw.randrange(10, 40)}-0{draw.randrange(1, 10)}-11",
        FieldType.BOOLEAN: lambda: draw.choice(("true", "false")),
        FieldType.EMAIL: lambda: f"p{draw.randrange(10**6)}@example.com",
    }
    return [
        {
            f"{kind}{place}__c": made[kind]() if draw.random() > 0.1 else ""
            for kind, number in TYPES.items()
            for place in range(number)
        }
        for _ in range(count)
    ]


def seconds(rules: int, rows: Sequence[Record]) -> float:
    """Return the processor seconds of judging the records."""
    before = process_time()
    judge = judge_of(rules)
    for position, row in enumerate(rows):
        judge.judge(position, row)
    return process_time() - before


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure with and without rules, in turn."""
    rows = records(500 if quick else RECORDS)
    runs = [(seconds(0, rows), seconds(58, rows)) for _ in range(1 if quick else 3)]
    bare = f"{len(rows):,} records, 91 fields, no rules"
    yield Figure(bare, "s", tuple(run[0] for run in runs))
    yield Figure(
        f"{len(rows):,} records, 91 fields, 58 rules", "s", tuple(run[1] for run in runs), bare
    )


if __name__ == "__main__":
    show(figures())
