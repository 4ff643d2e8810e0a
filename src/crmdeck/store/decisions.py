"""The history of mapping decisions. An undo is another decision."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crmdeck.model import Decision
from crmdeck.store.database import Database
from crmdeck.store.record_table import RecordTable, Where
from crmdeck.store.settlements import forget_settlements

DECISIONS = RecordTable("decision", Decision, nested=("value_map",))


class Decisions:
    """Every decision ever made; `memory` is what this process has read already."""

    def __init__(self, database: Database, memory: dict[Hashable, Any] | None = None) -> None:
        self._database = database
        self._memory = memory

    def add(self, decisions: Sequence[Decision]) -> None:
        DECISIONS.insert(self._database, decisions)
        forget_settlements(self._database, {each.connection_id for each in decisions})

    def by_connection(self, only: str | None = None) -> Mapping[str, Sequence[Decision]]:
        """Return the decisions of a connection, or of all, by connection and oldest first."""
        if only is not None or self._memory is None:
            return _grouped({}, self.log(only))
        before, number, last, id_ = self._memory.get("decisions", ({}, 0, 0, None))
        [(count, newest, same)] = self._database.rows(
            "SELECT count(*), coalesce(max(seq), 0), (SELECT id FROM decision WHERE seq = ?) "
            "FROM decision",
            [last],
        )
        added = DECISIONS.select(self._database, "WHERE seq > ? ORDER BY seq", [last])
        # A repair or a restored backup changed more than the end.
        if same != id_ or number + len(added) != count:
            before, added = {}, self.log()
        found = _grouped(before, added)
        self._memory["decisions"] = (found, count, newest, added[-1].id if added else id_)
        return found

    def pairs(self) -> dict[str, tuple[str, ...]]:
        """Return the object pairs with decisions, by connection."""
        found: dict[str, tuple[str, ...]] = {}
        for connection_id, pair in self._database.rows(
            "SELECT DISTINCT connection_id, object_pair FROM decision "
            "ORDER BY connection_id, object_pair"
        ):
            found[connection_id] = (*found.get(connection_id, ()), pair)
        return found

    def log(
        self,
        connection_id: str | None = None,
        object_pair: str | None = None,
        partner_field: str | None = None,
        at: datetime | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> tuple[Decision, ...]:
        """Return the decisions made by `at`, oldest first.

        `after` is the ID of the decision that they follow; raises NotFoundError if none of them
        has it.
        """
        where = (
            Where()
            .add("connection_id = ?", connection_id)
            .add("object_pair = ?", object_pair)
            .add("partner_field = ?", partner_field)
            .add("decided_at <= ?", at)
        )
        if after is not None:
            where.follow(self._database, DECISIONS.name, connection_id, after, {"seq": False})
        return DECISIONS.select(self._database, f"{where} ORDER BY seq", where.parameters, limit)


def _grouped(
    before: Mapping[str, Sequence[Decision]], added: Sequence[Decision]
) -> dict[str, Sequence[Decision]]:
    fresh: dict[str, list[Decision]] = {}
    for decision in added:
        fresh.setdefault(decision.connection_id, []).append(decision)
    return {**before, **{key: (*before.get(key, ()), *mine) for key, mine in fresh.items()}}
