"""Proposed changes: valid for the vendor, and read back as the fields that were wanted."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmdeck.formats import hubspot_change, salesforce_change
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.metadata_xml import read_metadata
from crmdeck.model import (
    ChangeFiles,
    ChangeRequest,
    Field,
    FieldType,
    Lack,
    ObjectSchema,
    PicklistValue,
    RecordType,
)

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
XSD = "{http://www.w3.org/2001/XMLSchema}"
READ_BACK = (
    "name", "label", "type", "native_type", "description", "required", "unique", "external_id",
    "custom", "length", "precision", "scale", "picklist", "restricted", "default",
)  # fmt: skip
CHOICES = {FieldType.PICKLIST, FieldType.MULTIPICKLIST}
UNFIT = {FieldType.COMPOUND, FieldType.BINARY, FieldType.OTHER}

texts = st.text(max_size=60) | st.sampled_from(["<b>&\"'", "Ünïcode", "a\x0bb", "__", "9 lives"])
values = st.lists(
    st.builds(PicklistValue, value=st.text(min_size=1, max_size=20), label=texts), max_size=4
)
sources = st.builds(
    Field,
    name=st.text(min_size=1, max_size=60),
    label=texts,
    type=st.sampled_from(list(FieldType)),
    description=st.none() | texts,
    length=st.none() | st.integers(1, 200_000),
    precision=st.none() | st.integers(1, 30),
    scale=st.none() | st.integers(0, 30),
    picklist=values.map(tuple),
    restricted=st.sampled_from([None, True, False]),
)


@cache
def element_order(kind: str) -> tuple[str, ...]:
    """Return the elements of a type in the metadata WSDL that simple-salesforce ships."""
    root = fromstring((files("simple_salesforce") / "metadata.wsdl").read_bytes())
    (found,) = [each for each in root.iter(f"{XSD}complexType") if each.get("name") == kind]
    inherited = ("fullName",) if found.find(f".//{XSD}extension") is not None else ()
    return inherited + tuple(str(each.get("name")) for each in found.iter(f"{XSD}element"))


def require_valid(element: Element, kind: str) -> None:
    """Check names, order and repetition of elements against the WSDL."""
    order = element_order(kind)
    names = [child.tag.removeprefix(NAMESPACE) for child in element]
    places = [order.index(name) for name in names]
    assert places == sorted(places), (kind, names)
    inner = {
        "valueSet": "ValueSet",
        "valueSetDefinition": "ValueSetValuesDefinition",
        "value": "CustomValue",
        "fieldPermissions": "PermissionSetFieldPermissions",
        "types": "PackageTypeMembers",
    }
    for child, name in zip(element, names, strict=True):
        if len(child):
            require_valid(child, inner[name])


def salesforce(*lacks: Lack, **more: object) -> ChangeFiles:
    schema = ObjectSchema(object_type="Deal__c", label="Deal", fields=(Field(name="Name"),))
    request = ChangeRequest(origin="deal", schema=schema, lacks=lacks, **more)  # type: ignore[arg-type]
    return salesforce_change.write_change(request)


def read_back(field: Field) -> dict[str, object]:
    """Return what a reader must find again; what metadata leaves out is known to be unset."""
    values = {key: getattr(field, key) for key in READ_BACK}
    return {key: None if one is False or one == "" else one for key, one in values.items()}


UNPRINTABLE_LABEL = Field(
    name="stage", type=FieldType.PICKLIST, picklist=(PicklistValue(value="0", label="\x0b"),)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(sources, min_size=1, max_size=3))
@example([UNPRINTABLE_LABEL])
def test_salesforce_reads_the_field_that_was_wanted(wanted: list[Field]) -> None:
    written = salesforce(*(Lack(source=source) for source in wanted))
    taken = {"name"}
    fields = [salesforce_change.wanted_field(source, taken) for source in wanted]
    made = [each for each in fields if isinstance(each, Field)]
    for source, field in zip(wanted, fields, strict=True):
        assert source.type in CHOICES or isinstance(field, Field) != (source.type in UNFIT)
    parts = {file.path: file.content for file in written.files}
    field_files = [SchemaFile(p, c.encode()) for p, c in parts.items() if "/fields/" in p]
    assert len(field_files) == len(made)
    if not made:
        assert parts == {}
        return
    (entry,) = read_metadata(field_files).entries
    read = {each.name: each for each in entry.build(entry.object_type, ()).fields}
    for field in made:
        assert re.fullmatch(r"[A-Za-z](?!\w*__\w*__c)\w{0,39}__c", field.name, re.ASCII)
        found = read[field.name]
        assert read_back(found) == read_back(field)
    for path, content in parts.items():
        if path.endswith(".xml"):
            root = fromstring(content.encode())
            require_valid(root, root.tag.removeprefix(NAMESPACE))


HUBSPOT_TYPES = {
    FieldType.EMAIL: FieldType.STRING,
    FieldType.ID: FieldType.STRING,
    FieldType.INTEGER: FieldType.DECIMAL,
    FieldType.REFERENCE: FieldType.STRING,
    FieldType.TIME: FieldType.STRING,
    FieldType.URL: FieldType.STRING,
}


@settings(max_examples=100, deadline=None)
@given(st.lists(sources, min_size=1, max_size=3))
def test_hubspot_reads_the_property_that_was_wanted(wanted: list[Field]) -> None:
    request = ChangeRequest(
        origin="deal",
        schema=ObjectSchema(object_type="deals"),
        lacks=tuple(Lack(source=source) for source in wanted),
    )
    written = hubspot_change.write_change(request)
    bodies = {file.path: json.loads(file.content) for file in written.files}
    inputs = bodies.get("properties/create.json", {"inputs": []})["inputs"]
    read = {each.name: each for each in parse_properties("deals", "Deals", inputs).fields}
    for source, change in zip(wanted, written.changes, strict=True):
        if change.file is None:
            assert change.note
            continue
        found = read[change.crm_field or ""]
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,99}", found.name)
        assert found.type is HUBSPOT_TYPES.get(source.type, source.type)
        if source.type in CHOICES:
            assert {each.value for each in found.picklist} == {v.value for v in source.picklist}
    assert len(read) == len(inputs)


LONGER = Lack(
    source=Field(name="account", length=200),
    target=Field(name="Account__c", type=FieldType.STRING, length=80),
    length=200,
)
MORE = Lack(
    source=Field(name="status", type=FieldType.PICKLIST),
    target=Field(name="Status__c", type=FieldType.PICKLIST),
    values=(PicklistValue(value="<new>", label="New & shiny"),),
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<CustomField xmlns="' + NAMESPACE[1:-1] + '">\n'
RETRIEVED = {
    "Account__c": f"{HEAD}    <fullName>Account__c</fullName>\n    <!-- why -->\n"
    "    <length>80</length>\n    <type>Text</type>\n</CustomField>\n",
    "Status__c": f"{HEAD}    <fullName>Status__c</fullName>\n    <type>Picklist</type>\n"
    "    <valueSet>\n        <valueSetDefinition>\n            <sorted>false</sorted>\n"
    "            <value>\n                <fullName>old</fullName>\n"
    "                <default>false</default>\n                <label>old</label>\n"
    "            </value>\n        </valueSetDefinition>\n    </valueSet>\n</CustomField>\n",
}


def test_an_existing_field_is_edited_in_a_retrieved_project() -> None:
    written = salesforce(LONGER, MORE, project=RETRIEVED)
    parts = {file.path.rpartition("/")[2]: file.content for file in written.files}
    assert parts["Account__c.field-meta.xml"] == RETRIEVED["Account__c"].replace("80", "200")
    require_valid(fromstring(parts["Status__c.field-meta.xml"]), "CustomField")
    found = [SchemaFile(f.path, f.content.encode()) for f in written.files if "/fields/" in f.path]
    (entry,) = read_metadata(found).entries
    read = {each.name: each for each in entry.build(entry.object_type, ()).fields}
    assert read["Account__c"].length == 200
    assert [(v.value, v.label) for v in read["Status__c"].picklist] == [
        ("old", "old"),
        ("<new>", "New & shiny"),
    ]
    # Nothing is new: a manifest to go back would delete the admin's own fields.
    assert not any("undo" in file.path or "permissionset" in file.path for file in written.files)


@pytest.mark.parametrize(
    ("lack", "project", "note"),
    [
        (LONGER, {}, "Retrieve CustomField:Deal__c.Account__c"),
        (LONGER, {"Account__c": "<CustomField/>"}, "expected elements"),
        (MORE, {"Status__c": "<valueSetName>All</valueSetName>"}, "global value set"),
        (Lack(source=MORE.source, target=Field(name="StageName"), values=MORE.values), {},
         "standard picklist"),
        (Lack(source=LONGER.source, target=LONGER.target, length=300), {}, "new field instead"),
    ],
)  # fmt: skip
def test_what_no_file_can_change_is_a_note(lack: Lack, project: dict[str, str], note: str) -> None:
    written = salesforce(lack, project=project)
    assert (written.files, note in str(written.changes[0].note)) == ((), True)


def test_new_options_keep_the_existing_ones_and_can_be_undone() -> None:
    target = Field(
        name="status",
        type=FieldType.PICKLIST,
        restricted=True,
        picklist=(PicklistValue(value="old", active=False),),
        native={"optionDescriptions": {"old": "why"}},
    )
    request = ChangeRequest(
        origin="deal",
        schema=ObjectSchema(object_type="deals", record_types=(RecordType(name="x"),)),
        lacks=(Lack(source=MORE.source, target=target, values=MORE.values),),
    )
    written = hubspot_change.write_change(request)
    after, before = (json.loads(file.content)["options"] for file in written.files)
    assert before == [
        {"label": "old", "value": "old", "displayOrder": 0, "hidden": True, "description": "why"}
    ]
    assert [(each["value"], each["hidden"]) for each in after] == [("old", True), ("<new>", False)]
    stages = target.model_copy(update={"native": {"pipelines": [{"id": "1"}]}})
    lack = Lack(source=MORE.source, target=stages, values=MORE.values)
    by_hand = hubspot_change.write_change(
        ChangeRequest(origin="deal", schema=request.schema, lacks=(lack,))
    )
    assert by_hand.files == ()
