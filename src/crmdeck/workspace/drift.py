"""Drift: changes, what is open, and acknowledgments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

from crmdeck.drift.open_changes import OpenGroup, group_open
from crmdeck.drift.timeline import ChangeEntry, DayCount, LongTimeline, Timeline, make_timeline
from crmdeck.errors import CacheError, NotFoundError
from crmdeck.mapping.state import acceptances
from crmdeck.model import (
    ChangeState,
    Decision,
    DriftEvent,
    DriftReport,
    FailOn,
    OpenChanges,
    Severity,
)
from crmdeck.model.wire import wire_record
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection, not_found
from crmdeck.workspace.open_changes import (
    Judged,
    Standings,
    count_judged,
    read_policy,
)
from crmdeck.workspace.refresh.remote_log import REOPENED, share_acknowledgments

if TYPE_CHECKING:
    from crmdeck.store.drift import DriftDay, Unacknowledged


# All changes of a large team at once took gigabytes.
_AT_ONCE = 10_000


class DriftFilters(TypedDict, total=False):
    """The changes to return; without a filter, all.

    `since` and `until` are both included. `at` is a past time: changes found by then, with their
    acknowledgment of then. `acknowledged` is as of now. `open_only` leaves those that are open now.
    """

    at_least: Severity | None
    object_type: str | None
    acknowledged: bool | None
    since: datetime | None
    until: datetime | None
    at: datetime | None
    open_only: bool


class Noted(NamedTuple):
    """The number of changes that were updated, and a message about the source's log, if any."""

    number: int
    not_checked: str = ""

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Drift:
    """The changes of a workspace and their acknowledgments."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def report(self, ref: str | None = None, **only: Unpack[DriftFilters]) -> DriftReport:
        """Return changes, newest first, with their stories; of one connection, or of all.

        Raises NotFoundError for an unknown connection, and for an object that no connection has or
        had.
        """
        return self.page(ref, None, **only)

    def page(
        self,
        ref: str | None,
        limit: int | None,
        *,
        after: str | None = None,
        **only: Unpack[DriftFilters],
    ) -> DriftReport:
        """Return at most `limit` changes, newest first, with their whole stories.

        Of one connection, or of all. `after` is `next_cursor` of the previous page. Raises
        NotFoundError as `report` does, and for an invalid cursor.
        """
        with self._context.store.read() as session:
            key = self._chosen(session, ref, only)
            standings = Standings(self._context, session, key)
            among = [each.id for each in standings.open()] if only.get("open_only") else None
            found = _page(session, key, limit, only, after, among)
            past = only.get("at") is not None
            open_changes = None if past else standings.total()
        return found.model_copy(update={"open_changes": open_changes})

    def pages(
        self, ref: str | None = None, *, at_once: int = _AT_ONCE, **only: Unpack[DriftFilters]
    ) -> Iterator[DriftReport]:
        """Return an iterator of all changes, newest first, in reports of at most `at_once`.

        There is at least one report. Each has the stories of its changes, and the `open_changes`
        of the start. Raises NotFoundError immediately, as `report` does.
        """
        open_changes, ids = None, None
        with self._context.store.read() as session:
            key = self._chosen(session, ref, only)
            standings = Standings(self._context, session, key)
            if only.get("at") is None:
                open_changes = standings.total()
            if only.get("open_only"):
                # In the order of pages: changes of one time stay in the order found.
                newest = sorted(standings.open(), key=lambda one: one.at, reverse=True)
                ids = [each.id for each in newest]
        # The iterator can live for long, and a large history has 100,000 open changes.
        del standings

        def read() -> Iterator[DriftReport]:
            after, done, more = None, 0, True
            while more:
                # Each page has its own transaction, because a slow reader would keep writers out.
                with self._context.store.read() as session:
                    among = None if ids is None else ids[done : done + at_once]
                    page = _page(session, key, at_once, only, after, among)
                done += at_once
                after = page.next_cursor if ids is None else None
                more = after is not None if ids is None else done < len(ids)
                yield page.model_copy(update={"open_changes": open_changes, "next_cursor": None})

        return read()

    def _chosen(self, session: Session, ref: str | None, only: DriftFilters) -> str | None:
        """Return the ID of the connection, None for all; raises NotFoundError."""
        key = None if ref is None else find_connection(session, ref).id
        object_type = only.get("object_type")
        if object_type is not None:
            among = [key] if key else [each.id for each in session.connections.all()]
            if all(session.snapshots.last_present(each, object_type) is None for each in among):
                known = {
                    info.object_type for each in among for info in session.snapshots.current(each)
                }
                raise not_found("object type", object_type, sorted(known))
        return key

    def known(self, ref: str, event_ids: Collection[str]) -> list[str]:
        """Return those of `event_ids` that are changes of a connection; raises NotFoundError."""
        with self._context.store.read() as session:
            key = find_connection(session, ref).id
            found = session.drift.by_ids(list(event_ids))
        return [each for each in event_ids if each in found and found[each].connection_id == key]

    def open_changes(self, connection: str | None = None) -> OpenChanges:
        """Return the count of open change groups and their worst severity.

        Of one connection, or of all. Raises NotFoundError.
        """
        with self._context.store.read() as session:
            key = None if connection is None else find_connection(session, connection).id
            return Standings(self._context, session, key).total()

    def open_groups(self, connection: str | None = None) -> tuple[OpenGroup, ...]:
        """Return the open change groups with their open changes.

        Breaking ones first, then those that touch mappings, then the newest. Raises NotFoundError.
        """
        with self._context.store.read() as session:
            key = None if connection is None else find_connection(session, connection).id
            still = Standings(self._context, session, key).open()
            return group_open(session.drift.by_ids([each.id for each in still]).values())

    def fails(
        self,
        fail_on: FailOn,
        connection: str | None = None,
        *,
        at_least: Severity = Severity.SAFE,
        among: Collection[str] | None = None,
        object_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        open_only: bool = False,
    ) -> bool:
        """True if a gate at that level fails: a change of at least that severity is open.

        At safe, a safe change fails until it is acknowledged or changed back, unless `open_only`.
        At mapped, a risky change of a mapped field fails, and at none nothing does.
        Of one connection, or of all; `among` are the IDs of the changes that count (default: all),
        the other filters are those of `page`. Raises NotFoundError, and UsageError if crmdeck
        can't use the policy of the workspace.
        """
        states = {ChangeState.OPEN} if open_only else {ChangeState.OPEN, ChangeState.INFO}
        with self._context.store.read() as session:
            key = None if connection is None else find_connection(session, connection).id
            # Judging ignores a policy that can't be used, but a gate must fail because of it.
            read_policy(self._context, session)
            if fail_on is FailOn.NONE:
                return False
            mapped = fail_on is FailOn.MAPPED
            gate = Severity.RISKY if mapped else Severity(fail_on)
            least = max(gate, at_least, key=lambda severity: severity.rank)
            safe = least is Severity.SAFE
            judged = Standings(self._context, session, key).changes(safe=safe)
            failing = [
                change.id
                for mine in judged.values()
                for change, standing in mine
                if standing.state in states
                and change.severity.rank >= least.rank
                and (among is None or change.id in among)
                and (since is None or change.at >= since)
                and (until is None or change.at <= until)
            ]
            if mapped and failing:
                events = session.drift.by_ids(failing).values()
                failing = [event.id for event in events if event.affected_mappings]
            if object_type is None or not failing:
                return bool(failing)
            return bool(session.drift.page(key, 1, object_type=object_type, among=failing))

    def timeline(self, ref: str | None = None, *, short: int | None = None) -> Timeline:
        """Return all changes with their states and mappings, of one connection or of all.

        If there are more than `short` changes, it has those only that break a mapping, and
        `read_on` returns it with more. Raises NotFoundError.
        """
        with self._context.store.read() as session:
            wanted = None if ref is None else find_connection(session, ref).id
            days = () if short is None else session.drift.by_day(wanted)
            standings = Standings(self._context, session, wanted).changes()
            judged = [each for mine in standings.values() for each in mine]
            judged.sort(key=lambda each: each.change.seq)
            # The console paints before it has read a year of changes.
            if short is not None and sum(day.changes for day in days) > short:
                return self._long_timeline(session, wanted, days, judged)
            return make_timeline(
                session.drift.events(wanted),
                session.drift.stories(wanted),
                names={each.id: each.name for each in session.connections.all()},
                standing=_accepted(session, wanted),
                seen=session.drift.seen(self._context.actor),
                standings={change.id: state for change, state in judged},
                now=self._context.now,
                everywhere=ref is None,
            )

    def _long_timeline(
        self, session: Session, key: str | None, days: Sequence[DriftDay], judged: Sequence[Judged]
    ) -> Timeline:
        still = [change for change, standing in judged if standing.state is ChangeState.OPEN]
        by_day: dict[date, list[Unacknowledged]] = {}
        for change in sorted(still, key=lambda each: each.at, reverse=True):
            by_day.setdefault(change.at.date(), []).append(change)
        start = make_timeline(
            (),
            (),
            names={each.id: each.name for each in session.connections.all()},
            standing=_accepted(session, key),
            now=self._context.now,
            everywhere=key is None,
        )
        long = LongTimeline(
            ref=key,
            total=sum(day.changes for day in days),
            groups=sum(day.groups for day in days),
            breaking_groups=0,
            open_changes=count_judged(judged),
            days=tuple(DayCount(day.day, day.changes, day.worst) for day in days),
            open_days=tuple(
                DayCount(day, len(mine), Severity.worst(each.severity for each in mine))
                for day, mine in by_day.items()
            ),
            open_ids={day: tuple(each.id for each in mine) for day, mine in by_day.items()},
            standings={change.id: standing for change, standing in judged},
        )
        mapped = [each.id for each in still if each.mapped and each.severity is Severity.BREAKING]
        broken = self._these(session, replace(start, long=long), mapped)
        found = start.with_more(broken, broken.breaks)
        number = found.count_groups(found.entries)
        return replace(found, long=replace(long, breaking_groups=number))

    def _these(self, session: Session, timeline: Timeline, ids: Sequence[str]) -> Timeline:
        """Return some changes, each with the other half of its rename in `by_id`."""
        events = session.drift.page(None, None, among=ids)
        wanted = {event.id for event in events}
        more = [each for each in session.drift.rename_partners(ids) if each.id not in wanted]
        found = self._entries(session, timeline, (*events, *more))
        return replace(found, entries=tuple(e for e in found.entries if e.event.id in wanted))

    def _entries(
        self, session: Session, timeline: Timeline, events: Sequence[DriftEvent]
    ) -> Timeline:
        """Return a timeline of `events`, with their change groups, and the rest of `timeline`."""
        made = make_timeline(
            events,
            session.drift.stories_with(sorted({each.story for each in events if each.story})),
            names=timeline.names,
            standing=(),
            seen=session.drift.seen(self._context.actor, [each.id for each in events]),
            standings=timeline.long.standings if timeline.long is not None else None,
            now=timeline.now,
            everywhere=timeline.everywhere,
        )
        return replace(made, standing=timeline.standing, long=timeline.long)

    def read_on(
        self,
        timeline: Timeline,
        changes: int,
        *,
        keep: Callable[[ChangeEntry], bool] | None = None,
        open_only: bool = False,
    ) -> Timeline:
        """Return a long timeline with the next whole days, which have at least so many `changes`.

        Those that `keep` passes; `open_only` reads the open ones only.
        """
        long = timeline.long
        unread = () if long is None else long.unread(open_only=open_only)
        if long is None or not unread:
            return timeline
        chosen: list[date] = []
        number = 0
        for day in unread:
            chosen.append(day.day)
            number += day.events
            if number >= changes:
                break
        with self._context.store.read() as session:
            if open_only:
                ids = [id_ for day in chosen for id_ in long.open_ids[day]]
                found = self._these(session, timeline, ids)
            else:
                events = session.drift.page(
                    long.ref,
                    None,
                    since=datetime.combine(chosen[-1], time.min, UTC),
                    until=datetime.combine(chosen[0], time.max, UTC),
                )
                found = self._entries(session, timeline, events)
        read = replace(long, read_from=chosen[-1])
        return replace(timeline.with_more(found, keep), long=read)

    def found_on(self, event_id: str) -> date | None:
        """Return the day (UTC) on which a change was found; None for an unknown ID."""
        with self._context.store.read() as session:
            event = session.drift.get(event_id)
        return None if event is None else event.detected_at.date()

    def see(self, event_ids: Sequence[str]) -> None:
        """Mark changes as seen by this user; does nothing in a read-only workspace."""
        if event_ids and not self._context.read_only:
            with self._context.store.write() as session:
                session.drift.see(event_ids, self._context.now, self._context.actor)

    def acknowledge(self, event_ids: Sequence[str], note: str = "") -> Noted:
        """Acknowledge changes with a note; return how many were not acknowledged before.

        The ID of a change group means all its changes. If the source keeps acknowledgments for a
        team, they are exchanged. Raises NotFoundError for an unknown ID; nothing is then
        acknowledged.
        """
        self._context.require_writable()
        with self._context.store.write() as session:
            members = session.drift.members(event_ids) if event_ids else {}
            wanted = [one for each in event_ids for one in members.get(each, (each,))]
            fresh = acknowledge_changes(self._context, session, wanted, note)
        # Send after the transaction: a silent source must not keep others from writing.
        return share_changes(self._context, fresh)

    def take_back(self, event_ids: Sequence[str]) -> Noted:
        """Undo the acknowledgment of changes; return how many were acknowledged.

        Acknowledgments are exchanged as in `acknowledge`. Raises NotFoundError for an unknown ID;
        nothing is then undone.
        """
        self._context.require_writable()
        with self._context.store.write() as session:
            done = reopen_changes(self._context, session, event_ids)
        return share_changes(self._context, done)


def acknowledge_changes(
    context: Context, session: Session, event_ids: Sequence[str], note: str
) -> dict[str, list[str]]:
    """Acknowledge and audit changes; return the IDs of those that were not acknowledged before, by
    connection ID.

    Raises NotFoundError for an unknown ID.
    """
    fresh: dict[str, list[str]] = {}
    # In parts: all changes of a year, with their details, need gigabytes.
    wanted = list(dict.fromkeys(event_ids))
    for start in range(0, len(wanted), _AT_ONCE):
        ids = wanted[start : start + _AT_ONCE]
        known = session.drift.by_ids(ids)
        for event in [known_change(known, event_id) for event_id in ids]:
            if event.acknowledged_at is None:
                fresh.setdefault(event.connection_id, []).append(event.id)
    for connection_id, mine in fresh.items():
        session.drift.acknowledge(mine, context.now, context.actor, note)
        entry = context.entry(
            "schema.drift_acknowledged",
            f"Acknowledged {count(len(mine), 'change')}" + (f": {note}" if note else ""),
            connection_id=connection_id,
            details={"events": mine, "note": note},
        )
        session.audit.add(entry)
    return fresh


def reopen_changes(
    context: Context, session: Session, event_ids: Sequence[str]
) -> dict[str, list[str]]:
    """Undo and audit the acknowledgment of changes; return the IDs of those that were acknowledged,
    by connection ID.

    Raises NotFoundError for an unknown ID.
    """
    known = session.drift.by_ids(event_ids)
    done: dict[str, list[str]] = {}
    for event in [known_change(known, event_id) for event_id in dict.fromkeys(event_ids)]:
        if event.acknowledged_at is not None:
            done.setdefault(event.connection_id, []).append(event.id)
    for connection_id, mine in done.items():
        session.drift.take_back(mine, context.now, context.actor)
        entry = context.entry(
            REOPENED,
            f"Undid the acknowledgment of {count(len(mine), 'change')}",
            connection_id=connection_id,
            details={"events": mine},
        )
        session.audit.add(entry)
    return done


def share_changes(context: Context, changes: Mapping[str, Sequence[str]]) -> Noted:
    """Exchange the acknowledgments of changes, by connection ID, with their sources, after they
    were recorded.
    """
    try:
        with context.store.read() as session:
            connections = [find_connection(session, connection_id) for connection_id in changes]
        messages = [share_acknowledgments(context, connection) for connection in connections]
    except CacheError as error:
        # The changes are recorded: the error must not hide that.
        messages = [error.message]
    return Noted(sum(map(len, changes.values())), " ".join(filter(None, messages)))


def _accepted(session: Session, connection_id: str | None) -> list[Decision]:
    """Return the accepted mappings of a connection, or of each one."""
    logs: dict[str, list[Decision]] = {}
    for decision in session.decisions.log(connection_id):
        logs.setdefault(decision.connection_id, []).append(decision)
    return [one for log in logs.values() for one in acceptances(log)]


def _page(
    session: Session,
    connection_id: str | None,
    limit: int | None,
    only: DriftFilters,
    after: str | None,
    among: Sequence[str] | None,
) -> DriftReport:
    """Return at most `limit` changes that follow the ID `after`, with their whole stories."""
    least = only.get("at_least")
    # One more than wanted shows whether another page follows.
    found = session.drift.page(
        connection_id,
        None if limit is None else limit + 1,
        after=after,
        severities=None if least is None else [s for s in Severity if s.rank >= least.rank],
        object_type=only.get("object_type"),
        acknowledged=only.get("acknowledged"),
        since=only.get("since"),
        until=only.get("until"),
        at=only.get("at"),
        among=among,
    )
    events = found[:limit]
    return DriftReport(
        events=events,
        stories=session.drift.stories_with(sorted({each.story for each in events if each.story})),
        next_cursor=events[-1].id if len(found) > len(events) else None,
    )


def known_change(known: Mapping[str, DriftEvent], event_id: str) -> DriftEvent:
    """Return a change by its ID; raises NotFoundError."""
    event = known.get(event_id)
    if event is None:
        raise NotFoundError(
            f"No change with ID '{event_id}'.",
            remedy="List the changes with their IDs: crmdeck drift NAME --json",
            code="DRIFT_EVENT_NOT_FOUND",
        )
    return event
