"""The sentence encoder of the benchmarks, which caches vectors on disk between runs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import SentenceEncoder


class MemoEncoder:
    """A sentence encoder with a cache in the temporary folder."""

    def __init__(self) -> None:
        self._encoder = SentenceEncoder()
        self.name = self._encoder.name
        self._file = Path(tempfile.gettempdir()) / f"crmdeck-bench-{self.name}.npz"
        self._vectors: dict[str, NDArray[np.float32]] = {}
        if self._file.is_file():
            with np.load(self._file) as kept:
                self._vectors = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector for each text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            self._vectors.update(zip(missing, self._encoder.encode(missing), strict=True))
        if not texts:
            return self._encoder.encode(())
        return np.stack([self._vectors[text] for text in texts])

    def save(self) -> None:
        """Cache all vectors for the next run; several runs can do so at once."""
        texts = np.array(list(self._vectors))
        with tempfile.NamedTemporaryFile(dir=self._file.parent, delete=False) as file:
            np.savez(file, texts=texts, vectors=np.stack(list(self._vectors.values())))
        Path(file.name).replace(self._file)
