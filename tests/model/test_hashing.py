from __future__ import annotations

import os
import random
import string
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crmdeck.model import (
    COMPARED_ATTRIBUTES,
    COSMETIC_ATTRIBUTES,
    Field,
    FieldType,
    PicklistValue,
    field_hash,
    schema_hash,
    structural_hash,
)
from tests.model.strategies import ATTRIBUTES, NATIVE, field_lists, fields, same


def shuffled(field: Field, rng: random.Random) -> Field:
    """Return the same field as a CRM might tell it another time."""
    values = list(field.picklist + field.picklist[:1])
    targets = list(field.references + field.references[:1])
    rng.shuffle(values)
    rng.shuffle(targets)
    return field.model_copy(update={"picklist": tuple(values), "references": tuple(targets)})


@given(field_lists(unknowns=True), st.randoms(use_true_random=False))
def test_order_and_repetition_never_change_a_hash(known: list[Field], rng: random.Random) -> None:
    again = [shuffled(field, rng) for field in known]
    rng.shuffle(again)
    assert schema_hash(again) == schema_hash(known)
    assert structural_hash(again) == structural_hash(known)


@given(fields(unknowns=True), NATIVE, st.booleans() | st.none())
def test_platform_noise_is_not_drift(
    field: Field, native: dict[str, Any], custom: bool | None
) -> None:
    noisy = field.model_copy(update={"native": native, "custom": custom, "compound": "Shell"})
    assert schema_hash([noisy]) == schema_hash([field])
    assert structural_hash([noisy]) == structural_hash([field])
    assert (field_hash(noisy) == field_hash(field)) == (noisy == field)


@pytest.mark.parametrize("attribute", COMPARED_ATTRIBUTES)
@settings(max_examples=5)
@given(data=st.data())
def test_compared_attribute_changes_schema_hash(attribute: str, data: st.DataObject) -> None:
    field = data.draw(fields(unknowns=True))
    if attribute == "nillable":  # where requiredness is told, it is a part of it
        field = field.model_copy(update={"required": None})
    value = data.draw(ATTRIBUTES[attribute])
    assume(not same(getattr(field, attribute), value))
    changed = field.model_copy(update={attribute: value})
    assert schema_hash([changed]) != schema_hash([field])
    if attribute in COSMETIC_ATTRIBUTES:
        assert structural_hash([changed]) == structural_hash([field])
    elif attribute != "picklist":
        assert structural_hash([changed]) != structural_hash([field])


def test_value_labels_are_cosmetic_and_states_structural() -> None:
    field = Field(name="Stage", picklist=(PicklistValue(value="won", label="Won"),))

    def with_value(**update: object) -> list[Field]:
        return [
            field.model_copy(update={"picklist": (field.picklist[0].model_copy(update=update),)})
        ]

    relabeled, retired = with_value(label="Closed won"), with_value(active=False)
    assert schema_hash(relabeled) != schema_hash([field])
    assert structural_hash(relabeled) == structural_hash([field])
    assert structural_hash(retired) != structural_hash([field])


@given(fields(unknowns=True))
def test_a_field_survives_the_wire(field: Field) -> None:
    assert Field.from_wire(field.to_wire()) == field
    assert Field.model_validate_json(field.to_json()) == field


def test_a_hash_is_the_same_in_every_process() -> None:
    known = Field(
        name="Stage",
        type=FieldType.PICKLIST,
        references=tuple(string.ascii_letters),
        picklist=tuple(PicklistValue(value=letter) for letter in string.ascii_letters),
    )
    code = (
        "import sys; from crmdeck.model import *; "
        "print(schema_hash([Field.model_validate_json(sys.stdin.read())]))"
    )
    for seed in ("1", "2"):
        elsewhere = subprocess.run(
            [sys.executable, "-c", code],
            input=known.to_json(),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert elsewhere.stdout.strip() == schema_hash([known])
