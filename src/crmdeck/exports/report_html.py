"""A report as a self-contained page without scripts, for screen and print."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import repeat

from crmdeck.exports.cells import cell_text
from crmdeck.exports.report import Cell, Report, ReportTable

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--bad:#b3261e;--warn:#8a5a00;--good:#1b6e3c;
--note:#0b57a4}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--warn:#ffc46b;--good:#7fd9a0;--note:#8ab8ff}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:88rem;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.summary{font-size:1.1rem;margin:.25rem 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.9em}
th,td{border-bottom:1px solid var(--line);padding:.3rem .35rem;text-align:start;
vertical-align:top;white-space:pre-wrap;overflow-wrap:break-word}
th{position:sticky;top:0;background:Canvas}
tbody tr:nth-child(even){background:var(--soft)}
tr.bad td:first-child{box-shadow:inset 3px 0 var(--bad)}tr.bad .m{color:var(--bad)}
tr.warn td:first-child{box-shadow:inset 3px 0 var(--warn)}tr.warn .m{color:var(--warn)}
tr.good td:first-child{box-shadow:inset 3px 0 var(--good)}tr.good .m{color:var(--good)}
tr.note td:first-child{box-shadow:inset 3px 0 var(--note)}tr.note .m{color:var(--note)}
time,.d{white-space:nowrap}th.room{min-width:8rem}.no{opacity:.5}
.bar{display:flex;height:2.2rem;border-radius:.3rem;overflow:hidden;gap:2px}
.bar span{min-width:4px;background:var(--line)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.6rem;list-style:none;margin:.5rem 0 1rem;padding:0}
.legend b{font-variant-numeric:tabular-nums}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:.15em;margin-right:.4em;
background:var(--line)}
.bar .bad,.legend .bad{background:var(--bad)}.bar .warn,.legend .warn{background:var(--warn)}
.bar .note,.legend .note{background:var(--note)}.bar .good,.legend .good{background:var(--good)}
nav{columns:16rem;margin:1rem 0}
nav a{display:block;text-underline-offset:.25em;overflow-wrap:anywhere}
@media screen and (max-width:1000px){table{font-size:.8em}time{white-space:normal}}
footer{margin-top:2rem;opacity:.7;font-size:.85rem}
@media print{:root{color-scheme:light;--bad:#b3261e;--warn:#8a5a00;--good:#1b6e3c;--note:#0b57a4}
body{margin:0;padding:0;max-width:none;font-size:7.5pt}th{position:static}
tr{break-inside:avoid}h2,h2~p{break-after:avoid}nav{columns:5}a{color:inherit}
.bar span,.legend i,tr.bad,tr.warn,tr.good,tr.note,
tbody tr:nth-child(even){print-color-adjust:exact}
@page{size:A4 landscape;margin:10mm 10mm 14mm;
@bottom-right{content:counter(page) " / " counter(pages);font:7pt system-ui,sans-serif}}}
"""

_BREAKABLE = re.compile(
    r"(?<=\w{4}[^\W_])_(?=[A-Za-z])|(?<=\w{3})[.:/](?=\w{3})|(?<=[a-z]{4})(?=[A-Z][a-z]{3})"
)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def draw(report: Report) -> Iterator[str]:
    """Yield the page, row by row."""
    facts = "".join(
        f"<dt>{_inline(name)}</dt><dd>{_cell(value)}</dd>" for name, value in report.facts
    )
    made = f"<footer>crmdeck, {_cell(report.made_at)}</footer>\n" if report.made_at else ""
    yield (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{_escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_inline(report.title)}</h1>\n"
        + (f'<p class="summary">{_inline(report.summary)}</p>\n' if report.summary else "")
        + _bar(report)
        + (f"<dl>{facts}</dl>\n" if facts else "")
    )
    if len(report.contents) > 1:
        yield "<nav>\n"
        for number, title in enumerate(report.contents, 1):
            yield f'<a href="#s{number}">{_breakable(title)}</a>\n'
        yield "</nav>\n"
    for number, section in enumerate(report.sections, 1):
        if section.title:
            yield f'<h2 id="s{number}">{_inline(section.title)}</h2>\n'
        for line in section.text:
            yield f"<p>{_inline(line)}</p>\n"
        if section.table:
            yield from _table(section.table)
    yield f"{made}</body>\n</html>\n"


def _escape(text: str) -> str:
    """Return text escaped for HTML, without control characters."""
    return html.escape(_CONTROL.sub("\ufffd", text))


def _inline(text: str) -> str:
    """Return text escaped for a page, left-to-right or right-to-left."""
    # bdi keeps right-to-left text from reordering its neighbors.
    escaped = _escape(text)
    return escaped if escaped.isascii() else f"<bdi>{escaped}</bdi>"


def _bar(report: Report) -> str:
    shares = report.shares()
    if not shares:
        return ""
    spoken = ", ".join(f"{part.count:,} {part.label}" for part, _ in shares)
    parts = "".join(
        f'<span class="{part.mark}" style="flex:{part.count} 0 0"></span>' for part, _ in shares
    )
    legend = "".join(
        f'<li><i class="{part.mark}"></i><b>{part.count:,}</b> {_inline(part.label)} '
        f"({_escape(share)})</li>"
        for part, share in shares
    )
    return (
        f'<div class="bar" role="img" aria-label="{_escape(spoken)}">{parts}</div>\n'
        f'<ul class="legend">{legend}</ul>\n'
    )


def _table(table: ReportTable) -> Iterator[str]:
    head = "".join(
        f'<th class="room">{_inline(name)}</th>'
        if name in table.room
        else f"<th>{_inline(name)}</th>"
        for name in table.columns
    )
    yield f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
    # If there are no marks, the empty one repeats endlessly, so the lengths differ.
    for mark, row in zip(table.marks or repeat(""), table.rows, strict=bool(table.marks)):
        yield (
            (f'<tr class="{mark}">' if mark else "<tr>")
            + "".join(
                f'<td class="m">{_cell(value)}</td>' if number == 0 else f"<td>{_cell(value)}</td>"
                for number, value in enumerate(row)
            )
            + "</tr>\n"
        )
    yield "</tbody>\n</table>\n"


def _cell(value: Cell) -> str:
    if isinstance(value, datetime):
        day = f'<span class="d">{value:%Y-%m-%d}</span>'
        return f'<time datetime="{cell_text(value)}">{day} {value:%H:%M} UTC</time>'
    if isinstance(value, bool):
        return "yes" if value else '<span class="no">no</span>'
    return _breakable(cell_text(value))


def _breakable(text: str) -> str:
    """Return text in which long names can break after their parts, and dates can't."""
    broken = _BREAKABLE.sub(r"\g<0><wbr>", _inline(text))
    return _DATE.sub(r'<span class="d">\g<0></span>', broken)
