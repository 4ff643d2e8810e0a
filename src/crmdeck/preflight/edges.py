"""When a mapping fails, without records: one good record, one value changed at a time.

An edge value shows where a field starts to reject: one character more, one
decimal more, a blank, a choice without a CRM value, or a number that a rule names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from crmdeck.formats.formula_syntax import FormulaError, Literal, calls_in, parse_formula
from crmdeck.model import (
    Field,
    FieldType,
    ObjectSchema,
    Outcome,
    RuleKind,
    WriteProblem,
    WriteRules,
)
from crmdeck.model.wire import wire_record
from crmdeck.preflight.fields import NUMBERS, TEXTS, Raw
from crmdeck.preflight.judge import Judge, MappedField, Setting

ALWAYS = "always"
"""When a row fails whatever its value."""

# IDs of PartnerOS are UUIDs, which a lookup of a CRM rejects.
_SAMPLE_ID = "3f1c2a9e-7b40-4c55-9d1e-0a6b8f2d4c77"
# Formulas of an org name a handful of numbers; more are not worth a judgment each.
_MOST_NUMBERS = 12


class FailsWhen(NamedTuple):
    """When a mapped row fails: `when` is a value in words, such as `81 characters or more`."""

    partner_field: str | None
    crm_field: str | None
    outcome: Outcome
    when: str
    code: str
    reason: str
    rule: str | None = None
    needs: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Edge(NamedTuple):
    """A value worth a try, and how to describe it."""

    when: str
    value: Raw


def fails_when(
    schema: ObjectSchema,
    mapped: Sequence[MappedField],
    sources: Mapping[str, Field],
    rules: WriteRules,
    setting: Setting,
) -> tuple[FailsWhen, ...]:
    """Return when each mapped row fails, in the order of the rows, then what fails always.

    `sources` are the PartnerOS fields by name.
    """
    targets = {field.name: field for field in schema.fields}

    # One judge for all edges, because a judge reads each rule and default of the schema.
    judge = Judge(schema, mapped, rules, setting)

    def judged(record: Mapping[str, Raw]) -> tuple[WriteProblem, ...]:
        judge.forget()
        return judge.judge(1, record)

    good: dict[str, Raw] = {
        name: good_value(sources.get(name), target, setting)
        # A template's own target says less about a value than the row that maps its field.
        for row in sorted(mapped, key=lambda row: row.template is None)
        if (target := targets.get(row.crm_field)) is not None
        for name in row.sources
    }
    # What fails with good values fails always; an edge must add something to be worth a line.
    always = judged(good)
    usual = {_key(finding) for finding in always}
    found = [_as_failure(finding, ALWAYS) for finding in always]
    numbers = _numbers_in_rules(schema)
    for row in mapped:
        target = targets.get(row.crm_field)
        if target is None:
            continue
        tried = [
            (name, edge)
            for name in row.sources
            for edge in edges_of(sources.get(name), target, row, rules, setting, numbers)
        ]
        for name, edge in tried:
            for finding in judged(good | {name: edge.value}):
                if _key(finding) not in usual:
                    when = edge.when if row.template is None else f"{name} {edge.when}"
                    found.append(
                        _as_failure(finding, when)._replace(
                            partner_field=row.partner_field or None, crm_field=row.crm_field
                        )
                    )
    order = {row.partner_field: at for at, row in enumerate(mapped)}
    outcomes = list(Outcome)
    unique = list(dict.fromkeys(found))

    def place(failure: FailsWhen) -> tuple[int, int]:
        row = order.get(failure.partner_field or "", len(order))
        return row, outcomes.index(failure.outcome)

    return tuple(sorted(unique, key=place))


def field_failures(
    source: Field, target: Field, rules: WriteRules, now: datetime
) -> tuple[FailsWhen, ...]:
    """Return when the target field rejects or changes values of its source, whatever the rules.

    `now` is in UTC, without a time zone.
    """
    schema = ObjectSchema(object_type="", fields=(target,), rules=())
    row = MappedField(source.name, target.name)
    return fails_when(schema, (row,), {source.name: source}, rules, Setting(now=now))


def good_value(source: Field | None, target: Field, setting: Setting) -> Raw:
    """Return a value that the target takes, as far as its type shows."""
    kind = target.type
    if kind in (FieldType.PICKLIST, FieldType.MULTIPICKLIST):
        ours = {each.value for each in source.picklist} if source is not None else set()
        active = [each.value for each in target.picklist if each.active]
        return next((value for value in active if value in ours), active[0] if active else "x")
    values: dict[FieldType, Raw] = {
        FieldType.EMAIL: "ada@example.com",
        FieldType.BOOLEAN: True,
        FieldType.DATE: (setting.now + timedelta(days=30)).date().isoformat(),
        FieldType.DATETIME: f"{setting.now + timedelta(days=30):%Y-%m-%dT%H:%M:%S}Z",
        FieldType.TIME: "12:00:00",
        FieldType.URL: "https://example.com",
        FieldType.PHONE: "+1 555 0100",
        FieldType.REFERENCE: "001000000000001AAA",
        FieldType.ID: "001000000000001AAA",
    }
    if kind in NUMBERS:
        return Decimal(1)
    return values.get(kind, "x")


def edges_of(
    source: Field | None,
    target: Field,
    row: MappedField,
    rules: WriteRules,
    setting: Setting,
    numbers: Sequence[Decimal] = (),
) -> Iterator[Edge]:
    """Yield the values of one row that are worth a try, as far as its source can contain them."""
    if source is None or not source.required:
        yield Edge("empty", "")
    kind = target.type
    ours = kind if source is None or source.type is FieldType.OTHER else source.type
    if ours is not kind and ours in _USUAL:
        yield _USUAL[ours]
    if kind in TEXTS or kind is FieldType.EMAIL:
        longest = target.length or rules.longest_text
        can_be_longer = source is None or (
            (source.length is None or source.length > (longest or 0))
            and ours in TEXTS | {FieldType.EMAIL, FieldType.OTHER}
        )
        if longest and can_be_longer and longest < 100_000:
            text = "x" * (longest + 1)
            if kind is FieldType.EMAIL:
                text = text[: longest - len("@example.com") + 1] + "@example.com"
            yield Edge(f"{longest + 1:,} characters or more", text)
        if kind is FieldType.URL or (source is not None and source.type is FieldType.URL):
            yield Edge("with https://", "https://example.com")
            yield Edge("without https://", "example.com")
    elif kind in NUMBERS and ours in NUMBERS | TEXTS:
        yield from _number_edges(source, target, numbers)
    elif kind in _DAYS and ours in _DAYS | TEXTS:
        for when, days in (("in the past", -2), ("later than 12 months from now", 400)):
            moment = setting.now + timedelta(days=days)
            at = f"{moment:%Y-%m-%dT%H:%M:%S}Z"
            yield Edge(when, at if kind is FieldType.DATETIME else moment.date().isoformat())
    elif kind is FieldType.REFERENCE and (source is None or source.type is FieldType.REFERENCE):
        yield _ID
    if source is not None:
        for each in source.picklist:
            if each.active:
                yield Edge(each.value, each.value)


_TEXT = Edge("text", "some text")
_NUMBER = Edge("a number", Decimal(2))
_ID = Edge("PartnerOS ID", _SAMPLE_ID)
_USUAL: dict[FieldType, Edge] = {
    FieldType.STRING: _TEXT,
    FieldType.TEXT: _TEXT,
    FieldType.HTML: _TEXT,
    FieldType.EMAIL: Edge("an email address", "ada@example.com"),
    FieldType.PHONE: Edge("a phone number", "+1 555 0100"),
    FieldType.INTEGER: _NUMBER,
    FieldType.DECIMAL: _NUMBER,
    FieldType.CURRENCY: _NUMBER,
    FieldType.PERCENT: _NUMBER,
    FieldType.BOOLEAN: Edge("true", True),
    FieldType.URL: Edge("a link", "https://example.com"),
    FieldType.ID: _ID,
    FieldType.REFERENCE: _ID,
    FieldType.TIME: Edge("a time", "12:00:00"),
    FieldType.DATE: Edge("a date", "2026-05-16"),
    FieldType.DATETIME: Edge(ALWAYS, "2026-05-16T12:00:00Z"),
}
"""A value of each type, worth a try on a field of another type."""
_DAYS = frozenset({FieldType.DATE, FieldType.DATETIME})


def _number_edges(
    source: Field | None, target: Field, numbers: Sequence[Decimal]
) -> Iterator[Edge]:
    yield Edge("0", Decimal(0))
    yield Edge("below 0", Decimal(-1))
    scale = 0 if target.type is FieldType.INTEGER else target.scale
    finest = None if source is None else source.scale
    if source is not None and source.type is FieldType.INTEGER:
        finest = 0
    if scale is not None and (finest is None or finest > scale):
        small = Decimal(1) + Decimal(5).scaleb(-scale - 1)
        yield Edge(f"more than {scale} decimal places" if scale else "with decimals", small)
    whole = (
        None
        if source is None or source.precision is None or finest is None
        else source.precision - finest
    )
    if target.precision is not None and (whole is None or whole > target.precision - (scale or 0)):
        large = Decimal(10) ** (target.precision - (scale or 0))
        yield Edge(f"{large:,} or more", large)
    for number in numbers:
        # A rule may use < or <=, so both sides of its number are tried.
        yield Edge(f"{number:,}", number)
        yield Edge(f"more than {number:,}", number + 1)


def _numbers_in_rules(schema: ObjectSchema) -> tuple[Decimal, ...]:
    """Return the numbers that active rules compare with, smallest first."""
    found: set[Decimal] = set()
    for rule in schema.rules or ():
        if rule.kind is not RuleKind.VALIDATION or not rule.active:
            continue
        try:
            tree = parse_formula(rule.expression)
        except FormulaError:
            continue
        for call in calls_in(tree):
            if call.function in ("<", ">", "<=", ">=", "=", "<>"):
                found |= {
                    each.value
                    for each in call.arguments
                    if isinstance(each, Literal) and isinstance(each.value, Decimal)
                }
    return tuple(sorted(found))[:_MOST_NUMBERS]


def _key(finding: WriteProblem) -> tuple[object, ...]:
    return (
        finding.outcome, finding.code, finding.reason,
        finding.crm_field, finding.rule, finding.needs,
    )  # fmt: skip


def _as_failure(finding: WriteProblem, when: str) -> FailsWhen:
    return FailsWhen(
        finding.partner_field,
        finding.crm_field,
        finding.outcome,
        when,
        finding.code,
        finding.reason,
        finding.rule,
        finding.needs,
    )
