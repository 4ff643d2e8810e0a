"""The changes between two readings of the sync user's access."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from crmdeck.drift.detect import AcceptedField
from crmdeck.drift.severity import Use, severity_of_kind
from crmdeck.model import AttributeChange, DriftEvent, DriftKind, EffectiveAccess
from crmdeck.model.access import LETTER_WORDS, OBJECT_LETTERS, access_changes

_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "access.crmdeck")


def find_access_changes(
    connection_id: str,
    before: EffectiveAccess,
    after: EffectiveAccess,
    accepted: Sequence[AcceptedField],
    fields: Mapping[str, Collection[str]],
    at: datetime,
) -> Iterator[DriftEvent]:
    """Yield the access that a sync user lost or gained, with the mappings that it touches.

    `fields` has the names of the fields that existed before and after, by object: the permissions
    on a new or removed field follow from that change.
    """
    for object_type, name, old, new in access_changes(before, after):
        if object_type not in fields or (name is not None and name not in fields[object_type]):
            continue
        lost = set(old) - set(new)
        kind = DriftKind.ACCESS_LOST if lost else DriftKind.ACCESS_GAINED
        touched = [
            each
            for each in accepted
            if each.crm_object == object_type and name in (None, each.crm_field)
        ]
        use = Use.of(each.direction for each in touched)
        # Whoever can't read can't write either; a right to delete serves no mapping.
        pushes = use.pushed and not lost.isdisjoint("CRE")
        use = Use(pulled=use.pulled and "R" in lost, pushed=pushes)
        severity, reason = severity_of_kind(kind, use)
        place = object_type if name is None else f"{object_type}.{name}"
        why = [before.why.get(place), after.why.get(place)]
        words = [f"Before: {why[0]}" if why[0] else "", f"Now: {why[1]}" if why[1] else ""]
        yield DriftEvent(
            id=str(uuid.uuid5(_IDS, "\0".join((connection_id, at.isoformat(), place, kind)))),
            connection_id=connection_id,
            object_type=object_type,
            field_name=name,
            kind=kind,
            severity=severity,
            reason=" ".join(filter(None, (reason, *words))),
            changes=(AttributeChange(attribute="syncUser", before=_words(old), after=_words(new)),),
            affected_mappings=tuple(sorted({each.key for each in touched})),
            detected_at=at,
        )


def _words(letters: str) -> str:
    return ", ".join(LETTER_WORDS[each] for each in OBJECT_LETTERS if each in letters) or "none"
