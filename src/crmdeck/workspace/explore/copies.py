"""Copy what is on screen: a name, a chat message, a Markdown row, or a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crmdeck.drift.timeline import ChangeEntry, Timeline
from crmdeck.drift.wording import place_of
from crmdeck.exports.chattext import code, escape
from crmdeck.exports.markdown import table_row
from crmdeck.mapping.rows import MappingRow
from crmdeck.mapping.wording import crm_text, pair_text, percent, row_note, yes_no
from crmdeck.model import (
    AuditEntry,
    Comparison,
    ConnectionStatus,
    Decision,
    DecisionState,
    FieldRow,
    Finding,
    ObjectSummary,
    Severity,
)
from crmdeck.model.wire import wire_record
from crmdeck.text import count
from crmdeck.workspace.commands import Option, command_line
from crmdeck.workspace.context import Context

_MOST_IDS = 50
_SIGNS = {Severity.BREAKING: "✕", Severity.RISKY: "▲", Severity.SAFE: "•"}


class CopyKind(StrEnum):
    """The form of a copy."""

    NAME = "API name"
    MESSAGE = "Message"
    MARKDOWN = "Markdown row"
    COMMAND = "Command line"


@dataclass(frozen=True)
class Copy:
    """A text for the clipboard, and its form."""

    kind: CopyKind
    text: str

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Copies:
    """Forms to copy records in, without reading the cache; `connection` is its name."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def objects(
        self, connection: str, objects: Sequence[ObjectSummary], at: datetime | None = None
    ) -> tuple[Copy, ...]:
        """Return the forms of objects, as of `at`."""
        first = objects[0].object_type if len(objects) == 1 else None
        return _copies(
            name=_lines(one.object_type for one in objects),
            markdown=_table(
                ("Object", "Label", "Fields", "Refreshed"),
                [
                    (
                        one.object_type,
                        one.label,
                        f"{one.field_count:,}",
                        f"{one.discovered_at:%Y-%m-%d %H:%M} UTC",
                    )
                    for one in objects
                ],
            ),
            message=_lines(
                f"{code(one.object_type)} {escape(one.label)} in *{escape(connection)}*: "
                f"{count(one.field_count, 'field')}"
                for one in objects
            ),
            command=self._command(
                "schema", connection, *([first] if first else []), at=_moment(at)
            ),
        )

    def differences(
        self, comparison: Comparison, names: Sequence[tuple[str, str | None]]
    ) -> tuple[Copy, ...]:
        """Return the forms of differences: pairs of an object and a field, or None."""
        objects = {object_type for object_type, _ in names}
        left, right = comparison.left, comparison.right
        return _copies(
            name=_lines(dict.fromkeys(field or of for of, field in names)),
            command=self._command(
                "compare",
                left,
                *([right] if right != left else []),
                object=objects.pop() if len(objects) == 1 else None,
                at=_moment(comparison.left_at),
                right_at=_moment(comparison.right_at),
            ),
        )

    def fields(
        self,
        connection: str,
        rows: Sequence[FieldRow],
        *,
        mapped: Mapping[tuple[str, str], str] | None = None,
        at: datetime | None = None,
    ) -> tuple[Copy, ...]:
        """Return the forms of fields, as of `at`; `mapped` has mappings by object and field."""
        to = mapped or {}
        paths = [f"{row.object_type}.{row.name}" for row in rows]
        objects = dict.fromkeys(row.object_type for row in rows)
        place = paths[0] if len(rows) == 1 else next(iter(objects)) if len(objects) == 1 else None
        return _copies(
            name=_lines(row.name for row in rows),
            markdown=_table(
                ("Field", "Label", "Type", "Required", "Mapped"),
                [
                    (
                        path,
                        row.label,
                        row.native_type or row.type.value,
                        yes_no(row.required),
                        to.get((row.object_type, row.name), ""),
                    )
                    for path, row in zip(paths, rows, strict=True)
                ],
            ),
            message=_lines(
                f"{code(path)} {escape(row.label)}: {escape(row.native_type or row.type.value)}"
                f"{', required' if row.required else ''}"
                for path, row in zip(paths, rows, strict=True)
            )
            + f"\nin *{escape(connection)}*",
            command=self._command(
                "schema", connection, *([place] if place else []), at=_moment(at)
            ),
        )

    def changes(
        self, timeline: Timeline, entries: Sequence[ChangeEntry], title: str = ""
    ) -> tuple[Copy, ...]:
        """Return the forms of a change, or of a change group or a day with a `title`."""
        events = [entry.event for entry in entries]
        if not events:
            return ()
        names = [timeline.names.get(event.connection_id, event.connection_id) for event in events]
        objects = {event.object_type for event in events}
        since = min(event.detected_at for event in events)
        return _copies(
            name=_lines(dict.fromkeys(e.rule or e.field_name or e.object_type for e in events)),
            markdown=_table(
                (
                    "Detected",
                    "Connection",
                    "Field",
                    "Change",
                    "Severity",
                    "Changed by",
                    "Mapped to",
                ),
                [
                    (
                        f"{entry.event.detected_at:%Y-%m-%d}",
                        name,
                        place_of(entry.event),
                        entry.what,
                        entry.event.severity.value,
                        entry.event.changed_by or "",
                        ", ".join(entry.event.affected_mappings),
                    )
                    for name, entry in zip(names, entries, strict=True)
                ],
            ),
            message=_change_message(entries, names, title),
            command=self._command(
                "drift",
                *([names[0]] if len(set(names)) == 1 else []),
                object=objects.pop() if len(objects) == 1 else None,
                since=_moment(since),
            ),
        )

    def mapping_rows(
        self, connection: str, pair: str, rows: Sequence[MappingRow]
    ) -> tuple[Copy, ...]:
        """Return the forms of mappings; the command repeats their decisions."""
        mapped = [row.crm_field for row in rows if row.crm_field]
        decided = [
            (
                row.title,
                row.direction.arrow if row.crm_field else "",
                crm_text(row),
                percent(row.confidence) if row.confidence is not None else "",
                row.state.value,
                row_note(row),
            )
            for row in rows
        ]
        return _copies(
            name=_lines(mapped or [row.name for row in rows]),
            markdown=_table(("PartnerOS", "", "CRM field", "Match", "State", "Notes"), decided),
            message=f"*{escape(pair_text(pair))}* in *{escape(connection)}*\n"
            + _lines(_mapping_message(row) for row in rows),
            command=self._mapping_command(connection, pair, rows),
        )

    def finding(self, finding: Finding) -> tuple[Copy, ...]:
        """Return the forms of a finding; the command does its first step."""
        step = next(iter(finding.steps), None)
        name, next_step = finding.connection, step.text if step is not None else ""
        cells = (name, finding.urgency.value, finding.title, next_step)
        why = [f"> {escape(text)}" for text in (finding.cause, finding.effect, next_step) if text]
        return _copies(
            name=finding.title,
            markdown=_table(("Connection", "Urgency", "Finding", "Next step"), [cells]),
            message=_lines([f"*{escape(name)}*: {escape(finding.title)}", *why]),
            command=(step.command if step is not None else None) or self._command("findings", name),
        )

    def connection(self, status: ConnectionStatus) -> tuple[Copy, ...]:
        """Return the forms of a connection."""
        name, state = status.name, status.status.value
        return _copies(
            name=name,
            markdown=_table(("Connection", "Status"), [(name, state)]),
            message=f"*{escape(name)}*: {escape(state)}",
            command=self._command("status", name),
        )

    def audit_entry(self, entry: AuditEntry, connection: str) -> tuple[Copy, ...]:
        """Return the forms of an audit entry; `connection` is empty without one."""
        when = f"{entry.at:%Y-%m-%d %H:%M} UTC"
        return _copies(
            markdown=_table(
                ("Time", "User", "Event", "Connection", "Summary"),
                [(when, entry.actor, entry.event, connection, entry.summary)],
            ),
            message=f"*{escape(entry.actor)}*, {when}: {escape(entry.summary)} "
            f"({code(entry.event)})",
            command=self._command(
                "audit",
                *([connection] if connection else []),
                event=entry.event,
                since=_moment(entry.at),
                until=_moment(entry.at + timedelta(milliseconds=1)),
            ),
        )

    def decisions_command(
        self,
        connection: str,
        pair: str,
        decisions: Sequence[Decision],
        *,
        without_value_map: bool = False,
    ) -> str:
        """Return the command for the same decisions, empty if no command matches.

        `without_value_map`: one of them needs a value map and has none.
        """
        states = {one.state for one in decisions}
        if len(states) != 1 or any(one.undoes for one in decisions):
            return ""
        if not any(one.partner_field for one in decisions):
            names = [one.crm_field or "" for one in decisions]
            clear = DecisionState.PENDING in states
            return self._command("mapping filled", connection, pair, *names, clear=clear)
        directions = {one.direction for one in decisions}
        named = all(one.partner_field and one.crm_field and not one.value_map for one in decisions)
        if not named or len(directions) != 1:
            return ""
        picks = [f"{one.partner_field}={one.crm_field}" for one in decisions]
        if states == {DecisionState.ACCEPTED}:
            way = directions.pop().value
            return self._command(
                "mapping accept",
                connection,
                pair,
                *picks,
                direction=way,
                no_value_map=without_value_map,
            )
        rejected = states == {DecisionState.REJECTED}
        return self._command("mapping reject", connection, pair, *picks) if rejected else ""

    def acknowledging_command(self, event_ids: Sequence[str], note: str) -> str:
        """Return the command that acknowledges the same changes, empty if there are too many."""
        if len(event_ids) > _MOST_IDS:
            return ""
        return self._command("drift", acknowledge=event_ids, note=note or None)

    def _command(self, command: str, *arguments: str, **options: Option) -> str:
        return command_line(self._context, command, *arguments, **options)

    def _mapping_command(self, connection: str, pair: str, rows: Sequence[MappingRow]) -> str:
        rejected = [row for row in rows if row.state is DecisionState.REJECTED]
        wanted = [row for row in rows if row.crm_field and row not in rejected]
        if wanted and not rejected:
            directions = {row.direction.value for row in wanted}
            return self._command(
                "mapping accept",
                connection,
                pair,
                *(f"{row.name}={row.crm_field}" for row in wanted),
                direction=directions.pop() if len(directions) == 1 else None,
                no_value_map=any(row.needs_value_map for row in wanted),
            )
        if rejected and not wanted:
            return self._command(
                "mapping reject", connection, pair, *(row.name for row in rejected)
            )
        return self._command("mapping show", connection, pair)


def _copies(
    command: str,
    *,
    name: str = "",
    markdown: str = "",
    message: str = "",
) -> tuple[Copy, ...]:
    """Return the forms in the order in which the console offers them, without empty ones."""
    texts = {
        CopyKind.NAME: name,
        CopyKind.MARKDOWN: markdown,
        CopyKind.MESSAGE: message,
        CopyKind.COMMAND: command,
    }
    return tuple(Copy(kind, text) for kind, text in texts.items() if text)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a single row without a header, or a table of several rows."""
    drawn = [table_row(row) for row in rows]
    if len(rows) == 1:
        return drawn[0]
    return _lines([table_row(titles), "|" + " --- |" * len(titles), *drawn])


def _moment(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" if at is not None else None


def _change_message(entries: Sequence[ChangeEntry], names: Sequence[str], title: str) -> str:
    where = ", ".join(f"*{escape(name)}*" for name in dict.fromkeys(names))
    lines = [f"{where}: {escape(title) or 'the schema changed'}"]
    for entry in entries:
        event = entry.event
        sign = _SIGNS[event.severity]
        who = f", by {escape(event.changed_by)}" if event.changed_by else ""
        day = f"{event.changed_at or event.detected_at:%b %d %H:%M} UTC"
        lines.append(f"{sign} {code(place_of(event))} {escape(entry.what)}{who}, {day}")
        if event.reason:
            lines.append(f"> {escape(event.reason)}")
        if event.affected_mappings:
            lines.append(f"> mapped to {', '.join(map(code, event.affected_mappings))}")
    return _lines(lines)


def _mapping_message(row: MappingRow) -> str:
    arrow = f" {row.direction.arrow} {code(row.crm_field)}" if row.crm_field else ""
    known = row_note(row)
    notes = f", {escape(known)}" if known else ""
    return f"{escape(row.title)}{arrow or ': ' + escape(crm_text(row))} ({row.state.value}{notes})"
