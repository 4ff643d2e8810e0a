"""What a CRM object lacks: whole fields, room for text and picklist values."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.mapping.lacks import find_lacks
from crmdeck.model import Direction, Field, FieldType, Lack, MappingLine, ObjectSchema
from tests.mapping.pairs import ACCEPTED, PENDING, REJECTED, field, values


def lacks(source: Field, *targets: Field, matched: bool = False, **line: Any) -> list[Lack]:
    given = {"state": ACCEPTED, "crm_field": "Target", "direction": Direction.PUSH, **line}
    chosen = given.pop("chosen", ())
    return list(
        find_lacks(
            [MappingLine(partner_field=source.name, **given)],
            {source.name: source},
            ObjectSchema(object_type="Deal", fields=targets),
            matched=[source.name] if matched else (),
            chosen=chosen,
        )
    )


NOTE = field("note", length=120)
STAGE = field(
    "stage", type=FieldType.PICKLIST, picklist=values("new", "won", "old", inactive=("old",))
)


@pytest.mark.parametrize("state", [PENDING, REJECTED])
def test_undecided_field_needs_change_unless_matched(state: Any) -> None:
    line = {"state": state, "crm_field": None}
    assert lacks(NOTE, **line) == [Lack(source=NOTE)]
    assert lacks(NOTE, **line, matched=True) == []
    assert lacks(NOTE, **line, matched=True, chosen=("note",)) == [Lack(source=NOTE)]
    assert lacks(NOTE, **line, chosen=("other",)) == []


def test_a_field_that_the_crm_lost_is_needed_only_if_chosen() -> None:
    assert lacks(NOTE) == []
    assert lacks(NOTE, chosen=("note",)) == [Lack(source=NOTE)]


@pytest.mark.parametrize(("length", "needed"), [(119, 120), (120, None), (None, None)])
def test_text_needs_its_length(length: int | None, needed: int | None) -> None:
    target = field("Target", length=length)
    expected = [Lack(source=NOTE, target=target, length=needed)] if needed else []
    assert lacks(NOTE, target) == expected
    assert lacks(NOTE, target, direction=Direction.BIDIRECTIONAL) == expected
    assert lacks(NOTE, target, direction=Direction.PULL) == []


def test_active_values_are_needed_as_the_value_map_names_them() -> None:
    target = field(
        "Target", type=FieldType.PICKLIST, picklist=values("won", "new", inactive=("new",))
    )
    (found,) = lacks(STAGE, target)
    assert [(each.value, each.label) for each in found.values] == [("new", "New")]
    (mapped,) = lacks(STAGE, target, value_map={"new": "open", "won": "closed"})
    assert [(each.value, each.label) for each in mapped.values] == [
        ("open", "open"),
        ("closed", "closed"),
    ]
    assert lacks(STAGE, target, value_map={"new": "won"}) == []
    assert lacks(STAGE, target.model_copy(update={"picklist": ()})) == []
    assert lacks(STAGE, field("Target")) == []


MONEY, WHOLE = FieldType.CURRENCY, FieldType.INTEGER


def number(kind: FieldType, precision: int | None, scale: int | None) -> Field:
    return field("Target", type=kind, precision=precision, scale=scale)


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        (number(MONEY, None, None), number(MONEY, 18, 2), None),
        (number(MONEY, None, None), number(MONEY, 8, 0), (10, 2)),
        (number(MONEY, 12, 4), number(MONEY, 8, 2), (12, 4)),
        (number(WHOLE, 9, None), number(MONEY, 10, 2), (11, 2)),
        # Nothing says how many decimals the values have.
        (number(FieldType.DECIMAL, None, None), number(MONEY, 8, 0), None),
        # HubSpot states no digits.
        (number(MONEY, 18, 2), number(MONEY, None, None), None),
    ],
)
def test_a_number_needs_room_for_digits_and_decimals(
    source: Field, target: Field, wanted: tuple[int, int] | None
) -> None:
    found = [(each.precision, each.scale) for each in lacks(source, target)]
    assert found == ([] if wanted is None else [wanted])
