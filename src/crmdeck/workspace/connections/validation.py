"""Checks of a connection's values: each returns the value, or raises UsageError."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Collection
from pathlib import Path

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.home import absolute_path
from crmdeck.model import Connection, Source, VendorProfile
from crmdeck.model.connection import NAME_PATTERN
from crmdeck.settings import MAX_TTL_HOURS
from crmdeck.text import split_url

_REMOTE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


def check_name(name: str) -> str:
    """Return a valid connection name; raises UsageError."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(
            f"'{name}' isn't a valid connection name.",
            remedy="Use at most 64 letters, digits, '.', '-' and '_', starting with a letter or "
            "digit.",
            code="BAD_NAME",
        )
    if _is_uuid(name):
        raise UsageError(
            f"'{name}' isn't a valid connection name.",
            cause="A name that looks like a UUID could be confused with another connection's UUID.",
            remedy="Use another name.",
            code="BAD_NAME",
        )
    return name


def check_remote_id(text: str) -> str:
    """Return a valid remote ID; raises UsageError.

    That is a UUID in wire format, or any other ID of PartnerOS, such as `conn_...`.
    """
    if _is_uuid(text):
        return str(uuid.UUID(text))
    if _REMOTE_ID.fullmatch(text):
        return text
    raise UsageError(
        f"'{text}' isn't a valid remote ID.",
        remedy="Copy the integration's ID from PartnerOS: a UUID, or conn_...",
        code="BAD_REMOTE_ID",
    )


def check_endpoint(url: str) -> str:
    """Return a valid endpoint; raises UsageError. Plain http is valid on loopback only."""
    if _is_private(url):
        return url.rstrip("/")
    raise UsageError(
        f"'{url}' isn't a valid endpoint.",
        remedy="Use https://HOST, or http:// on loopback",
        code="BAD_ENDPOINT",
    )


def check_instance_url(url: str, vendor: VendorProfile) -> str:
    """Return a valid instance URL; raises UsageError.

    `url` can also be a short name, a host or a copied address for the CRM's `login_url`.
    """
    scheme, divider, _ = url.partition("://")
    # Plain http is only for a stand-in on this machine, never for the CRM itself.
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
    """Return True if a host name or address is loopback."""
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
    """Return a valid time to live; raises UsageError."""
    if not 0 < hours <= MAX_TTL_HOURS:  # also false for nan
        raise UsageError(
            f"{hours:g} hours isn't a valid time to live.",
            remedy=f"Use more than 0 and at most {MAX_TTL_HOURS} hours (ten years).",
            code="BAD_TTL",
        )
    return hours


def checked_rule_kinds(kinds: Collection[str], vendor: VendorProfile) -> tuple[str, ...]:
    """Return valid kinds of rules to leave out; raises UsageError."""
    unknown = sorted(set(kinds) - set(vendor.rule_kinds))
    if unknown:
        raise UsageError(
            f"{vendor.title} has no kind of rules named '{unknown[0]}'.",
            cause=f"Valid values: {', '.join(vendor.rule_kinds)}.",
            remedy="Leave out one of these, or use '' to read all kinds.",
            code="NO_RULE_KIND",
        )
    return tuple(dict.fromkeys(kinds))


def checked_path(connection: Connection, path: str) -> str:
    """Return the absolute path of existing schema files; raises UsageError."""
    if connection.source != Source.FILES:
        raise UsageError(
            f"Can't set a path for {connection.name}.",
            cause=f"Only the 'files' source has a path. This source is {connection.source}.",
            remedy=f"Check the connection: crmdeck status {connection.name}",
            code="BAD_PATH",
        )
    whole = str(absolute_path(path))
    try:
        there = Path(whole).exists()
    except OSError:
        # The refresh reports a folder without permission.
        there = True
    if not there:
        raise UsageError(
            f"{whole} doesn't exist.",
            remedy="Use a file or folder with exported schemas.",
            code="BAD_PATH",
        )
    return whole


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_private(url: str) -> bool:
    parts = split_url(url)
    host = parts.hostname or ""
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    )
