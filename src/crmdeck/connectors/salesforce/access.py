"""The sync user's permissions: two calls at first, one if nothing changed since.

A composite call takes five queries. Rows without access don't exist, so a lost permission changes
the number of rows, and a changed one their latest stamp.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from crmdeck.connectors.base import FoundUser
from crmdeck.connectors.http import moment
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.rules import Asker, follow, query_rows
from crmdeck.errors import SourceError
from crmdeck.model import CancelToken
from crmdeck.model.access import Assignment, EffectiveAccess, PermissionSet, compute_access
from crmdeck.model.hashes import lines_hash

_ASSIGNED = (
    "SELECT PermissionSetId, PermissionSetGroupId, PermissionSetGroup.DeveloperName, "
    "Assignee.Username, Assignee.IsActive, "
    "PermissionSetGroup.Status, IsActive, ExpirationDate, PermissionSet.Name, "
    "PermissionSet.Profile.Name, PermissionSet.PermissionsModifyAllData "
    "FROM PermissionSetAssignment WHERE AssigneeId = '{user}'"
)
_COMPONENTS = (
    "SELECT PermissionSetGroupId, PermissionSetId, PermissionSet.Name, PermissionSet.Type "
    "FROM PermissionSetGroupComponent "
    "WHERE PermissionSetGroupId IN (SELECT PermissionSetGroupId FROM PermissionSetAssignment "
    "WHERE AssigneeId = '{user}')"
)
_LOGIN = "SELECT IsFrozen FROM UserLogin WHERE UserId = '{user}'"
_COUNT = "SELECT COUNT(Id) n, MAX(SystemModstamp) m FROM {table} WHERE ParentId IN ({sets})"
_OBJECTS = (
    "SELECT ParentId, SobjectType, PermissionsCreate, PermissionsRead, PermissionsEdit, "
    "PermissionsDelete, PermissionsViewAllFields FROM ObjectPermissions WHERE ParentId IN ({sets})"
)
_FIELDS = (
    "SELECT ParentId, Field, SobjectType, PermissionsRead, PermissionsEdit FROM FieldPermissions "
    "WHERE ParentId IN ({sets}) AND SobjectType IN ({objects})"
)
_PEOPLE = "SELECT Id, Name, Username, IsActive FROM User"
_MOST_PEOPLE = 200
_ID = re.compile(r"005\w{12}(?:\w{3})?")
_NAME = re.compile(r"\w{1,100}")
_LETTERS = {
    "PermissionsCreate": "C",
    "PermissionsRead": "R",
    "PermissionsEdit": "E",
    "PermissionsDelete": "D",
    "PermissionsViewAllFields": "V",
}


def find_users(client: SalesforceClient, name: str, cancel: CancelToken) -> tuple[FoundUser, ...]:
    """Return the users with that ID or name; if there is none, active users to choose from."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    where = f"Username = '{quoted}' OR Name = '{quoted}' OR Email = '{quoted}'"
    if _ID.fullmatch(name):
        where = f"Id = '{name}'"
    asker = Asker(client, cancel)
    found = asker.rows("query", f"{_PEOPLE} WHERE {where} LIMIT 20")
    is_match = bool(found)
    if not is_match:
        found = asker.rows("query", f"{_PEOPLE} WHERE IsActive = true LIMIT {_MOST_PEOPLE}")
    return tuple(
        FoundUser(
            str(each.get("Id")),
            str(each.get("Username")),
            str(each.get("Name")),
            each.get("IsActive") is True,
            is_match,
        )
        for each in found
    )


def read_access(
    client: SalesforceClient,
    user_id: str,
    mapped: Collection[str],
    known: EffectiveAccess | None,
    cancel: CancelToken,
    now: datetime,
) -> EffectiveAccess:
    """Return the access of a user, `known` if nothing changed.

    Raises SourceError if the permissions can't be read.
    """
    asker, login = Asker(client, cancel), list[Mapping[str, object]]()
    # The names become part of a query.
    objects = sorted(name for name in mapped if _NAME.fullmatch(name))
    counted = known.stamp.partition(" ")[2] if known and known.user_id == user_id else ""
    queries = {
        "assigned": _ASSIGNED.format(user=user_id),
        "components": _COMPONENTS.format(user=user_id),
        "login": _LOGIN.format(user=user_id),
        **_counts(counted.split(",")),
    }
    found = dict(asker.query(queries))
    rows = partial(asker.all_rows, "query")
    assigned = sorted(rows(found.get("assigned"), "PermissionSetId"), key=repr)
    if not assigned:
        raise SourceError(
            "crmdeck can't read the permissions of the sync user.",
            cause="Each user has a profile, but Salesforce lists no assignments.",
            remedy="Give crmdeck's own user View Setup and Configuration, Assign Permission Sets "
            "and View All Users.",
            code="ACCESS_UNREAD",
        )
    # Only users with Manage Users can read it.
    with suppress(SourceError):
        login = query_rows(found.get("login"))
    components = sorted(rows(found.get("components"), "PermissionSetId"), key=repr)
    sets = sorted(_sets_of(assigned, components))
    about = [login, assigned, components, objects]
    stamp = _stamp(about, found) if sets == counted.split(",") else ""
    is_same = known is not None and stamp and known.stamp.partition(" ")[0] == stamp
    if known is not None and is_same and all(end > now for end in known.expiring.values()):
        return known
    found |= asker.query(
        {
            "objects": _OBJECTS.format(sets=_quoted(sets)),
            **(
                {"fields": _FIELDS.format(sets=_quoted(sets), objects=_quoted(objects))}
                if objects
                else {}
            ),
            **_counts(sets),
        }
    )
    stamp = _stamp(about, found)
    granted = _permission_sets(
        [*assigned, *components],
        rows(found.get("objects"), "ParentId", "SobjectType"),
        rows(found.get("fields"), "ParentId", "Field") if objects else (),
    )
    access = compute_access(
        str(follow(assigned[0], "Assignee.Username")),
        _assignments(assigned, components, granted),
        now,
        objects,
    )
    is_active, is_frozen = (
        value if isinstance(value, bool) else None
        for value in (
            follow(assigned[0], "Assignee.IsActive"),
            login[0].get("IsFrozen") if login else None,
        )
    )
    update = {
        "user_id": user_id,
        "is_active": is_active,
        "is_frozen": is_frozen,
        "stamp": f"{stamp} {','.join(sets)}",
    }
    return access.model_copy(update=update)


def _counts(sets: Collection[str]) -> dict[str, str]:
    if not any(sets):
        return {}
    return {
        table: _COUNT.format(table=table, sets=_quoted(sets))
        for table in ("ObjectPermissions", "FieldPermissions")
    }


def _stamp(about: object, found: Mapping[str, object]) -> str:
    """Return a hash that differs after any change of the user's permissions."""
    counts = [query_rows(found.get(table)) for table in ("ObjectPermissions", "FieldPermissions")]
    return lines_hash([repr(about), repr(counts)])


def _sets_of(
    assigned: Iterable[Mapping[str, object]], components: Iterable[Mapping[str, object]]
) -> set[str]:
    # The set of a group's own assignment adds up the members, without a documented time.
    found = {str(each.get("PermissionSetId")) for each in components}
    for each in assigned:
        if not each.get("PermissionSetGroupId"):
            found.add(str(each.get("PermissionSetId")))
    return found


def _permission_sets(
    named: Iterable[Mapping[str, object]],
    objects: Iterable[Mapping[str, object]],
    fields: Iterable[Mapping[str, object]],
) -> dict[str, PermissionSet]:
    """Return the permission sets by ID."""
    found: dict[str, PermissionSet] = {}
    for row in named:
        profile = follow(row, "PermissionSet.Profile.Name")
        name = profile or follow(row, "PermissionSet.Name")
        modifies = follow(row, "PermissionSet.PermissionsModifyAllData") is True
        found[str(row.get("PermissionSetId"))] = PermissionSet(str(name), {}, {}, modifies)
    for row in objects:
        if (one := found.get(str(row.get("ParentId")))) is not None:
            one.objects[str(row.get("SobjectType"))] = _letters(row)  # type: ignore[index]
    for row in fields:
        object_type, _, name = str(row.get("Field")).partition(".")
        if (one := found.get(str(row.get("ParentId")))) is not None:
            one.fields.setdefault(object_type, {})[name] = _letters(row)  # type: ignore[attr-defined]
    return found


def _letters(row: Mapping[str, object]) -> str:
    return "".join(letter for name, letter in _LETTERS.items() if row.get(name) is True)


def _assignments(
    assigned: Iterable[Mapping[str, object]],
    components: Collection[Mapping[str, object]],
    sets: Mapping[str, PermissionSet],
) -> Iterable[Assignment]:
    for row in assigned:
        group = row.get("PermissionSetGroupId")
        members = [sets[str(row.get("PermissionSetId"))]]
        mutes: list[PermissionSet] = []
        if group:
            mine = [each for each in components if each.get("PermissionSetGroupId") == group]
            parts: dict[bool, list[PermissionSet]] = {True: [], False: []}
            for each in mine:
                is_muting = "Muting" in str(follow(each, "PermissionSet.Type"))
                parts[is_muting].append(sets[str(each.get("PermissionSetId"))])
            # The group's own set has the system permissions of its members.
            members, mutes = [*members, *parts[False]], parts[True]
        name = str(follow(row, "PermissionSetGroup.DeveloperName")) if group else ""
        status = follow(row, "PermissionSetGroup.Status")
        yield Assignment(
            tuple(members),
            tuple(mutes),
            name,
            is_current=not group or status == "Updated",
            is_active=row.get("IsActive") is not False,
            expires_at=moment(row.get("ExpirationDate")),
        )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
