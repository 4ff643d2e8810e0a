"""Connections: add, test, sign in, health and alerts."""
