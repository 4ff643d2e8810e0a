"""Salesforce metadata: both formats, values in their sets, and what is broken is named."""

from __future__ import annotations

import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.field_diff import compare_fields
from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.entry import Contents
from crmdeck.formats.formula import fields_in
from crmdeck.formats.metadata_xml import read_metadata
from crmdeck.model import Field, FieldType, RecordType, unknown_attributes

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def xml(kind: str, content: str) -> str:
    return f"{HEAD}<{kind} {SPACE}>{content}</{kind}>"


def field(content: str) -> str:
    return xml("CustomField", content)


def read(**files: str) -> Contents:
    """Read files whose names have `/` for each double underscore after a folder."""
    return read_metadata([SchemaFile(name, text.encode()) for name, text in files.items()])


def fields_of(contents: Contents) -> dict[str, Field]:
    (entry,) = contents.entries
    return {each.name: each for each in entry.build(entry.object_type, ()).fields}


def one(content: str) -> Field:
    name = "objects/Deal__c/fields/X__c.field-meta.xml"
    return fields_of(read(**{name: field(f"<fullName>X__c</fullName>{content}")}))["X__c"]


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (
            "<type>Text</type><length>80</length><unique>true</unique>"
            "<externalId>true</externalId><required>true</required>",
            FieldType.STRING,
            {"length": 80, "unique": True, "external_id": True, "required": True, "custom": True},
        ),
        (
            "<type>Currency</type><precision>18</precision><scale>2</scale>",
            FieldType.CURRENCY,
            {"precision": 18, "scale": 2, "required": False, "createable": None},
        ),
        (
            "<type>MasterDetail</type><referenceTo>Account</referenceTo>",
            FieldType.REFERENCE,
            {"references": ("Account",), "required": True},
        ),
        (
            "<type>Number</type><formula>A__c * 2</formula>",
            FieldType.DECIMAL,
            {"calculated": True, "formula": "A__c * 2", "createable": False, "required": False},
        ),
        ("<type>Checkbox</type><required>true</required>", FieldType.BOOLEAN, {"required": False}),
        ("<type>Summary</type>", FieldType.OTHER, {"calculated": True, "updateable": False}),
        (
            "<trackHistory>true</trackHistory>",
            FieldType.OTHER,
            {"calculated": None, "unique": None},
        ),
    ],
)
def test_field_text(content: str, kind: FieldType, said: dict[str, object]) -> None:
    found = one(content)

    assert found.type is kind
    assert {name: getattr(found, name) for name in said} == said


def test_values_come_from_field_or_value_set() -> None:
    own = one(
        "<type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition>"
        "<value><fullName>a</fullName><label>A</label><default>true</default></value>"
        "<value><fullName>b</fullName><isActive>false</isActive></value>"
        "</valueSetDefinition></valueSet>"
    )
    filled = one(
        "<type>Picklist</type><required>true</required><valueSet><valueSetDefinition><value>"
        "<fullName>a</fullName><default>true</default></value></valueSetDefinition></valueSet>"
    )
    assert filled.required is False
    older = one(
        "<type>Picklist</type><picklist><picklistValues><fullName>a</fullName>"
        "</picklistValues></picklist>"
    )
    shared = fields_of(
        read(
            **{
                "objects/D/fields/X.field-meta.xml": field(
                    "<type>Picklist</type><valueSet><valueSetName>G</valueSetName></valueSet>"
                ),
                "globalValueSets/G.globalValueSet-meta.xml": xml(
                    "GlobalValueSet", "<customValue><fullName>g</fullName></customValue>"
                ),
            }
        )
    )["X"]

    values = [(value.value, value.label, value.active, value.default) for value in own.picklist]
    assert values == [("a", "A", True, True), ("b", "b", False, False)]
    assert own.restricted is True
    assert [value.value for value in older.picklist] == ["a"]
    assert ([value.value for value in shared.picklist], shared.restricted) == (["g"], True)


def test_both_formats_and_several_folders_make_one_object() -> None:
    contents = read(
        **{
            "src/objects/Deal__c.object": xml(
                "CustomObject",
                "<label>Deal</label><nameField><type>AutoNumber</type><label>No</label></nameField>"
                "<fields><fullName>A__c</fullName><type>Text</type></fields>",
            ),
            "more/objects/Deal__c/fields/B__c.field-meta.xml": field("<type>Date</type>"),
            "more/objects/Bare__c/Bare__c.object-meta.xml": xml("CustomObject", "<label>B</label>"),
        }
    )

    bare, deal = (each.build(each.object_type, ()) for each in contents.entries)
    assert (bare.object_type, bare.fields) == ("Bare__c", ())
    found = {each.name: each for each in deal.fields}
    assert list(found) == ["Name", "A__c", "B__c"]
    assert (found["Name"].createable, found["A__c"].label) == (False, "")


def test_record_types_rules_and_dependent_values() -> None:
    contents = read(
        **{
            "objects/D__c/D__c.object-meta.xml": xml(
                "CustomObject", "<label>D</label><pluralLabel>Ds</pluralLabel>"
            ),
            "objects/D__c/fields/Stage__c.field-meta.xml": field(
                "<type>Picklist</type><valueSet><controllingField>Kind__c</controllingField>"
                "<valueSettings><controllingFieldValue>a</controllingFieldValue>"
                "<controllingFieldValue>b</controllingFieldValue><valueName>x</valueName>"
                "</valueSettings></valueSet>"
            ),
            "objects/D__c/recordTypes/New.recordType-meta.xml": xml(
                "RecordType",
                "<fullName>New</fullName><active>false</active><label>New one</label>"
                "<picklistValues><picklist>Stage__c</picklist><values><fullName>x</fullName>"
                "<default>false</default></values><values><fullName>y %26 z</fullName>"
                "<default>true</default></values></picklistValues>",
            ),
            "objects/D__c/validationRules/Late.validationRule-meta.xml": xml(
                "ValidationRule",
                "<fullName>Late</fullName><active>true</active>"
                "<errorConditionFormula>ISPICKVAL(Stage__c, &quot;Other__c&quot;)"
                "</errorConditionFormula><errorMessage>Too late</errorMessage>",
            ),
        }
    )
    (entry,) = contents.entries
    schema = entry.build(entry.object_type, ())

    (stage,) = schema.fields
    assert (stage.controller, stage.allowed_values) == ("Kind__c", {"a": ("x",), "b": ("x",)})
    assert schema.record_types == (
        RecordType(
            name="New",
            label="New one",
            active=False,
            values={"Stage__c": ("x", "y & z")},
            value_defaults={"Stage__c": "y & z"},
        ),
    )
    assert schema.rules is not None
    (rule,) = schema.rules
    assert (rule.name, rule.fields, rule.message) == ("Late", ("Stage__c",), "Too late")
    assert (schema.plural, schema.custom_setting) == ("Ds", False)


@pytest.mark.parametrize(
    ("formula", "fields"),
    [
        ("Amount > 0 && closedate < TODAY()", ("Amount", "CloseDate")),
        ("Deal__r.Amount > 1 || Account.Name = 'CloseDate'", ("Deal__c", "AccountId")),
        ('/* Amount */ $User.Amount = "Amount"', ()),
    ],
)
def test_which_fields_a_formula_looks_at(formula: str, fields: tuple[str, ...]) -> None:
    assert fields_in(formula, ["Amount", "CloseDate", "Deal__c", "AccountId"]) == fields


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<CustomField><type>", "is broken at line 1 column 20: this isn't valid XML"),
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><CustomField>&b;</CustomField>',
            "declares entities or a document type",
        ),
        ("<CustomField><length>many</length></CustomField>", "'many' isn't a whole number"),
    ],
)
def test_a_broken_part_is_named_and_the_rest_built(text: str, why: str) -> None:
    contents = read(
        **{
            "objects/D/fields/A.field-meta.xml": field("<type>Date</type>"),
            "objects/D/fields/B.field-meta.xml": text,
        }
    )

    assert list(fields_of(contents)) == ["A"]
    (lack,) = contents.entries[0].unread.values()
    assert str(lack).startswith("objects/D/fields/B.field-meta.xml is broken")
    assert why in str(lack)


def test_unreadable_object_is_rejected() -> None:
    contents = read(**{"objects/D/fields/A.field-meta.xml": "<"})

    with pytest.raises(SourceError, match=r"A.field-meta.xml is broken at line 1"):
        fields_of(contents)


LOOKUP = "<type>Lookup</type><referenceTo>Account</referenceTo>"
ROLLUP = (
    "<type>Summary</type><summaryOperation>sum</summaryOperation><summarizedField>L.A"
    "</summarizedField><summaryForeignKey>L.P</summaryForeignKey>"
)
PICKLIST = "<type>Picklist</type><valueSet>{}</valueSet>"
OWN = "<valueSetDefinition><value><fullName>a</fullName></value></valueSetDefinition>"
FILTER = (
    "<lookupFilter><active>true</active><filterItems><field>Account.Type</field><operation>equals"
    "</operation><value>Partner</value></filterItems><isOptional>false</isOptional></lookupFilter>"
)


@pytest.mark.parametrize(
    ("without", "within", "attribute"),
    [
        ("<type>Text</type>", "<required>true</required>", "required"),
        ("<type>Text</type>", "<unique>true</unique>", "unique"),
        ("<type>Text</type>", "<externalId>true</externalId>", "externalId"),
        ("<type>Text</type>", "<caseSensitive>true</caseSensitive>", "caseSensitive"),
        ("<type>Text</type>", "<inlineHelpText>Why</inlineHelpText>", "description"),
        ("<type>Text</type>", "<defaultValue>&quot;x&quot;</defaultValue>", "default"),
        (LOOKUP, "<deleteConstraint>Restrict</deleteConstraint>", "deleteConstraint"),
        (LOOKUP, "<relationshipName>Deals</relationshipName>", "childRelationship"),
        (LOOKUP, FILTER, "lookupFilter"),
        (
            "<type>MasterDetail</type>",
            "<reparentableMasterDetail>true</reparentableMasterDetail>",
            "reparentable",
        ),
        (
            "<type>MasterDetail</type>",
            "<writeRequiresMasterRead>true</writeRequiresMasterRead>",
            "writeRequiresMasterRead",
        ),
        (
            ROLLUP,
            "<summaryFilterItems><field>L.S</field><operation>equals</operation><value>won</value>"
            "</summaryFilterItems>",
            "rollup",
        ),
    ],
)
def test_an_absent_element_has_its_documented_default(
    without: str, within: str, attribute: str
) -> None:
    for old, new in ((without, without + within), (without + within, without)):
        assert [c.attribute for c in compare_fields(one(old), one(new))] == [attribute]


def test_restricted_and_the_global_value_set_are_compared() -> None:
    own, restricted = (
        one(PICKLIST.format(OWN)),
        one(PICKLIST.format(f"{OWN}<restricted>true</restricted>")),
    )
    assert [c.attribute for c in compare_fields(own, restricted)] == ["restricted"]
    # The set is in no file, so its values are unknown: they were not removed.
    shared = one(PICKLIST.format("<valueSetName>Industries</valueSetName>"))
    assert [c.attribute for c in compare_fields(restricted, shared)] == ["valueSet"]
    assert "picklist" in unknown_attributes(vendor_of("salesforce"), [shared])


def test_standard_field_proposal_excludes_fixed_parts() -> None:
    contents = read(
        **{
            "objects/Account/fields/Phone.field-meta.xml": field(
                "<fullName>Phone</fullName><type>Phone</type>"
            ),
            "objects/Lead/validationRules/Late.validationRule-meta.xml": xml(
                "ValidationRule", "<fullName>Late</fullName>"
            ),
        }
    )
    account, lead = (each.build(each.object_type, ()) for each in contents.entries)
    (phone,) = account.fields
    assert (phone.required, phone.unique, phone.default) == (None, None, None)
    assert phone.description == ""
    # The project has the rules of Lead, so Account has none; record types stay unknown.
    assert (account.rules, account.record_types) == ((), None)
    assert (len(lead.rules or ()), lead.fields) == (1, ())
