"""Secrets on their way in: used before they are stored anywhere."""

from __future__ import annotations

from collections.abc import Mapping

from crmdeck.connectors.tokens import Grant
from crmdeck.credentials import remember_secrets


class MemoryCredentials:
    """The secrets of a connection that is being signed in to, as a connector wants them.

    `renewed` holds what the CRM gave in exchange meanwhile.
    """

    def __init__(self, given: Mapping[str, str], grant: Grant | None = None) -> None:
        remember_secrets(given)
        self._values = dict(given)
        self.renewed: dict[str, str] = {}
        if grant is not None:
            self.put({"access_token": grant.access_token})
            if grant.refresh_token:
                self.put({"refresh_token": grant.refresh_token})

    def __repr__(self) -> str:
        return f"MemoryCredentials({', '.join(sorted(self._values))})"

    def get(self, name: str) -> str | None:
        """Return the secret of that name, or None."""
        return self._values.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        """Take what the CRM gave."""
        remember_secrets(values)
        self._values.update(values)
        self.renewed.update(values)

    def contents(self) -> dict[str, str]:
        """Return all secrets as they are now."""
        return dict(self._values)

    def note(self, event: str, summary: str) -> None:
        """Let what becomes of a token pass: storing it is what is on record."""
