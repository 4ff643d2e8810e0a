"""A CRM user's access to objects and fields, computed from permission sets or scopes. Pure.

Sources: `FieldPermissions`, `ObjectPermissions`, `PermissionSetAssignment`, `PermissionSetGroup` in
Salesforce's Object Reference; for Modify All Data, Salesforce Help 000321298.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import pydantic

from crmdeck.model.schema import Field, ObjectSchema, UserAccess
from crmdeck.model.wire import UtcTime, WireModel

OBJECT_LETTERS = "CREDV"
"""Create, read, edit, delete, and View All Fields; a field has R and E only."""
HIDDEN = "Hidden from crmdeck's user."
"""The description of a field that only the sync user sees."""
LETTER_WORDS = {"C": "Create", "R": "Read", "E": "Edit", "D": "Delete", "V": "View All Fields"}
# "Special Properties for Field Permissions": fields without rows that every user can read.
_READ_BY_ALL = frozenset(
    {"Id", "CreatedById", "CreatedDate", "IsDeleted", "LastModifiedById", "LastModifiedDate",
     "SystemModstamp"}
)  # fmt: skip
# Standard objects with object permissions of their own. The rights on others, such as tasks, follow
# from a parent or a system permission, so that a missing row doesn't mean anything.
_OWN_PERMISSIONS = frozenset(
    {"Account", "Asset", "Campaign", "Case", "Contact", "Contract", "Lead", "Opportunity", "Order",
     "Pricebook2", "Product2"}
)  # fmt: skip
# Tasks and events share their custom fields, and so the permissions on them.
_ACTIVITIES = ("Task", "Event")
Letters = Mapping[str, bool | None]


class PermissionSet(NamedTuple):
    """A permission set or a profile, or the muting set of a group.

    `objects` has letters by object, `fields` letters by object and field. `is_whole` is False for a
    file that may leave out permissions, so that an absent one is unknown.
    """

    name: str
    objects: Mapping[str, str]
    fields: Mapping[str, Mapping[str, str]]
    modifies_all: bool = False
    is_whole: bool = True


class Assignment(NamedTuple):
    """One permission set of a user, or a group with its members and mutes.

    `is_current` is False while the CRM recalculates the group.
    """

    members: tuple[PermissionSet, ...]
    mutes: tuple[PermissionSet, ...] = ()
    group: str = ""
    is_current: bool = True
    is_active: bool = True
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.group or self.members[0].name

    def applies(self, now: datetime) -> bool:
        return self.is_active and (self.expires_at is None or self.expires_at > now)

    def letters(self, object_type: str, field_name: str | None = None) -> dict[str, bool | None]:
        """Return each permission that the assignment grants, alone; None if that is unknown."""
        found: dict[str, bool | None] = {}
        for letter in "RE" if field_name else OBJECT_LETTERS:
            grants = [_grants(each, object_type, field_name, letter) for each in self.members]
            muted = any(letter in _given(each, object_type, field_name) for each in self.mutes)
            found[letter] = False if muted else _any(grants)
            # No page of the vendor says whether a mute takes away what Modify All Data gives.
            by_all = letter != "V" and field_name is None
            if muted and by_all and any(each.modifies_all for each in self.members):
                found[letter] = None
            if not self.is_current:
                found[letter] = None
        # Each permission needs Read, and Delete also needs Edit.
        for letter in found:
            found[letter] = _all((found[letter], found["R"]))
        if "D" in found:
            found["D"] = _all((found["D"], found["E"]))
        return found


class EffectiveAccess(WireModel):
    """What the sync user can do. Letters are capitals if granted and small if unknown.

    `fields` lists the objects whose field permissions were read; None if field rights follow from
    the objects. `why` is by object, or by object and field with a dot. `sets` names the profile,
    permission sets and groups. `unsure` names groups that
    the CRM is recalculating, `expiring` has the ends of assignments. `stamp` changes with every
    change of permissions in the CRM.
    """

    user: str
    user_id: str | None = None
    is_active: bool | None = None
    is_frozen: bool | None = None
    objects: dict[str, str] = pydantic.Field(default_factory=dict)
    fields: dict[str, dict[str, str]] | None = pydantic.Field(default_factory=dict)
    why: dict[str, str] = pydantic.Field(default_factory=dict)
    sets: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    expiring: dict[str, UtcTime] = pydantic.Field(default_factory=dict)
    modifies_all: bool = False
    stamp: str = ""

    @property
    def hash(self) -> str:
        """The SHA-256 (hex) of everything that verdicts can depend on."""
        return hashlib.sha256(self.model_dump_json(exclude={"stamp"}).encode()).hexdigest()

    def of_object(self, object_type: str) -> Letters:
        """Return each permission on an object; None is unknown."""
        letters = self.objects.get(object_type)
        custom = object_type.endswith("__c")
        if letters is None and self.fields is not None and not self.modifies_all:
            is_known = custom or object_type in _OWN_PERMISSIONS
            return dict.fromkeys(OBJECT_LETTERS, False if is_known and not self.unsure else None)
        if letters is None:
            letters = "CRED" if self.modifies_all else "credv"
        return _unpacked(letters, OBJECT_LETTERS)

    def of_field(self, object_type: str, name: str) -> Letters | None:
        """Return Read and Edit on a field with permissions of its own; None if it was not read."""
        if self.fields is None or object_type not in self.fields:
            return None
        above = self.of_object(object_type)
        others = _ACTIVITIES if object_type in _ACTIVITIES and name.endswith("__c") else ()
        rows = [
            _unpacked(self.fields[each][name], "RE")
            for each in dict.fromkeys((object_type, *others))
            if name in self.fields.get(each, {})
        ]
        absent = None if self.unsure else False
        read, edit = (_any(row[letter] for row in rows) if rows else absent for letter in "RE")
        read = _any((read, above["V"]))
        return {"R": _all((read, above["R"])), "E": _all((edit, above["R"]))}

    def settled(self, before: EffectiveAccess | None) -> EffectiveAccess:
        """Return the access, with currently unknown permissions from `before`."""
        if before is None or not self.unsure or before.user_id != self.user_id:
            return self
        was, absent = before.fields or {}, ("credv", "re") if before.unsure else ("", "")
        objects = {
            name: _kept(self.objects.get(name, "credv"), before.objects.get(name, absent[0]))
            for name in self.objects.keys() | before.objects.keys()
        }
        fields = {
            place: {
                name: _kept(mine.get(name, "re"), was[place].get(name, absent[1]))
                for name in mine.keys() | was[place].keys()
            }
            if place in was
            else mine
            for place, mine in (self.fields or {}).items()
        }
        why = {**self.why, **before.why}
        return self.model_copy(update={"objects": objects, "fields": fields, "why": why})


def compute_access(
    user: str, assignments: Iterable[Assignment], now: datetime, read: Iterable[str]
) -> EffectiveAccess:
    """Return the access that assignments add up to; `read` are the objects with fields."""
    every = tuple(assignments)
    active = [each for each in every if each.applies(now)]
    sets = [one for each in every for one in each.members]
    objects, fields, why = {}, {}, {}
    for name in sorted({name for one in sets for name in one.objects}):
        objects[name] = _packed(_added(active, name, None))
        why[name] = _reason(every, now, name, None)
    for object_type in sorted(read):
        names = {name for one in sets for name in one.fields.get(object_type, ())}
        fields[object_type] = {
            name: _packed(_added(active, object_type, name)) for name in sorted(names)
        }
        for name in names:
            why[f"{object_type}.{name}"] = _reason(every, now, object_type, name)
    return EffectiveAccess(
        user=user,
        objects=objects,
        fields=fields,
        why=why,
        sets=tuple(sorted({each.name for each in every} | {one.name for one in sets})),
        unsure=tuple(
            sorted(
                {each.name for each in active if not each.is_current}
                | {one.name for each in active for one in each.members if not one.is_whole}
            )
        ),
        expiring={each.name: each.expires_at for each in active if each.expires_at is not None},
        modifies_all=any(
            one.modifies_all for each in active for one in each.members if not each.mutes
        ),
    )


def as_seen_by(schema: ObjectSchema, access: EffectiveAccess | None) -> ObjectSchema:
    """Return the schema with the sync user's rights in place of the reader's.

    What wasn't read keeps the reader's rights. Fields that only the sync user sees come last.
    """
    if access is None:
        return schema
    mine = access.of_object(schema.object_type)
    if mine["R"] is None and schema.object_type not in access.objects:
        return schema
    named = access.why.get(schema.object_type) or "No permission set grants access."
    face = UserAccess(
        readable=mine["R"],
        createable=mine["C"],
        updateable=mine["E"],
        why=named,
        lacks="".join(letter for letter in "CRE" if mine[letter] is False),
    )
    hidden = (
        Field(name=name, label=name, description=HIDDEN, native={"permissionable": True})
        for name in fields_only_seen_by(schema, access)
    )
    update: dict[str, object] = {
        "createable": mine["C"],
        "updateable": mine["E"],
        "deletable": mine["D"],
        "queryable": mine["R"],
        "sync_user": face,
        "fields": tuple(
            _field_seen(schema, each, mine, access) for each in (*schema.fields, *hidden)
        ),
    }
    return schema.model_copy(update=update)


def fields_only_seen_by(schema: ObjectSchema, access: EffectiveAccess | None) -> tuple[str, ...]:
    """Return the fields that the sync user can read and the reader can't see."""
    known = {field.name for field in schema.fields}
    rows = (access.fields or {}).get(schema.object_type, {}) if access is not None else {}
    return tuple(name for name, letters in rows.items() if "R" in letters and name not in known)


def _field_seen(
    schema: ObjectSchema, field: Field, above: Letters, access: EffectiveAccess
) -> Field:
    key = f"{schema.object_type}.{field.name}"
    writes, reads, lacks = _nature(schema, field), above["R"], ""
    why = access.why.get(key) or ""
    letters = access.of_field(schema.object_type, field.name)
    if letters is not None and _has_permissions(field, key in access.why):
        reads, edits = letters["R"], letters["E"]
        if key not in access.why and (field.compound or field.name.endswith("__pc")):
            # No page of the vendor says whose row covers parts of an address, or a person's fields.
            reads = edits = None
            why = "crmdeck doesn't know which permission covers this part."
        elif not why:
            why = "No permission set grants Read." if not reads else "View All Fields grants Read."
        needed = "RE" if True in writes.values() else "R"
        lacks = "".join(
            letter
            for letter, granted in (("R", reads), ("E", edits))
            if granted is False and letter in needed
        )
        if edits is not True:
            writes = {letter: _all((edits, nature)) for letter, nature in writes.items()}
    elif letters is None and access.fields is not None and _has_permissions(field, False):
        reads = None
        writes = {letter: _all((None, nature)) for letter, nature in writes.items()}
        why = "The next refresh reads the permissions on fields of mapped objects."
    else:
        why = why or "The object's permissions cover this field."
    seen = UserAccess(
        readable=reads,
        createable=_all((writes["C"], above["C"])),
        updateable=_all((writes["E"], above["E"])),
        why=why,
        lacks=lacks,
    )
    update = {name: getattr(seen, name) for name in ("readable", "createable", "updateable")}
    return field.model_copy(update={**update, "sync_user": seen})


def _has_permissions(field: Field, has_row: bool) -> bool:
    """True if permission sets decide about a field."""
    stated = field.native.get("permissionable")
    if isinstance(stated, bool):
        return stated or has_row
    return has_row or not (field.required or field.name in _READ_BY_ALL or field.name == "OwnerId")


def _nature(schema: ObjectSchema, field: Field) -> Letters:
    """Return whether a user with all rights can set a field on creation and in an update.

    The reader's flags show it only if they are true, or if the reader has all rights.
    """
    if field.calculated or field.auto_number or field.formula or field.name in _READ_BY_ALL:
        return {"C": False, "E": False}
    if field.native.get("permissionable") is True and not (field.createable or field.updateable):
        # A permission set can grant Edit on fields that users can edit, and only on those.
        return {"C": True, "E": True}
    master = field.native.get("relationshipOrder") is not None
    always = field.name == "OwnerId" or field.required is True or (field.custom and master)
    found: dict[str, bool | None] = {}
    for letter, flag, reader in (
        ("C", field.createable, schema.createable),
        ("E", field.updateable, schema.updateable),
    ):
        found[letter] = True if flag or (always and not reader) else False if reader else None
    return found


def _added(assignments: Iterable[Assignment], object_type: str, name: str | None) -> Letters:
    found = [each.letters(object_type, name) for each in assignments]
    letters = "RE" if name else OBJECT_LETTERS
    return {letter: _any(each[letter] for each in found) for letter in letters}


def _reason(
    assignments: Iterable[Assignment], now: datetime, object_type: str, name: str | None
) -> str:
    """Return in a sentence which permission sets grant what, and what takes it away."""
    grants: dict[str, list[str]] = {}
    lost: list[str] = []
    for each in assignments:
        letters = each.letters(object_type, name)
        offers = any(_given(one, object_type, name) for one in each.members)
        words = [LETTER_WORDS[letter] for letter, granted in letters.items() if granted]
        if not each.applies(now):
            when = f" expired on {each.expires_at:%Y-%m-%d}" if each.expires_at else " is inactive"
            lost += [f"The assignment of {each.name}{when}."] if offers else []
        elif not each.is_current:
            lost.append(f"The CRM is recalculating the group {each.name}.")
        else:
            if words:
                grants.setdefault(", ".join(words), []).append(each.name)
            muted = "".join(
                sorted({letter for one in each.mutes for letter in _given(one, object_type, name)})
            )
            taken = [LETTER_WORDS[one] for one in OBJECT_LETTERS if one in muted]
            if taken and offers:
                lost.append(f"The group {each.name} mutes {' and '.join(taken)}.")
    parts = [f"{', '.join(sorted(set(by)))} grants {words}." for words, by in grants.items()]
    return " ".join([*parts, *dict.fromkeys(lost)])


def _given(one: PermissionSet, object_type: str, name: str | None) -> str:
    if name is None:
        return one.objects.get(object_type, "")
    return one.fields.get(object_type, {}).get(name, "")


def _grants(one: PermissionSet, object_type: str, name: str | None, letter: str) -> bool | None:
    if letter in _given(one, object_type, name):
        return True
    if name is None and one.modifies_all and letter != "V":
        return True
    is_listed = (
        object_type in one.objects if name is None else name in one.fields.get(object_type, {})
    )
    return False if one.is_whole or is_listed else None


def _any(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return True if True in found else None if None in found else False


def _all(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return False if False in found else None if None in found else True


def _packed(letters: Letters) -> str:
    return "".join(
        letter if granted else letter.lower()
        for letter, granted in letters.items()
        if granted is not False
    )


def _unpacked(letters: str, every: str) -> Letters:
    return {
        each: True if each in letters else None if each.lower() in letters else False
        for each in every
    }


def _kept(now: str, before: str) -> str:
    """Return the letters of now, and those of before for permissions that are unknown now."""
    known = "".join(letter for letter in now if letter.isupper())
    unknown = [letter.upper() for letter in now if letter.islower()]
    return known + "".join(
        letter for letter in before if letter.upper() in unknown and letter.upper() not in known
    )


def access_changes(
    before: EffectiveAccess, after: EffectiveAccess
) -> Iterator[tuple[str, str | None, str, str]]:
    """Yield each object or field whose known permissions differ: its names, letters before and
    after.
    """
    for name in sorted(before.objects.keys() | after.objects.keys()):
        old, new = before.objects.get(name, ""), after.objects.get(name, "")
        if _differ(old, new, OBJECT_LETTERS):
            yield name, None, old, new
    for name in sorted((before.fields or {}).keys() & (after.fields or {}).keys()):
        mine, other = (before.fields or {})[name], (after.fields or {})[name]
        for field in sorted(mine.keys() | other.keys()):
            if _differ(mine.get(field, ""), other.get(field, ""), "RE"):
                yield name, field, mine.get(field, ""), other.get(field, "")


def _differ(before: str, after: str, every: str) -> bool:
    old, new = _unpacked(before, every), _unpacked(after, every)
    return any(None not in (old[each], new[each]) and old[each] != new[each] for each in every)
