"""HubSpot's paths: dated versions, or numbered ones if the account doesn't have them.

Source: "API versioning" in HubSpot's developer documentation. A dated version lives for 18 months;
the numbered ones retire in 2027.
"""

from __future__ import annotations

import threading

NEWEST_FIRST = ("2026-09", "2026-03", "v3")
OAUTH_VERSION = "2026-03"
# These have other versions than the rest.
_BETAS = {"pipelines-rules": ("2026-09", "2026-09-beta")}
_OUTSIDE_CRM = {"account-info": "/account-info", "schemas": "/crm-object-schemas"}


class Paths:
    """Builds paths, and remembers the version of each API family that works."""

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
            if family in _BETAS:
                # An account without the newest version has no betas of it.
                return _BETAS[family] if self._latest == NEWEST_FIRST[0] else _BETAS[family][:1]
            # An account lacks a version in all families: start with the one that worked elsewhere.
            return NEWEST_FIRST[NEWEST_FIRST.index(self._latest) :]

    def expect_newest(self, *families: str) -> None:
        """Ask only for the newest version of these families.

        Otherwise parallel calls would each find out that it works.
        """
        with self._lock:
            self._proven |= dict.fromkeys(families, NEWEST_FIRST[0])

    def remember(self, family: str, version: str) -> None:
        with self._lock:
            self._proven[family] = version
            if family not in _BETAS:
                self._latest = version

    def oldest_in_use(self) -> str | None:
        """Return the oldest working version of any family; None before the first call."""
        with self._lock:
            used = (each for family, each in self._proven.items() if family not in _BETAS)
            return max(used, key=NEWEST_FIRST.index, default=None)

    @staticmethod
    def path(family: str, version: str, rest: str) -> str:
        """Return the path of `rest` in a family: `/crm/properties/2026-09/deals`."""
        if family in _OUTSIDE_CRM:
            return f"{_OUTSIDE_CRM[family]}/{version}/{rest}"
        if version == "v3":
            return f"/crm/v3/{family}/{rest}"
        return f"/crm/{family}/{version}/{rest}"
