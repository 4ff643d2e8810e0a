"""Checks: the nightly check, its policy, and its notifications."""
