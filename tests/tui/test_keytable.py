"""docs/keys.md lists the keys of the console."""

from __future__ import annotations

from crmdeck.tui.keys.table import key_records
from tests.tui.keys_page import PAGE, page


def test_the_page_lists_all_keys() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert told == page(told), "python -m tests.tui.keys_page updates it"


def test_a_remapped_key_is_listed() -> None:
    records = {record["id"]: record["keys"] for record in key_records({"view.filter": "f,F"})}
    assert records["view.filter"] == ["f", "F"]
