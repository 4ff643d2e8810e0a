"""Decisions, mapping files, and the ranking of an object pair."""
