"""Drift: what changed, since when, how bad it is, and what it touches."""
