"""What a mapping line looks like in the table, and how it is filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from crmdeck.model import DecisionState, Direction, Severity
from crmdeck.tui.filtering import KeyTest, one_of, yes_no
from crmdeck.tui.panes.mapping.lines import Line
from crmdeck.tui.widgets.table import Column

SIGNS = {
    DecisionState.ACCEPTED: "✓",
    DecisionState.REJECTED: "✕",
    DecisionState.PENDING: "○",
}
ARROWS = {Direction.PUSH: "→", Direction.PULL: "←", Direction.BIDIRECTIONAL: "↔"}
STATE_STYLES = {
    DecisionState.ACCEPTED: "ok",
    DecisionState.REJECTED: "muted",
    DecisionState.PENDING: "info",
}
BAR_CELLS = 4
SURE, LIKELY = 0.9, 0.5


class Trouble(NamedTuple):
    """The gravest thing about a line: a sign, a word, the style, and how grave."""

    sign: str
    word: str
    style: str
    rank: int


_QUIET = Trouble("", "", "", 0)
_WORDS = {
    "TYPE_MISMATCH": "types",
    "NOT_A_CHOICE": "types",
    "COMPOUND_SHELL": "compound",
    "ARCHIVED": "archived",
    "LOOKUP_NEEDED": "lookup",
    "VALUE_MAP_NEEDED": "values",
    "MULTI_TO_SINGLE": "values",
    "LENGTH_SHORTER": "length",
    "PRECISION_LOST": "digits",
    "NUMBER_TOO_LARGE": "digits",
    "TIME_LOST": "time lost",
    "FORMAT_LOST": "format",
    "REQUIRED_MAY_BE_EMPTY": "may be empty",
    "MUST_BE_UNIQUE": "unique",
}


def trouble(line: Line) -> Trouble:
    """Return the gravest thing about a line: drift, nothing that flows, a warning."""
    if line.severity is Severity.BREAKING:
        return Trouble("✕", "broken", "error", 4)
    if line.crm_field is None:
        return _QUIET
    if not line.can_flow:
        return Trouble("✕", "no flow", "error", 3)
    if line.severity is Severity.RISKY:
        return Trouble("▲", "drifted", "warn", 2)
    if line.unmapped_values:
        return Trouble("▲", "values", "warn", 1)
    if line.warnings:
        code = line.warnings[0].code
        return Trouble("▲", _WORDS.get(code, "warning"), "warn", 1)
    return _QUIET


def confidence_bar(confidence: float | None, cells: int = BAR_CELLS) -> str:
    """Return a bar of `cells` cells and the percentage; nothing where nothing is known."""
    if confidence is None:
        return ""
    halves = round(max(0.0, min(1.0, confidence)) * cells * 2)
    bar = "━" * (halves // 2) + "╸" * (halves % 2)
    return f"{bar:<{cells}} {percent(confidence):>2}"


def percent(confidence: float) -> str:
    """Return a confidence as a whole percentage that never claims certainty: 99 at most."""
    return str(min(99, int(confidence * 100 + 0.5)))


def confidence_style(line: Line) -> str:
    """Return the style of a confidence: what is hardly likely is quiet."""
    sure = line.confidence or 0.0
    return "ok" if sure >= SURE else "" if sure >= LIKELY else "muted"


def crm_text(line: Line) -> str:
    """Return the CRM field, or what stands in its place."""
    if line.crm_field is not None:
        return line.crm_field
    return "stays unmapped" if line.state is DecisionState.REJECTED else "nothing suggested"


def _crm_style(line: Line) -> str:
    if line.crm_field is None:
        return "muted"
    if line.right is None:
        return "error"
    return "strong" if line.is_open else ""


def _confidence_text(line: Line) -> str:
    if line.confidence is None and line.state is DecisionState.ACCEPTED:
        return "by hand" if line.right is not None else "gone"
    return confidence_bar(line.confidence)


COLUMNS: tuple[Column[Line], ...] = (
    Column(
        "sign",
        "",
        lambda line: SIGNS[line.state],
        style=lambda line: STATE_STYLES[line.state],
        width=1,
        sortable=False,
        searched=False,
    ),
    Column(
        "state",
        "State",
        lambda line: line.state.value,
        style=lambda line: "ok" if line.state is DecisionState.ACCEPTED else "muted",
        width=8,
        hide_below=64,
        sort_key=lambda line: list(DecisionState)[::-1].index(line.state),
        searched=False,
    ),
    Column(
        "field",
        "PartnerOS field",
        lambda line: line.title,
        style=lambda line: "" if line.is_open else "muted",
        min_width=12,
        weight=4,
    ),
    Column(
        "direction",
        "",
        lambda line: ARROWS[line.direction] if line.crm_field else " ",
        style=lambda line: "error" if not line.can_flow else "accent",
        width=1,
        sortable=False,
        searched=False,
    ),
    Column("crm", "CRM field", crm_text, style=_crm_style, min_width=12, weight=5),
    Column(
        "confidence",
        "Sure %",
        _confidence_text,
        style=confidence_style,
        width=BAR_CELLS + 3,
        sort_key=lambda line: line.confidence,
        searched=False,
    ),
    Column(
        "trouble",
        "",
        lambda line: trouble(line).sign,
        style=lambda line: trouble(line).style,
        width=1,
        sortable=False,
        searched=False,
    ),
    Column(
        "warning",
        "Warning",
        lambda line: trouble(line).word,
        style=lambda line: trouble(line).style,
        width=9,
        hide_below=72,
        sort_key=lambda line: -trouble(line).rank,
        searched=False,
    ),
)

_COMPARISON = re.compile(r"(<=|>=|<|>|=)?(\d*\.?\d+)(%?)")


def _compared(line: Line, wanted: str) -> bool:
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


def _types(line: Line) -> Iterable[str]:
    yield line.partner.type.value
    if line.right is not None:
        yield line.right.type.value


FILTER_KEYS: dict[str, KeyTest[Line]] = {
    "state": lambda line, wanted: one_of(line.state.value, wanted),
    "conf": _compared,
    "type": lambda line, wanted: any(one_of(type_, wanted) for type_ in _types(line)),
    "warn": lambda line, wanted: yes_no(trouble(line).rank > 0, wanted),
    "drift": lambda line, wanted: yes_no(line.severity is not None, wanted),
    "dir": lambda line, wanted: line.crm_field is not None and one_of(line.direction, wanted),
}


def searched(line: Line) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    yield line.title
    yield line.partner.name
    yield line.crm_field or ""
    if line.right is not None:
        yield line.right.label
