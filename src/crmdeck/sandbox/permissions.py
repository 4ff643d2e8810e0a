"""The permission tables of a Salesforce org, and its sync user with a few holes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crmdeck.sandbox.salesforce_describe import ALWAYS_SET, has_ability
from crmdeck.sandbox.sample_records import draw
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import PERMISSION_SETS, PROFILE

SYNC_USER = "partneros@acme.example"
MAIN = "PartnerOS_Sync"
_SYNC_PROFILE = "Minimum Access - API Only Integrations"
_Row = dict[str, object]


@dataclass
class GroupDef:
    """A permission set group; `mutes` has the letters that its muting set takes, by field."""

    members: tuple[str, ...]
    mutes: dict[str, str] = field(default_factory=dict)
    status: str = "Updated"


@dataclass
class AssignedDef:
    """A permission set or a group of a user."""

    user_id: str
    name: str
    is_active: bool = True
    expires_at: datetime | None = None


@dataclass
class SyncTraffic:
    """What the sync user creates, for tests to change: records a day, by object type.

    `empty_since` has the first day without values, by object and field with a dot, or without
    records, by object. `inactive` are the object types whose new records have an inactive
    owner. `published` are the change events that channels publish.
    """

    daily: dict[str, int] = field(default_factory=dict)
    empty_since: dict[str, datetime] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    published: list[str] = field(
        default_factory=lambda: ["AccountChangeEvent", "ContactChangeEvent", "Partner__ChangeEvent"]
    )


class PermissionTables:
    """The permissions of an org's users, and the records of its sync user, for tests to change.

    The sync user's main set grants every object and field, without the letters in `denied`.
    `sets` has the rows of the other sets: letters by object, or by object and field with a dot.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.reader = f"0055g{tenant.scenario.people['integration'].number:010d}AAA"
        self.sync = "0055g0000000777AAA"
        self.users: dict[str, _Row] = {
            self.sync: {
                "Name": "PartnerOS Sync",
                "Username": SYNC_USER,
                "Email": SYNC_USER,
                "IsActive": True,
            }
        }
        self.traffic = SyncTraffic()
        # None without the permission to see that.
        self.frozen: set[str] | None = set()
        self.modifies_all: set[str] = set()
        self.denied = {"Opportunity.Description": "RE", "Opportunity.NextStep": "E"}
        self.sets: dict[str, dict[str, str]] = {
            name: {} for name in (_SYNC_PROFILE, PROFILE, *PERMISSION_SETS)
        }
        self.groups: dict[str, GroupDef] = {}
        self.assigned = [
            AssignedDef(self.sync, _SYNC_PROFILE),
            AssignedDef(self.sync, MAIN),
            *(AssignedDef(self.reader, name) for name in (PROFILE, *PERMISSION_SETS)),
        ]
        self.changed_at = tenant.anchor - timedelta(days=120)

    def deny(self, path: str, letters: str) -> None:
        """Take letters of an object or a field out of the sync user's main set."""
        self.denied[path] = letters
        self.changed_at = self._tenant.now

    def rows(self, name: str) -> Iterator[_Row] | None:
        """Return the rows of a permission table; None for any other type."""
        match name.lower():
            case "permissionsetassignment":
                return map(self._assignment, self.assigned)
            case "userlogin" if (frozen := self.frozen) is not None:
                users = dict.fromkeys((self.reader, *self.users))
                return ({"UserId": key, "IsFrozen": key in frozen} for key in users)
            case "permissionsetgroupcomponent":
                return self._components()
            case "objectpermissions":
                return self._permissions(is_field=False)
            case "fieldpermissions":
                return self._permissions(is_field=True)
        return None

    def _assignment(self, one: AssignedDef) -> _Row:
        group = self.groups.get(one.name)
        is_profile = one.name in (PROFILE, _SYNC_PROFILE)
        return {
            "Id": f"0Pa5g{draw(one.user_id, one.name):010d}AAA",
            "AssigneeId": one.user_id,
            "Assignee": self.users.get(one.user_id, {"Username": "", "IsActive": True}),
            "PermissionSetId": set_id(one.name),
            "PermissionSetGroupId": group and _group_id(one.name),
            "PermissionSetGroup": group and {"DeveloperName": one.name, "Status": group.status},
            "IsActive": one.is_active,
            "ExpirationDate": one.expires_at,
            "PermissionSet": {
                "Name": one.name,
                "Profile": {"Name": one.name} if is_profile else None,
                "IsOwnedByProfile": is_profile,
                "PermissionsModifyAllData": not self.modifies_all.isdisjoint(
                    {one.name, *(group.members if group else ())}
                ),
            },
        }

    def _components(self) -> Iterator[_Row]:
        for name, group in self.groups.items():
            members = [(each, "PermissionSet") for each in group.members]
            members += [(f"Mute_{name}", "MutingPermissionSet")] if group.mutes else []
            for each, kind in members:
                yield {
                    "PermissionSetGroupId": _group_id(name),
                    "PermissionSetId": set_id(each),
                    "PermissionSet": {"Name": each, "Type": kind},
                }

    def _permissions(self, *, is_field: bool) -> Iterator[_Row]:
        every = {MAIN: self._full(), **self.sets}
        every |= {f"Mute_{name}": group.mutes for name, group in self.groups.items()}
        for name, rows in every.items():
            for path, letters in rows.items():
                object_type, _, field_name = path.partition(".")
                if bool(field_name) is not is_field or not letters:
                    continue
                row: _Row = {
                    "Id": f"{'01k' if is_field else '110'}5g{draw(name, path):010d}AAA",
                    "ParentId": set_id(name),
                    "SobjectType": object_type,
                    "SystemModstamp": self.changed_at if name == MAIN else self._tenant.anchor,
                    "PermissionsRead": "R" in letters,
                    "PermissionsEdit": "E" in letters,
                }
                if is_field:
                    row["Field"] = path
                else:
                    row["PermissionsCreate"] = "C" in letters
                    row["PermissionsDelete"] = "D" in letters
                    row["PermissionsViewAllFields"] = "V" in letters
                yield row

    def _full(self) -> dict[str, str]:
        """Return the rows of the main set."""
        found: dict[str, str] = {}
        for target in self._tenant.state.objects.values():
            if has_ability(target, "layoutable"):
                found[target.name] = "CRED"
                for each in target.fields.values():
                    # "Special Properties for Field Permissions": these have no rows.
                    if not each.required and each.name not in ALWAYS_SET:
                        can_edit = each.createable or each.updateable
                        found[f"{target.name}.{each.name}"] = "RE" if can_edit else "R"
        return {
            path: "".join(each for each in letters if each not in self.denied.get(path, ""))
            for path, letters in found.items()
        }


def set_id(name: str) -> str:
    return f"0PS5g{draw(name):010d}AAA"


def _group_id(name: str) -> str:
    return f"0PG5g{draw(name):010d}AAA"
