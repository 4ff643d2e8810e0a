"""Recording a refresh: a row for each object type, and definitions for what is new."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crmdeck.errors import CacheError
from crmdeck.model import GoneReason, ObjectSchema, Scope, SyncRun
from crmdeck.store.database import Database, Row
from crmdeck.store.definitions import FACE, Definitions
from crmdeck.store.record_table import stored

# The order of writing decides, not that of the clocks; one key is also what DuckDB is quick at.
LATEST = "QUALIFY row_number() OVER (PARTITION BY object_type ORDER BY seq DESC) = 1"
_COLUMNS = (
    "id",
    "connection_id",
    "refresh_id",
    "object_type",
    "gone",
    "content_hash",
    "discovered_at",
    "expires_at",
    "validator",
)


@dataclass(frozen=True)
class RecordCount:
    """What recording a refresh wrote.

    `changed` names the object types, sorted, that are new, back, gone, or whose schema, rules or
    description of itself differ from the snapshot before.
    """

    new_definitions: int
    snapshots: int
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Last:
    """Why an object type has gone, if it has, and its last content."""

    gone: str | None
    content_hash: str
    validator: str | None
    face: tuple[object, ...]


class Recording:
    """The rows of one refresh, gathered to go in as one statement a table."""

    def __init__(self, database: Database, run: SyncRun, expires_at: datetime) -> None:
        self._database = database
        self._run = run
        self._discovered_at = stored(run.started_at)
        self._expires_at = stored(expires_at)
        self._last = _last_of(database, run.connection_id)
        self._rows: list[Row] = []
        self._changed: set[str] = set()
        self._new_definitions = 0

    def discovered(self, objects: Sequence[tuple[ObjectSchema, str | None]]) -> None:
        """Take what was read in full, with the source's validator."""
        definitions, self._new_definitions = Definitions(self._database).put(
            [schema for schema, _ in objects]
        )
        for (schema, validator), definition in zip(objects, definitions, strict=True):
            before = self._last.get(schema.object_type)
            changed = before is None or bool(before.gone) or _differ(before.face, definition.face)
            self._append(
                schema.object_type, changed, content=definition.content_hash, validator=validator
            )

    def unchanged(self, objects: Sequence[tuple[str, str | None]]) -> None:
        """Take what the source calls unchanged; a validator of None leaves the known one."""
        for name, validator in objects:
            known = self._last.get(name)
            if known is None:
                raise CacheError(
                    f"The source calls {name} unchanged, but there is no snapshot of it.",
                    remedy="Refresh again; it is then read in full.",
                    code="CACHE_INCOMPLETE",
                )
            self._append(
                name,
                known.gone is not None,
                content=known.content_hash,
                validator=validator or known.validator,
            )

    def gone(self, objects: Mapping[str, GoneReason]) -> None:
        """Take what is not there any more, unless that is known, or it never was there."""
        for name, reason in objects.items():
            last = self._last.get(name)
            if last is not None and last.gone != reason.value:
                self._append(name, True, gone=reason.value)

    def write(self, scope: Scope) -> RecordCount:
        """Append everything that was taken."""
        self._database.insert("snapshot", _COLUMNS, self._rows)
        self._database.insert(
            "refresh",
            ("run_id", "connection_id", "scope", "discovered_at", "changes"),
            [
                (
                    self._run.id,
                    self._run.connection_id,
                    scope.to_json(),
                    self._discovered_at,
                    len(self._changed),
                )
            ],
        )
        return RecordCount(self._new_definitions, len(self._rows), tuple(sorted(self._changed)))

    def _append(
        self,
        object_type: str,
        changed: bool,
        *,
        gone: str | None = None,
        content: str | None = None,
        validator: str | None = None,
    ) -> None:
        if changed:
            self._changed.add(object_type)
        self._rows.append(
            (
                str(uuid.uuid4()),
                self._run.connection_id,
                self._run.id,
                object_type,
                gone,
                content,
                self._discovered_at,
                self._expires_at,
                validator,
            )
        )


def _differ(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    pairs = zip(before, after, strict=True)
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _last_of(database: Database, connection_id: str) -> dict[str, _Last]:
    rows = database.rows(
        "WITH mine AS (SELECT * FROM snapshot WHERE connection_id = ?), "
        f"present AS (SELECT * FROM mine WHERE gone IS NULL {LATEST}), "
        f"latest AS (SELECT object_type, gone FROM mine {LATEST}) "
        "SELECT object_type, latest.gone, content_hash, validator, "
        f"{', '.join(FACE)} "
        "FROM present JOIN latest USING (object_type) "
        "JOIN object_definition USING (content_hash)",
        [connection_id],
    )
    return {
        name: _Last(gone, content_hash, validator, tuple(face))
        for name, gone, content_hash, validator, *face in rows
    }
