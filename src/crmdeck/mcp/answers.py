"""One envelope for every answer, filled up to a number of bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from crmdeck.errors import UsageError
from crmdeck.text import visible_text

DEFAULT_BYTES = 4_000
_LONGEST_SENTENCE = 200
_SHARE_OF_GAPS = 4
_LONGEST_TEXT = 400
_MOST_LISTED = 12
_SHARE_OF_ROW = 2
"""Gaps take at most a quarter of an answer, and a row a half, so that each page makes progress."""

Row = Mapping[str, object]

_EMPTY: tuple[object, ...] = (None, "", [], (), {})
_TYPES = {
    key: kind
    for kind, keys in {
        "integer": "openChanges breaking changes rank fields sampled count fieldCount leftOnly "
        "rightOnly differing partnerFields accepted rejected",
        "array": "mappings reasons needs values lines records changedSince",
        "boolean": "required active isSchemaCause",
        "object": "findings change",
        # Whatever the attribute of a field is.
        "": "value leftValue rightValue",
    }.items()
    for key in keys.split()
}
"""The JSON types of the keys of rows, apart from texts."""


def output_schema(keys: str) -> dict[str, object]:
    """Return the JSON Schema of an answer whose rows have some of these keys."""
    types = {key: _TYPES.get(key, "string") for key in keys.split()}
    row = {key: {"type": kind} if kind else {} for key, kind in types.items()}
    return {
        "type": "object",
        "properties": {
            "today": {"type": "string", "format": "date", "description": "Workspace date, UTC."},
            "notChecked": {"type": "array", "items": {"type": "string"}},
            "total": {"type": "integer", "description": "Rows on all pages."},
            "rows": {
                "type": "array",
                "items": {"type": "object", "properties": row, "additionalProperties": False},
            },
            "more": {"type": ["string", "null"], "description": "Cursor of the next page."},
        },
        "required": ["today", "notChecked", "total", "rows", "more"],
    }


@dataclass(frozen=True)
class Answer:
    """All rows of an answer, and sentences about what they can't include.

    A key without a value is left out of its row.
    """

    rows: Sequence[Row]
    not_checked: Sequence[str] = ()


def render(answer: Answer, question: str, cursor: str | None, most_bytes: int, today: date) -> str:
    """Return a page of an answer as compact JSON of at most `most_bytes` bytes.

    `more` is the cursor of the next page, None on the last. A cursor belongs to its `question`;
    raises UsageError for another one.
    """
    start = _start(cursor, question, len(answer.rows))
    body: dict[str, object] = {
        "today": today.isoformat(),
        "notChecked": _gaps(answer.not_checked, most_bytes // _SHARE_OF_GAPS),
        "total": len(answer.rows),
        "rows": [],
        "more": _cursor(len(answer.rows), question),
    }
    # Measured with the longest cursor, so that the real one always fits.
    room = most_bytes - _size(body)
    shown: list[Row] = []
    for row in answer.rows[start:]:
        fitted = _fitted(row, most_bytes // _SHARE_OF_ROW)
        room -= _size(fitted) + 1
        if room < 0:
            break
        shown.append(fitted)
    after = start + len(shown)
    body["rows"] = shown
    body["more"] = _cursor(after, question) if after < len(answer.rows) else None
    return _text(body)


def _gaps(sentences: Sequence[str], most_bytes: int) -> list[str]:
    """Return the first sentences that fit, and how many more there are."""
    shown = [_shortened(each, _LONGEST_SENTENCE) for each in sentences]
    left_out = 0
    while _size(shown) > most_bytes:
        # The last one is the count of those left out.
        shown = shown[: -2 if left_out else -1]
        left_out = len(sentences) - len(shown)
        shown.append(f"{left_out} more gaps.")
    return shown


def _fitted(row: Row, most_bytes: int) -> Row:
    longest, listed = _LONGEST_TEXT, _MOST_LISTED
    # Halved until it fits, because JSON escapes make lengths hard to predict.
    while True:
        fitted = {
            key: _cut(each, longest, listed) for key, each in row.items() if each not in _EMPTY
        }
        if longest == 1 or _size(fitted) <= most_bytes:
            return fitted
        longest, listed = longest // 2, max(1, listed // 2)


def _cut(value: object, longest: int, listed: int) -> object:
    if isinstance(value, str):
        return _shortened(value, longest)
    if isinstance(value, Mapping):
        return {key: _cut(each, longest, listed) for key, each in value.items()}
    if isinstance(value, list | tuple):
        more = [f"+{len(value) - listed} more"] if len(value) > listed else []
        return [_cut(each, longest, listed) for each in value[:listed]] + more
    return value


def _shortened(text: str, longest: int) -> str:
    shown = visible_text(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _cursor(place: int, question: str) -> str:
    return f"{place}-{hashlib.sha256(question.encode()).hexdigest()[:8]}"


def _start(cursor: str | None, question: str, total: int) -> int:
    if cursor is None:
        return 0
    place, _, _ = cursor.partition("-")
    if place.isascii() and place.isdigit() and len(place) < 10:
        start = int(place)
        if start <= total and cursor == _cursor(start, question):
            return start
    raise UsageError(
        "The cursor belongs to another question.",
        cause="A cursor works only with the arguments of the call that returned it.",
        remedy="Repeat the question without a cursor.",
        code="BAD_CURSOR",
    )


def _size(value: object) -> int:
    return len(_text(value).encode())


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
