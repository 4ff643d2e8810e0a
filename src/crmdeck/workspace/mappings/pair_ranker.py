"""The ranker at work: over cached vectors, the decisions so far, and the source's own word.

Apart from the use cases, since it brings in numpy, which only a ranking needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmdeck.matching import (
    CachedEncoder,
    Encoder,
    EncoderUnavailableError,
    Evidence,
    RankContext,
    SentenceEncoder,
    rank,
    texts_to_encode,
)
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    CancelToken,
    Decision,
    Field,
    ObjectPair,
    Platform,
    Progress,
    ProgressCallback,
    Suggestion,
)
from crmdeck.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 256
NO_ENCODER = "none"


def cached_encoder(
    store: Store,
    left: Sequence[Field],
    right: Sequence[Field],
    knowledge: Knowledge,
    progress: ProgressCallback | None,
    cancel: CancelToken,
) -> Encoder | None:
    """Return an encoder that has the vectors of both sides, or None where none can be had.

    Missing vectors are made in batches and kept in the cache.
    """
    texts = texts_to_encode(left, right, knowledge)
    model = SentenceEncoder()
    with store.read() as session:
        vectors = session.vectors.get(model.name, texts)
    missing = [text for text in texts if text not in vectors]
    made: dict[str, NDArray[np.float32]] = {}
    try:
        for start in range(0, len(missing), BATCH):
            cancel.check()
            batch = missing[start : start + BATCH]
            made.update(zip(batch, model.encode(batch), strict=True))
            if progress is not None:
                progress(Progress(start + len(batch), len(missing), "texts"))
    except EncoderUnavailableError:
        return None
    if made and not store.read_only:
        with store.write() as session:
            session.vectors.put(model.name, made)
    return CachedEncoder(model.name, {**vectors, **made})


def rank_pair(
    pair: ObjectPair,
    platform: Platform,
    left: Sequence[Field],
    right: Sequence[Field],
    *,
    knowledge: Knowledge,
    encoder: Encoder | None,
    log: Sequence[Decision],
    others: Mapping[str, Sequence[Decision]],
    own: Sequence[Suggestion] = (),
) -> tuple[Suggestion, ...]:
    """Return the ranker's suggestions, with what the decision logs and the source say.

    `log` is that of the connection, `others` are those of other connections, by name.
    """
    suggested: dict[str, dict[str, float]] = {}
    for one in own:
        if one.crm_field is not None:
            suggested.setdefault(one.partner_field, {})[one.crm_field] = one.confidence
    return rank(
        left,
        right,
        context=RankContext(pair.partner_object, pair.crm_object, platform),
        knowledge=knowledge,
        encoder=encoder,
        evidence=Evidence.from_log(log, str(pair), suggested=suggested, others=others),
    )
