"""The words above and in the mapping table, and its filter, without a console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.content import Content

from crmdeck.model import Direction, Severity
from crmdeck.tui.dialogs.preflight import cells_of
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.panes.mapping.columns import FILTER_KEYS, GIVES, row_columns, searched
from crmdeck.tui.panes.mapping.detail import Around, row_detail
from crmdeck.tui.panes.mapping.summary import progress, steps, titles
from crmdeck.tui.panes.mapping.table import PairRow, lines_of
from crmdeck.tui.panes.samples import Fullness
from crmdeck.tui.panes.to_do import to_do_line
from crmdeck.tui.widgets.table.columns import Placed, measured, place
from crmdeck.tui.widgets.table.strips import GUTTER, Look, RowState, row_strip
from crmdeck.workspace import Candidate, Group, MappingRow, MappingSession, RowBuilder
from tests.mapping.pairs import (
    ACCEPTED,
    CRM_FIELDS,
    NOON,
    PENDING,
    REJECTED,
    accept,
    answer,
    event,
    field,
    review,
    row,
    verdict,
)

NONE = Style()
LOOK = Look(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, lambda _: NONE)
PUSH, PULL = Direction.PUSH, Direction.PULL


def named(name: str, label: str, **more: Any) -> MappingRow:
    return row(partner=field(name, label=label), **more)


ROWS = (
    named("accountName", "Account name", state=ACCEPTED, confidence=0.97),
    named("accountDomain", "Account domain", state=REJECTED, crm_field=None, right=None),
    named("createdAt", "Created at", verdict=verdict(PULL), direction=PUSH, confidence=0.99),
    named("contactTitle", "Contact title", crm_field=None, right=None, confidence=None),
    named("closeDate", "Close date", verdict=verdict(PUSH, "ARCHIVED"), direction=PUSH),
    named("stage", "Stage", state=ACCEPTED, drift=(event(1, "x", severity=Severity.RISKY),)),
)


def placed_for(lines: Sequence[PairRow], width: int) -> tuple[Placed[PairRow], ...]:
    columns = row_columns({})
    return place(columns, width, GUTTER, gives=GIVES, wanted=measured(columns, lines))


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_every_state_and_problem_is_in_words_at_any_width(width: int) -> None:
    lines = lines_of(ROWS, grouped=False)
    placed = placed_for(lines, width)
    texts = [row_strip(line, placed, RowState(), (), LOOK).text for line in lines]
    assert all(len(text) <= width for text in texts)
    for text, *words in zip(
        texts,
        ("✓", "–", "○", "○", "○", "▲"),
        ("Account name", "Account d", "Created at", "Contact tit", "Close date", "Stage"),
        ("Account_Name__c", "unmapped", "╳", "no match", "archived", "removed"),
        strict=True,
    ):
        assert all(word in text for word in words), text
    assert "can't s" in texts[2]
    assert "at 97%" in texts[0]


def test_broken_is_red_done_is_quiet_and_undecided_is_plain() -> None:
    broken = named("lost", "Lost", state=ACCEPTED, right=None)
    lines = lines_of([*ROWS, broken], grouped=False)
    columns = {column.id: column for column in row_columns({})}
    sign, name = columns["sign"], columns["field"]

    def look(line: PairRow) -> tuple[str, str, str]:
        assert sign.style is not None
        assert name.style is not None
        return sign.text(line), sign.style(line), name.style(line)

    looks = [look(line) for line in lines]
    assert looks[0] == ("✓", "muted", "muted")
    assert looks[1] == ("–", "muted", "muted")
    assert looks[2] == ("○", "", "")
    assert looks[-1] == ("✕", "error", "error")
    assert sorted(lines, key=lambda line: sign.key(line) or 0)[0] is lines[-1]


@pytest.mark.parametrize("width", [80, 100, 120, 140, 200])
def test_names_are_whole_while_other_columns_can_shrink(width: int) -> None:
    rows = tuple(
        row(partner=field("x", label="A name of 20 letters"), crm_field=name)
        for name in ("End_Customer_Name__c", "Decision_Contact_Email__c")
    )
    placed = placed_for(lines_of(rows, grouped=False), width)
    cells = {one.column.id: one.width for one in placed}
    assert cells["crm"] == len("Decision_Contact_Email__c")
    assert placed[-1].start + placed[-1].width <= width


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("state:accepted", "accountName stage"),
        ("state:mapped", "accountName stage"),
        ("state:unmapped", "accountDomain"),
        ("state:undecided", "createdAt contactTitle closeDate"),
        ("state:open", "createdAt contactTitle closeDate"),
        ("conf:>0.97", "createdAt"),
        ("conf:97", "accountName createdAt"),
        ("conf:<=95%", "accountDomain closeDate stage"),
        ("conf:=99", "createdAt"),
        ("type:string", "accountName accountDomain createdAt contactTitle closeDate stage"),
        ("warn:yes", "createdAt closeDate stage"),
        ("drift:yes", "stage"),
        ("group:high", "createdAt closeDate"),
        ("dir:push", "createdAt closeDate"),
        ("close", "closeDate"),
        ("account_name__c stage", "stage"),
        ("!close dir:push", "createdAt"),
    ],
)
def test_a_filter_narrows_the_rows(text: str, names: str) -> None:
    matches = compile_filter(text, searched=searched, keys=FILTER_KEYS).predicate
    assert matches is not None
    assert " ".join(one.name for one in ROWS if matches(one)) == names


def test_alternatives_that_nearly_never_fit_are_not_shown() -> None:
    candidates = (Candidate("Site", 0.04), Candidate("Fax", 0.001), Candidate("Old__c"))
    around = Around(RowBuilder(review()), Fullness(), NOON)
    shown = row_detail(row(candidates=candidates), around, 60, compact=False).plain
    assert "Site" in shown
    assert "Old__c" in shown
    assert "Fax" not in shown


def test_rows_are_below_the_titles_of_their_groups() -> None:
    titles = [line.title for line in lines_of(ROWS, grouped=True) if line.row is None]
    assert titles == [
        "TO REVIEW  1   f fixes",
        "HIGH MATCH  2   A accepts 1, leaves 1",
        "NO MATCH  1   Enter chooses, X leaves unmapped",
        "DONE  2",
    ]
    *_, title = lines_of(ROWS, grouped=True, folded=(Group.DONE,))
    assert (title.title, title.folded) == ("▸ DONE  2   z expands", True)
    (title, *_) = lines_of(ROWS[2:3], grouped=True)
    assert title.title == "HIGH MATCH  1   can't sync: X here unmaps all"
    values = named("status", "Status", verdict=verdict(Direction.BIDIRECTIONAL, "VALUE_MAP_NEEDED"))
    (title, *_) = lines_of((ROWS[2], values), grouped=True)
    assert title.title == "HIGH MATCH  2   1 can't sync, 1 needs a value map"


def reviewed(*crm_fields: Any, **picks: tuple[str, float]) -> MappingSession:
    session = MappingSession("acme", review(*crm_fields), "dana", lambda: NOON)
    session.update_suggestions(answer(**picks))
    return session


def next_steps(session: MappingSession, width: int) -> Content:
    offered = list(steps(session, lambda _action, _rows: None))
    return to_do_line(offered, "All done.", (), width)


def test_the_next_steps_name_their_keys_and_numbers() -> None:
    locked = field("Account_Name__c", createable=False, updateable=False)
    session = reviewed(
        locked,
        *CRM_FIELDS[1:],
        accountName=("Account_Name__c", 0.95),
        contactName=("Name", 0.92),
    )
    session.direct(["accountName"], PUSH)
    assert next_steps(session, 200).plain == (
        "To do: A accepts 1 high match (1 can't sync) · Enter or X for 1 without a match"
    )
    assert next_steps(session, 60).plain == "To do: A accepts 1 high · Enter or X for 1 unmatched"
    assert next_steps(session, 30).plain == "To do: A accepts 1 high +1"
    session.decide("accept", [accept("contactName", "Name")])
    assert next_steps(session, 200).plain == (
        "To do: X for 1 that can't sync · Enter or X for 1 without a match"
    )
    for name in ("accountName", "description"):
        session.decide("accept", [accept(name, f"{name}__c")])
    session.update_review(review(*CRM_FIELDS, log=session.log))
    assert next_steps(session, 200).plain.startswith("To do: f fixes 2 failing rows")
    check = reviewed(*CRM_FIELDS, accountName=("Name", 0.6))
    assert "a or x for 1 to check" in next_steps(check, 200).plain


def test_the_frame_shows_the_pair_and_its_progress() -> None:
    session = reviewed(*CRM_FIELDS)
    session.decide("accept", [accept("accountName", "Name")])
    whole, short = titles(session, "acme")
    assert whole == f"{short}, acme"
    state = [part.plain for part in progress(session, refining=True)]
    assert state == ["━━━━╌╌╌╌╌╌╌╌ 1 of 3 done", "quick match, refining…"]


def test_all_decided_offers_the_export() -> None:
    session = reviewed(*CRM_FIELDS)
    for name, crm_field in zip(
        ("accountName", "contactName", "description"), CRM_FIELDS, strict=False
    ):
        session.decide("accept", [accept(name, crm_field.name)])
    assert next_steps(session, 200).plain == "All done."
    assert [part.plain for part in progress(session, refining=False)][1:] == ["saving 3"]
    assert PENDING not in {one.state for one in session.rows}


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=5), st.integers(5, 200))
def test_every_part_of_a_bar_is_visible_and_all_of_them_fill_it(
    counts: list[int], width: int
) -> None:
    cells = cells_of(counts, width)
    assert sum(cells) == width
    assert min(cells) >= 1
