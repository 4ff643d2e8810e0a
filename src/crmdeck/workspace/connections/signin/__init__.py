"""Signing in: how a connection gets its credentials, without any interface."""
