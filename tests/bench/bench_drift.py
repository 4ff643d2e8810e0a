"""Drift detection on a schema of the size of a big org: `python -m tests.bench drift`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.drift.schema_diff import compare_schemas
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue
from crmdeck.workspace.knowledge import read_field_words
from tests.bench.figures import Figure, show, timed

OBJECTS = 1_019
FIELDS_EACH = 18
PICKLIST = 14_000


def schema(*, length: int, extra: int) -> dict[str, ObjectSchema]:
    """Return a schema whose fields all hold `length` characters."""
    states = {}
    for number in range(OBJECTS):
        name = f"Object{number:04}__c"
        fields = tuple(
            Field(
                name=f"{name}_Field{n}__c",
                label=f"Field {n}",
                type=FieldType.STRING,
                native_type="string",
                length=length + n + number,
                required=False,
                custom=True,
            )
            for n in range(FIELDS_EACH)
        )
        states[name] = ObjectSchema(object_type=name, label=name, custom=True, fields=fields)
    values = tuple(
        PicklistValue(value=f"Object.Field{n}", label=f"Field {n}") for n in range(PICKLIST + extra)
    )
    listing = Field(name="Field", type=FieldType.PICKLIST, native_type="picklist", picklist=values)
    states["FieldPermissions"] = ObjectSchema(
        object_type="FieldPermissions", label="FP", custom=False, fields=(listing,)
    )
    return states


def run(before: dict[str, ObjectSchema], after: dict[str, ObjectSchema]) -> int:
    """Detect drift once and return the number of events."""
    report = detect(
        connection_id="bench",
        vendor=vendor_of("salesforce"),
        detected_at=datetime(2026, 5, 16, tzinfo=UTC),
        before=before,
        after=after,
        field_words=partial(read_field_words, None),
    )
    return len(report.events)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure, all beside the comparison of two schemas in which nothing differs."""
    old, same, new = (
        schema(length=100, extra=0),
        schema(length=100, extra=0),
        schema(length=101, extra=3),
    )
    big = (
        {"FieldPermissions": old["FieldPermissions"]},
        {"FieldPermissions": new["FieldPermissions"]},
    )
    touched = {
        name: state.model_copy(update={"fields": (new[name].fields[0], *state.fields[1:])})
        for name, state in same.items()
    }
    nothing = "nothing changed"
    for title, work in (
        (nothing, lambda: run(old, same)),
        (f"{run(old, touched):,} events, one field an object", lambda: run(old, touched)),
        (f"{run(old, new):,} events, every field changed", lambda: run(old, new)),
        (f"{run(old, {}):,} events, every object gone", lambda: run(old, {})),
        (f"one picklist of {PICKLIST:,} values", lambda: run(*big)),
        (
            "two orgs side by side, every field differs",
            lambda: compare_schemas(old, new, left_name="a", right_name="b"),
        ),
    ):
        peer = "" if title == nothing else nothing
        yield Figure(title, "ms", timed(work, 2 if quick else 5), peer)


if __name__ == "__main__":
    show(figures())
