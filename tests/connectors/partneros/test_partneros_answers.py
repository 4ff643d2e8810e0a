from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crmdeck.connectors.partneros import answers
from crmdeck.errors import SourceError
from crmdeck.model import Field, schema_hash

from ...model.strategies import field_lists

SUMMARY = answers.Summary("Account", "Account", custom=False, schema_hash="")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(field_lists(unknowns=True))
def test_what_a_crmdeck_writes_is_read_exactly(fields: list[Field]) -> None:
    body = {"objectType": "Account", "fields": [json.loads(field.to_json()) for field in fields]}
    found = answers.object_schema(SUMMARY, body)
    assert schema_hash(found.fields) == schema_hash(fields)
    assert list(found.fields) == fields


@given(JSON | st.fixed_dictionaries({"objects": JSON, "fields": JSON, "suggestions": JSON}))
def test_nonsense_is_refused_in_words_or_left_out(body: Any) -> None:
    with contextlib.suppress(SourceError):
        answers.summaries(body)
    with contextlib.suppress(SourceError):
        answers.object_schema(SUMMARY, body)
    with contextlib.suppress(SourceError):
        answers.suggestions(body)
    answers.gone(body)
    answers.failures(body)
    answers.organization_ids(body)
