"""Fields: found by what they mean, and what breaks if one is changed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from crmdeck.drift.impact import (
    mapping_effects,
    relations_of,
    require_length,
    schema_effects,
    usage_effects,
    worst_first,
)
from crmdeck.mapping.state import accepted_fields
from crmdeck.model import (
    Effect,
    FieldChange,
    FieldUsage,
    Impact,
    ObjectPair,
    ObjectSchema,
    RuleKind,
    Severity,
    SnapshotInfo,
)
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection, not_found
from crmdeck.workspace.explore.schemas import parts_of
from crmdeck.workspace.knowledge import load_catalog
from crmdeck.workspace.snapshots import find_snapshot

if TYPE_CHECKING:
    from crmdeck.workspace.explore.meaning import FoundFields

_ANSWER_AGES = timedelta(days=1)


class Fields:
    """The CRM fields of all connections, for questions about one of them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def impact(
        self,
        ref: str,
        object_type: str,
        field_name: str,
        change: FieldChange = FieldChange.REMOVED,
    ) -> Impact:
        """Return the effects of renaming, removing or shortening a CRM field.

        Searches the mappings of all pairs, the rules and fields of all objects, and the last
        answer of `schemas.usage`, without asking the CRM. Raises NotFoundError,
        SchemaNotDiscoveredError, and UsageError for a field that has no length to shorten.
        """
        catalog = load_catalog(self._context.home)
        target = (object_type, field_name)
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            snapshot = find_snapshot(session, connection, object_type)
            fields = {field.name: field for field in snapshot.fields}
            if field_name not in fields:
                raise not_found("field", field_name, sorted(fields))
            require_length(fields[field_name], change)
            current = session.snapshots.current(connection.id)
            usage = session.usages.all(connection.id).get((connection.id, *target))
            mapped = [
                one
                for one in accepted_fields(session.decisions.log(connection.id))
                if (one.crm_object, one.crm_field) == target
            ]
        partner_fields = {
            (one.object_pair, field.name): field
            for one in mapped
            if (partner := catalog.get(ObjectPair.parse(one.object_pair).partner_object))
            is not None
            for field in partner.fields
        }
        schemas, hidden = _searched(self._context, current)
        relations = {each.object_type: relations_of(each) for each in schemas}
        effects: list[Effect] = mapping_effects(change, mapped, partner_fields)
        for schema in schemas:
            effects += schema_effects(change, target, schema, relations)
        if usage is not None:
            effects += usage_effects(change, usage, effects)
        found = worst_first(effects)
        return Impact(
            connection=connection.name,
            object_type=object_type,
            field_name=field_name,
            change=change,
            severity=Severity.worst([each.severity for each in found]) if found else None,
            effects=found,
            not_checked=_not_checked(
                self._context, connection.name, snapshot.info, field_name, schemas, hidden, usage
            ),
        )

    def find(self, meaning: str, *refs: str) -> FoundFields:
        """Return the fields that mean `meaning`, of the connections `refs` or of all.

        They are ranked, and have reasons instead of percentages. Raises NotFoundError, and
        UsageError for a text without words.
        """
        from crmdeck.workspace.explore.meaning import find_by_meaning

        return find_by_meaning(self._context, meaning, refs)


def _searched(
    context: Context, current: tuple[SnapshotInfo, ...]
) -> tuple[list[ObjectSchema], int]:
    """Return all objects, each with only the fields that can depend on others or lead to them.

    The number counts fields that may have a formula that the source doesn't show.
    """
    found: list[ObjectSchema] = []
    hidden = 0
    for part in parts_of(current):
        # One session per part, because writers wait for readers.
        with context.store.read() as session:
            loaded = session.snapshots.load(part)
        for each in part:
            content = loaded[each.id].content
            hidden += sum(
                field.calculated is not False and not field.formula and not field.rollup
                for field in content.fields
            )
            # The other fields would only fill the memory: an org has 50,000 of them.
            kept = tuple(
                field
                for field in content.fields
                if field.references
                or field.formula
                or field.controller
                or field.rollup
                or field.default_is_formula
            )
            found.append(content.model_copy(update={"fields": kept}))
    return found, hidden


def _not_checked(
    context: Context,
    name: str,
    info: SnapshotInfo,
    field_name: str,
    schemas: list[ObjectSchema],
    hidden: int,
    usage: FieldUsage | None,
) -> tuple[str, ...]:
    place = info.object_type
    sentences = []
    if info.expires_at <= context.now:
        sentences.append(
            f"The schema of {place} is from {info.discovered_at:%Y-%m-%d} and is stale: "
            f"crmdeck refresh {name}"
        )
    unread = [each for each in schemas if RuleKind.VALIDATION not in each.known_kinds]
    if any(each.object_type == place for each in unread):
        sentences.append(f"crmdeck didn't read the validation rules of {place}.")
    others = sum(each.object_type != place for each in unread)
    if others:
        sentences.append(f"crmdeck didn't read the rules of {count(others, 'other object')}.")
    sentences.append(
        f"crmdeck searched rules and formulas of the {count(len(schemas), 'object')} in scope."
    )
    if hidden:
        sentences.append(f"The source doesn't show formulas of {count(hidden, 'field')}.")
    if usage is None or usage.asked_at is None:
        sentences.append(
            "crmdeck hasn't asked the CRM which flows, Apex, layouts and reports use it: "
            f"crmdeck schema {name} {place}.{field_name} --used"
        )
    elif context.now - usage.asked_at > _ANSWER_AGES:
        sentences.append(
            f"crmdeck last asked the CRM on {usage.asked_at:%Y-%m-%d} where it uses the field."
        )
    return (*sentences, *(usage.not_checked if usage is not None else ()))
