"""Renames: a removed and an added field of one object, or two objects, that look alike.

A rename is an offer, never a fact. Evidence counts in points, and `_POINTS_NEEDED` are needed.
Names and labels are compared as words, as in matching: abbreviations written out, synonyms in one
form. The same words in the name or the label are enough, and so is one more word, or a typing
error, in both. Anything less needs the same values, help text, or size too. The same help text
counts more if only one field of that type was removed and one was added.

Two custom objects are alike if they share most of their own fields, or their name or label in other
words and some of their fields.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from crmdeck.drift.differences import Difference
from crmdeck.model import DriftKind, Field, ObjectSchema

_POINTS_NEEDED = 4
# One point more than needed: another size alone doesn't speak against the same words.
_SAME_WORDS = 5
# Part of the letters that two words share: four of five.
_SAME_WORD = 0.8
_SHORTEST_MISSPELT = 6
# Part of the own fields that two custom objects share, without and with the same words in a name.
_MOST_FIELDS = 0.6
_SOME_FIELDS = 0.3

Key = tuple[str, str]
Words = Sequence[str]
FieldWords = Callable[[Sequence[Field]], Sequence[tuple[Words, Words]]]
"""A function that returns, for each field, the words of its name and of its label."""


@dataclass(frozen=True)
class _Candidate:
    field: Field
    name: Words
    label: Words


def find_renames(differences: Iterable[Difference], field_words: FieldWords) -> dict[Key, str]:
    """Return the probable old name of each added field, by object type and new name.

    One to one: if two removed fields are equally likely, neither is offered.
    """
    gone: dict[str, list[Field]] = defaultdict(list)
    added: dict[str, list[Field]] = defaultdict(list)
    for difference in differences:
        if difference.family == "gone" and difference.before:
            gone[difference.object_type].append(difference.before)
        elif difference.kind is DriftKind.FIELD_ADDED and difference.after:
            added[difference.object_type].append(difference.after)
    renames: dict[Key, str] = {}
    for object_type in gone.keys() & added.keys():
        old, new = gone[object_type], added[object_type]
        words = field_words([*old, *new])
        candidates = [
            _Candidate(field, *said) for field, said in zip([*old, *new], words, strict=True)
        ]
        pairs = _pair_up(candidates[: len(old)], candidates[len(old) :])
        renames |= {(object_type, came): left for came, left in pairs.items()}
    return renames


def find_object_renames(
    gone: Sequence[ObjectSchema], added: Sequence[ObjectSchema], field_words: FieldWords
) -> dict[str, str]:
    """Return the probable old object type of each added one; one to one, like fields."""
    if not gone or not added:
        return {}
    titles = [Field(name=each.object_type, label=each.label) for each in (*gone, *added)]
    words = dict(zip((title.name for title in titles), field_words(titles), strict=True))
    scores = {}
    for old, new in product(gone, added):
        # Admins can't rename the vendor's own objects.
        if old.custom is False or new.custom is False:
            continue
        mine, other = _own_fields(old), _own_fields(new)
        shared = len(mine & other) / len(mine | other) if mine or other else 0.0
        pairs = zip(words[old.object_type], words[new.object_type], strict=True)
        same_words = any(one and sorted(one) == sorted(two) for one, two in pairs)
        if shared >= (_SOME_FIELDS if same_words else _MOST_FIELDS):
            likeness = _alike(old.object_type.lower(), new.object_type.lower())
            scores[old.object_type, new.object_type] = (shared + same_words, likeness)
    return _best_pairs(scores)


def _own_fields(schema: ObjectSchema) -> set[tuple[str, str]]:
    # All objects share the vendor's system fields, and one custom field in common proves nothing.
    fields = {(each.name, each.type.value) for each in schema.fields if each.custom}
    return fields if len(fields) > 1 else set()


def _pair_up(gone: list[_Candidate], added: list[_Candidate]) -> dict[str, str]:
    """Return the removed field of each added one."""
    scores: dict[tuple[str, str], tuple[float, float]] = {}
    left, came = Counter(c.field.type for c in gone), Counter(c.field.type for c in added)
    for old, new in product(gone, added):
        points = _likeness(old, new)
        alone = left[old.field.type] == came[new.field.type] == 1
        points += alone and _same_help(old.field, new.field)
        if points >= _POINTS_NEEDED:
            names = old.field.name, new.field.name
            scores[names] = (points, _alike(names[0].lower(), names[1].lower()))
    return _best_pairs(scores)


def _best_pairs(scores: dict[tuple[str, str], tuple[float, float]]) -> dict[str, str]:
    """Return the old name for each new one, best scores first; ties cancel each other out."""
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


def _likeness(one: _Candidate, other: _Candidate) -> int:
    """Return the points for a rename; 0 if it can't be one."""
    old, new = one.field, other.field
    if old.type is not new.type or _differ(old.custom, new.custom):
        return 0
    if set(old.references) != set(new.references) or _differ(old.calculated, new.calculated):
        return 0
    # Admins add and remove values, so half of them may differ.
    shared = _share_of_values(old, new)
    if shared is not None and shared < 0.5:
        return 0
    points = _points_of_texts(one.label, other.label, old.label, new.label)
    points += _points_of_texts(one.name, other.name, old.name, new.name)
    # One value in common proves nothing.
    points += 2 * (shared == 1.0 and len(old.picklist) > 1)
    points += 2 * _same_help(old, new)
    points += 2 * bool(old.formula and old.formula == new.formula)
    sizes = [(f.length, f.precision, f.scale) for f in (old, new)]
    if any(sizes[0]) and any(sizes[1]):
        points += 1 if sizes[0] == sizes[1] else -1
    return points


def _same_help(old: Field, new: Field) -> bool:
    return bool(old.description) and old.description == new.description


def _points_of_texts(old: Words, new: Words, old_text: str, new_text: str) -> int:
    if not old or not new:
        return 0
    if "".join(old) == "".join(new) or sorted(old) == sorted(new):
        return _SAME_WORDS
    return 2 if _is_misspelt(old_text, new_text) else _points_of_words(old, new)


def _points_of_words(old: Words, new: Words) -> int:
    shorter, longer = sorted((old, new), key=len)
    rest = list(longer)
    for word in shorter:
        best = max(rest, key=lambda other: _alike(word, other))
        if _alike(word, best) < _SAME_WORD:
            return 0
        rest.remove(best)
    # Fields with a number more are several of a kind: Phone, Phone 2.
    one_more_at_most = len(rest) < 2 and not any(word.isdigit() for word in rest)
    return 2 if one_more_at_most else 1


def _is_misspelt(one: str, other: str) -> bool:
    """Return whether one letter is missing, or two letters are swapped.

    A replaced letter may make another word: `Contact A`, `Contact B`.
    """
    from rapidfuzz.distance import OSA

    if OSA.distance(one.lower(), other.lower(), score_cutoff=1) != 1:
        return False
    long_enough = min(len(one), len(other)) >= _SHORTEST_MISSPELT
    same_digits = _digits(one) == _digits(other)
    return long_enough and same_digits and _is_slip(one.lower(), other.lower())


def _is_slip(one: str, other: str) -> bool:
    return len(one) != len(other) or sorted(one) == sorted(other)


def _digits(text: str) -> list[str]:
    return [character for character in text if character.isdigit()]


def _alike(one: str, other: str) -> float:
    # Only a refresh that finds a removed field needs it, and the import takes longer than its use.
    from rapidfuzz.distance import OSA

    return OSA.normalized_similarity(one, other)


def _share_of_values(old: Field, new: Field) -> float | None:
    left, right = ({v.value for v in f.picklist} for f in (old, new))
    return len(left & right) / len(left | right) if left or right else None


def _differ(left: bool | None, right: bool | None) -> bool:
    return left is not None and right is not None and left != right
