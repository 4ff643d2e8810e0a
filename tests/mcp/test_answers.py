"""The envelope: every page fits, makes progress, and belongs to its question."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.errors import UsageError
from crmdeck.mcp import Answer, render

TODAY = date(2026, 5, 16)
_VALUES = st.text(max_size=3_000) | st.lists(st.text(max_size=60), max_size=80) | st.integers()
_ROWS = st.lists(st.dictionaries(st.sampled_from("abcdef"), _VALUES, max_size=6), max_size=12)


@given(rows=_ROWS, gaps=st.lists(st.text(max_size=500), max_size=20))
def test_all_rows_arrive_in_pages_that_fit(rows: list[dict[str, object]], gaps: list[str]) -> None:
    cursor, arrived = None, 0
    for _ in range(len(rows) + 1):
        text = render(Answer(rows, gaps), "q", cursor, 4_000, TODAY)
        page = json.loads(text)
        assert list(page) == ["today", "notChecked", "total", "rows", "more"]
        assert page["total"] == len(rows)
        assert len(text.encode()) <= 4_000
        arrived += len(page["rows"])
        cursor = page["more"]
        if cursor is None:
            break
    assert arrived == len(rows)


def test_a_long_text_is_cut_and_hidden_characters_show() -> None:
    row = {"label": "x" * 9_000, "values": [f"value {n}" for n in range(90)], "name": "a\u202eb\n"}
    (shown,) = json.loads(render(Answer([row]), "q", None, 4_000, TODAY))["rows"]
    assert shown["label"].endswith("…")
    assert shown["values"][-1] == "+78 more"
    assert "\u202e" not in shown["name"]
    assert "\n" not in shown["name"]


@pytest.mark.parametrize("cursor", ["1", "-", "999999999999", "1-00000000", "²-5", ""])
def test_cursor_of_another_question_is_rejected(cursor: str) -> None:
    rows = [{"text": "x" * 300}] * 20
    more = json.loads(render(Answer(rows), "q", None, 2_000, TODAY))["more"]
    for wrong, question in ((cursor, "q"), (more, "another")):
        with pytest.raises(UsageError, match="another question"):
            render(Answer(rows), question, wrong, 2_000, TODAY)
