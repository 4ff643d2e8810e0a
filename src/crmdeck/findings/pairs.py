"""What is open about the object pairs of a connection, and about its changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from crmdeck.drift.open_changes import group_of
from crmdeck.drift.wording import place_of, what_happened
from crmdeck.findings.connection import make_finding
from crmdeck.findings.facts import Facts, PairFacts, StandingChange, Vitals
from crmdeck.mapping.judgment import (
    FIELD_GONE,
    INVALID,
    OBJECT_GONE,
    REQUIRED,
    ROW,
    VALUE_CODES,
    RowJudgment,
    failure_words,
    judge_row,
)
from crmdeck.mapping.state import (
    by_field,
    current_state,
    drift_since,
    filled_elsewhere,
)
from crmdeck.mapping.wording import filled_text
from crmdeck.model import (
    STOPPING,
    ChangeState,
    Connection,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Finding,
    FindingKind,
    FindingState,
    ObjectPair,
    Severity,
    Step,
    Subject,
    Urgency,
    Verb,
)
from crmdeck.preflight.edges import FailsWhen
from crmdeck.text import count, first_few

_NAMED = 3


class _Open(NamedTuple):
    """A finding to be, and the changes that touch its row."""

    finding: Finding
    changes: tuple[DriftEvent, ...]


def mapping_findings(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about rows, required fields and changes.

    A row explains the changes that touch it: they are its cause, and no finding of their own.
    """
    # What the policy excuses is settled as if someone had acknowledged it. An accepted risk still
    # shows what was accepted.
    relevant = [one.event for one in facts.changes if not _is_by_policy(one)]
    rows = [one for pair in facts.pairs for one in _of_pair(facts, pair, relevant)]
    touching = {event.id for _, changes in rows for event in changes}
    rest: dict[str, list[DriftEvent]] = defaultdict(list)
    for event in relevant:
        if event.id not in touching:
            rest[group_of(event)].append(event)
    explained: set[str] = set()
    for finding, changes in rows:
        groups = dict.fromkeys(map(group_of, changes))
        explained.update(groups)
        # The other changes of these groups go with the row.
        every = [*changes, *(event for group in groups for event in rest[group])]
        about = _of_changes(every) if every else {}
        # Other changes of a group say nothing about the row.
        evidence = max((event.detected_at for event in changes), default=None)
        mapped = finding.mapped or about.get("mapped", False)
        update = {**about, "mapped": mapped, "evidence_at": evidence}
        yield finding.model_copy(update=update)
    for group, events in rest.items():
        if group not in explained and events:
            yield _of_group(facts, group, events)
    excused: dict[str, list[StandingChange]] = defaultdict(list)
    for one in facts.changes:
        if _is_by_policy(one):
            excused[group_of(one.event)].append(one)
    for group, those in excused.items():
        found = _of_group(facts, group, [one.event for one in those])
        excuse = those[0].standing.excuse
        update = {"state": FindingState.EXCUSED, "rule": (excuse and excuse.reason) or "policy"}
        yield found.model_copy(update=update)
    if facts.likely_pair is not None:
        yield _nothing_mapped(facts.vitals, facts.likely_pair)


def safe_change(connection: Connection, event: DriftEvent) -> Finding:
    """Return a safe change as a note, for a check."""
    return make_finding(
        connection,
        FindingKind.CHANGE_SAFE,
        Urgency.NOTE,
        event.kind.value.upper(),
        f"{place_of(event)}: {what_happened(event)}",
        event.id,
        cause=event.reason,
        subject=Subject(object_type=event.object_type, crm_field=event.field_name),
        **_of_changes([event]),
    )


def _is_by_policy(one: StandingChange) -> bool:
    excuse = one.standing.excuse
    return one.standing.state is ChangeState.EXCUSED and (excuse is None or excuse.by is None)


def _of_changes(changes: Sequence[DriftEvent]) -> dict[str, Any]:
    """Return the attributes of a finding that explains changes."""
    first = min(changes, key=lambda event: event.detected_at)
    newest = max(changes, key=lambda event: event.detected_at)
    names = [event.changed_by for event in changes if event.changed_by]
    return {
        "changes": tuple(event.id for event in changes),
        "groups": tuple(dict.fromkeys(map(group_of, changes))),
        "severity": Severity.worst(event.severity for event in changes),
        "attributes": tuple(
            dict.fromkeys(one.attribute for event in changes for one in event.changes)
        ),
        "by": first_few(list(dict.fromkeys(names)), 1) or None,
        "since": first.changed_at or first.detected_at,
        "evidence_at": newest.detected_at,
        "mapped": any(event.affected_mappings for event in changes),
    }


def _of_group(facts: Facts, group: str, events: Sequence[DriftEvent]) -> Finding:
    """Return the finding of a change group that no row explains."""
    worst = max(events, key=lambda event: (event.severity.rank, event.detected_at))
    title = f"{place_of(worst)}: {what_happened(worst)}"
    if len(events) > 1:
        title = facts.group_titles.get(group, title)
    vitals, name = facts.vitals, facts.vitals.connection.name
    about = _of_changes(events)
    return Finding(
        # The ID of a change group is known in Drift, too.
        id=group,
        kind=FindingKind.CHANGE_OPEN,
        urgency=Urgency.REVIEW,
        code=worst.kind.value.upper(),
        connection_id=vitals.connection.id,
        connection=name,
        title=title.removesuffix("."),
        cause=_caused_by(events, title),
        effect=worst.reason if about["mapped"] else "No mapping uses it.",
        subject=Subject(object_type=worst.object_type, crm_field=worst.field_name),
        weight=len(events),
        steps=(
            Step(
                verb=Verb.ACKNOWLEDGE,
                text="Acknowledge",
                command=vitals.command_line("drift", name, acknowledge=group),
            ),
        ),
        **about,
    )


def _caused_by(changes: Sequence[DriftEvent], title: str = "") -> str:
    """Return the newest cause in a sentence, without a change that `title` contains."""
    if not changes:
        return ""
    worst = max(changes, key=lambda event: (event.severity.rank, event.detected_at))
    who = f" by {worst.changed_by}" if worst.changed_by else ""
    happened = what_happened(worst)
    when = f"{who} on {worst.changed_at or worst.detected_at:%Y-%m-%d}"
    if happened in title:
        by = f"{worst.changed_by} made" if who else "crmdeck found"
        return f"{by} the change{when.removeprefix(who)}."
    if happened.endswith("removed") and not worst.changes:
        return f"{happened[:1].upper()}{happened[1:]}{when}."
    return f"Changed{when}: {happened}."


def _of_pair(facts: Facts, pair: PairFacts, relevant: Sequence[DriftEvent]) -> Iterator[_Open]:
    named, decided = ObjectPair.parse(pair.pair), by_field(pair.log)
    accepted = {name: one.accepted for name, one in decided.items() if one.accepted is not None}
    mine = [event for event in relevant if event.object_type == named.crm_object]
    verdicts = pair.verdicts
    if not verdicts.has_object:
        if accepted:
            yield _object_gone(facts, pair, accepted, mine)
        return
    partner_fields = {f.name: f for f in pair.partner.fields} if pair.partner is not None else {}
    holders = {one.crm_field: name for name, one in accepted.items()}
    failures = defaultdict(list)
    for failure in verdicts.failures:
        failures[failure.partner_field or holders.get(failure.crm_field)].append(failure)
    for name, decision in accepted.items():
        judged = judge_row(
            partner_fields.get(name),
            decision.direction,
            is_gone=name in verdicts.gone,
            failures=failures[name],
            changes=drift_since(decision, named.crm_object, mine),
            invalid=(verdicts.invalid or {}).get(name),
        )
        if judged.kind is not None:
            yield _Open(_of_row(facts, pair, decision, judged), judged.changes)
    for crm_field in verdicts.required:
        about = tuple(one for one in mine if one.field_name == crm_field and one.rule is None)
        yield _Open(_required(facts, pair, crm_field, about), about)
    for crm_field, mark in filled_elsewhere(pair.log).items():
        about_it = [one for one in failures[None] if one.crm_field == crm_field and not one.rule]
        judged = judge_row(None, Direction.PUSH, failures=about_it if mark.filled_with else ())
        if judged.kind is not None and judged.failure is not None:
            yield _Open(_of_filled(facts, pair, mark, judged, judged.failure), ())
    # A record whose values are all good is rejected: no row is the reason.
    rules = [one for one in failures[None] if one.rule and one.outcome in STOPPING]
    for failure in rules:
        found = make_finding(
            facts.vitals.connection,
            FindingKind.ROW_CAN_FAIL,
            Urgency.REVIEW,
            failure.code,
            f"Rule {failure.rule} can reject {_records(pair)}",
            ROW,
            pair.pair,
            failure.rule,
            cause=f"{failure.reason[:1].upper()}{failure.reason[1:]}.",
            effect=f"The CRM can reject new {_records(pair)}.",
            subject=Subject(
                object_pair=pair.pair,
                object_type=named.crm_object,
                crm_field=failure.crm_field,
            ),
            mapped=True,
            steps=(_pair_step(facts.vitals, pair.pair, Verb.REVIEW, "Preflight", "preflight"),),
        )
        yield _Open(found, ())
    undecided = [
        name
        for name in partner_fields
        if current_state(decided.get(name), None)[0] is DecisionState.PENDING
    ]
    if undecided:
        title = f"{count(len(undecided), 'undecided row')} in {named.partner_object}"
        found = make_finding(
            facts.vitals.connection,
            FindingKind.UNDECIDED_ROWS,
            Urgency.SETUP,
            "UNDECIDED_ROWS",
            title,
            pair.pair,
            cause=f"You haven't decided on {count(len(undecided), 'field')} of {pair.pair}.",
            subject=Subject(object_pair=pair.pair, object_type=named.crm_object),
            weight=len(undecided),
            steps=(_pair_step(facts.vitals, pair.pair, Verb.MAP, "Map them", "suggest"),),
        )
        yield _Open(found, ())


def _pair_step(vitals: Vitals, pair: str, verb: Verb, text: str, command: str, *more: str) -> Step:
    return Step(
        verb=verb,
        text=text,
        command=vitals.command_line(command, vitals.connection.name, pair, *more),
    )


def _records(pair: PairFacts) -> str:
    label = pair.partner.label if pair.partner is not None else ObjectPair.parse(pair.pair)
    return f"{str(label).lower()}s"


def _object_gone(
    facts: Facts, pair: PairFacts, accepted: Mapping[str, Decision], mine: Sequence[DriftEvent]
) -> _Open:
    vitals, crm_object = facts.vitals, ObjectPair.parse(pair.pair).crm_object
    renamed = facts.renames.get((crm_object, None))
    clear = _pair_step(
        vitals, pair.pair, Verb.UNMAP, "Leave its fields unmapped", "mapping unmap", *accepted
    )
    move = (_move(vitals, pair.pair, renamed),) if renamed else ()
    found = make_finding(
        vitals.connection,
        FindingKind.MAPPING_BROKEN,
        Urgency.FAILING,
        OBJECT_GONE,
        f"{crm_object} is gone: {count(len(accepted), 'mapping')} broken",
        ROW,
        pair.pair,
        "",
        crm_object,
        cause=_caused_by(mine) or f"The CRM has no object {crm_object}.",
        effect=f"No {_records(pair)} reach the CRM.",
        subject=Subject(object_pair=pair.pair, object_type=crm_object),
        weight=len(accepted),
        mapped=True,
        short=f"{count(len(accepted), 'mapping')} broken",
        steps=(*move, clear),
    )
    return _Open(found, tuple(mine))


def _move(vitals: Vitals, pair: str, new: str, *fields: str) -> Step:
    return _pair_step(vitals, pair, Verb.MOVE, f"Move to {new}", "mapping move", *fields)


def _of_row(facts: Facts, pair: PairFacts, decision: Decision, judged: RowJudgment) -> Finding:
    vitals, name = facts.vitals, decision.partner_field
    partner_fields = pair.partner.fields if pair.partner is not None else ()
    label = next((each.label for each in partner_fields if each.name == name), "") or name
    crm_field = decision.crm_field or ""
    crm_object = ObjectPair.parse(pair.pair).crm_object
    suggest = vitals.command_line("suggest", vitals.connection.name, pair.pair, field=name)
    choose = Step(verb=Verb.CHOOSE, text="Choose another field", command=suggest)
    unmap = _pair_step(vitals, pair.pair, Verb.UNMAP, "Leave it unmapped", "mapping unmap", name)
    cause, effect = _caused_by(judged.changes), f"The CRM rejects some {_records(pair)}."
    steps: list[Step] = [choose]
    failure = judged.failure
    match judged.code:
        case code if code == FIELD_GONE:
            title = f"{label}: its CRM field is gone"
            effect = f"{label} no longer reaches the CRM."
            renamed = facts.renames.get((crm_object, crm_field))
            if renamed:
                cause = f"{cause} It was probably renamed to {renamed}.".strip()
                steps.insert(0, _move(vitals, pair.pair, renamed, name))
        case code if code == INVALID:
            title, effect = f"{label} → {crm_field} is no longer valid", judged.reason
        case _ if failure is None:
            worst = max(judged.changes, key=lambda event: event.severity.rank)
            title, effect = f"{label}: {what_happened(worst)}", worst.reason
            cause = _caused_by(judged.changes, title)
        case _:
            title = failure_words(label, failure, judged.cases)
            if judged.urgency is Urgency.NOTE:
                effect = ""
            elif judged.urgency is Urgency.FAILING and failure.when == "always":
                effect = f"The CRM rejects new {_records(pair)}."
            where = f"{crm_field}: {failure.reason}."
            more = f" {count(judged.cases - 1, 'more case')}." if judged.cases > 1 else ""
            cause = f"{cause} {where}{more}".strip()
    if failure is not None and failure.code in ("TOO_LONG", "NUMBER_TOO_LARGE"):
        propose = vitals.command_line("propose", vitals.connection.name, pair.pair, field=name)
        longer = Step(verb=Verb.PROPOSE, text="Make the field longer", command=propose)
        steps.insert(0, longer)
    elif failure is not None and failure.code == "NO_ACCESS":
        propose = vitals.command_line("propose", vitals.connection.name, pair.pair, field=name)
        steps.insert(0, Step(verb=Verb.PROPOSE, text="Propose the permission", command=propose))
    elif failure is not None and failure.code in VALUE_CODES:
        steps.insert(
            0,
            _pair_step(
                vitals, pair.pair, Verb.MAP_VALUES, "Map the values", "mapping values", name
            ),
        )
    if judged.changes and judged.kind is FindingKind.MAPPING_CHANGED:
        groups = list(dict.fromkeys(map(group_of, judged.changes)))
        acknowledge = vitals.command_line("drift", vitals.connection.name, acknowledge=groups)
        steps.append(Step(verb=Verb.ACKNOWLEDGE, text="Acknowledge", command=acknowledge))
    broken = judged.kind is FindingKind.MAPPING_BROKEN
    return make_finding(
        vitals.connection,
        judged.kind or FindingKind.ROW_CAN_FAIL,
        judged.urgency,
        judged.code,
        title,
        # The ID leaves out the kind, because an acknowledgment turns "fails" into "can fail".
        ROW,
        pair.pair,
        name,
        crm_field,
        judged.code,
        short="1 mapping broken" if broken else "1 mapping fails",
        cause=cause or judged.reason,
        effect=effect,
        subject=Subject(
            object_pair=pair.pair,
            partner_field=name,
            object_type=crm_object,
            crm_field=crm_field,
        ),
        mapped=True,
        steps=() if judged.urgency is Urgency.NOTE else (*steps, unmap),
    )


def _of_filled(
    facts: Facts, pair: PairFacts, mark: Decision, judged: RowJudgment, failure: FailsWhen
) -> Finding:
    """Return the finding of a CRM field whose known value, from elsewhere, doesn't fit."""
    crm_object, name = ObjectPair.parse(pair.pair).crm_object, mark.crm_field or ""
    vitals = facts.vitals
    clear = vitals.command_line(
        "mapping filled", vitals.connection.name, pair.pair, name, clear=True
    )
    return make_finding(
        vitals.connection,
        judged.kind or FindingKind.ROW_FAILS,
        judged.urgency,
        judged.code,
        failure_words(f"{name}, {filled_text(mark)},", failure, judged.cases),
        REQUIRED,
        pair.pair,
        name,
        cause=f"{name}: {failure.reason}.",
        effect="" if judged.is_done else f"The CRM rejects new {_records(pair)}.",
        subject=Subject(object_pair=pair.pair, object_type=crm_object, crm_field=name),
        mapped=True,
        steps=(Step(verb=Verb.FILL, text="Clear the value", command=clear),),
    )


def _required(facts: Facts, pair: PairFacts, name: str, changes: Sequence[DriftEvent]) -> Finding:
    vitals, crm_object = facts.vitals, ObjectPair.parse(pair.pair).crm_object
    flows = pair.verdicts.flows
    unless = f" unless the {first_few(flows, _NAMED)} fills it" if flows else ""
    return make_finding(
        vitals.connection,
        FindingKind.REQUIRED_NO_SOURCE,
        Urgency.FAILING,
        "REQUIRED",
        f"{crm_object}.{name} is required but not mapped",
        REQUIRED,
        pair.pair,
        name,
        short="1 required field",
        cause=_caused_by(changes) or "The CRM requires the field, and no mapping writes it.",
        effect=f"The CRM rejects new {_records(pair)}{unless}.",
        subject=Subject(object_pair=pair.pair, object_type=crm_object, crm_field=name),
        mapped=True,
        steps=(
            _pair_step(vitals, pair.pair, Verb.CHOOSE, "Choose a PartnerOS field", "suggest"),
            _pair_step(vitals, pair.pair, Verb.FILL, "Mark it as filled elsewhere",
                       "mapping filled", name),
        ),
    )  # fmt: skip


def _nothing_mapped(vitals: Vitals, likely: str) -> Finding:
    named = ObjectPair.parse(likely)
    return make_finding(
        vitals.connection,
        FindingKind.NOTHING_MAPPED,
        Urgency.SETUP,
        "NOTHING_MAPPED",
        f"Map {named.partner_object} to {named.crm_object}",
        short="nothing mapped",
        cause="crmdeck can't show what a change breaks until you map a pair.",
        subject=Subject(object_pair=likely),
        steps=(_pair_step(vitals, likely, Verb.MAP, "Map it", "suggest"),),
    )
