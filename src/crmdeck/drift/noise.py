"""Noise: changes that only repeat what happened elsewhere in the same refresh.

Recognised by behaviour: a mirror shows the change of its base object, a setup picklist changes
in values that name what changed, a lookup to any object follows the objects that came or went.
Two small tables of Salesforce facts (its Object Reference) help where behaviour can't tell:
which objects belong to a base object by name, and which picklists list the schema itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from crmdeck.drift.findings import Finding
from crmdeck.drift.folds import Fold, News, objects_of
from crmdeck.drift.phrases import count
from crmdeck.model import Change, DriftKind, Platform

COMPANIONS = ("ChangeEvent", "EventStore", "EventStream", "History", "Share", "Feed", "Tag")
_SCHEMA_PICKLISTS = {
    "AIInsightAction": {"ActionName"},
    "AIInsightValue": {"Field", "SobjectType"},
    "AIRecordInsight": {"TargetField", "TargetSobjectType"},
    "ApexTrigger": {"TableEnumOrId"},
    "BriefcaseRule": {"OrderBy"},
    "BriefcaseRuleFilter": {"TargetEntityField"},
    "DataStatistics": {"Type"},
    "EmailTemplate": {"RelatedEntityType"},
    "FieldHistoryArchive": {"Field", "FieldHistoryType"},
    "FieldPermissions": {"Field", "SobjectType"},
    "ListView": {"SobjectType"},
    "ListViewChart": {"AggregateField", "GroupingField", "SobjectType"},
    "MacroInstruction": {"Target"},
    "MatchingRuleItem": {"Field"},
    "ObjectPermissions": {"SobjectType"},
    "PromptVersion": {"TargetPageKey1Ref"},
    "RecordAction": {"ActionDefinition"},
    "RecordType": {"SobjectType"},
    "TimelineObjectDefinition": {"BaseObject"},
    "UserListView": {"SobjectType"},
}
# A custom picklist holds 1,000 values at most; a longer one is the platform's own list.
_LONGEST_CUSTOM_PICKLIST = 1000
_CUSTOM_SUFFIX = re.compile(r"__\w$|__(mdt|kav|pc)$")


def base_of(object_type: str) -> str | None:
    """Return the object that a Salesforce companion object belongs to, by name."""
    for suffix in COMPANIONS:
        if object_type.endswith(f"__{suffix}"):
            return f"{object_type.removesuffix(suffix)}c"
        if object_type.endswith(suffix) and object_type != suffix:
            return object_type.removesuffix(suffix)
    return None


def setup_picklists(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold picklists that list fields and objects and changed because those did."""
    names = _names_of(news.findings)
    members = tuple(f for f in remaining if _is_setup_picklist(f, news.platform, names))
    if members:
        objects = count(len(objects_of(members)), "setup object")
        yield Fold(
            "setup_picklists",
            f"Picklists of {objects} follow the fields and objects that changed",
            members,
            follows="A picklist that lists fields and objects; it follows their changes.",
        )


def reference_lists(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold lookups whose only change is that they accept objects that came or went."""
    moved = {
        f.object_type
        for f in news.findings
        if f.kind is not DriftKind.OBJECT_CHANGED and not f.field_name
    }
    members = tuple(f for f in remaining if moved and _follows_objects(f, moved))
    if members:
        yield Fold(
            "reference_lists",
            f"{count(len(members), 'lookup')} to many objects "
            f"follow{'s' if len(members) == 1 else ''} the objects that came or went",
            members,
            follows="A lookup to many objects; it follows those that came or went.",
        )


def mirrors(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold companion objects (ChangeEvent, History, Share...) that repeat their base object."""
    if news.platform is not Platform.SALESFORCE:
        return
    pairs = [(f, base) for f in remaining if (base := _original(f, news)) is not None]
    if not pairs:
        return
    mirroring = objects_of(f for f, _ in pairs)
    bases = objects_of(base for _, base in pairs)
    who = mirroring[0] if len(mirroring) == 1 else f"{len(mirroring):,} objects"
    whom = bases[0] if len(bases) == 1 else f"{len(bases):,} base objects"
    verb = "repeats" if len(mirroring) == 1 else "repeat"
    yield Fold(
        "mirror",
        f"{who} {verb} {count(len(pairs), 'change')} of {whom}",
        tuple(f for f, _ in pairs),
        follows="It repeats the change of the object that it belongs to.",
    )


def _original(finding: Finding, news: News) -> Finding | None:
    base = base_of(finding.object_type)
    name = finding.field_name
    if base is None and finding.object_type == "Account" and name and name.endswith("__pc"):
        # Person accounts show the custom fields of Contact under this suffix.
        base, name = "Contact", f"{name.removesuffix('pc')}c"
    original = news.by_place.get((base, name)) if base else None
    if original is None or original.family != finding.family:
        return None
    return original if _told_by(finding.changes, original.changes) else None


def _told_by(changes: Iterable[Change], others: Sequence[Change]) -> bool:
    return all(change in others for change in changes)


def _is_setup_picklist(finding: Finding, platform: Platform, names: _Names) -> bool:
    if finding.after is None or [c.attribute for c in finding.changes] != ["picklist"]:
        return False
    if platform is Platform.SALESFORCE:
        base = finding.object_type.removesuffix("ChangeEvent")
        if finding.field_name in _SCHEMA_PICKLISTS.get(base, ()):
            return True
        if finding.field_name == "Field" and base.endswith("History"):
            return True
        if finding.custom is False and len(finding.after.picklist) > _LONGEST_CUSTOM_PICKLIST:
            return True
    [change] = finding.changes
    values = {entry["value"] for side in (change.before, change.after) for entry in side}
    return all(map(names.has, values))


class _Names:
    """The names, unmistakable in a picklist, of what came, went or changed."""

    def __init__(self, fields: set[tuple[str, str]], objects: set[str]) -> None:
        self._qualified = {f"{object_type}.{name}" for object_type, name in fields}
        custom = {name for _, name in fields if _CUSTOM_SUFFIX.search(name)}
        self._alone = custom | {name for name in objects if _CUSTOM_SUFFIX.search(name)}

    def has(self, value: str) -> bool:
        parts = value.split(".")
        pairs = {f"{a}.{b}" for a, b in pairwise(parts)}
        return bool(pairs & self._qualified) or not self._alone.isdisjoint(parts)


def _names_of(findings: Iterable[Finding]) -> _Names:
    fields = {(f.object_type, f.field_name) for f in findings if f.field_name}
    return _Names(fields, {f.object_type for f in findings if not f.field_name})


def _follows_objects(finding: Finding, moved: set[str]) -> bool:
    if [change.attribute for change in finding.changes] != ["references"]:
        return False
    [change] = finding.changes
    # A lookup to one object is somebody's own; losing its only target is news.
    return len(change.before) > 1 and set(change.before) ^ set(change.after) <= moved
