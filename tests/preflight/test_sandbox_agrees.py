"""Preflight against the sandbox, which checks writes by an own implementation of the CRM's rules.

What preflight refuses, the CRM refuses. What it calls fine, the CRM takes and stores as it was
sent. What it calls changed, the CRM takes and stores otherwise. Unknown may be either.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.model import (
    Field,
    FieldType,
    ObjectSchema,
    Outcome,
    Scope,
    ScopeMode,
    WriteProblem,
)
from crmdeck.preflight.fields import Raw
from crmdeck.preflight.judge import RECORD_TYPE_PATH, Judge, MappedField, Setting
from crmdeck.sandbox import Scenario, write_rules
from crmdeck.sandbox.hubspot_shapes import HubSpotShapes
from crmdeck.sandbox.hubspot_writes import HubSpotWrites
from crmdeck.sandbox.messages import Request
from crmdeck.sandbox.salesforce_rows import SalesforceRows
from crmdeck.sandbox.salesforce_writes import SalesforceWrites
from crmdeck.sandbox.tenant import Tenant
from crmdeck.workspace.context import find_connection
from crmdeck.workspace.snapshots import find_snapshot
from tests.preflight.rejected import require_read_back
from tests.workspace.crm import ANCHOR, ORG, PORTAL, Office, opened

# Later in its history the sandbox's HubSpot account has little quota left.
NOW = ANCHOR - timedelta(days=40)
SALESFORCE = ("Opportunity", "Lead", "Contact", "Deal_Registration__c")
HUBSPOT = ("deals", "companies", "contacts", "partner_tier")
RECORDS = 300
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
         "AND(RecordType.DeveloperName <> 'Direct_Deal', CONTAINS(TEXT(Type), 'grade'))"),
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

STORED_AS_SENT = ("NEW_PICKLIST_VALUE", "DEPENDENT_VALUE", "NOT_IN_RECORD_TYPE")
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
    if field.name == "zip":
        return "12345"
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
    """A CRM to write to: `send` writes records, to those with these keys on update."""

    platform: str
    send: Callable[[str, Sequence[Record], Sequence[str]], list[Fate]]
    schemas: Sequence[ObjectSchema] = ()

    @property
    def key(self) -> str:
        return vendor_of(self.platform).write_rules.record_id


def tenant_of(name: str, now: datetime, anchor: datetime) -> Tenant:
    scenario = Scenario.demo()
    org = next(each for each in scenario.organizations if each.name == name)
    return Tenant(scenario, org, lambda: now, anchor, None)


def salesforce(now: datetime, anchor: datetime, schemas: Sequence[ObjectSchema] = ()) -> Crm:
    """Return the org without its HTTP layer, which tests/sandbox/test_writes.py tests."""
    org = tenant_of(ORG, now, anchor)
    writes = SalesforceWrites(org, SalesforceRows(org))

    def send(name: str, records: Sequence[Record], keys: Sequence[str]) -> list[Fate]:
        fates = []
        for place, record in enumerate(records):
            part = {"attributes": {"type": name}, **record}
            if keys:
                part["id"] = keys[place]
            request = _request("PATCH" if keys else "POST", {"records": [part]})
            (answer,) = json.loads(writes.collection(request).body)
            if answer["success"]:
                stored = writes.single(_request("GET", None), name, answer["id"]).body
                fates.append(Fate("", json.loads(stored)))
            else:
                for error in answer["errors"]:
                    require_read_back("salesforce", error)
                fates.append(Fate(" ".join(one["statusCode"] for one in answer["errors"]), {}))
        return fates

    return Crm("salesforce", send, schemas)


def hubspot(now: datetime, anchor: datetime, schemas: Sequence[ObjectSchema] = ()) -> Crm:
    """Return the account without its HTTP layer."""
    portal = tenant_of(PORTAL, now, anchor)
    writes = HubSpotWrites(portal, HubSpotShapes(portal))

    def send(name: str, records: Sequence[Record], keys: Sequence[str]) -> list[Fate]:
        fates = []
        for place, record in enumerate(records):
            request = _request("PATCH" if keys else "POST", {"properties": record})
            key = keys[place] if keys else None
            answer = writes.handle(request, portal.visible()[name], key)
            body = json.loads(answer.body)
            for error in body.get("errors", ()):
                require_read_back("hubspot", error)
            codes = [each["code"] for each in body.get("errors", ())] or [body.get("message")]
            ok = answer.status < 300
            fates.append(Fate("", body["properties"]) if ok else Fate(f"{codes}", {}))
        return fates

    return Crm("hubspot", send, schemas)


def _request(method: str, body: object) -> Request:
    return Request(method, "/", {}, {}, json.dumps(body, default=str).encode())


def require_agreement(
    crm: Crm, *, create: bool = True, records: int = RECORDS, **setting: Any
) -> Counter[str]:
    """Judge and send random records of each object, and compare; return the outcomes.

    With a `record_type`, the records have it.
    """
    dice = random.Random(2026)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for schema in crm.schemas:
        types = {each.name: each.id for each in schema.record_types or ()}
        named = setting.get("record_type")
        typed = {} if named is None else {"RecordTypeId": types[named]}
        for number, fields in enumerate(mappings(schema, dice, create=create)):
            judge = Judge(
                schema,
                [MappedField(each.name, each.name) for each in fields],
                vendor_of(crm.platform).write_rules,
                Setting(
                    now=NOW.replace(tzinfo=None),
                    create=create,
                    automation=(),
                    user=schema.user or {},
                    **setting,
                ),
            )
            batch = f"{schema.object_type}-{number}{'' if create else 'u'}{len(setting)}"
            count = records // MAPPINGS // (1 if create else 2)
            made = [drawn(fields, dice, batch) for _ in range(count)]
            sent = [{each.name: one.get(each.name) for each in fields} for one in made]
            before = [] if create else stored_records(crm, schema, dice, len(sent), typed)
            verdicts = [
                judge.judge(place + 1, record, before[place] if before else None)
                for place, record in enumerate(sent)
            ]
            fates = crm.send(
                schema.object_type,
                [record | (typed if create else {}) for record in sent],
                [str(each[crm.key]) for each in before],
            )
            by_name = {each.name: each for each in fields}
            for record, findings, fate in zip(sent, verdicts, fates, strict=True):
                outcome, problem = compared(record, findings, fate, by_name)
                seen[outcome] += 1
                if problem:
                    wrong.append(f"{schema.object_type}: {problem}")
    require_none(wrong)
    return seen


def require_none(wrong: Sequence[str]) -> None:
    counts = Counter(text.partition(" | ")[0] for text in wrong)
    assert not wrong, "\n".join([*(f"{n} x {t}" for t, n in counts.most_common(20)), *wrong[:5]])


def stored_records(
    crm: Crm, schema: ObjectSchema, dice: random.Random, count: int, typed: Record
) -> list[dict[str, Any]]:
    """Create good records, and return them as the CRM stores them."""
    fields = [each for each in schema.fields if each.createable and each.name != "RecordTypeId"]
    fields = [each for each in fields if not (each.unique or each.external_id)]
    found: list[dict[str, Any]] = []
    for _ in range(6):
        if len(found) >= count:
            break
        records = [{each.name: good(each, dice, "") for each in fields} for _ in range(count)]
        fates = crm.send(schema.object_type, [{**each, **typed} for each in records], ())
        found += [dict(each.stored) for each in fates if not each.errors]
    for each in found:
        if schema.record_types:
            named = each["RecordTypeId"]
            each[RECORD_TYPE_PATH] = next(
                one.name
                for one in schema.record_types
                if (one.id == named if named else one.default)
            )
    assert len(found) >= count, fates[0].errors
    return found[:count]


def compared(
    record: Record, findings: Sequence[WriteProblem], fate: Fate, fields: Mapping[str, Field]
) -> tuple[str, str]:
    """Return the outcome, and the disagreement if there is one."""
    outcomes = {each.outcome for each in findings}
    refused = [f"{f.code} {f.crm_field}" for f in findings if f.outcome is Outcome.REJECTED]
    if refused:
        return "refused", "" if fate.errors else f"taken, but refused by {refused} | {record}"
    if outcomes - {Outcome.CHANGED}:
        return "unknown", ""
    if fate.errors:
        return "fine", f"called fine, but {fate.errors} | {record}"
    # A value outside an open or dependent picklist is stored as it is.
    changed = {each.crm_field for each in findings if each.code not in STORED_AS_SENT}
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
    patch.setattr(write_rules, "VALIDATION_RULES", RULES)
    with opened(tmp_path_factory.mktemp("home")) as office:
        office.clock.now = NOW
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=SALESFORCE))
        office.add_portal()
        office.workspace.refreshes.run("org")
        office.workspace.refreshes.run("portal")
        yield office
    patch.undo()


def schemas(office: Office, ref: str, names: Sequence[str]) -> list[ObjectSchema]:
    """Return schemas as the workspace has them after a refresh."""
    with office.workspace.context.store.read() as session:
        connection = find_connection(session, ref)
        return [find_snapshot(session, connection, each).content for each in names]


def with_dependency(schema: ObjectSchema) -> ObjectSchema:
    """Make the last picklist of a schema depend on its first one."""
    choices = [each.name for each in schema.fields if each.type is FieldType.PICKLIST]

    def dependent(field: Field) -> Field:
        if field.name != choices[-1]:
            return field
        allowed = {"Prospecting": tuple(each.value for each in field.picklist[:1])}
        return field.model_copy(update={"controller": choices[0], "allowed_values": allowed})

    return schema.model_copy(update={"fields": tuple(map(dependent, schema.fields))})


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("record_type", [None, "Partner_Deal"])
def test_salesforce_writes_agree_with_preflight(
    office: Office, create: bool, record_type: str | None
) -> None:
    names = SALESFORCE if record_type is None else SALESFORCE[:1]
    found = [with_dependency(each) for each in schemas(office, "org", names)]
    crm = salesforce(NOW, ANCHOR, found)
    setting = {} if record_type is None else {"record_type": record_type}
    # One object needs more records than several.
    records = RECORDS if record_type is None else 500
    seen = require_agreement(crm, create=create, records=records, **setting)
    assert min(seen["refused"], seen["fine"]) > (50 if record_type is None else 5), seen
    assert seen["changed"] > 0, seen


@pytest.mark.parametrize("create", [True, False])
def test_hubspot_writes_agree_with_preflight(office: Office, create: bool) -> None:
    crm = hubspot(NOW, ANCHOR, schemas(office, "portal", HUBSPOT))
    seen = require_agreement(crm, create=create)
    assert min(seen["refused"], seen["fine"]) > 25, seen
