"""What the sandbox's rejections mean, for tests that write to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmdeck.model import CauseKind
from crmdeck.preflight.rejections import read_message
from crmdeck.workspace.checks.errors import find_fault

KINDS = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": CauseKind.OBJECT_ACCESS,
    "DUPLICATE_VALUE": CauseKind.UNIQUE,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": CauseKind.RULE,
    "FIELD_INTEGRITY_EXCEPTION": CauseKind.RANGE,
    "INVALID_EMAIL_ADDRESS": CauseKind.FORMAT,
    "INVALID_FIELD": CauseKind.FIELD_MISSING,
    "INVALID_FIELD_FOR_INSERT_UPDATE": CauseKind.READ_ONLY,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": CauseKind.CHOICE,
    "JSON_PARSER_ERROR": CauseKind.FORMAT,
    "MALFORMED_ID": CauseKind.BAD_REFERENCE,
    "NOT_FOUND": CauseKind.OBJECT_MISSING,
    "NUMBER_OUTSIDE_VALID_RANGE": CauseKind.RANGE,
    "REQUIRED_FIELD_MISSING": CauseKind.REQUIRED,
    "STRING_TOO_LONG": CauseKind.TOO_LONG,
    "CONFLICTING_UNIQUE_VALUE": CauseKind.UNIQUE,
    "FAILED_VALIDATION": CauseKind.RULE,
    "INVALID_DATE": CauseKind.FORMAT,
    "INVALID_DOUBLE": CauseKind.FORMAT,
    "INVALID_EMAIL": CauseKind.FORMAT,
    "INVALID_OPTION": CauseKind.CHOICE,
    "LEADING_TRAILING_WHITESPACE": CauseKind.FORMAT,
    "PIPELINE_RULE": CauseKind.RULE,
    "PROPERTY_DOESNT_EXIST": CauseKind.FIELD_MISSING,
    "PROPERTY_VALUE_TOO_LONG": CauseKind.TOO_LONG,
    "READ_ONLY_VALUE": CauseKind.READ_ONLY,
}


def require_read_back(vendor: str, error: Mapping[str, Any]) -> None:
    """Assert that an error of the sandbox is read with its kind, code and field."""
    code = error.get("statusCode") or error.get("errorCode") or error["code"]
    fields: list[str] = error.get("fields") or error.get("context", {}).get("propertyName") or []
    # As a log of a sync has it, and as the fields of a response.
    logged = f"{code}: {error['message']}: {fields}".replace("'", "")
    for text, given in ((logged, ""), (str(error["message"]), code)):
        (found,) = read_message(text, vendor=vendor, code=given, find_fault=find_fault)
        assert (found.kind, found.code) == (KINDS[code], code), text
    # A value can have brackets of its own; without one, the last name in brackets is the field's.
    if vendor == "salesforce" and len(fields) == 1:
        read = read_message(logged, vendor=vendor, find_fault=find_fault)[0]
        assert read.field == fields[0], logged
