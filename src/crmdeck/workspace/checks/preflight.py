"""Preflight: push records through the accepted rows of a pair, before a sync does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.exports import (
    FINDING_COLUMNS,
    REPORT_FORMATS,
    Part,
    bar_of,
    counts_text,
    finding_rows,
    happens,
    owner_of,
    preflight_report,
    render,
    stream_report,
    summary_of,
    write_atomically,
    write_report,
)
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.report import Report
from crmdeck.mapping.verdicts import mapped_fields, setting_of, unknown_fills
from crmdeck.model import (
    CancelToken,
    Connection,
    Direction,
    Field,
    ObjectPair,
    ObjectSchema,
    PreflightReport,
    RuleKind,
    WriteCause,
    WriteRules,
)
from crmdeck.model.wire import as_wire
from crmdeck.preflight.causes import WriteProblems
from crmdeck.preflight.edges import FailsWhen, fails_when
from crmdeck.preflight.fields import Raw
from crmdeck.preflight.judge import Judge, MappedField, Setting
from crmdeck.preflight.pull import judge_pulled
from crmdeck.workspace.checks.crm_records import (
    MOST_SAMPLED,
    CrmRecords,
    StoredRecords,
    key_fields,
    not_found,
    value_text,
)
from crmdeck.workspace.checks.records import as_raw, read_records
from crmdeck.workspace.connections.sync_user import assumption
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.mappings.service import Mappings
from crmdeck.workspace.snapshots import find_snapshot, require_known

_KINDS = {
    RuleKind.DUPLICATES: "Duplicate rules",
    RuleKind.PIPELINE: "Pipeline rules",
    RuleKind.VALUES: "Value rules",
    RuleKind.CONDITIONAL: "Conditional rules",
}
FINDING_FORMATS = ("csv", "jsonl")


class Assumptions(TypedDict, total=False):
    """What a preflight assumes of every write.

    `create` is False for updates. `as_user` applies the profile and permissions of the connection's
    user. `filled` names CRM fields that PartnerOS or automation fills, in addition to those marked
    as filled elsewhere.
    """

    create: bool
    as_user: bool
    record_type: str | None
    filled: Collection[str]


class Sides(NamedTuple):
    """Both sides of an object pair; `sources` are the PartnerOS fields by name.

    `filled` are the CRM fields marked as filled elsewhere.
    """

    connection: Connection
    schema: ObjectSchema
    sources: Mapping[str, Field]
    mapped: tuple[MappedField, ...]
    filled: frozenset[str]
    direction: Direction

    @property
    def write_rules(self) -> WriteRules:
        """What the CRM does with values."""
        return vendor_of(self.connection.platform).write_rules


class CauseValue(NamedTuple):
    """The values of one record behind a cause, by field, for the user who has the record."""

    position: int
    record_id: str | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class PreflightRun:
    """The report of a preflight, its findings record by record, and the columns left out.

    `records` are the judged ones, by field.
    """

    report: PreflightReport
    findings: WriteProblems
    ignored: tuple[str, ...]
    sides: Sides
    # Values of customers must not get into a log with the run.
    records: Sequence[Mapping[str, Raw]] = field(repr=False)

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        return summary_of(self.report, self.sides.connection.name)

    @property
    def otherwise(self) -> str:
        """The counts without what stops every record; empty if nothing does."""
        return "" if self.report.otherwise is None else counts_text(self.report.otherwise)

    @property
    def bar(self) -> tuple[Part, ...]:
        """The records by outcome."""
        return bar_of(self.report)

    def explain(self, cause: WriteCause) -> tuple[str, str, str]:
        """Return a cause in words, its owner, and the next step."""
        pulled = self.report.direction is Direction.PULL
        words = happens(cause, self.sides.schema, self.sides.sources)
        return words, *owner_of(cause, pulled)

    def values_of(self, cause: WriteCause) -> tuple[CauseValue, ...]:
        """Return the values behind a cause, for the screen only: no file or log gets them.

        A rule has those of all mapped fields that it reads.
        """
        rules = [rule for rule in self.sides.schema.rules or () if rule.name == cause.rule]
        targets = {cause.crm_field, *(name for rule in rules for name in rule.fields)}
        rows = [row for row in self.sides.mapped if row.crm_field in targets]
        if self.report.direction is Direction.PULL:
            names = {row.crm_field: row.crm_field for row in rows}
        else:
            sources = self.sides.sources
            names = {
                row.partner_field: sources[row.partner_field].label or row.partner_field
                for row in rows
                if row.partner_field in sources
            }
        return tuple(
            CauseValue(
                position,
                record_id,
                {
                    label: value_text(self.records[position - 1].get(name))
                    for name, label in names.items()
                },
            )
            for position, record_id in self.findings.of(cause)
        )

    def to_wire(self) -> dict[str, object]:
        return {
            "report": self.report.to_wire(),
            "findings": [as_wire(each) for each in self.findings],
            "ignored": list(self.ignored),
        }


Found = PreflightRun | Sequence[FailsWhen]
"""What a preflight found: with records, or from boundary values."""


class Preflights:
    """Which writes of an object pair the CRM will reject or change."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mappings = Mappings(context)
        self._records = CrmRecords(context)

    def run(
        self,
        ref: str,
        pair: str,
        records: Path,
        *,
        ignore: Collection[str] = (),
        cancel: CancelToken | None = None,
        **assumed: Unpack[Assumptions],
    ) -> PreflightRun:
        """Judge the records of a file. Nothing of them is stored.

        `ignore` names columns to leave out. Raises NotFoundError, UsageError, SourceError, and
        CanceledError.
        """
        sides = self._sides(ref, pair)
        setting = self._setting(sides, assumed)
        judge = Judge(sides.schema, sides.mapped, sides.write_rules, setting)
        keys = () if setting.create else key_fields(sides.schema, sides.write_rules)
        read = read_records(records, tuple(sides.sources.values()), ignore, keys)
        if setting.create:
            stored = StoredRecords()
        else:
            stored = self._records.stored(sides.connection, judge, read)
        findings = WriteProblems()
        for position, record in enumerate(read.records, 1):
            if cancel is not None:
                cancel.check()
            before = stored.found.get(position)
            if before is None and stored.key is not None:
                findings.add([not_found(position, stored.key, stored.values[position])])
            record_id = None if before is None else str(before.get(sides.write_rules.record_id))
            findings.add(judge.judge(position, record, before), record_id)
        notes = (*stored.notes, *_not_read(sides.schema, assumed.get("as_user", False)))
        if sides.direction is not Direction.PULL and (said := assumption(sides.connection)):
            notes = (*notes, said)
        report = _report(sides, pair, findings, len(read.records), setting, notes)
        return PreflightRun(report, findings, read.ignored, sides, read.records)

    def assumption(self, ref: str) -> str | None:
        """Return the sentence for verdicts without a sync user; None if its rights were used."""
        return assumption(self._context.connection(ref))

    def sample(self, ref: str, pair: str, limit: int = MOST_SAMPLED) -> PreflightRun:
        """Judge the other direction: read up to `limit` (1 to 200) records of the CRM.

        The findings are values that PartnerOS won't accept. Nothing of the records is stored.
        Raises NotFoundError, UsageError, and the errors of the source.
        """
        sides = self._sides(ref, pair, Direction.PULL)
        names = [row.crm_field for row in sides.mapped]
        records = self._records.recent(sides.connection, sides.schema, names, limit)
        findings = WriteProblems()
        values = [{name: as_raw(record.get(name)) for name in names} for record in records]
        for position, record in enumerate(records, 1):
            findings.add(
                judge_pulled(position, values[position - 1], sides.mapped, sides.sources),
                str(record.get(sides.write_rules.record_id)),
            )
        report = _report(sides, pair, findings, len(records))
        return PreflightRun(report, findings, (), sides, values)

    def why_no_sample(self, ref: str, pair: str) -> str | None:
        """Return why CRM records can't be sampled for a pair, None if they can."""
        try:
            sides = self._sides(ref, pair, Direction.PULL)
            self._records.require_reader(sides.connection)
        except CrmdeckError as error:
            return " ".join(filter(None, (error.message, error.cause)))
        return None

    def fails_when(
        self,
        ref: str,
        pair: str,
        *,
        also: Mapping[str, str] | None = None,
        **assumed: Unpack[Assumptions],
    ) -> tuple[FailsWhen, ...]:
        """Return when each mapped row fails, from boundary values of its field.

        `also` are rows that are not accepted yet: PartnerOS fields with their CRM fields. What
        they cause comes after the accepted rows, which are judged without them. Raises
        NotFoundError and UsageError.
        """
        sides = self._sides(ref, pair, also=also)
        setting = self._setting(sides, assumed)
        # Judged apart, because a row can change what another one causes.
        accepted = tuple(row for row in sides.mapped if row.partner_field not in (also or {}))

        def judged(rows: Sequence[MappedField]) -> tuple[FailsWhen, ...]:
            return fails_when(sides.schema, rows, sides.sources, sides.write_rules, setting)

        found = judged(accepted) if accepted else ()
        if also:
            found += tuple(one for one in judged(sides.mapped) if one.partner_field in also)
        return found

    def write(self, path: Path, found: Found, format: str) -> None:
        """Write a preflight to a complete file; see `stream`, which lacks xlsx."""
        if isinstance(found, PreflightRun) and format in REPORT_FORMATS:
            write_report(self._document(found), format, path)
        else:
            write_atomically(path, self.stream(found, format))

    def stream(self, found: Found, format: str) -> Iterator[str]:
        """Yield a preflight as text: every finding in csv and jsonl, else the report.

        Without records, each format has the boundary values. Raises UsageError for a bad format.
        """
        if not isinstance(found, PreflightRun):
            rows = [each.to_wire() for each in found]
            return iter([render(rows, format, title="Boundary values that fail")])
        if format == "json":
            return iter([to_json(found.report, indent=2), "\n"])
        if format in FINDING_FORMATS:
            return iter([render(finding_rows(found.findings), format, columns=FINDING_COLUMNS)])
        return stream_report(self._document(found), format)

    def _document(self, run: PreflightRun) -> Report:
        sides = run.sides
        return preflight_report(
            run.report, sides.connection.name, sides.schema, sides.sources, self._context.now
        )

    def _sides(
        self,
        ref: str,
        pair: str,
        direction: Direction = Direction.PUSH,
        also: Mapping[str, str] | None = None,
    ) -> Sides:
        sources = {field.name: field for field in self._mappings.partner_fields(pair)}
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            crm_object = ObjectPair.parse(pair).crm_object
            log = session.decisions.log(connection.id, pair)
            if not log:
                require_known(session, connection, crm_object)
            order = list(sources)
            every = mapped_fields(log, direction)
            rows = [row for row in every if row.partner_field in sources]
            mapped = tuple(sorted(rows, key=lambda row: order.index(row.partner_field)))
            if mapped:
                mapped += tuple(row for row in every if row.template is not None)
            mapped += tuple(MappedField(*each) for each in (also or {}).items())
            if not mapped:
                where, which = "the CRM", f"rows first: crmdeck suggest {connection.name} {pair}"
                if direction is Direction.PULL:
                    where, which = "PartnerOS", "rows with a direction: crmdeck help mapping accept"
                raise UsageError(
                    f"{pair} has no accepted row that writes to {where}.",
                    remedy=f"Accept {which}",
                    code="NOTHING_ACCEPTED",
                )
            schema = find_snapshot(session, connection, crm_object).content
        return Sides(connection, schema, sources, mapped, unknown_fills(log), direction)

    def _setting(self, sides: Sides, assumed: Assumptions) -> Setting:
        schema = sides.schema
        record_type, filled = assumed.get("record_type"), assumed.get("filled", ())
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
                remedy=f"Enter a CRM field: crmdeck schema NAME {schema.object_type}",
                code="NO_FIELD",
            )
        return setting_of(
            schema,
            self._context.now,
            create=assumed.get("create", True),
            record_type=record_type,
            filled=sides.filled.union(filled),
            user=schema.user if assumed.get("as_user") else None,
        )


def _not_read(schema: ObjectSchema, as_user: bool) -> tuple[str, ...]:
    """Return sentences about what the schema lacks, apart from rules that each record names."""
    reasons = schema.not_read or {}
    notes = [
        f"crmdeck didn't read {words}, which can reject more records: {reasons[kind]}"
        for kind, words in _KINDS.items()
        if kind in reasons
    ]
    if as_user and schema.user is None:
        reason = reasons.get("user", "the last refresh didn't read them.")
        notes.append(f"The profile and permissions of the user are unknown: {reason}")
    return tuple(notes)


def _report(
    sides: Sides,
    pair: str,
    findings: WriteProblems,
    records: int,
    setting: Setting | None = None,
    notes: tuple[str, ...] = (),
) -> PreflightReport:
    causes = findings.causes(records)
    stopping = [cause for cause in causes if cause.stops_all]
    return PreflightReport(
        connection_id=sides.connection.id,
        object_pair=pair,
        direction=sides.direction,
        create=None if setting is None else setting.create,
        record_type=None if setting is None else setting.record_type,
        records=records,
        otherwise=findings.counts(records, stopping) if stopping else None,
        causes=causes,
        notes=notes,
        **dict(findings.counts(records)),
    )
