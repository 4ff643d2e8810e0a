"""HubSpot's paths: dated where the portal knows them, numbered where it does not.

Source: "API versioning" of HubSpot's developer documentation. A dated version lives for 18
months; the numbered ones end in 2027.
"""

from __future__ import annotations

import threading

NEWEST_FIRST = ("2026-09", "2026-03", "v3")
OAUTH_VERSION = "2026-03"
_OUTSIDE_CRM = {"account-info": "/account-info", "schemas": "/crm-object-schemas"}


class Paths:
    """Builds paths and remembers which version of which family the portal speaks."""

    def __init__(self) -> None:
        self._proven: dict[str, str] = {}
        self._latest = NEWEST_FIRST[0]
        self._lock = threading.Lock()

    def versions(self, family: str) -> tuple[str, ...]:
        """Return the versions to try, in order."""
        with self._lock:
            proven = self._proven.get(family)
            if proven:
                return (proven,)
            # A portal that lacks a version lacks it everywhere: begin where others ended.
            return NEWEST_FIRST[NEWEST_FIRST.index(self._latest) :]

    def remember(self, family: str, version: str) -> None:
        """Take note that the portal speaks this version of a family."""
        with self._lock:
            self._proven[family] = version
            self._latest = version

    def oldest_in_use(self) -> str | None:
        """Return the oldest version that the portal was found to speak in any family."""
        with self._lock:
            return max(self._proven.values(), key=NEWEST_FIRST.index, default=None)

    @staticmethod
    def path(family: str, version: str, rest: str) -> str:
        """Return the path of `rest` in a family: `/crm/properties/2026-09/deals`."""
        if family in _OUTSIDE_CRM:
            return f"{_OUTSIDE_CRM[family]}/{version}/{rest}"
        if version == "v3":
            return f"/crm/v3/{family}/{rest}"
        return f"/crm/{family}/{version}/{rest}"
