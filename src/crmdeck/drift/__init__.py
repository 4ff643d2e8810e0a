"""Drift: compare two snapshots, judge each change, spot renames, gather what is one story."""

from crmdeck.drift.detect import AcceptedField, detect
from crmdeck.drift.schema_diff import compare_schemas

__all__ = ["AcceptedField", "compare_schemas", "detect"]
