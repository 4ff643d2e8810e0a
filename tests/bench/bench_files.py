"""How long the source `files` takes over a real org: first, repeated, and the next export.

Run as a script, with the path of an export, else over `../shared/data`. Prints medians in ms.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from crmdeck.connectors.base import Discovered, Known
from crmdeck.connectors.files import open_connector
from crmdeck.model import CancelToken, Connection, Platform, Scope, Source

DEFAULT = Path(__file__).parents[3] / "shared/data/salesforce/org-b/all-objects.1.json.gz"
ROUNDS = 7


class NoSecrets:
    def get(self, name: str) -> str | None:
        return None

    def put(self, values: Mapping[str, str]) -> None:
        pass


def discover(path: Path, known: dict[str, Known]) -> tuple[float, dict[str, Known]]:
    """Return milliseconds, and what is known afterwards."""
    connection = Connection(
        id="bench",
        name="bench",
        platform=Platform.SALESFORCE,
        source=Source.FILES,
        path=str(path),
        created_at=datetime.now(UTC),
    )
    source = open_connector(connection, NoSecrets(), lambda event, summary: None)
    start = time.perf_counter()
    answers = list(source.discover(Scope(), known, CancelToken()))
    elapsed = (time.perf_counter() - start) * 1000
    found = (each for each in answers if isinstance(each, Discovered))
    return elapsed, {
        each.schema.object_type: Known(each.schema.object_type, "", each.validator)
        for each in found
    }


def main() -> None:
    """Print the medians."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    first = [discover(path, {}) for _ in range(ROUNDS)]
    known = first[0][1]
    again = [discover(path, known)[0] for _ in range(ROUNDS)]
    print(f"objects {len(known):,}")
    print(f"first  {statistics.median(elapsed for elapsed, _ in first):8.1f} ms")
    print(f"again  {statistics.median(again):8.1f} ms")


if __name__ == "__main__":
    main()
