"""Changes in plain words."""

from __future__ import annotations

import pytest

from crmdeck.drift.wording import (
    KIND_WORDS,
    event_text,
    few,
    mapping_text,
    phrase,
    place_of,
    value_changes,
    value_text,
    what_happened,
)
from crmdeck.model import (
    AttributeChange,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    Severity,
)

from .build import NOON


def event(*changes: AttributeChange) -> DriftEvent:
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
        (AttributeChange(attribute="length", before=80, after=40), "length 80 → 40"),
        (AttributeChange(attribute="required", before=False, after=True), "now required"),
        (AttributeChange(attribute="updateable", before=True, after=False), "updates can't set it"),
        (
            AttributeChange(attribute="references", before=["A", "B"], after=["B", "C"]),
            "lookup −A +C",
        ),
        (AttributeChange(attribute="default", before=None, after=""), "default not set → empty"),
        (AttributeChange(attribute="formula", before="a", after="b" * 9999), "formula changed"),
    ],
)
def test_a_change_in_plain_words(change: AttributeChange, words: str) -> None:
    assert phrase(change) == words


def test_native_type_is_omitted_next_to_type() -> None:
    changes = (
        AttributeChange(attribute="type", before="string", after="picklist"),
        AttributeChange(attribute="nativeType", before="string", after="picklist"),
    )
    assert what_happened(event(*changes)) == "type string → picklist"


def test_a_value_that_is_inactive_now_has_left() -> None:
    def value(name: str, label: str = "", *, active: bool = True) -> dict[str, object]:
        return {"value": name, "label": label or name, "active": active, "default": False}

    change = AttributeChange(
        attribute="picklist",
        before=[value("gone"), value("off"), value("same", "Old"), value("back", active=False)],
        after=[value("off", active=False), value("same", "New"), value("back"), value("new")],
    )
    found = value_changes([change])
    assert [(v.how, v.value, v.detail) for v in found] == [
        ("removed", "gone", ""),
        ("removed", "off", "now inactive"),
        ("added", "back", "active again"),
        ("added", "new", ""),
        ("changed", "same", "Old → New"),
    ]
    assert what_happened(event(change), found) == "2 values removed, 2 added, 1 changed"


def test_a_value_listed_twice_in_two_states_can_still_be_chosen() -> None:
    def value(*, active: bool) -> dict[str, object]:
        return {"value": "won", "label": "won", "active": active, "default": False}

    change = AttributeChange(
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
    locked = event(AttributeChange(attribute="createable", before=True, after=False))
    assert what_happened(locked) == "new records can't set it"
    whole = locked.model_copy(update={"kind": DriftKind.OBJECT_CHANGED, "field_name": None})
    assert what_happened(whole) == "records can't be created"


def test_every_kind_of_event_has_a_word() -> None:
    assert set(KIND_WORDS) == set(DriftKind)


def changes(number: int) -> list[AttributeChange]:
    names = ("length", "precision", "scale", "unique")
    return [AttributeChange(attribute=name, before=1, after=2) for name in names[:number]]


def test_two_attributes_are_named_and_the_others_counted() -> None:
    assert what_happened(event(*changes(2))) == "length 1 → 2, digits 1 → 2"
    assert what_happened(event(*changes(3))) == "length 1 → 2, digits 1 → 2 and 1 more"
    assert what_happened(event(*changes(4))) == "length 1 → 2, digits 1 → 2 and 2 more"


def test_a_change_in_one_line() -> None:
    assert event_text(event(*changes(1))) == "2026-05-16, safe, Account.x: length 1 → 2"


def test_a_rename_is_probable() -> None:
    added = event().model_copy(update={"kind": DriftKind.FIELD_ADDED, "rename_of": "Old"})
    gone = event().model_copy(update={"kind": DriftKind.FIELD_HIDDEN})
    assert what_happened(added) == "probably renamed from Old"
    assert what_happened(gone, new_name="New") == "probably renamed to New"
    assert what_happened(gone) == "hidden from this user"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            AttributeChange(attribute="references", before=["A", "B", "C", "D"], after=[]),
            "lookup −A −B −C",
        ),
        (AttributeChange(attribute="required", before=True, after=False), "no longer required"),
        (AttributeChange(attribute="required", before=True, after=None), "required yes → not set"),
        (AttributeChange(attribute="label", before="a" * 99, after="b"), f"label {'a' * 80} → b"),
        (AttributeChange(attribute="picklist", before=[], after=[]), "picklist changed"),
    ],
)
def test_phrases_stay_short(change: AttributeChange, words: str) -> None:
    assert phrase(change) == words


def test_picklist_change_counts_values() -> None:
    def value(name: str, **more: object) -> dict[str, object]:
        return {"value": name, "label": name, "active": True, "default": False, **more}

    def words(before: list[dict[str, object]], after: list[dict[str, object]]) -> str:
        return phrase(AttributeChange(attribute="picklist", before=before, after=after))

    assert words([value("a")], []) == "1 value removed"
    assert words([], [value("a"), value("b")]) == "2 values added"
    assert words([value("a")], [value("a", label="A")]) == "1 value changed"
    assert words([value("a")], [value("b")]) == "1 value removed, 1 added"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"default": True}, {"default": False}, ("changed", "no longer the default")),
        ({"default": False}, {"default": True}, ("changed", "now the default")),
        ({"label": "A"}, {"label": "B"}, ("changed", "A → B")),
        ({"active": False}, None, ("removed", "inactive")),
        (None, {"active": False}, ("added", "inactive")),
        (None, {"label": "Won"}, ("added", "Won")),
        ({"label": "Lost"}, None, ("removed", "Lost")),
    ],
)
def test_how_one_picklist_value_differs(
    before: dict[str, object] | None,
    after: dict[str, object] | None,
    expected: tuple[str, str],
) -> None:
    plain = {"value": "x", "label": "x", "active": True, "default": False}
    sides = [[] if side is None else [plain | side] for side in (before, after)]
    [found] = value_changes(
        [AttributeChange(attribute="picklist", before=sides[0], after=sides[1])]
    )
    assert (found.how, found.detail) == expected


def test_a_value_listed_again_is_only_listed_differently() -> None:
    plain = {"value": "x", "label": "x", "active": True, "default": False}
    twice = [plain, plain | {"active": False}]
    [found] = value_changes(
        [AttributeChange(attribute="picklist", before=[plain] * 2, after=twice)]
    )
    assert (found.how, found.detail) == ("changed", "listed differently")


def test_only_the_picklist_has_value_changes() -> None:
    assert value_changes(changes(2)) == ()


def test_mapping_state_text() -> None:
    key = "deal_registration--Account:name"

    def decision(crm_field: str) -> Decision:
        return Decision(
            id="d",
            connection_id="c",
            object_pair="deal_registration--Account",
            partner_field="name",
            crm_field=crm_field,
            state=DecisionState.ACCEPTED,
            direction=Direction.PUSH,
            decided_by="dana",
            decided_at=NOON,
        )

    whole = event().model_copy(update={"field_name": None})
    assert mapping_text(event(), key, None) == (
        "○ deal_registration.name was mapped to it, but is now unmapped"
    )
    assert (
        mapping_text(event(), key, decision("y")) == "✓ deal_registration.name is now mapped to y"
    )
    assert mapping_text(event(), key, decision("x")) == "⇄ deal_registration.name → x"
    assert mapping_text(whole, key, decision("y")) == "⇄ deal_registration.name → y"


def test_values_of_every_kind_as_text() -> None:
    assert (value_text(True), value_text(False), value_text(0)) == ("yes", "no", "0")
    assert value_text({"US": ["CA", "NY"], "DE": []}) == "US: CA, NY; DE: none"
    assert value_text({}) == "none"
    assert value_text("x" * 90, 80) == "x" * 80
    assert value_text(list(range(20))).endswith("18, 19")
    assert value_text(list(range(21))).endswith("19 and 1 more")
    assert value_text([{"name": "Main", "active": False}]) == "Main, inactive"


def test_few_names_are_quoted_and_the_others_counted() -> None:
    assert few(["a"]) == "“a”"
    assert few(list("abcd")) == "“a”, “b”, “c” and 1 more"
