"""Secrets during a sign-in, before crmdeck stores them."""

from __future__ import annotations

from collections.abc import Mapping

from crmdeck.connectors.tokens import Grant
from crmdeck.credentials import remember_secrets


class MemoryCredentials:
    """The secrets of a connection during its sign-in.

    `renewed` are the secrets that the CRM issued in the meantime.
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
        return self._values.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        remember_secrets(values)
        self._values.update(values)
        self.renewed.update(values)

    def contents(self) -> dict[str, str]:
        """Return all current secrets."""
        return dict(self._values)

    def note(self, event: str, summary: str) -> None:
        """Ignore token events, because the audit log records the stored secrets."""
