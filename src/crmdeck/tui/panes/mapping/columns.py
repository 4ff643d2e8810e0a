"""What a mapping line looks like in the table, and how it is filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crmdeck.model import DecisionState
from crmdeck.tui.filtering import KeyTest, one_of, yes_no
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import (
    SIGNS,
    STATE_WORDS,
    MappingRow,
    crm_text,
    percent,
    state_text,
    trouble_text,
)

STATE_STYLES = {
    DecisionState.ACCEPTED: "ok",
    DecisionState.REJECTED: "muted",
    DecisionState.PENDING: "info",
}
BAR_CELLS = 4
WORD_CELLS = 6
SURE_CELLS = WORD_CELLS + 1 + BAR_CELLS + 3
TROUBLE_CELLS = 8
SURE, LIKELY = 0.9, 0.5


def confidence_bar(confidence: float | None, cells: int = BAR_CELLS) -> str:
    """Return a bar of `cells` cells and the percentage; nothing where nothing is known."""
    if confidence is None:
        return ""
    halves = round(max(0.0, min(1.0, confidence)) * cells * 2)
    bar = "━" * (halves // 2) + "╸" * (halves % 2)
    return f"{bar:<{cells}} {percent(confidence):>2}"


def confidence_style(line: MappingRow) -> str:
    """Return the style of a confidence: what is hardly likely is quiet."""
    sure = line.confidence or 0.0
    return "ok" if sure >= SURE else "" if sure >= LIKELY else "muted"


def _crm_style(line: MappingRow) -> str:
    if line.crm_field is None:
        return "muted"
    if line.right is None:
        return "error"
    return "strong" if line.is_open else ""


def fit_sure(line: MappingRow, width: int) -> str:
    """Return the state and how sure the ranker is; where both have no room, what counts more."""
    word, bar = state_text(line), confidence_bar(line.confidence)
    if width >= SURE_CELLS:
        return f"{word:<{WORD_CELLS}} {bar}".rstrip()
    return confidence_bar(line.confidence, BAR_CELLS - 1) if line.is_open else word


def fit_name(name: str, width: int) -> str:
    """Return a name in `width` cells, cut in its middle: names of a CRM differ at their ends."""
    if len(name) <= width or not (name.isascii() and name.isprintable()):
        return name
    tail = max(1, (width - 1) * 3 // 5)
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


COLUMNS: tuple[Column[MappingRow], ...] = (
    Column(
        "sign",
        "",
        lambda line: SIGNS[line.state],
        style=lambda line: STATE_STYLES[line.state],
        width=1,
        sort_key=lambda line: list(DecisionState)[::-1].index(line.state),
        searched=False,
    ),
    Column(
        "field",
        "PartnerOS",
        lambda line: line.title,
        style=lambda line: "" if line.is_open else "muted",
        min_width=11,
    ),
    Column(
        "direction",
        "",
        lambda line: line.direction.arrow if line.crm_field else " ",
        style=lambda line: "error" if not line.can_flow else "accent",
        width=1,
        sortable=False,
        searched=False,
    ),
    Column(
        "crm",
        "CRM field",
        crm_text,
        fit=lambda line, width: (
            fit_name(line.crm_field, width) if line.crm_field else crm_text(line)
        ),
        style=_crm_style,
        min_width=13,
    ),
    Column(
        "confidence",
        "Sure %",
        lambda line: fit_sure(line, SURE_CELLS),
        fit=fit_sure,
        style=confidence_style,
        width=SURE_CELLS,
        shrink_to=WORD_CELLS,
        sort_key=lambda line: line.confidence,
        searched=False,
    ),
    Column(
        "warning",
        "Warning",
        trouble_text,
        style=lambda line: line.trouble.state,
        width=TROUBLE_CELLS,
        sort_key=lambda line: -line.trouble.rank,
        searched=False,
    ),
)

_COMPARISON = re.compile(r"(<=|>=|<|>|=)?(\d*\.?\d+)(%?)")


def _compared(line: MappingRow, wanted: str) -> bool:
    """Return whether the confidence is as `>0.8`, `<=50%` or `90` ask for; `90` is at least."""
    match = _COMPARISON.fullmatch(wanted)
    if match is None or line.confidence is None:
        return False
    operator, number, sign = match.groups()
    limit = float(number) / 100 if sign or float(number) > 1 else float(number)
    sure = line.confidence
    return {
        ">": sure > limit,
        "<": sure < limit,
        "<=": sure <= limit,
        "=": percent(sure) == percent(limit),
    }.get(operator or ">=", sure >= limit)


def _types(line: MappingRow) -> Iterable[str]:
    yield line.partner.type.value
    if line.right is not None:
        yield line.right.type.value


FILTER_KEYS: dict[str, KeyTest[MappingRow]] = {
    "state": lambda line, wanted: any(one_of(word, wanted) for word in STATE_WORDS[line.state]),
    "conf": _compared,
    "type": lambda line, wanted: any(one_of(type_, wanted) for type_ in _types(line)),
    "warn": lambda line, wanted: yes_no(line.trouble.rank > 0, wanted),
    "drift": lambda line, wanted: yes_no(line.severity is not None, wanted),
    "dir": lambda line, wanted: line.crm_field is not None and one_of(line.direction, wanted),
}


def searched(line: MappingRow) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    yield line.title
    yield line.partner.name
    yield line.crm_field or ""
    if line.right is not None:
        yield line.right.label
