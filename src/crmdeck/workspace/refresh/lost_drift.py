"""Drift that refreshes found and that is not there any more: derived again from the schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from crmdeck.model import DriftEvent, DriftReport, to_utc
from crmdeck.store import Session
from crmdeck.store.database import Database
from crmdeck.store.drift import EVENTS, STORIES
from crmdeck.store.integrity import Examined, Flaw
from crmdeck.store.integrity.flaws import RESTORE, number_of
from crmdeck.store.integrity.numbers import free_numbers
from crmdeck.text import count
from crmdeck.workspace.mappings.knowledge import read_field_words
from crmdeck.workspace.refresh.derivation import DETECTED_AT, DRIFT_DETECTED, derive_report

DERIVED = "It was lost and derived again from the schemas of before and after, which do not tell."

# What one refresh writes has numbers of its own: nobody else writes between them.
_LACKING = """
    SELECT run.id, run.connection_id, run.drift_events, count(event.id), run.seq, ended,
        max(finished_at), max(refresh.seq), max(event.detected_at)
    FROM (
        SELECT
            id, seq, connection_id, drift_events, finished_at,
            lead(seq) OVER (ORDER BY seq) AS ended
        FROM sync_run
    ) AS run
    LEFT JOIN refresh ON refresh.run_id = run.id
    LEFT JOIN drift_event AS event
        ON event.connection_id = run.connection_id
        AND event.seq > run.seq
        AND (ended IS NULL OR event.seq < ended)
    WHERE run.drift_events > 0
    GROUP BY run.id, run.connection_id, run.seq, run.drift_events, ended
    HAVING count(event.id) < run.drift_events
    ORDER BY run.seq"""


class _Gap(NamedTuple):
    """A refresh that lacks drift: `ended` is the number where its own end, `at` when it looked."""

    connection_id: str
    told: int
    there: int
    began: int
    ended: int | None
    refresh: int | None
    at: datetime


def examine_drift(home: Path | None, database: Database, _: Sequence[Database]) -> Examined:
    """Look for drift that refreshes found and that is not there, and derive it again."""
    session = Session(database)
    derived: list[tuple[_Gap, DriftReport]] = []
    lost = 0
    for gap in _gaps(database):
        report = _again(session, gap, home)
        found = len(report.events) if report else 0
        if report is not None and found:
            derived.append((gap, report))
        lost += gap.told - gap.there - found
    flaws = []
    if number := sum(len(report.events) for _, report in derived):
        flaws.append(
            Flaw(
                f"{count(number, 'drift event')} that refreshes found "
                f"{'is' if number == 1 else 'are'} not there; the schemas of before and after "
                f"tell {'it' if number == 1 else 'them'} again.",
                lost="Who made those changes, and why a field was gone.",
                mend=partial(_put, derived),
            )
        )
    if lost:
        flaws.append(
            Flaw(
                f"{count(lost, 'drift event')} that refreshes found "
                f"{'is' if lost == 1 else 'are'} not there, and can't be derived again.",
                lost="What changed then; the schemas of before and after can be compared.",
                remedy=RESTORE,
            )
        )
    total = number_of(database, "SELECT count(*) FROM drift_event")
    looked_at = f"{count(total, 'drift event')} held against what refreshes found"
    return Examined(looked_at, tuple(flaws))


def _gaps(database: Database) -> list[_Gap]:
    found = []
    for _, key, told, there, began, ended, finished_at, refresh, detected_at in database.rows(
        _LACKING
    ):
        end = 2**62 if ended is None else ended
        at = detected_at or _moment(database, key, began, end)
        moment = to_utc(at or finished_at)
        found.append(_Gap(key, told, there, began, ended, refresh, moment))
    return found


def _moment(database: Database, connection_id: str, began: int, ended: int) -> datetime | None:
    """Return when a refresh found drift, which the ids are made of, where something else tells.

    A story of the same refresh does, and the audit log.
    """
    of_it = [connection_id, began, ended]
    [(at,)] = database.rows(
        "SELECT max(detected_at) FROM story WHERE connection_id = ? AND seq > ? AND seq < ?", of_it
    )
    if at is not None:
        return to_utc(at)
    for (details,) in database.rows(
        "SELECT details FROM audit_entry "
        "WHERE connection_id = ? AND seq > ? AND seq < ? AND event = ?",
        [*of_it, DRIFT_DETECTED],
    ):
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            return to_utc(datetime.fromisoformat(json.loads(details)[DETECTED_AT]))
    return None


def _again(session: Session, gap: _Gap, home: Path | None) -> DriftReport | None:
    """Return the events and stories that are missing; None where that can't be told."""
    if gap.refresh is None:
        return None
    try:
        connection = session.connections.get(gap.connection_id)
        if connection is None:
            return None
        report = derive_report(
            session, connection, gap.refresh, gap.at, partial(read_field_words, home)
        )
        end = 2**62 if gap.ended is None else gap.ended
        stored = EVENTS.select(
            session.database,
            "WHERE connection_id = ? AND seq > ? AND seq < ?",
            [gap.connection_id, gap.began, end],
        )
    # Whatever a damaged schema makes of it: then it can't be derived.
    except Exception:  # noqa: BLE001
        return None
    there = set(map(_thing, stored))
    found = set(map(_thing, report.events))
    if not there <= found or len(found) > gap.told:
        return None
    known = {key for (key,) in session.database.rows("SELECT id FROM story")}
    return DriftReport(
        events=tuple(
            event.model_copy(update={"attribution": DERIVED})
            for event in report.events
            if _thing(event) not in there
        ),
        stories=tuple(story for story in report.stories if story.id not in known),
    )


def _thing(event: DriftEvent) -> tuple[str, str | None, str | None, str]:
    """Return what an event is about: one refresh tells of it once."""
    kind = event.kind.value.split("_", 1)[1]
    family = kind if kind in ("added", "changed") else "gone"
    return event.object_type, event.field_name, event.rule, family


def _put(derived: Sequence[tuple[_Gap, DriftReport]], database: Database) -> str:
    done = total = 0
    for gap, report in derived:
        total += len(report.events)
        after = gap.refresh or gap.began
        wanted = len(report.events) + len(report.stories)
        numbers = free_numbers(database, after, gap.ended, wanted)
        if numbers is None:
            continue
        EVENTS.insert_at(database, numbers[: len(report.events)], report.events)
        STORIES.insert_at(database, numbers[len(report.events) :], report.stories)
        done += len(report.events)
    told = f"{count(done, 'drift event')} derived again from the schemas of before and after"
    return told + (f"; for {total - done} there is no place" if total > done else "")
