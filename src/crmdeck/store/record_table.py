"""Records in tables: one column per attribute, nested attributes as JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from crmdeck.errors import CacheDamagedError, NotFoundError
from crmdeck.model import WireModel, to_utc
from crmdeck.store.database import Database, Row, quote

M = TypeVar("M", bound=WireModel)


class RecordTable(Generic[M]):
    """A table whose columns are the attributes of a model, plus `extra` ones.

    The database fills the columns of `filled`.
    """

    def __init__(
        self,
        name: str,
        model: type[M],
        *,
        nested: Iterable[str] = (),
        without: Iterable[str] = (),
        filled: Iterable[str] = (),
        extra: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._model = model
        self._nested = frozenset(nested)
        skipped = frozenset(without)
        self._attributes = tuple(a for a in model.model_fields if a not in skipped)
        self.selection = ", ".join(map(quote, self._attributes))
        left = frozenset(filled)
        self._given = tuple(a for a in self._attributes if a not in left)
        self.columns = (*self._given, *extra)

    def insert(self, database: Database, records: Iterable[M], *extra: object) -> None:
        """Append `records` in their order, each with the same values of the extra columns."""
        rows = [(*self.encode(record), *extra) for record in records]
        database.insert(self.name, self.columns, rows)

    def select(
        self,
        database: Database,
        clause: str = "",
        parameters: Sequence[object] = (),
        limit: int | None = None,
    ) -> tuple[M, ...]:
        """Return the records selected by `clause` (from WHERE on), in its order."""
        sql = f"SELECT {self.selection} FROM {quote(self.name)} {clause}"
        if limit is not None:
            sql, parameters = f"{sql} LIMIT ?", [*parameters, limit]
        return tuple(self.decode(row) for row in database.rows(sql, parameters))

    def latest(
        self,
        database: Database,
        key: str,
        clause: str = "",
        parameters: Sequence[object] = (),
        order: str | None = None,
    ) -> dict[Row, M]:
        """Return the newest record of each `key` (columns), among those selected by `clause`."""
        rows = database.rows(
            f"SELECT {self.selection}, {key} FROM {quote(self.name)} AS latest JOIN ("
            f"SELECT max(seq) AS seq FROM {quote(self.name)} {clause} GROUP BY {key}"
            f") AS last USING (seq) ORDER BY {order or key}",
            parameters,
        )
        width = len(self._attributes)
        return {row[width:]: self.decode(row[:width]) for row in rows}

    def decode(self, row: Row) -> M:
        """Return the record in a row of `selection`; raises CacheDamagedError if it is invalid."""
        values: dict[str, Any] = dict(zip(self._attributes, row, strict=False))
        try:
            for name in self._nested:
                if values[name] is not None:
                    values[name] = _parse(values[name])
            return self._model.model_validate(values)
        except (ValueError, TypeError) as error:
            cause = f"{error}."
            if isinstance(error, ValidationError):
                # The message leaves out the row's contents, which may be private.
                [first, *_] = error.errors(
                    include_url=False, include_input=False, include_context=False
                )
                cause = f"{'.'.join(map(str, first['loc'])) or 'Row'}: {first['msg']}."
            raise CacheDamagedError(
                f"The cache has an unreadable row in {self.name}.",
                cause=cause,
                remedy="Find out what is lost and what can be repaired: crmdeck doctor",
            ) from error

    def encode(self, record: M) -> Row:
        """Return the values of `columns`, without the extra ones."""
        cells = record.model_dump(mode="json")
        for name in self._given:
            value = getattr(record, name)
            if isinstance(value, datetime):
                cells[name] = stored(value)
            elif name in self._nested and value is not None:
                cells[name] = json.dumps(cells[name], separators=(",", ":"))
        return tuple(cells[name] for name in self._given)


def _parse(text: str) -> object:
    try:
        return from_json(text)
    except ValueError:
        # It is faster, and rejects half of a surrogate pair, which a name from a CRM may contain.
        return json.loads(text)


def stored(moment: datetime) -> datetime:
    """Return `moment` as the cache stores it: UTC, without a zone."""
    return to_utc(moment).replace(tzinfo=None)


class Where:
    """Conditions that must all be met, with their parameters; those with None are left out."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.parameters: list[object] = []

    def add(self, condition: str, value: object) -> Where:
        """Add a condition with one `?`, unless `value` is None."""
        if value is not None:
            self._conditions.append(condition)
            self.parameters.append(stored(value) if isinstance(value, datetime) else value)
        return self

    def follow(
        self,
        database: Database,
        table: str,
        connection_id: str | None,
        after: str,
        order: Mapping[str, bool],
    ) -> Where:
        """Add that a row follows the one with the ID `after`, of a connection if one is named.

        `order` has the columns in their order; True means descending. Raises NotFoundError
        without such a row.
        """
        selection = ", ".join(map(quote, order))
        of = Where().add("id = ?", after).add("connection_id = ?", connection_id)
        rows = database.rows(f"SELECT {selection} FROM {quote(table)} {of}", of.parameters)
        if not rows:
            raise NotFoundError(
                "The cursor is invalid.",
                remedy="Use the cursor of the last response, or none.",
                code="CURSOR_NOT_FOUND",
            )
        # An index helps with a bound of the first column, but not with alternatives.
        first, descending = next(iter(order.items()))
        self.add(f"{quote(first)} {'<=' if descending else '>='} ?", rows[0][0])
        parts, before = [], ""
        for number, (column, descending) in enumerate(order.items(), 1):
            parts.append(f"({before}{quote(column)} {'<' if descending else '>'} ?)")
            before += f"{quote(column)} = ? AND "
            self.parameters += rows[0][:number]
        self._conditions.append(f"({' OR '.join(parts)})")
        return self

    def __str__(self) -> str:
        return "WHERE " + " AND ".join(self._conditions) if self._conditions else ""
