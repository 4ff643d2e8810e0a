"""The page of keys is the console's own."""

from __future__ import annotations

from pathlib import Path

from crmdeck.tui.keytable import key_records, key_table

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"


def test_the_page_lists_the_keys_that_there_are() -> None:
    told = PAGE.read_text(encoding="utf-8").partition("<!-- keys -->\n")[2]
    assert told.partition("<!-- /keys -->")[0] == key_table()


def test_a_remapped_key_shows_under_its_new_name() -> None:
    records = {record["id"]: record["keys"] for record in key_records({"view.filter": "f,F"})}
    assert records["view.filter"] == ["f", "F"]
