"""Ranking of an object pair, with cached vectors, decision logs and the source's suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck import matching
from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.mapping.wording import as_warning
from crmdeck.matching.checks import warn, warn_of_rules
from crmdeck.matching.evidence import NO_FIELDS, Fields
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import homes_of
from crmdeck.model import (
    AssistantSuggestion,
    CancelToken,
    Connection,
    Decision,
    Direction,
    MappingWarning,
    ObjectPair,
    ObjectSchema,
    PartnerObject,
    Progress,
    ProgressCallback,
    SourceSuggestion,
    Suggestion,
)
from crmdeck.preflight.edges import field_failures
from crmdeck.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Between batches, a ranking can be canceled and reports progress.
BATCH = 256
NO_ENCODER = "none"
ENCODERS = ("auto", NO_ENCODER)
Warnings = Callable[[str, str | None, Direction], tuple[MappingWarning, ...]]
"""Returns the warnings about a PartnerOS field on a CRM field in a direction."""


@dataclass(frozen=True)
class Learning:
    """Decisions on the same pair in other connections, by name, and the fields that they name."""

    others: Mapping[str, Sequence[Decision]]
    fields: Fields


@dataclass(frozen=True)
class PairFields:
    """The two sides of an object pair, and every decision in the connection.

    `offered` are the suggestions of assistants for the pair, oldest first.
    """

    pair: ObjectPair
    connection: Connection
    partner: PartnerObject
    crm_object: ObjectSchema
    log: tuple[Decision, ...]
    offered: tuple[AssistantSuggestion, ...] = ()

    @property
    def own_log(self) -> tuple[Decision, ...]:
        pair = str(self.pair)
        return tuple(decision for decision in self.log if decision.object_pair == pair)

    def with_partner(self, partner: PartnerObject) -> PairFields:
        pair = ObjectPair(partner_object=partner.object_type, crm_object=self.pair.crm_object)
        return replace(self, pair=pair, partner=partner, offered=())


def check_encoder(name: str) -> str:
    """Return a valid name of an encoder; raises UsageError for any other."""
    if name not in ENCODERS:
        raise UsageError(f"No encoder named '{name}'.", remedy="Use 'auto' or 'none'.")
    return name


class StoredEncoder:
    """The sentence encoder, with the vectors that the store has.

    Missing vectors are computed in batches and stored. The model loads with the first missing one,
    which is often none.
    """

    def __init__(
        self,
        store: Store,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._store = store
        self._progress = progress
        self._cancel = cancel or CancelToken()
        self._model = matching.SentenceEncoder()
        self.name = self._model.name

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector for each text; raises EncoderUnavailableError."""
        import numpy as np

        if not texts:
            return self._model.encode(())
        with self._store.read() as session:
            vectors = session.vectors.get(self.name, texts)
        missing = [text for text in dict.fromkeys(texts) if text not in vectors]
        made: dict[str, NDArray[np.float32]] = {}
        for start in range(0, len(missing), BATCH):
            self._cancel.check()
            batch = missing[start : start + BATCH]
            made.update(zip(batch, self._model.encode(batch), strict=True))
            if self._progress is not None:
                self._progress(Progress(start + len(batch), len(missing), "texts"))
        if made and not self._store.read_only:
            with self._store.write() as session:
                session.vectors.put(self.name, made)
        vectors |= made
        return np.stack([vectors[text] for text in texts])


def rank_pair(
    sides: PairFields,
    *,
    knowledge: Knowledge,
    encoder: matching.Encoder | None,
    learning: Learning | None,
    now: datetime,
    own: Sequence[Suggestion] = (),
) -> tuple[Suggestion, ...]:
    """Return one suggestion for each PartnerOS field, with the verdicts of preflight as warnings.

    `learning` uses the decisions on other pairs and in other connections. `own` are the
    suggestions of the source.
    """
    offered: dict[str, list[SourceSuggestion]] = {}
    for one in own:
        if one.crm_field is not None:
            offered.setdefault(one.partner_field, []).append(
                SourceSuggestion(
                    crm_field=one.crm_field, confidence=one.confidence, direction=one.direction
                )
            )
    # If learning is off, the decisions on other pairs have no weight either.
    log = sides.log if learning is not None else sides.own_log
    evidence = matching.Evidence.from_log(
        # Only decisions on PartnerOS fields say how fields match.
        [decision for decision in log if decision.partner_field],
        str(sides.pair),
        suggested={
            name: {one.crm_field: one.confidence for one in found}
            for name, found in offered.items()
        },
        others=learning.others if learning is not None else {},
        fields=learning.fields if learning is not None else NO_FIELDS,
    )
    context = matching.RankContext(
        sides.pair.partner_object, sides.pair.crm_object, sides.connection.platform
    )
    ranked = matching.rank(
        sides.partner.fields,
        sides.crm_object.fields,
        context=context,
        knowledge=knowledge,
        encoder=encoder,
        evidence=evidence,
    )
    return tuple(
        suggestion.model_copy(
            update={
                "source_suggestions": tuple(
                    sorted(
                        offered.get(suggestion.partner_field, ()), key=lambda one: -one.confidence
                    )
                )
            }
        )
        for suggestion in with_warnings(ranked, _preflight(sides, context, knowledge, now))
    )


def with_warnings(suggestions: Iterable[Suggestion], warnings: Warnings) -> Iterator[Suggestion]:
    """Yield suggestions with the warnings about them and their alternatives."""
    for suggestion in suggestions:
        name = suggestion.partner_field
        alternatives = tuple(
            one.model_copy(update={"warnings": warnings(name, one.crm_field, one.direction)})
            for one in suggestion.alternatives
        )
        own = warnings(name, suggestion.crm_field, suggestion.direction)
        yield suggestion.model_copy(update={"warnings": own, "alternatives": alternatives})


def _preflight(
    sides: PairFields, context: matching.RankContext, knowledge: Knowledge, now: datetime
) -> Warnings:
    """Return the function that judges a PartnerOS field on a CRM field in a direction."""
    partner_fields = {field.name: field for field in sides.partner.fields}
    crm_fields = {field.name: field for field in sides.crm_object.fields}
    homes = homes_of(sides.partner.fields, sides.crm_object.fields, context, knowledge)
    write_rules = vendor_of(sides.connection.platform).write_rules

    def warnings(
        name: str, crm_field: str | None, direction: Direction
    ) -> tuple[MappingWarning, ...]:
        left, right = partner_fields[name], crm_fields.get(crm_field or "")
        if right is None:
            return ()
        reads = direction is not Direction.PUSH
        # Writes are judged below, by the rules of the CRM.
        found = warn(left, right, knowledge=knowledge, homes=homes, writes=False, reads=reads)
        if direction is Direction.PULL:
            return found
        failures = field_failures(left, right, write_rules, now.replace(tzinfo=None))
        return (*found, *map(as_warning, failures), *warn_of_rules(right, sides.crm_object.rules))

    return warnings
