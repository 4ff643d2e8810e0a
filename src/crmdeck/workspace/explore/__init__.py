"""Explore: schemas, search, copies, and exports."""
