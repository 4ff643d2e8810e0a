"""Connections: add, test, sign in."""
