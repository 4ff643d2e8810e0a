"""The rows of an object pair, built from any decisions and suggestions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.mapping.rows import (
    CEILING,
    HIGH_MATCH,
    MIN_LEFT,
    Candidate,
    Group,
    MappingRow,
    Trouble,
    named_candidates,
)
from crmdeck.mapping.state import by_field
from crmdeck.mapping.wording import best_text
from crmdeck.matching.checks import warn
from crmdeck.matching.context import MIN_CONFIDENCE
from crmdeck.model import (
    Acceptance,
    Alternative,
    Decision,
    Direction,
    FieldType,
    Severity,
    SourceSuggestion,
    Suggestion,
    Urgency,
)

from .pairs import (
    ACCEPTED,
    CRM_FIELDS,
    NAMES,
    NOON,
    PENDING,
    REJECTED,
    build,
    decided,
    event,
    field,
    logs,
    review,
    row,
    suggestion,
    suggestions,
    values,
    verdict,
)

BOTH, PUSH, PULL = Direction.BIDIRECTIONAL, Direction.PUSH, Direction.PULL


@given(logs(), suggestions())
def test_each_field_has_one_row_with_its_own_decision(
    log: list[Decision], offered: list[Suggestion]
) -> None:
    rows, decisions = build(log, offered), by_field(log)
    assert tuple(rows) == NAMES
    for name, one in rows.items():
        accepted = decisions[name].accepted if name in decisions else None
        assert (one.state is ACCEPTED) == (accepted is not None)
        if accepted is not None:
            assert (one.crm_field, one.direction) == (accepted.crm_field, accepted.direction)
        assert one.rejected == (decisions[name].rejected if name in decisions else ())
        assert one.history == tuple(x for x in log if x.partner_field == name)
        assert one.right == next((x for x in CRM_FIELDS if x.name == one.crm_field), None)


@given(logs(), suggestions(), st.sampled_from((None, *NAMES)))
def test_rows_never_share_a_crm_field(
    log: list[Decision], offered: list[Suggestion], focused: str | None
) -> None:
    rows = build(log, offered, focused=focused)
    claimed = [one.crm_field for one in rows.values() if one.crm_field is not None]
    assert len(set(claimed)) == len(claimed)
    for one in rows.values():
        others = {x.crm_field for x in rows.values() if x.state is ACCEPTED and x is not one}
        names = {candidate.crm_field for candidate in one.candidates}
        assert names.isdisjoint(others | set(one.rejected))
        if one.is_open and one.crm_field is not None:
            assert one.crm_field in names
            assert one.candidate is not None
            assert one.confidence == one.candidate.confidence


def test_taken_row_keeps_its_favorite() -> None:
    favorite = Alternative(crm_field="Name", confidence=0.8)
    offered = [
        suggestion("accountName", "Name", 0.9),
        suggestion("contactName", None, 0.7, alternatives=(favorite,), taken_by="accountName"),
    ]
    taken = build(suggestions=offered)["contactName"]
    assert best_text(taken) == "taken by accountName"
    assert [(one.crm_field, one.confidence) for one in taken.candidates] == [("Name", 0.8)]
    assert taken.group is Group.NO_MATCH
    # The favorite is free again.
    for state in (REJECTED, ACCEPTED):
        other = "Name" if state is REJECTED else "Description"
        log = [decided(1, "accountName", state, other)]
        assert best_text(build(log, offered)["contactName"]) == "best: Name 80%"
    accepted = build([decided(1, "accountName", ACCEPTED, "Name")], offered)["contactName"]
    assert best_text(accepted) == "no match"


@given(logs(), suggestions())
def test_undecided_row_suggests_likely_candidate(
    log: list[Decision], offered: list[Suggestion]
) -> None:
    rows = build(log, offered)
    for one in offered:
        shown = rows[one.partner_field]
        if not shown.is_open or shown.crm_field is None:
            continue
        assert one.crm_field is not None
        assert shown.crm_field == one.crm_field or (shown.confidence or 0) >= MIN_CONFIDENCE


@given(suggestions(), st.sets(st.sampled_from([one.name for one in CRM_FIELDS])))
def test_rejected_probability_goes_to_other_candidates(
    offered: list[Suggestion], rejected: set[str]
) -> None:
    log = [decided(n, name, REJECTED, x) for n, x in enumerate(sorted(rejected)) for name in NAMES]
    log = [one.model_copy(update={"id": f"d{n}"}) for n, one in enumerate(log)]
    rows = build(log, offered)
    for one in offered:
        before = {x.crm_field: x.confidence or 0 for x in named_candidates(one)}
        after = {x.crm_field: x.confidence or 0 for x in rows[one.partner_field].candidates}
        assert list(after) == [name for name in before if name not in rejected]
        lost = sum(share for name, share in before.items() if name in rejected)
        for name, share in after.items():
            expected = (
                min(before[name] / max(1 - lost, MIN_LEFT), CEILING) if lost else before[name]
            )
            assert share == pytest.approx(expected)
        assert all(share <= CEILING for share in after.values()) or not lost


def test_contested_field_goes_by_focus_then_confidence() -> None:
    offered = [suggestion("accountName", "Name", 0.6), suggestion("contactName", "Name", 0.8)]
    rows = build((), offered)
    assert (rows["accountName"].crm_field, rows["contactName"].crm_field) == (None, "Name")
    rows = build((), offered, focused="accountName")
    assert (rows["accountName"].crm_field, rows["contactName"].crm_field) == ("Name", None)


def test_taken_suggestion_yields_next_candidate() -> None:
    likely = (
        Alternative(crm_field="Description", confidence=0.4),
        Alternative(crm_field="Old_Account_Name__c", confidence=0.05),
    )
    offered = [suggestion("accountName", "Name", 0.45, alternatives=likely)]
    taken = decided(1, "contactName", ACCEPTED, "Name")
    assert build([taken], offered)["accountName"].crm_field == "Description"
    both = [taken, decided(2, "description", ACCEPTED, "Description")]
    assert build(both, offered)["accountName"].crm_field is None
    nothing = [suggestion("accountName", None, 0.6, alternatives=likely)]
    assert build([taken], nothing)["accountName"].crm_field is None


def test_candidate_moves_up_from_even_odds() -> None:
    even = (Alternative(crm_field="Description", confidence=0.2),)
    taken = decided(1, "contactName", ACCEPTED, "Name")
    offered = [suggestion("accountName", "Name", 0.6, alternatives=even)]
    found = build([taken], offered)["accountName"]
    assert (found.crm_field, found.confidence) == ("Description", 0.5)
    all_but_certain = [suggestion("accountName", "Name", 1.0, alternatives=even)]
    assert build([taken], all_but_certain)["accountName"].confidence == CEILING
    rest = (Alternative(crm_field="Description", confidence=0.001),)
    found = build([taken], [suggestion("accountName", "Name", 1.0, alternatives=rest)])[
        "accountName"
    ]
    assert [one.confidence for one in found.candidates] == [pytest.approx(0.2)]


def test_restored_candidate_comes_first() -> None:
    back = {"accountName": (Candidate("Description", 0.1, was_put_back=True),)}
    for pick in ("Name", None):
        found = build((), [suggestion("accountName", pick, 0.9)], put_back=back)["accountName"]
        assert (found.crm_field, found.confidence) == ("Description", 0.1)
    named = {"accountName": (Candidate("Name", 0.2, was_put_back=True),)}
    found = build((), [suggestion("accountName", "Name", 0.9)], put_back=named)["accountName"]
    assert [one.confidence for one in found.candidates] == [0.9, 0.06]


def test_an_accepted_row_keeps_the_match_that_was_accepted() -> None:
    offered = [suggestion("accountName", "Name", 0.6)]
    log = [decided(1, "accountName", ACCEPTED, "Name", confidence=0.88)]
    assert build(log, offered)["accountName"].confidence == 0.88
    assert build(log)["accountName"].confidence == 0.88
    unknown = [decided(1, "accountName", ACCEPTED, "Name")]
    assert build(unknown, offered)["accountName"].confidence is None


def test_a_suggestion_without_reasons_has_no_confidence() -> None:
    assert named_candidates(None) == ()
    assert [one.confidence for one in named_candidates(suggestion("x", "Name", 0.9))] == [0.9, 0.06]
    bare = suggestion("x", "Name", 0.9, reasons=())
    assert [one.confidence for one in named_candidates(bare)] == [None, 0.06]


def test_direction_is_decided_or_set_or_widest() -> None:
    read_only = field("Account_Name__c", createable=False, updateable=False)
    fields = (read_only, *CRM_FIELDS[1:])
    offered = [suggestion("accountName", "Account_Name__c", 0.9)]
    assert build((), offered, crm_fields=fields)["accountName"].direction is PULL
    assert build((), offered)["accountName"].direction is BOTH
    assert build(())["accountName"].direction is BOTH
    chosen = {"accountName": PUSH}
    assert build((), offered, directions=chosen)["accountName"].direction is PUSH
    log = [decided(1, "accountName", ACCEPTED, "Account_Name__c", direction=PULL)]
    assert build(log, offered, directions=chosen)["accountName"].direction is PULL


def test_row_has_drift_rename_and_source_suggestions() -> None:
    log = [decided(1, "accountName", ACCEPTED, "Gone__c", value_map={"a": "b"})]
    renamed = event(2, "New__c", rename_of="Gone__c")
    elsewhere = event(2, "Other__c", "Account", rename_of="Name")
    gone = event(3, "Gone__c")
    own = (SourceSuggestion(crm_field="Name", confidence=0.5, direction=BOTH),)
    rows = build(
        log,
        [suggestion("accountName", "Name", 0.9, source_suggestions=own)],
        events=(gone, renamed, elsewhere),
    )
    found = rows["accountName"]
    assert (found.right, found.renamed_to, found.drift) == (None, "New__c", (gone,))
    assert (found.value_map, found.source_suggestions) == ({"a": "b"}, own)
    assert (found.candidate, found.confidence) == (None, None)
    assert rows["contactName"].renamed_to == ""
    there = [decided(1, "accountName", ACCEPTED, "Name")]
    assert (
        build(there, events=(event(2, "New__c", rename_of="Name"),))["accountName"].renamed_to == ""
    )


def test_pulled_field_pair_skips_preflight() -> None:
    left, right = field("accountName"), field("Name", length=5)
    judged = review(right).judge(left, right)
    assert [(one.code, one.when) for one in judged.failures] == [
        ("TOO_LONG", "6 characters or more")
    ]
    read_only = field("Name", length=5, createable=False, updateable=False)
    only_read = review(read_only).judge(left, read_only)
    assert (only_read.direction, only_read.failures) == (PULL, ())


@pytest.mark.parametrize("left_type", FieldType)
@pytest.mark.parametrize("right_type", FieldType)
def test_preflight_confirms_ranker_warnings(left_type: FieldType, right_type: FieldType) -> None:
    left = field(
        "left", type=left_type, length=99, precision=12, scale=4, required=False, updateable=False
    )
    right = field(
        "right",
        type=right_type,
        length=9,
        precision=8,
        scale=2,
        required=True,
        restricted=True,
        picklist=values("a"),
    )
    written = set(warn(left, right)) - set(warn(left, right, writes=False))
    if right_type is FieldType.BOOLEAN or FieldType.BINARY in (left_type, right_type):
        # An empty checkbox is false, and no one knows what a file contains.
        written = {one for one in written if one.code == "LENGTH_SHORTER"}
    assert bool(written) <= bool(review(right).judge(left, right).failures)


def test_a_row_is_titled_by_its_label() -> None:
    assert (row().title, row().name) == ("Account name", "accountName")
    assert row(partner=field("accountName", label="")).title == "accountName"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"verdict": None}, True),
        ({"direction": PUSH}, True),
        ({"verdict": verdict(PULL), "direction": PULL}, True),
        ({"verdict": verdict(PULL), "direction": PUSH}, False),
        ({"verdict": verdict(PULL), "direction": BOTH}, False),
        ({"verdict": verdict(PULL, "NOTHING_CAN_FLOW"), "direction": PULL}, False),
        ({"verdict": verdict(BOTH, "LENGTH_SHORTER")}, True),
    ],
)
def test_a_row_can_sync_in_a_direction_that_its_fields_allow(
    changed: dict[str, object], expected: bool
) -> None:
    assert row(**changed).can_sync is expected


PICKLIST = field(
    "status", type=FieldType.PICKLIST, picklist=values("new", "won", "old", inactive=("old",))
)


@pytest.mark.parametrize("type_", [FieldType.PICKLIST, FieldType.MULTIPICKLIST, FieldType.BOOLEAN])
def test_active_values_need_a_value_map(type_: FieldType) -> None:
    right = field("Status", type=type_)
    assert row(partner=PICKLIST, right=right).values == ("new", "won")
    assert row(partner=PICKLIST, right=right).unmapped_values is None
    half = row(partner=PICKLIST, right=right, value_map={"won": "Won", "old": "Old"})
    assert half.unmapped_values == 1
    assert row(partner=PICKLIST, right=field("Status")).values == ()
    assert row(partner=PICKLIST, right=None).values == ()


def test_a_warning_is_hidden_or_settled_by_a_complete_value_map() -> None:
    def codes(**changed: object) -> list[str]:
        found = row(
            partner=PICKLIST,
            right=field("Status", type=FieldType.PICKLIST),
            verdict=verdict(BOTH, "VALUE_MAP_NEEDED", "ARCHIVED"),
            **changed,
        )
        return [one.code for one in found.warnings]

    assert codes() == ["VALUE_MAP_NEEDED", "ARCHIVED"]
    assert codes(hidden_warnings=frozenset({"ARCHIVED"})) == ["VALUE_MAP_NEEDED"]
    assert codes(value_map={"new": "New", "won": "Won"}) == ["ARCHIVED"]
    assert codes(value_map={"new": "New"}) == ["VALUE_MAP_NEEDED", "ARCHIVED"]
    assert row(verdict=None).warnings == ()


def test_severity_is_that_of_the_worst_change_unless_it_is_safe() -> None:
    safe, risky, breaking = (event(n, "x", severity=one) for n, one in enumerate(Severity))
    order = {one.severity: one for one in (safe, risky, breaking)}
    assert row().severity is None
    assert row(drift=(order[Severity.SAFE],)).severity is None
    assert row(drift=(order[Severity.RISKY], order[Severity.SAFE])).severity is Severity.RISKY
    assert row(drift=tuple(order.values())).severity is Severity.BREAKING
    assert row(state=ACCEPTED, right=None).severity is Severity.BREAKING
    assert row(right=None).severity is None


FAILS = {"state": ACCEPTED, "drift": (event(1, "Account_Name__c"),)}
CAN_FAIL = {"state": ACCEPTED, "drift": (event(1, "x", severity=Severity.RISKY),)}
RISK = {"risk": Acceptance(NOON, "dana", NOON.date(), Urgency.FAILING)}
STUCK = {"verdict": verdict(PULL), "direction": PUSH}
WARNED = {"verdict": verdict(BOTH, "ARCHIVED")}
INCOMPLETE = {
    "partner": PICKLIST,
    "right": field("Status", type=FieldType.PICKLIST),
    "value_map": {"new": "New"},
    "state": ACCEPTED,
}


@pytest.mark.parametrize(
    ("changed", "trouble", "group"),
    [
        ({}, None, Group.HIGH),
        ({"confidence": HIGH_MATCH}, None, Group.HIGH),
        ({"confidence": HIGH_MATCH - 0.001}, None, Group.CHECK),
        ({"confidence": None}, None, Group.CHECK),
        ({"crm_field": None, "right": None}, None, Group.NO_MATCH),
        ({"crm_field": None, "right": None, "state": REJECTED}, None, Group.DONE),
        (FAILS, Trouble.FAILING, Group.FAILING),
        (FAILS | STUCK, Trouble.FAILING, Group.FAILING),
        (FAILS | RISK, None, Group.DONE),
        (CAN_FAIL, Trouble.REVIEW, Group.REVIEW),
        (CAN_FAIL | STUCK, Trouble.STUCK, Group.REVIEW),
        ({"state": ACCEPTED}, None, Group.DONE),
        (STUCK, Trouble.STUCK, Group.HIGH),
        (WARNED, Trouble.WARNED, Group.HIGH),
        (WARNED | {"state": ACCEPTED}, None, Group.DONE),
        (INCOMPLETE, Trouble.WARNED, Group.DONE),
    ],
)
def test_a_row_shows_its_worst_problem_in_its_group(
    changed: dict[str, object], trouble: Trouble | None, group: Group
) -> None:
    found: MappingRow = row(**changed)
    assert (found.trouble, found.group) == (trouble, group)


def test_only_undecided_rows_are_open() -> None:
    assert [row(state=one).is_open for one in (PENDING, ACCEPTED, REJECTED)] == [True, False, False]


def test_stronger_row_gets_shared_alternative() -> None:
    def offered(name: str, own: str, confidence: float, other: float) -> Suggestion:
        more = (Alternative(crm_field="Description", confidence=other),)
        return suggestion(name, own, confidence, alternatives=more)

    log = [
        decided(1, "accountName", REJECTED, "Name"),
        decided(2, "contactName", REJECTED, "Old_Account_Name__c"),
    ]
    weaker = offered("accountName", "Name", 0.4, 0.5)
    stronger = offered("contactName", "Old_Account_Name__c", 0.5, 0.49)
    rows = build(log, [weaker, stronger])
    assert (rows["accountName"].crm_field, rows["contactName"].crm_field) == (None, "Description")


def test_unmatched_row_skips_fields_of_other_rows() -> None:
    others = [Alternative(crm_field=name, confidence=0.4) for name in ("Name", "Description")]
    rows = build(
        (),
        [
            suggestion("accountName", "Name", 0.9),
            suggestion("contactName", None, 0.5, alternatives=tuple(others)),
        ],
    )
    assert best_text(rows["contactName"]) == "best: Description 40%"


def test_push_row_lacks_pull_warnings() -> None:
    ours, theirs = field("accountName", required=True), field("Account_Name__c", required=False)
    judged = review(theirs, partner=[ours]).judge(ours, theirs)
    codes = {
        direction: [one.code for one in row(verdict=judged, direction=direction).warnings]
        for direction in (BOTH, PUSH, PULL)
    }
    assert codes == {BOTH: ["REQUIRED_MAY_BE_EMPTY"], PUSH: [], PULL: ["REQUIRED_MAY_BE_EMPTY"]}
