"""What a CRM field lacks for its PartnerOS field."""

from __future__ import annotations

import pytest

from crmdeck.mapping.lacks import find_lacks
from crmdeck.model import DecisionState, Direction, Field, FieldType, MappingLine, ObjectSchema

MONEY, WHOLE = FieldType.CURRENCY, FieldType.INTEGER


def number(kind: FieldType, precision: int | None, scale: int | None) -> Field:
    return Field(name="n", type=kind, precision=precision, scale=scale)


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
    line = MappingLine(
        partner_field="n",
        crm_field="n",
        state=DecisionState.ACCEPTED,
        direction=Direction.PUSH,
    )
    schema = ObjectSchema(object_type="Deal", fields=(target,))
    found = [(each.precision, each.scale) for each in find_lacks([line], {"n": source}, schema)]
    assert found == ([] if wanted is None else [wanted])
