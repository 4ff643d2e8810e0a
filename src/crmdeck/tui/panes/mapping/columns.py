"""What rows and object pairs look like in their tables, and how rows are filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crmdeck.model import DecisionState
from crmdeck.tui.dialogs.choose import Choice as Option
from crmdeck.tui.filtering import KeyTest, one_of, yes_no
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import (
    SIGNS,
    STATE_WORDS,
    MappingRow,
    PairChoice,
    crm_text,
    pair_text,
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


def confidence_style(row: MappingRow) -> str:
    """Return the style of a confidence: what is hardly likely is quiet."""
    sure = row.confidence or 0.0
    return "ok" if sure >= SURE else "" if sure >= LIKELY else "muted"


def _crm_style(row: MappingRow) -> str:
    if row.crm_field is None:
        return "muted"
    if row.right is None:
        return "error"
    return "strong" if row.is_open else ""


def fit_sure(row: MappingRow, width: int) -> str:
    """Return the state and how sure the ranker is; where both have no room, what counts more."""
    word, bar = state_text(row), confidence_bar(row.confidence)
    if width >= SURE_CELLS:
        return f"{word:<{WORD_CELLS}} {bar}".rstrip()
    return confidence_bar(row.confidence, BAR_CELLS - 1) if row.is_open else word


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
        lambda row: SIGNS[row.state],
        style=lambda row: STATE_STYLES[row.state],
        width=1,
        sort_key=lambda row: list(DecisionState)[::-1].index(row.state),
        searched=False,
    ),
    Column(
        "field",
        "PartnerOS",
        lambda row: row.title,
        style=lambda row: "" if row.is_open else "muted",
        min_width=11,
    ),
    Column(
        "direction",
        "",
        lambda row: row.direction.arrow if row.crm_field else " ",
        style=lambda row: "error" if not row.can_flow else "accent",
        width=1,
        sortable=False,
        searched=False,
    ),
    Column(
        "crm",
        "CRM field",
        crm_text,
        fit=lambda row, width: fit_name(row.crm_field, width) if row.crm_field else crm_text(row),
        style=_crm_style,
        min_width=13,
    ),
    Column(
        "confidence",
        "Sure %",
        lambda row: fit_sure(row, SURE_CELLS),
        fit=fit_sure,
        style=confidence_style,
        width=SURE_CELLS,
        shrink_to=WORD_CELLS,
        sort_key=lambda row: row.confidence,
        searched=False,
    ),
    Column(
        "warning",
        "Warning",
        trouble_text,
        style=lambda row: row.trouble.state,
        width=TROUBLE_CELLS,
        sort_key=lambda row: -row.trouble.rank,
        searched=False,
    ),
)

PAIR_COLUMNS: tuple[Column[Option], ...] = (
    Column("pair", "", lambda choice: choice.label, weight=3),
    Column("how far", "", lambda choice: choice.detail, style=lambda _: "muted", width=27),
)


def pair_option(one: PairChoice) -> Option:
    """Return an object pair as it stands in the list to choose from."""
    if one.begun is None:
        how_far = f"{count(one.crm_fields, 'CRM field')}, not begun"
    else:
        decided = one.begun.accepted + one.begun.rejected
        how_far = f"{decided} of {one.begun.partner_fields} decided"
    return Option(one.pair, pair_text(one.pair), how_far)


_COMPARISON = re.compile(r"(<=|>=|<|>|=)?(\d*\.?\d+)(%?)")


def _compared(row: MappingRow, wanted: str) -> bool:
    """Return whether the confidence is as `>0.8`, `<=50%` or `90` ask for; `90` is at least."""
    match = _COMPARISON.fullmatch(wanted)
    if match is None or row.confidence is None:
        return False
    operator, number, sign = match.groups()
    limit = float(number) / 100 if sign or float(number) > 1 else float(number)
    sure = row.confidence
    return {
        ">": sure > limit,
        "<": sure < limit,
        "<=": sure <= limit,
        "=": percent(sure) == percent(limit),
    }.get(operator or ">=", sure >= limit)


def _types(row: MappingRow) -> Iterable[str]:
    yield row.partner.type.value
    if row.right is not None:
        yield row.right.type.value


FILTER_KEYS: dict[str, KeyTest[MappingRow]] = {
    "state": lambda row, wanted: any(one_of(word, wanted) for word in STATE_WORDS[row.state]),
    "conf": _compared,
    "type": lambda row, wanted: any(one_of(type_, wanted) for type_ in _types(row)),
    "warn": lambda row, wanted: yes_no(row.trouble.rank > 0, wanted),
    "drift": lambda row, wanted: yes_no(row.severity is not None, wanted),
    "dir": lambda row, wanted: row.crm_field is not None and one_of(row.direction, wanted),
}


def searched(row: MappingRow) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    yield row.title
    yield row.partner.name
    yield row.crm_field or ""
    if row.right is not None:
        yield row.right.label
