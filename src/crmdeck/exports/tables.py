"""Records as the rows of tables.

Columns have wire names; new ones are added at the end. Rows are: for `health` connections with
statistics and quota; for `objects` objects; for `schema` fields; for `comparison` objects that
differ, with counts; for `differences` attributes of fields that differ, and fields of one side
only; for `drift` changes; for `mapping` PartnerOS fields; for `audit` entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from crmdeck.errors import UsageError
from crmdeck.formats.exported import OBJECT_DETAILS
from crmdeck.model import (
    Comparison,
    ConnectionStatus,
    DriftReport,
    FieldDifference,
    FieldMapping,
    ObjectDetail,
    ObjectSchema,
    SchemaSummary,
    Side,
    WireModel,
)

Exportable: TypeAlias = WireModel | Iterable[WireModel]
Record: TypeAlias = dict[str, Any]

# Spreadsheets and scripts read columns by position too, so a new one comes last.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "health": (
            "id",
            "name",
            "platform",
            "source",
            "status",
            "instanceUrl",
            "apiVersion",
            "lastSyncAt",
            "lastErrorAt",
            "lastErrorCode",
            "lastErrorMessage",
            "lastErrorRemedy",
            "createdAt",
            "objectCount",
            "fieldCount",
            "customFieldCount",
            "staleObjectCount",
            "failedObjectCount",
            "lastDiscoveredAt",
            "nextExpiryAt",
            "quotaUsed",
            "quotaLimit",
            "quotaWindow",
            "quotaObservedAt",
            "findings",
            "tokenExpiresAt",
            "tokenRenewed",
            "tokenUrgency",
            "quotaUrgency",
            "tokenUsedAt",
            "tokenRotatedAt",
            "endings",
            "openCount",
            "openBreaking",
            "openRisky",
            "openSeverity",
        ),
        "objects": (
            "objectType",
            "label",
            "custom",
            "fieldCount",
            "schemaHash",
            "discoveredAt",
            "expiresAt",
            "isStale",
        ),
        "schema": (
            "objectType",
            "name",
            "label",
            "type",
            "nativeType",
            "description",
            "required",
            "readable",
            "createable",
            "updateable",
            "unique",
            "externalId",
            "calculated",
            "formula",
            "custom",
            "length",
            "precision",
            "scale",
            "picklist",
            "restricted",
            "references",
            "compound",
            "default",
            "group",
            "archived",
            "native",
            "nillable",
            "relationshipName",
            "filterable",
            "idLookup",
            "encrypted",
            "caseSensitive",
            "autoNumber",
            "controller",
            "allowedValues",
            "typeExact",
            "valueSet",
            "childRelationship",
            "deleteConstraint",
            "lookupFilter",
            "reparentable",
            "writeRequiresMasterRead",
            "rollup",
            "blanksAsZero",
            "displayFormat",
            "defaultIsFormula",
            "objectLabel",
            "objectCustom",
            "objectDetails",
            "internalNote",
            "syncUser",
        ),
        "comparison": (
            "objectType",
            "label",
            "side",
            "fieldCount",
            "leftOnly",
            "rightOnly",
            "differing",
            "left",
            "leftAt",
            "right",
            "rightAt",
            "severity",
        ),
        "differences": (
            "objectType",
            "fieldName",
            "label",
            "side",
            "attribute",
            "leftValue",
            "rightValue",
            "left",
            "leftAt",
            "right",
            "rightAt",
        ),
        "drift": (
            "id",
            "connectionId",
            "objectType",
            "fieldName",
            "kind",
            "severity",
            "reason",
            "changes",
            "renameOf",
            "story",
            "affectedMappings",
            "detectedAt",
            "acknowledgedAt",
            "acknowledgedBy",
            "note",
            "changedBy",
            "changedAt",
            "attribution",
            "rule",
            "connection",
            "storyTitle",
        ),
        "mapping": (
            "connectionId",
            "objectPair",
            "partnerField",
            "label",
            "state",
            "crmField",
            "direction",
            "valueMap",
            "decidedBy",
            "decidedAt",
            "rejected",
            "drift",
            "connection",
            "driftSummary",
        ),
        "audit": (
            *("id", "at", "actor", "dbUser", "event", "connectionId", "summary", "details"),
            "connection",
        ),
    }
)


# Parquet fixes the type of a column before its first row, whose value may be missing.
_FLAGS = frozenset(
    {
        *("custom", "objectCustom", "isStale", "tokenRenewed", "required", "readable"),
        *("createable", "updateable", "unique", "externalId", "calculated", "restricted"),
        *("archived", "nillable", "filterable", "idLookup", "encrypted", "caseSensitive"),
        *("autoNumber", "typeExact", "reparentable", "writeRequiresMasterRead", "blanksAsZero"),
        "defaultIsFormula",
    }
)
_NUMBERS = frozenset(
    {
        *("objectCount", "fieldCount", "customFieldCount", "staleObjectCount"),
        *("failedObjectCount", "quotaUsed", "quotaLimit", "openCount", "openBreaking"),
        *("openRisky", "length", "precision", "scale", "leftOnly", "rightOnly", "differing"),
    }
)


def column_types(what: str) -> dict[str, str]:
    """Return the SQL type of each column of a table, whatever its data; raises UsageError.

    Times, lists and objects are text.
    """
    return {
        name: "BOOLEAN" if name in _FLAGS else "BIGINT" if name in _NUMBERS else "VARCHAR"
        for name in columns_for(what)
    }


def records(
    what: str, data: Exportable, names: Mapping[str, str] | None = None
) -> Iterator[Record]:
    """Yield the rows of `data` with the columns of `COLUMNS[what]`; raises UsageError.

    `data` is one record or several: ConnectionStatus for `health`, SchemaSummary or ObjectSummary
    for `objects`, ObjectDetail or ObjectSchema for `schema`, Comparison for `comparison` and
    `differences`, DriftReport or DriftEvent for `drift`, FieldMapping for `mapping`, AuditEntry
    for `audit`. `names` are the names of connections by ID.
    """
    columns = columns_for(what)
    items = (data,) if isinstance(data, WireModel) else data
    for item in items:
        for row in _rows(item, what):
            row["connection"] = (names or {}).get(row.get("connectionId") or "")
            yield {name: row.get(name) for name in columns}


def named(record: WireModel, names: Mapping[str, str]) -> Record:
    """Return a record in the API format, with the name of each connection after its ID."""
    return _named(record.to_wire(), names)


def _named(wire: Record, names: Mapping[str, str]) -> Record:
    found: Record = {}
    for key, value in wire.items():
        if key == "connectionId":
            found |= {key: value, "connection": names.get(value or "")}
        elif key in ("events", "stories"):
            found[key] = [_named(each, names) for each in value]
        elif key != "connection":
            found[key] = value
    return found


def columns_for(what: str) -> tuple[str, ...]:
    """Return the columns of the table `what`; raises UsageError for another word."""
    if what not in COLUMNS:
        raise UsageError(
            f"No export named '{what}'.",
            remedy=f"Use one of: {', '.join(COLUMNS)}",
            code="BAD_EXPORT",
        )
    return COLUMNS[what]


def _rows(item: WireModel, what: str) -> Iterator[Record]:
    match item:
        case SchemaSummary():
            for summary in item.objects:
                yield summary.to_wire()
        case Comparison():
            yield from _differences(item) if what == "differences" else _compared_objects(item)
        case ConnectionStatus():
            yield _health(item)
        case ObjectDetail():
            yield from _exported(item)
        case ObjectSchema():
            for field in item.fields:
                yield {"objectType": item.object_type, **field.to_wire()}
        case DriftReport():
            titles = {story.id: story.title for story in item.stories}
            for event in item.events:
                yield event.to_wire() | {"storyTitle": titles.get(event.story or "")}
        case FieldMapping():
            pair = {"connectionId": item.connection_id, "objectPair": item.object_pair}
            for line in item.lines:
                yield pair | line.to_wire()
        case _:
            yield item.to_wire()


def _exported(item: ObjectDetail) -> Iterator[Record]:
    """Yield one row per field; the first row has the details of the object.

    An object without fields is a row without a name.
    """
    wire = item.model_copy(update={"fields": ()}).to_wire()
    details = {name: wire[name] for name in OBJECT_DETAILS if wire[name] is not None}
    row: Record = {
        "objectType": item.object_type,
        "objectLabel": item.label,
        "objectCustom": item.custom,
    }
    first: Record = {"objectDetails": details}
    for field in item.fields or (None,):
        yield row | (field.to_wire() if field else {}) | first
        # Only once: repeated with each field, the details would be most of the file.
        first = {}


def _health(status: ConnectionStatus) -> Record:
    row = status.to_wire()
    quota = status.quota.to_wire() if status.quota else {}
    prefixed = {f"quota{key[:1].upper()}{key[1:]}": value for key, value in quota.items()}
    still = status.open_changes
    row |= {
        "openCount": still.count,
        "openBreaking": still.breaking,
        "openRisky": still.risky,
        "openSeverity": still.severity,
    }
    row |= status.schema_stats.to_wire()
    row |= prefixed
    return row


def _compared_objects(comparison: Comparison) -> Iterator[Record]:
    sides = _sides(comparison)
    for one in comparison.objects:
        found = Counter(field.side for field in one.fields)
        yield {
            "objectType": one.object_type,
            "label": one.label,
            "side": one.side,
            "fieldCount": one.field_count,
            "leftOnly": found[Side.LEFT],
            "rightOnly": found[Side.RIGHT],
            "differing": found[Side.BOTH],
            **sides,
            "severity": one.severity,
        }


def _differences(comparison: Comparison) -> Iterator[Record]:
    """Yield one row per attribute; the object comes first, without a field name."""
    sides = _sides(comparison)
    for one in comparison.objects:
        itself = one.changes or one.side is not Side.BOTH
        whole = FieldDifference(field_name="", label=one.label, side=one.side, changes=one.changes)
        for field in (*((whole,) if itself else ()), *one.fields):
            for change in field.changes or (None,):
                yield {
                    "objectType": one.object_type,
                    "fieldName": field.field_name or None,
                    "label": field.label,
                    "side": field.side,
                    "attribute": change.attribute if change else None,
                    "leftValue": change.before if change else None,
                    "rightValue": change.after if change else None,
                    **sides,
                }


def _sides(comparison: Comparison) -> Record:
    return {
        "left": comparison.left,
        "leftAt": comparison.left_at,
        "right": comparison.right,
        "rightAt": comparison.right_at,
    }
