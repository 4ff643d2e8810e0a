"""A workspace over the sandbox's CRMs, on loopback, in which the test says what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import RefreshResult, Scope
from crmdeck.sandbox import Sandbox, Scenario
from crmdeck.workspace import ConnectionDraft, Workspace

from .conftest import Clock

ANCHOR = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORG, PORTAL, OLD_PORTAL = "acme-prod", "acme-marketing", "legacy-portal"


@dataclass
class Office:
    """The workspace at `home`, the sandbox that it talks to, and the clock of both.

    As a fixture, its file stays open until `let_go`.
    """

    home: Path | str
    workspace: Workspace
    sandbox: Sandbox
    clock: Clock
    let_go: Callable[[], None] = field(default=lambda: None)

    def add_org(self, *, scope: Scope) -> None:
        """Connect the Salesforce org, as `org`."""
        access = self.sandbox.access(ORG)
        draft = ConnectionDraft(
            name="org",
            source="salesforce",
            instance_url=access.instance_url,
            endpoint=access.endpoint,
            scope=scope,
        )
        names = ("access_token", "refresh_token", "client_id", "client_secret")
        self.workspace.connections.add(draft, {name: getattr(access, name) for name in names})

    def add_portal(
        self,
        portal: str = PORTAL,
        *,
        secrets: Mapping[str, str] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Connect a HubSpot portal, as `portal`, by the token of a private app."""
        access = self.sandbox.access(portal)
        draft = ConnectionDraft(
            name="portal", source="hubspot", endpoint=access.endpoint, scope=scope or Scope()
        )
        self.workspace.connections.add(draft, secrets or {"access_token": access.private_app_token})

    def refresh_at(self, moment: datetime, ref: str) -> RefreshResult:
        """Refresh at a moment of the history."""
        self.clock.now = moment
        return self.workspace.refreshes.run(ref)

    def before_and_after(self, days: float, ref: str) -> RefreshResult:
        """Refresh around what changed so many days before the anchor; return the second one."""
        self.refresh_at(ANCHOR - timedelta(days=days, hours=3), ref)
        return self.refresh_at(ANCHOR - timedelta(days=days, hours=-3), ref)

    def paths(self, word: str) -> list[str]:
        """Return the paths of the requests so far that contain `word`."""
        return [request.path for request in self.sandbox.requests if word in request.path]


@pytest.fixture
def database() -> None:
    """A file in place of both engines, for tests of what a CRM answers: tests/store has both."""


@contextmanager
def opened(home: Path | str) -> Iterator[Office]:
    """Open an office whose workspace is at `home`."""
    clock = Clock(ANCHOR)
    with Sandbox(Scenario.demo(), clock=clock, anchor=ANCHOR) as sandbox:
        secrets = MemorySecrets()
        with Workspace.open(home, clock=clock, actor="dana", secrets=secrets) as workspace:
            yield Office(home, workspace, sandbox, clock)
