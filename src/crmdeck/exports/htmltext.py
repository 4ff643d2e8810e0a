"""HTML tables that stand alone and in which nothing of a cell is interpreted."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from crmdeck.exports.cells import cell_text, columns_of

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_STYLE = (
    "body{font-family:system-ui,sans-serif}table{border-collapse:collapse}"
    "td,th{border:1px solid #999;padding:.2em .5em;text-align:start;vertical-align:top;"
    "white-space:pre-wrap}"
)


def render_html(
    records: Sequence[Mapping[str, object]], columns: Sequence[str] | None, title: str
) -> str:
    """Return a page with one table; it loads nothing and runs nothing."""
    names = columns_of(records) if columns is None else columns
    heading = f"<h1>{_text(title)}</h1>\n" if title else ""
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{_text(cell_text(record.get(name)))}</td>" for name in names)
        + "</tr>\n"
        for record in records
    )
    return (
        f'<!doctype html>\n<html>\n<head><meta charset="utf-8"><title>{_escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{heading}<table>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    # bdi keeps right-to-left text from reordering its neighbours.
    escaped = _escape(text)
    return escaped if escaped.isascii() else f"<bdi>{escaped}</bdi>"


def _escape(text: str) -> str:
    return html.escape(_CONTROL.sub("\ufffd", text))
