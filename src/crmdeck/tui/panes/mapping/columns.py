"""Columns of the tables of rows and of object pairs, and the filter of the rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from crmdeck.model import DecisionState, FillRate
from crmdeck.tui.dialogs.choose import Choice as Option
from crmdeck.tui.dialogs.preflight import OUTCOME_STYLES
from crmdeck.tui.filters import FilterKey, flag_key, one_of, text_key, words_key
from crmdeck.tui.panes.mapping.table import AnyRow, PairRow
from crmdeck.tui.panes.samples import percent_filled
from crmdeck.tui.text import count, cut_middle
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP, SIGN_GAP, some
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import (
    DIRECTION_WORDS,
    HIGH_MATCH,
    OUTCOME_SIGNS,
    SIGNS,
    STATE_WORDS,
    Group,
    MappingRow,
    PairChoice,
    RequiredRow,
    Trouble,
    best_text,
    crm_text,
    filled_text,
    pair_text,
    percent,
    row_note,
    shortened,
    shows_failure,
    type_text,
)

T = TypeVar("T")

STATE_STYLES = {
    DecisionState.ACCEPTED: "muted",
    DecisionState.REJECTED: "muted",
    DecisionState.PENDING: "",
}
TROUBLE_STYLES = {
    Trouble.FAILING: "error",
    Trouble.STUCK: "error",
    Trouble.REVIEW: "warn",
    Trouble.WARNED: "warn",
}
STUCK = "╳"
"""The arrow of a row that can't sync."""

LIKELY = 0.5
LEAST_TITLE, LEAST_NAME, LEAST_NOTE = 11, 13, 8
MOST_TEXT, USUAL_NOTE = 240, 26
MATCH_CELLS = 6
FIXED = GUTTER + 1 + SIGN_GAP + SIGN_GAP + 1 + SIGN_GAP + GAP + MATCH_CELLS + GAP
"""Cells of the cursor, the sign, the direction, the match, and all gaps."""

GIVES = (
    ("note", USUAL_NOTE),
    ("types", 0),
    ("filled", 0),
    ("decided", 0),
    ("note", LEAST_NOTE),
    ("field", LEAST_TITLE),
    ("crm", LEAST_NAME),
)


def least_width(wanted: Mapping[str, int]) -> int:
    """Return the cells that a table needs to show the CRM names whole, as its columns want."""
    return FIXED + LEAST_TITLE + wanted["crm"] + LEAST_NOTE


def whole_width(wanted: Mapping[str, int]) -> int:
    """Return the cells that a table needs to show its names and most notes whole."""
    return FIXED + wanted["field"] + wanted["crm"] + min(USUAL_NOTE, wanted["note"])


def _row_getter(
    cell: Callable[[MappingRow], T], of_title: T, required: Callable[[RequiredRow], T]
) -> Callable[[PairRow], T]:
    """Return a function of a line from those of both kinds of rows, and its value for a title."""

    def of_line(line: PairRow) -> T:
        match line.row:
            case None:
                return of_title
            case MappingRow() as row:
                return cell(row)
            case row:
                return required(row)

    return of_line


def row_columns(rates: Mapping[str, FillRate]) -> tuple[Column[PairRow], ...]:
    """Return the columns, with the fill rates of CRM fields."""

    def filled(row: MappingRow) -> str:
        rate = rates.get(row.crm_field or "")
        return percent_filled(rate.rate) if rate is not None else ""

    crm_name = _row_getter(_crm_text, "", lambda row: row.title)
    return (
        Column(
            "sign",
            "",
            lambda line: line.title if line.row is None else _sign(line.row),
            style=_row_getter(_sign_style, "strong", _required_style),
            width=1,
            sort_key=_row_getter(
                _sign_order, None, lambda row: -1 if row.is_open else len(DecisionState)
            ),
            searched=False,
            reach=lambda line: "note" if line.row is None else "",
            tooltip=_row_getter(
                lambda row: (
                    row.group.value
                    if row.group in (Group.FAILING, Group.REVIEW)
                    else STATE_WORDS[row.state][-1]
                ),
                "",
                _note,
            ),
        ),
        Column(
            "field",
            "PartnerOS",
            _row_getter(lambda row: row.title, "", lambda _: "-"),
            style=_row_getter(
                lambda row: {Group.FAILING: "error", Group.DONE: "muted"}.get(row.group, ""),
                "muted",
                _required_style,
            ),
            least=LEAST_TITLE,
            most=MOST_TEXT,
        ),
        Column(
            "direction",
            "",
            _row_getter(_arrow, " ", lambda _: "→"),
            style=_row_getter(
                lambda row: "accent" if row.can_sync else "error", "accent", lambda _: "muted"
            ),
            width=1,
            tooltip=_row_getter(_direction_text, "", lambda _: ""),
            sortable=False,
            searched=False,
        ),
        Column(
            "crm",
            "CRM field",
            crm_name,
            fit=lambda line, width: cut_middle(crm_name(line), width),
            style=_row_getter(_crm_style, "muted", _required_style),
            least=LEAST_NAME,
            most=MOST_TEXT,
            # The cells next to the best candidate of a row without a match are empty.
            reach=_row_getter(
                lambda row: "note" if row.crm_field is None and row.is_open else "",
                "",
                lambda _: "",
            ),
        ),
        Column(
            "match",
            "Match",
            _row_getter(_match, "", lambda _: ""),
            style=_row_getter(_match_style, "muted", lambda _: "muted"),
            width=MATCH_CELLS,
            align="right",
            sort_key=_row_getter(lambda row: row.confidence, None, lambda _: None),
            searched=False,
        ),
        Column(
            "note",
            "Fails when",
            _row_getter(_note, "", _note),
            style=_row_getter(
                _note_style,
                "muted",
                lambda row: OUTCOME_STYLES[row.outcome] if row.is_open else "muted",
            ),
            fit=lambda line, width: shortened(_note(line.row) if line.row else "", width),
            least=LEAST_NOTE,
            most=MOST_TEXT,
            short="Fails",
            sort_key=_row_getter(
                _severity_rank, None, lambda row: 0 if row.is_open else len(Trouble)
            ),
            searched=False,
        ),
        _extra("decided", "Decided by", _decided_by),
        _extra("filled", "Fill", filled),
        _extra("types", "Types", _types),
    )


def _extra(id_: str, title: str, text: Callable[[MappingRow], str]) -> Column[PairRow]:
    """Return a column that a wide table adds if some row has such a text."""
    cell = _row_getter(text, "", lambda _: "")
    return Column(
        id_,
        title,
        cell,
        style=lambda _: "muted",
        least=len(title),
        most=MOST_TEXT,
        needed=some(cell),
        searched=False,
    )


def _decided_by(row: MappingRow) -> str:
    return row.history[-1].decided_by if row.history and not row.is_open else ""


def _types(row: MappingRow) -> str:
    # Without the objects that a reference names: the details name them.
    left, right = (
        type_text(field).partition(" to ")[0].replace(" of ", " ") if field is not None else ""
        for field in (row.partner, row.right)
    )
    return f"{left} {row.direction.arrow} {right}" if right else left


def _sign(row: AnyRow) -> str:
    """Return the mark of a row: broken or required, done, undecided."""
    if isinstance(row, RequiredRow):
        return "✕" if row.is_open else SIGNS[DecisionState.REJECTED]
    marks = {Group.FAILING: "✕", Group.REVIEW: "▲"}
    return marks.get(row.group) or ("⊘" if row.risk is not None else SIGNS[row.state])


def _sign_style(row: MappingRow) -> str:
    styles = {Group.FAILING: "error", Group.REVIEW: "warn"}
    return styles.get(row.group, STATE_STYLES[row.state])


def _sign_order(row: MappingRow) -> int:
    order = {Group.FAILING: -2, Group.REVIEW: -1}
    return order.get(row.group, list(DecisionState)[::-1].index(row.state))


def _required_style(row: RequiredRow) -> str:
    return "error" if row.is_open else "muted"


def _arrow(row: MappingRow) -> str:
    if row.crm_field is None:
        return " "
    return row.direction.arrow if row.can_sync else STUCK


def _direction_text(row: MappingRow) -> str:
    if row.crm_field is None:
        return ""
    if row.can_sync:
        return f"syncs {DIRECTION_WORDS[row.direction]}"
    return f"can't sync: {row.verdict.reason}" if row.verdict is not None else ""


def _crm_text(row: MappingRow) -> str:
    if row.crm_field is None and row.is_open:
        # The empty cells next to it leave room for the whole name.
        return f"-   {best_text(row)}"
    return crm_text(row)


def _crm_style(row: MappingRow) -> str:
    if row.crm_field is None:
        return "muted"
    if row.right is None:
        return "error"
    return "strong" if row.is_open else "muted" if row.group is Group.DONE else ""


def _match(row: MappingRow) -> str:
    if row.confidence is None:
        return ""
    accepted = row.state is DecisionState.ACCEPTED
    return f"at {percent(row.confidence)}" if accepted else percent(row.confidence)


def _match_style(row: MappingRow) -> str:
    if not row.is_open:
        return "muted"
    match = row.confidence or 0.0
    return "ok" if match >= HIGH_MATCH else "" if match >= LIKELY else "muted"


def _note(row: AnyRow) -> str:
    if isinstance(row, RequiredRow):
        sign = OUTCOME_SIGNS[row.outcome]
        if row.is_open:
            return f"{sign} not mapped"
        if row.failures:
            return f"{OUTCOME_SIGNS[row.failures[0].outcome]} {row.failures[0].reason}"
        return filled_text(row.mark) if row.mark is not None else ""
    # The column of CRM fields names the best candidate of a row without a match.
    return "" if row.group is Group.NO_MATCH else row_note(row)


def _note_style(row: MappingRow) -> str:
    if row.group is Group.DONE:
        return "muted"
    if shows_failure(row):
        return OUTCOME_STYLES[row.failures[0].outcome]
    return TROUBLE_STYLES[row.trouble] if row.trouble is not None else "muted"


def _severity_rank(row: MappingRow) -> int:
    return list(Trouble).index(row.trouble) if row.trouble is not None else len(Trouble)


PAIR_COLUMNS: tuple[Column[Option[str]], ...] = (
    Column(
        "pair",
        "",
        lambda choice: choice.label,
        least=24,
        most=MOST_TEXT,
        fit=lambda choice, width: cut_middle(choice.label, width),
        spill="progress",
    ),
    Column(
        "progress",
        "",
        lambda choice: choice.detail,
        style=lambda _: "muted",
        most=28,
    ),
)
PAIR_GIVES = (("progress", len("21 of 21 decided")), ("pair", 24))


def pair_option(one: PairChoice) -> Option[str]:
    """Return an object pair as an option of the dialog that chooses one."""
    if one.started is None:
        progress = f"not started, {count(one.crm_fields, 'CRM field')}"
    else:
        decided = one.started.accepted + one.started.rejected
        progress = f"{decided} of {one.started.partner_fields} decided"
    return Option(one.pair, pair_text(one.pair), progress)


_COMPARISON = re.compile(r"(<=|>=|<|>|=)?(\d*\.?\d+)(%?)")


def _compared(row: MappingRow, wanted: str) -> bool:
    """True if the match fits `>0.8`, `<=50%` or `90`, which means at least 90%."""
    match = _COMPARISON.fullmatch(wanted)
    if match is None or row.confidence is None:
        return False
    operator, number, sign = match.groups()
    limit = float(number) / 100 if sign or float(number) > 1 else float(number)
    found = row.confidence
    return {
        ">": found > limit,
        "<": found < limit,
        "<=": found <= limit,
        # As the table shows it: `=92` finds 92.4%.
        "=": percent(found) == percent(limit),
    }.get(operator or ">=", found >= limit)


FILTER_KEYS: dict[str, FilterKey[MappingRow]] = {
    "state": FilterKey(
        lambda row, wanted: any(one_of(word, wanted) for word in STATE_WORDS[row.state]),
        lambda row: STATE_WORDS[row.state][:1],
    ),
    "match": FilterKey(_compared, examples=(">90", "<50")),
    "conf": FilterKey(_compared, old=True),
    "type": words_key(
        lambda row: (field.type.value for field in (row.partner, row.right) if field is not None)
    ),
    "warn": flag_key(lambda row: row.trouble is not None),
    "drift": flag_key(lambda row: row.severity is not None),
    "group": text_key(lambda row: row.group.value),
    "dir": text_key(lambda row: row.direction if row.crm_field is not None else None),
}


REQUIRED_KEYS: dict[str, FilterKey[RequiredRow]] = {
    # A filter by a match or a direction hides the rows that have none.
    **dict.fromkeys(FILTER_KEYS, FilterKey(lambda _row, _wanted: False)),
    "state": text_key(lambda row: "required" if row.is_open else "filled"),
    "type": text_key(lambda row: row.field.type.value),
    "group": text_key(lambda row: row.group.value),
}


def searched(row: AnyRow) -> Iterable[str]:
    """Yield the texts that the words of a filter search."""
    yield row.title
    if isinstance(row, RequiredRow):
        yield row.field.label
        return
    yield row.partner.name
    yield row.crm_field or ""
    if row.right is not None:
        yield row.right.label
