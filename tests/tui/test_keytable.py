"""The page of keys is the console's own."""

from __future__ import annotations

from crmdeck.tui.keys.table import key_records
from tests.tui.keys_page import PAGE, page


def test_the_page_lists_the_keys_that_there_are() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert told == page(told), "python -m tests.tui.keys_page draws it anew"


def test_a_remapped_key_shows_under_its_new_name() -> None:
    records = {record["id"]: record["keys"] for record in key_records({"view.filter": "f,F"})}
    assert records["view.filter"] == ["f", "F"]
