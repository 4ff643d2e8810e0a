"""Every reader of data from outside, as a function of bytes, with something valid to begin from.

A reader may return a model or raise CrmdeckError, and nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.files.catalog import build_entry
from crmdeck.connectors.files.connector import Validator as FileValidator
from crmdeck.connectors.http import Response, moment
from crmdeck.connectors.hubspot import client as hubspot_client
from crmdeck.connectors.partneros import answers, transport
from crmdeck.connectors.salesforce import client as salesforce_client
from crmdeck.connectors.salesforce.validator import Validator
from crmdeck.errors import CrmdeckError
from crmdeck.exports.csvtext import read_csv as read_export
from crmdeck.formats import hubspot_properties
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile, unpack
from crmdeck.formats.formula import fields_in
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.matching.knowledge_files import parse_knowledge
from crmdeck.model import AuditEntry, Decision, DriftEvent
from crmdeck.redaction import redact, vendor_code
from crmdeck.settings import SETTINGS_FILE, Settings
from crmdeck.store.backup import check_backup
from crmdeck.store.migrations import newest, shipped
from crmdeck.text import visible_text
from crmdeck.workspace.connections.retirements import load_retirements
from crmdeck.workspace.mappings.file import MappingFile
from crmdeck.workspace.policy import load_policy

PAIR = "deal_registration--Opportunity"


@dataclass(frozen=True)
class Target:
    """One reader: `read` takes bytes, `seeds` are valid ones; `is_json` where they are JSON."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    is_json: bool = False

    def try_out(self, data: bytes) -> bool:
        """Return whether `data` is taken; raises what is no CrmdeckError."""
        try:
            self.read(data)
        except CrmdeckError as error:
            refused = error
        else:
            return True
        assert refused.message.isprintable()
        assert refused.code
        return False


def _json(read: Callable[[Any], object]) -> Callable[[bytes], object]:
    """Read bytes as JSON first, as the clients do; what is none never comes so far."""

    def from_bytes(data: bytes) -> object:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return read(value)

    return from_bytes


def _file(name: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        file = SchemaFile(name, data)
        contents = read_contents(file, unpack(file))
        for entry in contents.entries:
            with contextlib.suppress(CrmdeckError):
                build_entry(entry, entry.object_type)
        return contents

    return read


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="crmdeck-fuzz-"))


def _at(place: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def from_file(data: bytes) -> object:
        path = _folder() / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        return read(path)

    return from_file


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _refused(explain: Callable[[Response], Any]) -> Callable[[Any], object]:
    def read(value: Any) -> object:
        headers = {"Retry-After": str(value)[:50], "Location": str(value)[:200]}
        return [str(explain(Response(status, value, headers)).error) for status in (302, 400, 429)]

    return read


def _partneros(value: Any) -> object:
    found: list[object] = [answers.gone(value), answers.failures(value), moment(value)]
    found += [answers.organization_ids(value), answers.by_object_type(value)]
    summary = answers.Summary("Opportunity", "Opportunity", False, "")
    readers: list[Callable[[], object]] = [
        lambda: answers.summaries(value),
        lambda: answers.object_schema(summary, value),
        lambda: answers.suggestions(value),
        *(
            lambda model=model: answers.records(model, value, "id")
            for model in (Decision, DriftEvent, AuditEntry)
        ),
    ]
    for read in readers:
        with contextlib.suppress(CrmdeckError):
            found.append(read())
    return found


def _properties(value: Any) -> object:
    records = value.get("results", []) if isinstance(value, dict) else []
    return hubspot_properties.parse_properties("deals", "Deals", records, records)


def _rules(value: Any) -> object:
    records = value.get("results", []) if isinstance(value, dict) else []
    return hubspot_properties.parse_rules("deals", records if isinstance(records, list) else [])


def _describe(value: Any) -> object:
    return parse_object(value) if isinstance(value, dict) else None


def _keymap(path: Path) -> object:
    from crmdeck.tui.keys.actions import check_keymap

    return check_keymap(Settings.load(path.parent).keys)


def _words(text: str) -> object:
    vendors = ("salesforce", "hubspot", "partneros")
    fault, *_ = [load_faults(vendor, "The CRM").find(text, text, 400) for vendor in vendors]
    fault.to_error(text, text)
    found = redact(text, foreign=True), vendor_code(text), visible_text(text)
    assert visible_text(text).isprintable() or not text.isprintable()
    return (
        found,
        fields_in(text, ("Amount", "Name")),
        Validator.decode(text),
        FileValidator.parse(text),
    )


def _workbook() -> bytes:
    import xlsxwriter

    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Deals")
        for number, row in enumerate(CSV.decode().splitlines()):
            sheet.write_row(number, 0, row.split(","))
    return packed.getvalue()


def _backup() -> bytes:
    packed = io.BytesIO()
    manifest = {
        "format": "crmdeck-backup",
        "formatVersion": 1,
        "schemaVersion": newest(shipped()),
        "createdAt": datetime(2026, 5, 1, tzinfo=UTC).isoformat(),
        "tables": {},
    }
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    return packed.getvalue()


def _dump(value: Mapping[str, Any] | list[Any]) -> bytes:
    return json.dumps(value).encode()


FIELD = {
    "name": "StageName",
    "label": "Stage",
    "type": "picklist",
    "length": 40,
    "precision": 18,
    "scale": 2,
    "nillable": False,
    "createable": True,
    "updateable": True,
    "custom": False,
    "calculatedFormula": "IF(Amount > 1, 'a', 'b')",
    "defaultValue": None,
    "referenceTo": ["Account"],
    "picklistValues": [
        {"value": "Open", "label": "Open", "active": True, "defaultValue": True, "validFor": "gAAA"}
    ],
}
DESCRIBE = {"name": "Opportunity", "label": "Opportunity", "custom": False, "fields": [FIELD]}
PROPERTY = {
    "name": "dealstage",
    "label": "Stage",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "dealinformation",
    "hubspotDefined": True,
    "hasUniqueValue": False,
    "archived": False,
    "modificationMetadata": {"readOnlyValue": False},
    "options": [{"value": "won", "label": "Won", "displayOrder": 1, "hidden": False}],
    "propertyName": "dealstage",
    "propertyValidationRules": [{"ruleType": "MIN_NUMBER", "ruleArguments": ["1"]}],
    "id": "default",
    "stages": [{"id": "won", "label": "Won", "displayOrder": 1, "archived": False}],
}
INTEGRATION = {
    "objects": [
        {"objectType": "Opportunity", "label": "x", "fieldCount": 1, "schemaHash": "a" * 64}
    ],
    "objectType": "Opportunity",
    "fields": [{"name": "Amount", "type": "currency", "picklist": [{"value": "a"}], "native": {}}],
    "suggestions": [
        {
            "partnerField": "a",
            "crmField": "b",
            "confidence": 0.5,
            "direction": "push",
            "reasons": [],
        }
    ],
    "failures": [{"objectType": "Opportunity", "message": "no", "code": "X"}],
    "organizations": [{"id": "acme"}],
}
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
<label>Deal</label><fields><fullName>Stage__c</fullName><label>Stage</label><type>Picklist</type>
<valueSet><restricted>true</restricted><valueSetDefinition><value><fullName>Open</fullName>
<default>false</default><label>Open</label></value></valueSetDefinition></valueSet></fields>
<validationRules><fullName>R</fullName><active>true</active>
<errorConditionFormula>ISBLANK(Stage__c)</errorConditionFormula></validationRules></CustomObject>"""
CSV = b"Object,Field API Name,Label,Type,Length,Required\nDeal,Name,Name,Text(80),80,yes\n"
EXPORTED = (
    b"objectType,name,label,type,nativeType,length,picklist,native,objectLabel,objectDetails\r\n"
    b'Deal,Name,"\'=A ""b""",string,,80,[],{},Deals,"{""plural"":""Deals""}"\r\n'
)
SETTINGS = b"""actor = "dana"
ttl_hours = 12.5
trusted_proxies = ["10.0.0.0/8"]
[keys]
"schema.map" = "m"
[[notify]]
name = "ops"
kind = "slack"
"""
POLICY = b"""[[rule]]
severity = "risky"
connection = "acme-*"
level = "ignore"
reason = "known"
until = 2026-12-31
"""
MAPPING = {
    "objectPair": PAIR,
    "version": 1,
    "connectionId": "00000000-0000-0000-0000-000000000001",
    "lines": [
        {"partnerField": "stage", "crmField": "StageName", "state": "accepted", "direction": "push"}
    ],
}
EVENT = {
    "id": "e1",
    "connectionId": "c",
    "objectType": "Opportunity",
    "fieldName": "Amount",
    "kind": "field_removed",
    "severity": "breaking",
    "changes": [{"attribute": "type", "before": "a", "after": "b"}],
    "detectedAt": "2026-05-16T12:00:00.000Z",
}
KNOWLEDGE = b"""[abbreviations]
opp = "opportunity"
[synonyms]
deal = ["opportunity", "sale"]
"""
RETIREMENT = b"""[[retirement]]
id = "x"
what = "y"
on = 2027-01-01
"""
REFUSAL = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]
REFUSED = {
    "status": "error",
    "category": "MISSING_SCOPES",
    "message": "no",
    "policyName": "TEN_SECONDLY",
    "errors": [{"context": {"requiredGranularScopes": ["a"]}}],
    "error": "invalid_grant",
    "error_description": "expired",
    "code": "UNAUTHENTICATED",
    "cause": "b",
}


TARGETS: dict[str, Target] = {
    "describe": Target(_json(_describe), (_dump(DESCRIBE),), is_json=True),
    "properties": Target(_json(_properties), (_dump({"results": [PROPERTY]}),), is_json=True),
    "rules": Target(_json(_rules), (_dump({"results": [PROPERTY]}),), is_json=True),
    "integrations": Target(_json(_partneros), (_dump(INTEGRATION), _dump([EVENT])), is_json=True),
    "salesforce_refusal": Target(
        _json(_refused(salesforce_client.explain)), (_dump(REFUSAL), _dump(REFUSED)), is_json=True
    ),
    "hubspot_refusal": Target(
        _json(_refused(hubspot_client.explain)), (_dump(REFUSED),), is_json=True
    ),
    "partneros_refusal": Target(
        _json(_refused(transport.explain)), (_dump(REFUSED),), is_json=True
    ),
    "json_file": Target(
        _file("Opportunity.json"),
        (_dump(DESCRIBE), _dump({"results": [PROPERTY]}), _dump([INTEGRATION])),
        is_json=True,
    ),
    "xml_file": Target(_file("Deal__c.object"), (XML,)),
    "csv_file": Target(_file("fields.csv"), (CSV, EXPORTED)),
    "workbook": Target(_file("fields.xlsx"), (_workbook(),)),
    "mapping_file": Target(
        _text(lambda text: MappingFile.parse(text, PAIR)), (_dump(MAPPING),), is_json=True
    ),
    "settings": Target(
        _at(f"settings/{SETTINGS_FILE}", lambda path: Settings.load(path.parent)), (SETTINGS,)
    ),
    "keymap": Target(_at(f"keys/{SETTINGS_FILE}", _keymap), (SETTINGS,)),
    "policy": Target(_at("policy.toml", load_policy), (POLICY,)),
    "knowledge": Target(_text(lambda text: parse_knowledge(text, "x.toml")), (KNOWLEDGE,)),
    "retirements": Target(
        _at("knowledge/retirements.toml", lambda path: load_retirements(path.parents[1])),
        (RETIREMENT,),
    ),
    "backup": Target(_at("x.crmdeck-backup", check_backup), (_backup(),)),
    "export": Target(_text(read_export), (CSV, EXPORTED)),
    "words": Target(
        _text(_words), (b"INVALID_SESSION_ID", b"Bearer abcdef1234567890", b"v|a|b|c|d")
    ),
}


def found(name: str) -> list[bytes]:
    """Return what once broke a target, from `tests/fuzz/found`."""
    folder = Path(__file__).parent / "found" / name
    return [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []
