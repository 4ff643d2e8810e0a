"""Records as a Parquet file, written by DuckDB: flat columns, lists and objects as JSON text."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from crmdeck.exports.cells import cell_text, columns_of


def render_parquet(records: Sequence[Mapping[str, object]], columns: Sequence[str] | None) -> bytes:
    """Return the records; a column is of the type that all its values have, else text."""
    import duckdb

    names = columns_of(records) if columns is None else tuple(columns)
    types = {name: _type([record.get(name) for record in records]) for name in names}
    if not names:
        return b""
    with tempfile.TemporaryDirectory(prefix="crmdeck-") as folder:
        source, target = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
        with source.open("w", encoding="utf-8") as file:
            for record in records:
                row = {name: _value(record.get(name), types[name]) for name in names}
                file.write(json.dumps(row, ensure_ascii=True) + "\n")
        with duckdb.connect() as database:
            database.execute(
                "CREATE TABLE rows AS SELECT * FROM read_json(?, format='newline_delimited', "
                "columns=?, maximum_object_size=268435456)",
                [str(source), types],
            )
            database.execute(
                "COPY rows TO '" + str(target).replace("'", "''") + "' (FORMAT parquet)"
            )
        return target.read_bytes()


def _type(values: Sequence[object]) -> str:
    found = {type(value) for value in values if value is not None}
    if found == {bool}:
        return "BOOLEAN"
    if found == {int}:
        return "BIGINT"
    return "DOUBLE" if found and found <= {int, float} else "VARCHAR"


def _value(value: object, kind: str) -> object:
    return value if value is None or kind != "VARCHAR" else cell_text(value)
