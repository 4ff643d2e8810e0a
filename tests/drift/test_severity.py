"""One row for each rule: the change, and its severity unmapped, pulled, and pushed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from crmdeck.drift.field_diff import compare_fields
from crmdeck.drift.severity import Use, severity_of_added, severity_of_changes, severity_of_kind
from crmdeck.drift.severity_rules import load_severity_rules
from crmdeck.drift.wording import few, short
from crmdeck.model import (
    AttributeChange,
    Direction,
    DriftKind,
    Field,
    FieldType,
    GoneReason,
    PicklistValue,
    RuleKind,
    Severity,
)
from tests.drift.build import field, values
from tests.model.strategies import fields

LEVELS = {"s": Severity.SAFE, "r": Severity.RISKY, "b": Severity.BREAKING}
USES = (Use(), Use(pulled=True), Use(pushed=True))

OPEN_WON = values("open", "won")
RETIRED = (*values("open"), PicklistValue(value="won", label="won", active=False))
TWICE = (*OPEN_WON, PicklistValue(value="won", label="won, once", active=False))
RELABELED = (*values("open"), PicklistValue(value="won", label="Closed won"))

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    (
        "narrower type",
        {"type": FieldType.STRING},
        {"type": FieldType.BOOLEAN},
        "bbb",
        "from string to boolean",
    ),
    ("wider type", {"type": FieldType.STRING}, {"type": FieldType.TEXT}, "rbr", ""),
    (
        "wider number",
        {"type": FieldType.INTEGER},
        {"type": FieldType.DECIMAL},
        "rbr",
        "",
    ),
    ("native type", {"native_type": "string"}, {"native_type": "combobox"}, "srr", "combobox"),
    ("target lost", {"references": ("A", "B")}, {"references": ("A",)}, "rbb", "“B”"),
    ("target gained", {"references": ("A",)}, {"references": ("A", "B")}, "srs", "“B”"),
    ("required", {"required": False}, {"required": True}, "bbb", ""),
    ("optional", {"required": True}, {"required": False}, "srs", ""),
    ("never empty", {"nillable": True}, {"nillable": False}, "rrb", ""),
    ("nillable", {"nillable": False}, {"nillable": True}, "srs", ""),
    (
        "filled by the CRM",
        {"nillable": True, "required": False},
        {"nillable": False, "required": False},
        "ssr",
        "The CRM fills",
    ),
    ("global values", {"value_set": ""}, {"value_set": "G"}, "sss", "“G”"),
    ("own values", {"value_set": "G"}, {"value_set": ""}, "sss", "“G”"),
    ("children", {"child_relationship": ""}, {"child_relationship": "Deals"}, "sss", "“Deals”"),
    ("other children", {"child_relationship": "Deals"}, {"child_relationship": ""}, "rrr", ""),
    (
        "deletion",
        {"delete_constraint": "SetNull"},
        {"delete_constraint": "Restrict"},
        "rrr",
        "Restrict instead of SetNull",
    ),
    ("filtered", {"lookup_filter": ""}, {"lookup_filter": "required: A equals b"}, "rsr", "A eq"),
    ("mild filter", {"lookup_filter": "required"}, {"lookup_filter": "optional"}, "sss", ""),
    ("fixed parent", {"reparentable": True}, {"reparentable": False}, "rsb", ""),
    ("free parent", {"reparentable": False}, {"reparentable": True}, "sss", ""),
    (
        "read is enough",
        {"write_requires_master_read": False},
        {"write_requires_master_read": True},
        "sss",
        "",
    ),
    (
        "read is too little",
        {"write_requires_master_read": True},
        {"write_requires_master_read": False},
        "rsr",
        "",
    ),
    ("roll-up", {"rollup": "sum of L.A by L.P"}, {"rollup": "max of L.A by L.P"}, "srs", ""),
    ("blanks", {"blanks_as_zero": True}, {"blanks_as_zero": False}, "srs", ""),
    ("description", {"internal_note": ""}, {"internal_note": "why"}, "sss", "Only admins"),
    ("numbers", {"display_format": "A-{0}"}, {"display_format": "B-{0}"}, "srs", "B-{0}"),
    ("controlled", {"controller": ""}, {"controller": "Country"}, "rsr", "“Country”"),
    ("not controlled", {"controller": "Country"}, {"controller": ""}, "sss", "“Country”"),
    (
        "fewer choices",
        {"allowed_values": {"US": ("CA", "NY")}},
        {"allowed_values": {"US": ("CA",)}},
        "rsr",
        "“US”",
    ),
    (
        "more choices",
        {"allowed_values": {"US": ("CA",)}},
        {"allowed_values": {"US": ("CA", "NY")}},
        "sss",
        "“US”",
    ),
    (
        "relationship",
        {"relationship_name": ""},
        {"relationship_name": "Tiers"},
        "sss",
        "“Tiers”",
    ),
    (
        "other relationship",
        {"relationship_name": "Tier"},
        {"relationship_name": "Tiers"},
        "rbr",
        "“Tier”",
    ),
    ("filterable", {"filterable": False}, {"filterable": True}, "sss", ""),
    ("not filterable", {"filterable": True}, {"filterable": False}, "rrr", ""),
    ("id lookup", {"id_lookup": False}, {"id_lookup": True}, "sss", ""),
    ("no id lookup", {"id_lookup": True}, {"id_lookup": False}, "rrr", ""),
    ("encrypted", {"encrypted": False}, {"encrypted": True}, "rrr", "Now encrypted"),
    ("not encrypted", {"encrypted": True}, {"encrypted": False}, "rrr", "No longer"),
    ("case", {"case_sensitive": False}, {"case_sensitive": True}, "srr", "Now case"),
    ("no case", {"case_sensitive": True}, {"case_sensitive": False}, "srr", "No longer"),
    ("auto number", {"auto_number": False}, {"auto_number": True}, "rrb", ""),
    ("no auto number", {"auto_number": True}, {"auto_number": False}, "srs", ""),
    ("shorter", {"length": 255}, {"length": 80}, "rrb", "80 characters instead of 255"),
    ("longer", {"length": 80}, {"length": 255}, "srs", "255 characters instead of 80"),
    ("less precision", {"precision": 18}, {"precision": 9}, "rrb", "9 instead of 18"),
    ("more precision", {"precision": 9}, {"precision": 18}, "srs", "18 instead of 9"),
    ("smaller scale", {"scale": 2}, {"scale": 0}, "rrb", "0 instead of 2"),
    ("bigger scale", {"scale": 0}, {"scale": 2}, "srs", "2 instead of 0"),
    ("unique", {"unique": False}, {"unique": True}, "rsr", ""),
    ("not unique", {"unique": True}, {"unique": False}, "srr", ""),
    ("external id", {"external_id": False}, {"external_id": True}, "sss", ""),
    ("no external id", {"external_id": True}, {"external_id": False}, "rrr", ""),
    ("calculated", {"calculated": False}, {"calculated": True}, "rrb", ""),
    ("not calculated", {"calculated": True}, {"calculated": False}, "srs", ""),
    ("formula", {"formula": "A + B"}, {"formula": "A - B"}, "srs", ""),
    ("value removed", {"picklist": OPEN_WON}, {"picklist": values("open")}, "rrb", "“won”"),
    ("value retired", {"picklist": OPEN_WON}, {"picklist": RETIRED}, "rrb", "“won”"),
    (
        "restricted value removed",
        {"picklist": OPEN_WON, "restricted": True},
        {"picklist": values("open"), "restricted": True},
        "brb",
        "“won”",
    ),
    ("value added", {"picklist": values("open")}, {"picklist": OPEN_WON}, "srs", "“won”"),
    ("value back", {"picklist": RETIRED}, {"picklist": OPEN_WON}, "srs", "“won”"),
    ("listed twice, still on", {"picklist": TWICE}, {"picklist": OPEN_WON}, "sss", ""),
    ("listed twice, now off", {"picklist": TWICE}, {"picklist": RETIRED}, "rrb", "“won”"),
    ("value relabeled", {"picklist": OPEN_WON}, {"picklist": RELABELED}, "sss", ""),
    ("retired removed", {"picklist": RETIRED}, {"picklist": values("open")}, "sss", ""),
    ("restricted", {"restricted": False}, {"restricted": True}, "rsr", ""),
    ("not restricted", {"restricted": True}, {"restricted": False}, "srs", ""),
    ("readable", {"readable": False}, {"readable": True}, "sss", ""),
    ("not readable", {"readable": True}, {"readable": False}, "rbs", ""),
    ("createable", {"createable": False}, {"createable": True}, "sss", ""),
    ("not createable", {"createable": True}, {"createable": False}, "rsb", ""),
    ("updateable", {"updateable": False}, {"updateable": True}, "sss", ""),
    ("not updateable", {"updateable": True}, {"updateable": False}, "rsb", ""),
    ("archived", {"archived": False}, {"archived": True}, "rbb", ""),
    ("not archived", {"archived": True}, {"archived": False}, "sss", ""),
    ("label", {"label": "Old"}, {"label": "New"}, "sss", ""),
    ("help", {"description": "Old"}, {"description": "New"}, "sss", ""),
    ("group", {"group": "Old"}, {"group": "New"}, "sss", ""),
    ("default", {"default": "Old"}, {"default": "New"}, "sss", ""),
]


@pytest.mark.parametrize(
    ("before", "after", "levels", "named"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_rule(before: dict[str, Any], after: dict[str, Any], levels: str, named: str) -> None:
    new = field("F", **after)
    changes = compare_fields(field("F", **before), new)
    verdicts = [severity_of_changes(changes, new, use) for use in USES]
    assert [v.severity for v in verdicts] == [LEVELS[level] for level in levels]
    assert named in verdicts[0].reason


def test_every_rule_has_its_case() -> None:
    used, rules = set(), load_severity_rules().field
    for _, before, after, _, _ in CASES:
        new = field("F", **after)
        for change in compare_fields(field("F", **before), new):
            rows = rules[change.attribute]
            used.add(next(row for row in rows if row.applies(change, new)).reason)
    assert used == {row.reason for rows in rules.values() for row in rows}


def test_last_rule_of_each_attribute_always_applies() -> None:
    table = load_severity_rules()
    change = AttributeChange(attribute="x", before=[], after=[])
    for rules in (*table.field.values(), *table.object.values()):
        assert [rule.when for rule in rules].index("else") == len(rules) - 1
        assert rules[-1].applies(change, None)
    by_attribute = {kind for kind in DriftKind if kind.value.endswith("_changed")}
    assert {*table.kinds} | by_attribute | {DriftKind.RULE_ADDED} == {*DriftKind}
    assert {*table.rules} == {*RuleKind}
    assert {*table.returned} == {*GoneReason}


@pytest.mark.parametrize(
    ("kind", "levels"),
    [
        (DriftKind.FIELD_ADDED, "sss"),
        (DriftKind.FIELD_REMOVED, "rbb"),
        (DriftKind.FIELD_HIDDEN, "rbb"),
        (DriftKind.FIELD_ABSENT, "rbb"),
        (DriftKind.OBJECT_ADDED, "sss"),
        (DriftKind.OBJECT_REMOVED, "rbb"),
        (DriftKind.OBJECT_HIDDEN, "rbb"),
        (DriftKind.OBJECT_ABSENT, "rrr"),
        (DriftKind.OBJECT_OUT_OF_SCOPE, "srr"),
        (DriftKind.RULE_REMOVED, "sss"),
    ],
)
def test_each_kind(kind: DriftKind, levels: str) -> None:
    verdicts = [severity_of_kind(kind, use) for use in USES]
    assert [v.severity for v in verdicts] == [LEVELS[level] for level in levels]


def test_an_added_field_that_must_be_filled_breaks_creating() -> None:
    assert severity_of_added(field("F", required=True), Use()).severity is Severity.BREAKING
    assert severity_of_added(field("F", required=False), Use()).severity is Severity.SAFE


def test_a_mapping_in_both_directions_has_the_worse_severity() -> None:
    both = Use.of([Direction.BIDIRECTIONAL])
    assert both == Use.of([Direction.PULL, Direction.PUSH]) == Use(pulled=True, pushed=True)
    for attribute in ("readable", "updateable"):
        new = field("F", **{attribute: False})
        changes = compare_fields(field("F", **{attribute: True}), new)
        assert severity_of_changes(changes, new, both).severity is Severity.BREAKING


def test_the_reason_is_that_of_the_worst_change() -> None:
    new = field("F", label="New", type=FieldType.STRING, length=80)
    changes = compare_fields(field("F", label="Old", type=FieldType.STRING, length=255), new)
    assert severity_of_changes(changes, new, Use(pushed=True)).reason.startswith("Shorter")


def test_hostile_names_stay_one_short_line() -> None:
    bad = "won\n\x1b[31m{0}" + "x" * 10_000
    new = field("F", picklist=())
    verdict = severity_of_changes(compare_fields(field("F", picklist=values(bad)), new), new, Use())
    assert verdict.reason.isprintable()
    assert len(verdict.reason) < 150
    assert "{0}" in verdict.reason


def test_long_names_and_lists_are_cut_with_a_mark() -> None:
    assert short("x" * 60) == "x" * 60
    assert short("x" * 61) == "x" * 59 + "…"
    assert few(["a", "b", "c"]) == "“a”, “b”, “c”"
    assert few(["a", "b", "c", "d", "e"]) == "“a”, “b”, “c” and 2 more"


def test_several_lost_and_gained_names_are_sorted() -> None:
    names = tuple("ABCDEFGH")
    lost = field("F", references=(*names, "X"))
    verdict = severity_of_changes(compare_fields(lost, field("F", references=("X",))), lost, Use())
    assert "“A”, “B”, “C” and 5 more" in verdict.reason
    gained = field("F", references=(*names, "X"))
    found = compare_fields(field("F", references=("X",)), gained)
    assert "“A”, “B”, “C” and 5 more" in severity_of_changes(found, gained, Use()).reason
    allowed = dict.fromkeys(reversed(names), ("v", "w"))
    fewer = dict.fromkeys(names, ("v",))
    new = field("F", allowed_values=fewer)
    changes = compare_fields(field("F", allowed_values=allowed), new)
    assert "“A”, “B”, “C” and 5 more" in severity_of_changes(changes, new, Use()).reason


@given(fields(unknowns=True), fields(unknowns=True))
def test_every_difference_has_a_verdict(before: Field, after: Field) -> None:
    changes = compare_fields(before, after)
    for use in USES if changes else ():
        assert severity_of_changes(changes, after, use).reason
