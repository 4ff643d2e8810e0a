"""A sync user's access from exported permission sets, groups, mutes and profiles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crmdeck.errors import SourceError, UsageError
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.permission_files import read_permissions, read_scopes
from crmdeck.model import Field, ObjectSchema
from crmdeck.model.access import as_seen_by

NOW = datetime(2026, 11, 29, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def document(name: str, kind: str, body: str) -> SchemaFile:
    text = f"{HEAD}<{kind} {SPACE}>{body}</{kind}>"
    return SchemaFile(f"{name}.{kind.lower()}-meta.xml", text.encode())


def field(name: str, *, edits: bool) -> str:
    return (
        f"<fieldPermissions><editable>{str(edits).lower()}</editable><field>{name}</field>"
        "<readable>true</readable></fieldPermissions>"
    )


DEAL = (
    "<objectPermissions><allowCreate>true</allowCreate><allowDelete>false</allowDelete>"
    "<allowEdit>true</allowEdit><allowRead>true</allowRead><object>Deal__c</object>"
    "</objectPermissions>"
)


def test_read_permissions_add_sets_and_subtract_mutes() -> None:
    files = [
        document("Own", "PermissionSet", DEAL + field("Deal__c.Sum__c", edits=True)),
        document("Team_Set", "PermissionSet", field("Deal__c.Note__c", edits=True)),
        document("Quiet", "MutingPermissionSet", field("Deal__c.Note__c", edits=False)),
        document(
            "Team",
            "PermissionSetGroup",
            "<permissionSets>Team_Set</permissionSets>"
            "<mutingPermissionSets>Quiet</mutingPermissionSets>",
        ),
    ]
    access = read_permissions(files, "folder", NOW)
    assert access.objects == {"Deal__c": "CRE"}
    assert access.of_field("Deal__c", "Sum__c") == {"R": True, "E": True}
    assert access.of_field("Deal__c", "Note__c") == {"R": False, "E": False}
    assert access.of_field("Deal__c", "Other__c") == {"R": False, "E": False}
    # A profile's file has only what its retrieve named, so that the rest is unknown.
    profile = document("Sync", "Profile", field("Deal__c.Seen__c", edits=False))
    more = read_permissions([*files, profile], "folder", NOW)
    assert more.of_field("Deal__c", "Seen__c") == {"R": True, "E": False}
    assert more.of_field("Deal__c", "Other__c") == {"R": None, "E": None}
    with pytest.raises(UsageError, match="2 profiles"):
        read_permissions([profile, document("Other", "Profile", "")], "folder", NOW)
    with pytest.raises(SourceError, match="XML"):
        read_permissions([SchemaFile("x.profile", b"<a")], "folder", NOW)


def test_read_scopes_missing_write_makes_fields_read_only() -> None:
    access = read_scopes("crm.objects.deals.read\ncrm.objects.contacts.read write,", "scopes.txt")
    amount = Field(name="amount", createable=True, updateable=True)
    seen = as_seen_by(ObjectSchema(object_type="deals", fields=(amount,)), access)
    assert (seen.fields[0].readable, seen.fields[0].updateable) == (True, False)
    assert seen.sync_user is not None
    assert seen.sync_user.why == "The scope crm.objects.deals.write is missing."
    assert as_seen_by(ObjectSchema(object_type="tickets"), access).sync_user is None
    with pytest.raises(UsageError, match="no scopes"):
        read_scopes("deals: read and write", "scopes.txt")
