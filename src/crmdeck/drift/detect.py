"""Drift between two refreshes: found, judged, linked to mappings, gathered in stories."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from crmdeck.drift.findings import Finding, find
from crmdeck.drift.renames import find_renames
from crmdeck.drift.severity import (
    Use,
    Verdict,
    severity_of_added,
    severity_of_changes,
    severity_of_kind,
)
from crmdeck.drift.severity_rules import RETURNED_REASONS
from crmdeck.drift.states import AcceptedField, GoneObject, ObjectState
from crmdeck.drift.stories import StoryDraft, find_stories, objects_of
from crmdeck.drift.story_rules import STORY_RULES
from crmdeck.drift.wording import short
from crmdeck.model import (
    DriftEvent,
    DriftKind,
    DriftReport,
    GoneReason,
    Platform,
    Severity,
    Story,
    to_utc,
)

_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "drift.crmdeck")


def detect(
    *,
    connection_id: str,
    platform: Platform,
    detected_at: datetime,
    before: Mapping[str, ObjectState],
    after: Mapping[str, ObjectState],
    gone_objects: Sequence[GoneObject] = (),
    gone_fields: Mapping[tuple[str, str], GoneReason] | None = None,
    returned: Mapping[str, GoneReason] | None = None,
    accepted: Sequence[AcceptedField] = (),
) -> DriftReport:
    """Return what changed between two refreshes, as events and the stories that tell them.

    `before` and `after` hold the object types whose hash changed, and those that are new or
    back; `gone_objects` those that are not there any more. `gone_fields` says why a field is
    missing, `returned` why an object that is back had been gone; what is in neither, nothing
    is known of: absent, or simply new. `accepted` are the mappings that hold.

    Deterministic: the same input gives the same events, ids included, whatever the order of
    the fields, the picklist values and the mappings. Events are ordered by object type and
    field name.
    """
    findings = find(before, after, gone_objects, gone_fields or {}, returned or {})
    links = _Links(accepted)
    affected = {finding: links.of(finding) for finding in findings}
    drafts = find_stories(
        STORY_RULES, findings, platform, {f for f, uses in affected.items() if uses}
    )
    told_by = {member: found for found in drafts for member in found.members}
    renames = find_renames(findings)
    new_names = {(o, old): new for (o, new), old in renames.items()}
    moment = to_utc(detected_at)
    when = moment.isoformat()
    story_ids = {
        one: _stable_id(connection_id, when, "story", one.kind, *_place(one.members[0]))
        for one in drafts
    }

    def event(finding: Finding) -> DriftEvent:
        place = (finding.object_type, finding.field_name or "")
        found = told_by.get(finding)
        verdict = _verdict(finding, affected[finding], found, new_names.get(place))
        return DriftEvent(
            id=_stable_id(connection_id, when, *_place(finding)),
            connection_id=connection_id,
            object_type=finding.object_type,
            field_name=finding.field_name,
            kind=finding.kind,
            severity=verdict.severity,
            reason=verdict.reason,
            changes=finding.changes,
            rename_of=renames.get(place) if finding.kind is DriftKind.FIELD_ADDED else None,
            story=story_ids[found] if found else None,
            affected_mappings=tuple(sorted({a.key for a in affected[finding]})),
            detected_at=moment,
        )

    events = tuple(map(event, findings))
    worst: dict[str | None, Severity] = {}
    for told in events:
        worst[told.story] = max(
            told.severity, worst.get(told.story, Severity.SAFE), key=lambda severity: severity.rank
        )
    stories = tuple(
        Story(
            id=story_id,
            connection_id=connection_id,
            kind=one.kind,
            title=one.title,
            severity=worst[story_id],
            event_count=len(one.members),
            object_types=tuple(objects_of(one.members)),
            detected_at=moment,
        )
        for one, story_id in story_ids.items()
    )
    return DriftReport(events=events, stories=stories)


class _Links:
    """The accepted mappings, by what they are mapped to."""

    def __init__(self, accepted: Iterable[AcceptedField]) -> None:
        self._by_field: dict[tuple[str, str], list[AcceptedField]] = defaultdict(list)
        self._by_object: dict[str, list[AcceptedField]] = defaultdict(list)
        for mapping in accepted:
            self._by_field[mapping.crm_object, mapping.crm_field].append(mapping)
            self._by_object[mapping.crm_object].append(mapping)

    def of(self, finding: Finding) -> list[AcceptedField]:
        if finding.field_name is None:
            return self._by_object.get(finding.object_type, [])
        return self._by_field.get((finding.object_type, finding.field_name), [])


def _verdict(
    finding: Finding,
    affected: Iterable[AcceptedField],
    draft: StoryDraft | None,
    new_name: str | None,
) -> Verdict:
    if draft and draft.follows:
        return Verdict(Severity.SAFE, draft.follows)
    use = Use.of(mapping.direction for mapping in affected)
    if finding.returned:
        return Verdict(Severity.SAFE, RETURNED_REASONS[finding.returned])
    if finding.kind is DriftKind.FIELD_ADDED and finding.after:
        return severity_of_added(finding.after, use)
    if finding.kind is DriftKind.FIELD_CHANGED and finding.after:
        return severity_of_changes(finding.changes, finding.after, use)
    verdict = severity_of_kind(finding.kind, use)
    if new_name:
        return verdict._replace(
            reason=f"{verdict.reason} {short(new_name)} looks like it under another name."
        )
    return verdict


def _place(finding: Finding) -> tuple[str, str | None, str]:
    return finding.object_type, finding.field_name, finding.kind.value


def _stable_id(*parts: str | None) -> str:
    return str(uuid.uuid5(_IDS, json.dumps(parts)))
