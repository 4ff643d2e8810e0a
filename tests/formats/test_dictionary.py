"""Data dictionaries: API names before display names, types in words, nothing guessed."""

from __future__ import annotations

import pytest

from crmdeck.errors import SourceError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile
from crmdeck.model import Field, FieldType, ObjectSchema

from .tables import workbook


def objects(data: bytes | str, name: str = "Deal.csv") -> dict[str, ObjectSchema]:
    file = SchemaFile(name, data if isinstance(data, bytes) else data.encode())
    entries = read_contents(file, file.data).entries
    return {each.object_type: each.build(each.object_type, ()) for each in entries}


def only(data: bytes | str) -> tuple[Field, ...]:
    (schema,) = objects(data).values()
    return schema.fields


def of_type(cell: str) -> Field:
    (field,) = only(f'API Name,Data Type\nx__c,"{cell}"\n')
    return field


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        ("Text(255)", FieldType.STRING, {"length": 255, "native_type": "Text"}),
        (
            "Text(80) (External ID) (Unique Case Insensitive)",
            FieldType.STRING,
            {"length": 80, "external_id": True, "unique": True},
        ),
        ("Number(16, 2)", FieldType.DECIMAL, {"precision": 18, "scale": 2}),
        ("Currency(16, 2)", FieldType.CURRENCY, {"precision": 18, "scale": 2}),
        ("Lookup(Account)", FieldType.REFERENCE, {"references": ("Account",)}),
        ("Lookup(User,Queue)", FieldType.REFERENCE, {"references": ("User", "Queue")}),
        ("Master-Detail(Order__c)", FieldType.REFERENCE, {"references": ("Order__c",)}),
        ("Formula (Currency)", FieldType.CURRENCY, {"calculated": True}),
        ("Formula (Text)", FieldType.STRING, {"calculated": True}),
        ("Roll-Up Summary (SUM Line)", FieldType.OTHER, {"calculated": True}),
        ("Auto Number", FieldType.STRING, {"createable": False, "auto_number": True}),
        ("Picklist (Multi-Select)", FieldType.MULTIPICKLIST, {}),
        ("Long Text Area(32768)", FieldType.TEXT, {"length": 32768}),
        ("Text Area (Long)(32768)", FieldType.TEXT, {"length": 32768}),
        ("Text (Encrypted)(175)", FieldType.STRING, {"length": 175}),
        ("Date/Time", FieldType.DATETIME, {}),
        ("Nachschlagen(Account)", FieldType.REFERENCE, {"references": ("Account",)}),
        ("Formel (Währung)", FieldType.CURRENCY, {"calculated": True}),
        ("Kontrollkästchen", FieldType.BOOLEAN, {}),
        ("Liste de sélection", FieldType.PICKLIST, {}),
        ("Case à cocher", FieldType.BOOLEAN, {}),
        ("Texte(80) (ID externe)", FieldType.STRING, {"length": 80, "external_id": True}),
        ("text", FieldType.TEXT, {}),
        ("Fancy(3)", FieldType.OTHER, {"native_type": "Fancy"}),
        ("", FieldType.OTHER, {"native_type": ""}),
    ],
)
def test_types_are_read_as_setup_writes_them(
    cell: str, kind: FieldType, said: dict[str, object]
) -> None:
    field = of_type(cell)

    assert field.type is kind
    for attribute, value in said.items():
        assert getattr(field, attribute) == value, attribute


def test_missing_bracket_facts_are_unknown() -> None:
    field = of_type("Text(255)")

    assert (field.unique, field.external_id, field.required, field.calculated) == (None,) * 4


@pytest.mark.parametrize(
    "header",
    [
        "Field Label,Field Name,Data Type",
        "Label,API Name,Type",
        "Name,Internal name,Type",
        "Label,QualifiedApiName,DataType",
        "Feldbezeichnung,Feldname,Datentyp",
        "Name,Interner Name,Typ",
        "Étiquette de champ,Nom du champ,Type de données",
        "Nom,Nom interne,Type",
    ],
)
def test_headings_of_each_vendor_and_language(header: str) -> None:
    (field,) = only(f"{header}\nClose date,close_date,Date\n")

    assert (field.name, field.label, field.type) == ("close_date", "Close date", FieldType.DATE)


def test_a_property_export_of_hubspot() -> None:
    (field,) = only(
        "Name,Internal name,Type,Description,Group name,Form field,Options,Read only value,"
        "Calculated,Deleted,Hubspot defined\n"
        'Deal type,dealtype,enumeration,What it is,deal_info,true,"new;old",true,false,false,true\n'
    )

    assert (field.name, field.type, field.group) == ("dealtype", FieldType.PICKLIST, "deal_info")
    assert [value.value for value in field.picklist] == ["new", "old"]
    assert (field.createable, field.custom, field.archived) == (False, False, False)
    assert field.native == {"Form field": "true"}


def test_several_sheets_are_an_object_each_and_a_cover_is_none() -> None:
    header = ["Field Label", "Field Name", "Data Type"]
    found = objects(
        workbook(
            {
                "Cover": [["Our data model"], ["2026"]],
                "Account": [["As of May"], [], header, ["Name", "Name", "Name"]],
                "Deal__c": [header, ["Size", "Size__c", "Number(16, 2)"], ["Id", "Id", 1.0]],
            }
        ),
        "model.xlsx",
    )

    assert list(found) == ["Account", "Deal__c"]
    assert [field.name for field in found["Account"].fields] == ["Name"]
    assert [field.name for field in found["Deal__c"].fields] == ["Size__c", "Id"]


def test_sections_of_one_sheet_are_an_object_each() -> None:
    found = objects(
        "Account,,\n"
        "Field Label,Field Name,Data Type\n"
        "Name,Name,Name\n"
        "\n"
        "Type,Type,Picklist\n"
        "\n"
        "Deal__c,,\n"
        "Field Label,Field Name,Data Type\n"
        "Size,Size__c,Text(80)\n"
    )

    names = {name: [field.name for field in each.fields] for name, each in found.items()}
    assert names == {"Account": ["Name", "Type"], "Deal__c": ["Size__c"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Field Name,Data Type\nAccount Name,Text(80)\n", "contains labels"),
        ("Label,Type\nAccount Name,Text\n", "no column of API names"),
        ("API Name,Internal name\na,b\n", "both mean `name`"),
        (
            workbook({"Fields": [["API Name"], ["a"]], "Sheet2": [["API Name"], ["b"]]}),
            "doesn't name the object",
        ),
    ],
)
def test_ambiguous_sheet_is_rejected(data: bytes | str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        objects(data)
    assert caught.value.code == "AMBIGUOUS_SHEET"
    assert caught.value.remedy


def test_two_columns_that_agree_are_one() -> None:
    assert [field.name for field in only("API Name,Internal name\na,a\nb,b\n")] == ["a", "b"]


def test_a_workbook_that_is_none_is_named() -> None:
    with pytest.raises(SourceError, match=r"Deal.csv is broken at its archive"):
        objects(b"PK\x03\x04" + b"x" * 100)
