"""What is open, proven over random histories of one small CRM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import AcceptedField, detect
from crmdeck.drift.open_changes import (
    Evidence,
    Excuse,
    Standing,
    count_open,
    group_of,
    group_open,
    judge,
)
from crmdeck.model import (
    ChangeState,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    Field,
    FieldType,
    GoneReason,
    ObjectSchema,
    OpenChanges,
    RecordType,
    Rule,
    RuleKind,
    Severity,
)
from crmdeck.workspace.knowledge import read_field_words
from crmdeck.workspace.policy import Policy
from tests.drift.build import NOON, mapped, values

OPEN, RESOLVED, REPAIRED = ChangeState.OPEN, ChangeState.RESOLVED, ChangeState.REPAIRED
ACKNOWLEDGED, EXCUSED, INFO = ChangeState.ACKNOWLEDGED, ChangeState.EXCUSED, ChangeState.INFO

World = ObjectSchema | None
"""The object type Deal at one refresh; None if it was removed."""


@dataclass
class History:
    """Refreshes of one object, with acknowledgments and decisions since."""

    worlds: Sequence[World]
    accepted: Sequence[AcceptedField] = ()
    changes: list[DriftEvent] = field(default_factory=list)
    decisions: dict[str, Decision] = field(default_factory=dict)
    excuse: Callable[[DriftEvent], Excuse | None] = lambda _: None

    def __post_init__(self) -> None:
        last = self.worlds[0]
        self.before: dict[str, World] = {}
        for number, (old, new) in enumerate(pairwise(self.worlds), 1):
            report = detect(
                connection_id="c",
                vendor=vendor_of("salesforce"),
                detected_at=NOON + timedelta(days=number),
                before={"Deal": last} if last and (old or new) else {},
                after={"Deal": new} if new else {},
                gone_objects={"Deal": GoneReason.REMOVED} if old and not new else {},
                returned={"Deal": GoneReason.REMOVED} if last and new and not old else {},
                accepted=self.accepted,
                field_words=partial(read_field_words, None),
            )
            found = report.events if old or new else ()
            self.before |= {change.id: last for change in found}
            # Through JSON, as the store returns them.
            self.changes += [DriftEvent.model_validate_json(each.to_json()) for each in found]
            last = new or last

    def acknowledge(self, *numbers: int) -> History:
        for number in numbers:
            self.changes[number] = self.changes[number].model_copy(
                update={"acknowledged_at": NOON + timedelta(days=90)}
            )
        return self

    def standings(self) -> dict[str, Standing]:
        evidence = Evidence(
            history=self.changes,
            newest=lambda name: self.worlds[-1] if name == "Deal" else None,
            before=lambda change: self.before[change.id],
            decisions=self.decisions,
            excuse=self.excuse,
        )
        return judge(self.changes, evidence)

    def states(self) -> list[ChangeState]:
        return [standing.state for standing in self.standings().values()]

    def open(self) -> list[DriftEvent]:
        found = self.standings()
        return [change for change in self.changes if found[change.id].state is OPEN]


def deal(*fields: Field, **attributes: Any) -> ObjectSchema:
    return ObjectSchema(object_type="Deal", label="Deal", fields=fields, **attributes)


def text(length: int = 80, **attributes: Any) -> Field:
    return Field(
        **{
            "name": "Name",
            "label": "Name",
            "type": FieldType.STRING,
            "native_type": "string",
            "length": length,
            "required": False,
            **attributes,
        }
    )


def choice(*names: str, **options: Any) -> Field:
    return Field(
        name="Stage",
        label="Stage",
        type=FieldType.PICKLIST,
        native_type="picklist",
        picklist=values(*names, **options),
        required=False,
    )


def history(*fields: Field | None, acknowledged: Sequence[int] = (), **more: Any) -> History:
    """Return the history of one field, None while it is gone; the field is mapped both ways."""
    accepted = [mapped("Deal", one.name) for one in fields if one][:1]
    worlds = [deal(*([one] if one else [])) for one in fields]
    return History(worlds, accepted, **more).acknowledge(*acknowledged)


# Single steps


def test_a_change_that_still_differs_is_open() -> None:
    assert history(text(80), text(40)).states() == [OPEN]
    assert history(text(80), text(40), text(60)).states() == [OPEN, OPEN]


def test_a_change_back_resolves_both_changes_on_its_date() -> None:
    found = history(text(80), text(40), text(80)).standings()
    at = NOON + timedelta(days=2)
    assert list(found.values()) == [Standing(RESOLVED, at), Standing(RESOLVED, at)]


def test_a_change_back_of_an_acknowledged_change_is_open() -> None:
    found = history(text(80), text(40), text(80), acknowledged=[0])
    assert found.states() == [ACKNOWLEDGED, OPEN]


def test_changes_between_change_and_undo_are_resolved() -> None:
    assert set(history(text(80), text(40), text(20), text(80)).states()) == {RESOLVED}


def test_a_detour_is_resolved_and_the_way_before_it_stays_open() -> None:
    assert history(text(80), text(40), text(20), text(40)).states() == [OPEN, RESOLVED, RESOLVED]


def test_someone_adapted_to_the_middle_so_leaving_it_is_open() -> None:
    found = history(text(80), text(40), text(20), text(80), acknowledged=[1])
    assert found.states() == [RESOLVED, ACKNOWLEDGED, OPEN]


def test_undone_safe_change_is_resolved_if_unmapped() -> None:
    longer = [deal(text(40)), deal(text(80)), deal(text(40))]
    found = History(longer, [mapped("Deal", "Name", Direction.PUSH)])
    assert [change.severity for change in found.changes] == [Severity.SAFE, Severity.BREAKING]
    assert found.states() == [RESOLVED, RESOLVED]
    # From the moment of the first change until just before the second one.
    for moment, second in ((1, OPEN), (1.5, OPEN), (2, RESOLVED)):
        found.decisions = decided(DecisionState.ACCEPTED, moment)
        assert found.states() == [RESOLVED, second]
    found.decisions = decided(DecisionState.ACCEPTED, 0.5)
    assert found.acknowledge(0).states() == [ACKNOWLEDGED, OPEN]


def test_added_then_removed_field_is_resolved_if_unmapped() -> None:
    found = history(None, text(), None)
    assert [change.severity for change in found.changes] == [Severity.SAFE, Severity.BREAKING]
    assert set(found.states()) == {RESOLVED}
    found.decisions = decided(DecisionState.ACCEPTED, 1.5)
    assert found.states() == [RESOLVED, OPEN]


def test_changes_of_removed_new_object_are_resolved() -> None:
    relabeled = deal(text(40)).model_copy(update={"label": "Deals"})
    found = History([None, deal(text(80)), relabeled, None])
    assert len(found.changes) == 4
    assert set(found.states()) == {RESOLVED}
    added = next(n for n, c in enumerate(found.changes) if c.kind is DriftKind.OBJECT_ADDED)
    assert RESOLVED not in found.acknowledge(added).states()


def test_safe_changes_are_never_open() -> None:
    assert history(text(80), text(80, label="Other")).states() == [INFO]


def test_each_attribute_is_changed_back_on_its_own() -> None:
    found = history(text(80), text(40, unique=False, required=True), text(80, required=True))
    assert found.states() == [OPEN, RESOLVED]


def test_removed_field_is_resolved_when_restored() -> None:
    assert set(history(text(80), None, text(80)).states()) == {RESOLVED}
    assert set(history(text(80), None, text(80, label="Other")).states()) == {RESOLVED}
    assert history(text(80), None, text(40)).states()[0] is OPEN


def test_a_required_field_that_is_removed_again_is_resolved() -> None:
    found = history(None, text(required=True), None)
    assert found.changes[0].severity is Severity.BREAKING
    assert set(found.states()) == {RESOLVED}


def test_field_of_missing_object_is_unknown() -> None:
    worlds = [deal(text(80)), deal(text(40)), None]
    assert History(worlds, [mapped("Deal", "Name")]).states() == [OPEN, OPEN]


def test_an_object_that_exists_again_is_resolved() -> None:
    worlds = [deal(text(80)), None, deal(text(80))]
    assert set(History(worlds, [mapped("Deal", "Name")]).states()) == {RESOLVED}


def test_difference_in_returned_object_is_open() -> None:
    worlds = [deal(text(80)), None, deal(text(40))]
    found = History(worlds, [mapped("Deal", "Name")])
    assert {c.kind: s for c, s in zip(found.changes, found.states(), strict=True)} == {
        DriftKind.OBJECT_REMOVED: RESOLVED,
        DriftKind.OBJECT_ADDED: RESOLVED,
        DriftKind.FIELD_CHANGED: OPEN,
    }


def test_each_picklist_value_is_changed_back_on_its_own() -> None:
    found = history(choice("a", "b"), choice("c"), choice("a", "c"))
    assert found.states() == [OPEN, RESOLVED]
    assert set(history(choice("a", "b"), choice("a"), choice("a", "b")).states()) == {RESOLVED}
    inactive = choice("a", "b", active=False)
    assert set(history(choice("a"), choice("b"), inactive).states()) != {RESOLVED}


def test_allowed_values_are_changed_back_one_by_one() -> None:
    def dependent(**allowed: tuple[str, ...]) -> Field:
        return choice("a", "b").model_copy(
            update={"controller": "Type", "allowed_values": allowed or None}
        )

    found = history(dependent(x=("a", "b")), dependent(x=("a",)), dependent(x=("b", "a")))
    assert set(found.states()) == {RESOLVED}
    partly = history(dependent(x=("a", "b")), dependent(y=("a",)), dependent(x=("a",), y=("a",)))
    assert partly.states()[0] is OPEN
    silent = history(dependent(x=("a", "b")), dependent(x=("a",)), dependent())
    assert silent.states()[0] is OPEN


def test_record_types_are_changed_back_by_name() -> None:
    def kinds(*names: str) -> ObjectSchema:
        return deal(text(), record_types=tuple(RecordType(name=name) for name in names))

    accepted = [mapped("Deal", "Name")]
    assert set(History([kinds("a", "b"), kinds("a"), kinds("b", "a")], accepted).states()) == {
        RESOLVED
    }
    assert History([kinds("a", "b"), kinds("a"), kinds("a", "c")], accepted).states()[0] is OPEN


def test_lookups_are_compared_as_sets() -> None:
    def lookup(*targets: str) -> Field:
        return Field(
            name="Owner", type=FieldType.REFERENCE, native_type="reference", references=targets
        )

    found = history(lookup("User", "Group"), lookup("User"), lookup("Group", "User"))
    assert set(found.states()) == {RESOLVED}


def test_rules_are_changed_back_too() -> None:
    def ruled(*rules: Rule) -> ObjectSchema:
        return deal(text(), rules=rules)

    rule = Rule(name="Lost", kind=RuleKind.VALIDATION, message="Say why", expression="A > 1")
    other = rule.model_copy(update={"expression": "A > 2", "field": "Name"})
    assert set(History([ruled(), ruled(rule), ruled()]).states()) == {RESOLVED}
    assert set(History([ruled(rule), ruled(other), ruled(rule)]).states()) == {RESOLVED}
    assert History([ruled(rule), ruled(other)]).states() == [OPEN]
    unread = [ruled(), ruled(rule), deal(text())]
    assert History(unread).states() == [OPEN]
    assert History([ruled(rule), ruled(), ruled(other)]).states()[0] is INFO


# Histories at random

LENGTHS = st.lists(st.integers(1, 3), min_size=2, max_size=7)
FIELDS = st.one_of(
    st.none(),
    st.builds(
        lambda length, required, names: choice(*names).model_copy(
            update={"length": length, "required": required}
        ),
        st.integers(1, 2),
        st.booleans(),
        st.sets(st.sampled_from("ab"), max_size=2).map(sorted),
    ),
)
WORLDS = st.one_of(
    st.none(),
    st.builds(
        lambda one, name: deal(*([one] if one else []), *([name] if name else [])),
        FIELDS,
        st.one_of(st.none(), st.builds(text, st.integers(1, 2))),
    ),
)
HISTORIES = st.lists(WORLDS, min_size=2, max_size=6).map(
    lambda worlds: History(worlds, [mapped("Deal", "Stage")])
)


def look(world: World, change: DriftEvent, part: str) -> object:
    """Return what a world has of one part of a field: an attribute, or the field itself."""
    found = next((f for f in world.fields if f.name == change.field_name), None) if world else None
    if part == "itself" or found is None:
        return found
    if part == "picklist":
        [picklist] = [each for each in change.changes if each.attribute == part]
        named = {value["value"] for value in (*picklist.before, *picklist.after)}
        return named & {value.value for value in found.picklist}
    return getattr(found, part)


@given(LENGTHS, st.data())
def test_change_stays_open_while_crm_differs(lengths: list[int], data: st.DataObject) -> None:
    found = history(*map(text, lengths))
    numbers = range(len(found.changes))
    found.acknowledge(*data.draw(st.sets(st.sampled_from(numbers)) if numbers else st.just(())))
    last = max((n for n in numbers if found.changes[n].acknowledged_at), default=-1)
    lengths_changed = [lengths[0]]
    lengths_changed += [b for a, b in pairwise(lengths) if a != b]
    later = {change.id for change in found.changes[last + 1 :]}
    differs = lengths_changed[last + 1] != lengths[-1]
    assert any(change.id in later for change in found.open()) == differs


@given(HISTORIES, st.data())
def test_refresh_keeps_existing_differences_open(found: History, data: st.DataObject) -> None:
    numbers = range(len(found.changes))
    found.acknowledge(*data.draw(st.sets(st.sampled_from(numbers)) if numbers else st.just(())))
    newest = found.worlds[-1]
    for number, (change, state) in enumerate(zip(found.changes, found.states(), strict=True)):
        if change.field_name is None or state is not RESOLVED:
            continue
        unacknowledged = [c for c in found.changes[: number + 1] if c.acknowledged_at is None]
        # What happened to a field while its object existed is gone with the object.
        if newest is None and DriftKind.OBJECT_ADDED in {c.kind for c in unacknowledged}:
            continue
        earlier = [each for each in unacknowledged if each.field_name == change.field_name]
        for part in [each.attribute for each in change.changes] or ["itself"]:
            now = look(newest, change, part)
            itself = look(newest, change, "itself")
            assert any(
                look(found.before[each.id], change, part) == now
                or look(found.before[each.id], change, "itself") == itself
                for each in earlier
            )


@given(HISTORIES)
def test_restored_field_settles_its_change(found: History) -> None:
    newest = found.worlds[-1]
    for change, state in zip(found.changes, found.states(), strict=True):
        before = found.before[change.id]
        if change.field_name and newest is not None:
            back = look(before, change, "itself") == look(newest, change, "itself")
            assert state is RESOLVED or not back


@given(HISTORIES)
def test_restored_crm_has_no_open_changes(found: History) -> None:
    first = found.worlds[0]
    assert History([*found.worlds, first], [mapped("Deal", "Stage")]).open() == []


@given(HISTORIES, st.data())
def test_groups_and_single_changes_count_alike(found: History, data: st.DataObject) -> None:
    names = st.sampled_from(["one", "two", None])
    for number, change in enumerate(found.changes):
        story = data.draw(names)
        found.changes[number] = change.model_copy(update={"story": story})
    still = found.open()
    groups = group_open(still)
    counted = count_open((group_of(change), change.severity) for change in still)
    assert counted == OpenChanges(
        count=len(groups),
        breaking=sum(group.severity is Severity.BREAKING for group in groups),
        risky=sum(group.severity is Severity.RISKY for group in groups),
        severity=groups[0].severity if groups else None,
    )
    assert len(groups) == len({change.story or change.id for change in still})
    assert sorted(c.id for group in groups for c in group.changes) == sorted(c.id for c in still)
    ranks = [(-group.severity.rank, not group.touches_mappings) for group in groups]
    assert ranks == sorted(ranks)
    for group in groups:
        assert group.severity is max(
            (change.severity for change in group.changes), key=lambda each: each.rank
        )


@given(HISTORIES)
def test_acknowledging_all_leaves_zero(found: History) -> None:
    found.acknowledge(*range(len(found.changes)))
    assert count_open((group_of(c), c.severity) for c in found.open()) == OpenChanges()


@given(HISTORIES, st.data())
def test_acknowledging_one_change_settles_no_other_that_was_open(
    found: History, data: st.DataObject
) -> None:
    before = {change.id for change in found.open()}
    if found.changes:
        number = data.draw(st.sampled_from(range(len(found.changes))))
        found.acknowledge(number)
        assert before - {found.changes[number].id} <= {change.id for change in found.open()}


def test_groups_sort_by_mappings_then_date() -> None:
    def change(name: str, day: int, **more: Any) -> DriftEvent:
        values = {"id": name, "connection_id": "c", "object_type": "Deal", "field_name": name}
        values |= {"kind": DriftKind.FIELD_CHANGED, "severity": Severity.RISKY}
        return DriftEvent.model_validate(
            values | {"detected_at": NOON + timedelta(days=day)} | more
        )

    groups = group_open(
        [
            change("old", 1),
            change("first", 2, story="s"),
            change("last", 4, story="s"),
            change("new", 3),
            change("mapped", 0, affected_mappings=("deal--Deal:name",)),
        ]
    )
    assert [(group.id, [each.id for each in group.changes]) for group in groups] == [
        ("mapped", ["mapped"]),
        ("s", ["last", "first"]),
        ("new", ["new"]),
        ("old", ["old"]),
    ]


# Mappings


def decided(state: DecisionState, days: float, field: str = "accountName") -> dict[str, Decision]:
    decision = Decision(
        id="d",
        connection_id="c",
        object_pair="deal_registration--Deal",
        partner_field=field,
        crm_field="Name",
        state=state,
        decided_by="dana",
        decided_at=NOON + timedelta(days=days),
    )
    return {f"deal_registration--Deal:{field}": decision}


@pytest.mark.parametrize(
    ("state", "days", "expected"),
    [
        (DecisionState.ACCEPTED, 0.9, OPEN),
        (DecisionState.ACCEPTED, 1, REPAIRED),
        (DecisionState.REJECTED, 1.5, REPAIRED),
        (DecisionState.PENDING, 1.5, OPEN),
    ],
)
def test_a_mapping_that_was_decided_since_settles_the_change(
    state: DecisionState, days: float, expected: ChangeState
) -> None:
    found = history(text(80), text(40), decisions=decided(state, days))
    assert found.states() == [expected]
    if expected is REPAIRED:
        [standing] = found.standings().values()
        assert standing.at == NOON + timedelta(days=days)


def test_every_mapping_that_broke_has_to_be_repaired() -> None:
    second = AcceptedField("deal--Deal", "title", "Deal", "Name", Direction.PUSH)
    worlds = [deal(text(80)), deal(text(40))]
    found = History(worlds, [mapped("Deal", "Name"), second])
    found.decisions = decided(DecisionState.ACCEPTED, 2)
    assert found.states() == [OPEN]
    [(_, first)] = found.decisions.items()
    found.decisions["deal--Deal:title"] = first
    assert found.states() == [REPAIRED]


def test_decision_settles_only_changes_that_broke_a_mapping() -> None:
    found = History([deal(text(80)), deal()])
    found.decisions = decided(DecisionState.ACCEPTED, 2)
    assert found.states() == [OPEN]


# Policies


@given(st.dates(date(2026, 5, 1), date(2026, 6, 30)), st.sampled_from(["ignore", "report"]))
@settings(max_examples=30)
def test_the_policy_excuses_until_it_expires(today: date, level: str) -> None:
    until = date(2026, 5, 31)
    policy = excusing(level=level, object="D*", code="FIELD_*", reason="Agreed", until=until)
    found = history(text(80), text(40), excuse=lambda change: policy.excuse("acme", change, today))
    [standing] = found.standings().values()
    if today <= until:
        assert standing == Standing(EXCUSED, excuse=Excuse("Agreed", until))
    else:
        assert standing == Standing(OPEN)


def test_failing_policy_rule_has_no_effect() -> None:
    strict = excusing({"level": "fail"}, {"level": "ignore", "reason": "x", "until": "2099-01-01"})
    today = date(2026, 5, 16)
    found = history(text(80), text(40), excuse=lambda change: strict.excuse("a", change, today))
    assert found.states() == [OPEN]


def test_unrelated_policy_rule_has_no_effect() -> None:
    for other in ({"connection": "beta"}, {"attribute": "type"}, {"severity": "risky"}):
        rule = {"level": "ignore", "reason": "x", "until": "2099-01-01", **other}
        policy = excusing(rule)
        today = date(2026, 5, 16)
        found = history(text(80), text(40), excuse=partial(_excuse, policy, today))
        assert found.states() == [OPEN]


def _excuse(policy: Policy, today: date, change: DriftEvent) -> Excuse | None:
    return policy.excuse("acme", change, today)


def excusing(*rules: Mapping[str, object], **rule: object) -> Policy:
    return Policy.model_validate({"rule": [*rules, *([rule] if rule else [])]})
