"""Decisions that the audit log names and that are not there: brought back from what it says."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from crmdeck.model import AuditEntry, Decision, DecisionState, Direction
from crmdeck.store.audit import ENTRIES
from crmdeck.store.database import Database
from crmdeck.store.decisions import DECISIONS
from crmdeck.store.integrity.flaws import RESTORE, Examined, Flaw, is_or_are, number_of
from crmdeck.store.integrity.numbers import free_numbers
from crmdeck.text import count

_EVENT = "mapping."
_UNDONE = "mapping.undone"
_NOTHING = "nothing"


class _Lost(NamedTuple):
    """A decision, the number of the audit entry that names it, and whether it is whole."""

    decision: Decision
    told_at: int
    whole: bool


def examine_decisions(database: Database, copies: Sequence[Database]) -> Examined:
    """Look for decisions that the audit log tells of and that are not there."""
    known = {key for (key,) in database.rows("SELECT id FROM decision")}
    entries = dict(_entries(database))
    named = {
        seq: key
        for seq, entry in entries.items()
        if isinstance(key := entry.details.get("decision"), str) and key not in known
    }
    kept = _kept(copies, list(named.values()))
    lost: list[_Lost] = []
    unclear = 0
    for seq, key in named.items():
        decision = kept.get(key) or _from_words(key, entries[seq], database)
        if decision is None:
            unclear += 1
        else:
            lost.append(_Lost(decision, seq, key in kept))
    flaws = []
    if lost:
        partly = not all(each.whole for each in lost)
        flaws.append(
            Flaw(
                f"{count(len(lost), 'decision')} that the audit log names "
                f"{is_or_are(lost)} not there.",
                lost="Value maps, confidence and notes of those decisions." if partly else None,
                remedy=RESTORE if partly else None,
                mend=partial(_put, lost),
            )
        )
    if unclear:
        flaws.append(
            Flaw(
                f"{count(unclear, 'decision')} that the audit log names "
                f"{'is' if unclear == 1 else 'are'} not there, and it does not say enough of "
                f"{'it' if unclear == 1 else 'them'}.",
                lost="Those decisions.",
                remedy=RESTORE,
            )
        )
    total = number_of(database, "SELECT count(*) FROM decision")
    return Examined(f"{count(total, 'decision')} held against the audit log", tuple(flaws))


def _entries(database: Database) -> list[tuple[int, AuditEntry]]:
    rows = database.rows(
        f"SELECT {ENTRIES.selection}, seq FROM audit_entry WHERE starts_with(event, ?) "
        "ORDER BY seq",
        [_EVENT],
    )
    found = []
    for row in rows:
        # What can't be read is told where records are looked at.
        with suppress(Exception):
            found.append((int(row[-1]), ENTRIES.decode(row[:-1])))
    return found


def _kept(copies: Sequence[Database], ids: Sequence[str]) -> dict[str, Decision]:
    """Return what older copies of the log have of these decisions."""
    found: dict[str, Decision] = {}
    for copy in copies if ids else ():
        # A copy may be of before a column.
        with suppress(Exception):
            clause = "WHERE id IN (SELECT unnest(?::VARCHAR[]))"
            for decision in DECISIONS.select(copy, clause, [list(ids)]):
                found.setdefault(decision.id, decision)
    return found


def _from_words(key: str, entry: AuditEntry, database: Database) -> Decision | None:
    """Return what an entry says of a decision; None where that may be read in two ways."""
    parts = entry.summary.split(": ")
    fields = parts[1].split(" -> ") if len(parts) == 2 else []
    if len(fields) != 2 or entry.connection_id is None:
        return None
    undoes = entry.details.get("undoes")
    if entry.event == _UNDONE and not isinstance(undoes, str):
        return None
    with suppress(ValueError):
        state = (
            _state_of(undoes, database)
            if entry.event == _UNDONE
            else DecisionState(entry.event.removeprefix(_EVENT))
        )
        return Decision(
            id=key,
            connection_id=entry.connection_id,
            object_pair=parts[0],
            partner_field=fields[0],
            crm_field=None if fields[1] == _NOTHING else fields[1],
            state=state,
            direction=Direction(entry.details.get("direction", Direction.BIDIRECTIONAL)),
            undoes=undoes if entry.event == _UNDONE else None,
            decided_by=entry.actor,
            decided_at=entry.at,
        )
    return None


def _state_of(decision_id: object, database: Database) -> DecisionState:
    rows = database.rows("SELECT state FROM decision WHERE id = ?", [decision_id])
    return DecisionState(rows[0][0]) if rows else DecisionState.PENDING


def _put(lost: Sequence[_Lost], database: Database) -> str:
    """Put each before the entry that tells of it, in the order of the entries."""
    done, before = 0, 2**62
    for each in sorted(lost, key=lambda one: -one.told_at):
        before = min(before, each.told_at)
        [(after,)] = database.rows("SELECT max(seq) FROM sync_run WHERE seq < ?", [before])
        numbers = free_numbers(database, after or 0, before, 1, last=True)
        if numbers is None:
            continue
        DECISIONS.insert_at(database, numbers, [each.decision])
        before = numbers[0]
        done += 1
    left = len(lost) - done
    told = f"{count(done, 'decision')} brought back from what the audit log says"
    return told + (f"; for {left} there is no place" if left else "")
