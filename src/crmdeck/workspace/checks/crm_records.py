"""Records that a preflight reads from the CRM; nothing of them is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import Record, RecordReader
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import Connection, ObjectSchema, Outcome, WriteProblem, WriteRules
from crmdeck.preflight.fields import Raw
from crmdeck.preflight.judge import Judge
from crmdeck.text import count
from crmdeck.workspace.checks.records import RecordFile, as_raw
from crmdeck.workspace.context import Context
from crmdeck.workspace.explore.schemas import require_samples

MOST_SAMPLED = 200


@dataclass(frozen=True)
class StoredRecords:
    """The records of the CRM that a file updates, by position.

    `key` is the field that identifies them, None if none were read; `values` are its values.
    `found` has the records before the update.
    """

    key: str | None = None
    values: Mapping[int, str] = field(default_factory=dict, repr=False)
    found: Mapping[int, Mapping[str, Raw]] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()


class CrmRecords:
    """Reads records of a connection, if it may."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def recent(
        self, connection: Connection, schema: ObjectSchema, fields: Sequence[str], limit: int
    ) -> tuple[Record, ...]:
        """Return up to `limit` records; raises UsageError if the source has none."""
        if not 1 <= limit <= MOST_SAMPLED:
            raise UsageError(f"A sample has 1 to {MOST_SAMPLED} records.", code="BAD_LIMIT")
        reader = self.require_reader(connection)
        # One field that the user can't read would make the CRM reject the whole query.
        known = {each.name for each in schema.fields if each.readable is not False}
        with fault_barrier(connection):
            records = reader.recent(
                schema.object_type, [name for name in fields if name in known], limit
            )
        self._audit(connection, schema, len(records))
        return records

    def stored(self, connection: Connection, judge: Judge, read: RecordFile) -> StoredRecords:
        """Return the records that a file updates, matched by ID, external ID or unique field.

        Notes say why rules that need them can't be judged.
        """
        schema, rules = judge.schema, judge.rules
        key, values = _keys_of(judge, read)
        if key is None:
            return _not_read("No column has the ID or an external ID of the CRM's records.")
        wanted = {value for value in values.values() if value}
        try:
            reader = self.require_reader(connection)
            with fault_barrier(connection):
                records = reader.find(
                    schema.object_type, key, sorted(wanted), sorted(judge.reads | {key})
                )
        except CrmdeckError as error:
            return _not_read(" ".join(filter(None, (error.message, error.cause))))
        self._audit(connection, schema, len(records))
        fold = partial(_folded, schema, key, rules)
        by_key = {fold(str(record.get(key))): _flat(record) for record in records}
        found = {
            position: by_key[fold(value)]
            for position, value in values.items()
            if fold(value) in by_key
        }
        return StoredRecords(key, values, found)

    def require_reader(self, connection: Connection) -> RecordReader:
        """Return the reader of a connection; raises UsageError if it has none or it is off."""
        require_samples(self._context)
        connector = self._context.open_connector(connection)
        if not isinstance(connector, RecordReader):
            raise UsageError(
                f"{connection.name} has no records to read.",
                cause=f"The {connection.source} source contains schemas only.",
                code="NO_RECORDS",
            )
        return connector

    def _audit(self, connection: Connection, schema: ObjectSchema, records: int) -> None:
        if self._context.read_only:
            return
        entry = self._context.entry(
            "schema.sampled",
            f"Read {count(records, 'record')} of {schema.object_type} in {connection.name}",
            connection_id=connection.id,
            details={"objectType": schema.object_type, "records": records},
        )
        with self._context.store.write() as session:
            session.audit.add(entry)


def key_fields(schema: ObjectSchema, rules: WriteRules) -> tuple[str, ...]:
    """Return the CRM fields that identify a record: its ID first, then external IDs."""
    names = [each.name for each in schema.fields if each.external_id or each.unique]
    return tuple(dict.fromkeys((rules.record_id, *names)))


def not_found(position: int, key: str, value: str) -> WriteProblem:
    """Return the finding about an update of a record that the CRM doesn't have."""
    if not value:
        return WriteProblem(
            position=position,
            outcome=Outcome.UNKNOWN,
            code="NO_KEY",
            reason="nothing identifies the record in the CRM",
            crm_field=key,
            needs=(key,),
        )
    return WriteProblem(
        position=position,
        outcome=Outcome.REJECTED,
        code="NOT_IN_CRM",
        reason=f"no record has this {key}",
        crm_field=key,
    )


def value_text(value: Raw) -> str:
    """Return a value of a record as text."""
    if value is None:
        return ""
    return ";".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _keys_of(judge: Judge, read: RecordFile) -> tuple[str | None, Mapping[int, str]]:
    """Return the field that identifies the records of a file, and its value by position."""
    keys = key_fields(judge.schema, judge.rules)
    columns = {name: name for name in read.keys}
    columns |= {row.crm_field: row.partner_field for row in judge.mapped if row.crm_field in keys}
    key = next((name for name in keys if name in columns), None)
    if key is None:
        return None, {}
    values = {
        position: str(record.get(columns[key]) or "").strip()
        for position, record in enumerate(read.records, 1)
    }
    return key, values


def _folded(schema: ObjectSchema, key: str, rules: WriteRules, value: str) -> str:
    """Return a key as the CRM compares it; Salesforce's IDs have 15 or 18 characters."""
    if key == rules.record_id:
        return value[:15] if rules.id_pattern else value
    sensitive = any(each.name == key and each.case_sensitive for each in schema.fields)
    return value if sensitive else value.casefold()


def _not_read(reason: str) -> StoredRecords:
    return StoredRecords(notes=(f"Rules that read the stored record can't be judged. {reason}",))


def _flat(record: Record) -> dict[str, Raw]:
    """Return a record with the fields of related records by path, such as `RecordType.Name`."""
    flat: dict[str, Raw] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": as_raw(each) for inner, each in value.items()}
        else:
            flat[name] = as_raw(value)
    return flat
