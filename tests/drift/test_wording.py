"""Changes in plain words."""

from __future__ import annotations

import pytest

from crmdeck.drift.wording import (
    KIND_WORDS,
    phrase,
    place_of,
    value_changes,
    value_text,
    what_happened,
)
from crmdeck.model import Change, DriftEvent, DriftKind, Severity

from .build import NOON


def event(*changes: Change) -> DriftEvent:
    return DriftEvent(
        id="e",
        connection_id="c",
        object_type="Account",
        field_name="x",
        kind=DriftKind.FIELD_CHANGED,
        severity=Severity.SAFE,
        changes=changes,
        detected_at=NOON,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(attribute="length", before=80, after=40), "length 80 → 40"),
        (Change(attribute="required", before=False, after=True), "required now"),
        (Change(attribute="updateable", before=True, after=False), "can't be updated any more"),
        (Change(attribute="references", before=["A", "B"], after=["B", "C"]), "lookup −A +C"),
        (Change(attribute="default", before=None, after=""), "default not set → empty"),
        (Change(attribute="formula", before="a", after="b" * 9999), "formula changed"),
    ],
)
def test_a_change_in_plain_words(change: Change, words: str) -> None:
    assert phrase(change) == words


def test_the_native_type_is_not_told_beside_the_type() -> None:
    changes = (
        Change(attribute="type", before="string", after="picklist"),
        Change(attribute="nativeType", before="string", after="picklist"),
    )
    assert what_happened(event(*changes)) == "type string → picklist"


def test_a_value_that_is_inactive_now_has_left() -> None:
    def value(name: str, label: str = "", *, active: bool = True) -> dict[str, object]:
        return {"value": name, "label": label or name, "active": active, "default": False}

    change = Change(
        attribute="picklist",
        before=[value("gone"), value("off"), value("same", "Old"), value("back", active=False)],
        after=[value("off", active=False), value("same", "New"), value("back"), value("new")],
    )
    found = value_changes([change])
    assert [(v.how, v.value, v.detail) for v in found] == [
        ("removed", "gone", ""),
        ("removed", "off", "inactive now"),
        ("added", "back", "active again"),
        ("added", "new", ""),
        ("changed", "same", "Old → New"),
    ]
    assert what_happened(event(change), found) == "2 values removed, 2 added, 1 changed"


def test_a_value_listed_twice_in_two_states_can_still_be_chosen() -> None:
    def value(*, active: bool) -> dict[str, object]:
        return {"value": "won", "label": "won", "active": active, "default": False}

    change = Change(
        attribute="picklist",
        before=[value(active=True)],
        after=[value(active=False), value(active=True)],
    )
    assert [found.how for found in value_changes([change])] == ["changed"]


def test_one_side_of_a_change_as_text() -> None:
    assert value_text(None) == "not set"
    assert value_text("") == "empty"
    assert value_text([]) == "none"
    assert value_text(list(range(25)), listed=2) == "0, 1 and 23 more"
    values = [{"value": "a", "label": "A", "active": True}, {"value": "b", "active": False}]
    assert value_text(values) == "a (A), b, inactive"


def test_a_rule_and_an_object_have_words_of_their_own() -> None:
    rule = event().model_copy(update={"kind": DriftKind.RULE_ADDED, "rule": "Needs_amount"})
    assert (place_of(rule), what_happened(rule)) == ("Account.Needs_amount", "new rule")
    locked = event(Change(attribute="createable", before=True, after=False))
    assert what_happened(locked) == "can't be set on new records"
    whole = locked.model_copy(update={"kind": DriftKind.OBJECT_CHANGED, "field_name": None})
    assert what_happened(whole) == "records can't be created any more"


def test_every_kind_of_event_has_a_word() -> None:
    assert set(KIND_WORDS) == set(DriftKind)
