"""What a connection may be made of: each check returns what it was given, or raises UsageError."""

from __future__ import annotations

import ipaddress
import re
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.home import absolute_path
from crmdeck.model import Connection, Source, VendorProfile
from crmdeck.settings import MAX_TTL_HOURS

_REMOTE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Return `name` where it can be a connection's name; raises UsageError."""
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"'{name}' can't be the name of a connection.",
            remedy="Use letters, digits, '.', '-' and '_', 64 at most.",
            code="BAD_NAME",
        )
    if _is_uuid(name):
        raise UsageError(
            f"'{name}' can't be the name of a connection.",
            cause="It is a UUID, and a connection is found by its UUID as well as by its name.",
            remedy="Choose a name that people recognize.",
            code="BAD_NAME",
        )
    return name


def check_remote_id(text: str) -> str:
    """Return the id that `text` is, a UUID as the wire writes it; raises UsageError.

    Whatever else it is belongs to PartnerOS (`conn_...`) and is taken as it stands.
    """
    if _is_uuid(text):
        return str(uuid.UUID(text))
    if _REMOTE_ID.fullmatch(text):
        return text
    raise UsageError(
        f"'{text}' can't be the id of an integration.",
        remedy="The remote id is that of the integration in PartnerOS: a UUID, or conn_...",
        code="BAD_REMOTE_ID",
    )


def check_endpoint(url: str) -> str:
    """Return `url` where it may stand in for a vendor's host; raises UsageError.

    Plain http is taken on loopback only.
    """
    if _is_private(url):
        return url.rstrip("/")
    raise UsageError(
        f"'{url}' can't be an endpoint.",
        remedy="Use https://HOST, or http:// on this machine's loopback.",
        code="BAD_ENDPOINT",
    )


def check_instance_url(url: str, vendor: VendorProfile) -> str:
    """Return the URL that an org's tokens may be sent to; raises UsageError.

    `url` may also be what the CRM's `login_url` accepts: `production`, a host, a copied address.
    """
    scheme, divider, _ = url.partition("://")
    if vendor.login_url is not None and (not divider or scheme.lower() == "https"):
        return vendor.login_url(url)
    if _is_private(url):
        return url.rstrip("/")
    raise UsageError(
        f"'{url}' isn't an instance URL.",
        remedy=f"Use {vendor.own_url_example or 'https://HOST'}",
        code="BAD_INSTANCE_URL",
    )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_api_version(connection: Connection, version: str) -> str | None:
    """Return `version` if the connection can pin it, None for `newest`; raises UsageError."""
    if version == "newest":
        return None
    vendor = vendor_of(connection.platform)
    if vendor.version_pattern is None or not re.fullmatch(vendor.version_pattern, version):
        example = vendor.version_example
        raise UsageError(
            f"Can't pin {connection.name} to API version '{version}'.",
            remedy=f"Use newest or {example}" if example else "Use newest",
            code="BAD_API_VERSION",
        )
    return version


def checked_hours(hours: float) -> float:
    """Return `hours` where it is a time to live; raises UsageError."""
    if not 0 < hours <= MAX_TTL_HOURS:  # which refuses nan as well
        raise UsageError(
            "That can't be a time to live.",
            remedy=f"Give a number of hours above zero, and up to {MAX_TTL_HOURS} (ten years).",
            code="BAD_TTL",
        )
    return hours


def checked_path(connection: Connection, path: str) -> str:
    """Return `path` from the root, where schemas can be read from it; raises UsageError."""
    if connection.source != Source.FILES:
        raise UsageError(
            f"{connection.name} does not read from a path.",
            cause=f"Its source is {connection.source}; a path is for the source files.",
            code="BAD_PATH",
        )
    whole = absolute(path)
    try:
        there = Path(whole).exists()
    except OSError:
        # It may not be looked into: reading it says so.
        there = True
    if not there:
        raise UsageError(
            f"There is nothing at {whole}.",
            remedy="Name a file or a folder of exported schemas.",
            code="BAD_PATH",
        )
    return whole


def absolute(path: str) -> str:
    """Return `path` from the root, with the home folder in place of `~`."""
    return str(absolute_path(path))


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_private(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
