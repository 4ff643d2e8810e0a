"""Finds the sign-in flow for a name, or for given or stored secrets; reads a private key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from crmdeck.errors import UsageError
from crmdeck.files import read_regular
from crmdeck.model import Flow, VendorProfile

# The order in which given secrets select a flow: renewable ones first.
_BY_WHAT_IS_GIVEN = (
    "refresh-token",
    "jwt",
    "session-token",
    "password",
    "access-token",
    "client-credentials",
)

_LONGEST_KEY = 100_000
EXPIRING = ("access-token", "session-token")
"""The flows whose tokens expire, and that only a user can renew."""


def find_flow(flows: tuple[Flow, ...], name: str, vendor: VendorProfile) -> Flow:
    """Return the flow of that name; raises UsageError that names what to use instead."""
    for flow in flows:
        if flow.name == name:
            return flow
    lasting = [f for f in flows if f.name in ("browser", "jwt", "client-credentials")]
    if lasting and name in ("password", "soap", "login"):
        raise UsageError(
            f"{vendor.title} connections can't sign in with a user name and password.",
            cause=vendor.retired_sign_in,
            remedy="Use " + " or ".join(f"--flow {f.name}" for f in lasting),
            code="PASSWORD_FLOW_RETIRED",
        )
    offered = " or ".join(f"--flow {f.name}" for f in flows)
    raise UsageError(
        f"No sign-in flow named '{name}' for this connection.",
        remedy=f"Use {offered}" if flows else "Leave out --flow",
        code="UNKNOWN_FLOW",
    )


def fitting_flow(flows: tuple[Flow, ...], given: Collection[str]) -> Flow | None:
    """Return the flow for which the names of secrets in `given` are enough, without a browser."""
    by_name = {flow.name: flow for flow in flows if not flow.browser}
    for name in _BY_WHAT_IS_GIVEN:
        flow = by_name.get(name)
        if flow is not None and not flow.missing(given):
            return flow
    return None


def flow_in_use(flows: tuple[Flow, ...], stored: Collection[str]) -> Flow | None:
    """Return the flow of stored secrets; a refresh token belongs to the browser flow."""
    by_name = {flow.name: flow for flow in flows}
    if "refresh_token" in stored and "browser" in by_name:
        return by_name["browser"]
    order = ("jwt", "client-credentials", "session-token", "access-token")
    if "username" in stored and "password" in by_name:
        return by_name["password"]
    return next(
        (by_name[n] for n in order if n in by_name and not by_name[n].missing(stored)), None
    )


def tidied(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return secrets without surrounding blanks, and with real line breaks in a private key."""
    found = {name: value.strip() for name, value in secrets.items()}
    key = found.get("private_key")
    if key:
        # Variables and the secrets of CI systems often contain a key in one line.
        found["private_key"] = key.replace("\\n", "\n") + "\n"
    return {name: value for name, value in found.items() if value}


def read_key(path: Path) -> str:
    """Return the private key in a file; raises UsageError."""
    try:
        text = read_regular(path.expanduser(), _LONGEST_KEY).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Can't read {path}.",
            cause=(isinstance(error, OSError) and error.strerror) or "The file isn't text.",
            remedy="Use the path of a private key in PEM format.",
            code="BAD_PRIVATE_KEY",
        ) from None
    if "PRIVATE KEY-----" not in text:
        raise UsageError(
            f"{path} contains no private key.",
            cause="A private key in PEM format contains the words PRIVATE KEY.",
            remedy="Use the key file from openssl, not the certificate.",
            code="BAD_PRIVATE_KEY",
        )
    return text
