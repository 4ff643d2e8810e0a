"""Drift: compare two snapshots, judge each change, spot renames, gather what is one story."""

from crmdeck.drift.detect import detect
from crmdeck.drift.schema_diff import compare_schemas
from crmdeck.drift.states import AcceptedField, GoneObject, ObjectState

__all__ = ["AcceptedField", "GoneObject", "ObjectState", "compare_schemas", "detect"]
