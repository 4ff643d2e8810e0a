"""Record a refresh: the differences from the one before, and the new definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crmdeck.errors import CacheError
from crmdeck.model import Freshness, GoneReason, Scope, SyncRun
from crmdeck.store import source_times
from crmdeck.store.database import Database, Row
from crmdeck.store.definitions import (
    FACE,
    Definitions,
    ObjectDefinition,
    PackedSchema,
)
from crmdeck.store.record_table import stored
from crmdeck.store.validators import Validators

# The states of an object type that isn't gone: read by the refresh, or left unread.
THERE = "there"
UNREAD = "unread"

_STATE_COLUMNS = ("connection_id", "object_type", "refresh", "state", "content_hash", "seen")
REFRESH_COLUMNS = (
    "run_id",
    "connection_id",
    "scope",
    "discovered_at",
    "expires_at",
    "changes",
    "objects",
    "unread",
    "fields",
    "custom_fields",
    "source_times",
)


@dataclass(frozen=True)
class RecordCount:
    """What recording a refresh wrote.

    `states` counts the object types whose state differs from the one before. `changed` has those,
    sorted, that are new, back, gone, or whose schema, rules or description differ from the snapshot
    before.
    """

    new_definitions: int
    states: int
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _State:
    """An object type after a refresh; `seen` is None if that refresh read it."""

    name: str
    definition: ObjectDefinition
    seen: int | None = None

    @property
    def present(self) -> bool:
        return self.name in (THERE, UNREAD)


class RefreshRecord:
    """One refresh, collected to be written with one statement per table."""

    def __init__(
        self,
        database: Database,
        run: SyncRun,
        expires_at: datetime,
        freshness: Mapping[str, Freshness],
    ) -> None:
        self._database = database
        self._run = run
        self._expires_at = expires_at
        self._freshness = freshness
        rows = database.rows(
            "SELECT DISTINCT ON (object_type) object_type, state, content_hash, seen "
            "FROM object_state WHERE connection_id = ? ORDER BY object_type, refresh DESC",
            [run.connection_id],
        )
        known = Definitions(database).having([row[2] for row in rows])
        # A lost definition differs from nothing, because the CRM hasn't changed.
        self._before = {
            name: _State(
                state,
                known.get(content) or ObjectDefinition(content, 0, 0, (None,) * len(FACE)),
                seen,
            )
            for name, state, content, seen in rows
        }
        newest = "SELECT max(seq) FROM refresh WHERE connection_id = ?"
        self._last_refresh: int | None = database.rows(newest, [run.connection_id])[0][0]
        self._states: dict[str, _State] = {}
        self._changed: set[str] = set()
        self._validators: dict[str, str | None] = {}
        self._new_definitions = 0

    def discovered(self, objects: Sequence[tuple[PackedSchema, str | None]]) -> None:
        """Add the objects that were read in full, with the source's validators."""
        self._new_definitions = Definitions(self._database).put([schema for schema, _ in objects])
        for schema, validator in objects:
            name, definition = schema.object_type, schema.definition
            before = self._before.get(name)
            if before is None or not before.present or before.definition.differs(definition):
                self._changed.add(name)
            self._states[name] = _State(THERE, definition)
            self._validators[name] = validator

    def unchanged(self, objects: Sequence[tuple[str, str | None]]) -> None:
        """Add what the source calls unchanged; a validator of None keeps the known one."""
        for name, validator in objects:
            before = self._before.get(name)
            if before is None:
                raise CacheError(
                    f"The source reports {name} as unchanged, but no snapshot of it exists.",
                    remedy="Refresh again to read it in full: crmdeck refresh",
                    code="CACHE_INCOMPLETE",
                )
            if not before.present:
                self._changed.add(name)
            self._states[name] = _State(THERE, before.definition)
            if validator is not None:
                self._validators[name] = validator

    def record_removed(self, objects: Mapping[str, GoneReason]) -> None:
        """Add what no longer exists, unless that is known already or it never existed."""
        for name, reason in objects.items():
            before = self._before.get(name)
            if before is not None and before.name != reason.value:
                self._changed.add(name)
                self._states[name] = self._left(before, reason.value)

    def write(self, scope: Scope) -> RecordCount:
        """Append the differences. Objects that existed and were not added count as unread."""
        for name, before in self._before.items():
            if name not in self._states:
                self._states[name] = self._left(before, UNREAD) if before.present else before
        self._database.insert("refresh", REFRESH_COLUMNS, [self._refresh_row(scope)])
        # The states name their refresh, and the database numbers it.
        own = "SELECT max(seq) FROM refresh WHERE connection_id = ? AND run_id = ?"
        number = self._database.rows(own, [self._run.connection_id, self._run.id])[0][0]
        contents = {name: each.definition.content_hash for name, each in self._before.items()}
        rows: list[Row] = [
            (self._run.connection_id, name, number, state.name, content, state.seen)
            for name, state in self._states.items()
            if (content := state.definition.content_hash) != contents.get(name)
            or state.name != self._before[name].name
        ]
        self._database.insert("object_state", _STATE_COLUMNS, rows)
        Validators(self._database).update(
            self._run.connection_id,
            self._validators,
            keep={name for name, state in self._states.items() if state.present},
        )
        return RecordCount(self._new_definitions, len(rows), tuple(sorted(self._changed)))

    def _left(self, before: _State, state: str) -> _State:
        """Return the states of what this refresh didn't read."""
        seen = self._last_refresh if before.name == THERE else before.seen
        return _State(state, before.definition, seen)

    def _refresh_row(self, scope: Scope) -> Row:
        present = [state for state in self._states.values() if state.present]
        return (
            self._run.id,
            self._run.connection_id,
            scope.to_json(),
            stored(self._run.started_at),
            stored(self._expires_at),
            len(self._changed),
            len(present),
            sum(state.name == UNREAD for state in present),
            sum(state.definition.field_count for state in present),
            sum(state.definition.custom_field_count for state in present),
            source_times.pack(
                self._freshness,
                [name for name, state in self._states.items() if state.name == THERE],
                Freshness(self._run.started_at, self._expires_at),
            ),
        )
