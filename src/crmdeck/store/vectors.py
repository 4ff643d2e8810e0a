"""Embeddings of texts, so that no text is encoded twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmdeck.store.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Vectors:
    """Vectors by model and text; the text itself isn't stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model: str, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        import numpy as np

        by_hash = {_hash(text): text for text in texts}
        if not by_hash:
            return {}
        rows = self._database.rows(
            "SELECT text_hash, vector FROM text_vector "
            "WHERE model = ? AND text_hash IN (SELECT unnest(?::VARCHAR[]))",
            [model, list(by_hash)],
        )
        return {
            by_hash[text_hash]: np.frombuffer(blob, dtype="<f4").astype(np.float32)
            for text_hash, blob in rows
        }

    def put(self, model: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store vectors by text; existing ones stay."""
        # Two processes can encode the same text at the same time.
        if not vectors:
            return
        hashes = [_hash(text) for text in vectors]
        blobs = [vector.astype("<f4").tobytes() for vector in vectors.values()]
        self._database.run(
            "INSERT INTO text_vector SELECT ?, text_hash, vector FROM "
            "(SELECT unnest(?::VARCHAR[]) AS text_hash, unnest(?::BYTEA[]) AS vector) AS incoming "
            "WHERE text_hash NOT IN (SELECT text_hash FROM text_vector WHERE model = ?)",
            [model, hashes, blobs, model],
        )


def _hash(text: str) -> str:
    # A CRM can send half a surrogate pair, which UTF-8 rejects.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
