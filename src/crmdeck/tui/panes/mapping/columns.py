"""What rows and object pairs look like in their tables, and how rows are filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from crmdeck.model import DecisionState
from crmdeck.tui.dialogs.choose import Choice as Option
from crmdeck.tui.filters import KeyTest, one_of, yes_no
from crmdeck.tui.panes.mapping.table import Line
from crmdeck.tui.text import count, cut_middle
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import (
    DIRECTION_WORDS,
    HIGH_MATCH,
    SIGNS,
    STATE_WORDS,
    Group,
    MappingRow,
    PairChoice,
    Trouble,
    best_text,
    crm_text,
    pair_text,
    percent,
    row_note,
    shortened,
)

STATE_STYLES = {
    DecisionState.ACCEPTED: "ok",
    DecisionState.REJECTED: "muted",
    DecisionState.PENDING: "info",
}
TROUBLE_STYLES = {
    Trouble.BROKEN: "error",
    Trouble.STUCK: "error",
    Trouble.DRIFTED: "warn",
    Trouble.WARNED: "warn",
}
STUCK = "╳"
"""What stands between the fields where nothing can flow."""

LIKELY = 0.5
LEAST_TITLE, LEAST_NAME, LEAST_NOTE = 11, 13, 8
MATCH_CELLS = 5


def least_width(rows: Sequence[MappingRow]) -> int:
    """Return the cells that a table needs for the names in the CRM to be whole."""
    name = max([LEAST_NAME, *(cell_len(crm_text(row)) for row in rows)])
    return GUTTER + 1 + LEAST_TITLE + 1 + name + MATCH_CELLS + LEAST_NOTE + 5 * GAP


def columns_for(rows: Sequence[MappingRow], width: int) -> tuple[Column[Line], ...]:
    """Return the columns of a table of `width` cells: names are whole while anything gives way.

    What to know of a row gives way first, then what PartnerOS calls its field, then the name
    in the CRM.
    """
    room = width - GUTTER - 1 - 1 - MATCH_CELLS - 5 * GAP
    name = max([LEAST_NAME, *(cell_len(crm_text(row)) for row in rows)])
    title = max([LEAST_TITLE, *(cell_len(row.title) for row in rows)])
    title = max(LEAST_TITLE, min(title, room - name - LEAST_NOTE))
    name = max(LEAST_NAME, min(name, room - title - LEAST_NOTE))
    return _columns(title, name, max(LEAST_NOTE, room - title - name))


def _flow(line: Line) -> str:
    row = line.row
    if row is None or row.crm_field is None:
        return ""
    flows = f"values flow {DIRECTION_WORDS[row.direction]}"
    return (
        flows if row.can_sync else f"nothing can flow: {row.verdict.reason}" if row.verdict else ""
    )


def _columns(title: int, name: int, note: int) -> tuple[Column[Line], ...]:
    return (
        Column(
            "sign",
            "",
            lambda line: SIGNS[line.row.state] if line.row else line.title,
            style=lambda line: STATE_STYLES[line.row.state] if line.row else "strong",
            width=1,
            sort_key=lambda line: (
                list(DecisionState)[::-1].index(line.row.state) if line.row else None
            ),
            searched=False,
            reach=lambda line: "" if line.row else "note",
            told=lambda line: STATE_WORDS[line.row.state][-1] if line.row else "",
        ),
        Column(
            "field",
            "PartnerOS",
            lambda line: line.row.title if line.row else "",
            style=lambda line: "" if line.row and line.row.is_open else "muted",
            width=title,
        ),
        Column(
            "direction",
            "",
            _arrow,
            style=lambda line: "error" if line.row and not line.row.can_sync else "accent",
            width=1,
            told=_flow,
            sortable=False,
            searched=False,
        ),
        Column(
            "crm",
            "CRM field",
            lambda line: _crm_text(line.row) if line.row else "",
            fit=lambda line, width: cut_middle(_crm_text(line.row), width) if line.row else "",
            style=_crm_style,
            width=name,
            spill="note",
        ),
        Column(
            "match",
            "Match",
            _match,
            style=_match_style,
            width=MATCH_CELLS,
            align="right",
            sort_key=lambda line: line.row.confidence if line.row else None,
            searched=False,
        ),
        Column(
            "note",
            "What to know",
            _note,
            style=_note_style,
            fit=lambda line, width: shortened(_note(line), width),
            width=note,
            sort_key=lambda line: _gravity(line.row) if line.row else None,
            searched=False,
        ),
    )


def _arrow(line: Line) -> str:
    row = line.row
    if row is None or row.crm_field is None:
        return " "
    return row.direction.arrow if row.can_sync else STUCK


def _crm_text(row: MappingRow) -> str:
    if row.crm_field is None and row.is_open:
        # It takes the room of what is empty beside it, so that the name is whole.
        return f"-   {best_text(row)}"
    return crm_text(row)


def _note(line: Line) -> str:
    row = line.row
    return "" if row is None or row.group is Group.NO_MATCH else row_note(row)


def _crm_style(line: Line) -> str:
    row = line.row
    if row is None or row.crm_field is None:
        return "muted"
    if row.right is None:
        return "error"
    return "strong" if row.is_open else ""


def _match(line: Line) -> str:
    row = line.row
    if row is None:
        return ""
    if row.state is DecisionState.ACCEPTED and row.right is None:
        return "✕"
    return percent(row.confidence) if row.confidence is not None else ""


def _match_style(line: Line) -> str:
    if line.row and line.row.state is DecisionState.ACCEPTED and line.row.right is None:
        return "error"
    sure = (line.row.confidence or 0.0) if line.row else 0.0
    return "ok" if sure >= HIGH_MATCH else "" if sure >= LIKELY else "muted"


def _note_style(line: Line) -> str:
    trouble = line.row.trouble if line.row else None
    return TROUBLE_STYLES[trouble] if trouble is not None else "muted"


def _gravity(row: MappingRow) -> int:
    return list(Trouble).index(row.trouble) if row.trouble is not None else len(Trouble)


HOW_FAR_CELLS = 28

PAIR_COLUMNS: tuple[Column[Option], ...] = (
    Column(
        "pair",
        "",
        lambda choice: choice.label,
        min_width=24,
        fit=lambda choice, width: cut_middle(choice.label, width),
        spill="how far",
    ),
    Column(
        "how far",
        "",
        lambda choice: choice.detail,
        style=lambda _: "muted",
        width=HOW_FAR_CELLS,
        shrink_to=len("21 of 21 decided"),
    ),
)


def pair_option(one: PairChoice) -> Option:
    """Return an object pair as it stands in the list to choose from."""
    if one.started is None:
        how_far = f"not begun, {count(one.crm_fields, 'CRM field')}"
    else:
        decided = one.started.accepted + one.started.rejected
        how_far = f"{decided} of {one.started.partner_fields} decided"
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
    "warn": lambda row, wanted: yes_no(row.trouble is not None, wanted),
    "drift": lambda row, wanted: yes_no(row.severity is not None, wanted),
    "group": lambda row, wanted: row.group.value.startswith(wanted),
    "dir": lambda row, wanted: row.crm_field is not None and one_of(row.direction, wanted),
}


def searched(row: MappingRow) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    yield row.title
    yield row.partner.name
    yield row.crm_field or ""
    if row.right is not None:
        yield row.right.label
