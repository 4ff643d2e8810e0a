"""Which changes are open, and what settled the others, for every interface.

A change is open if it is breaking or risky and nothing settled it. Four events settle a change:
a user acknowledges it; the CRM changes it back; a user repairs or rejects every mapping that it
broke; or the policy excuses it.

A change consists of parts: one for each attribute, picklist value, or record type. It is changed
back when the newest snapshot has the value from before the change in every part. The change that
restores a part is resolved too, and so are the changes in between. This stops at the first change
that someone adapted to: by acknowledging it, or by accepting a mapping that the restoring change
touches. Any other difference is a new change. If an object was added and is gone again, the
changes in between are resolved as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

from pydantic.alias_generators import to_snake

from crmdeck.drift.field_diff import compare_fields, picklist_entries
from crmdeck.model import (
    COSMETIC_ATTRIBUTES,
    ChangeState,
    Decision,
    DecisionState,
    DriftEvent,
    DriftKind,
    Field,
    ObjectSchema,
    OpenChanges,
    Rule,
    RuleKind,
    Severity,
)
from crmdeck.model.hashes import canonical_allowed_values
from crmdeck.model.wire import wire_record

Place = tuple[str, str | None, str | None]
"""Object type, field, and rule; a rule has no field here, for its field may change."""

Part = Hashable
"""An attribute, or a picklist value, a record type, or an allowed value with its attribute."""

_EXISTENCE = "existence"
_ADDED = frozenset({DriftKind.OBJECT_ADDED, DriftKind.FIELD_ADDED, DriftKind.RULE_ADDED})
_CHANGED = frozenset({DriftKind.OBJECT_CHANGED, DriftKind.FIELD_CHANGED, DriftKind.RULE_CHANGED})
_ACCESS = frozenset({DriftKind.ACCESS_LOST, DriftKind.ACCESS_GAINED})


class Excuse(NamedTuple):
    """Why a change is excused until a day: a policy rule, or the risk that `by` accepted."""

    reason: str
    until: date | None
    by: str | None = None


class Standing(NamedTuple):
    """The state of a change.

    `at` is when a user acknowledged it or repaired its last mapping, or when the refresh ran that
    found it changed back.
    """

    state: ChangeState
    at: datetime | None = None
    excuse: Excuse | None = None

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)


class OpenGroup(NamedTuple):
    """A change group that is open: several changes with one cause, or a single change.

    `id` is the ID of the group or the change; `changes` are the open ones, newest first.
    """

    id: str
    connection_id: str
    severity: Severity
    changes: tuple[DriftEvent, ...]

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)

    @property
    def touches_mappings(self) -> bool:
        """True if one of the open changes touched an accepted mapping."""
        return any(change.affected_mappings for change in self.changes)


class Evidence(NamedTuple):
    """All that may settle the changes of one connection, apart from acknowledgments.

    `history` has every change at the same places, as acknowledged, in the order of refreshes.
    `newest` returns the newest snapshot of an object type, None if the object is gone; `before`
    the snapshot that a change was compared with, None if it isn't stored. `decisions` has the
    active decision by `objectPair:partnerField`.
    """

    history: Sequence[DriftEvent]
    newest: Callable[[str], ObjectSchema | None]
    before: Callable[[DriftEvent], ObjectSchema | None]
    decisions: Mapping[str, Decision]
    excuse: Callable[[DriftEvent], Excuse | None]


def judge(changes: Iterable[DriftEvent], evidence: Evidence) -> dict[str, Standing]:
    """Return the state of each change of one connection, by ID."""
    at_place: dict[Place, list[DriftEvent]] = defaultdict(list)
    for change in evidence.history:
        at_place[_place(change)].append(change)
    chains = {place: _Chain(found, evidence) for place, found in at_place.items()}

    # If several events settled a change, the user's own word counts first. The policy comes last,
    # because only its excuse can expire.
    def judge_one(change: DriftEvent) -> Standing:
        if change.acknowledged_at is not None:
            return settlement_of(change)
        chain = chains.get(_place(change))
        if change.kind in _ACCESS:
            later = [each for each in at_place[_place(change)] if each.kind is not change.kind]
            if later and later[-1].detected_at > change.detected_at:
                return Standing(ChangeState.RESOLVED, later[-1].detected_at)
            chain = None
        if chain is not None and (at := chain.changed_back_at(change)):
            return Standing(ChangeState.RESOLVED, at)
        whole = chains.get((change.object_type, None, None))
        if whole is not None and (at := whole.gone_again_at(change)):
            return Standing(ChangeState.RESOLVED, at)
        if at := _repaired_at(change, evidence.decisions):
            return Standing(ChangeState.REPAIRED, at)
        if excuse := evidence.excuse(change):
            return Standing(ChangeState.EXCUSED, excuse=excuse)
        return settlement_of(change)

    return {change.id: judge_one(change) for change in changes}


def unsettled(severity: Severity) -> Standing:
    """Return the state of a change that nothing settled."""
    return Standing(ChangeState.INFO if severity is Severity.SAFE else ChangeState.OPEN)


def settlement_of(change: DriftEvent) -> Standing:
    """Return the state of a change that only an acknowledgment may have settled."""
    if change.acknowledged_at is not None:
        return Standing(ChangeState.ACKNOWLEDGED, change.acknowledged_at)
    return unsettled(change.severity)


def group_of(change: DriftEvent) -> str:
    """Return the ID of the group that a change counts in."""
    return change.story or change.id


def count_open(changes: Iterable[tuple[str, Severity]]) -> OpenChanges:
    """Return the count of open groups, given the group and the severity of each open change."""
    worst: dict[str, Severity] = {}
    for group, severity in changes:
        worst[group] = Severity.worst((severity, worst.get(group, Severity.SAFE)))
    breaking = sum(severity is Severity.BREAKING for severity in worst.values())
    return OpenChanges(
        count=len(worst),
        breaking=breaking,
        risky=len(worst) - breaking,
        severity=Severity.worst(worst.values()) if worst else None,
    )


def group_open(changes: Iterable[DriftEvent]) -> tuple[OpenGroup, ...]:
    """Return the groups of open changes: breaking first, then those that touch mappings, then
    the newest.
    """
    groups: dict[str, list[DriftEvent]] = defaultdict(list)
    for change in changes:
        groups[group_of(change)].append(change)
    found = [
        OpenGroup(
            id=group,
            connection_id=members[0].connection_id,
            severity=Severity.worst(member.severity for member in members),
            changes=tuple(sorted(members, key=lambda member: member.detected_at, reverse=True)),
        )
        for group, members in groups.items()
    ]
    # Sorting is stable: groups of the same rank stay in the order of their times.
    found.sort(key=lambda group: group.changes[0].detected_at, reverse=True)
    found.sort(key=lambda group: (-group.severity.rank, not group.touches_mappings))
    return tuple(found)


def _place(change: DriftEvent) -> Place:
    if change.kind in _ACCESS:
        # Apart from the changes of the field itself.
        return change.object_type, change.field_name, "access"
    return change.object_type, None if change.rule else change.field_name, change.rule


def _repaired_at(change: DriftEvent, decisions: Mapping[str, Decision]) -> datetime | None:
    """Return when the last mapping that a change broke was repaired or rejected."""
    if change.severity is Severity.SAFE or not change.affected_mappings:
        return None
    found = [decisions.get(mapping) for mapping in change.affected_mappings]
    decided = [
        decision.decided_at
        for decision in found
        if decision is not None
        and decision.state is not DecisionState.PENDING
        and decision.decided_at >= change.detected_at
    ]
    return max(decided) if len(decided) == len(found) else None


class _Chain:
    """All changes at one place, in the order of refreshes, against the newest snapshot."""

    def __init__(self, changes: Sequence[DriftEvent], evidence: Evidence) -> None:
        self._changes = changes
        self._evidence = evidence
        self._known: dict[Hashable, object] = {}

    def changed_back_at(self, change: DriftEvent) -> datetime | None:
        """Return when the last part of a change was changed back; None if one still differs."""
        # Every difference between two refreshes is a change. So a change without another one at
        # its place still differs, and most snapshots need not be loaded.
        if len(self._changes) < 2:
            return None
        position = [each.id for each in self._changes].index(change.id)
        earlier = list(self._no_one_adapted_to(position))
        mine = self._parts[position]
        if not mine or not all(any(self._is_back(n, part) for n in earlier) for part in mine):
            return None
        return max(
            each.detected_at
            for each, parts in zip(self._changes, self._parts, strict=True)
            if not mine.keys().isdisjoint(parts)
        )

    def gone_again_at(self, change: DriftEvent) -> datetime | None:
        """Return when the object was removed that was added before a change; None if it exists,
        existed before, or someone adapted to it.
        """
        last = next((each for each in reversed(self._changes) if each.kind not in _CHANGED), change)
        if last.kind in _ADDED or self._newest is not None:
            return None
        for each in reversed(self._changes):
            if each.detected_at < change.detected_at:
                if self._adapted(each, change):
                    return None
                if each.kind in _ADDED:
                    return last.detected_at
        return None

    def _no_one_adapted_to(self, position: int) -> Iterator[int]:
        """Yield a position, then those of earlier changes, back to the last one that someone
        adapted to.
        """
        yield position
        for before in range(position - 1, -1, -1):
            if self._adapted(self._changes[before], self._changes[position]):
                return
            yield before

    def _adapted(self, earlier: DriftEvent, later: DriftEvent) -> bool:
        """Return whether someone acknowledged a change, or accepted a mapping after it that a
        later change touches.
        """
        if earlier.acknowledged_at is not None:
            return True
        found = (self._evidence.decisions.get(each) for each in later.affected_mappings)
        return any(
            decision is not None
            and decision.state is DecisionState.ACCEPTED
            and earlier.detected_at <= decision.decided_at < later.detected_at
            for decision in found
        )

    def _is_back(self, position: int, part: Part) -> bool:
        """Return whether a part of the newest snapshot equals its value before a change."""
        change, parts = self._changes[position], self._parts[position]
        if change.field_name is None and change.rule is None and part == _EXISTENCE:
            return part in parts and (self._newest is None) is (change.kind in _ADDED)
        if part in parts and self._now is not None and self._value(part) == parts[part]:
            return True
        return self._comes_and_goes and self._is_as_before(change)

    @cached_property
    def _comes_and_goes(self) -> bool:
        """Whether a field or a rule was added or removed, so that it is compared as a whole."""
        first = self._changes[0]
        whole = first.field_name is not None or first.rule is not None
        return whole and any(_EXISTENCE in parts for parts in self._parts)

    def _is_as_before(self, change: DriftEvent) -> bool:
        if self._newest is None or not _is_known(self._newest, change):
            return False
        # An addition is undone once it is gone again; for any other change it has to exist.
        if change.kind in _ADDED or self._now is None:
            return change.kind in _ADDED and self._now is None
        schema = self._evidence.before(change)
        before = _subject(schema, change) if schema is not None else None
        return before is None or _is_same(before, self._now)

    def _value(self, part: Part) -> object:
        """Return a part in the newest snapshot, in the form that changes have."""
        if part == _EXISTENCE:
            return None
        attribute = part[0] if isinstance(part, tuple) else part
        if attribute not in self._known:
            self._known[attribute] = _current(self._now, str(attribute))
        known = self._known[attribute]
        if isinstance(part, tuple) and isinstance(known, dict):
            return known.get(part, False if attribute == "allowedValues" else [])
        return known

    @cached_property
    def _parts(self) -> list[dict[Part, object]]:
        return [_parts(change) for change in self._changes]

    @cached_property
    def _newest(self) -> ObjectSchema | None:
        return self._evidence.newest(self._changes[0].object_type)

    @cached_property
    def _now(self) -> ObjectSchema | Field | Rule | None:
        return None if self._newest is None else _subject(self._newest, self._changes[0])


def _is_known(schema: ObjectSchema, change: DriftEvent) -> bool:
    """Return whether a schema says if the rule of a change exists."""
    if change.rule is None:
        return True
    kind = change.rule.partition(":")[0]
    if kind in set(RuleKind):
        return RuleKind(kind) in schema.known_kinds
    # The name doesn't begin with its kind: those of validation rules and HubSpot's rules about
    # values don't.
    return {RuleKind.VALIDATION, RuleKind.VALUES} <= schema.known_kinds


def _subject(schema: ObjectSchema, change: DriftEvent) -> ObjectSchema | Field | Rule | None:
    """Return the object, field, or rule of a change in a schema."""
    if change.rule is not None:
        return next((rule for rule in schema.rules or () if rule.name == change.rule), None)
    if change.field_name is not None:
        return next((field for field in schema.fields if field.name == change.field_name), None)
    return schema


def _is_same(before: ObjectSchema | Field | Rule, now: ObjectSchema | Field | Rule) -> bool:
    """Return whether a field or a rule is the same as before, apart from labels."""
    if isinstance(before, Field) and isinstance(now, Field):
        found = compare_fields(before, now)
        return all(to_snake(change.attribute) in COSMETIC_ATTRIBUTES for change in found)
    return before == now


def _parts(change: DriftEvent) -> dict[Part, object]:
    """Return the parts of a change, each with its value before."""
    if change.kind not in _CHANGED:
        return {_EXISTENCE: change.kind not in _ADDED}
    found: dict[Part, object] = {}
    for each in change.changes:
        name, before, after = each.attribute, each.before, each.after
        match name:
            case "picklist":
                found |= {("picklist", entry["value"]): [] for entry in after}
                found |= _by_name("picklist", "value", before)
            case "recordTypes":
                found |= {("recordTypes", entry["name"]): [] for entry in after}
                found |= _by_name("recordTypes", "name", before)
            case "allowedValues":
                found |= _allowed(after, False) | _allowed(before, True)
            case _:
                found[name] = before
    return found


def _current(subject: ObjectSchema | Field | Rule | None, attribute: str) -> object:
    """Return the current value of an attribute, by part if it has several."""
    value = getattr(subject, to_snake(attribute))
    match attribute:
        case "picklist":
            return _by_name("picklist", "value", picklist_entries(value))
        case "recordTypes":
            if value is None:
                return None
            return _by_name("recordTypes", "name", [record.to_wire() for record in value])
        case "allowedValues":
            return None if value is None else _allowed(canonical_allowed_values(value), True)
        case "references":
            return sorted(set(value))
        case _:
            return value


def _by_name(
    attribute: str, key: str, entries: Iterable[Mapping[str, object]]
) -> dict[Part, list[Mapping[str, object]]]:
    found: dict[Part, list[Mapping[str, object]]] = defaultdict(list)
    for entry in entries:
        found[attribute, entry[key]].append(entry)
    return dict(found)


def _allowed(values: Mapping[str, Iterable[str]], allowed: bool) -> dict[Part, bool]:
    return {
        ("allowedValues", controlling, value): allowed
        for controlling, found in values.items()
        for value in found
    }
