"""The words that two fields share: rare words weigh more, near spellings count in part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Prefix

from crmdeck.matching.text import FILLERS, FieldText

Matrix = NDArray[np.float32]

MAX_TOKENS = 12
# Below this rapidfuzz ratio two words are different words ("state", "status").
_NEAR = 85
# Words with one stem ("expiry", "expiration") count this much.
_STEM = np.float32(0.85)
_FILLER_WEIGHT = 0.15
_CONTEXT_WEIGHT = 0.35


@dataclass(frozen=True)
class Overlap:
    """How far the words of two fields are the same.

    `union` compares all words of name and label, `closest` the best of name with name, label
    with label, and crosswise.
    """

    union: Matrix
    closest: Matrix


class WordWeights:
    """How much a word says: the rarer among all fields, the more.

    `context` are the words of the objects' own names, which say little inside them.
    """

    def __init__(self, fields: Sequence[FieldText], context: Collection[str] = ()) -> None:
        counts = Counter(token for text in fields for token in {*text.name, *text.label})
        self._total = len(fields)
        self._counts = counts
        self._context = frozenset(context)

    def __call__(self, token: str) -> float:
        weight = float(np.log1p(self._total / max(1, self._counts[token])))
        if token in FILLERS:
            return weight * _FILLER_WEIGHT
        return weight * _CONTEXT_WEIGHT if token in self._context else weight


class _Side:
    """The fields of one side as weighted rows over that side's vocabulary."""

    def __init__(self, fields: Sequence[FieldText], weights: WordWeights) -> None:
        rows = {
            "name": [text.name[:MAX_TOKENS] for text in fields],
            "label": [(text.label or text.name)[:MAX_TOKENS] for text in fields],
        }
        rows["both"] = [
            tuple(dict.fromkeys((*name, *label)))[:MAX_TOKENS]
            for name, label in zip(rows["name"], rows["label"], strict=True)
        ]
        self.vocabulary = sorted({token for row in rows["both"] for token in row})
        index = {token: place for place, token in enumerate(self.vocabulary)}
        weight = np.array([weights(token) for token in self.vocabulary] or [0.0], np.float32)
        self.views = {key: _View(row, index, weight) for key, row in rows.items()}


class _View:
    """One way to look at a side: padded token places, and a weight for each token."""

    def __init__(
        self, rows: Sequence[Sequence[str]], index: Mapping[str, int], weight: Matrix
    ) -> None:
        longest = max(map(len, rows), default=0) or 1
        self.places = np.full((len(rows), longest), len(index), np.intp)
        self.weighted = np.zeros((len(rows), max(1, len(index))), np.float32)
        for place, row in enumerate(rows):
            tokens = [index[token] for token in row if token in index]
            self.places[place, : len(tokens)] = tokens
            self.weighted[place, tokens] = weight[tokens]
        self.total = self.weighted.sum(axis=1)

    def best(self, similar: Matrix) -> Matrix:
        """Return for each row of `similar` and each field its most similar token's score."""
        padded = np.pad(similar, ((0, 0), (0, 1)))
        found = padded[:, self.places[:, 0]]
        for column in range(1, self.places.shape[1]):
            np.maximum(found, padded[:, self.places[:, column]], out=found)
        return found


def overlap(left: Sequence[FieldText], right: Sequence[FieldText], weights: WordWeights) -> Overlap:
    """Return how far the words of each left and each right field are the same."""
    one, other = _Side(left, weights), _Side(right, weights)
    if not (one.vocabulary and other.vocabulary):
        nothing = np.zeros((len(left), len(right)), np.float32)
        return Overlap(union=nothing, closest=nothing)
    similar = word_similarity(one.vocabulary, other.vocabulary)
    to_right = {key: other.views[key].best(similar) for key in other.views}
    to_left = {key: one.views[key].best(similar.T) for key in one.views}

    def shared(mine: str, theirs: str) -> Matrix:
        ours, yours = one.views[mine], other.views[theirs]
        found = ours.weighted @ to_right[theirs] + (yours.weighted @ to_left[mine]).T
        total = ours.total[:, None] + yours.total[None, :]
        part: Matrix = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
        return part

    closest = shared("name", "name")
    for mine, theirs in (("label", "label"), ("name", "label"), ("label", "name")):
        np.maximum(closest, shared(mine, theirs), out=closest)
    return Overlap(union=shared("both", "both"), closest=closest)


def word_similarity(left: Sequence[str], right: Sequence[str]) -> Matrix:
    """Return how alike words are, 0 to 1: the same, near spellings, or one stem."""
    similar: Matrix = process.cdist(
        left, right, scorer=fuzz.ratio, score_cutoff=_NEAR, dtype=np.float32
    )
    similar /= 100
    length_left = np.array([len(word) for word in left])[:, None]
    length_right = np.array([len(word) for word in right])[None, :]
    shorter = np.minimum(length_left, length_right)
    common = process.cdist(left, right, scorer=Prefix.similarity, dtype=np.uint8)
    stem = (shorter >= 6) & (common >= 5) & (common >= 0.7 * shorter)
    np.maximum(similar, _STEM, out=similar, where=stem)
    return similar


def label_similarity(left: Sequence[FieldText], right: Sequence[FieldText]) -> Matrix:
    """Return how alike the labels are whatever the order of their words, 0 to 1."""
    scores: Matrix = process.cdist(
        [_label(text) for text in left],
        [_label(text) for text in right],
        scorer=fuzz.token_sort_ratio,
        dtype=np.float32,
    )
    scores /= 100
    return scores


def _label(text: FieldText) -> str:
    return " ".join((text.label or text.name)[:MAX_TOKENS])
