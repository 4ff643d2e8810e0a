"""Preflight: push records through the accepted rows of a pair, before a sync does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.model import (
    Connection,
    DecisionState,
    Direction,
    Field,
    ObjectPair,
    ObjectSchema,
    Outcome,
    PreflightReport,
    WriteFinding,
)
from crmdeck.preflight.edges import FailsWhen, fails_when
from crmdeck.preflight.judge import Judge, MappedField, Setting, causes_of
from crmdeck.workspace.checks.records import read_records
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.explore.schemas import find_snapshot
from crmdeck.workspace.mappings.service import Mappings


class PreflightRun(NamedTuple):
    """The report of a preflight, its findings record by record, and the columns left out."""

    report: PreflightReport
    findings: tuple[WriteFinding, ...]
    ignored: tuple[str, ...]


class Preflights:
    """Which writes of an object pair the CRM will refuse or change."""

    def __init__(self, context: Context, mappings: Mappings) -> None:
        self._context = context
        self._mappings = mappings

    def run(
        self,
        ref: str,
        pair: str,
        records: Path,
        *,
        create: bool = True,
        record_type: str | None = None,
        filled: Collection[str] = (),
        ignore: Collection[str] = (),
    ) -> PreflightRun:
        """Judge the records of a file. Nothing of them is stored.

        `filled` names CRM fields that PartnerOS or automation fills, `ignore` columns to leave out.
        Raises NotFoundError, UsageError, and SourceError.
        """
        connection, schema, mapped, sources = self._sides(ref, pair)
        setting = self._setting(schema, create, record_type, filled)
        read = read_records(records, tuple(sources.values()), ignore)
        judge = Judge(schema, mapped, vendor_of(connection.platform).write_rules, setting)
        findings = [
            finding
            for position, record in enumerate(read.records, 1)
            for finding in judge.judge(position, record)
        ]
        worst: dict[int, Outcome] = {}
        order = list(Outcome)
        for finding in findings:
            known = worst.get(finding.position, finding.outcome)
            worst[finding.position] = min(known, finding.outcome, key=order.index)
        counts = Counter(worst.values())
        report = PreflightReport(
            connection_id=connection.id,
            object_pair=pair,
            create=create,
            record_type=record_type,
            records=len(read.records),
            fine=len(read.records) - len(worst),
            causes=causes_of(findings, len(read.records)),
            **{outcome.value: counts[outcome] for outcome in Outcome},
        )
        return PreflightRun(report, tuple(findings), read.ignored)

    def fails_when(
        self,
        ref: str,
        pair: str,
        *,
        create: bool = True,
        record_type: str | None = None,
        filled: Collection[str] = (),
    ) -> tuple[FailsWhen, ...]:
        """Return when each mapped row fails, from values at the edge of what its field takes.

        Raises NotFoundError and UsageError.
        """
        connection, schema, mapped, sources = self._sides(ref, pair)
        setting = self._setting(schema, create, record_type, filled)
        rules = vendor_of(connection.platform).write_rules
        return fails_when(schema, mapped, sources, rules, setting)

    def _sides(
        self, ref: str, pair: str
    ) -> tuple[Connection, ObjectSchema, tuple[MappedField, ...], dict[str, Field]]:
        sources = {field.name: field for field in self._mappings.partner_fields(pair)}
        mapping = self._mappings.get(ref, pair)
        mapped = tuple(
            MappedField(line.partner_field, line.crm_field, line.value_map)
            for line in mapping.lines
            if line.state is DecisionState.ACCEPTED
            and line.crm_field is not None
            and line.direction is not Direction.PULL
        )
        if not mapped:
            raise UsageError(
                f"{pair} has no accepted row that writes to the CRM.",
                remedy=f"Accept rows first: crmdeck suggest {ref} {pair}",
                code="NOTHING_ACCEPTED",
            )
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            crm_object = ObjectPair.parse(pair).crm_object
            schema = find_snapshot(session, connection, crm_object).content
        return connection, schema, mapped, sources

    def _setting(
        self,
        schema: ObjectSchema,
        create: bool,
        record_type: str | None,
        filled: Collection[str],
    ) -> Setting:
        names = [each.name for each in schema.record_types or ()]
        if record_type is not None and record_type not in names:
            known = f"Record types: {', '.join(names)}." if names else "It has no record types."
            raise UsageError(
                f"{schema.object_type} has no record type '{record_type}'. {known}",
                code="NO_RECORD_TYPE",
            )
        unknown = sorted(set(filled) - {field.name for field in schema.fields})
        if unknown:
            raise UsageError(
                f"{schema.object_type} has no field '{unknown[0]}'.",
                remedy=f"Name a CRM field: crmdeck schema NAME {schema.object_type}",
                code="NO_FIELD",
            )
        return Setting(
            now=self._context.now.replace(tzinfo=None),
            create=create,
            record_type=record_type,
            filled=frozenset(filled),
        )
