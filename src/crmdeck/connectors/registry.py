"""The CRMs that crmdeck connects to, and the package that opens each source."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from crmdeck.errors import UsageError
from crmdeck.model import Platform, Source, VendorProfile

if TYPE_CHECKING:
    # Reading the cache needs facts about a CRM, but no connector.
    from crmdeck.connectors.base import ConnectorFactory
    from crmdeck.model import Connection, Flow

CRMS: dict[Platform, str] = {
    "salesforce": "crmdeck.connectors.salesforce",
    "hubspot": "crmdeck.connectors.hubspot",
}
"""The package of each CRM. It offers `PROFILE` and `open_connector`, a `ConnectorFactory`.

A CRM with a `browser` flow also has a module `oauth` with `authorize_url` and `redeem`.
"""
_OTHERS: dict[str, str] = {
    Source.PARTNEROS: "crmdeck.connectors.partneros",
    Source.FILES: "crmdeck.connectors.files",
}


def sources() -> tuple[str, ...]:
    return (*CRMS, *(source.value for source in Source))


def vendor_of(platform: Platform) -> VendorProfile:
    """Return the facts about a CRM; only its name if no package here connects to it."""
    if platform not in CRMS:
        return VendorProfile(name=platform, title=platform)
    profile: VendorProfile = importlib.import_module(CRMS[platform]).PROFILE
    return profile


def flows_of(connection: Connection) -> tuple[Flow, ...]:
    """Return the ways to sign in to the source of a connection; () if it needs no sign-in."""
    match connection.source:
        case Source.FILES:
            return ()
        case Source.PARTNEROS:
            flows: tuple[Flow, ...] = _package(connection).FLOWS
            return flows
        case _:
            return vendor_of(connection.platform).flows


def host_of(connection: Connection) -> str:
    """Return the scheme and host that get the secrets of a connection, a blank, and its account."""
    if connection.source == Source.FILES:
        return ""
    vendor = vendor_of(connection.platform)
    own = connection.instance_url if vendor.own_url_example else None
    url = connection.endpoint or own or next(iter(vendor.login_hosts.values()), "")
    # Compared as text up to the path, so that no two parsers can read different hosts.
    return f"{'/'.join(url.split('/')[:3]).lower()} {connection.organization or ''}"


def open_source(connection: Connection) -> ConnectorFactory:
    """Return the function that opens a connector to the source of a connection."""
    opened: ConnectorFactory = _package(connection).open_connector
    return opened


def oauth_of(platform: Platform) -> ModuleType:
    """Return the module that signs in to a CRM with the browser."""
    return importlib.import_module(f"{CRMS[platform]}.oauth")


def _package(connection: Connection) -> ModuleType:
    sandboxed = connection.source == Source.SANDBOX
    name = connection.platform if sandboxed else connection.source
    package = CRMS.get(name) or _OTHERS.get(name)
    if package is None:
        raise UsageError(
            f"Can't connect {connection.name} to '{name}'.",
            cause="This version of crmdeck has no such source. Sources: " + ", ".join(sources()),
            remedy="Update crmdeck, or add the connection again: crmdeck connections add",
            code="UNKNOWN_SOURCE",
        )
    return importlib.import_module(package)
