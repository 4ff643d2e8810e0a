from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.connectors.partneros import answers
from crmdeck.errors import SourceError
from crmdeck.model import (
    Field,
    ObjectDetail,
    ObjectSchema,
    RecordType,
    Rule,
    RuleKind,
    schema_hash,
)

from ...model.strategies import fields

NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)
SUMMARY = answers.Summary("Account", "Account", custom=False, schema_hash="")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(fields(unknowns=True))
def test_written_sheet_is_read_exactly(field: Field) -> None:
    body = {"objectType": "Account", "fields": [json.loads(field.to_json())]}
    found = answers.object_schema(SUMMARY, body)
    assert schema_hash(found.fields) == schema_hash([field])
    assert found.fields == (field,)


@given(JSON | st.fixed_dictionaries({"objects": JSON, "fields": JSON, "suggestions": JSON}))
def test_malformed_records_are_rejected_or_skipped(body: Any) -> None:
    with contextlib.suppress(SourceError):
        answers.summaries(body)
    with contextlib.suppress(SourceError):
        answers.object_schema(SUMMARY, body)
    with contextlib.suppress(SourceError):
        answers.suggestions(body)
    with contextlib.suppress(SourceError):
        answers.failures(body)
    answers.gone(body)
    answers.organization_ids(body)


def test_an_object_arrives_with_all_that_the_server_read() -> None:
    sent = ObjectSchema(
        object_type="Deal",
        label="Deal",
        custom=False,
        plural="Deals",
        createable=True,
        custom_setting=False,
        record_types=(
            RecordType(name="Partner", values={"Stage": ("New",)}, value_defaults={}, id="012a"),
        ),
        rules=(
            Rule(name="Late", kind=RuleKind.VALIDATION, expression="CloseDate < TODAY()"),
            Rule(
                name="duplicates:Email",
                kind=RuleKind.DUPLICATES,
                fields=("Email",),
                on_create="block",
            ),
        ),
        not_read={"automation": "The user lacks a permission."},
        user={"$profile.name": "Sync", "$permission.deal_desk": False},
        fields=(Field(name="Email", default="x", default_is_formula=False, native={"mask": 1}),),
        native={"keyPrefix": "a01"},
    )
    answer = ObjectDetail(
        **dict(sent), schema_hash="h", discovered_at=NOON, expires_at=NOON, is_stale=False
    ).to_wire()
    summary = answers.summaries([{"objectType": "Deal", "label": "Deal", "custom": False}])[0]
    assert answers.object_schema(summary, answer) == sent
    for broken in ({"rules": [{"name": 5}]}, {"recordTypes": "none"}, {"notRead": {"x": 5}}):
        with pytest.raises(SourceError, match="Deal: `"):
            answers.object_schema(summary, answer | broken)
