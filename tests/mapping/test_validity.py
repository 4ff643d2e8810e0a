"""Accepted mappings that the current schema no longer allows."""

from __future__ import annotations

import pytest

from crmdeck.mapping.validity import why_invalid
from crmdeck.model import (
    Direction,
    Field,
    FieldType,
)

from .pairs import field, review, values

BOTH, PUSH, PULL = Direction.BIDIRECTIONAL, Direction.PUSH, Direction.PULL
KNOWLEDGE = review().knowledge
LEFT = field("accountName")
FREE, READ_ONLY = field("Name"), field("Name", createable=False, updateable=False)


@pytest.mark.parametrize(
    ("left", "right", "direction", "expected"),
    [
        (LEFT, FREE, BOTH, None),
        (LEFT, FREE, PULL, None),
        (LEFT, READ_ONLY, PULL, None),
        (LEFT, READ_ONLY, PUSH, "Name can't be mapped as push: Name is read-only."),
        (LEFT, READ_ONLY, BOTH, "Name can't be mapped as bidirectional: Name is read-only."),
        (LEFT, READ_ONLY, None, None),
        (None, READ_ONLY, PUSH, None),
    ],
)
def test_a_direction_must_be_one_that_the_fields_allow(
    left: Field | None, right: Field, direction: Direction | None, expected: str | None
) -> None:
    assert why_invalid(left, right, direction, None, KNOWLEDGE) == expected


PICKLIST = field(
    "Stage", type=FieldType.PICKLIST, picklist=values("a", "b", "old", inactive=("old",))
)


@pytest.mark.parametrize(
    ("value_map", "direction", "expected"),
    [
        (None, PUSH, None),
        ({"x": "a", "y": "b"}, PUSH, None),
        ({"x": "old"}, PUSH, "Stage no longer offers 'old'."),
        ({"x": "old"}, PULL, None),
        ({"x": "c", "y": "c", "z": "a"}, None, "Stage no longer offers 'c'."),
        (
            dict(zip("wxyz", "fedc", strict=True)),
            BOTH,
            "Stage no longer offers 'c', 'd', 'e' and 1 more.",
        ),
        (dict(zip("xyz", "edc", strict=True)), BOTH, "Stage no longer offers 'c', 'd', 'e'."),
    ],
)
def test_a_value_map_must_lead_to_active_values(
    value_map: dict[str, str] | None, direction: Direction | None, expected: str | None
) -> None:
    left = field("stage", type=FieldType.PICKLIST, picklist=values("x"))
    assert why_invalid(left, PICKLIST, direction, value_map, KNOWLEDGE) == expected


def test_field_without_picklist_accepts_any_value() -> None:
    assert why_invalid(LEFT, FREE, PUSH, {"x": "anything"}, KNOWLEDGE) is None
