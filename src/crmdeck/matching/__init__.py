"""Pure: two field lists in, a suggestion for each PartnerOS field out.

Names are looked up on first use, so that importing this package costs nothing: the ranker needs
numpy and rapidfuzz, the rest does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmdeck.matching.context import RankContext
    from crmdeck.matching.encoder import (
        CachedEncoder,
        Encoder,
        EncoderUnavailableError,
        SentenceEncoder,
    )
    from crmdeck.matching.evidence import Evidence
    from crmdeck.matching.ranker import rank, texts_to_encode

_HOMES = {
    "CachedEncoder": "encoder",
    "Encoder": "encoder",
    "EncoderUnavailableError": "encoder",
    "Evidence": "evidence",
    "RankContext": "context",
    "SentenceEncoder": "encoder",
    "rank": "ranker",
    "texts_to_encode": "ranker",
}

__all__ = [
    "CachedEncoder",
    "Encoder",
    "EncoderUnavailableError",
    "Evidence",
    "RankContext",
    "SentenceEncoder",
    "rank",
    "texts_to_encode",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
