"""Drift: the changes between two snapshots, their severity, renames, groups, and which are open."""
