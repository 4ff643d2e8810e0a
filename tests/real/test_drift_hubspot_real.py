"""Drift on real property lists: what an answer leaves out is no change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.model import DriftReport, FieldType
from tests.drift.build import drift

DATA = Path(__file__).parents[3] / "shared" / "data" / "hubspot" / "portal-a"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real portal at hand")
HINTS = {"showCurrencySymbol", "numberDisplayHint", "referencedObjectType"}


@pytest.mark.parametrize("name", ["companies", "deals"])
def test_shortened_response_keeps_types(name: str) -> None:
    answer = json.loads((DATA / f"{name}.properties.json").read_text("utf-8"))
    records = answer if isinstance(answer, list) else answer["results"]
    cut = [{key: each[key] for key in each.keys() - HINTS} for each in records]
    full, less = (parse_properties(name, name, each) for each in (records, cut))
    types = {field.type for field in full.fields}
    assert {FieldType.CURRENCY, FieldType.REFERENCE} <= types
    assert not {FieldType.CURRENCY, FieldType.REFERENCE} & {field.type for field in less.fields}
    for before, after in ((full, less), (less, full)):
        report = drift({name: before}, {name: after}, platform="hubspot")
        assert report == DriftReport()
