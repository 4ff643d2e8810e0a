"""Secrets that a machine hands over in its environment."""

from __future__ import annotations

import os

from crmdeck.credentials import SECRET_NAMES, environment_variable


def secrets_from_environment(connection_name: str) -> dict[str, str]:
    """Return the secrets of a connection that the environment holds, by secret name."""
    found = {}
    for name in SECRET_NAMES:
        value = os.environ.get(environment_variable(connection_name, name))
        if value:
            found[name] = value
    return found
