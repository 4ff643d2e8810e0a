"""Writes to a Salesforce org: what it checks, in its order, and the errors it answers.

Sources: Apex Developer Guide, "Triggers and Order of Execution"; Object Reference, "Primitive Data
Types"; REST API Developer Guide, "sObject Rows" and "sObject Collections".
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple, NoReturn

from crmdeck.sandbox import write_rules
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.salesforce_describe import ALWAYS_SET, has_ability
from crmdeck.sandbox.salesforce_formula import FieldValue, Write, is_broken
from crmdeck.sandbox.salesforce_rows import SalesforceRows
from crmdeck.sandbox.sample_records import record_id
from crmdeck.sandbox.schema import FieldDef, ObjectDef
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import (
    CUSTOM_PERMISSIONS,
    MASTER,
    PROFILE,
    RECORD_TYPES,
)

MOST_RECORDS = 200
# Above the numbers of the sample records.
_FIRST_NEW = 50_000
_YEARS = range(1700, 4001)
_CLOSED = {"Closed Won": True, "Closed Lost": False}
_NUMBERS = frozenset({"int", "double", "currency", "percent"})

_Values = dict[str, FieldValue]


class Refusal(NamedTuple):
    code: str
    message: str
    fields: tuple[str, ...] = ()


class RefusedError(ValueError):
    """A write that the org rejects, with all its errors."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(refusals[0].message)
        self.refusals = refusals


class SalesforceWrites:
    """Creates and updates records, which stay as long as the sandbox runs. Thread-safe."""

    def __init__(self, tenant: Tenant, rows: SalesforceRows) -> None:
        self._tenant = tenant
        self._rows = rows
        self._lock = threading.Lock()
        self._records: dict[str, dict[str, _Values]] = defaultdict(dict)

    def single(self, request: Request, name: str, key: str | None) -> Reply:
        """Answer `POST sobjects/NAME`, `PATCH sobjects/NAME/ID` and `GET sobjects/NAME/ID`."""
        try:
            if request.method == "GET":
                found = self._stored(self._target(name), key or "")
                return reply({name: plain(value) for name, value in found.items()})
            made = self._write(name, key, request.json())
        except RefusedError as problem:
            status = 404 if problem.refusals[0].code == "NOT_FOUND" else 400
            errors = [
                {"message": each.message, "errorCode": each.code, "fields": list(each.fields)}
                for each in problem.refusals
            ]
            return reply(errors, status)
        if key is not None:
            return Reply(204)
        return reply({"id": made, "success": True, "errors": []}, 201)

    def collection(self, request: Request) -> Reply:
        """Answer `composite/sobjects`: each record succeeds or fails alone."""
        records = request.json()["records"]
        if len(records) > MOST_RECORDS:
            return reply([{"message": "too many records", "errorCode": "INVALID_FIELD"}], 400)
        results: list[dict[str, object]] = []
        for record in records:
            name = record.pop("attributes")["type"]
            key = record.pop("id", None) if request.method == "PATCH" else None
            try:
                made = self._write(name, key, record)
            except RefusedError as problem:
                errors = [
                    {"statusCode": each.code, "message": each.message, "fields": list(each.fields)}
                    for each in problem.refusals
                ]
                results.append({"success": False, "errors": errors})
            else:
                results.append({"id": made, "success": True, "errors": []})
        return reply(results)

    def _target(self, name: str) -> ObjectDef:
        target = self._tenant.visible().get(name)
        if target is None:
            raise RefusedError(Refusal("NOT_FOUND", "The requested resource does not exist"))
        return target

    def _stored(self, target: ObjectDef, key: str) -> _Values:
        written = self._records[target.name]
        if key in written:
            return written[key]
        for known, values in written.items():
            # The last three characters of a long ID only encode the case of the others.
            if known[:15] == key[:15]:
                return values
        for row in self._rows.data(target.name) or ():
            if str(row["Id"])[:15] == key[:15]:
                return {
                    name: None if value is None else _taken(target.fields[name], value)
                    for name, value in row.items()
                    if name in target.fields and target.fields[name].type != "address"
                }
        raise RefusedError(Refusal("NOT_FOUND", "The requested resource does not exist"))

    def _write(self, name: str, key: str | None, body: Mapping[str, object]) -> str:
        target = self._target(name)
        create = key is None
        if not has_ability(target, "createable" if create else "updateable"):
            raise RefusedError(
                Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"{name} does not support this")
            )
        hidden = self._tenant.hidden_fields(name)
        written = _checked(target, body, hidden, create=create)
        # From here on the lock keeps two writes with the same unique value apart.
        with self._lock:
            before = None if key is None else self._stored(target, key)
            record = {**(before or dict.fromkeys(target.fields)), **written}
            # A checkbox is never empty.
            if create:
                for field in target.fields.values():
                    if field.type == "boolean" and record[field.name] is None:
                        record[field.name] = False
            _require_filled(target, record, written, create=create)
            self._require_rules(target, record, before)
            self._require_unique(target, written, key)
            made = key or record_id(target.prefix, _FIRST_NEW + len(self._records[name]))
            self._records[name][made] = record | {"Id": made}
        return made

    def _require_rules(self, target: ObjectDef, record: _Values, before: _Values | None) -> None:
        own = [each for each in RECORD_TYPES if each.object_type == target.name]
        chosen = record.get("RecordTypeId")
        # If no record type is given, the user's default applies.
        fits = (each for each in own if (each.id == chosen if chosen else each.default))
        record_type = next(fits, MASTER)
        facts: _Values = {
            f"$permission.{name.lower()}": granting is not None
            for name, granting in CUSTOM_PERMISSIONS.items()
        }
        facts |= {
            "$profile.name": PROFILE,
            "recordtype.developername": record_type.name,
            "recordtype.name": record_type.label,
        }
        write = Write(
            values=_with_derived(record),
            before=None if before is None else _with_derived(before),
            now=self._tenant.now,
            facts=facts,
        )
        broken = [
            Refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, (field,) if field else ())
            for object_type, _, field, message, formula in write_rules.VALIDATION_RULES
            if object_type == target.name and field in target.fields and is_broken(formula, write)
        ]
        if broken:
            raise RefusedError(*broken)

    def _require_unique(self, target: ObjectDef, written: _Values, key: str | None) -> None:
        for field in target.fields.values():
            value = written.get(field.name)
            if not field.flags & {"unique", "externalid"} or value is None:
                continue
            for other, values in self._records[target.name].items():
                if other != key and str(values[field.name]).lower() == str(value).lower():
                    message = f"duplicate value found: {field.name} duplicates value on record"
                    message += f" with id: {other[:15]}"
                    raise RefusedError(Refusal("DUPLICATE_VALUE", message))


def _checked(
    target: ObjectDef, body: Mapping[str, object], hidden: frozenset[str], *, create: bool
) -> _Values:
    """Return the values that the org would store; the errors of all fields come together."""
    locked = []
    for name in body:
        field = target.fields.get(name)
        if field is None or name in hidden:
            message = f"No such column '{name}' on sobject of type {target.name}"
            raise RefusedError(Refusal("INVALID_FIELD", message))
        if not (field.createable if create else field.updateable):
            locked.append(name)
    # All locked fields are in one error, unlike unknown ones: the first of those ends the check.
    if locked:
        message = (
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security"
            " settings of this field and verify that it is read/write for your profile or"
            " permission set."
        )
        raise RefusedError(Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, tuple(locked)))
    values: _Values = {}
    refusals: list[Refusal] = []
    for name, raw in body.items():
        try:
            values[name] = _taken(target.fields[name], raw)
        except RefusedError as problem:
            refusals += problem.refusals
    if refusals:
        raise RefusedError(*refusals)
    return values


def _require_filled(target: ObjectDef, record: _Values, written: _Values, *, create: bool) -> None:
    missing = [
        each.name
        for each in target.fields.values()
        if each.required
        and (each.createable if create else each.name in written)
        and each.type != "boolean"
        and each.name not in ALWAYS_SET
        and "defaulted" not in each.flags
        and record.get(each.name) is None
    ]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise RefusedError(Refusal("REQUIRED_FIELD_MISSING", message, tuple(missing)))


def _with_derived(record: _Values) -> _Values:
    """Return a record by lower-case name, with the fields that the org derives."""
    values = {name.lower(): value for name, value in record.items()}
    if "isclosed" in values and "stagename" in values:
        stage = str(values["stagename"])
        values |= {"isclosed": stage in _CLOSED, "iswon": _CLOSED.get(stage, False)}
    return values


# -- values ---------------------------------------------------------------------------------------


def _taken(field: FieldDef, raw: object) -> FieldValue:
    """Return the value that a field stores for one of a request. Raises RefusedError."""
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw == "":
        return None
    if field.type in _NUMBERS:
        return _number(field, raw)
    if field.type == "boolean":
        flag = {"true": True, "1": True, "false": False, "0": False}.get(str(raw).lower())
        return _unreadable(field, raw) if flag is None else flag
    if field.type in ("date", "datetime"):
        return _moment(field, raw)
    if not isinstance(raw, str):
        return _unreadable(field, raw)
    if field.type in ("reference", "id"):
        if not (raw.isascii() and raw.isalnum() and len(raw) in (15, 18)):
            message = f"{field.label}: id value of incorrect type: {raw}"
            raise RefusedError(Refusal("MALFORMED_ID", message, (field.name,)))
        return raw
    if field.type in ("picklist", "multipicklist"):
        _require_listed(field, raw)
    if field.length and len(raw) > field.length:
        message = f"{field.label}: data value too large: {raw} (max length={field.length})"
        raise RefusedError(Refusal("STRING_TOO_LONG", message, (field.name,)))
    if field.type == "email" and not _is_email(raw):
        message = f"{field.label}: invalid email address: {raw}"
        raise RefusedError(Refusal("INVALID_EMAIL_ADDRESS", message, (field.name,)))
    return raw


def _unreadable(field: FieldDef, raw: object) -> NoReturn:
    token = "VALUE_STRING" if isinstance(raw, str) else "VALUE_NUMBER_INT"
    message = (
        f"Cannot deserialize instance of {field.type} from {token} value {raw} or request may be"
        " missing a required field at [line:1, column:2]"
    )
    raise RefusedError(Refusal("JSON_PARSER_ERROR", message))


def _require_listed(field: FieldDef, raw: str) -> None:
    known = {each.value for each in field.values}
    chosen = raw.split(";") if field.type == "multipicklist" else [raw]
    wrong = [each.strip() for each in chosen if each.strip() and each.strip() not in known]
    if wrong and "restricted" in field.flags:
        message = f"{field.label}: bad value for restricted picklist field: {wrong[0]}"
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        raise RefusedError(Refusal(code, message, (field.name,)))


def _number(field: FieldDef, raw: object) -> Decimal:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(raw, bool) or "_" in str(raw) or not number.is_finite():
        _unreadable(field, raw)
    digits = field.length if field.type == "int" else field.precision - field.scale
    # A number that is far too large has too many digits for `quantize`.
    if digits and abs(number) >= Decimal(10) ** (digits + 1):
        number = Decimal(10) ** (digits + 1)
    else:
        step = Decimal(1).scaleb(-field.scale)
        number = number.quantize(step, rounding=ROUND_HALF_UP)
    if digits and abs(number) >= Decimal(10) ** digits:
        message = f"{field.label}: value outside of valid range on numeric field: {raw}"
        raise RefusedError(Refusal("NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,)))
    return number


def _moment(field: FieldDef, raw: object) -> date | datetime:
    if isinstance(raw, datetime):
        return raw.astimezone(UTC).replace(tzinfo=None)
    if isinstance(raw, date):
        return raw
    shape = re.fullmatch(r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d.*)?", str(raw), re.ASCII)
    if shape is None:
        _unreadable(field, raw)
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        _unreadable(field, raw)
    if field.type == "datetime" and moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            _unreadable(field, raw)
    if moment.year not in _YEARS:
        message = f"{field.label}: invalid date: {raw}"
        raise RefusedError(Refusal("FIELD_INTEGRITY_EXCEPTION", message, (field.name,)))
    return moment.date() if field.type == "date" else moment


def _is_email(text: str) -> bool:
    name, _, host = text.partition("@")
    parts = host.split(".")
    return (
        bool(name)
        and "@" not in host
        and len(parts) > 1
        and all(parts)
        and not any(char.isspace() for char in text)
    )


def plain(value: object) -> object:
    """Return a value of a record for JSON."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return value.isoformat() if isinstance(value, date) else value
