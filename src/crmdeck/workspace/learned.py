"""What a source tells of a connection on the way, and is remembered with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from crmdeck.connectors.base import Connector, Versioned
from crmdeck.credentials import SECRET_NAMES
from crmdeck.model import Connection, ProbeReport, Source
from crmdeck.store import Session
from crmdeck.workspace.signin.flows import flow_in_use, flows_of

# What these give ends, and takes a person to be had again.
_NOT_RENEWED = ("access-token", "session-token")


class _Secrets(Protocol):
    def get(self, name: str) -> str | None: ...


def learned(connection: Connection, report: ProbeReport, secrets: _Secrets) -> dict[str, Any]:
    """Return what a probe told that the connection did not know."""
    told = {
        "instance_url": report.instance_url,
        "api_version": report.api_version,
        # The organisation behind an Integrations API is chosen there; an org or portal is not.
        "organisation": None if connection.source is Source.PARTNEROS else report.organisation,
        "platform": report.platform,
        "sign_in": _sign_in(connection, secrets),
    }
    changes: dict[str, Any] = _news(connection, told)
    flow = changes.get("sign_in", connection.sign_in)
    # A session is had again with the password, where that was kept.
    renewed = flow not in _NOT_RENEWED and (flow != "password" or secrets.get("password"))
    ends = None if renewed else report.token_expires_at
    if ends != connection.token_expires_at:
        changes["token_expires_at"] = ends
    return changes


def learned_on_the_way(
    connection: Connection, connector: Connector, secrets: _Secrets
) -> dict[str, Any]:
    """Return what a discovery showed that the connection did not know."""
    version = connector.version_in_use() if isinstance(connector, Versioned) else None
    return _news(connection, {"api_version": version, "sign_in": _sign_in(connection, secrets)})


def remember(
    session: Session, connection_id: str, changes: dict[str, Any], at: datetime, actor: str
) -> None:
    """Write what was learned into the connection, as it is by now."""
    connection = session.connections.get(connection_id)
    if changes and connection is not None:
        session.connections.put(connection.model_copy(update=changes), at, actor)


def _news(connection: Connection, told: dict[str, str | None]) -> dict[str, Any]:
    return {
        key: value for key, value in told.items() if value and value != getattr(connection, key)
    }


def _sign_in(connection: Connection, secrets: _Secrets) -> str | None:
    held = [name for name in SECRET_NAMES if secrets.get(name)]
    flow = flow_in_use(flows_of(connection.source, connection.platform), held)
    return flow.name if flow else None
