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
    DecisionState.REJECTED: "–",
    DecisionState.PENDING: "○",
}
ARROWS = {Direction.PUSH: "→", Direction.PULL: "←", Direction.BIDIRECTIONAL: "↔"}
STATE_STYLES = {
    DecisionState.ACCEPTED: "ok",
    DecisionState.REJECTED: "muted",
    DecisionState.PENDING: "info",
}
STATE_WORDS = {
    DecisionState.ACCEPTED: ("accepted", "mapped"),
    DecisionState.REJECTED: ("rejected", "unmapped"),
    DecisionState.PENDING: ("pending", "open", "undecided"),
}
"""The word of each state, and what else one may call it in a filter."""

BAR_CELLS = 4
WORD_CELLS = 6
SURE_CELLS = WORD_CELLS + 1 + BAR_CELLS + 3
TROUBLE_CELLS = 8
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
    "COMPOUND_SHELL": "parts",
    "ARCHIVED": "ending",
    "LOOKUP_NEEDED": "lookup",
    "VALUE_MAP_NEEDED": "values",
    "MULTI_TO_SINGLE": "values",
    "LENGTH_SHORTER": "length",
    "PRECISION_LOST": "digits",
    "NUMBER_TOO_LARGE": "digits",
    "TIME_LOST": "time",
    "FORMAT_LOST": "format",
    "REQUIRED_MAY_BE_EMPTY": "empty",
    "MUST_BE_UNIQUE": "unique",
}


def trouble(line: Line) -> Trouble:
    """Return the gravest thing about a line: drift, nothing that flows, a warning."""
    if line.severity is Severity.BREAKING:
        return Trouble("✕", "broken", "error", 4)
    if line.crm_field is None:
        return _QUIET
    if not line.can_flow:
        return Trouble("✕", "locked", "error", 3)
    if line.severity is Severity.RISKY:
        return Trouble("▲", "drift", "warn", 2)
    if line.unmapped_values:
        return Trouble("▲", "values", "warn", 1)
    if line.warnings:
        code = line.warnings[0].code
        return Trouble("▲", _WORDS.get(code, "other"), "warn", 1)
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
    return "stays unmapped" if line.state is DecisionState.REJECTED else "no suggestion"


def _crm_style(line: Line) -> str:
    if line.crm_field is None:
        return "muted"
    if line.right is None:
        return "error"
    return "strong" if line.is_open else ""


def fit_sure(line: Line, width: int) -> str:
    """Return the state and how sure the ranker is; where both have no room, what counts more."""
    word, bar = _state_word(line), confidence_bar(line.confidence)
    if width >= SURE_CELLS:
        return f"{word:<{WORD_CELLS}} {bar}".rstrip()
    return confidence_bar(line.confidence, BAR_CELLS - 1) if line.is_open else word


def _state_word(line: Line) -> str:
    if line.state is not DecisionState.ACCEPTED:
        return "open" if line.is_open else ""
    if line.right is None:
        return "gone"
    return "mapped" if line.confidence is not None else "chosen"


def fit_name(name: str, width: int) -> str:
    """Return a name in `width` cells, cut in its middle: names of a CRM differ at their ends."""
    if len(name) <= width or not (name.isascii() and name.isprintable()):
        return name
    tail = max(1, (width - 1) * 3 // 5)
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


def trouble_text(line: Line) -> str:
    """Return the sign and the word of the gravest thing about a line."""
    found = trouble(line)
    return f"{found.sign} {found.word}".strip()


COLUMNS: tuple[Column[Line], ...] = (
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
        lambda line: ARROWS[line.direction] if line.crm_field else " ",
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
        style=lambda line: trouble(line).style,
        width=TROUBLE_CELLS,
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
    "state": lambda line, wanted: any(one_of(word, wanted) for word in STATE_WORDS[line.state]),
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
