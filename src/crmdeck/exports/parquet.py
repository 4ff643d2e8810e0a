"""Records as a Parquet file, with lists and objects as JSON text."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from crmdeck.exports.cells import cell_text
from crmdeck.exports.files import file_in_place

_LONGEST_LINE = 16 * 1024 * 1024
"""The bytes that DuckDB reserves for one record, unless one is longer."""


def write_parquet(
    records: Iterable[Mapping[str, object]], columns: Sequence[str], path: Path
) -> None:
    """Write records to a file; a column has the type of all its values, else text.

    Raises UsageError and CrmdeckError as `file_in_place` does.
    """
    import duckdb

    found: dict[str, set[type]] = {name: set() for name in columns}
    longest = _LONGEST_LINE
    with tempfile.TemporaryDirectory(prefix="crmdeck-") as folder, file_in_place(path) as target:
        source = Path(folder, "rows.jsonl")
        with source.open("wb") as file:
            for record in records:
                row = {name: _value(record.get(name)) for name in columns}
                for name, value in row.items():
                    if value is not None:
                        found[name].add(type(value))
                line = json.dumps(row, ensure_ascii=True).encode()
                longest = max(longest, len(line) + 1)
                file.write(line + b"\n")
        types = {name: _type(found[name]) for name in columns}
        with duckdb.connect(config={"threads": 1}) as database:
            database.execute(
                "COPY (SELECT * FROM read_json(?, format='newline_delimited', columns=?, "
                "maximum_object_size=?)) TO ? (FORMAT parquet, ROW_GROUP_SIZE 20000)",
                [str(source), types, longest, str(target)],
            )


def _type(found: set[type]) -> str:
    if found == {bool}:
        return "BOOLEAN"
    if found == {int}:
        return "BIGINT"
    return "DOUBLE" if found and found <= {int, float} else "VARCHAR"


def _value(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else cell_text(value)
