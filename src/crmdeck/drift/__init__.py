"""Drift: compare two snapshots, weigh each change, spot renames, fold noise into stories."""

from crmdeck.drift.compare import compare, compare_fields
from crmdeck.drift.detect import detect
from crmdeck.drift.schemas import compare_schemas
from crmdeck.drift.states import AcceptedField, FieldChange, GoneObject, ObjectState

__all__ = [
    "AcceptedField",
    "FieldChange",
    "GoneObject",
    "ObjectState",
    "compare",
    "compare_fields",
    "compare_schemas",
    "detect",
]
