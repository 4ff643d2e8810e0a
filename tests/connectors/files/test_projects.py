"""SFDX projects: packages, namespaces, ignored files, value sets, and what is compared."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import DriftEvent, RefreshResult
from crmdeck.workspace import ConnectionDraft, Workspace

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
REAL = Path(__file__).parents[4] / "shared" / "data" / "sfdx"
Seen = set[tuple[str, str, str, str]]


def xml(kind: str, content: str) -> str:
    return f"{HEAD}<{kind} {SPACE}>{content}</{kind}>"


def values(tag: str, *names: str) -> str:
    return "".join(f"<{tag}><fullName>{each}</fullName></{tag}>" for each in names)


def picklist(*names: str) -> str:
    definition = f"<valueSetDefinition>{values('value', *names)}</valueSetDefinition>"
    return f"<type>Picklist</type><valueSet>{definition}</valueSet>"


class Project:
    """A folder with a project, and a workspace that refreshes it."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self.root, self._workspace = root, workspace
        root.mkdir(exist_ok=True)
        self._connected = False

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def field(self, object_type: str, name: str, content: str, folder: str = "app") -> None:
        text = xml("CustomField", f"<fullName>{name}</fullName><label>{name}</label>{content}")
        self.put(f"{folder}/objects/{object_type}/fields/{name}.field-meta.xml", text)

    def refresh(self) -> RefreshResult:
        if not self._connected:
            draft = ConnectionDraft(
                name="acme", source="files", platform="salesforce", path=str(self.root)
            )
            self._workspace.connections.add(draft)
            self._connected = True
        return self._workspace.refreshes.run("acme")

    def fields(self, object_type: str) -> dict[str, list[str]]:
        found = self._workspace.schemas.object("acme", object_type).fields
        return {each.name: [value.value for value in each.picklist] for each in found}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Workspace.open(tmp_path / "home", secrets=MemorySecrets()) as workspace, workspace.hold():
        made = Project(tmp_path / "project", workspace)
        made.put("sfdx-project.json", json.dumps({"packageDirectories": [{"path": "app"}]}))
        made.put("app/objects/Deal__c/Deal__c.object-meta.xml", xml("CustomObject", "<label/>"))
        made.field("Deal__c", "A__c", "<type>Text</type><length>80</length>")
        yield made


def changes(events: tuple[DriftEvent, ...]) -> Seen:
    """Return object, field or rule, kind and attribute of each change."""
    return {
        (each.object_type, each.rule or each.field_name or "", each.kind.value, attribute)
        for each in events
        for attribute in [change.attribute for change in each.changes] or [""]
    }


def test_project_reads_its_packages_only(project: Project) -> None:
    project.put(
        "sfdx-project.json",
        json.dumps(
            {
                "packageDirectories": [{"path": "./app", "default": True}, {"path": "more/src/"}],
                "namespace": "ns",
            }
        ),
    )
    project.put(".forceignore", "# not deployed\n**/Old__c.field-meta.xml\napp/objects/Gone__c/\n")
    project.field("Deal__c", "Old__c", "<type>Text</type>")
    project.field("Gone__c", "A__c", "<type>Text</type>")
    project.field("Deal__c", "Out__c", "<type>Text</type>", "unpackaged")
    project.field("ns__Deal__c", "ns__B__c", "<type>Lookup</type>", "more/src")
    project.field("Deal__c", "other__C__c", "<type>Date</type>", "more/src")
    project.put("destructive/destructiveChangesPost.xml", xml("Package", ""))
    result = project.refresh()
    assert result.success
    assert project.fields("Deal__c").keys() == {"A__c", "B__c", "other__C__c"}
    messages = {each.code: each.message for each in result.notices}
    assert "destructive/destructiveChangesPost.xml" in messages["DESTRUCTIVE_CHANGES"]
    assert "FILES_PASSED_OVER" not in messages


def test_field_in_two_packages_merges_or_fails_alone(project: Project) -> None:
    project.put(
        "sfdx-project.json", json.dumps({"packageDirectories": [{"path": "app"}, {"path": "more"}]})
    )
    project.field("Deal__c", "Same__c", picklist("a", "b"))
    project.field("Deal__c", "Same__c", picklist("b", "a"), "more")
    project.field("Deal__c", "More__c", "<type>Text</type><length>10</length>")
    project.field("Deal__c", "More__c", "<required>true</required><length>10</length>", "more")
    project.field("Deal__c", "Twice__c", picklist("a"))
    result = project.refresh()
    assert (result.success, result.failures) == (True, ())
    project.field("Deal__c", "Twice__c", picklist("b"), "more")
    project.field("Deal__c", "A__c", "<type>Text</type><length>40</length>")
    for name in ("", "../../x", "a b", b"\x1b".hex() + "-"):
        project.put(
            "app/objects/Deal__c/fields/Bad__c.field-meta.xml",
            xml("CustomField", f"<fullName>{name}</fullName><type>Text</type>"),
        )
        result = project.refresh()
        assert [each.object_type for each in result.failures] == [
            "Deal__c.Bad__c",
            "Deal__c.Twice__c",
        ]
    # What can't be read is neither removed nor changed; the rest is.
    assert project.fields("Deal__c")["Twice__c"] == ["a"]
    assert "Bad__c" not in project.fields("Deal__c")
    (project.root / "app/objects/Deal__c/fields/Bad__c.field-meta.xml").unlink()
    project.field("Deal__c", "Twice__c", picklist("a"), "more")
    result = project.refresh()
    assert (result.failures, result.drift_events) == ((), ())


def test_standard_value_set_gives_values_to_its_fields(project: Project) -> None:
    stages, sources = (f"app/standardValueSets/{name}.standardValueSet-meta.xml"
                       for name in ("OpportunityStage", "LeadSource"))  # fmt: skip
    project.put(stages, xml("StandardValueSet", values("standardValue", "New", "Won")))
    project.put(sources, xml("StandardValueSet", values("standardValue", "Web")))
    project.field("Opportunity", "StageName", "<type>Picklist</type>")
    project.refresh()
    assert project.fields("Opportunity")["StageName"] == ["New", "Won"]
    assert project.fields("Lead") == {"LeadSource": ["Web"]}
    project.put(stages, xml("StandardValueSet", values("standardValue", "New")))
    (event,) = project.refresh().drift_events
    assert (event.object_type, event.field_name) == ("Opportunity", "StageName")
    assert [each["value"] for each in event.changes[0].before] == ["Won"]
    # A broken set removes no value.
    project.put(stages, "<")
    result = project.refresh()
    assert (result.drift_events, project.fields("Opportunity")["StageName"]) == ((), ["New"])
    assert "Opportunity.StageName" in [each.object_type for each in result.failures]


CHANGES: dict[str, tuple[str, str, set[str]]] = {
    "lookup to master-detail": (
        "<type>Lookup</type><referenceTo>Account</referenceTo>",
        "<type>MasterDetail</type><referenceTo>Account</referenceTo>",
        {"required", "nativeType", "deleteConstraint"},
    ),
    "blanks": (
        "<type>Number</type><formula>1</formula>",
        "<type>Number</type><formula>1</formula>"
        "<formulaTreatBlanksAs>BlankAsBlank</formulaTreatBlanksAs>",
        {"blanksAsZero"},
    ),
    "description": (
        "<type>Date</type>",
        "<type>Date</type><description>Why</description>",
        {"internalNote"},
    ),
}


def test_metadata_attributes_are_compared(project: Project) -> None:
    def record_type(*allowed: str) -> str:
        inside = "<picklist>P__c</picklist>" + values("values", *allowed)
        return xml("RecordType", f"<fullName>R</fullName><picklistValues>{inside}</picklistValues>")

    def field_set(*shown: str) -> str:
        inside = "".join(f"<displayedFields><field>{each}</field></displayedFields>"
                         for each in shown)  # fmt: skip
        return xml("FieldSet", f"<fullName>S</fullName>{inside}")

    folder = "app/objects/Deal__c"
    project.field("Deal__c", "P__c", picklist("a", "b"))
    project.put(f"{folder}/recordTypes/R.recordType-meta.xml", record_type("a", "b"))
    project.put(f"{folder}/fieldSets/S.fieldSet-meta.xml", field_set("A__c", "P__c"))
    for number, (before, _, _) in enumerate(CHANGES.values()):
        project.field("Deal__c", f"X{number}__c", before)
    project.refresh()
    project.put(f"{folder}/recordTypes/R.recordType-meta.xml", record_type("a"))
    project.put(f"{folder}/fieldSets/S.fieldSet-meta.xml", field_set("A__c"))
    for number, (_, after, _) in enumerate(CHANGES.values()):
        project.field("Deal__c", f"X{number}__c", after)
    found = changes(project.refresh().drift_events)
    wanted = {
        ("Deal__c", f"X{number}__c", "field_changed", attribute)
        for number, (_, _, attributes) in enumerate(CHANGES.values())
        for attribute in attributes
    }
    wanted |= {("Deal__c", "", "object_changed", each) for each in ("recordTypes", "fieldSets")}
    assert found == wanted


TYPES = (
    "<type>Text</type><length>80</length>",
    "<type>Number</type><precision>18</precision><scale>2</scale>",
    "<type>Date</type>",
    "<type>Checkbox</type><defaultValue>false</defaultValue>",
    "<type>Lookup</type><referenceTo>Account</referenceTo><relationshipName>L</relationshipName>",
    picklist("a", "b", "c"),
)


COMMITS = int(os.environ.get("CRMDECK_TEST_COMMITS", "5"))


def make_up(project: Project, rng: random.Random) -> None:
    """Write a project of thirty objects in two packages."""
    folders = [{"path": "app"}, {"path": "more"}]
    project.put("sfdx-project.json", json.dumps({"packageDirectories": folders}))
    for number in range(30):
        name = f"Object{number}__c" if number % 3 else f"Standard{number}"
        folder = rng.choice(("app", "more"))
        if number % 3:
            project.put(f"{folder}/objects/{name}/{name}.object-meta.xml",
                        xml("CustomObject", f"<label>{name}</label>"))  # fmt: skip
        for field in range(8):
            project.field(name, f"F{field}__c", rng.choice(TYPES), rng.choice(("app", "more")))
        for rule in range(2):
            rule_file(project.root / folder / "objects" / name, f"R{rule}", f"F{rule}__c = null")
        record_type(project.root / folder / "objects" / name, "T0", "F0__c", ("a", "b"))
    for name in ("OpportunityStage", "LeadSource", "Industry", "LeadStatus"):
        project.put(f"app/standardValueSets/{name}.standardValueSet-meta.xml",
                    xml("StandardValueSet", values("standardValue", "x", "y")))  # fmt: skip


def rule_file(folder: Path, name: str, formula: str) -> None:
    inside = f"<fullName>{name}</fullName><active>true</active><errorConditionFormula>{formula}"
    text = xml("ValidationRule", f"{inside}</errorConditionFormula><errorMessage>No</errorMessage>")
    path = folder / "validationRules" / f"{name}.validationRule-meta.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def record_type(folder: Path, name: str, field: str, allowed: tuple[str, ...]) -> None:
    inside = f"<picklist>{field}</picklist>{values('values', *allowed)}"
    text = f"<fullName>{name}</fullName><active>true</active>"
    path = folder / "recordTypes" / f"{name}.recordType-meta.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(xml("RecordType", f"{text}<picklistValues>{inside}</picklistValues>"), "utf-8")


def replaced(path: Path, old: str, new: str) -> bool:
    """Replace the first `old` in a file, if it is there and `new` isn't."""
    text = path.read_text("utf-8")
    if old not in text or (new and new in text and len(new) > len(old)):
        return False
    path.write_text(text.replace(old, new, 1), "utf-8")
    return True


def mutate(
    root: Path, rng: random.Random, number: int, used: set[Path]
) -> Iterator[tuple[str, str, str, str]]:
    """Change a thing in the project that isn't `used`, and yield what that is in its drift."""
    fields = set(root.glob("**/objects/*/fields/*__c.field-meta.xml")) - used
    path = rng.choice(sorted(fields))
    used.add(path)
    name, folder = path.name.partition(".")[0], path.parent.parent
    changed = (folder.name, name, "field_changed")
    end = "</CustomField>"
    kind = rng.randrange(13)
    if kind == 0:
        new = path.with_name(f"New{number}__c.field-meta.xml")
        text = f"<fullName>New{number}__c</fullName>{rng.choice(TYPES)}"
        new.write_text(xml("CustomField", text), "utf-8")
        used.add(new)
        yield folder.name, f"New{number}__c", "field_added", ""
    elif kind == 1 and len(list(path.parent.iterdir())) > 3:
        path.unlink()
        yield folder.name, name, "field_absent", ""
    elif kind == 2 and replaced(path, "<length>", "<length>1"):
        yield *changed, "length"
    elif (
        kind == 3
        and "<inlineHelpText>" not in path.read_text()
        and replaced(path, end, f"<inlineHelpText>{number}</inlineHelpText>{end}")
    ):
        yield *changed, "description"
    elif (
        kind == 4
        and "<description>" not in path.read_text()
        and replaced(path, end, f"<description>{number}</description>{end}")
    ):
        yield *changed, "internalNote"
    elif kind == 5 and "<label>" in path.read_text() and replaced(path, "<label>", "<label>New "):
        yield *changed, "label"
    elif kind == 6:
        text = path.read_text()
        if (
            "<type>Text<" in text
            and "<unique>" not in text
            and replaced(path, end, f"<unique>true</unique>{end}")
        ):
            yield *changed, "unique"
    elif kind == 7:
        text = path.read_text()
        if "<valueSetDefinition>" in text:
            value = values("value", f"v{number}")
            replaced(path, "</valueSetDefinition>", f"{value}</valueSetDefinition>")
            yield *changed, "picklist"
    elif kind == 8:
        text = path.read_text()
        # Without its default, a required picklist must be filled: that is another change.
        found = [
            each
            for each in re.findall(r"<value>.*?</value>", text, re.DOTALL)
            if "<default>true" not in each
        ]
        if len(found) > 1 and replaced(path, rng.choice(found), ""):
            yield *changed, "picklist"
    elif kind == 9:
        rule_file(folder, f"New{number}", "ISBLANK(Name)")
        used.add(folder / "validationRules" / f"New{number}.validationRule-meta.xml")
        yield folder.name, f"New{number}", "rule_added", ""
    elif kind == 10:
        rules = sorted(set(folder.glob("validationRules/*")) - used)
        if len(rules) > 1:
            used.add(rules[0])
            rules[0].unlink()
            yield folder.name, rules[0].name.partition(".")[0], "rule_removed", ""
    elif kind == 11:
        rules = sorted(set(folder.glob("validationRules/*")) - used)
        if rules and replaced(rules[-1], "<errorMessage>", f"<errorMessage>{number} "):
            used.add(rules[-1])
            yield folder.name, rules[-1].name.partition(".")[0], "rule_changed", "message"
    else:
        record_type(folder, f"New{number}", "Q__c", ("a",))
        yield folder.name, "", "object_changed", "recordTypes"


def real(project: Project, _: random.Random) -> None:
    shutil.copytree(REAL / "ebikes.2", project.root, dirs_exist_ok=True)
    folders = [{"path": "force-app"}]
    project.put("sfdx-project.json", json.dumps({"packageDirectories": folders}))
    for folder in sorted(project.root.glob("**/objects/*")):
        rule_file(folder, "R0", "ISBLANK(Name)")
        rule_file(folder, "R1", "ISBLANK(Name)")
        record_type(folder, "T0", "Q__c", ("a",))


@pytest.mark.parametrize("make", [make_up, real])
def test_random_commits_are_found_exactly(
    project: Project, make: Callable[[Project, random.Random], None]
) -> None:
    if make is real and not REAL.is_dir():
        pytest.skip("no real projects here")
    rng = random.Random(20)
    shutil.rmtree(project.root)
    project.root.mkdir()
    make(project, rng)
    project.refresh()
    wanted_total = found_total = both = 0
    for commit in range(COMMITS):
        used: set[Path] = set()
        wanted = {
            each
            for step in range(14)
            for each in mutate(project.root, rng, commit * 1000 + step, used)
        }
        found = changes(project.refresh().drift_events)
        both += len(found & wanted)
        wanted_total += len(wanted)
        found_total += len(found)
    assert wanted_total > 30
    assert both >= 0.995 * wanted_total
    assert both >= 0.995 * found_total
