"""Generated records: the same for the same object type, field and number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zlib import crc32

from crmdeck.sandbox.schema import FieldDef, ObjectDef

# fmt: off
_FIRST = ("Ana", "Ben", "Chidi", "Dara", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kaya",
          "Lin", "Mateo", "Noor", "Olga", "Paul")
_LAST = ("Almeida", "Berg", "Castillo", "Dupont", "Eriksen", "Fischer", "Gupta", "Haddad",
         "Ivanova", "Jensen", "Kowalski", "Lopez", "Moreau", "Nakamura", "O'Brien", "Petrov",
         "Quist")
_COMPANY = ("Northwind Freight", "Brightwater Energy", "Cobalt Analytics", "Delta Harbor Bank",
            "Evergreen Clinics", "Fjord Robotics", "Granite Insurance", "Helio Retail",
            "Ironbridge Steel", "Juniper Telecom", "Kestrel Airways", "Lumen Publishing",
            "Meridian Foods")
_PLACE = (("Austin", "TX", "US", "78701"), ("Berlin", "BE", "DE", "10115"),
          ("Lyon", "ARA", "FR", "69002"), ("Leeds", "ENG", "GB", "LS1 4AP"),
          ("Madrid", "MD", "ES", "28013"), ("Toronto", "ON", "CA", "M5H 2N2"),
          ("Zurich", "ZH", "CH", "8001"))
_STREET = ("Harbor Road", "Mill Lane", "Station Street", "Park Avenue", "Bridge Street")
_TITLE = ("VP Sales", "Head of IT", "Procurement Manager", "CFO", "Solution Architect")
_THEME = ("rollout", "renewal", "migration", "pilot", "expansion", "upgrade")
_STEP = ("Send the quote", "Book a demo", "Ask for references", "Meet procurement")
_NOTE = ("Waiting for budget", "Agreed by phone", "See last e-mail", "To be confirmed")
# fmt: on
_ALWAYS = re.compile(
    r"Id|IsDeleted|OwnerId|SystemModstamp|(Created|LastModified)(Date|ById)|hs_object_id|dealname"
    r"|dealstage|pipeline|(hs_)?(createdate|lastmodifieddate)"
)
_USUAL = re.compile(
    r"(?i)^(name|title|subject)$|email|phone|company|stage|amount|value|industry|status|website"
    r"|domain|close_?date|accountid|country"
)
_RATES = (0.0, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 1.0)


@dataclass(frozen=True)
class _Record:
    """The person and place of a record, the same in all its fields; `seed` differs by field."""

    number: int
    seed: int

    @property
    def company(self) -> str:
        return _COMPANY[self.number % len(_COMPANY)]

    @property
    def domain(self) -> str:
        return f"{self.company.split()[0].lower()}.example"

    @property
    def first(self) -> str:
        return _FIRST[self.number % len(_FIRST)]

    @property
    def last(self) -> str:
        return _LAST[self.number % len(_LAST)]

    @property
    def place(self) -> tuple[str, str, str, str]:
        return _PLACE[self.number % len(_PLACE)]

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[self.seed % len(choices)]

    def digits(self, length: int) -> str:
        return f"{self.seed * 9_973:020d}"[-max(1, min(length, 9)) :]


_Maker = Callable[[_Record, int], str]
# The content of text fields, by name in lower case without underscores; the first match counts.
_TEXTS: tuple[tuple[str, _Maker], ...] = (
    (r"email", lambda r, _: f"{r.first}.{r.last}@{r.domain}".lower().replace("'", "")),
    (r"phone|fax", lambda r, _: f"+1 555 01{r.seed % 100:02d}"),
    (r"website|url|profile|page$", lambda r, _: f"https://www.{r.domain}"),
    (r"domain", lambda r, _: r.domain),
    (r"firstname", lambda r, _: r.first),
    (r"lastname", lambda r, _: r.last),
    (r"reportsto|assistantname|fullname|suppliedname", lambda r, _: f"{r.first} {r.last}"),
    (r"street|^address$", lambda r, _: f"{r.seed % 180 + 1} {r.pick(_STREET)}"),
    (r"city$", lambda r, _: r.place[0]),
    (r"state$", lambda r, _: r.place[1]),
    (r"country$", lambda r, _: r.place[2]),
    (r"postalcode|zip$", lambda r, _: r.place[3]),
    (r"currency", lambda r, _: r.pick(("USD", "EUR", "GBP"))),
    (r"title$", lambda r, _: r.pick(_TITLE)),
    (r"nextstep", lambda r, _: r.pick(_STEP)),
    (r"ticker", lambda r, _: r.company[:4].upper()),
    (r"fiscal", lambda r, _: f"{2024 + r.seed % 3} {r.seed % 4 + 1}"),
    (r"year", lambda r, _: str(1950 + r.seed % 70)),
    (r"dealname|^name$|^subject$", lambda r, _: f"{r.company} {r.pick(_THEME)}"),
    (r"company|customer|accountname|partner|name$", lambda r, _: r.company),
    (r"number|code|sic$|sku|key|serial|duns|id$", lambda r, length: r.digits(length)),
    (r"description|content|notes?$|comment|reason|body|aboutus",
     lambda r, _: f"{r.company}: {r.pick(_THEME)}. {r.pick(_NOTE)}."),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), maker) for pattern, maker in _TEXTS)


def draw(*parts: object) -> int:
    """Return a number from 0 to 2**32 - 1 that depends only on `parts`."""
    # A checksum alone changes linearly with its input, which leaves visible patterns.
    mixed = crc32("\x1f".join(map(str, parts)).encode("utf-8"))
    for factor in (0x2C1B3C6D, 0x297A2D39):
        mixed = ((mixed ^ mixed >> 15) * factor) & 0xFFFFFFFF
    return mixed ^ mixed >> 15


def record_id(prefix: str, number: int) -> str:
    """Return an 18-character record ID with an object type's prefix."""
    return f"{(prefix or '000')[:3]}5g00000{number + 1:05d}AAA"


def fill_rate(target: ObjectDef, field: FieldDef) -> float:
    """Return the fill rate of a field, 0 to 1."""
    # A checkbox is never empty.
    if field.required or "name" in field.flags or field.type == "boolean":
        return 1.0
    if _ALWAYS.fullmatch(field.name):
        return 1.0
    rate = _RATES[draw("rate", target.name, field.name) % len(_RATES)]
    return max(rate, 0.6) if _USUAL.search(field.name) else rate


def make_value(target: ObjectDef, field: FieldDef, number: int, now: datetime) -> object:
    """Return the value of a field in record `number` (from 0): JSON types, dates as datetimes.

    None for an empty field.
    """
    if draw("fill", target.name, field.name, number) % 1000 >= fill_rate(target, field) * 1000:
        return None
    seed = draw("value", target.name, field.name, number)
    name = field.name.lower()
    if name in {"createddate", "createdate", "hs_createdate"}:
        return now - timedelta(days=400 - number * 7, seconds=seed % 86400)
    if name in {"lastmodifieddate", "systemmodstamp", "hs_lastmodifieddate"}:
        return now - timedelta(days=number, seconds=draw("modified", target.name, number) % 86400)
    if field.type == "datetime":
        return now - timedelta(minutes=seed % 300_000)
    if field.type == "date":
        return (now + timedelta(days=seed % 270 - 180)).date()
    if "auto" in field.flags:
        return f"{number + 1:05d}"
    if target.name in {"Account", "companies"} and name == "name":
        return _Record(number, seed).company
    return _plain(field, _Record(number, seed))


def _plain(field: FieldDef, record: _Record) -> object:
    seed = record.seed
    match field.type:
        case "boolean" | "bool":
            # A query leaves deleted records out.
            return False if field.name == "IsDeleted" else seed % 3 == 0
        case "picklist" | "combobox" | "enumeration":
            values = field.values
            return values[seed % len(values)].value if values else str(seed % 5 + 1)
        case "multipicklist":
            picked = [each.value for index, each in enumerate(field.values) if seed >> index & 1]
            return ";".join(picked or [field.values[0].value])
        case "percent":
            return float(seed % 20 * 5)
        case "currency":
            return float(seed % 250_000)
        case "int" | "double" | "number":
            return _number(field, seed)
        case "reference":
            return record_id(f"{draw(field.references) % 1000:03d}", seed % 50)
        case "address":
            city, state, country, code = record.place
            return {"city": city, "state": state, "country": country, "postalCode": code}
    length = field.length or 255
    return _maker(field.name)(record, length)[:length]


def _number(field: FieldDef, seed: int) -> float | int:
    name = field.name.lower()
    if field.scale > 2:
        return round(seed % 90_000 / 1000, 3)
    if re.search(r"amount|revenue|price|value|_a[cr][vr]|tcv", name):
        return seed % 250_000
    if "year" in name:
        return 2024 + seed % 3
    if "quarter" in name:
        return seed % 4 + 1
    return seed % (10_000 if "employee" in name else 100)


@lru_cache(maxsize=4096)
def _maker(name: str) -> _Maker:
    plain = name.removesuffix("__c").replace("_", "").lower()
    for pattern, maker in _COMPILED:
        if pattern.search(plain):
            return maker
    return lambda record, _: record.pick(_NOTE)
