"""Packed object types: a new face doesn't unpack the fields, and gives the same definition."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue, RecordType, Rule, RuleKind
from crmdeck.store.definitions import SchemaPacker

STAGES = tuple(PicklistValue(value=f"Stage {n}", label="\u2028\n") for n in range(20_000))
SCHEMA = ObjectSchema(
    object_type="Deal",
    label="Deal",
    custom=False,
    native={"keyPrefix": "006"},
    fields=(
        Field(name="Name", label="Name", type=FieldType.TEXT, length=80),
        Field(name="Stage", label="Stage", type=FieldType.PICKLIST, picklist=STAGES),
    ),
)


def test_a_new_face_is_packed_as_if_the_whole_object_was() -> None:
    def changed(face: ObjectSchema, names: Sequence[str]) -> ObjectSchema:
        rule = Rule(name="R", kind=RuleKind.VALIDATION, fields=tuple(names))
        types = (RecordType(name="Partner"),)
        return face.model_copy(update={"rules": (rule,), "record_types": types})

    packed = SchemaPacker().pack(SCHEMA)
    assert packed.schema() == SCHEMA
    found = packed.with_face(changed)
    expected = SchemaPacker().pack(changed(SCHEMA, ("Name", "Stage")))
    assert found == expected
    assert found.definition != packed.definition
