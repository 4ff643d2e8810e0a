"""Salesforce changes: new fields and edits of retrieved ones, as an SFDX project.

Sources: `CustomField`, `PermissionSet` and `package.xml` in the Metadata API Developer Guide. The
order of elements is that of the metadata WSDL: `fullName` first, the others by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from crmdeck.formats.new_names import free_name, name_words, one_line
from crmdeck.formats.salesforce_edit import (
    LONGEST_TEXT,
    LONGEST_VALUE,
    MOST_DIGITS,
    SOURCE,
    by_hand,
    edit,
    field_path,
    member_of,
    picklist_value,
    unfit_value,
)
from crmdeck.model import (
    ChangeFiles,
    ChangeRequest,
    Field,
    FieldType,
    PicklistValue,
    ProposedChange,
    ProposedFile,
    ProposedKind,
)
from crmdeck.model.access import LETTER_WORDS

# Winter '25: every org supports it by now.
_USUAL_VERSION = "62.0"
# "Custom Field Attributes" and "Custom Field Types", Salesforce Help.
_LONGEST_NAME = 40
_LONGEST_LABEL = 40
_LONGEST_HELP = 510
_LONGEST_LONG_TEXT = 131_072
_USUAL_LONG_TEXT = 32_768
_SCALES = {FieldType.INTEGER: 0, FieldType.CURRENCY: 2, FieldType.PERCENT: 2}
_USUAL_SCALE = 4
_NATIVE = {
    FieldType.BOOLEAN: "Checkbox",
    FieldType.DATE: "Date",
    FieldType.DATETIME: "DateTime",
    FieldType.EMAIL: "Email",
    FieldType.HTML: "Html",
    FieldType.ID: "Text",
    FieldType.PHONE: "Phone",
    FieldType.PICKLIST: "Picklist",
    FieldType.MULTIPICKLIST: "MultiselectPicklist",
    FieldType.REFERENCE: "Text",
    FieldType.STRING: "Text",
    FieldType.TEXT: "LongTextArea",
    FieldType.TIME: "Time",
    FieldType.URL: "Url",
    FieldType.INTEGER: "Number",
    FieldType.DECIMAL: "Number",
    FieldType.CURRENCY: "Currency",
    FieldType.PERCENT: "Percent",
}
_STORED_AS = {
    FieldType.ID: FieldType.STRING,
    FieldType.REFERENCE: FieldType.STRING,
    FieldType.INTEGER: FieldType.DECIMAL,
}
_LINES = {"LongTextArea": 5, "Html": 10, "MultiselectPicklist": 4}
# Salesforce rejects the element `required` in fields of these types.
_WITHOUT_REQUIRED = frozenset({"Checkbox", "LongTextArea", "Html"})


def write_change(request: ChangeRequest) -> ChangeFiles:
    """Return the project that adds and edits fields, and what has to be done by hand."""
    target = request.schema.object_type
    version = request.api_version or _USUAL_VERSION
    taken = {field.name.lower() for field in request.schema.fields}
    changes: list[ProposedChange] = []
    files: list[ProposedFile] = []
    added: list[str] = []
    edited: dict[str, str] = {}
    for lack in request.lacks:
        if lack.target is not None:
            changes.append(edit(request, lack, lack.target, edited))
            continue
        change, file = _add(request, lack.source, taken)
        changes.append(change)
        if file is not None and change.crm_field is not None:
            files.append(file)
            added.append(f"{target}.{change.crm_field}")
    files += [ProposedFile(path=f"{SOURCE}/{path}", content=edited[path]) for path in edited]
    if not files and not request.access:
        return ChangeFiles(tuple(changes), (), (), ())
    granted = None
    if added or request.access:
        # Deploying a name that exists would overwrite that permission set.
        named = "\n".join([*sorted(added), *map(":".join, sorted(request.access.items()))])
        digest = hashlib.sha256(named.encode()).hexdigest()[:6]
        words = "_".join(name_words(target.removesuffix("__c")))[:40].strip("_")
        granted = f"PartnerOS_{words}_{digest}"
        path = f"{SOURCE}/permissionsets/{granted}.permissionset-meta.xml"
        files.append(ProposedFile(path=path, content=_permission_set(request, added)))
        for name, letters in request.access.items():
            words = " and ".join(LETTER_WORDS[letter] for letter in letters)
            place = f"{target}.{name}" if name else target
            changes.append(
                ProposedChange(
                    kind=ProposedKind.ACCESS,
                    partner_field="-",
                    crm_field=name or target,
                    summary=f"{words} on {place}",
                    file=path,
                    note=f"For the sync user, {request.sync_user}.",
                )
            )
    members = {"CustomField": added, "PermissionSet": [granted] if granted else []}
    for place in edited:
        kind, name = member_of(place)
        members[kind] = [*members.get(kind, ()), name]
    files.append(ProposedFile(path="manifest/package.xml", content=_package(members, version)))
    undo: tuple[str, ...] = ()
    if granted is not None:
        # "Deleting Components", Metadata API Developer Guide: deletions need a manifest, which may
        # be empty.
        removed = {"CustomField": added, "PermissionSet": [granted]}
        files += [
            ProposedFile(path="manifest/undo/package.xml", content=_package({}, version)),
            ProposedFile(
                path="manifest/undo/destructiveChanges.xml", content=_package(removed, version)
            ),
        ]
        undo = (
            "sf project deploy start --manifest manifest/undo/package.xml"
            " --post-destructive-changes manifest/undo/destructiveChanges.xml --target-org ORG",
        )
    project = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "sourceApiVersion": version,
    }
    files.append(
        ProposedFile(path="sfdx-project.json", content=json.dumps(project, indent=2) + "\n")
    )
    deploy = "sf project deploy start --manifest manifest/package.xml --target-org ORG"
    # The user name becomes part of a shell command.
    user = request.sync_user if re.fullmatch(r"[\w.+@-]+", request.sync_user or "") else "USER"
    grant = f"sf org assign permset --name {granted} --on-behalf-of {user} --target-org ORG"
    return ChangeFiles(
        tuple(changes),
        tuple(files),
        (f"{deploy} --dry-run", deploy),
        undo,
        (grant,) if granted else (),
    )


# -- new fields ---------------------------------------------------------------------------------


def wanted_field(source: Field, taken: set[str]) -> Field | str:
    """Return the custom field for a PartnerOS field, or why there can't be one.

    The name is added to `taken`, which has names in lower case.
    """
    native = _NATIVE.get(source.type)
    if native is None:
        return f"Salesforce has no custom field for values of type {source.type}."
    choices: tuple[PicklistValue, ...] = ()
    if source.type in (FieldType.PICKLIST, FieldType.MULTIPICKLIST):
        problem, choices = _choices(source)
        if problem is not None:
            return problem
    length = None
    if native == "Text":
        length = min(source.length or LONGEST_TEXT, _LONGEST_LONG_TEXT)
        native = "Text" if length <= LONGEST_TEXT else "LongTextArea"
    elif native in ("LongTextArea", "Html"):
        length = min(source.length or _USUAL_LONG_TEXT, _LONGEST_LONG_TEXT)
        if native == "LongTextArea" and length <= LONGEST_TEXT:
            native, length = "TextArea", None
        else:
            length = max(length, LONGEST_TEXT + 1)
    precision = scale = None
    if native in ("Number", "Currency", "Percent"):
        precision = min(source.precision or MOST_DIGITS, MOST_DIGITS)
        usual = _SCALES.get(source.type, _USUAL_SCALE)
        scale = min(usual if source.scale is None else source.scale, precision - 1)
    words = name_words(source.label, source.name) or ["PartnerOS", "field"]
    stem = "_".join(word[:1].upper() + word[1:] for word in words)
    in_use = {name.removesuffix("__c") for name in taken}
    stem = stem if stem[0].isalpha() else f"P_{stem}"
    name = f"{free_name(stem, in_use, _LONGEST_NAME)}__c"
    taken.add(name.lower())
    # Records can be matched by the ID of the other system.
    identity = source.type is FieldType.ID and native == "Text"
    kind = FieldType.TEXT if native == "LongTextArea" else _STORED_AS.get(source.type, source.type)
    return Field(
        name=name,
        label=one_line(source.label, _LONGEST_LABEL) or one_line(source.name, _LONGEST_LABEL),
        type=kind,
        native_type=native,
        description=one_line(source.description or "", _LONGEST_HELP) or None,
        required=None if native in ("LongTextArea", "Html") else False,
        unique=True if identity else None,
        external_id=True if identity else None,
        custom=True,
        length=length,
        precision=precision,
        scale=scale,
        picklist=choices,
        restricted=source.restricted is not False if choices else None,
        default="false" if native == "Checkbox" else None,
    )


def _choices(source: Field) -> tuple[str | None, tuple[PicklistValue, ...]]:
    # Salesforce compares values without case. Of equal ones the first is kept.
    values = {each.value.casefold(): each for each in reversed(source.picklist) if each.active}
    if not values:
        return "PartnerOS doesn't list the values. Create the picklist by hand.", ()
    kept = tuple(
        PicklistValue(value=each.value, label=one_line(each.label, LONGEST_VALUE) or each.value)
        for each in reversed(values.values())
    )
    for each in kept:
        problem = unfit_value(each.value, source.type)
        if problem is not None:
            return problem, ()
    return None, kept


def _add(
    request: ChangeRequest, source: Field, taken: set[str]
) -> tuple[ProposedChange, ProposedFile | None]:
    wanted = wanted_field(source, taken)
    if isinstance(wanted, str):
        return by_hand(ProposedKind.NEW_FIELD, source, None, f"a field for {source.type}", wanted)
    note = None
    if source.type is FieldType.REFERENCE:
        note = "The field stores the PartnerOS ID as text."
    elif (source.length or 0) > _LONGEST_LONG_TEXT:
        note = f"Salesforce stores at most {_LONGEST_LONG_TEXT:,} characters."
    path = f"{SOURCE}/{field_path(request.schema.object_type, wanted.name)}"
    origin = f"{request.origin}.{source.name}"
    change = ProposedChange(
        kind=ProposedKind.NEW_FIELD,
        partner_field=source.name,
        crm_field=wanted.name,
        summary=_type_text(wanted),
        file=path,
        note=note,
    )
    return change, ProposedFile(path=path, content=field_xml(wanted, origin))


def field_xml(wanted: Field, origin: str) -> str:
    """Return the file of a custom field; `origin` is the PartnerOS field it is for."""
    native = wanted.native_type
    texts: dict[str, object] = {
        "defaultValue": wanted.default,
        "description": one_line(f"For PartnerOS {origin}", 1000),
        "inlineHelpText": wanted.description,
        "label": wanted.label,
        "length": wanted.length,
        "precision": wanted.precision,
        "scale": wanted.scale,
        "type": native,
        "visibleLines": _LINES.get(native),
    }
    if wanted.unique:
        texts |= {"caseSensitive": "false", "unique": "true"}
    if wanted.external_id:
        texts["externalId"] = "true"
    if native not in _WITHOUT_REQUIRED:
        texts["required"] = "false"
    parts = {name: _element(name, value) for name, value in texts.items() if value is not None}
    if wanted.picklist:
        restricted = "true" if wanted.restricted else "false"
        values = "".join(picklist_value(each, "            ") for each in wanted.picklist)
        parts["valueSet"] = (
            f"    <valueSet>\n        <restricted>{restricted}</restricted>\n"
            "        <valueSetDefinition>\n            <sorted>false</sorted>\n"
            f"{values}        </valueSetDefinition>\n    </valueSet>\n"
        )
    # The WSDL defines the order of the elements, which is alphabetical after the name.
    ordered = "".join(parts[name] for name in sorted(parts))
    return _document("CustomField", _element("fullName", wanted.name) + ordered)


def _type_text(wanted: Field) -> str:
    if wanted.length is not None:
        return f"{wanted.native_type}({wanted.length:,})"
    if wanted.precision is not None:
        return f"{wanted.native_type}({wanted.precision - (wanted.scale or 0)}, {wanted.scale})"
    if wanted.picklist:
        return f"{wanted.native_type} with {len(wanted.picklist)} values"
    return wanted.native_type


# -- permission set and manifests ---------------------------------------------------------------


def _permission_set(request: ChangeRequest, added: Iterable[str]) -> str:
    label = one_line(request.schema.label or request.schema.object_type, 50)
    description = one_line(f"Fields of {label} for PartnerOS {request.origin}", 255)
    target = request.schema.object_type
    editable = dict.fromkeys(added, True)
    editable |= {f"{target}.{name}": "E" in each for name, each in request.access.items() if name}
    permissions = "".join(
        f"    <fieldPermissions>\n        <editable>{str(edits).lower()}</editable>\n"
        f"        <field>{escape(name)}</field>\n"
        "        <readable>true</readable>\n    </fieldPermissions>\n"
        for name, edits in sorted(editable.items())
    )
    body = _element("description", description) + permissions
    body += _element("hasActivationRequired", "false") + _element("label", f"PartnerOS: {label}")
    if letters := request.access.get("", ""):
        flags = {
            "allowCreate": "C" in letters,
            "allowDelete": False,
            "allowEdit": "E" in letters,
            # Create and Edit need Read.
            "allowRead": True,
            "modifyAllRecords": False,
            "object": target,
            "viewAllRecords": False,
        }
        rows = "".join(f"    {_element(tag, str(each).lower() if isinstance(each, bool) else each)}"
                       for tag, each in flags.items())  # fmt: skip
        body += f"    <objectPermissions>\n{rows}    </objectPermissions>\n"
    return _document("PermissionSet", body)


def _package(members: dict[str, list[str]], version: str) -> str:
    types = "".join(
        "    <types>\n"
        + "".join(f"        <members>{escape(each)}</members>\n" for each in sorted(names))
        + f"        <name>{kind}</name>\n    </types>\n"
        for kind, names in members.items()
        if names
    )
    return _document("Package", types + _element("version", version))


def _document(root: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{root} xmlns="http://soap.sforce.com/2006/04/metadata">\n{body}</{root}>\n'
    )


def _element(name: str, value: object) -> str:
    return f"    <{name}>{escape(str(value))}</{name}>\n"
