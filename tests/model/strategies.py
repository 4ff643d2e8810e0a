"""Hypothesis strategies for fields, hostile text included."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from crmdeck.model import COMPARED_ATTRIBUTES, Field, FieldType, PicklistValue

TEXT = st.text(max_size=8) | st.sampled_from(
    ["[bold]", "\x1b[31m", "=1+1", "‮abc", "é", "e\u0301", "🤝" * 3, "a\nb"]
)
NAMES = st.text(min_size=1, max_size=8)
FLAGS = st.booleans()
COUNTS = st.integers(0, 300)

VALUES = st.lists(
    st.builds(PicklistValue, value=TEXT, label=TEXT, active=FLAGS, default=FLAGS), max_size=5
).map(tuple)
ATTRIBUTES: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(FieldType),
    "native_type": NAMES,
    "references": st.lists(NAMES, max_size=3).map(tuple),
    "required": FLAGS,
    "length": COUNTS,
    "precision": COUNTS,
    "scale": COUNTS,
    "unique": FLAGS,
    "external_id": FLAGS,
    "calculated": FLAGS,
    "formula": TEXT,
    "picklist": VALUES,
    "restricted": FLAGS,
    "nillable": FLAGS,
    "controller": TEXT,
    "allowed_values": st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["a", "b"], st.lists(NAMES, min_size=1, max_size=3).map(tuple))
    ),
    "value_set": TEXT,
    "relationship_name": TEXT,
    "child_relationship": TEXT,
    "delete_constraint": NAMES,
    "lookup_filter": TEXT,
    "reparentable": FLAGS,
    "write_requires_master_read": FLAGS,
    "rollup": TEXT,
    "blanks_as_zero": FLAGS,
    "display_format": TEXT,
    "filterable": FLAGS,
    "id_lookup": FLAGS,
    "encrypted": FLAGS,
    "case_sensitive": FLAGS,
    "auto_number": FLAGS,
    "readable": FLAGS,
    "createable": FLAGS,
    "updateable": FLAGS,
    "archived": FLAGS,
    "label": NAMES,
    "description": TEXT,
    "internal_note": TEXT,
    "group": TEXT,
    "default": TEXT,
}
assert set(ATTRIBUTES) == set(COMPARED_ATTRIBUTES)

NAMELESS = ("label", "native_type", "type", "references", "picklist")
NATIVE = st.dictionaries(NAMES, st.integers() | TEXT, max_size=3)


def fields(*, unknowns: bool) -> st.SearchStrategy[Field]:
    """Return fields of which everything is said, or, with `unknowns`, some of it is not."""
    said = {
        name: strategy if not unknowns or name in NAMELESS else st.none() | strategy
        for name, strategy in ATTRIBUTES.items()
    }
    built = st.builds(Field, name=NAMES, native=NATIVE, custom=FLAGS, compound=TEXT, **said)
    # A picklist that names its set but lists no values is unknown.
    return built.map(lambda f: f if f.picklist else f.model_copy(update={"value_set": None}))


def field_lists(*, unknowns: bool = False) -> st.SearchStrategy[list[Field]]:
    """Return lists of fields with different names."""
    return st.lists(fields(unknowns=unknowns), max_size=4, unique_by=lambda field: field.name)


def same(one: Any, other: Any) -> bool:
    """Return whether two values of an attribute are the same, picklists and targets as sets."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return set(one) == set(other)
    return bool(one == other)
