"""What the tests of both CRMs share: a purse of secrets, and a connector to the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from crmdeck.connectors import hubspot, salesforce
from crmdeck.connectors.base import (
    Connector,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Rules,
    Unchanged,
)
from crmdeck.connectors.limits import Limits
from crmdeck.model import (
    CancelToken,
    Connection,
    Notice,
    ObjectSchema,
    Platform,
    Scope,
    schema_hash,
)
from crmdeck.sandbox import Sandbox

QUICK = Limits(backoff=0.01, read_timeout=5.0)


@dataclass
class Purse:
    """Secrets in memory, and the audit of what became of the token."""

    values: dict[str, str]
    events: list[str] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        self.values |= values

    def note(self, event: str, summary: str) -> None:
        self.events.append(event)
        assert not any(value in summary for value in self.values.values())


def connection_of(
    platform: Platform, *, source: str | None = None, **attributes: Any
) -> Connection:
    """Return a connection that no workspace has."""
    return Connection(
        id="00000000-0000-0000-0000-000000000001",
        name="test",
        platform=platform,
        source=source or platform,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        **attributes,
    )


def salesforce_to(
    sandbox: Sandbox,
    org: str = "acme-prod",
    *,
    limits: Limits = QUICK,
    secrets: Iterable[str] = ("access_token", "refresh_token", "client_id", "client_secret"),
    instance_url: str | None = None,
    **extra: str,
) -> tuple[Connector, Purse]:
    """Return a connector to an org of the sandbox, and its purse."""
    access = sandbox.access(org)
    purse = Purse({name: getattr(access, name) for name in secrets} | extra)
    connection = connection_of(
        "salesforce",
        endpoint=access.endpoint,
        instance_url=instance_url or access.instance_url,
    )
    return salesforce.open_connector(connection, purse, purse.note, limits), purse


def hubspot_to(
    sandbox: Sandbox,
    portal: str = "acme-marketing",
    *,
    limits: Limits = QUICK,
    private: bool = False,
) -> tuple[Connector, Purse]:
    """Return a connector to a portal of the sandbox, and its purse."""
    access = sandbox.access(portal)
    if private:
        purse = Purse({"access_token": access.private_app_token})
    else:
        names = ("access_token", "refresh_token", "client_id", "client_secret")
        purse = Purse({name: getattr(access, name) for name in names})
    connection = connection_of("hubspot", endpoint=access.endpoint)
    return hubspot.open_connector(connection, purse, purse.note, limits), purse


@dataclass
class Run:
    """One discovery, sorted by what it yielded."""

    listing: Listing
    discovered: dict[str, Discovered]
    unchanged: dict[str, Unchanged]
    failed: dict[str, Failed]
    known: dict[str, Known]
    rules: Rules = field(default_factory=lambda: Rules({}))
    notices: list[Notice] = field(default_factory=list)

    def faces(self, *mapped: str) -> dict[str, Known]:
        """Return the known objects with what a cache would have of them, and some mapped."""
        return {
            name: replace(
                each,
                mapped=name in mapped,
                schema=ObjectSchema(
                    object_type=name,
                    rules=self.rules.by_object[name].rules,
                    not_read=self.rules.by_object[name].not_read,
                    user=self.rules.by_object[name].user,
                    record_types=self.discovered[name].schema.record_types,
                ),
            )
            for name, each in self.known.items()
        }


def run(
    connector: Connector,
    known: Mapping[str, Known] | None = None,
    scope: Scope | None = None,
    cancel: CancelToken | None = None,
) -> Run:
    """Discover to the end."""
    known = known or {}
    items: list[Discovery] = list(
        connector.discover(scope or Scope(), known, cancel or CancelToken())
    )
    listing = items[0]
    assert isinstance(listing, Listing)
    found = Run(listing, {}, {}, {}, {})
    for item in items[1:]:
        match item:
            case Discovered(schema=schema, validator=validator):
                name = schema.object_type
                found.discovered[name] = item
                found.known[name] = Known(name, schema_hash(schema.fields), validator)
            case Unchanged(object_type=name, validator=validator):
                found.unchanged[name] = item
                found.known[name] = Known(name, known[name].schema_hash, validator)
            case Failed(object_type=name):
                found.failed[name] = item
                if name in known:
                    found.known[name] = known[name]
            case Rules():
                found.rules = item
            case Notice():
                found.notices.append(item)
    assert {*found.discovered, *found.unchanged, *found.failed} == set(listing.in_scope)
    return found


def sent(sandbox: Sandbox, *, oauth: bool) -> list[str]:
    """Return the paths of the requests made so far, those for tokens or all others."""
    paths = [request.path.partition("?")[0] for request in sandbox.requests]
    return [path for path in paths if ("/oauth" in path) is oauth]
