"""Salesforce edits: changes of the files of a retrieved SFDX project.

A describe lacks much of a field, so an existing one is only changed in its own file. Sources:
`CustomField`, `GlobalValueSet`, `StandardValueSet` ("Names and Standard Picklist Fields") and
`RecordType` in the Metadata API Developer Guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from crmdeck.formats.new_names import one_line
from crmdeck.model import (
    ChangeRequest,
    Field,
    FieldType,
    Lack,
    PicklistValue,
    ProposedChange,
    ProposedKind,
)

SOURCE = "force-app/main/default"
LONGEST_TEXT = 255
LONGEST_VALUE = 255
MOST_DIGITS = 18
# The value sets of standard picklists whose values need nothing but a name.
_STANDARD_SETS = {
    "Account.AccountSource": "LeadSource",
    "Account.Industry": "Industry",
    "Account.Ownership": "AccountOwnership",
    "Account.Rating": "AccountRating",
    "Account.Type": "AccountType",
    "Case.Origin": "CaseOrigin",
    "Case.Reason": "CaseReason",
    "Case.Type": "CaseType",
    "Contact.LeadSource": "LeadSource",
    "Contact.Salutation": "Salutation",
    "Lead.Industry": "Industry",
    "Lead.LeadSource": "LeadSource",
    "Lead.Rating": "AccountRating",
    "Lead.Salutation": "Salutation",
    "Opportunity.LeadSource": "LeadSource",
    "Opportunity.Type": "OpportunityType",
}
_KINDS = {
    "fields": "CustomField",
    "globalValueSets": "GlobalValueSet",
    "recordTypes": "RecordType",
    "standardValueSets": "StandardValueSet",
}


def edit(
    request: ChangeRequest, lack: Lack, target: Field, edited: MutableMapping[str, str]
) -> ProposedChange:
    """Return the change of an existing field; the files it changes are added to `edited` by path.

    What no file can change, or no file that was retrieved, is a note.
    """
    kind, summary = _described(lack, target)
    texts = {**request.project, **edited}
    path = _place(request.schema.object_type, target, lack, texts)
    note = _uneditable(lack, target)
    changed: str | None = None
    if path is None:
        note = note or "A standard picklist: add the values in Setup."
    elif note is None and path not in texts:
        what = ":".join(member_of(path))
        note = f"Retrieve {what}, then run again with --project FOLDER."
    elif note is None:
        changed, note = _changed(path, texts[path], lack)
    if path is None or changed is None:
        return by_hand(kind, lack.source, target, summary, note or "")[0]
    edited[path] = changed
    caution = "Check that formulas and other systems accept the larger values."
    if lack.values:
        caution = _in_record_types(request, target, lack.values, edited)
    return ProposedChange(
        kind=kind,
        partner_field=lack.source.name,
        crm_field=target.name,
        summary=summary,
        file=f"{SOURCE}/{path}",
        note=caution or None,
    )


def _described(lack: Lack, target: Field) -> tuple[ProposedKind, str]:
    if lack.values:
        values = ", ".join(each.value for each in lack.values)
        return ProposedKind.NEW_VALUES, f"new values: {values}"
    if lack.precision is not None:
        before = f"{(target.precision or 0) - (target.scale or 0)}.{target.scale or 0}"
        after = f"{lack.precision - (lack.scale or 0)}.{lack.scale or 0}"
        return ProposedKind.WIDER_NUMBER, f"digits {before} → {after}"
    return ProposedKind.LONGER_TEXT, f"length {target.length:,} → {lack.length:,}"


def _uneditable(lack: Lack, target: Field) -> str | None:
    if not target.name.endswith("__c") and not lack.values:
        what = "length is" if lack.precision is None else "digits are"
        return f"A standard field: its {what} fixed. Map a custom field instead."
    if (lack.length or 0) > LONGEST_TEXT:
        return f"A text field has at most {LONGEST_TEXT} characters. Propose a new field instead."
    if (lack.precision or 0) > MOST_DIGITS:
        return f"A number has at most {MOST_DIGITS} digits."
    problems = (unfit_value(each.value, target.type) for each in lack.values)
    return next((each for each in problems if each is not None), None)


def _place(object_type: str, target: Field, lack: Lack, texts: Mapping[str, str]) -> str | None:
    """Return the file that states what a field lacks; None if no file does."""
    path = field_path(object_type, target.name)
    if not lack.values:
        return path
    if not target.name.endswith("__c"):
        name = _STANDARD_SETS.get(f"{object_type}.{target.name}")
        return name and f"standardValueSets/{name}.standardValueSet-meta.xml"
    named = re.search(r"<valueSetName>\s*([\w ]+?)\s*</valueSetName>", texts.get(path, ""))
    return path if named is None else f"globalValueSets/{named[1]}.globalValueSet-meta.xml"


def _changed(path: str, text: str, lack: Lack) -> tuple[str | None, str | None]:
    """Return the new text of a file, or why it has none."""
    if lack.values:
        changed = _with_values(path, text, lack.values)
        if changed is None and any(_is_inactive(text, each.value) for each in lack.values):
            return None, "A value exists, but is inactive. Activate it in Setup."
    elif lack.precision is not None:
        changed = _with_number(text, "precision", lack.precision)
        changed = changed and _with_number(changed, "scale", lack.scale or 0)
    else:
        changed = _with_number(text, "length", lack.length or 0)
    note = "The retrieved file doesn't have the expected elements. Change the field in Setup."
    return changed, None if changed else note


def _with_number(text: str, tag: str, number: int) -> str | None:
    edited, found = re.subn(rf"(<{tag}>)\s*\d+\s*(</{tag}>)", rf"\g<1>{number}\g<2>", text)
    # Several elements would be those of other fields: the file isn't that of one field.
    return edited if found == 1 else None


def _with_values(path: str, text: str, values: Sequence[PicklistValue]) -> str | None:
    if any(_is_inactive(text, each.value) for each in values):
        return None
    new = [each for each in values if f"<fullName>{escape(each.value)}</fullName>" not in text]
    kind = member_of(path)[0]
    if kind == "CustomField":
        ends = list(re.finditer(r"^([ \t]*)</valueSetDefinition>", text, re.MULTILINE))
        if len(ends) != 1:
            return None
        at, indent, tag = ends[0].start(), f"{ends[0][1]}    ", "value"
    else:
        tag = "customValue" if kind == "GlobalValueSet" else "standardValue"
        ends = list(re.finditer(rf"^([ \t]*)</{tag}>[ \t]*\n", text, re.MULTILINE))
        if not ends:
            return None
        at, indent = ends[-1].end(), ends[-1][1]
    return text[:at] + "".join(picklist_value(each, indent, tag) for each in new) + text[at:]


def _is_inactive(text: str, value: str) -> bool:
    name = re.escape(f"<fullName>{escape(value)}</fullName>")
    rest = r"(?:(?!</?(?:value|customValue|standardValue)>).)*?"
    return re.search(rf"{name}{rest}<isActive>\s*false", text, re.DOTALL) is not None


def _in_record_types(
    request: ChangeRequest,
    target: Field,
    values: Sequence[PicklistValue],
    edited: MutableMapping[str, str],
) -> str:
    """Add new values to the record types that list the picklist; return what is left to do."""
    left = "Add the values to each record type that needs them."
    if not request.schema.record_types:
        left = ""
    block = re.compile(
        rf"(<picklistValues>\s*<picklist>{re.escape(target.name)}</picklist>.*?)"
        r"(^[ \t]*</picklistValues>)",
        re.DOTALL | re.MULTILINE,
    )
    for path in request.project:
        if "/recordTypes/" not in path:
            continue
        text = edited.get(path, request.project[path])
        match = block.search(text)
        if match is None:
            continue
        # Record types encode values as in a URL, `Proposal%2FPrice Quote`. Salesforce also encodes
        # the dot, which `quote` never does.
        names = [quote(each.value, safe=" ").replace(".", "%2E") for each in values]
        new = "".join(
            f"        <values>\n            <fullName>{name}</fullName>\n"
            "            <default>false</default>\n        </values>\n"
            for name in names
            if f"<fullName>{name}</fullName>" not in match[1]
        )
        edited[path] = text[: match.end(1)] + new + text[match.start(2) :]
        left = "Check which record types should have the values."
    if target.controller:
        left = f"{left} Choose which values of {target.controller} allow them.".strip()
    return left


def unfit_value(value: str, kind: FieldType) -> str | None:
    """Return why a picklist can't have a value; None if it can."""
    if value != one_line(value, LONGEST_VALUE) or not value:
        return "A value has line breaks or more than 255 characters."
    if kind is FieldType.MULTIPICKLIST and ";" in value:
        return "A value contains a semicolon, which separates values."
    return None


def by_hand(
    kind: ProposedKind, source: Field, target: Field | None, summary: str, note: str
) -> tuple[ProposedChange, None]:
    """Return a change without a file; `note` says what to do."""
    change = ProposedChange(
        kind=kind,
        partner_field=source.name,
        crm_field=None if target is None else target.name,
        summary=summary,
        note=note,
    )
    return change, None


def field_path(target: str, name: str) -> str:
    """Return the path of a field's file below `SOURCE`."""
    return f"objects/{target}/fields/{name}.field-meta.xml"


def member_of(path: str) -> tuple[str, str]:
    """Return the type and the name that a manifest has for a file below `SOURCE`."""
    parts = path.split("/")
    name = parts[-1].partition(".")[0]
    return _KINDS[parts[-2]], f"{parts[1]}.{name}" if parts[0] == "objects" else name


def picklist_value(value: PicklistValue, indent: str, tag: str = "value") -> str:
    inner = f"{indent}    "
    return (
        f"{indent}<{tag}>\n{inner}<fullName>{escape(value.value)}</fullName>\n"
        f"{inner}<default>false</default>\n"
        f"{inner}<label>{escape(value.label)}</label>\n{indent}</{tag}>\n"
    )
