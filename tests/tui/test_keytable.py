"""docs/keys.md lists the keys of the console."""

from __future__ import annotations

from crmdeck.tui.key_table import key_records
from crmdeck.tui.keys.actions import actions
from tests.tui.keys_page import PAGE, page


def test_the_page_lists_all_keys() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert told == page(told), "python -m tests.tui.keys_page updates it"


def test_every_action_is_listed_once_with_its_remapped_keys() -> None:
    assert sorted(str(one["id"]) for one in key_records()) == sorted(one.id for one in actions())
    records = {record["id"]: record["keys"] for record in key_records({"view.filter": "f,F"})}
    assert records["view.filter"] == ["f", "F"]
