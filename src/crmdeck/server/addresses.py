"""Addresses and names of hosts."""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::[0-9]{0,5})?")


def rate_limit_key(address: str) -> str:
    """Return the address to count by: the address itself, or the /64 network of an IPv6 client."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        # One client has a whole /64, and could use another address for each attempt.
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def host_of(header: str) -> str:
    """Return the host of a `Host` header in lower case, without port and brackets.

    Without a valid port, as in `127.0.0.1:80.evil.example`, all of it is the host.
    """
    text = header.strip().casefold()
    match = _HOST.fullmatch(text)
    return (match[1] or match[2].rstrip(".")) if match else text


def is_loopback(host: str) -> bool:
    """True if a name or an address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """True if a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """True if a text is an IP address or a network (`10.0.0.0/8`)."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
