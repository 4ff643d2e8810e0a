"""Ranking of two schema files, without a connection or a cache."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from crmdeck import matching
from crmdeck.connectors.files import load_schema_file
from crmdeck.matching.checks import warn
from crmdeck.matching.lexicon import homes_of
from crmdeck.model import Direction, MappingWarning, Suggestion, WireModel
from crmdeck.workspace.knowledge import load_knowledge
from crmdeck.workspace.mappings.file import accepted_pairs
from crmdeck.workspace.mappings.ranking import NO_ENCODER, check_encoder, with_warnings

MATCH_COLUMNS = ("partnerField", "crmField", "confidence", "direction", "reasons", "warnings")


class FileMatches(WireModel):
    """The suggestions for two schema files; `elapsed_ms` excludes reading them."""

    suggestions: tuple[Suggestion, ...]
    encoder: str
    elapsed_ms: int


def match_files(
    left: Path,
    right: Path,
    *,
    left_object: str | None = None,
    right_object: str | None = None,
    encoder: str = "auto",
    decisions: Sequence[str] = (),
    home: Path | None = None,
) -> FileMatches:
    """Return one suggestion for each field of the left file.

    Files are Salesforce describes, HubSpot property lists, or CSV with the columns name, label,
    description, type, picklist (values separated by `|`). `decisions` are mappings as `crmdeck
    export NAME --what mapping` writes them: what was accepted there also counts here, for similar
    names too. Raises SourceError with the file and place that can't be read, UsageError if a file
    has several objects and none is named, or for text that isn't a mapping.
    """
    earlier = tuple(pair for text in decisions for pair in accepted_pairs(text))
    evidence = matching.Evidence(connections=earlier)
    ours = load_schema_file(left, left_object)
    theirs = load_schema_file(right, right_object)
    knowledge = load_knowledge(home)
    used = matching.SentenceEncoder() if check_encoder(encoder) != NO_ENCODER else None
    started = time.perf_counter()
    context = matching.RankContext(ours.object_type, theirs.object_type)
    rank = partial(
        matching.rank,
        ours.fields,
        theirs.fields,
        context=context,
        knowledge=knowledge,
        evidence=evidence,
    )
    try:
        suggestions = rank(encoder=used)
    # The names, types and values still match; the response names the encoder that was used.
    except matching.EncoderUnavailableError:
        used = None
        suggestions = rank(encoder=None)
    # The first of duplicate names is the one that was ranked.
    lefts, rights = ({one.name: one for one in reversed(side.fields)} for side in (ours, theirs))
    homes = homes_of(ours.fields, theirs.fields, context, knowledge)

    def warnings(name: str, crm_field: str | None, _: Direction) -> tuple[MappingWarning, ...]:
        if crm_field is None:
            return ()
        return warn(lefts[name], rights[crm_field], knowledge=knowledge, homes=homes)

    return FileMatches(
        suggestions=tuple(with_warnings(suggestions, warnings)),
        encoder=used.name if used else NO_ENCODER,
        elapsed_ms=round((time.perf_counter() - started) * 1000),
    )


def match_row(suggestion: Suggestion) -> dict[str, object]:
    """Return a match as a row with the columns `MATCH_COLUMNS`."""
    return {
        "partnerField": suggestion.partner_field,
        "crmField": suggestion.crm_field,
        "confidence": round(suggestion.confidence, 4),
        "direction": suggestion.direction.value,
        "reasons": "; ".join(reason.text for reason in suggestion.reasons),
        "warnings": "; ".join(warning.text for warning in suggestion.warnings),
    }
