"""Salesforce metadata: objects and fields as XML, in source format or in metadata format.

In source format an object is a folder, `objects/NAME/`, with one file for each field, record type
and validation rule. In metadata format it is one file, `NAME.object`. A project can spread an
object over several folders. Metadata contains what an admin created or changed, without the
untouched standard fields and without permissions. The values of standard picklists are in sets of
their own, `NAME.standardValueSet`.

An element that a custom field leaves out has its documented default: false for a flag, none for a
text. A standard field leaves out what an admin can't change: that stays unknown, as do elements
without a documented default.

Sources: `CustomObject`, `CustomField`, `RecordType`, `FieldSet` and "StandardValueSet Names and
Standard Picklist Fields" in the Metadata API Developer Guide.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile, broken
from crmdeck.formats.entry import Contents, FileEntry, unknown
from crmdeck.formats.formula import fields_in
from crmdeck.formats.formula_syntax import literal_of
from crmdeck.formats.picklist import picklist_value
from crmdeck.model import (
    Field,
    FieldType,
    ObjectSchema,
    PicklistValue,
    RecordType,
    Rule,
    RuleKind,
)

# The parsed tree of a file takes many times its size in memory.
_LARGEST = 32 * 1024 * 1024
_OBJECT_SUFFIXES = (".object-meta.xml", ".object")
_STANDARD_SET_SUFFIXES = (".standardValueSet-meta.xml", ".standardValueSet")
_VALUE_SET_SUFFIXES = (
    ".globalValueSet-meta.xml",
    ".globalValueSet",
    *_STANDARD_SET_SUFFIXES,
)
_PARTS = {
    "fields": ".field-meta.xml",
    "recordTypes": ".recordType-meta.xml",
    "validationRules": ".validationRule-meta.xml",
    "fieldSets": ".fieldSet-meta.xml",
}
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TYPES = {
    "AutoNumber": FieldType.STRING,
    "Checkbox": FieldType.BOOLEAN,
    "Currency": FieldType.CURRENCY,
    "Date": FieldType.DATE,
    "DateTime": FieldType.DATETIME,
    "Email": FieldType.EMAIL,
    "EncryptedText": FieldType.STRING,
    "ExternalLookup": FieldType.REFERENCE,
    "File": FieldType.BINARY,
    "Hierarchy": FieldType.REFERENCE,
    "Html": FieldType.HTML,
    "IndirectLookup": FieldType.REFERENCE,
    "Location": FieldType.COMPOUND,
    "LongTextArea": FieldType.TEXT,
    "Lookup": FieldType.REFERENCE,
    "MasterDetail": FieldType.REFERENCE,
    "MetadataRelationship": FieldType.REFERENCE,
    "MultiselectPicklist": FieldType.MULTIPICKLIST,
    "Number": FieldType.DECIMAL,
    "Percent": FieldType.PERCENT,
    "Phone": FieldType.PHONE,
    "Picklist": FieldType.PICKLIST,
    "Text": FieldType.STRING,
    "TextArea": FieldType.TEXT,
    "Time": FieldType.TIME,
    "Url": FieldType.URL,
}
_COMPUTED = frozenset({"AutoNumber", "Summary"})
_CUSTOM_FIELD = re.compile(r"__[a-z]+$", re.ASCII | re.IGNORECASE)
_CONSUMED = frozenset(
    {
        *("fullName", "label", "type", "inlineHelpText", "required", "unique", "externalId"),
        *("formula", "length", "precision", "scale", "referenceTo", "defaultValue", "valueSet"),
        "description",
        *("picklist", "caseSensitive", "deleteConstraint", "lookupFilter", "relationshipName"),
        *("reparentableMasterDetail", "writeRequiresMasterRead", "formulaTreatBlanksAs"),
        *("summaryOperation", "summarizedField", "summaryForeignKey", "summaryFilterItems"),
        "displayFormat",
    }
)

_CONSUMED_VALUES = frozenset(
    {"valueSetDefinition", "valueSetName", "restricted", "controllingField", "valueSettings"}
)

ValueSets = Mapping[str, Sequence[PicklistValue] | SourceError]
"""Values by set; a standard one has a slash in front of its name."""


@dataclass
class _Parts:
    """The files of one object type."""

    first: SchemaFile
    object_files: list[SchemaFile] = field(default_factory=list)
    fields: list[SchemaFile] = field(default_factory=list)
    others: list[SchemaFile] = field(default_factory=list)

    def all(self) -> list[SchemaFile]:
        return [*self.object_files, *self.fields, *self.others]

    def has_part(self, part: str) -> bool:
        """Return True if a file of the object has a `part`, such as `recordTypes`."""
        if any(file.base.endswith(_PARTS[part]) for file in self.others):
            return True
        # Searches the raw text, because crmdeck parses a file only after a change.
        marks = (f"<{part}".encode(), f":{part}".encode())
        return any(mark in file.data for file in self.object_files for mark in marks)


def is_metadata(file: SchemaFile) -> bool:
    """Return True if a file name is that of metadata for objects, fields or value sets."""
    return _object_type(file) is not None or file.base.endswith(_VALUE_SET_SUFFIXES)


def read_metadata(files: Sequence[SchemaFile], known: Collection[str] = ()) -> Contents:
    """Return the object types in all metadata files of a source.

    A `known` standard object without files has no custom field, but still exists.
    The entry of an object type names its broken parts. Raises SourceError without any object.
    """
    value_sets, errors = _value_sets(files)
    objects: dict[str, _Parts] = {}
    for file in files:
        object_type = _object_type(file)
        if object_type is None:
            continue
        parts = objects.setdefault(object_type, _Parts(file))
        if file.base.endswith(_OBJECT_SUFFIXES):
            parts.object_files.append(file)
        elif file.base.endswith(_PARTS["fields"]):
            parts.fields.append(file)
        else:
            parts.others.append(file)
    for name in known:
        if "__" not in name:
            objects.setdefault(name, _Parts(files[0]))
    for name, sets in standard_picklists().items():
        if any(f"/{each}" in value_sets for each in sets.values()):
            objects.setdefault(name, _Parts(files[0]))
    if not objects:
        raise errors[0] if errors else unknown(files[0], "The metadata contains no objects.")
    # If the project contains the rules of one object, it contains the rules of all.
    kept = frozenset(
        part
        for part in ("recordTypes", "validationRules", "fieldSets")
        if any(parts.has_part(part) for parts in objects.values())
    )
    return Contents(
        platform="salesforce",
        entries=tuple(
            _entry(name, parts, value_sets, kept) for name, parts in sorted(objects.items())
        ),
        errors=tuple(errors),
    )


def _object_type(file: SchemaFile) -> str | None:
    path = PurePosixPath(file.name)
    for suffix in _OBJECT_SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    folder = path.parent.name
    if folder in _PARTS and path.name.endswith(_PARTS[folder]) and len(path.parts) > 2:
        return path.parts[-3]
    return None


def _value_sets(files: Sequence[SchemaFile]) -> tuple[ValueSets, list[SourceError]]:
    found: dict[str, Sequence[PicklistValue] | SourceError] = {}
    errors = []
    for file in files:
        suffix = next((each for each in _VALUE_SET_SUFFIXES if file.base.endswith(each)), None)
        if suffix is not None:
            is_standard = suffix in _STANDARD_SET_SUFFIXES
            name = f"{'/' * is_standard}{file.base.removesuffix(suffix)}"
            try:
                tag = "standardValue" if is_standard else "customValue"
                found[name] = tuple(map(_value, children_named(parse_document(file), tag)))
            except SourceError as error:
                errors.append(error)
                found[name] = error
    return found, errors


@cache
def standard_picklists() -> Mapping[str, Mapping[str, str]]:
    """Return the standard value set of each standard picklist, by object and field."""
    file = resources.files("crmdeck").joinpath("knowledge/formats/standard_value_sets.toml")
    table: dict[str, str] = tomllib.loads(file.read_text("utf-8"))
    return {name: dict(each.split("=", 1) for each in sets.split()) for name, sets in table.items()}


def _entry(name: str, parts: _Parts, value_sets: ValueSets, kept: Collection[str]) -> FileEntry:
    digest = hashlib.sha256()
    for file in parts.all():
        digest.update(hashlib.sha256(file.data).digest())
    # Only parsed fields show which value sets they use. There are few.
    digest.update(repr((sorted(value_sets.items()), sorted(kept))).encode())
    lacks: list[SourceError] = []
    unread: dict[str, SourceError] = {}

    def build(object_type: str, _: object) -> ObjectSchema:
        return _schema(object_type, parts, value_sets, kept, lacks, unread)

    return FileEntry(
        object_type=name,
        file=parts.first,
        place=PurePosixPath(parts.first.name).parent.name or "its root",
        digest=digest.digest(),
        build=build,
        lacks=lacks,
        unread=unread,
    )


def _schema(
    object_type: str,
    parts: _Parts,
    value_sets: ValueSets,
    kept: Collection[str],
    lacks: list[SourceError],
    unread: dict[str, SourceError],
) -> ObjectSchema:
    """Return the schema, with broken parts in `lacks` and broken fields in `unread`.

    Raises SourceError if all parts are broken. `kept` are the parts that the project has of at
    least one object.
    """
    elements: dict[str, tuple[SchemaFile, Element]] = {}
    described = Element("CustomObject")
    for file in parts.all():
        own = file.base.endswith(_PARTS["fields"])
        try:
            root = parse_document(file)
            if own and _local(root) != "CustomField":
                raise broken(file.name, "its start", f"'{_local(root)[:40]}' isn't a CustomField")
            found = [root] if own else [
                each for each in root if _local(each) in ("fields", "nameField")
            ]  # fmt: skip
            named = [(_field_name(file, each), each) for each in found]
        except SourceError as error:
            if own:
                unread[file.stem] = error
            else:
                lacks.append(error)
            continue
        if _local(root) == "CustomObject":
            described.extend(root)
        elif not own:
            described.append(root)
        for name, element in named:
            try:
                _merge(name, file, element, *elements.setdefault(name, (file, element)))
            except SourceError as error:
                unread[name] = error
    fields: dict[str, Field] = {}
    for name, (file, element) in elements.items():
        try:
            fields[name] = _field(file, element, value_sets, name)
        except SourceError as error:
            unread[name] = error
    for name, key in standard_picklists().get(object_type, {}).items():
        values = value_sets.get(f"/{key}")
        if isinstance(values, SourceError):
            unread[name] = values
        elif values is not None and not (name in fields and fields[name].picklist):
            plain = Field(name=name, type=FieldType.PICKLIST, native_type="Picklist", custom=False)
            fields[name] = fields.get(name, plain).model_copy(update={"picklist": tuple(values)})
    for name in unread:
        fields.pop(name, None)
    if not fields and (lacks or unread):
        raise [*lacks, *unread.values()][0]
    # A project can contain a part of an object. A custom object with its own file is complete.
    whole = "__" in object_type and bool(parts.object_files) and not lacks
    rules = tuple(
        _rule(each, fields) for each in described if _local(each).lower().startswith("validationr")
    )
    record_types = tuple(
        _record_type(each) for each in described if _local(each).lower().startswith("recordtype")
    )
    return ObjectSchema(
        object_type=object_type,
        label=child_text(described, "label") or "",
        plural=child_text(described, "pluralLabel"),
        custom="__" in object_type,
        custom_setting=_child(described, "customSettingsType") is not None if whole else None,
        record_types=record_types if whole or ("recordTypes" in kept and not lacks) else None,
        rules=rules if whole or ("validationRules" in kept and not lacks) else None,
        field_sets=_field_sets(described) if whole or ("fieldSets" in kept and not lacks) else None,
        fields=tuple(fields.values()),
    )


def _field_name(file: SchemaFile, element: Element) -> str:
    """Return the name of a field; raises SourceError if it can't be one."""
    if _local(element) == "nameField":
        return "Name"
    given = _child(element, "fullName")
    name = file.stem if given is None else (given.text or "").strip()
    if not _NAME.fullmatch(name):
        raise broken(file.name, "fullName", f"'{name[:40]}' can't be the name of a field")
    return name


def _merge(name: str, file: SchemaFile, element: Element, other: SchemaFile, into: Element) -> None:
    """Add what only `element` says of a field; raises SourceError if both say different things."""
    if element is into:
        return
    for tag in dict.fromkeys(map(_local, element)):
        said, known = (sorted(map(_form, children_named(each, tag))) for each in (element, into))
        if not known:
            into.extend(children_named(element, tag))
        elif said != known:
            raise broken(file.name, tag, f"{name} has another {tag} in {other.name}")


def _form(element: Element) -> tuple[str, str, list[Any]]:
    """Return a form that is equal for elements that differ in order and blanks only."""
    return _local(element), (element.text or "").strip(), sorted(map(_form, element))


def _field_sets(described: Element) -> dict[str, tuple[str, ...]]:
    """Return the fields that each field set shows, and those that it offers, by its name."""
    found = {}
    for each in described:
        if _local(each).lower().startswith("fieldset"):
            for tag, suffix in (("displayedFields", ""), ("availableFields", " (available)")):
                names = tuple(child_text(item, "field") or "" for item in children_named(each, tag))
                if names or not suffix:
                    found[f"{child_text(each, 'fullName') or ''}{suffix}"] = names
    return found


def _rule(element: Element, fields: Collection[str]) -> Rule:
    formula = child_text(element, "errorConditionFormula") or ""
    return Rule(
        name=child_text(element, "fullName") or "",
        kind=RuleKind.VALIDATION,
        fields=fields_in(formula, fields),
        field=child_text(element, "errorDisplayField"),
        message=child_text(element, "errorMessage") or "",
        expression=formula,
        active=child_text(element, "active") != "false",
    )


def _record_type(element: Element) -> RecordType:
    name = child_text(element, "fullName") or ""
    values: dict[str, tuple[str, ...]] = {}
    defaults: dict[str, str] = {}
    for picklist in children_named(element, "picklistValues"):
        field_name = child_text(picklist, "picklist") or ""
        allowed = []
        for value in children_named(picklist, "values"):
            # Special characters in these names are percent-encoded, unlike those of the field.
            allowed.append(unquote(child_text(value, "fullName") or ""))
            if child_text(value, "default") == "true":
                defaults[field_name] = allowed[-1]
        values[field_name] = tuple(allowed)
    return RecordType(
        name=name,
        label=child_text(element, "label") or name,
        active=child_text(element, "active") != "false",
        values=values,
        value_defaults=defaults,
    )


def _field(file: SchemaFile, element: Element, value_sets: ValueSets, name: str) -> Field:
    is_name = _local(element) == "nameField"
    native_type = child_text(element, "type") or ""
    formula = child_text(element, "formula")
    is_rollup = native_type == "Summary"
    computed = formula is not None or native_type in _COMPUTED
    kind = _TYPES.get(native_type, FieldType.OTHER)
    # A file without a type has only a part of the field.
    whole = bool(native_type) and bool(_CUSTOM_FIELD.search(name))
    default = child_text(element, "defaultValue")
    with_digits = kind in (FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT)
    picklist, restricted, value_set = _picklist(element, value_sets, whole=whole)
    defaulted = default is not None or any(value.default for value in picklist)
    # Salesforce leaves out an element that has its default, so in a whole field absent is false.
    required = _flag(file, element, "required", absent=False if whole else None)
    must_hold = native_type in ("MasterDetail", "Checkbox") or required is True
    blanks = child_text(element, "formulaTreatBlanksAs") or ("BlankAsZero" if formula else None)
    native = {k: v for k, v in _nested(element).items() if k not in _CONSUMED}
    values = _nested(found) if (found := _child(element, "valueSet")) is not None else {}
    native |= {k: v for k, v in values.items() if k not in _CONSUMED_VALUES}
    return Field(
        name=name,
        label=child_text(element, "label") or "",
        type=kind,
        native_type=native_type,
        description=child_text(element, "inlineHelpText") or (None if is_name else ""),
        internal_note=child_text(element, "description") or (None if is_name else ""),
        required=_required(required, native_type, computed=computed, defaulted=defaulted),
        nillable=False if must_hold else None if required is None else True,
        createable=False if computed else None,
        updateable=False if computed else None,
        unique=_flag(file, element, "unique", absent=False if whole else None),
        external_id=_flag(file, element, "externalId", absent=False if whole else None),
        calculated=formula is not None or is_rollup if native_type else None,
        formula=formula if formula is not None or not whole else "",
        custom="__" in name,
        length=_number(file, element, "length"),
        precision=_number(file, element, "precision") if with_digits else None,
        scale=_number(file, element, "scale") if with_digits else None,
        picklist=picklist,
        restricted=restricted,
        controller=_controller(element),
        allowed_values=_allowed_values(element),
        value_set=value_set,
        references=tuple(
            each.text.strip() for each in children_named(element, "referenceTo") if each.text
        ),
        encrypted=native_type == "EncryptedText" if native_type else None,
        case_sensitive=_flag(file, element, "caseSensitive", absent=False if whole else None),
        auto_number=native_type == "AutoNumber" if native_type else None,
        default=default if default is not None or not whole else "",
        # A checkbox has true or false, every other field a formula.
        default_is_formula=None if default is None else literal_of(default) is None,
        rollup=_rollup(element) if is_rollup else None,
        blanks_as_zero=None if blanks is None else blanks == "BlankAsZero",
        display_format=child_text(element, "displayFormat"),
        native=native,
        **(_relationship(file, element, native_type) if whole else {}),
    )


def _relationship(file: SchemaFile, element: Element, native_type: str) -> dict[str, Any]:
    """Return the attributes of a custom relationship field; empty for other types."""
    if _TYPES.get(native_type) is not FieldType.REFERENCE:
        return {}
    found: dict[str, Any] = {
        "child_relationship": child_text(element, "relationshipName") or "",
        "lookup_filter": _lookup_filter(element),
    }
    if native_type == "Lookup":
        found["delete_constraint"] = child_text(element, "deleteConstraint") or "SetNull"
    elif native_type == "MasterDetail":
        found["delete_constraint"] = "Cascade"
        found["reparentable"] = _flag(file, element, "reparentableMasterDetail", absent=False)
        found["write_requires_master_read"] = _flag(
            file, element, "writeRequiresMasterRead", absent=False
        )
    return found


def _lookup_filter(element: Element) -> str:
    """Return the condition for the record of a lookup in words; empty without one."""
    filtered = _child(element, "lookupFilter")
    if filtered is None:
        return ""
    state = "optional" if child_text(filtered, "isOptional") == "true" else "required"
    if child_text(filtered, "active") == "false":
        state = "inactive"
    logic = child_text(filtered, "booleanFilter")
    parts = [f"{state}: {_conditions(children_named(filtered, 'filterItems'))}"]
    parts += [f"logic: {logic}"] if logic else []
    for key, word in (("errorMessage", "error"), ("infoMessage", "hint")):
        message = child_text(filtered, key)
        parts += [f"{word}: {message}"] if message else []
    return "; ".join(parts)


def _rollup(element: Element) -> str:
    """Return the words for a roll-up field: `sum of Line__c.Amount__c by Line__c.Deal__c`."""
    operation = child_text(element, "summaryOperation") or "count"
    summarized = child_text(element, "summarizedField")
    parent = child_text(element, "summaryForeignKey") or ""
    conditions = _conditions(children_named(element, "summaryFilterItems"))
    return (
        operation
        + (f" of {summarized}" if summarized else "")
        + f" by {parent}"
        + (f" where {conditions}" if conditions else "")
    )


def _conditions(items: Iterable[Element]) -> str:
    return ", ".join(
        " ".join(
            filter(
                None,
                (child_text(each, key) for key in ("field", "operation", "value", "valueField")),
            )
        )
        for each in items
    )


def _required(
    stated: bool | None, native_type: str, *, computed: bool, defaulted: bool
) -> bool | None:
    if computed or defaulted or native_type == "Checkbox":
        return False
    return True if native_type == "MasterDetail" else stated


def _picklist(
    element: Element, value_sets: ValueSets, *, whole: bool
) -> tuple[tuple[PicklistValue, ...], bool | None, str | None]:
    """Return the values, True if no other values are allowed, and the global value set.

    The element `picklist` is that of API 37 and older.
    """
    value_set = _child(element, "valueSet")
    if value_set is None:
        values = children_named(_child(element, "picklist"), "picklistValues")
        return tuple(map(_value, values)), None, None
    named = child_text(value_set, "valueSetName")
    if named is not None:
        # A global value set allows only its own values.
        shared = value_sets.get(named, ())
        return () if isinstance(shared, SourceError) else tuple(shared), True, named
    restricted = child_text(value_set, "restricted")
    is_restricted = None if restricted is None and not whole else restricted == "true"
    values = children_named(_child(value_set, "valueSetDefinition"), "value")
    return tuple(map(_value, values)), is_restricted, "" if whole else None


def _controller(element: Element) -> str | None:
    """Return the controlling field; empty without one."""
    value_set = _child(element, "valueSet")
    return None if value_set is None else child_text(value_set, "controllingField") or ""


def _allowed_values(element: Element) -> dict[str, tuple[str, ...]] | None:
    if not _controller(element):
        return None
    allowed: dict[str, list[str]] = {}
    for setting in children_named(_child(element, "valueSet"), "valueSettings"):
        for controlling in children_named(setting, "controllingFieldValue"):
            chosen = allowed.setdefault((controlling.text or "").strip(), [])
            chosen.append(child_text(setting, "valueName") or "")
    return {controlling: tuple(values) for controlling, values in allowed.items()}


def _value(element: Element) -> PicklistValue:
    name = child_text(element, "fullName") or ""
    return picklist_value(
        name,
        child_text(element, "label") or name,
        active=child_text(element, "isActive") != "false",
        default=child_text(element, "default") == "true",
    )


def _nested(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        key = _local(child)
        value = _nested(child) if len(child) else (child.text or "").strip()
        if key in found:
            earlier = found[key]
            found[key] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            found[key] = value
    return found


def parse_document(file: SchemaFile) -> Element:
    """Return the root of an XML file. Raises SourceError."""
    if file.error is not None:
        raise file.error
    if len(file.data) > _LARGEST:
        raise broken(file.name, "its end", f"it is larger than {_LARGEST // 1024**2} MB")
    try:
        # A document type could expand a few bytes to gigabytes, or read other files.
        root = fromstring(file.data, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        raise broken(
            file.name, f"line {line} column {column + 1}", "this isn't valid XML"
        ) from error
    except (DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        why = "it declares entities or a document type, which metadata never does"
        if not isinstance(error, DefusedXmlException):
            why = "this isn't XML"
        raise broken(file.name, "its start", why) from error
    if not isinstance(root, Element):
        raise broken(file.name, "its start", "it is empty")
    return root


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def children_named(element: Element | None, name: str) -> list[Element]:
    """Return the direct children of that name, in any namespace."""
    return [] if element is None else [each for each in element if _local(each) == name]


def _child(element: Element, path: str) -> Element | None:
    found: Element | None = element
    for name in path.split("/"):
        found = next(iter(children_named(found, name)), None) if found is not None else None
    return found


def child_text(element: Element, path: str) -> str | None:
    """Return the text at a path such as `valueSet/restricted`; None without it."""
    child = _child(element, path)
    return None if child is None or child.text is None else child.text.strip()


def _flag(
    file: SchemaFile, element: Element, name: str, *, absent: bool | None = None
) -> bool | None:
    value = child_text(element, name)
    if not value:
        return absent
    if value in ("true", "false"):
        return value == "true"
    raise broken(file.name, name, f"'{value[:40]}' is neither true nor false")


def _number(file: SchemaFile, element: Element, name: str) -> int | None:
    value = child_text(element, name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise broken(file.name, name, f"'{value[:40]}' isn't a whole number")
    return int(value)
