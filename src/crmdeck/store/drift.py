"""Changes, their groups, and who acknowledged or saw them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

from crmdeck.model import ChangeGroup, DriftEvent, DriftKind, Severity, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import RecordTable, Where, stored
from crmdeck.store.settlements import forget_settlements

_ACKNOWLEDGED = ("acknowledged_at", "acknowledged_by", "note")
EVENTS = RecordTable(
    "drift_event",
    DriftEvent,
    nested=("changes", "affected_mappings"),
    without=_ACKNOWLEDGED,
)
CHANGE_GROUPS = RecordTable("story", ChangeGroup, nested=("object_types",))
_READ = RecordTable("acknowledged_drift", DriftEvent, nested=("changes", "affected_mappings"))
GONE_KINDS = (
    DriftKind.OBJECT_REMOVED,
    DriftKind.OBJECT_HIDDEN,
    DriftKind.OBJECT_ABSENT,
    DriftKind.FIELD_REMOVED,
    DriftKind.FIELD_HIDDEN,
    DriftKind.FIELD_ABSENT,
)
_NEWEST = "ORDER BY detected_at DESC, seq"
# Like the view, but for some changes only: the view reads every acknowledgment.
_OPEN = """
    FROM drift_event
    LEFT JOIN (
        SELECT DISTINCT ON (event_id) event_id, taken_back
        FROM acknowledgement
        WHERE event_id IN (SELECT id FROM drift_event WHERE {which})
        ORDER BY event_id, seq DESC
    ) AS said ON said.event_id = drift_event.id
    WHERE {which} AND (said.event_id IS NULL OR said.taken_back IS TRUE)"""
_IS_ACKNOWLEDGED = """coalesce((
        SELECT said.taken_back IS NOT TRUE FROM acknowledgement AS said
        WHERE said.event_id = drift_event.id AND said.seq = (
            SELECT max(last.seq) FROM acknowledgement AS last WHERE last.event_id = drift_event.id
        )
    ), false)"""
_MAPPED = "affected_mappings <> '[]'"
# A rule is identified by its name: its field may change.
_PLACE = "coalesce(rule, field_name, '')"
_OF_CONNECTIONS = "connection_id IN (SELECT unnest(?::VARCHAR[]))"
_THESE = "event_id IN (SELECT unnest(?::VARCHAR[]))"


class LastWord(NamedTuple):
    """The last acknowledgment of a change, or its withdrawal: by whom and when."""

    at: datetime
    by: str
    note: str | None
    acknowledged: bool


class Unacknowledged(NamedTuple):
    """A change without acknowledgment, as far as counting needs it.

    `at` is when it was found, `group` is its change group, or itself. `mapped` is True if it
    touched a mapping.
    """

    id: str
    group: str
    severity: Severity
    mapped: bool
    at: datetime
    seq: int


class DriftDay(NamedTuple):
    """The number of changes and of change groups found on a day (UTC), and the worst severity."""

    day: date
    changes: int
    groups: int
    worst: Severity


class Drift:
    """Every detected change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, events: Sequence[DriftEvent], stories: Sequence[ChangeGroup]) -> None:
        """Append changes and groups; those whose ID exists already are left out.

        A change that comes acknowledged is stored with its acknowledgment.
        """
        known = self._known("drift_event", [event.id for event in events])
        fresh = [event for event in events if event.id not in known]
        EVENTS.insert(self._database, fresh)
        forget_settlements(self._database, {event.connection_id for event in fresh})
        self._note(
            [
                (event.id, stored(event.acknowledged_at), event.acknowledged_by or "", event.note)
                for event in fresh
                if event.acknowledged_at is not None
            ]
        )
        known = self._known("story", [story.id for story in stories])
        CHANGE_GROUPS.insert(self._database, [story for story in stories if story.id not in known])

    def events(
        self,
        connection_id: str | None = None,
        *,
        since: datetime | None = None,
        at: datetime | None = None,
        object_type: str | None = None,
    ) -> tuple[DriftEvent, ...]:
        """Return the changes detected at `since` or later, newest first, with their acknowledgment.

        As of `at`: only those detected by then, with their acknowledgment of then.
        """
        where = Where().add("connection_id = ?", connection_id).add("object_type = ?", object_type)
        where.add("detected_at >= ?", since).add("detected_at <= ?", at)
        found = _READ.select(self._database, f"{where} {_NEWEST}", where.parameters)
        return found if at is None else self._with_acknowledgments(found, at)

    def page(
        self,
        connection_id: str | None,
        limit: int | None,
        *,
        after: str | None = None,
        severities: Sequence[Severity] | None = None,
        object_type: str | None = None,
        acknowledged: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        at: datetime | None = None,
        among: Sequence[str] | None = None,
    ) -> tuple[DriftEvent, ...]:
        """Return at most `limit` changes, newest first, that follow the change with the ID `after`.

        From `since` to `until`, both included; `among` are the IDs of the only ones. As of `at`:
        only those detected by then, with their acknowledgment of then. Raises NotFoundError if none
        of the changes has the ID `after`.
        """
        where = Where().add("connection_id = ?", connection_id).add("object_type = ?", object_type)
        where.add("detected_at >= ?", since).add("detected_at <= ?", until)
        where.add("detected_at <= ?", at)
        where.add("id IN (SELECT unnest(?::VARCHAR[]))", None if among is None else list(among))
        if severities is not None:
            # PostgreSQL reads the whole table for IN (SELECT unnest(?)).
            where.add("severity = ANY(?::VARCHAR[])", [each.value for each in severities])
        where.add(f"{_IS_ACKNOWLEDGED} = ?", acknowledged)
        if after is not None:
            order = {"detected_at": True, "seq": False}
            where.follow(self._database, EVENTS.name, connection_id, after, order)
        found = EVENTS.select(self._database, f"{where} {_NEWEST}", where.parameters, limit)
        # Joining the acknowledgments in the query would read those of all changes.
        return self._with_acknowledgments(found, at)

    def by_day(self, connection_id: str | None = None) -> tuple[DriftDay, ...]:
        """Return the days with changes, newest first, of one connection or of all."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            "SELECT CAST(detected_at AS DATE) AS day, count(*), "
            "count(*) FILTER (WHERE story IS NULL) + count(DISTINCT story), "
            "max(CASE severity WHEN 'breaking' THEN 2 WHEN 'risky' THEN 1 ELSE 0 END) "
            f"FROM drift_event {where} GROUP BY 1 ORDER BY 1 DESC",
            where.parameters,
        )
        by_rank = (Severity.SAFE, Severity.RISKY, Severity.BREAKING)
        return tuple(
            DriftDay(day, changes, groups, by_rank[rank]) for day, changes, groups, rank in rows
        )

    def rename_partners(self, event_ids: Sequence[str]) -> tuple[DriftEvent, ...]:
        """Return the changes that may be the other half of a rename, from the same refreshes."""
        at = "connection_id, detected_at"
        found = EVENTS.select(
            self._database,
            f"WHERE ({at}) IN (SELECT {at} FROM drift_event WHERE id IN ("
            "SELECT unnest(?::VARCHAR[]))) AND (rename_of IS NOT NULL OR kind IN ("
            "SELECT unnest(?::VARCHAR[])))",
            [list(event_ids), [kind.value for kind in GONE_KINDS]],
        )
        return self._with_acknowledgments(found)

    def members(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the changes of each change group with one of these IDs, in the order found."""
        found: dict[str, tuple[str, ...]] = {}
        for group, change in self._database.rows(
            "SELECT story, id FROM drift_event WHERE story IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY seq",
            [list(ids)],
        ):
            found[group] = (*found.get(group, ()), change)
        return found

    def renames(
        self, connection_id: str | None = None
    ) -> dict[str, dict[tuple[str, str | None], str]]:
        """Return the probable new name by connection, and by object and field of the old name.

        The field is None for an object. Of several, the newest one wins.
        """
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            "SELECT connection_id, object_type, field_name, rename_of FROM drift_event "
            f"{where.add('rename_of IS NOT NULL = ?', True)} ORDER BY seq",
            where.parameters,
        )
        found: dict[str, dict[tuple[str, str | None], str]] = {}
        for key, object_type, field, old in rows:
            place = (object_type, old) if field is not None else (old, None)
            found.setdefault(key, {})[place] = field or object_type
        return found

    def stories_with(self, ids: Sequence[str]) -> tuple[ChangeGroup, ...]:
        """Return the change groups with these IDs, newest first."""
        clause = f"WHERE id IN (SELECT unnest(?::VARCHAR[])) {_NEWEST}"
        return CHANGE_GROUPS.select(self._database, clause, [list(ids)]) if ids else ()

    def removed_fields(self, connection_id: str) -> set[tuple[str, str | None]]:
        """Return object type and field of everything that was ever removed; field None for an
        object.

        Some may exist again. Removals from the scope are left out.
        """
        rows = self._database.rows(
            "SELECT DISTINCT object_type, field_name FROM drift_event WHERE connection_id = ? "
            "AND kind IN (SELECT unnest(?::VARCHAR[]))",
            [connection_id, [kind.value for kind in GONE_KINDS]],
        )
        return {(object_type, name) for object_type, name in rows}

    def unacknowledged(
        self, connection_ids: Collection[str] | None = None, *, safe: bool = False
    ) -> dict[str, tuple[Unacknowledged, ...]]:
        """Return by connection the changes that aren't acknowledged, in the order found.

        Breaking and risky ones, and with `safe` all. The default is all connections; those without
        any are left out.
        """
        which, keys = "true", []
        if connection_ids is not None:
            which, keys = _OF_CONNECTIONS, [list(connection_ids)]
        if not safe:
            which += " AND severity <> 'safe'"
        found: dict[str, list[Unacknowledged]] = {}
        for key, change, group, severity, mapped, at, seq in self._database.rows(
            f"SELECT connection_id, id, coalesce(story, id), severity, {_MAPPED}, detected_at, seq "
            f"{_OPEN.format(which=which)} ORDER BY seq",
            [*keys, *keys],
        ):
            found.setdefault(key, []).append(
                Unacknowledged(change, group, Severity(severity), mapped, to_utc(at), seq)
            )
        return {key: tuple(each) for key, each in found.items()}

    def uncertain(self, connection_ids: Collection[str]) -> set[str]:
        """Return the IDs of the changes that something in the history may have settled.

        They touched a mapping, another change was found at their place, or their object was added.
        """
        place = f"connection_id, object_type, {_PLACE}"
        # An object that was added and is gone again settles the changes in between.
        rows = self._database.rows(
            f"SELECT id FROM drift_event WHERE {_OF_CONNECTIONS} AND ({_MAPPED} OR ({place}) IN ("
            f"SELECT {place} FROM drift_event WHERE {_OF_CONNECTIONS} "
            f"GROUP BY {place} HAVING count(*) > 1) OR (connection_id, object_type) IN ("
            "SELECT connection_id, object_type FROM drift_event "
            f"WHERE {_OF_CONNECTIONS} AND kind = 'object_added'))",
            [list(connection_ids)] * 3,
        )
        return {change for (change,) in rows}

    def history(self, event_ids: Sequence[str]) -> tuple[DriftEvent, ...]:
        """Return all changes at the same places or of their objects, oldest first."""
        if not event_ids:
            return ()
        place = f"connection_id, object_type, {_PLACE}"
        these = "id IN (SELECT unnest(?::VARCHAR[]))"
        found = EVENTS.select(
            self._database,
            f"WHERE ({place}) IN (SELECT {place} FROM drift_event WHERE {these} "
            f"UNION SELECT connection_id, object_type, '' FROM drift_event WHERE {these}) "
            "ORDER BY seq",
            [list(event_ids), list(event_ids)],
        )
        return self._with_acknowledgments(found)

    def by_ids(self, event_ids: Sequence[str]) -> dict[str, DriftEvent]:
        """Return the changes with these IDs, by ID; unknown IDs are left out."""
        clause = "WHERE id IN (SELECT unnest(?::VARCHAR[]))"
        events = _READ.select(self._database, clause, [list(event_ids)]) if event_ids else ()
        return {event.id: event for event in events}

    def get(self, event_id: str) -> DriftEvent | None:
        """Return one change, with its acknowledgment."""
        found = _READ.select(self._database, "WHERE id = ?", [event_id])
        return found[0] if found else None

    def stories(
        self, connection_id: str | None = None, since: datetime | None = None
    ) -> tuple[ChangeGroup, ...]:
        """Return the change groups detected at `since` or later, newest first."""
        where = Where().add("connection_id = ?", connection_id).add("detected_at >= ?", since)
        return CHANGE_GROUPS.select(self._database, f"{where} {_NEWEST}", where.parameters)

    def acknowledge(
        self, event_ids: Sequence[str], at: datetime, by: str, note: str | None = None
    ) -> int:
        """Append an acknowledgment to each change, and return how many changes there were.

        Unknown IDs are left out. The last acknowledgment of a change counts.
        """
        known = self._known("drift_event", event_ids)
        self._note(
            [(one, stored(at), by, note) for one in dict.fromkeys(event_ids) if one in known]
        )
        self._forget_settlements(known)
        return len(known)

    def take_back(self, event_ids: Sequence[str], at: datetime, by: str) -> None:
        """Withdraw the acknowledgment of each change."""
        self._database.insert(
            "acknowledgement",
            ("event_id", "acknowledged_at", "acknowledged_by", "taken_back"),
            [(one, stored(at), by, True) for one in dict.fromkeys(event_ids)],
        )
        self._forget_settlements(event_ids)

    def last_words(self, connection_id: str) -> dict[str, LastWord]:
        """Return the last acknowledgment of each change that ever had one, by its ID."""
        of_connection = "event_id IN (SELECT id FROM drift_event WHERE connection_id = ?)"
        return self._last_words(Where().add(of_connection, connection_id))

    def _with_acknowledgments(
        self, events: Sequence[DriftEvent], at: datetime | None = None
    ) -> tuple[DriftEvent, ...]:
        """Return changes with their last acknowledgments, as of `at` if it is given."""
        if not events:
            return ()
        where = Where().add(_THESE, [each.id for each in events])
        words = self._last_words(where.add("acknowledged_at <= ?", at))
        said = []
        for event in events:
            word = words.get(event.id)
            # An event that was read with a later acknowledgment loses it.
            values = (None, None, None) if word is None or not word.acknowledged else word[:3]
            # Most changes have none, and a copy of each takes a third of reading them.
            if event.acknowledged_at is not None or values[0] is not None:
                event = event.model_copy(update=dict(zip(_ACKNOWLEDGED, values, strict=True)))
            said.append(event)
        return tuple(said)

    def _last_words(self, where: Where) -> dict[str, LastWord]:
        rows = self._database.rows(
            "SELECT DISTINCT ON (event_id) event_id, acknowledged_at, acknowledged_by, note, "
            f"taken_back IS NOT TRUE FROM acknowledgement {where} ORDER BY event_id, seq DESC",
            where.parameters,
        )
        return {
            event_id: LastWord(to_utc(at), by, note, holds)
            for event_id, at, by, note, holds in rows
        }

    def see(self, event_ids: Sequence[str], at: datetime, by: str) -> None:
        """Record that a user has seen these changes."""
        known = self.seen(by, event_ids)
        fresh = [one for one in dict.fromkeys(event_ids) if one not in known]
        self._database.insert(
            "seen_drift",
            ("event_id", "seen_by", "seen_at"),
            [(one, by, stored(at)) for one in fresh],
        )

    def seen(self, by: str, among: Sequence[str] | None = None) -> set[str]:
        """Return the IDs of the changes that a user has seen; `among` are the only ones."""
        where = Where().add("seen_by = ?", by)
        where.add(_THESE, None if among is None else list(among))
        rows = self._database.rows(f"SELECT event_id FROM seen_drift {where}", where.parameters)
        return {row[0] for row in rows}

    def _note(self, rows: Sequence[tuple[str, datetime, str, str | None]]) -> None:
        self._database.insert("acknowledgement", ("event_id", *_ACKNOWLEDGED), rows)

    def _forget_settlements(self, event_ids: Collection[str]) -> None:
        rows = self._database.rows(
            "SELECT DISTINCT connection_id FROM drift_event "
            "WHERE id IN (SELECT unnest(?::VARCHAR[]))",
            [list(event_ids)],
        )
        forget_settlements(self._database, [key for (key,) in rows])

    def _known(self, table: str, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        rows = self._database.rows(
            f"SELECT DISTINCT id FROM {table} WHERE id IN (SELECT unnest(?::VARCHAR[]))",
            [list(ids)],
        )
        return {row[0] for row in rows}
