"""The subset of SOQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.sandbox.soql import SoqlError, parse

MAY, JUNE = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6))
ROWS: list[dict[str, Any]] = [
    {"Id": "1", "Name": "Alpha", "Size": 3, "Open": False, "Owner": {"Name": "Ann"}, "At": None},
    {"Id": "2", "Name": "Beta's", "Size": None, "Open": None, "Owner": None, "At": MAY},
    {"Id": "3", "Name": "Gamma", "Size": 9, "Open": True, "Owner": {"Name": "Bob"}, "At": JUNE},
]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("Name = 'alpha'", "1"),
        (r"Name = 'Beta\'s'", "2"),
        ("Size = null", "2"),
        ("Open = true", "3"),
        ("Owner.Name IN ('Ann', 'Bob')", "13"),
        ("(Id = '1' OR Id = '2') AND Open = false", "1"),
        ("Id = '1' OR Id = '2' AND Open = true", "1"),
    ],
)
def test_where(where: str, ids: str) -> None:
    found = parse(f"SELECT Id FROM Thing WHERE {where}").run(ROWS)
    assert "".join(str(row["Id"]) for row in found) == ids


def test_order_and_limit() -> None:
    query = parse("select Id, Owner.Name from Thing order by Size desc, Id limit 2")
    assert [row["Id"] for row in query.run(ROWS)] == ["3", "1"]
    assert query.fields == ("Id", "Owner.Name")
    assert [row["Id"] for row in parse("SELECT Id FROM T ORDER BY At").run(ROWS)] == list("123")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DELETE FROM Thing", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing WHERE Nope = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Thing WHERE Size = 3", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing WHERE Name.Length = 'x'", "INVALID_FIELD"),
    ],
)
def test_unrunnable_step_reports_it(text: str, code: str) -> None:
    with pytest.raises(SoqlError) as caught:
        parse(text).run(ROWS)
    assert caught.value.code == code


@given(st.text(max_size=40))
def test_quoted_text_is_only_a_value(text: str) -> None:
    quoted = text.replace("\\", r"\\").replace("'", r"\'")
    query = parse(f"SELECT Id FROM Thing WHERE Name = '{quoted}'")
    row = {"Id": "x", "Name": text}
    assert query.run([row]) == [row]


@given(st.text(max_size=60))
def test_nonsense_raises_nothing_else(text: str) -> None:
    with suppress(SoqlError):
        parse(text).run(ROWS)
