"""The examples of docs/knowledge.md."""

from __future__ import annotations

import re
from pathlib import Path

from crmdeck.matching.values import suggest_value_map
from crmdeck.model import Field, FieldType, PicklistValue
from crmdeck.workspace.knowledge import load_catalog, load_knowledge

PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"
EXAMPLE = re.compile(r"```toml\n(# ([\w/]+): (\w+)\n.*?)```", re.DOTALL)


def write_examples(home: Path) -> set[str]:
    names = set()
    for text, folder, name in EXAMPLE.findall(PAGE.read_text("utf-8")):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / f"{name}.toml").write_text(text, "utf-8")
        names.add(f"{folder}/{name}")
    return names


def test_each_knowledge_example_extends_the_shipped_data(tmp_path: Path) -> None:
    kinds = {"example", "values", "types", "concepts", "systems", "languages", "words"}
    assert write_examples(tmp_path) == {f"knowledge/matching/{kind}" for kind in kinds} | {
        "catalog/extend",
        "catalog/replace",
    }
    knowledge = load_knowledge(tmp_path)
    assert knowledge.abbreviations["gtm"] == "go to market"
    assert knowledge.abbreviations["rev"] == "rev"
    assert knowledge.synonyms["crew"] == knowledge.synonyms["headcount"]
    assert knowledge.type_compatibility(FieldType.BOOLEAN, FieldType.PICKLIST) == 0.7
    assert knowledge.concept_of("salesforce", "Account", "Main_Industry__c") == "company.industry"
    assert "vat id" in knowledge.concepts["company.vat_number"].phrases
    assert knowledge.languages["swedish"].labels["belopp"] == ("amount",)
    assert "backup" in knowledge.groups["secondary"]
    assert knowledge.systems["acme"].objects["firm"] == "customers"


def test_the_values_example_is_used_in_a_value_map(tmp_path: Path) -> None:
    write_examples(tmp_path)
    granted, approved = (
        Field(name="f", type=FieldType.PICKLIST, picklist=(PicklistValue(value=value),))
        for value in ("Granted", "Accepted")
    )
    found = suggest_value_map(granted, approved, knowledge=load_knowledge(tmp_path))
    assert found.complete


def test_each_catalog_example_changes_its_object(tmp_path: Path) -> None:
    write_examples(tmp_path)
    catalog = load_catalog(tmp_path)
    partner = {field.name: field for field in catalog["partner"].fields}
    assert partner["vatNumber"].length == 20
    assert [value.label for value in partner["lifecycleStage"].picklist] == [
        "Prospect",
        "Onboarding",
        "Active",
    ]
    assert "fitScore" in partner
    assert [field.name for field in catalog["deal"].fields] == ["title", "region"]
