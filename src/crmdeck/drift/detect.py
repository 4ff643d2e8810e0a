"""The changes between two refreshes, with severities, mappings, renames, and change groups."""

from __future__ import annotations

import json
import uuid
from collections import ChainMap, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crmdeck.drift.change_group_rules import load_change_group_rules
from crmdeck.drift.change_groups import ChangeGroupDraft, News, find_change_groups, objects_of
from crmdeck.drift.differences import RENAMED_KINDS, Difference, find
from crmdeck.drift.renames import FieldWords, find_object_renames, find_renames
from crmdeck.drift.severity import (
    SeverityReason,
    Use,
    severity_of_added,
    severity_of_changes,
    severity_of_kind,
    severity_of_rule,
)
from crmdeck.drift.severity_rules import load_severity_rules
from crmdeck.drift.wording import short
from crmdeck.model import (
    ChangeGroup,
    Direction,
    DriftEvent,
    DriftKind,
    DriftReport,
    GoneReason,
    ObjectSchema,
    Severity,
    VendorProfile,
    to_utc,
)

_ADDED = (DriftKind.FIELD_ADDED, DriftKind.OBJECT_ADDED)
_OBJECT_NAMES = frozenset({"label", "plural"})
_MOST_OBJECTS = 40
_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "drift.crmdeck")


@dataclass(frozen=True)
class AcceptedField:
    """An accepted mapping of a PartnerOS field to a CRM field."""

    object_pair: str
    partner_field: str
    crm_object: str
    crm_field: str
    direction: Direction

    @property
    def key(self) -> str:
        """The mapping as `objectPair:partnerField`."""
        return f"{self.object_pair}:{self.partner_field}"


def detect(
    *,
    connection_id: str,
    vendor: VendorProfile,
    detected_at: datetime,
    before: Mapping[str, ObjectSchema],
    after: Mapping[str, ObjectSchema],
    gone_objects: Mapping[str, GoneReason] | None = None,
    gone_fields: Mapping[tuple[str, str], GoneReason] | None = None,
    returned: Mapping[str, GoneReason] | None = None,
    accepted: Sequence[AcceptedField] = (),
    present: Mapping[str, ObjectSchema] | None = None,
    left: Collection[tuple[str, str | None]] = (),
    last: Mapping[str, ObjectSchema] | None = None,
    field_words: FieldWords,
) -> DriftReport:
    """Return the changes between two refreshes, and their change groups.

    `before` and `after` have the objects that changed, are new, or exist again. `gone_objects`,
    `gone_fields` and `returned` have the known reasons why an object or a field is gone, or had
    been gone. `accepted` are the accepted mappings.

    `present` has the current objects that didn't change; few are read, so it may load them on
    access. `last` has the last schemas of the objects in `gone_objects`, for renames. `left` names
    the fields and objects (field None) that had gone before. `field_words`
    splits names and labels into comparable words; it is called only to find renames.

    Deterministic: the same input gives the same events and IDs, in any order of fields, values,
    and mappings. Events are sorted by object type, field name, and rule.
    """
    differences = find(before, after, gone_objects or {}, gone_fields or {}, returned or {})
    links = _Links(accepted)
    affected = {difference: links.of(difference) for difference in differences}
    there = ChainMap(dict(after), present or {})  # type: ignore[arg-type]  # it is only read
    news = News(vendor, tuple(differences), there, frozenset(left))
    drafts = find_change_groups(
        load_change_group_rules(), news, {f for f, uses in affected.items() if uses}
    )
    draft_of = {member: draft for draft in drafts for member in draft.members}
    renames = _old_names(differences, after, last or {}, field_words)
    new_names = {
        (object_type, old) if name else (old, ""): name or object_type
        for (object_type, name), old in renames.items()
    }
    moment = to_utc(detected_at)
    when = moment.isoformat()
    story_ids = {
        draft: _stable_id(connection_id, when, "story", draft.kind, *_place(draft.members[0]))
        for draft in drafts
    }

    def event(difference: Difference) -> DriftEvent:
        place = (difference.object_type, difference.field_name or "")
        draft = draft_of.get(difference)
        verdict = _verdict(difference, affected[difference], draft, new_names.get(place))
        return DriftEvent(
            id=_stable_id(connection_id, when, *_place(difference)),
            connection_id=connection_id,
            object_type=difference.object_type,
            field_name=difference.field_name,
            rule=difference.rule.name if difference.rule else None,
            kind=difference.kind,
            severity=verdict.severity,
            reason=verdict.reason,
            changes=difference.changes,
            rename_of=renames.get(place) if difference.kind in _ADDED else None,
            story=story_ids[draft] if draft else None,
            affected_mappings=tuple(sorted({a.key for a in affected[difference]})),
            detected_at=moment,
        )

    events = tuple(map(event, differences))
    return DriftReport(events=events, stories=_stories(story_ids, events))


def _stories(
    ids: Mapping[ChangeGroupDraft, str], events: Iterable[DriftEvent]
) -> tuple[ChangeGroup, ...]:
    by_story: dict[str | None, list[DriftEvent]] = defaultdict(list)
    for event in events:
        by_story[event.story].append(event)
    return tuple(
        ChangeGroup(
            id=story_id,
            connection_id=by_story[story_id][0].connection_id,
            kind=draft.kind,
            title=draft.title,
            severity=Severity.worst(event.severity for event in by_story[story_id]),
            event_count=len(draft.members),
            object_types=tuple(objects_of(draft.members)),
            detected_at=by_story[story_id][0].detected_at,
        )
        for draft, story_id in ids.items()
    )


def _old_names(
    differences: Sequence[Difference],
    after: Mapping[str, ObjectSchema],
    last: Mapping[str, ObjectSchema],
    field_words: FieldWords,
) -> dict[tuple[str, str], str]:
    """Return the probable old name of each added field and object, by object type and field."""
    renames = find_renames(differences, field_words)
    alone = [f for f in differences if f.field_name is None and f.rule is None]
    # An object that exists again has its old name.
    added = [f.object_type for f in alone if f.kind is DriftKind.OBJECT_ADDED and not f.returned]
    gone = [f.object_type for f in alone if f.kind in RENAMED_KINDS]
    # More is a package or a smaller export; loading all their schemas takes long.
    if not added or max(len(gone), len(added)) > _MOST_OBJECTS:
        return renames
    moved = find_object_renames(
        [last[name] for name in gone if name in last], [after[name] for name in added], field_words
    )
    return renames | {(new, ""): old for new, old in moved.items()}


class _Links:
    """The accepted mappings, by CRM field and object."""

    def __init__(self, accepted: Iterable[AcceptedField]) -> None:
        self._by_field: dict[tuple[str, str], list[AcceptedField]] = defaultdict(list)
        self._by_object: dict[str, list[AcceptedField]] = defaultdict(list)
        for mapping in accepted:
            self._by_field[mapping.crm_object, mapping.crm_field].append(mapping)
            self._by_object[mapping.crm_object].append(mapping)

    def of(self, difference: Difference) -> list[AcceptedField]:
        """Return the mappings that a difference touches.

        A rule touches the mappings of its fields. If its fields are unknown, it may reject any
        write. The label of an object never touches one.
        """
        if difference.kind is DriftKind.OBJECT_CHANGED and all(
            change.attribute in _OBJECT_NAMES for change in difference.changes
        ):
            return []
        fields = {difference.field_name} if difference.field_name else set()
        if difference.rule:
            fields |= set(difference.rule.fields)
        if not fields:
            return self._by_object.get(difference.object_type, [])
        return [
            m for name in fields for m in self._by_field.get((difference.object_type, name), [])
        ]


def _verdict(
    difference: Difference,
    affected: Iterable[AcceptedField],
    draft: ChangeGroupDraft | None,
    new_name: str | None,
) -> SeverityReason:
    # A side effect is safe: the difference that it follows has the severity.
    if draft and draft.follows:
        return SeverityReason(Severity.SAFE, draft.follows)
    use = Use.of(mapping.direction for mapping in affected)
    if difference.rule:
        return severity_of_rule(difference.kind, difference.rule, difference.changes, use)
    if difference.returned:
        return SeverityReason(Severity.SAFE, load_severity_rules().returned[difference.returned])
    if difference.kind is DriftKind.FIELD_ADDED and difference.after:
        return severity_of_added(difference.after, use)
    if difference.changes:
        return severity_of_changes(difference.changes, difference.after, use)
    verdict = severity_of_kind(difference.kind, use)
    if new_name:
        return verdict._replace(reason=f"{verdict.reason} Probably renamed to {short(new_name)}.")
    return verdict


def _place(difference: Difference) -> tuple[str | None, ...]:
    place = (difference.object_type, difference.field_name, difference.kind.value)
    return (*place, difference.rule.name) if difference.rule else place


def _stable_id(*parts: str | None) -> str:
    return str(uuid.uuid5(_IDS, json.dumps(parts)))
