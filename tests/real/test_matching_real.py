"""The shipped ranker on real schemas, with the pairs of public mapping tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from crmdeck.connectors.files import load_schema_file
from crmdeck.matching import Encoder, RankContext, SentenceEncoder, rank
from crmdeck.workspace.knowledge import load_knowledge

DATA = Path(__file__).parents[3] / "shared" / "data"
INDEX = DATA / "gold" / "index.json"
pytestmark = pytest.mark.skipif(not INDEX.is_file(), reason="the gold mappings are missing")

# Well below the measured figures, so that noise doesn't fail the test.
FIRST, HIGH, COVERED, SUGGESTED, RIGHT = 0.93, 0.97, 0.7, 0.85, 0.93
# Its 1,200 labels take most of the encoder's time; `tests.bench.matching.evaluate` has them, too.
LARGEST = "hubspot/portal-b/contacts.properties.v2.json"


@pytest.mark.parametrize("encoder", [SentenceEncoder(), None], ids=["encoder", "none"])
def test_most_true_pairs_come_first_and_high_matches_are_right(encoder: Encoder | None) -> None:
    knowledge = load_knowledge(None)
    first: list[float] = []
    sure: list[bool] = []
    offered: list[bool] = []
    pairs = 0
    for entry in json.loads(INDEX.read_text("utf-8"))["sets"]:
        if encoder is not None and entry["left"] == LARGEST:
            continue
        left = load_schema_file(DATA / entry["left"], None)
        right = load_schema_file(DATA / entry["right"], None)
        with (DATA / entry["pairs"]).open(encoding="utf-8", newline="") as file:
            truth = {row["left"]: row["right"] for row in csv.DictReader(file)}
        found = rank(
            left.fields, right.fields, context=RankContext(), knowledge=knowledge, encoder=encoder
        )
        known = [one for one in found if one.partner_field in truth]
        hits = [one.crm_field == truth[one.partner_field] for one in known]
        places = [
            one.crm_field or next((other.crm_field for other in one.alternatives), None)
            for one in known
        ]
        first.append(
            sum(place == truth[one.partner_field] for place, one in zip(places, known, strict=True))
            / len(truth)
        )
        offered += [hit for hit, one in zip(hits, known, strict=True) if one.crm_field]
        sure += [
            hit
            for hit, one in zip(hits, known, strict=True)
            if one.crm_field and one.confidence >= 0.9
        ]
        pairs += len(truth)
    assert sum(first) / len(first) >= FIRST
    assert sum(sure) / len(sure) >= HIGH
    assert sum(sure) / pairs >= COVERED
    assert sum(offered) / pairs >= SUGGESTED
    assert sum(offered) / len(offered) >= RIGHT
