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
    extended = found.find(f".//{XSD}extension")
    base = "" if extended is None else str(extended.get("base")).removeprefix("tns:")
    inherited = ("fullName",) if base == "Metadata" else element_order(base) if base else ()
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
        "customValue": "CustomValue",
        "standardValue": "StandardValue",
        "picklistValues": "RecordTypePicklistValue",
        "values": "PicklistValue",
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


@settings(max_examples=60, deadline=None)
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


@settings(max_examples=60, deadline=None)
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
    "objects/Deal__c/fields/Account__c.field-meta.xml": f"{HEAD}"
    "    <fullName>Account__c</fullName>\n    <!-- why -->\n"
    "    <length>80</length>\n    <type>Text</type>\n</CustomField>\n",
    "objects/Deal__c/fields/Status__c.field-meta.xml": f"{HEAD}"
    "    <fullName>Status__c</fullName>\n    <type>Picklist</type>\n"
    "    <valueSet>\n        <valueSetDefinition>\n            <sorted>false</sorted>\n"
    "            <value>\n                <fullName>old</fullName>\n"
    "                <default>false</default>\n                <label>old</label>\n"
    "            </value>\n        </valueSetDefinition>\n    </valueSet>\n</CustomField>\n",
    "objects/Deal__c/fields/Value__c.field-meta.xml": f"{HEAD}"
    "    <fullName>Value__c</fullName>\n    <precision>8</precision>\n"
    "    <scale>0</scale>\n    <type>Currency</type>\n</CustomField>\n",
    "objects/Deal__c/fields/Region__c.field-meta.xml": f"{HEAD}"
    "    <fullName>Region__c</fullName>\n    <type>Picklist</type>\n    <valueSet>\n"
    "        <valueSetName>Regions</valueSetName>\n    </valueSet>\n</CustomField>\n",
    "globalValueSets/Regions.globalValueSet-meta.xml": HEAD.replace("CustomField", "GlobalValueSet")
    + "    <customValue>\n        <fullName>EU</fullName>\n        <default>false</default>\n"
    "        <label>EU</label>\n    </customValue>\n    <masterLabel>Regions</masterLabel>\n"
    "    <sorted>false</sorted>\n</GlobalValueSet>\n",
    "objects/Deal__c/recordTypes/Partner.recordType-meta.xml": HEAD.replace(
        "CustomField", "RecordType"
    )
    + "    <fullName>Partner</fullName>\n    <active>true</active>\n    <label>Partner</label>\n"
    "    <picklistValues>\n        <picklist>Region__c</picklist>\n        <values>\n"
    "            <fullName>EU</fullName>\n            <default>false</default>\n"
    "        </values>\n    </picklistValues>\n    <picklistValues>\n"
    "        <picklist>Status__c</picklist>\n    </picklistValues>\n</RecordType>\n",
}
WIDER = Lack(
    source=Field(name="value", type=FieldType.CURRENCY),
    target=Field(name="Value__c", type=FieldType.CURRENCY, precision=8, scale=0),
    precision=10,
    scale=2,
)
REGIONS = Lack(
    source=Field(name="region", type=FieldType.PICKLIST),
    target=Field(name="Region__c", type=FieldType.PICKLIST),
    values=(PicklistValue(value="U.S./CA", label="North America"),),
)


def test_an_existing_field_is_edited_in_a_retrieved_project() -> None:
    also = Lack(source=REGIONS.source, target=Field(name="Region__c"), values=REGIONS.values)
    written = salesforce(LONGER, MORE, WIDER, REGIONS, also, project=RETRIEVED)
    parts = {file.path.removeprefix("force-app/main/default/"): file.content
             for file in written.files}  # fmt: skip
    account = "objects/Deal__c/fields/Account__c.field-meta.xml"
    assert parts[account] == RETRIEVED[account].replace("80", "200")
    for path, content in parts.items():
        if path.endswith(".xml"):
            root = fromstring(content.encode())
            require_valid(root, root.tag.removeprefix(NAMESPACE))
    (entry,) = read_metadata([SchemaFile(p, c.encode()) for p, c in (RETRIEVED | parts).items()
                              if p.endswith("meta.xml")]).entries  # fmt: skip
    schema = entry.build(entry.object_type, ())
    read = {each.name: each for each in schema.fields}
    assert read["Account__c"].length == 200
    assert (read["Value__c"].precision, read["Value__c"].scale) == (10, 2)
    assert {name: [(v.value, v.label) for v in read[name].picklist] for name in
            ("Status__c", "Region__c")} == {
        "Status__c": [("old", "old"), ("<new>", "New & shiny")],
        "Region__c": [("EU", "EU"), ("U.S./CA", "North America")],
    }  # fmt: skip
    (partner,) = schema.record_types or ()
    assert partner.values == {"Region__c": ("EU", "U.S./CA"), "Status__c": ("<new>",)}
    members = re.findall("<members>(.*)</members>", parts["manifest/package.xml"])
    assert members == ["Deal__c.Account__c", "Deal__c.Status__c", "Deal__c.Value__c",
                       "Deal__c.Partner", "Regions"]  # fmt: skip
    # Nothing is new: a manifest to go back would delete the admin's own fields.
    assert not any("undo" in file.path or "permissionset" in file.path for file in written.files)


FIELD, SET = (
    "objects/Deal__c/fields/{}.field-meta.xml",
    "globalValueSets/{}.globalValueSet-meta.xml",
)
OLD = Lack(source=MORE.source, target=MORE.target, values=(PicklistValue(value="old"),))
INACTIVE = RETRIEVED[FIELD.format("Status__c")].replace(
    "<label>old", "<isActive>false</isActive><label>old"
)


@pytest.mark.parametrize(
    ("lack", "project", "note"),
    [
        (LONGER, {}, "Retrieve CustomField:Deal__c.Account__c"),
        (LONGER, {FIELD.format("Account__c"): "<CustomField/>"}, "expected elements"),
        (WIDER, {FIELD.format("Value__c"): "<precision>8</precision>"}, "expected elements"),
        (REGIONS, {FIELD.format("Region__c"): "<valueSetName>All</valueSetName>"},
         "Retrieve GlobalValueSet:All"),
        (OLD, {FIELD.format("Status__c"): INACTIVE}, "inactive"),
        (Lack(source=MORE.source, target=Field(name="StageName"), values=MORE.values), {},
         "standard picklist"),
        (Lack(source=LONGER.source, target=LONGER.target, length=300), {}, "new field instead"),
        (Lack(source=WIDER.source, target=WIDER.target, precision=19, scale=2), {}, "18 digits"),
    ],
)  # fmt: skip
def test_change_by_hand_is_a_note(lack: Lack, project: dict[str, str], note: str) -> None:
    written = salesforce(lack, project=project)
    assert (written.files, note in str(written.changes[0].note)) == ((), True)


def test_a_standard_picklist_is_edited_in_its_value_set() -> None:
    path = "standardValueSets/Industry.standardValueSet-meta.xml"
    head = HEAD.replace("CustomField", "StandardValueSet")
    text = (
        f"{head}    <sorted>false</sorted>\n    <standardValue>\n"
        "        <fullName>Banking</fullName>\n        <default>false</default>\n"
        "        <label>Banking</label>\n    </standardValue>\n</StandardValueSet>\n"
    )
    lack = Lack(source=MORE.source, target=Field(name="Industry"), values=MORE.values)
    request = ChangeRequest(
        origin="deal", schema=ObjectSchema(object_type="Lead"), lacks=(lack,), project={path: text}
    )
    (edited, *_) = salesforce_change.write_change(request).files
    assert edited.path.endswith(path)
    root = fromstring(edited.content)
    require_valid(root, "StandardValueSet")
    assert [each.text for each in root.iter(f"{NAMESPACE}fullName")] == ["Banking", "<new>"]


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
    hidden = Lack(source=MORE.source, target=target, values=(PicklistValue(value="old"),))
    shown = hubspot_change.write_change(
        ChangeRequest(origin="deal", schema=request.schema, lacks=(hidden,))
    )
    options = json.loads(shown.files[0].content)["options"]
    assert [(each["value"], each["hidden"]) for each in options] == [("old", False)]
    stages = target.model_copy(update={"native": {"pipelines": [{"id": "1"}]}})
    lack = Lack(source=MORE.source, target=stages, values=MORE.values)
    by_hand = hubspot_change.write_change(
        ChangeRequest(origin="deal", schema=request.schema, lacks=(lack,))
    )
    assert by_hand.files == ()
