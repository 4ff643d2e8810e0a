"""What a connection may be made of: each check returns what it was given, or raises UsageError."""

from __future__ import annotations

import ipaddress
import re
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from crmdeck.errors import UsageError
from crmdeck.model import Connection, Platform

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Return `name` where it can be a connection's name; raises UsageError."""
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"'{name}' can't be the name of a connection.",
            remedy="Use letters, digits, '.', '-' and '_', 64 at most.",
            code="BAD_NAME",
        )
    return name


def check_remote_id(text: str) -> str:
    """Return the UUID that `text` is, as the wire writes it; raises UsageError."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise UsageError(
            f"'{text}' is no UUID.",
            remedy="The remote id is the UUID of the integration in PartnerOS.",
            code="BAD_REMOTE_ID",
        ) from None


def check_endpoint(url: str) -> str:
    """Return `url` where it may stand in for a vendor's host; raises UsageError.

    Plain http is taken on loopback only.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname):
        return url.rstrip("/")
    raise UsageError(
        f"'{url}' can't be an endpoint.",
        remedy="Use https://HOST, or http:// on this machine's loopback.",
        code="BAD_ENDPOINT",
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
    """Return `version` where it can be pinned, None for `newest`; raises UsageError."""
    if version == "newest":
        return None
    if connection.platform is not Platform.SALESFORCE or not re.fullmatch(r"\d\d\.0", version):
        raise UsageError(
            f"'{version}' can't be the API version of {connection.name}.",
            remedy="Use newest or, for Salesforce, a version such as 66.0.",
            code="BAD_API_VERSION",
        )
    return version


def positive_hours(hours: float) -> float:
    """Return `hours` where it is a time to live; raises UsageError."""
    if hours <= 0:
        raise UsageError("A time to live is a number of hours above zero.", code="BAD_TTL")
    return hours


def absolute(path: str) -> str:
    """Return `path` from the root, with the home folder in place of `~`."""
    return str(Path(path).expanduser().absolute())
