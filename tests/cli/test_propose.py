"""crmdeck propose over exported files: a folder to review, or a sentence and nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import PAIR, Shell, make_mappings
from tests.restored import Restored

DESCRIBE = {
    "name": "Opportunity",
    "label": "Opportunity",
    "fields": [
        {"name": "Name", "type": "string", "length": 20, "nillable": False, "createable": True},
        {"name": "Amount", "type": "currency", "precision": 18, "scale": 2, "createable": True},
        {"name": "Customer__c", "type": "string", "length": 80, "custom": True,
         "createable": True},
    ],
}  # fmt: skip
FIELD_FILE = "force-app/main/default/objects/Opportunity/fields/Customer__c.field-meta.xml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    def make(folder: Path) -> None:
        make_mappings(folder, DESCRIBE, "accountName=Customer__c", "estimatedValue=Amount")

    return Restored(tmp_path_factory.mktemp("propose"), make)


@pytest.fixture
def shell(made: Restored) -> Shell:
    return Shell(made.anew() / "home")


def test_a_proposal_is_a_folder_that_is_never_overwritten(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "change"
    chosen = ("propose", "acme", PAIR, "--field", "currency", "--field", "accountName")
    assert shell.run(*chosen).code == 0
    assert not folder.exists()
    project = tmp_path / "project"
    retrieved = project / FIELD_FILE
    retrieved.parent.mkdir(parents=True)
    retrieved.write_text("<CustomField><length>80</length><type>Text</type></CustomField>", "utf-8")
    written = shell.json(*chosen, "--project", str(project), "-o", str(folder))
    assert [(each["kind"], each["crmField"]) for each in written["changes"]] == [
        ("longer_text", "Customer__c"),
        ("new_field", "Currency__c"),
    ]
    assert {each["path"] for each in written["files"]} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    }
    assert "<length>255</length>" in (folder / FIELD_FILE).read_text("utf-8")
    text = (folder / "PULL_REQUEST.md").read_text("utf-8")
    assert "mapping accept" in text
    assert "currency=Currency__c" in text
    (folder / "PULL_REQUEST.md").write_text("reviewed", "utf-8")
    again = shell.attempt(*chosen, "-o", str(folder))
    assert (again.code, "already exists" in again.stderr) == (2, True)
    assert (folder / "PULL_REQUEST.md").read_text("utf-8") == "reviewed"
    assert shell.run(*chosen, "-o", str(folder), "--force").code == 0
    assert "## By hand" in (folder / "PULL_REQUEST.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--field", "acountName"), "No PartnerOS field named 'acountName'."),
        (
            ("--field", "estimatedValue"),
            "Opportunity already has everything 'estimatedValue' needs.",
        ),
        (("--field", "currency", "--project", "."), "has no fields of Opportunity"),
    ],
)
def test_wrong_request_writes_no_files(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    folder = tmp_path / "change"
    words = [str(shell.home) if each == "." else each for each in arguments]
    done = shell.attempt("propose", "acme", PAIR, *words, "-o", str(folder))
    assert (done.code != 0, sentence in done.stderr) == (True, True), done.stderr
    assert not folder.exists()
