"""Masses: many findings with one cause, told once.

Thresholds are low enough that a person would already say "all of them", and high enough that
a few changes stay apart, each with its own line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from crmdeck.drift.findings import Finding
from crmdeck.drift.folds import Fold, News, objects_of
from crmdeck.drift.noise import COMPANIONS
from crmdeck.drift.phrases import count, few, short
from crmdeck.model import DriftKind, Platform

_OBJECTS_OF_A_KIND = 3
_OTHER_OBJECTS = 10
_OBJECTS_EVERYWHERE = 3
_FIELDS_ALIKE = 10
_FIELDS_OF_A_RELEASE = 20
_OBJECTS_OF_A_RELEASE = 3
_FINDINGS_OF_A_PACKAGE = 5

_KIND_SUFFIXES = (*COMPANIONS, "Event")
_KIND_ENDINGS = {"__e": "Event", "__b": "big object", "__x": "external object", "__kav": "article"}
_PACKAGE = re.compile(r"^([A-Za-z][A-Za-z0-9]{0,14})__\w+__\w+$")

_FATES = {
    DriftKind.OBJECT_ADDED: "new in the answer",
    DriftKind.OBJECT_REMOVED: "removed",
    DriftKind.OBJECT_HIDDEN: "not visible to this user any more",
    DriftKind.OBJECT_ABSENT: "not in the answer any more",
}


def scope_shrank(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold the objects that the scope does not ask for any more."""
    members = tuple(f for f in remaining if f.kind is DriftKind.OBJECT_OUT_OF_SCOPE)
    if len(members) > 1:
        yield Fold("scope", f"The scope asks for {len(members):,} objects fewer", members)


def object_kinds(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold kinds of objects (History, Share...) that came or went together, and big crowds."""
    by_fate: dict[tuple[DriftKind, bool], list[Finding]] = defaultdict(list)
    for finding in remaining:
        if finding.kind in _FATES:
            by_fate[finding.kind, finding.returned is not None].append(finding)
    for (kind, is_back), members in by_fate.items():
        fate = "in the answer again" if is_back else _FATES[kind]
        kinds = {f: kind_of(f.object_type, news.platform) for f in members}
        with_kind = tuple(f for f in members if kinds[f])
        others = tuple(f for f in members if not kinds[f])
        if len(with_kind) >= _OBJECTS_OF_A_KIND:
            ranked = Counter(kinds[f] or "" for f in with_kind).most_common()
            listed = ", ".join(name for name, _ in sorted(ranked, key=lambda k: (-k[1], k[0])))
            what = "1 kind" if len(ranked) == 1 else f"{len(ranked)} kinds"
            title = f"{len(with_kind):,} objects of {what} ({listed}) are {fate}"
            yield Fold("object_kinds", title, with_kind)
        if len(others) >= _OTHER_OBJECTS:
            title = f"{len(others):,} objects ({few(objects_of(others))}) are {fate}"
            yield Fold("object_kinds", title, others)


def kind_of(object_type: str, platform: Platform) -> str | None:
    """Return the kind of a Salesforce object that its name tells; None for ordinary ones."""
    if platform is not Platform.SALESFORCE:
        return None
    for ending, kind in _KIND_ENDINGS.items():
        if object_type.endswith(ending):
            return kind
    suffixes = (s for s in _KIND_SUFFIXES if object_type.endswith(s) and object_type != s)
    return next(suffixes, None)


def package(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold what a managed package brought or took: names that start with its namespace."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in remaining:
        match = _PACKAGE.match(finding.field_name or finding.object_type)
        if match and news.platform is Platform.SALESFORCE and finding.family != "changed":
            groups[match[1], finding.family].append(finding)
    for (namespace, family), members in groups.items():
        if len(members) >= _FINDINGS_OF_A_PACKAGE:
            verb = "added" if family == "added" else "took away"
            yield Fold("package", f"Package {namespace} {verb} {_extent(members)}", tuple(members))


def vendor_release(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold many standard fields that were added to several objects at once."""
    fields = [f for f in remaining if f.kind is DriftKind.FIELD_ADDED and f.custom is False]
    names = {f.field_name for f in fields}
    if len(names) < _FIELDS_OF_A_RELEASE or len(objects_of(fields)) < _OBJECTS_OF_A_RELEASE:
        return
    objects = [
        f
        for f in remaining
        if f.kind is DriftKind.OBJECT_ADDED and f.custom is False and f.returned is None
    ]
    title = f"Vendor release or newer API version: {_extent(fields + objects)} added"
    yield Fold("vendor_release", title, tuple(fields + objects))


def field_everywhere(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold a field of one name to which the same happened in several objects."""
    for members in _groups(remaining, lambda f: (f.field_name, *_what_happened(f))):
        objects = len(objects_of(members))
        if objects < _OBJECTS_EVERYWHERE:
            continue
        name = short(members[0].field_name or "")
        title = {
            "added": f"“{name}” was added to {objects:,} objects",
            "gone": f"“{name}” is gone from {objects:,} objects",
            "changed": f"“{name}” changed the same way in {objects:,} objects: "
            f"{_attributes(members[0])}",
        }[members[0].family]
        yield Fold("field_everywhere", title, members)


def same_change(news: News, remaining: Sequence[Finding]) -> Iterator[Fold]:
    """Fold many fields that changed in the same way, as when a permission is taken away."""
    changed = [f for f in remaining if f.kind is DriftKind.FIELD_CHANGED]
    for members in _groups(changed, _what_happened):
        if len(members) < _FIELDS_ALIKE:
            continue
        objects = objects_of(members)
        where = objects[0] if len(objects) == 1 else f"{len(objects):,} objects"
        title = (
            f"{len(members):,} fields of {where} changed the same way: {_attributes(members[0])}"
        )
        yield Fold("same_change", title, members)


def _groups(
    findings: Iterable[Finding], key: Callable[[Finding], Hashable]
) -> Iterator[tuple[Finding, ...]]:
    groups: dict[Hashable, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.field_name:
            groups[key(finding)].append(finding)
    return (tuple(members) for members in groups.values())


def _what_happened(finding: Finding) -> tuple[str, str]:
    if finding.kind is DriftKind.FIELD_ADDED and finding.after:
        return finding.kind.value, finding.after.type.value
    changes = [(c.attribute, c.before, c.after) for c in finding.changes]
    return finding.kind.value, repr(changes)


def _attributes(finding: Finding) -> str:
    return ", ".join(change.attribute for change in finding.changes)


def _extent(findings: Sequence[Finding]) -> str:
    fields = [f for f in findings if f.field_name]
    objects = [f for f in findings if not f.field_name]
    parts = []
    if objects:
        parts.append(count(len(objects), "object"))
    if fields:
        parts.append(f"{count(len(fields), 'field')} of {count(len(objects_of(fields)), 'object')}")
    return " and ".join(parts)
