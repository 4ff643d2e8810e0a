"""Records that nobody typed in: the same for the same object type, field and number."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from crmdeck.sandbox.schema import FieldDef, ObjectDef

# fmt: off
_FIRST = ("Ana", "Ben", "Chidi", "Dara", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kaya",
          "Lin", "Mateo", "Noor", "Olga", "Paul")
_LAST = ("Almeida", "Berg", "Castillo", "Dupont", "Eriksen", "Fischer", "Gupta", "Haddad",
         "Ivanova", "Jensen", "Kowalski", "Lopez", "Moreau", "Nakamura", "O'Brien", "Petrov")
_COMPANY = ("Northwind Freight", "Brightwater Energy", "Cobalt Analytics", "Delta Harbour Bank",
            "Evergreen Clinics", "Fjord Robotics", "Granite Insurance", "Helio Retail",
            "Ironbridge Steel", "Juniper Telecom", "Kestrel Airways", "Lumen Publishing")
# fmt: on
_CITY = ("Austin", "Berlin", "Lyon", "Leeds", "Madrid", "Osaka", "Toronto", "Zurich")
_WORDS = ("renewal", "pilot", "rollout", "migration", "expansion", "upgrade", "audit", "review")
_ALWAYS = frozenset(
    [
        "Id",
        "IsDeleted",
        "CreatedDate",
        "LastModifiedDate",
        "SystemModstamp",
        "hs_object_id",
        "createdate",
        "hs_createdate",
        "lastmodifieddate",
        "hs_lastmodifieddate",
        "dealname",
        "dealstage",
        "pipeline",
    ]
)
_USUAL = re.compile(r"(?i)^(name|title|subject)$|email|phone|company|stage|amount|industry|status")


def draw(*parts: object) -> int:
    """Return a number that depends on nothing but `parts`."""
    return crc32("\x1f".join(map(str, parts)).encode("utf-8"))


def fill_rate(target: ObjectDef, field: FieldDef) -> float:
    """Return the share of records in which a field is filled, 0 to 1."""
    if field.required or field.name in _ALWAYS or "name" in field.flags or field.type == "boolean":
        return 1.0
    rates = (0.0, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 1.0)
    rate = rates[draw("rate", target.name, field.name) % len(rates)]
    return max(rate, 0.6) if _USUAL.search(field.name) else rate


def make_value(target: ObjectDef, field: FieldDef, number: int, now: datetime) -> Any:
    """Return what record `number` (from 0) holds in a field: JSON types, dates as datetimes.

    None where the field is empty.
    """
    if draw("fill", target.name, field.name, number) % 1000 >= fill_rate(target, field) * 1000:
        return None
    seed = draw("value", target.name, field.name, number)
    if field.name in {"CreatedDate", "createdate", "hs_createdate"}:
        return now - timedelta(days=400 - number * 7, seconds=seed % 86400)
    if field.name in {"LastModifiedDate", "SystemModstamp", "lastmodifieddate"} or (
        field.name == "hs_lastmodifieddate"
    ):
        return now - timedelta(days=number, seconds=draw("modified", target.name, number) % 86400)
    return _typed(field, number, seed, now)


def _typed(field: FieldDef, number: int, seed: int, now: datetime) -> Any:
    if field.type in {"boolean", "bool"}:
        return False if field.name == "IsDeleted" else seed % 3 == 0
    if field.type in {"picklist", "combobox", "enumeration"}:
        return field.values[seed % len(field.values)].value if field.values else str(seed % 90 + 10)
    if field.type == "multipicklist":
        picked = [each.value for index, each in enumerate(field.values) if seed >> index & 1]
        return ";".join(picked or [field.values[0].value])
    if field.type in {"currency", "double", "percent", "number"}:
        top = {"percent": 100, "currency": 250_000}.get(field.type, 5_000)
        return round(seed % (top * 100) / 100, min(field.scale, 2))
    if field.type == "int":
        return seed % 5_000
    if field.type == "date":
        return (now + timedelta(days=seed % 360 - 180)).date()
    if field.type == "datetime":
        return now - timedelta(minutes=seed % 400_000)
    if field.type in {"reference", "id"}:
        return record_id(f"{draw(field.references) % 1000:03d}", seed % 50)
    if field.type == "address":
        return {
            "city": _CITY[seed % len(_CITY)],
            "country": "US",
            "street": f"{number + 1} Main St",
        }
    return _text(field, number, seed)[: field.length or None]


def _text(field: FieldDef, number: int, seed: int) -> str:
    name = field.name.lower()
    company = _COMPANY[(number * 5 + seed // 7) % len(_COMPANY)]
    domain = company.split()[0].lower() + ".example"
    first, last = _FIRST[number % len(_FIRST)], _LAST[seed % len(_LAST)]
    if field.type == "email" or "email" in name:
        return f"{first}.{last}@{domain}".lower().replace("'", "")
    if field.type == "phone" or "phone" in name:
        return f"+1 555 01{seed % 100:02d}"
    if field.type == "url" or "website" in name or "url" in name:
        return f"https://www.{domain}"
    if "domain" in name:
        return domain
    if "firstname" in name or "first_name" in name:
        return first
    if "lastname" in name or "last_name" in name:
        return last
    if "city" in name:
        return _CITY[seed % len(_CITY)]
    if field.type == "textarea" or "description" in name:
        return f"{company}: {_WORDS[seed % 8]} planned, {_WORDS[seed // 8 % 8]} agreed."
    if "auto" in field.flags or "unique" in field.flags or name.endswith("_id"):
        return f"{draw(field.name, number):08X}"
    if "name" in name or "company" in name or "customer" in name:
        return company
    return f"{_WORDS[seed % 8]} {seed % 1000}"


def record_id(prefix: str, number: int) -> str:
    """Return an 18-character record id with an object type's prefix."""
    return f"{(prefix or '000')[:3]}5g00000{number + 1:05d}AAA"
