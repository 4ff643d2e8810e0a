"""Fill rates and samples: how full fields are, from a few records. Asked for, never by itself.

Rates are cached with their date. Values are for the eyes of who asked: they are in the answer
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crmdeck.connectors.base import Sampling
from crmdeck.errors import UsageError
from crmdeck.model import Connection
from crmdeck.workspace.base import UseCases, find_connection, not_found
from crmdeck.workspace.browsing import find_snapshot

MOST_RECORDS = 200


@dataclass(frozen=True)
class FillRate:
    """How full a field is: `rate` (0 to 1) of `sampled` records, measured at a moment."""

    rate: float
    sampled: int
    measured_at: datetime


@dataclass(frozen=True)
class FieldSample:
    """How full fields are in `sampled` records, and a few values of each.

    It is no record of the wire, so that no export or server can write it by accident; its
    `repr` leaves the values out.
    """

    object_type: str
    rates: Mapping[str, FillRate]
    values: Mapping[str, tuple[str, ...]] = field(repr=False)
    sampled: int
    sampled_at: datetime


class Measuring(UseCases):
    """Looking into records, as little as needed."""

    def sample(
        self, ref: str, object_type: str, fields: Sequence[str], limit: int = MOST_RECORDS
    ) -> FieldSample:
        """Read up to `limit` (1 to 200) records and tell how full `fields` are.

        Raises UsageError where the settings forbid it, where the source has no records or where
        no fields are named, NotFoundError for a field or object type that is not in the cached
        schema, and what the source answers.
        """
        connection = self.connection(ref)
        self._require_samples()
        if not 1 <= limit <= MOST_RECORDS:
            raise UsageError(f"A sample is of 1 to {MOST_RECORDS} records.", code="BAD_LIMIT")
        wanted = self._known_fields(connection, object_type, fields)
        connector = self._open_connector(connection)
        if not isinstance(connector, Sampling):
            raise UsageError(
                f"{connection.name} has no records to look into.",
                cause=f"The source {connection.source} knows schemas only.",
                code="NO_RECORDS",
            )
        found = connector.sample(object_type, wanted, limit)
        at = self.now
        if not self.read_only:
            entry = self._entry(
                "schema.sampled",
                f"Looked into {found.sampled} records of {object_type} in {connection.name}",
                connection_id=connection.id,
                details={"objectType": object_type, "fields": len(wanted)},
            )
            with self._store.write() as session:
                session.rates.put(connection.id, object_type, found.rates, found.sampled, at)
                session.audit.add(entry)
                if connector.meter.quota is not None:
                    session.runs.add_quota(connection.id, connector.meter.quota, at)
        rates = {name: FillRate(rate, found.sampled, at) for name, rate in found.rates.items()}
        return FieldSample(object_type, rates, found.values, found.sampled, at)

    def fill_rates(self, ref: str, object_type: str) -> dict[str, FillRate]:
        """Return the fill rates that were measured last, by field; nothing is asked."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            rates = session.rates.get(connection.id, object_type)
        return {name: FillRate(*measured) for name, measured in rates.items()}

    def _require_samples(self) -> None:
        if not self.settings.samples:
            raise UsageError(
                "Looking into records is switched off.",
                cause="The settings say samples = false.",
                remedy=f"Whoever may decide it sets samples = true in {self.home}/settings.toml.",
                code="SAMPLES_OFF",
            )

    def _known_fields(
        self, connection: Connection, object_type: str, fields: Sequence[str]
    ) -> list[str]:
        with self._store.read() as session:
            snapshot = find_snapshot(session, connection, object_type)
        known = [each.name for each in snapshot.fields]
        wanted = list(dict.fromkeys(fields))
        if not wanted:
            raise UsageError("There are no fields to sample.", remedy="Name some of the object.")
        for name in wanted:
            if name not in known:
                raise not_found("field", name, known)
        return wanted
