"""The rules of change groups: side effects, and many differences with one cause.

Side effects are recognized by behavior. A companion object repeats the change of its base object,
a setup picklist changes in values that name a changed field or object, and a lookup to many
objects follows added and removed objects. Two tables of Salesforce facts (from its Object
Reference) help where behavior is not enough: companion objects by name, and picklists that list
the schema itself.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from itertools import pairwise

from pydantic import TypeAdapter

from crmdeck.drift.change_groups import (
    ChangeGroupRule,
    Find,
    Grouped,
    Least,
    News,
    objects_of,
)
from crmdeck.drift.differences import Difference
from crmdeck.drift.field_diff import compare_fields
from crmdeck.drift.wording import few, short
from crmdeck.model import AttributeChange, DriftKind, Field, VendorProfile
from crmdeck.text import count

_OBJECT_LABELS = ("label", "plural")
# HubSpot writes a time zone as `europe_slash_berlin`.
_ZONE = re.compile(r"[A-Z]\w+(/[\w+-]+)+|GMT|UTC|\w+_slash_\w+|utc|gmt", re.ASCII)
_LOCALE = re.compile(r"[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*", re.ASCII)
_CUSTOM_SUFFIX = re.compile(r"__\w$|__(mdt|kav|pc)$")


def base_of(object_type: str, vendor: VendorProfile) -> str | None:
    """Return the base object of a companion object, by its name."""
    # The companions of a custom object have the suffix in place of the `c`: `Deal__History`.
    for suffix in vendor.companions:
        if object_type.endswith(f"__{suffix}"):
            return f"{object_type.removesuffix(suffix)}c"
        if object_type.endswith(suffix) and object_type != suffix:
            return object_type.removesuffix(suffix)
    return None


def relabeled_objects(
    news: News, remaining: Sequence[Difference], least: Least
) -> Iterator[Grouped]:
    """Group the new label of an object with the labels and picklists that contain it."""
    rest = list(remaining)
    for source in remaining:
        names = {
            each.attribute: (str(each.before), str(each.after))
            for each in source.changes
            if source.kind is DriftKind.OBJECT_CHANGED and each.attribute in _OBJECT_LABELS
        }
        if "label" not in names:
            continue
        relabel = _Relabel(list(names.values()))
        members = tuple(f for f in rest if f is source or relabel.explains(f))
        if len(members) > 1:
            rest = [f for f in rest if f not in members]
            yield f"{source.object_type} was relabeled “{short(names['label'][1])}”", members


class _Relabel:
    """The old names of an object, each with its new one."""

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        # The plural first: it often contains the singular.
        ordered = sorted(names, key=lambda pair: -len(pair[0]))
        self._new = {old.casefold(): new for old, new in reversed(ordered)}
        texts = "|".join(re.escape(old) for old, _ in ordered)
        self._old = re.compile(rf"(?<!\w)(?:{texts})(?!\w)", re.IGNORECASE)

    def explains(self, difference: Difference) -> bool:
        """Return True if every change of a difference only replaces an old name."""
        return bool(difference.changes) and all(map(self._explains, difference.changes))

    def _explains(self, change: AttributeChange) -> bool:
        if change.attribute in (*_OBJECT_LABELS, "description"):
            return self._follows(str(change.before), str(change.after))
        if change.attribute != "picklist":
            return False
        before, after = (
            {(v["value"], v["active"], v["default"]): v["label"] for v in side}
            for side in (change.before, change.after)
        )
        return before.keys() == after.keys() and all(
            self._follows(label, after[key]) for key, label in before.items()
        )

    def _follows(self, before: str, after: str) -> bool:
        replaced = self._old.sub(lambda found: self._new[found[0].casefold()], before)
        return replaced.casefold() == after.casefold() != before.casefold()


def setup_picklists(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group picklists that list fields and objects, and changed because those did."""
    names = _Names(news)
    members = tuple(f for f in remaining if _is_setup_picklist(f, news.vendor, names))
    if members:
        objects = count(len(objects_of(members)), "setup object")
        yield f"Picklists of {objects} follow changed fields and objects", members


def reference_lists(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group lookups that changed only because objects were added or removed.

    Some change one refresh late: a missing object may have been removed before.
    """
    members = tuple(f for f in remaining if _follows_objects(f, news))
    if members:
        verb = "follows" if len(members) == 1 else "follow"
        lookups = count(len(members), "lookup")
        yield f"{lookups} to many objects {verb} added and removed objects", members


def mirrors(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group companion objects (ChangeEvent, History, Share...) that repeat their base object.

    Some follow one refresh late: they then become what the base object is now.
    """
    pairs = [(f, base) for f in remaining if (base := _mirrored(f, news)) is not None]
    if not pairs:
        return
    mirroring = objects_of(f for f, _ in pairs)
    bases = sorted({base for _, base in pairs})
    who = mirroring[0] if len(mirroring) == 1 else f"{len(mirroring):,} objects"
    whom = bases[0] if len(bases) == 1 else f"{len(bases):,} base objects"
    verb = "repeats" if len(mirroring) == 1 else "repeat"
    title = f"{who} {verb} {count(len(pairs), 'change')} of {whom}"
    yield title, tuple(f for f, _ in pairs)


def _mirrored(difference: Difference, news: News) -> str | None:
    """Return the object whose current or earlier change a difference repeats."""
    base, name = base_of(difference.object_type, news.vendor), difference.field_name
    for (object_type, suffix), original_type in news.vendor.mirrored_fields.items():
        if difference.object_type == object_type and name and name.endswith(suffix):
            base, name = original_type, f"{name.removesuffix(suffix)}__c"
    if base is None:
        return None
    original = news.by_place.get((base, name))
    repeats = (
        original is not None
        and original.family == difference.family
        and _are_among(difference.changes, original.changes)
        and _asks_no_more(difference, original.after)
    )
    return base if repeats or _follows_late(difference, base, name, news) else None


def _follows_late(difference: Difference, base: str, name: str | None, news: News) -> bool:
    if name is None:
        arrived = difference.family == "added" and base in news.there
        return arrived or (difference.family == "gone" and news.had_left(base))
    mirrored = news.field(base, name)
    if difference.family == "gone":
        return news.had_left(base, name)
    if mirrored is None:
        return False
    if difference.before is None:
        same_type = difference.after is not None and difference.after.type is mirrored.type
        return same_type and _asks_no_more(difference, mirrored)
    return _are_among(difference.changes, compare_fields(difference.before, mirrored))


def _asks_no_more(difference: Difference, original: Field | None) -> bool:
    """Return False if a new field is required and the field that it repeats isn't."""
    required = (
        difference.before is None and difference.after is not None and difference.after.required
    )
    return not required or (original is not None and original.required is True)


def _are_among(changes: Iterable[AttributeChange], others: Sequence[AttributeChange]) -> bool:
    return all(change in others for change in changes)


def _is_setup_picklist(difference: Difference, vendor: VendorProfile, names: _Names) -> bool:
    if difference.after is None or [c.attribute for c in difference.changes] != ["picklist"]:
        return False
    objects = (difference.object_type, base_of(difference.object_type, vendor) or "")
    if any(
        difference.field_name in fields and any(fnmatchcase(name, pattern) for name in objects)
        for pattern, fields in vendor.schema_picklists.items()
    ):
        return True
    # A list longer than any that an admin can make is the platform's own.
    longest = vendor.longest_custom_picklist
    if longest and difference.custom is False and len(difference.after.picklist) > longest:
        return True
    [change] = difference.changes
    old, new = ({entry["value"] for entry in side} for side in (change.before, change.after))
    return (
        all(map(names.are_news, old & new))
        and all(names.are_news(value) or names.came(value) for value in new - old)
        and all(names.are_news(value) or names.left(value) for value in old - new)
    )


class _Names:
    """The names of added, removed, and changed objects and fields, as a picklist shows them."""

    def __init__(self, news: News) -> None:
        places = news.by_place
        self._news = news
        self._qualified = {f"{object_type}.{name}" for object_type, name in places if name}
        names = {name or object_type for object_type, name in places}
        self._alone = {name for name in names if _CUSTOM_SUFFIX.search(name)}

    def are_news(self, value: str) -> bool:
        """Return whether a value names something that changed in this refresh."""
        parts = value.split(".")
        pairs = {f"{a}.{b}" for a, b in pairwise(parts)}
        return bool(pairs & self._qualified) or not self._alone.isdisjoint(parts)

    def came(self, value: str) -> bool:
        """Return whether a value names a current field or custom object."""
        object_type, dot, name = value.partition(".")
        if not dot:
            return bool(_CUSTOM_SUFFIX.search(value)) and value in self._news.there
        return self._news.field(object_type, name) is not None

    def left(self, value: str) -> bool:
        """Return whether a value names a missing field or custom object."""
        object_type, dot, name = value.partition(".")
        if self._news.had_left(object_type):
            return bool(dot or _CUSTOM_SUFFIX.search(value))
        if not dot or object_type not in self._news.there:
            return False
        return self._news.field(object_type, name) is None


def _follows_objects(difference: Difference, news: News) -> bool:
    if [change.attribute for change in difference.changes] != ["references"]:
        return False
    [change] = difference.changes
    old, new = set(change.before), set(change.after)
    # An admin decides where a lookup to one object leads: losing its only target is news.
    if len(old) < 2 or not new:
        return False
    return new - old <= news.moved and all(
        target in news.moved or news.had_left(target) for target in old - new
    )


def zones_and_locales(
    news: News, remaining: Sequence[Difference], least: Least
) -> Iterator[Grouped]:
    """Group the platform's lists of time zones and locales: daylight saving renames every label."""
    members = tuple(f for f in remaining if _lists_zones_or_locales(f, least["values"]))
    if members:
        lists = count(len(members), "list")
        yield f"{lists} of time zones and locales changed (daylight saving or a release)", members


def _lists_zones_or_locales(difference: Difference, least: int) -> bool:
    if difference.after is None or [c.attribute for c in difference.changes] != ["picklist"]:
        return False
    [change] = difference.changes
    values = {value.value for value in difference.after.picklist}
    values |= {entry["value"] for side in (change.before, change.after) for entry in side}
    return len(values) >= least and any(
        all(map(form.fullmatch, values)) for form in (_ZONE, _LOCALE)
    )


_FATES = {
    DriftKind.OBJECT_ADDED: "new in the export",
    DriftKind.OBJECT_REMOVED: "removed",
    DriftKind.OBJECT_HIDDEN: "no longer visible to this user",
    DriftKind.OBJECT_ABSENT: "no longer in the export",
}


def scope_shrank(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group the objects that are no longer in scope."""
    members = tuple(f for f in remaining if f.kind is DriftKind.OBJECT_OUT_OF_SCOPE)
    if len(members) >= least["objects"]:
        yield f"{len(members):,} objects left the scope", members


def object_kinds(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group objects of one kind (History, Share...), or many objects, added or removed together."""
    by_fate: dict[tuple[DriftKind, bool], list[Difference]] = defaultdict(list)
    for difference in remaining:
        if difference.kind in _FATES:
            by_fate[difference.kind, difference.returned is not None].append(difference)
    for (kind, is_back), members in by_fate.items():
        fate = "in the export again" if is_back else _FATES[kind]
        kinds = {f: kind_of(f.object_type, news.vendor) for f in members}
        with_kind = tuple(f for f in members if kinds[f])
        others = tuple(f for f in members if not kinds[f])
        if len(with_kind) >= least["of_a_kind"]:
            ranked = Counter(kinds[f] or "" for f in with_kind).most_common()
            listed = ", ".join(name for name, _ in sorted(ranked, key=lambda k: (-k[1], k[0])))
            what = "1 kind" if len(ranked) == 1 else f"{len(ranked)} kinds"
            title = f"{len(with_kind):,} objects of {what} ({listed}) are {fate}"
            yield title, with_kind
        if len(others) >= least["others"]:
            title = f"{len(others):,} objects ({few(objects_of(others))}) are {fate}"
            yield title, others


def kind_of(object_type: str, vendor: VendorProfile) -> str | None:
    """Return the kind of object that the ending of its name shows; None for ordinary objects."""
    endings = {**{suffix: suffix for suffix in vendor.companions}, **vendor.object_kinds}
    for ending, kind in endings.items():
        if object_type.endswith(ending) and object_type != ending:
            return kind
    return None


def package(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group what a managed package added or removed: names that start with its namespace."""
    if news.vendor.package_pattern is None:
        return
    pattern = re.compile(news.vendor.package_pattern)
    groups: dict[tuple[str, str], list[Difference]] = defaultdict(list)
    for difference in remaining:
        match = pattern.fullmatch(difference.field_name or difference.object_type)
        if match and difference.family != "changed":
            groups[match[1], difference.family].append(difference)
    for (namespace, family), members in groups.items():
        if len(members) >= least["names"]:
            verb = "added" if family == "added" else "removed"
            yield f"Package {namespace} {verb} {_extent(members)}", tuple(members)


def vendor_release(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group many standard fields that were added to several objects in one refresh."""
    fields = [f for f in remaining if f.kind is DriftKind.FIELD_ADDED and f.custom is False]
    # Names are counted, not fields: one new field on many objects isn't a release.
    names = {f.field_name for f in fields}
    if len(names) < least["names"] or len(objects_of(fields)) < least["objects"]:
        return
    objects = [
        f
        for f in remaining
        if f.kind is DriftKind.OBJECT_ADDED and f.custom is False and f.returned is None
    ]
    title = f"Vendor release or newer API version: {_extent(fields + objects)} added"
    yield title, tuple(fields + objects)


def field_everywhere(
    news: News, remaining: Sequence[Difference], least: Least
) -> Iterator[Grouped]:
    """Group a field that changed the same way in several objects."""
    for members in _groups(remaining, lambda f: (f.field_name, *_what_happened(f))):
        objects = len(objects_of(members))
        if objects < least["objects"]:
            continue
        name = short(members[0].field_name or "")
        title = {
            "added": f"“{name}” was added to {objects:,} objects",
            "gone": f"“{name}” was removed from {objects:,} objects",
            "changed": f"“{name}” changed the same way in {objects:,} objects: "
            f"{_attributes(members[0])}",
        }[members[0].family]
        yield title, members


def same_change(news: News, remaining: Sequence[Difference], least: Least) -> Iterator[Grouped]:
    """Group many fields that changed the same way, for example after a permission change."""
    changed = [f for f in remaining if f.kind is DriftKind.FIELD_CHANGED]
    for members in _groups(changed, _what_happened):
        if len(members) < least["fields"]:
            continue
        objects = objects_of(members)
        where = objects[0] if len(objects) == 1 else f"{len(objects):,} objects"
        title = (
            f"{len(members):,} fields of {where} changed the same way: {_attributes(members[0])}"
        )
        yield title, members


def _groups(
    differences: Iterable[Difference], key: Callable[[Difference], Hashable]
) -> Iterator[tuple[Difference, ...]]:
    groups: dict[Hashable, list[Difference]] = defaultdict(list)
    for difference in differences:
        if difference.field_name:
            groups[key(difference)].append(difference)
    return (tuple(members) for members in groups.values())


def _what_happened(difference: Difference) -> tuple[str, str]:
    if difference.kind is DriftKind.FIELD_ADDED and difference.after:
        return difference.kind.value, difference.after.type.value
    changes = [(c.attribute, c.before, c.after) for c in difference.changes]
    return difference.kind.value, repr(changes)


def _attributes(difference: Difference) -> str:
    return ", ".join(change.attribute for change in difference.changes)


def _extent(differences: Sequence[Difference]) -> str:
    fields = [f for f in differences if f.field_name]
    objects = [f for f in differences if not f.field_name]
    parts = []
    if objects:
        parts.append(count(len(objects), "object"))
    if fields:
        parts.append(f"{count(len(fields), 'field')} of {count(len(objects_of(fields)), 'object')}")
    return " and ".join(parts)


_FINDERS: Mapping[str, Find] = {
    "relabeled": relabeled_objects,
    "setup_picklists": setup_picklists,
    "reference_lists": reference_lists,
    "zones_and_locales": zones_and_locales,
    "mirror": mirrors,
    "scope": scope_shrank,
    "package": package,
    "vendor_release": vendor_release,
    "object_kinds": object_kinds,
    "field_everywhere": field_everywhere,
    "same_change": same_change,
}


@cache
def load_change_group_rules() -> tuple[tuple[ChangeGroupRule, Find], ...]:
    """Return each kind of change group with its function, read on first use."""
    file = resources.files("crmdeck") / "knowledge" / "drift" / "change_groups.toml"
    table = tomllib.loads(file.read_text("utf-8"))
    rules = TypeAdapter(tuple[ChangeGroupRule, ...]).validate_python(table["group"])
    return tuple((rule, _FINDERS[rule.kind]) for rule in rules)
