"""Moves the decisions on a renamed CRM field or object to its new name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from crmdeck.mapping.state import acceptances, by_field, by_pair, filled_elsewhere
from crmdeck.model import Choice, Decision, DecisionState, ObjectPair

ACCEPTED, REJECTED, PENDING = DecisionState.ACCEPTED, DecisionState.REJECTED, DecisionState.PENDING


class Moves(NamedTuple):
    """The choices that move decisions, by object pair; `left` are the mappings that can't move."""

    choices: Mapping[str, tuple[Choice, ...]]
    left: tuple[Decision, ...] = ()


def move_field(log: Sequence[Decision], object_type: str, old: str, new: str, note: str) -> Moves:
    """Return the moves of the mappings from the CRM field `old` to `new`.

    `log` has the decisions of one connection, oldest first.
    """
    choices: dict[str, tuple[Choice, ...]] = {}
    for decision in acceptances(log):
        pair = decision.object_pair
        if ObjectPair.parse(pair).crm_object == object_type and decision.crm_field == old:
            choices[pair] = (*choices.get(pair, ()), _accept(decision, new, note))
    return Moves(choices)


def move_object(
    log: Sequence[Decision], old: str, new: str, crm_fields: Collection[str], note: str
) -> Moves:
    """Return the moves of all decisions on pairs of the CRM object `old` to pairs of `new`.

    `log` has the decisions of one connection, oldest first; `crm_fields` are the names of the
    fields of `new`. A decision on `new` stays, and the one on `old` ends. A mapping stays if its
    CRM field is missing from `new` or mapped there already.
    """
    choices: dict[str, tuple[Choice, ...]] = {}
    left: list[Decision] = []
    logs = by_pair(log)
    for pair, mine in logs.items():
        named = ObjectPair.parse(pair)
        if named.crm_object != old:
            continue
        target = str(named.model_copy(update={"crm_object": new}))
        there = logs.get(target, [])
        # Someone may have begun to map the new object already: those decisions are newer.
        taken = {one.crm_field for one in acceptances(there)}
        settled = {name for name, one in by_field(there).items() if one.last.state is not PENDING}
        moved: list[Choice] = []
        cleared: list[Choice] = []
        for name, decided in by_field(mine).items():
            last = decided.last
            if last.state is PENDING:
                continue
            if name not in settled:
                if last.state is ACCEPTED and (
                    last.crm_field not in crm_fields or last.crm_field in taken
                ):
                    left.append(last)
                    continue
                moved += _repeat(last, decided.rejected, crm_fields, note)
            cleared.append(Choice(partner_field=name, state=PENDING, note=note))
        marks = filled_elsewhere(mine)
        marked = filled_elsewhere(there)
        free = [name for name in marks if name in crm_fields and name not in (*taken, *marked)]
        moved += [_mark(name, REJECTED, note, marks[name].filled_with) for name in free]
        cleared += [_mark(name, PENDING, note) for name in marks]
        choices |= {target: tuple(moved), pair: tuple(cleared)}
    return Moves({pair: chosen for pair, chosen in choices.items() if chosen}, tuple(left))


def _repeat(
    last: Decision, rejected: Sequence[str], crm_fields: Collection[str], note: str
) -> Iterator[Choice]:
    for name in rejected:
        if name in crm_fields:
            yield Choice(
                partner_field=last.partner_field, state=REJECTED, crm_field=name, note=note
            )
    if last.state is ACCEPTED:
        yield _accept(last, last.crm_field or "", note)
    elif last.crm_field is None:
        yield Choice(partner_field=last.partner_field, state=REJECTED, note=note)


def _accept(decision: Decision, crm_field: str, note: str) -> Choice:
    return Choice(
        partner_field=decision.partner_field,
        state=ACCEPTED,
        crm_field=crm_field,
        direction=decision.direction,
        value_map=decision.value_map,
        note=note,
    )


def _mark(
    crm_field: str, state: DecisionState, note: str, filled_with: str | None = None
) -> Choice:
    return Choice(
        partner_field="", state=state, crm_field=crm_field, filled_with=filled_with, note=note
    )
