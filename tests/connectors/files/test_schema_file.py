"""One schema out of one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmdeck.connectors.files import load_schema_file
from crmdeck.errors import NotFoundError, SourceError, UsageError


def test_file_without_object_type_uses_given_one(tmp_path: Path) -> None:
    path = tmp_path / "left.csv"
    path.write_text("name,type\ntier,picklist\n")

    assert load_schema_file(path).object_type == "left"
    assert load_schema_file(path, "partner").object_type == "partner"


def test_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    field = {"name": "Id", "type": "id"}
    path.write_text(json.dumps([{"name": n, "fields": [field]} for n in ("Account", "Lead")]))

    assert load_schema_file(path, "Lead").object_type == "Lead"
    with pytest.raises(UsageError, match="Account, Lead"):
        load_schema_file(path)
    with pytest.raises(NotFoundError, match="Account"):
        load_schema_file(path, "Acount")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"name": "A", "fields": [5]}', "a.json is broken at"),
        ("b.json", "[", "b.json is broken at line 1"),
        ("g.json", '[{"name": "A", "keyPrefix": "001"}]', "has no fields"),
        ("d.json", '{"name": "", "fields": []}', "d.json is broken at"),
    ],
)
def test_unreadable_parts_are_listed(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(SourceError, match=message):
        load_schema_file(path)


def test_missing_file_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.json"):
        with pytest.raises(NotFoundError, match="exist"):
            load_schema_file(path)
