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
    {"Id": "1", "Name": "Alpha", "Size": 3, "Owner": {"Name": "Ann"}, "At": None},
    {"Id": "2", "Name": "Beta's", "Size": None, "Owner": None, "At": MAY},
    {"Id": "3", "Name": "Gamma", "Size": 9, "Owner": {"Name": "Bob"}, "At": JUNE},
]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("Name = 'alpha'", "1"),
        (r"Name = 'Beta\'s'", "2"),
        ("Size >= 3 AND NOT Name = 'Gamma'", "1"),
        ("Size = null", "2"),
        ("Size != null", "13"),
        ("Owner.Name IN ('Ann', 'Bob')", "13"),
        ("Id NOT IN ('1')", "23"),
        ("Name LIKE '%a'", "13"),
        ("(Id = '1' OR Id = '2') AND Size < 5", "1"),
        ("At > 2026-05-15T00:00:00Z", "3"),
    ],
)
def test_where(where: str, ids: str) -> None:
    found = parse(f"SELECT Id FROM Thing WHERE {where}").run(ROWS)
    assert "".join(str(row["Id"]) for row in found) == ids


def test_order_limit_and_offset() -> None:
    query = parse("select Id, Owner.Name from Thing order by Size desc nulls last, Id limit 2")
    assert [row["Id"] for row in query.run(ROWS)] == ["3", "1"]
    assert query.fields == ("Id", "Owner.Name")
    assert [row["Id"] for row in parse("SELECT Id FROM T LIMIT 5 OFFSET 2").run(ROWS)] == ["3"]
    assert parse("SELECT COUNT() FROM Thing").count


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DELETE FROM Thing", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Thing WHERE Nope = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Thing WHERE Name > 3", "INVALID_FIELD"),
    ],
)
def test_what_cannot_be_run_says_so(text: str, code: str) -> None:
    with pytest.raises(SoqlError) as caught:
        parse(text).run(ROWS)
    assert caught.value.code == code


@given(st.text(max_size=40))
def test_any_text_in_quotes_is_a_value_and_nothing_else(text: str) -> None:
    quoted = text.replace("\\", r"\\").replace("'", r"\'")
    query = parse(f"SELECT Id FROM Thing WHERE Name = '{quoted}'")
    row = {"Id": "x", "Name": text}
    assert query.run([row]) == [row]


@given(st.text(max_size=60))
def test_nonsense_raises_nothing_else(text: str) -> None:
    with suppress(SoqlError):
        parse(text).run(ROWS)
