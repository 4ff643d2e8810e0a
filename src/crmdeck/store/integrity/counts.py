"""The counts that stand on each refresh, counted again from the states of object types."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

from crmdeck.store.database import Database, Row
from crmdeck.store.refresh_record import THERE, UNREAD
from crmdeck.text import count

Counts = tuple[int, int, int, int]
"""Object types that are there, those of them that were not read, fields, custom fields."""


def miscounted(database: Database) -> dict[int, Counts]:
    """Return by `seq` the counts of each refresh that says others than its states do."""
    sizes = {
        key: (fields, custom)
        for key, fields, custom in database.rows(
            "SELECT content_hash, field_count, custom_field_count FROM object_definition"
        )
    }
    states: defaultdict[str, deque[Row]] = defaultdict(deque)
    for row in database.rows(
        "SELECT connection_id, refresh, object_type, state, content_hash FROM object_state "
        "ORDER BY connection_id, refresh"
    ):
        states[row[0]].append(row)
    wrong: dict[int, Counts] = {}
    unsure: set[str] = set()
    now: dict[tuple[str, str], Counts] = {}
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for seq, key, *told in database.rows(
        "SELECT seq, connection_id, objects, unread, fields, custom_fields FROM refresh "
        "ORDER BY connection_id, seq"
    ):
        waiting = states[key]
        while waiting and waiting[0][1] <= seq:
            _, _, name, state, content = waiting.popleft()
            if content not in sizes:
                unsure.add(key)
                continue
            present = int(state in (THERE, UNREAD))
            fields, custom = sizes[content]
            after = (present, int(state == UNREAD), present * fields, present * custom)
            before = now.get((key, name), (0, 0, 0, 0))
            sums[key] = [
                total + new - old for total, new, old in zip(sums[key], after, before, strict=True)
            ]
            now[key, name] = after
        objects, unread, fields, custom = sums[key]
        if key not in unsure and [objects, unread, fields, custom] != told:
            wrong[seq] = (objects, unread, fields, custom)
    return wrong


def write_counts(counts: Mapping[int, Counts], database: Database) -> str:
    for seq, (objects, unread, fields, custom) in counts.items():
        database.run(
            "UPDATE refresh SET objects = ?, unread = ?, fields = ?, custom_fields = ? "
            "WHERE seq = ?",
            [objects, unread, fields, custom, seq],
        )
    return f"{count(len(counts), 'refresh', 'refreshes')} counted again"
