"""Exports: what is cached, as records in a format, and a mapping read back."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from crmdeck.errors import UsageError
from crmdeck.exports import COLUMNS, export, write_atomically
from crmdeck.exports import FORMATS as FORMATS
from crmdeck.model import Decision, ObjectPair, WireModel
from crmdeck.workspace.auditing import Auditing
from crmdeck.workspace.browsing import Browsing, never_discovered
from crmdeck.workspace.deciding import Choice, Deciding
from crmdeck.workspace.drifting import Drifting
from crmdeck.workspace.health import Health
from crmdeck.workspace.keeping import Named, keep

EXPORTS = tuple(COLUMNS)
_OF_A_MOMENT = ("objects", "schema", "comparison", "differences")
_OF_OBJECTS = ("schema", "comparison", "differences", "drift")
_OF_TWO_SIDES = ("comparison", "differences")


class Exporting(Health, Browsing, Drifting, Deciding, Auditing):
    """Handing results over."""

    def export(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        pair: str | None = None,
        only: Collection[Named] | None = None,
        at: datetime | None = None,
        right: str | None = None,
        right_at: datetime | None = None,
        object_type: str | None = None,
    ) -> str:
        """Return what is cached as text in a format; `what` is one of `EXPORTS`.

        `mapping` takes one object pair, or all that were decided on. `objects` and `schema` are
        as of `at`. `comparison` (by object type) and `differences` (by field) hold `ref` as of
        `at` against `right` (else `ref` itself) as of `right_at`. `object_type` leaves one of
        schema, drift and comparisons. `only` keeps the records that
        are named: connections, drift events and audit entries by id, object types and PartnerOS
        fields by name, the fields of `schema` as (object type, name), `differences` as (object
        type, field name, attribute), empty where there is none. Raises UsageError for what
        there is not, or for what does not go together.
        """
        if format not in FORMATS:
            raise UsageError(
                f"There is no format '{format}'.", remedy="Use one of: " + ", ".join(FORMATS) + "."
            )
        if what not in EXPORTS:
            raise UsageError(
                f"There is no export '{what}'.", remedy="Use one of: " + ", ".join(EXPORTS) + "."
            )
        _refuse_what_does_not_go_together(what, pair, at, right, right_at, object_type)
        if what in _OF_TWO_SIDES:
            left = _needed(what, ref)
            data: WireModel | Sequence[WireModel] = self.compare(
                left, right or left, left_at=at, right_at=right_at, object_type=object_type
            )
        else:
            data = self._exported(what, ref, pair, at, object_type)
        return export(what, data if only is None else keep(data, only), format)

    def export_file(self, path: Path, what: str, ref: str | None = None, **options: Any) -> None:
        """Write an export to a file, whole or not at all, readable by its owner only.

        `options` are those of `export`.
        """
        write_atomically(path, self.export(what, ref, **options))

    def apply(self, ref: str, pair: str, text: str) -> tuple[Decision, ...]:
        """Decide as an exported mapping (JSON) says; lines that hold already are left alone.

        Raises UsageError where the text is no mapping of that pair.
        """
        choices = _choices(text, pair)
        holding = {line.partner_field: line for line in self.mapping(ref, pair).lines}
        fresh = [
            choice
            for choice in choices
            if (line := holding.get(choice.partner_field)) is None
            or (line.state, line.crm_field, line.direction, line.value_map)
            != (choice.state, choice.crm_field, choice.direction, choice.value_map)
        ]
        return self.decide(ref, pair, fresh) if fresh else ()

    def _exported(
        self,
        what: str,
        ref: str | None,
        pair: str | None,
        at: datetime | None,
        object_type: str | None,
    ) -> WireModel | Sequence[WireModel]:
        match what:
            case "health":
                return self.status(ref) if ref else self.statuses()
            case "drift":
                return self.drift(ref, object_type=object_type)
            case "audit":
                return self.audit(ref)
        name = _needed(what, ref)
        match what:
            case "objects":
                return self.objects(name, at)
            case "schema" if object_type is not None:
                return self.schema(name, object_type, at)
            case "schema":
                return self._all_schemas(name, at)
        pairs = [pair] if pair else [p.object_pair for p in self.pairs(name)]
        mappings = [self.mapping(name, one) for one in pairs]
        return mappings[0] if pair else mappings

    def _all_schemas(self, ref: str, at: datetime | None) -> tuple[WireModel, ...]:
        connection = self.connection(ref)
        details = self.schemas(connection.id, at)
        if not details:
            raise never_discovered(connection, at)
        return details


def _needed(what: str, ref: str | None) -> str:
    if ref is None:
        raise UsageError(f"Exporting {what} needs a connection.", remedy="Name one.")
    return ref


def _refuse_what_does_not_go_together(
    what: str,
    pair: str | None,
    at: datetime | None,
    right: str | None,
    right_at: datetime | None,
    object_type: str | None,
) -> None:
    if pair is not None and what != "mapping":
        raise UsageError(
            f"Exporting {what} takes no object pair.", remedy="Leave it out, or export mapping."
        )
    if object_type is not None and what not in _OF_OBJECTS:
        raise UsageError(
            f"Exporting {what} takes no object.",
            remedy="Leave it out, or export one of: " + ", ".join(_OF_OBJECTS) + ".",
        )
    if at is not None and what not in _OF_A_MOMENT:
        raise UsageError(
            f"Exporting {what} takes no moment.",
            remedy="Leave it out, or export one of: " + ", ".join(_OF_A_MOMENT) + ".",
        )
    if what in _OF_TWO_SIDES and right is None and at == right_at:
        raise UsageError(
            "A comparison needs two sides.",
            remedy="Name another connection, or a moment of this one.",
        )
    if what not in _OF_TWO_SIDES and (right, right_at) != (None, None):
        raise UsageError(
            f"Exporting {what} has no right side.",
            remedy="Leave it out, or export one of: " + ", ".join(_OF_TWO_SIDES) + ".",
        )


def _choices(text: str, pair: str) -> list[Choice]:
    try:
        loaded: Any = json.loads(text)
    except ValueError as error:
        raise _not_a_mapping(pair, f"It is not JSON: {error}.") from None
    mappings = loaded if isinstance(loaded, list) else [loaded]
    mine = [m for m in mappings if isinstance(m, dict) and m.get("objectPair") == pair]
    if not mine or not isinstance(mine[0].get("lines"), list):
        raise _not_a_mapping(pair, f"It has no lines for {ObjectPair.parse(pair)}.")
    try:
        return [
            Choice.from_wire(line) for line in mine[0]["lines"] if line.get("state") != "pending"
        ]
    except (ValueError, AttributeError) as error:
        raise _not_a_mapping(pair, str(error)) from None


def _not_a_mapping(pair: str, cause: str) -> UsageError:
    return UsageError(
        f"This is no mapping of {pair}.",
        cause=cause,
        remedy="Give the JSON that crmdeck export NAME --what mapping wrote.",
        code="BAD_MAPPING_FILE",
    )
