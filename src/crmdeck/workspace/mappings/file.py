"""A mapping in a file: read, held against the schema in the cache, and planned before it is taken.

The file is what `crmdeck export NAME --what mapping` writes: one mapping or a list of them. Which
connection and object pair it is of stands in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from crmdeck.errors import ConflictError, UsageError
from crmdeck.mapping.review import Review
from crmdeck.mapping.validity import why_invalid
from crmdeck.model import (
    Choice,
    DecisionState,
    Direction,
    Field,
    FieldMapping,
    MappingLine,
    WireModel,
)
from crmdeck.text import mistake_text

VERSION = 1
_TOLD = 5
_PARTNER_FIELD = re.compile(r'"partnerField"\s*:\s*("(?:[^"\\]|\\.)*")')


class PlannedChange(WireModel):
    """One line that taking a file would change; `before` and `after` are CRM fields or None."""

    partner_field: str
    state: DecisionState
    before: str | None
    after: str | None
    direction: Direction | None = None


class MappingPlan(WireModel):
    """What taking a file would change; nothing where it all holds already.

    `choices` are what would be decided, `changes` the same as a reader sees it.
    """

    connection_id: str
    object_pair: str
    changes: tuple[PlannedChange, ...]
    choices: tuple[Choice, ...]
    unchanged: int


@dataclass(frozen=True)
class MappingFile:
    """The lines that a file has for one object pair, and whose it is."""

    pair: str
    connection_id: str | None
    connection: str | None
    choices: tuple[Choice, ...]
    lines: Mapping[str, int]
    """Where in the file each PartnerOS field stands, by name, from 1 on."""

    @classmethod
    def parse(cls, text: str, pair: str) -> MappingFile:
        """Return what the file has for `pair`; raises UsageError where it has nothing of it."""
        try:
            loaded: Any = json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise _not_a_mapping(pair, f"It is not JSON at {where}: {error.msg}.") from None
        except (ValueError, RecursionError) as error:
            raise _not_a_mapping(pair, f"It is not JSON: {error}.") from None
        mappings = [m for m in (loaded if isinstance(loaded, list) else [loaded]) if _is_one(m)]
        mine = [m for m in mappings if m["objectPair"] == pair]
        if not mine:
            held = ", ".join(str(m["objectPair"]) for m in mappings[:_TOLD]) or "no mapping at all"
            raise _not_a_mapping(pair, f"It holds {held}.")
        version = mine[0].get("version", VERSION)
        if version != VERSION:
            raise _not_a_mapping(pair, f"It is of version {version}, this crmdeck reads {VERSION}.")
        lines = _lines(text)
        choices, problems = [], []
        for number, line in enumerate(mine[0]["lines"], 1):
            try:
                if line.get("state") != DecisionState.PENDING:
                    choices.append(Choice.from_wire(line))
            except (ValueError, AttributeError) as error:
                at = lines.get(str(line.get("partnerField"))) if isinstance(line, dict) else None
                where = f"Line {at}" if at else f"Mapping {number}"
                problems.append(f"{where}: {_told(error)}.")
        if problems:
            raise _not_a_mapping(pair, " ".join(problems[:_TOLD]))
        whose, name = (_text(mine[0].get(key)) for key in ("connectionId", "connection"))
        return cls(pair, whose, name, tuple(choices), lines)

    def require_of(self, connection_id: str, name: str) -> None:
        """Raise ConflictError where the file is that of another connection."""
        if self.connection_id not in (None, connection_id):
            raise ConflictError(
                "This is the mapping of another connection.",
                cause=f"The file is of {self._whose()}, '{name}' is {connection_id}.",
                remedy=f"If that is what you want, say so: --to {name}",
                code="OTHER_CONNECTION",
            )

    def _whose(self) -> str:
        return (
            f"'{self.connection}', {self.connection_id}"
            if self.connection
            else str(self.connection_id)
        )

    def require_fit(self, choices: Sequence[Choice], review: Review) -> None:
        """Raise UsageError naming every one of its lines that can't hold against the schema.

        `choices` are those that are to be decided: a line that holds already and has broken
        since is no reason to refuse the others.
        """
        problems = list(self._problems(choices, review))
        if not problems:
            return
        missing = sorted(
            {
                choice.crm_field
                for choice in choices
                if choice.crm_field
                and choice.crm_field.endswith("__c")
                and choice.crm_field not in {field.name for field in review.crm_fields}
            }
        )
        more = f" And {len(problems) - _TOLD} more." if len(problems) > _TOLD else ""
        raise UsageError(
            f"{len(problems)} of its lines can't hold here; nothing was decided.",
            cause=" ".join(problems[:_TOLD]) + more,
            remedy="Create these in the CRM and refresh: " + ", ".join(missing) + "."
            if missing
            else "Correct the lines, or leave them out.",
            code="MAPPING_DOES_NOT_FIT",
        )

    def fresh(self, holding: FieldMapping) -> tuple[Choice, ...]:
        """Return the choices that do not hold already, so that a file can be taken twice."""
        lines = {line.partner_field: line for line in holding.lines}
        return tuple(
            choice for choice in self.choices if not _holds(choice, lines.get(choice.partner_field))
        )

    def _problems(self, choices: Sequence[Choice], review: Review) -> Iterator[str]:
        left = {field.name: field for field in review.partner.fields}
        right = {field.name: field for field in review.crm_fields}
        for choice in choices:
            why = _problem(choice, left, right, review)
            if why:
                line = self.lines.get(choice.partner_field)
                yield f"Line {line}: {why}" if line else why


def planned(
    connection_id: str, fresh: Sequence[Choice], holding: FieldMapping, count: int
) -> MappingPlan:
    """Return what deciding `fresh`, of `count` choices, would change of what holds."""
    lines = {line.partner_field: line for line in holding.lines}
    return MappingPlan(
        connection_id=connection_id,
        object_pair=holding.object_pair,
        changes=tuple(
            PlannedChange(
                partner_field=choice.partner_field,
                state=choice.state,
                before=lines[choice.partner_field].crm_field
                if choice.partner_field in lines
                else None,
                after=choice.crm_field if choice.state is DecisionState.ACCEPTED else None,
                direction=choice.direction,
            )
            for choice in fresh
        ),
        choices=tuple(fresh),
        unchanged=count - len(fresh),
    )


def _problem(
    choice: Choice, left: Mapping[str, Field], right: Mapping[str, Field], review: Review
) -> str | None:
    partner_field = left.get(choice.partner_field)
    if partner_field is None:
        return f"PartnerOS has no field '{choice.partner_field}' there."
    if choice.state is not DecisionState.ACCEPTED:
        return None
    if not choice.crm_field:
        return f"{choice.partner_field} is accepted without a CRM field."
    crm_field = right.get(choice.crm_field)
    if crm_field is None:
        return f"The CRM has no field '{choice.crm_field}'."
    return why_invalid(partner_field, crm_field, choice.direction, choice.value_map, review)


def _holds(choice: Choice, line: MappingLine | None) -> bool:
    return line is not None and (line.state, line.crm_field, line.direction, line.value_map) == (
        choice.state,
        choice.crm_field,
        choice.direction or line.direction,
        choice.value_map,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_one(value: object) -> bool:
    return (
        isinstance(value, dict) and "objectPair" in value and isinstance(value.get("lines"), list)
    )


def _told(error: Exception) -> str:
    """Return in words what is wrong with one line of a file."""
    if not isinstance(error, ValidationError):
        return "it is no object" if isinstance(error, AttributeError) else str(error)
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where} {mistake_text(first)}"


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    line, last = 1, 0
    for match in _PARTNER_FIELD.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        found.setdefault(json.loads(match[1]), line)
    return found


def _not_a_mapping(pair: str, cause: str) -> UsageError:
    return UsageError(
        f"This is not a mapping of {pair}.",
        cause=cause,
        remedy="Give the JSON that crmdeck export NAME --what mapping wrote.",
        code="BAD_MAPPING_FILE",
    )
