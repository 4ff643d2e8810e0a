"""Exports: what is cached, as records in a format, and a mapping read back."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from crmdeck.errors import UsageError
from crmdeck.exports import FORMATS, export, write_atomically
from crmdeck.model import (
    Decision,
    DriftReport,
    Mapping,
    ObjectDetail,
    ObjectPair,
    WireModel,
)
from crmdeck.workspace.auditing import Auditing
from crmdeck.workspace.browsing import Browsing, never_discovered
from crmdeck.workspace.deciding import Choice, Deciding
from crmdeck.workspace.drifting import Drifting
from crmdeck.workspace.health import Health

EXPORTS = ("health", "schema", "drift", "mapping", "audit")


class Exporting(Health, Browsing, Drifting, Deciding, Auditing):
    """Handing results over."""

    def export(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        pair: str | None = None,
        only: Collection[str] | None = None,
    ) -> str:
        """Return health, schema, drift, mapping or audit as text in a format.

        `mapping` takes one object pair, or all that were decided on. `only` keeps the records
        that are named: connections, drift events and audit entries by id, object types and
        PartnerOS fields by name. Raises UsageError for a kind or a format that there is not.
        """
        if format not in FORMATS:
            raise UsageError(
                f"There is no format '{format}'.", remedy="Use one of: " + ", ".join(FORMATS) + "."
            )
        if pair is not None and what != "mapping":
            raise UsageError(
                f"Exporting {what} takes no object pair.", remedy="Leave it out, or export mapping."
            )
        data = self._exported(what, ref, pair)
        return export(what, data if only is None else _keep(data, only), format)

    def export_file(
        self,
        path: Path,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        pair: str | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        """Write an export to a file, whole or not at all, readable by its owner only."""
        write_atomically(path, self.export(what, ref, format=format, pair=pair, only=only))

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
        self, what: str, ref: str | None, pair: str | None
    ) -> WireModel | Sequence[WireModel]:
        match what:
            case "health":
                return self.status(ref) if ref else self.statuses()
            case "drift":
                return self.drift(ref)
            case "audit":
                return self.audit(ref)
            case "schema" | "mapping" if ref is None:
                raise UsageError(f"Exporting {what} needs a connection.", remedy="Name one.")
            case "schema":
                return self._all_schemas(str(ref))
            case "mapping":
                pairs = [pair] if pair else [p.object_pair for p in self.pairs(str(ref))]
                mappings = [self.mapping(str(ref), one) for one in pairs]
                return mappings[0] if pair else mappings
        raise UsageError(
            f"There is no export '{what}'.", remedy="Use one of: " + ", ".join(EXPORTS) + "."
        )

    def _all_schemas(self, ref: str) -> tuple[WireModel, ...]:
        connection = self.connection(ref)
        details = self.schemas(connection.id)
        if not details:
            raise never_discovered(connection)
        return details


def _keep(
    data: WireModel | Sequence[WireModel], only: Collection[str]
) -> WireModel | Sequence[WireModel]:
    match data:
        case DriftReport():
            events = tuple(event for event in data.events if event.id in only)
            told = {event.story for event in events}
            stories = tuple(story for story in data.stories if story.id in told)
            return DriftReport(events=events, stories=stories)
        case Mapping():
            lines = tuple(line for line in data.lines if line.partner_field in only)
            return data.model_copy(update={"lines": lines})
        case WireModel():
            return data
    return [record for record in data if _key(record) in only]


def _key(record: WireModel) -> str:
    name = "object_type" if isinstance(record, ObjectDetail) else "id"
    return str(getattr(record, name, ""))


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
