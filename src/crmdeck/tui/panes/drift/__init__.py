"""Drift: what changed in the CRM, its severity, and the mappings that it touches."""
