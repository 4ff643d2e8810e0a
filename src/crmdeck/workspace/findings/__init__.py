"""The one list of findings, and what settles a finding."""
