"""Refreshes: read the schema from the CRM, compare it, and record what changed."""
