"""A sync user's access from files: Salesforce permission sets and profiles, or HubSpot scopes.

Sources: `PermissionSet`, `PermissionSetGroup`, `MutingPermissionSet` and `Profile` in the Metadata
API Developer Guide. A retrieved profile contains only what the same retrieve names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

from crmdeck.errors import UsageError
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.metadata_xml import child_text, children_named, parse_document
from crmdeck.model.access import Assignment, EffectiveAccess, PermissionSet, compute_access

_KINDS = re.compile(
    r"\.(permissionset|permissionsetgroup|mutingpermissionset|profile)(-meta\.xml)?$"
)
_LETTERS = {
    "allowCreate": "C",
    "allowRead": "R",
    "allowEdit": "E",
    "allowDelete": "D",
    "viewAllFields": "V",
}
_FIELD_LETTERS = {"readable": "R", "editable": "E"}
_SCOPE = re.compile(r"crm\.objects\.([a-z_]+)\.(read|write)")


def is_permission_file(name: str) -> bool:
    """True if a file of that name can contain a Salesforce user's permissions."""
    return _KINDS.search(name) is not None


def read_permissions(files: Sequence[SchemaFile], user: str, now: datetime) -> EffectiveAccess:
    """Return the access that all permission sets and groups in `files` add up to.

    A permission set in a group counts through the group only. Raises SourceError for a broken file,
    and UsageError for two profiles.
    """
    found: dict[str, dict[str, PermissionSet]] = {}
    groups: list[tuple[str, list[str], list[str], bool]] = []
    for file in files:
        match, root = _KINDS.search(file.base), parse_document(file)
        if match is None:
            continue
        if match[1] == "permissionsetgroup":
            members, muting = (
                [each.text or "" for each in children_named(root, tag)]
                for tag in ("permissionSets", "mutingPermissionSets")
            )
            status = child_text(root, "status")
            groups.append((file.stem, members, muting, status in (None, "Updated")))
            continue
        objects: dict[str, str] = {}
        fields: dict[str, dict[str, str]] = {}
        for each in children_named(root, "objectPermissions"):
            objects[child_text(each, "object") or ""] = _letters(each, _LETTERS)
        for each in children_named(root, "fieldPermissions"):
            object_type, _, name = (child_text(each, "field") or "").partition(".")
            fields.setdefault(object_type, {})[name] = _letters(each, _FIELD_LETTERS)
        modifies_all = any(
            child_text(each, "name") == "ModifyAllData" and child_text(each, "enabled") == "true"
            for each in children_named(root, "userPermissions")
        )
        one = PermissionSet(file.stem, objects, fields, modifies_all, match[1] != "profile")
        found.setdefault(match[1], {})[file.stem] = one
    profiles = list(found.get("profile", {}).values())
    if len(profiles) > 1:
        raise UsageError(
            f"{len(profiles)} profiles: {', '.join(sorted(each.name for each in profiles))}.",
            cause="A user has exactly one profile.",
            remedy="Use a folder with the sync user's own profile and permission sets.",
            code="SEVERAL_PROFILES",
        )
    sets, mutes = found.get("permissionset", {}), found.get("mutingpermissionset", {})
    grouped = {name for _, members, _, _ in groups for name in members}
    every = [*profiles, *(one for name, one in sets.items() if name not in grouped)]
    assignments = [Assignment((one,)) for one in every]
    for name, members, muting, is_current in groups:
        # A member without a file may grant anything.
        blank = PermissionSet(name, {}, {}, is_whole=False)
        assignments.append(
            Assignment(
                tuple(sets.get(each, blank) for each in members) or (blank,),
                tuple(mutes[each] for each in muting if each in mutes),
                name,
                is_current and all(each in mutes for each in muting),
            )
        )
    known = [one for each in assignments for one in each.members]
    objects_read = {name for one in known for name in (*one.objects, *one.fields)}
    return compute_access(user, assignments, now, objects_read)


def read_scopes(text: str, user: str) -> EffectiveAccess:
    """Return the access that a list of HubSpot scopes gives, in any separators.

    Raises UsageError without any scope of an object.
    """
    letters: dict[str, set[str]] = {}
    for name, verb in _SCOPE.findall(text):
        letters.setdefault(name, set()).update("R" if verb == "read" else "CE")
    if not letters:
        raise UsageError(
            "The file lists no scopes such as crm.objects.deals.write.",
            remedy="Copy the scopes from the settings of the sync's app, one per line.",
            code="NO_SCOPES",
        )
    names = {"contacts", "companies", "deals", *letters}
    return EffectiveAccess(
        user=user,
        objects={name: "".join(sorted(letters.get(name, ()))) for name in sorted(names)},
        fields=None,
        why={name: _scope_reason(name, letters.get(name, set())) for name in names},
    )


def _scope_reason(name: str, letters: set[str]) -> str:
    missing = [verb for verb, letter in (("read", "R"), ("write", "E")) if letter not in letters]
    if not missing:
        return f"The scopes crm.objects.{name}.read and write are granted."
    return " ".join(f"The scope crm.objects.{name}.{verb} is missing." for verb in missing)


def _letters(element: Element, names: Mapping[str, str]) -> str:
    return "".join(names[tag] for tag in names if child_text(element, tag) == "true")
