"""Records as a Parquet file, with lists and objects as JSON text."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from crmdeck.exports.cells import cell_text
from crmdeck.exports.files import file_in_place

_LONGEST_LINE = 16 * 1024 * 1024
"""The bytes that DuckDB reserves for one record, unless one is longer."""


def write_parquet(
    records: Iterable[Mapping[str, object]], columns: Mapping[str, str], path: Path
) -> None:
    """Write records to a file with these columns, each of an SQL type, whatever the records have.

    Raises UsageError and CrmdeckError as `file_in_place` does.
    """
    import duckdb

    longest = _LONGEST_LINE
    with tempfile.TemporaryDirectory(prefix="crmdeck-") as folder, file_in_place(path) as target:
        # DuckDB reads the file as a stream, so memory doesn't grow with the number of records.
        source = Path(folder, "rows.jsonl")
        with source.open("wb") as file:
            for record in records:
                row = {name: _value(record.get(name), kind) for name, kind in columns.items()}
                line = json.dumps(row, ensure_ascii=True).encode()
                longest = max(longest, len(line) + 1)
                file.write(line + b"\n")
        with duckdb.connect(config={"threads": 1}) as database:
            # Through a file of its own, DuckDB would replace the private one.
            database.execute(
                "COPY (SELECT * FROM read_json(?, format='newline_delimited', columns=?, "
                "maximum_object_size=?)) TO ? "
                "(FORMAT parquet, ROW_GROUP_SIZE 20000, USE_TMP_FILE false)",
                [str(source), dict(columns), longest, str(target)],
            )


def _value(value: object, kind: str) -> object:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return cell_text(value) if kind == "VARCHAR" else value
