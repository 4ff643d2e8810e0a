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
from crmdeck.preflight.judge import RECORD_TYPE_PATH, Judge, MappedField, Setting
from crmdeck.sandbox import salesforce_rows
from crmdeck.workspace.context import find_connection
from crmdeck.workspace.explore.snapshots import find_snapshot
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

# Object, name, field, formula.
RULES = tuple(
    (object_type, name, field, f"{name}.", formula)
    for object_type, name, field, formula in (
        ("Opportunity", "Open_Closes_Later", "CloseDate",
         "AND(NOT(IsClosed), ISCHANGED(CloseDate), CloseDate < TODAY())"),
        ("Opportunity", "Won_Has_Amount", "Amount",
         "AND(ISPICKVAL(StageName, 'Closed Won'), OR(ISBLANK(Amount), Amount < 1))"),
        ("Opportunity", "Big_Deals_Close_Soon", "CloseDate",
         "Amount > 5 && CloseDate > TODAY() + 200"),
        ("Opportunity", "Name_Is_Not_Long", "Name", "LEN(Name) * 2 - 1 > 120"),
        ("Opportunity", "Desk", "Amount", "AND(Amount = 7, NOT($Permission.Deal_Desk))"),
        ("Opportunity", "Direct_Only", "Type",
         "AND(RecordType.DeveloperName <> 'Direct_Deal', NOT(ISBLANK(TEXT(Type))))"),
        ("Lead", "Company_Needs_A_Country", "Country",
         "AND(NOT(ISBLANK(Company)), ISBLANK(Country))"),
        ("Lead", "Reachable", "Email", "AND(ISBLANK(Email), NOT(BEGINS(Phone, 'Acme')))"),
        ("Contact", "Name_Starts_Large", "LastName", "NOT(REGEX(LastName, '[A-Z ].*'))"),
        ("Contact", "Email_Stays", "Email",
         "AND(NOT(ISNEW()), ISCHANGED(Email), NOT(ISBLANK(PRIORVALUE(Email))))"),
        ("Deal_Registration__c", "Limited_Needs_Title", "Contact_Title__c",
         "CONTAINS(LOWER(Account_Name__c), 'ltd') && IF(ISBLANK(Contact_Title__c), TRUE, FALSE)"),
        ("Deal_Registration__c", "Case", "Account_Domain__c",
         "CASE(LEFT(Account_Domain__c, 1), 'x', 1, 'A', 2, 3) = 1"),
    )
)  # fmt: skip

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
            return f"ada{dice.randint(1, 10**6)}@acme.example"
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


def mappings(schema: ObjectSchema, dice: random.Random, *, create: bool) -> Iterator[list[Field]]:
    """Yield sets of fields to map: mostly writable ones, with the required ones but once."""
    usual = [
        each
        for each in schema.fields
        if (each.createable if create else each.updateable) is not False
        and not each.archived
        and each.name != "RecordTypeId"
    ]
    locked = [each for each in schema.fields if each not in usual and each.name != "Id"]
    for number in range(MAPPINGS):
        chosen = [each for each in usual if each.required or dice.random() < 0.4]
        if number == 0:
            chosen = [each for each in chosen if not each.required] or usual
        elif number == 1 and locked:
            chosen += dice.sample(locked, 1)
        elif number == 2:
            chosen = usual
        yield chosen


class Crm(NamedTuple):
    """One side of the comparison: `send` writes records, to those with these keys on update."""

    platform: str
    schemas: Sequence[ObjectSchema]
    send: Callable[[str, Sequence[Record], Sequence[str]], list[Fate]]


def require_agreement(crm: Crm, *, create: bool = True) -> Counter[str]:
    """Judge and send random records of each object, and compare; return the outcomes."""
    dice = random.Random(2026)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for schema in crm.schemas:
        for number, fields in enumerate(mappings(schema, dice, create=create)):
            judge = Judge(
                schema,
                [MappedField(each.name, each.name) for each in fields],
                vendor_of(crm.platform).write_rules,
                Setting(now=NOW.replace(tzinfo=None), create=create, automation=()),
            )
            batch = f"{schema.object_type}-{number}{'' if create else 'u'}"
            count = RECORDS // MAPPINGS // (1 if create else 2)
            records = [drawn(fields, dice, batch) for _ in range(count)]
            sent = [{each.name: record.get(each.name) for each in fields} for record in records]
            before = [] if create else stored_records(crm, schema, dice, len(sent), batch)
            verdicts = [
                judge.judge(place + 1, record, before[place] if before else None)
                for place, record in enumerate(sent)
            ]
            fates = crm.send(schema.object_type, sent, [str(each["Id"]) for each in before])
            by_name = {each.name: each for each in fields}
            for record, findings, fate in zip(sent, verdicts, fates, strict=True):
                outcome, problem = compared(record, findings, fate, by_name)
                seen[outcome] += 1
                if problem:
                    wrong.append(f"{schema.object_type}: {problem}")
    told = Counter(text.partition(" | ")[0] for text in wrong)
    assert not wrong, "\n".join([*(f"{n} x {t}" for t, n in told.most_common(20)), *wrong[:5]])
    return seen


def stored_records(
    crm: Crm, schema: ObjectSchema, dice: random.Random, count: int, batch: str
) -> list[dict[str, Any]]:
    """Create good records, and return them as the CRM stores them."""
    fields = [each for each in schema.fields if each.createable and each.name != "RecordTypeId"]
    fields = [each for each in fields if not (each.unique or each.external_id)]
    found: list[dict[str, Any]] = []
    for _ in range(6):
        if len(found) >= count:
            break
        records = [{each.name: good(each, dice, batch) for each in fields} for _ in range(count)]
        fates = crm.send(schema.object_type, records, ())
        found += [dict(each.stored) for each in fates if not each.errors]
    for each in found:
        if schema.record_types:
            each[RECORD_TYPE_PATH] = next(one.name for one in schema.record_types if one.default)
    assert len(found) >= count, fates[0].errors
    return found[:count]


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
    patch = pytest.MonkeyPatch()
    patch.setattr(salesforce_rows, "_RULES", RULES)
    with opened(tmp_path_factory.mktemp("home")) as office:
        office.clock.now = NOW
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=SALESFORCE))
        office.add_portal()
        yield office
    patch.undo()


def schemas(office: Office, ref: str, names: Sequence[str]) -> list[ObjectSchema]:
    """Return schemas as the workspace has them after a refresh."""
    office.workspace.refreshes.run(ref)
    with office.workspace.context.store.read() as session:
        connection = find_connection(session, ref)
        return [find_snapshot(session, connection, each).content for each in names]


@pytest.fixture(scope="module")
def salesforce(office: Office) -> Iterator[Crm]:
    access = office.sandbox.salesforce(ORG)
    client = httpx.Client(
        base_url=access.endpoint,
        headers={"Authorization": f"Bearer {access.access_token}"},
        trust_env=False,
    )

    def send(name: str, records: Sequence[Record], keys: Sequence[str]) -> list[Fate]:
        parts = [{"attributes": {"type": name}, **each} for each in records]
        for part, key in zip(parts, keys, strict=False):
            part["id"] = key
        method = "PATCH" if keys else "POST"
        answers = client.request(
            method, f"{DATA}/composite/sobjects", json={"records": parts}
        ).json()
        made = [each["id"] for each in answers if each["success"]]
        stored: dict[str, Any] = {}
        for start in range(0, len(made), IN_A_COMPOSITE):
            asked = [
                {"method": "GET", "url": f"{DATA}/sobjects/{name}/{key}", "referenceId": key}
                for key in made[start : start + IN_A_COMPOSITE]
            ]
            reply = client.post(f"{DATA}/composite", json={"compositeRequest": asked}).json()
            stored |= {each["referenceId"]: each["body"] for each in reply["compositeResponse"]}
        return [
            Fate("", stored[each["id"]])
            if each["success"]
            else Fate(" ".join(one["statusCode"] for one in each["errors"]), {})
            for each in answers
        ]

    with client:
        yield Crm("salesforce", schemas(office, "org", SALESFORCE), send)


@pytest.mark.parametrize("create", [True, False])
def test_salesforce_does_what_preflight_says(salesforce: Crm, create: bool) -> None:
    seen = require_agreement(salesforce, create=create)
    assert min(seen["refused"], seen["fine"]) > 100, seen
    assert seen["changed"] > 5, seen


def test_hubspot_does_what_preflight_says(office: Office) -> None:
    access = office.sandbox.hubspot(PORTAL)
    client = httpx.Client(
        base_url=f"{access.endpoint}/crm/objects/2026-03",
        headers={"Authorization": f"Bearer {access.private_app_token}"},
        trust_env=False,
    )

    def send(name: str, records: Sequence[Record], _: Sequence[str]) -> list[Fate]:
        fates = []
        for record in records:
            answer = client.post(f"/{name}", json={"properties": record})
            body = answer.json()
            codes = [each["code"] for each in body.get("errors", ())] or [body.get("message")]
            ok = answer.status_code == 201
            fates.append(Fate("", body["properties"]) if ok else Fate(f"{codes}", {}))
        return fates

    with client:
        seen = require_agreement(Crm("hubspot", schemas(office, "portal", HUBSPOT), send))
    assert min(seen[each] for each in ("refused", "fine")) > 50, seen
