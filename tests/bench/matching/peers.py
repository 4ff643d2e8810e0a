"""Rankers to compare with: names alone, meaning alone, and COMA if valentine is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from crmdeck.matching.encoder import Encoder
from crmdeck.model import Field

from .metrics import Answer
from .sets import GoldSet

Peer = Callable[[GoldSet], dict[str, Answer]]
DEPTH = 10


def by_names(gold: GoldSet) -> dict[str, Answer]:
    """Rank by rapidfuzz's WRatio of the field names, case ignored."""
    scores = process.cdist(
        [field.name.lower() for field in gold.left],
        [field.name.lower() for field in gold.right],
        scorer=fuzz.WRatio,
    )
    return _answers(gold, scores)


def by_words(gold: GoldSet) -> dict[str, Answer]:
    """Rank by rapidfuzz's token_sort_ratio of names and labels, the better of the two."""
    by_name, by_label = (
        process.cdist(
            [
                (field.label if labels and field.label else field.name).lower()
                for field in gold.left
            ],
            [
                (field.label if labels and field.label else field.name).lower()
                for field in gold.right
            ],
            scorer=fuzz.token_sort_ratio,
        )
        for labels in (False, True)
    )
    return _answers(gold, np.maximum(by_name, by_label))


def by_meaning(encoder: Encoder) -> Peer:
    """Return a ranker by the cosine of name and label alone."""

    def ranked(gold: GoldSet) -> dict[str, Answer]:
        left = encoder.encode([_plain(field) for field in gold.left])
        right = encoder.encode([_plain(field) for field in gold.right])
        return _answers(gold, left @ right.T)

    return ranked


def has_coma() -> bool:
    """True if valentine, which has a port of COMA, is installed."""
    return importlib.util.find_spec("valentine") is not None


def by_coma(gold: GoldSet) -> dict[str, Answer]:
    """Rank by COMA on the schemas alone, as valentine implements it."""
    pandas: Any = importlib.import_module("pandas")
    valentine: Any = importlib.import_module("valentine")
    algorithms: Any = importlib.import_module("valentine.algorithms")
    matcher = algorithms.Coma(max_n=0, delta=1.0, use_instances=False)
    frames = [
        pandas.DataFrame(columns=[field.name for field in side]) for side in (gold.left, gold.right)
    ]
    found = valentine.valentine_match(frames, matcher)
    columns = {field.name: place for place, field in enumerate(gold.right)}
    rows = {field.name: place for place, field in enumerate(gold.left)}
    scores = np.zeros((len(rows), len(columns)))
    for pair, score in found.items():
        scores[rows[pair.source_column], columns[pair.target_column]] = score
    return _answers(gold, scores)


def _plain(field: Field) -> str:
    words = "".join(f" {c}" if c.isupper() else c for c in field.name).replace("_", " ")
    return f"{words} {field.label}".strip().lower()


def _answers(gold: GoldSet, scores: NDArray[Any]) -> dict[str, Answer]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    names: Sequence[str] = [field.name for field in gold.right]
    return {
        field.name: Answer(tuple(names[column] for column in columns))
        for field, columns in zip(gold.left, order, strict=True)
    }
