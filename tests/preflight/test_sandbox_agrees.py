"""Preflight against the sandbox, which checks writes by an own implementation of the CRM's rules.

What preflight refuses, the CRM refuses. What it calls fine, the CRM takes and stores as it was
sent. What it calls changed, the CRM takes and stores otherwise. Unknown may be either.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import httpx
import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.model import Field, FieldType, ObjectSchema, Outcome, Scope, ScopeMode, WriteFinding
from crmdeck.preflight.fields import Raw
from crmdeck.preflight.judge import Judge, MappedField, Setting
from crmdeck.workspace.context import find_connection
from crmdeck.workspace.explore.schemas import find_snapshot
from tests.workspace.crm import ANCHOR, ORG, PORTAL, Office, opened

# Later in its history the sandbox's HubSpot account has little quota left.
NOW = ANCHOR - timedelta(days=40)
DATA = "/services/data/v67.0"
SALESFORCE = ("Opportunity", "Lead", "Contact", "Deal_Registration__c")
HUBSPOT = ("deals", "companies", "contacts", "partner_tier")
RECORDS = 500
A_BATCH = 200
IN_A_COMPOSITE = 25
MAPPINGS = 5
TEXTS = {FieldType.STRING, FieldType.TEXT, FieldType.HTML, FieldType.PHONE, FieldType.URL}
NUMBERS = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT}
CHOICES = {FieldType.PICKLIST, FieldType.MULTIPICKLIST}

Record = Mapping[str, Raw]


class Fate(NamedTuple):
    """What the CRM did with a write: its errors, or what it stored."""

    errors: str
    stored: Mapping[str, Any]


# -- random records ---------------------------------------------------------------------------


def good(field: Field, dice: random.Random, batch: str) -> Raw:
    """Return a value that the field should take."""
    if field.unique or field.external_id:
        # No other batch has this prefix: what is unique there stays in the CRM.
        return f"{batch}-{dice.randint(1, 60)}"
    values = [each.value for each in field.picklist if each.active]
    match field.type:
        case kind if kind in TEXTS:
            return "Acme Ltd."[: field.length or 9]
        case FieldType.EMAIL:
            return "ada@acme.example"
        case FieldType.BOOLEAN:
            return dice.random() < 0.5
        case kind if kind in NUMBERS:
            numbers: list[Raw] = [0, 1, 7, "3"]
            return dice.choice(numbers)
        case FieldType.DATE:
            return (NOW.date() + timedelta(days=dice.randint(-2, 300))).isoformat()
        case FieldType.DATETIME:
            return "2026-12-24T10:00:00Z"
        case FieldType.PICKLIST if values:
            return dice.choice(values)
        case FieldType.MULTIPICKLIST if values:
            return ";".join(dice.sample(values, min(2, len(values))))
        case FieldType.REFERENCE:
            return "0015g00000ABCDEAA0"
    return None


def odd(field: Field, dice: random.Random) -> Raw:
    """Return a value at the edge of what the field takes, or beyond."""
    anything: list[Raw] = [
        "",
        "   ",
        " Acme ",
        "x" * 300,
        "1,5",
        "31/12/2026",
        "46000",
        "yes",
        "ada@",
        None,
    ]
    own: list[Raw] = []
    length = field.length or 0
    digits = (field.precision or 8) - (field.scale or 0)
    if field.type in TEXTS:
        own = ["x" * length, "x" * (length + 1), f" {'x' * length} "]
    elif field.type in NUMBERS:
        own = [10**digits - 1, 10**digits, -(10**digits), "1.005", 2.5, f"{'9' * digits}.999", -1]
    elif field.type in (FieldType.DATE, FieldType.DATETIME):
        own = ["2026-02-29", "2026-12-24T10:00:00Z", "2026-12-24", "1699-12-31", "4001-01-01"]
    elif field.type in CHOICES:
        own = ["Not a value", "x" * 256, "One;Two", *(each.label for each in field.picklist[:2])]
        own += [f" {each.value} " for each in field.picklist[:2]]
    elif field.type is FieldType.EMAIL:
        own = ["ada@acme", "ada@acme..com", "a b@acme.com", "a@b@c.de", "a@" + "b" * 90 + ".com"]
    elif field.type is FieldType.REFERENCE:
        own = ["3f1c2a9e-7b40-4c55", "0015g00000ABCDE", "0015g00000ABCDE0"]
    elif field.type is FieldType.BOOLEAN:
        own = ["true", "FALSE", "maybe"]
    return dice.choice(own * 3 + anything)


def drawn(fields: Sequence[Field], dice: random.Random, batch: str) -> Record:
    """Return a record, mostly good, so that its few odd values decide."""
    strange = dice.choice([0.0, 0.03, 0.15])
    return {
        field.name: odd(field, dice)
        if dice.random() < strange and not (field.unique or field.external_id)
        else good(field, dice, batch)
        for field in fields
        if field.required or dice.random() < 0.7
    }


# -- both sides ---------------------------------------------------------------------------------


def mappings(schema: ObjectSchema, dice: random.Random) -> Iterator[list[Field]]:
    """Yield sets of fields to map: mostly writable ones, with the required ones but once."""
    usual = [
        each
        for each in schema.fields
        if each.createable is not False and not each.archived and each.name != "RecordTypeId"
    ]
    locked = [each for each in schema.fields if each not in usual]
    for number in range(MAPPINGS):
        chosen = [each for each in usual if each.required or dice.random() < 0.4]
        if number == 0:
            chosen = [each for each in chosen if not each.required] or usual
        elif number == 1 and locked:
            chosen += dice.sample(locked, 1)
        elif number == 2:
            chosen = usual
        yield chosen


Send = Callable[[str, Sequence[Record]], list[Fate]]


def require_agreement(platform: str, schemas: Sequence[ObjectSchema], send: Send) -> Counter[str]:
    """Judge and send random records of each object, and compare; return the outcomes."""
    dice = random.Random(2026)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for schema in schemas:
        judges = [
            (fields, Judge(
                schema,
                [MappedField(each.name, each.name) for each in fields],
                vendor_of(platform).write_rules,
                Setting(now=NOW.replace(tzinfo=None), automation=()),
            ))
            for fields in mappings(schema, dice)
        ]  # fmt: skip
        for number, (fields, judge) in enumerate(judges):
            batch = f"{schema.object_type}-{number}"
            records = [drawn(fields, dice, batch) for _ in range(RECORDS // MAPPINGS)]
            verdicts = [judge.judge(place, each) for place, each in enumerate(records, 1)]
            by_name = {each.name: each for each in fields}
            sent = [{name: record.get(name) for name in by_name} for record in records]
            for record, findings, fate in zip(
                sent, verdicts, send(schema.object_type, sent), strict=True
            ):
                outcome, problem = compared(record, findings, fate, by_name)
                seen[outcome] += 1
                if problem:
                    wrong.append(f"{schema.object_type}: {problem}")
    told = Counter(text.partition(" | ")[0] for text in wrong)
    assert not wrong, "\n".join([*(f"{n} x {t}" for t, n in told.most_common(20)), *wrong[:5]])
    return seen


def compared(
    record: Record, findings: Sequence[WriteFinding], fate: Fate, fields: Mapping[str, Field]
) -> tuple[str, str]:
    """Return the outcome, and the disagreement if there is one."""
    outcomes = {each.outcome for each in findings}
    refused = [f"{f.code} {f.crm_field}" for f in findings if f.outcome is Outcome.REFUSED]
    if refused:
        return "refused", "" if fate.errors else f"taken, but refused by {refused} | {record}"
    if outcomes - {Outcome.CHANGED}:
        return "unknown", ""
    if fate.errors:
        return "fine", f"called fine, but {fate.errors} | {record}"
    # A value outside an open picklist is stored as it is.
    changed = {each.crm_field for each in findings if each.code != "NEW_PICKLIST_VALUE"}
    for name, field in fields.items():
        sent, stored = plain(field, record[name]), plain(field, fate.stored.get(name))
        if (sent != stored) != (name in changed):
            word = "not changed" if name in changed else "changed"
            return "stored", f"{name} was {word}: {record[name]!r} as {stored!r} |"
    return ("changed" if changed else "fine"), ""


def plain(field: Field, value: Any) -> Any:
    """Return a value in a form in which what was sent compares with what is stored."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return False if field.type is FieldType.BOOLEAN else None
    if field.type is FieldType.BOOLEAN:
        return str(value).strip().lower() in ("true", "1")
    if field.type in NUMBERS:
        return float(Decimal(str(value)))
    if field.type is FieldType.MULTIPICKLIST:
        return [each.strip() for each in str(value).split(";") if each.strip()]
    if field.type is FieldType.DATE and isinstance(value, date):
        return value.isoformat()
    if field.type is FieldType.DATETIME:
        return datetime.fromisoformat(str(value).replace("+0000", "+00:00"))
    return value


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with opened(tmp_path_factory.mktemp("home")) as office:
        office.clock.now = NOW
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=SALESFORCE))
        office.add_portal()
        yield office


def schemas(office: Office, ref: str, names: Sequence[str]) -> list[ObjectSchema]:
    """Return schemas as the workspace has them after a refresh."""
    office.workspace.refreshes.run(ref)
    with office.workspace.context.store.read() as session:
        connection = find_connection(session, ref)
        return [find_snapshot(session, connection, each).content for each in names]


def test_salesforce_does_what_preflight_says(office: Office) -> None:
    access = office.sandbox.salesforce(ORG)
    client = httpx.Client(
        base_url=access.endpoint,
        headers={"Authorization": f"Bearer {access.access_token}"},
        trust_env=False,
    )

    def send(name: str, records: Sequence[Record]) -> list[Fate]:
        body = {"records": [{"attributes": {"type": name}, **each} for each in records]}
        answers = client.post(f"{DATA}/composite/sobjects", json=body).json()
        made = [each["id"] for each in answers if each["success"]]
        stored: dict[str, Any] = {}
        for start in range(0, len(made), IN_A_COMPOSITE):
            parts = [
                {"method": "GET", "url": f"{DATA}/sobjects/{name}/{key}", "referenceId": key}
                for key in made[start : start + IN_A_COMPOSITE]
            ]
            reply = client.post(f"{DATA}/composite", json={"compositeRequest": parts}).json()
            stored |= {each["referenceId"]: each["body"] for each in reply["compositeResponse"]}
        return [
            Fate("", stored[each["id"]])
            if each["success"]
            else Fate(" ".join(one["statusCode"] for one in each["errors"]), {})
            for each in answers
        ]

    with client:
        seen = require_agreement("salesforce", schemas(office, "org", SALESFORCE), send)
    assert min(seen[each] for each in ("refused", "changed", "fine")) > 30, seen


def test_hubspot_does_what_preflight_says(office: Office) -> None:
    access = office.sandbox.hubspot(PORTAL)
    client = httpx.Client(
        base_url=f"{access.endpoint}/crm/objects/2026-03",
        headers={"Authorization": f"Bearer {access.private_app_token}"},
        trust_env=False,
    )

    def send(name: str, records: Sequence[Record]) -> list[Fate]:
        fates = []
        for record in records:
            answer = client.post(f"/{name}", json={"properties": record})
            body = answer.json()
            codes = [each["code"] for each in body.get("errors", ())] or [body.get("message")]
            ok = answer.status_code == 201
            fates.append(Fate("", body["properties"]) if ok else Fate(f"{codes}", {}))
        return fates

    with client:
        seen = require_agreement("hubspot", schemas(office, "portal", HUBSPOT), send)
    assert min(seen[each] for each in ("refused", "fine")) > 50, seen
