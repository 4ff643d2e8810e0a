"""A workspace, a sandbox CRM on loopback, and a keyring in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.sandbox import Sandbox
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.keyrings import MemoryKeyring, using

ORG = "acme-prod"
PORTAL = "acme-marketing"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def keyring() -> Iterator[MemoryKeyring]:
    with using(MemoryKeyring()) as backend:
        assert isinstance(backend, MemoryKeyring)
        yield backend


@pytest.fixture
def ws(tmp_path: Path, keyring: MemoryKeyring) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "home", actor="dana") as workspace:
        yield workspace


def org_draft(sandbox: Sandbox, name: str = "acme", org: str = ORG) -> ConnectionDraft:
    """Return a draft of a connection to an org of the sandbox."""
    endpoint = sandbox.access(org).endpoint
    return ConnectionDraft(name=name, source="salesforce", endpoint=endpoint)


def portal_draft(sandbox: Sandbox, name: str = "portal") -> ConnectionDraft:
    """Return a draft of a connection to a portal of the sandbox."""
    endpoint = sandbox.access(PORTAL).endpoint
    return ConnectionDraft(name=name, source="hubspot", endpoint=endpoint)


def app(sandbox: Sandbox, org: str = ORG) -> dict[str, str]:
    """Return the id of the app of an org."""
    return {"client_id": sandbox.access(org).client_id}
