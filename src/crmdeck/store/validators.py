"""What lets a source answer "unchanged" next time: an HTTP date or a digest per object type."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping

from crmdeck.store.database import Database


class Validators:
    """The validators of each connection's last refresh. They aren't part of the history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, connection_id: str) -> dict[str, str]:
        rows = self._database.rows(
            "SELECT answers FROM validators WHERE connection_id = ?", [connection_id]
        )
        return dict(json.loads(zlib.decompress(rows[0][0]))) if rows else {}

    def update(
        self, connection_id: str, validators: Mapping[str, str | None], keep: Collection[str]
    ) -> None:
        """Overwrite those of `validators`, and remove those of object types not in `keep`."""
        known = self.get(connection_id)
        answers = {
            name: validator
            for name, validator in {**known, **validators}.items()
            if validator is not None and name in keep
        }
        # Nearly always so, and a write would copy all of them.
        if answers == known:
            return
        packed = zlib.compress(json.dumps(answers, separators=(",", ":")).encode())
        self._database.run("DELETE FROM validators WHERE connection_id = ?", [connection_id])
        self._database.insert("validators", ("connection_id", "answers"), [(connection_id, packed)])
