"""The pure modules of the drift pane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import (
    ChangeGroup,
    Decision,
    DecisionState,
    DriftEvent,
    DriftKind,
    Finding,
    FindingKind,
    Severity,
    Urgency,
)
from crmdeck.tui.filters import has_terms, with_terms
from crmdeck.tui.layout import wrap
from crmdeck.tui.panes.drift.arrangement import STORY_PREFIX, arrange
from crmdeck.tui.panes.drift.columns import COLUMNS, GIVES
from crmdeck.tui.panes.drift.density import DAYS, axis, bar, slots
from crmdeck.tui.panes.drift.detail import again
from crmdeck.tui.panes.drift.to_do import steps
from crmdeck.tui.panes.to_do import to_do_line
from crmdeck.tui.widgets.table.columns import measured, place
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import DayCount, Timeline, make_timeline

NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)


def event(name: str, **more: object) -> DriftEvent:
    values = {
        "id": name,
        "connection_id": "c",
        "object_type": "Account",
        "field_name": name,
        "kind": DriftKind.FIELD_CHANGED,
        "severity": Severity.SAFE,
        "detected_at": NOW,
    }
    return DriftEvent.model_validate({**values, **more})


def timeline(
    *events: DriftEvent,
    stories: tuple[ChangeGroup, ...] = (),
    standing: tuple[Decision, ...] = (),
    everywhere: bool = False,
) -> Timeline:
    return make_timeline(
        events, stories, names={}, standing=standing, now=NOW, everywhere=everywhere
    )


def test_the_added_field_of_a_rename_follows_the_removed_one() -> None:
    left = event("Zeta", kind=DriftKind.FIELD_REMOVED, severity=Severity.RISKY)
    came = event("Alpha", kind=DriftKind.FIELD_ADDED, rename_of="Zeta")
    other = event("Beta", severity=Severity.RISKY)
    lines = arrange(timeline(other, came, left), None, ()).lines
    assert [line.key for line in lines] == ["Beta", "Zeta", "Alpha"]
    assert [line.when for line in lines] == ["May 16"] * 3


def test_breaking_changes_come_first_until_acknowledged() -> None:
    accepted = Decision(
        id="d",
        connection_id="c",
        object_pair="deal_registration--Account",
        partner_field="name",
        crm_field="Beta",
        state=DecisionState.ACCEPTED,
        decided_by="dana",
        decided_at=NOW,
    )
    changes = [event("Alpha"), event("Beta", severity=Severity.BREAKING)]
    whole = timeline(*changes, standing=(accepted,))
    keys = [line.key for line in arrange(whole, None, ()).lines]
    assert keys == ["group:breaks", "Beta", "group:rest", "Alpha"]
    changes[1] = changes[1].model_copy(update={"acknowledged_at": NOW})
    settled = timeline(*changes, standing=(accepted,))
    # What is settled comes last.
    assert [line.key for line in arrange(settled, None, ()).lines] == ["Alpha", "Beta"]


def test_the_to_do_line_keeps_the_next_step_when_narrow() -> None:
    finding = Finding(
        id="f",
        kind=FindingKind.CHANGE_OPEN,
        code="CHANGE",
        urgency=Urgency.REVIEW,
        connection_id="c",
        connection="acme",
        title="Alpha: removed",
        groups=("Alpha",),
    )
    notes = ("3 open in other connections (*)", "3 elsewhere (*)")

    def to_do(findings: Sequence[Finding], width: int, *notes: str) -> Content:
        offered = list(steps(findings, lambda _action, _rows: None))
        return to_do_line(offered, "Nothing to do: no open changes", notes, width)

    whole = to_do([finding], 90, *notes).plain
    assert whole.startswith("To do: a acknowledges a row, A all  ")
    assert whole.endswith("3 open in other connections (*)")
    assert cell_len(whole) == 90
    assert to_do([finding], 60, *notes).plain.endswith("  3 elsewhere (*)")
    assert to_do([finding], 30, *notes).plain == "To do: a acknowledges"
    assert to_do([], 80).plain == "Nothing to do: no open changes"


def test_connections_are_kept_apart_within_a_day() -> None:
    events = [event(f"e{n}", connection_id="ab"[n % 2]) for n in range(4)]
    lines = arrange(timeline(*events, everywhere=True), None, ()).lines
    assert [line.key for line in lines] == ["e0", "e2", "e1", "e3"]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([None, "s", "t"])), max_size=60),
    st.booleans(),
    st.integers(0, 9),
)
def test_every_filtered_change_is_in_exactly_one_row(
    made: list[tuple[int, str | None]], flat: bool, wanted: int
) -> None:
    ordered = sorted(made, key=lambda one: one[0])
    moments = [(NOW - timedelta(days=days), story) for days, story in ordered]
    events = [
        event(f"e{n}", detected_at=moment, story=story and f"{story}{moment:%d%m}")
        for n, (moment, story) in enumerate(moments)
    ]
    by_story = {e.story: e for e in events if e.story}
    stories = tuple(
        ChangeGroup(
            id=str(name),
            connection_id="c",
            kind="same_change",
            title=str(name),
            severity=Severity.SAFE,
            event_count=sum(e.story == name for e in events),
            detected_at=e.detected_at,
        )
        for name, e in by_story.items()
    )
    whole = timeline(*events, stories=stories)
    passing = {e.id for e in events if int(e.id[1:]) % 10 != wanted}
    opened = {f"{STORY_PREFIX}{story.id}" for story in stories}
    arranged = arrange(whole, lambda entry: entry.event.id in passing, opened, flat=flat)
    shown = [line.entry.event.id for line in arranged.lines if line.entry is not None]
    assert sorted(shown) == sorted(passing) == sorted(arranged.ids)
    assert sum(day.events for day in arranged.days) == len(passing)
    folded = arrange(whole, lambda entry: entry.event.id in passing, (), flat=flat)
    tops = [line for line in folded.lines if not line.is_title]
    assert sorted(entry.event.id for line in tops for entry in line.entries) == sorted(passing)


@given(st.integers(1, 200), st.lists(st.integers(0, 89), unique=True, max_size=30))
def test_the_strip_contains_every_day_once(width: int, ago: list[int]) -> None:
    today = NOW.date()
    days = [DayCount(today - timedelta(days=n), n + 1, Severity.RISKY) for n in ago]
    cells = slots(days, today, width)
    assert len(cells) <= max(1, width)
    assert sum(cell.events for cell in cells) == sum(day.events for day in days)
    assert cells[-1].last == today
    assert all(one.last + timedelta(days=1) == two.first for one, two in pairwise(cells))
    assert (today - cells[0].first).days >= DAYS - 1


def test_a_field_that_changes_again_and_again_gets_a_sparkline() -> None:
    at = {f"e{n}": NOW - timedelta(days=n) for n in (0, 2, 80, 200)}
    events = [event(id_, field_name="Tier", detected_at=when) for id_, when in at.items()]
    shown = timeline(*events, event("Other"))
    (line,) = again(shown, events[0])
    bars = line.plain.split("  ")[1]
    assert (len(bars), bars[-1], bars.count("·")) == (30, "█", 28)
    assert line.plain.endswith("3 changes to this field")
    assert list(again(shown, event("Other"))) == []


def test_bars_grow_and_months_are_named() -> None:
    assert bar(0, 1000) == "·"
    heights = [bar(n, 1000) for n in (1, 10, 100, 1000)]
    assert heights == sorted(set(heights))
    line = axis(slots([], date(2026, 5, 16), 90))
    assert [name for name in line.split() if name] == ["Mar", "Apr", "May"]


@given(st.text(max_size=80), st.integers(4, 20))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(cell_len(line) <= width for line in wrap(text, width))


def test_a_view_replaces_another_and_keeps_other_filter_words() -> None:
    views = ("seen:no", "severity:breaking mapped:yes", "")
    assert with_terms("amount", "seen:no", views) == "seen:no amount"
    assert with_terms("seen:no amount", views[1], views) == "severity:breaking mapped:yes amount"
    assert with_terms("severity:breaking mapped:yes amount", "", views) == "amount"
    assert has_terms("amount mapped:yes severity:breaking", views[1])
    assert not has_terms("amount mapped:yes", views[1])


@pytest.mark.parametrize("width", [57, 80, 92, 120, 140, 200])
def test_object_and_field_columns_stay_whole(width: int) -> None:
    name = "Decision_Contact_Email__c"
    changed = event(name, object_type="Opportunity", changed_by="Lena Brandt")
    lines = arrange(timeline(changed), None, ()).lines
    placed = place(COLUMNS, width, GUTTER, gives=GIVES, wanted=measured(COLUMNS, lines))
    cells = {one.column.id: one.width for one in placed}
    assert placed[-1].start + placed[-1].width <= width
    whole = len(f"Opportunity.{name}")
    assert cells["where"] == whole
    assert "by" in cells or width < 70
