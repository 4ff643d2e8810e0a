"""Signing in: how a connection gets its credentials, without any face."""
