"""Renames: a field that is gone and one that was added, of the same object, that look alike.

Offered, never asserted. Evidence is counted in points (`_POINTS_NEEDED` are needed), so that
an offer can be explained: the same label, or a name that differs only in how its words are
written, is enough; typing errors, more words, the same values or help need each other's company.
The same help counts more where it stands at the only field of its type that left and that came.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import product

from crmdeck.drift.findings import Finding
from crmdeck.model import DriftKind, Field

_POINTS_NEEDED = 4
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[^\W\d_]+")
_CUSTOM_SUFFIX = re.compile(r"__(c|pc)$")
_SAME_WORD = 0.8

Key = tuple[str, str]


def find_renames(findings: Iterable[Finding]) -> dict[Key, str]:
    """Return (object type, added field) -> the name that it seems to have had before.

    One to one. Where two candidates are equally good, none is offered.
    """
    gone: dict[str, list[Field]] = defaultdict(list)
    added: dict[str, list[Field]] = defaultdict(list)
    for finding in findings:
        if finding.family == "gone" and finding.before:
            gone[finding.object_type].append(finding.before)
        elif finding.kind is DriftKind.FIELD_ADDED and finding.after:
            added[finding.object_type].append(finding.after)
    renames: dict[Key, str] = {}
    for object_type in gone.keys() & added.keys():
        for new, old in _pair_up(gone[object_type], added[object_type]).items():
            renames[object_type, new] = old
    return renames


def _pair_up(gone: list[Field], added: list[Field]) -> dict[str, str]:
    """Return added -> gone, the best pairs first; rivals that tie cancel each other out."""
    scores: dict[tuple[str, str], tuple[int, float]] = {}
    left, came = Counter(f.type for f in gone), Counter(f.type for f in added)
    for old, new in product(gone, added):
        points = likeness(old, new)
        alone = left[old.type] == came[new.type] == 1
        points += alone and points > 0 and _same_help(old, new)
        if points >= _POINTS_NEEDED:
            closeness = _alike(old.name.lower(), new.name.lower())
            scores[old.name, new.name] = (points, closeness)
    pairs: dict[str, str] = {}
    while scores:
        best = max(scores.values())
        leaders = [pair for pair, score in scores.items() if score == best]
        olds = Counter(old for old, _ in leaders)
        news = Counter(new for _, new in leaders)
        pairs.update({new: old for old, new in leaders if olds[old] == 1 and news[new] == 1})
        scores = {
            (old, new): score
            for (old, new), score in scores.items()
            if old not in olds and new not in news
        }
    return pairs


def likeness(old: Field, new: Field) -> int:
    """Return the points that speak for `new` being `old` under another name; 0 if it can't be."""
    if old.type is not new.type or _differ(old.custom, new.custom):
        return 0
    if set(old.references) != set(new.references) or _differ(old.calculated, new.calculated):
        return 0
    shared = _share_of_values(old, new)
    if shared is not None and shared < 0.5:
        return 0
    points = _points_of_texts(_words(old.label), _words(new.label))
    points += _points_of_texts(
        _words(_CUSTOM_SUFFIX.sub("", old.name)), _words(_CUSTOM_SUFFIX.sub("", new.name))
    )
    points += 2 * (shared == 1.0 and len(old.picklist) > 1)
    points += 2 * _same_help(old, new)
    points += 2 * bool(old.formula and old.formula == new.formula)
    sizes = [(f.length, f.precision, f.scale) for f in (old, new)]
    points += sizes[0] == sizes[1] and any(sizes[0])
    return points


def _same_help(old: Field, new: Field) -> bool:
    return bool(old.description) and old.description == new.description


def _points_of_texts(old: list[str], new: list[str]) -> int:
    if not old or not new:
        return 0
    if "".join(old) == "".join(new):
        return _POINTS_NEEDED
    shorter, longer = sorted((old, new), key=len)
    rest = list(longer)
    for word in shorter:
        best = max(rest, key=lambda other: _alike(word, other))
        if _alike(word, best) < _SAME_WORD:
            return 0
        rest.remove(best)
    return 1 if rest else 2


def _alike(one: str, other: str) -> float:
    # Only a refresh that finds something gone needs it, and it takes longer to import than to use.
    from rapidfuzz.distance import OSA

    return OSA.normalized_similarity(one, other)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text[:200])]


def _share_of_values(old: Field, new: Field) -> float | None:
    left, right = ({v.value for v in f.picklist} for f in (old, new))
    return len(left & right) / len(left | right) if left or right else None


def _differ(left: bool | None, right: bool | None) -> bool:
    return left is not None and right is not None and left != right
