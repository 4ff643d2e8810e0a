"""A mapping as a file: parsed, compared with the cached schema, and planned.

`crmdeck export NAME --what mapping` writes such a file as JSON: one mapping, or a list of them,
each with its connection and object pair. See `sheet` for the file that people sign off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from crmdeck.errors import ConflictError, UsageError
from crmdeck.files import parse_json
from crmdeck.formats.document import SchemaFile, to_text
from crmdeck.mapping.review import Review
from crmdeck.mapping.validity import why_invalid
from crmdeck.matching.evidence import Example
from crmdeck.model import Choice, DecisionState, Direction, Field, FieldMapping, WireModel
from crmdeck.text import count, first_few, mistake_text
from crmdeck.workspace.mappings.sheet import SheetRow, is_sheet, read_sheet

VERSION = 1
_NAMED = 5
# json has no line numbers of values: users need them in files with hundreds of rows.
_PARTNER_FIELD = re.compile(r'"partnerField"\s*:\s*("(?:[^"\\]|\\.)*")')


class PlannedChange(WireModel):
    """One change that a file would make; `before` and `after` are CRM fields or None."""

    partner_field: str
    state: DecisionState
    before: str | None
    after: str | None
    direction: Direction | None = None


class MappingPlan(WireModel):
    """What applying a file would change; `choices` are the decisions behind `changes`."""

    connection_id: str
    object_pair: str
    changes: tuple[PlannedChange, ...]
    choices: tuple[Choice, ...]
    unchanged: int


@dataclass(frozen=True)
class MappingFile:
    """The choices in a file for one object pair, with the connection that it belongs to."""

    pair: str
    connection_id: str | None
    connection: str | None
    choices: tuple[Choice, ...]
    places: Mapping[str, str]
    """Line or cell in the file by PartnerOS field."""
    rows: tuple[SheetRow, ...] = ()
    """The rows behind the choices, if the file is a sheet."""

    @classmethod
    def parse(cls, data: str | bytes, pair: str) -> MappingFile:
        """Return the choices in a file for `pair`; raises UsageError if there are none."""
        # A lone surrogate becomes bytes that `to_text` rejects, with a message for the user.
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        if is_sheet(raw):
            sheet = read_sheet(raw, pair)
            return cls(
                pair,
                None,
                sheet.connection,
                tuple(row.choice for row in sheet.rows),
                {row.choice.partner_field: f"Cell {row.cell}" for row in sheet.rows},
                sheet.rows,
            )
        text = to_text(SchemaFile("The file", raw), raw)
        mappings = _mappings(text, pair)
        mapping = next((one for one in mappings if one["objectPair"] == pair), None)
        if mapping is None:
            found = ", ".join(str(one["objectPair"]) for one in mappings[:_NAMED])
            raise _not_a_mapping(pair, f"The file contains {found or 'no mapping'}.")
        version = mapping.get("version", VERSION)
        if version != VERSION:
            raise _not_a_mapping(
                pair, f"The file has version {version}; this crmdeck reads version {VERSION}."
            )
        lines = _line_numbers(text)
        # Collected, so that a user can correct all of them at once.
        choices, problems = [], []
        for number, line in enumerate(mapping["lines"], 1):
            try:
                if not isinstance(line, dict):
                    raise ValueError("not an object")
                if line.get("state") != DecisionState.PENDING:
                    choices.append(Choice.from_wire(line))
            except ValueError as error:
                at = lines.get(str(line.get("partnerField"))) if isinstance(line, dict) else None
                where = f"Line {at}" if at else f"Mapping {number}"
                problems.append(f"{where}: {_reason(error)}.")
        filled = mapping.get("filledElsewhere", [])
        if not isinstance(filled, list) or not all(isinstance(one, str) for one in filled):
            problems.append("filledElsewhere isn't a list of CRM fields.")
        else:
            values = mapping.get("filledWith", {})
            rejected = DecisionState.REJECTED
            if not isinstance(values, dict) or not all(
                key in filled and isinstance(one, str) for key, one in values.items()
            ):
                problems.append("filledWith isn't an object of values by filled CRM field.")
                values = {}
            choices += [
                Choice(partner_field="", state=rejected, crm_field=one, filled_with=values.get(one))
                for one in filled
            ]
        if problems:
            raise _not_a_mapping(pair, " ".join(problems[:_NAMED]))
        key, name = mapping.get("connectionId"), mapping.get("connection")
        if not (isinstance(key, str | None) and isinstance(name, str | None)):
            raise _not_a_mapping(pair, "Its connectionId or connection isn't text.")
        return cls(
            pair,
            key,
            name,
            tuple(choices),
            {name: f"Line {number}" for name, number in lines.items()},
        )

    def require_of(self, connection_id: str, name: str) -> None:
        """Raise ConflictError if the file belongs to another connection."""
        # A sheet names its connection without the ID.
        if self.connection_id == connection_id or (
            self.connection_id is None and self.connection in (None, name)
        ):
            return
        owner = ", ".join(
            part
            for part in (self.connection and f"'{self.connection}'", self.connection_id)
            if part
        )
        raise ConflictError(
            "This file is the mapping of another connection.",
            cause=f"The file belongs to {owner}; '{name}' is {connection_id}.",
            remedy=f"To apply the file anyway, add --to {name}",
            code="OTHER_CONNECTION",
        )

    def require_unchanged(self, current: FieldMapping, choices: Sequence[Choice]) -> None:
        """Raise ConflictError if mappings of `choices` changed since the export of a sheet."""
        lines = {line.partner_field: line for line in current.lines}
        changed = [
            f"{row.cell} ({row.choice.partner_field})"
            for row in self.rows
            if row.choice in choices and row.has_changed(lines.get(row.choice.partner_field))
        ]
        if changed:
            raise ConflictError(
                f"{count(len(changed), 'mapping')} changed since the export, so crmdeck applied "
                "none of the file.",
                cause=f"Changed since: {first_few(changed, _NAMED)}.",
                remedy="Export the sheet again and copy the decisions, or add --overwrite",
                code="MAPPING_CHANGED_SINCE",
            )

    def changes(self, current: FieldMapping) -> tuple[Choice, ...]:
        """Return the choices that aren't active yet, so that a file can be applied twice."""
        lines = {line.partner_field: line for line in current.lines}

        def active(choice: Choice) -> bool:
            if not choice.partner_field:
                return (
                    choice.crm_field in current.filled_elsewhere
                    and choice.filled_with == current.filled_with.get(choice.crm_field)
                )
            line = lines.get(choice.partner_field)
            # A rejected CRM field stays rejected while another one is accepted.
            if line is not None and choice.state is DecisionState.REJECTED and choice.crm_field:
                return choice.crm_field in line.rejected and choice.crm_field != line.crm_field
            return line is not None and (
                (line.state, line.crm_field, line.direction, line.value_map)
                == (
                    choice.state,
                    choice.crm_field,
                    choice.direction or line.direction,
                    choice.value_map,
                )
            )

        return tuple(choice for choice in self.choices if not active(choice))

    def require_fit(self, choices: Sequence[Choice], review: Review, connection: str) -> None:
        """Raise UsageError with every choice that the cached schema doesn't allow.

        `choices` are those to record: a mapping that is already active and broken doesn't count.
        """
        problems = list(self._problems(choices, review))
        if not problems:
            return
        known = {field.name for field in review.crm_fields}
        missing = sorted(
            {
                choice.crm_field
                for choice in choices
                if choice.crm_field
                and choice.crm_field.endswith("__c")
                and choice.crm_field not in known
            }
        )
        more = f" And {len(problems) - _NAMED} more." if len(problems) > _NAMED else ""
        raise UsageError(
            f"{count(len(problems), 'mapping')} in the file can't be applied. Nothing was changed.",
            cause=" ".join(problems[:_NAMED]) + more,
            remedy=f"Create {', '.join(missing)} in the CRM, then run crmdeck refresh {connection}"
            if missing
            else "Correct these mappings, or remove them from the file.",
            code="MAPPING_DOES_NOT_FIT",
        )

    def _problems(self, choices: Sequence[Choice], review: Review) -> Iterator[str]:
        left = {field.name: field for field in review.partner.fields}
        right = {field.name: field for field in review.crm_fields}
        for choice in choices:
            why: str | None = None
            if not choice.partner_field:
                if choice.crm_field not in right:
                    yield f"The CRM has no field '{choice.crm_field}'."
                continue
            partner_field = left.get(choice.partner_field)
            if partner_field is None:
                why = f"PartnerOS has no field '{choice.partner_field}'."
            elif choice.state is DecisionState.ACCEPTED:
                if not choice.crm_field:
                    why = f"{choice.partner_field} is accepted without a CRM field."
                elif choice.crm_field not in right:
                    why = f"The CRM has no field '{choice.crm_field}'."
                else:
                    crm_field = right[choice.crm_field]
                    why = why_invalid(
                        partner_field,
                        crm_field,
                        choice.direction,
                        choice.value_map,
                        review.knowledge,
                    )
            if why:
                place = self.places.get(choice.partner_field)
                yield f"{place}: {why}" if place else why


def accepted_pairs(text: str) -> tuple[Example, ...]:
    """Return the accepted field pairs of all mappings in a file; raises UsageError."""
    found = []
    for mapping in _mappings(text, ""):
        place = _text(mapping.get("connection")) or str(mapping["objectPair"])
        for line in mapping["lines"]:
            try:
                choice = Choice.from_wire(line)
            except ValueError as error:
                raise _not_a_mapping("", f"{place}: {_reason(error)}.") from None
            if choice.state is DecisionState.ACCEPTED and choice.crm_field:
                left = Field(name=choice.partner_field, label=_text(line.get("label")) or "")
                found.append(Example(left, Field(name=choice.crm_field), place))
    if not found:
        raise _not_a_mapping("", "The file contains no accepted mapping.")
    return tuple(found)


def _mappings(text: str, pair: str) -> list[dict[str, Any]]:
    try:
        loaded = parse_json(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _not_a_mapping(pair, f"The file isn't JSON at {where}: {error.msg}.") from None
    except ValueError as error:
        raise _not_a_mapping(pair, f"The file isn't JSON: {error}.") from None
    return [
        one
        for one in (loaded if isinstance(loaded, list) else [loaded])
        if isinstance(one, dict) and "objectPair" in one and isinstance(one.get("lines"), list)
    ]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where} {mistake_text(first)}"


def _line_numbers(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    line, last = 1, 0
    for match in _PARTNER_FIELD.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        found.setdefault(json.loads(match[1]), line)
    return found


def _not_a_mapping(pair: str, cause: str) -> UsageError:
    return UsageError(
        f"This isn't a mapping of {pair}." if pair else "This isn't a mapping.",
        cause=cause,
        remedy="Use a file written by crmdeck export NAME --what mapping",
        code="BAD_MAPPING_FILE",
    )
