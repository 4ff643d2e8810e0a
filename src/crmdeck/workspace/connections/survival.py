"""What can end a connection, when, and what to do before. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmdeck.model import Connection, ConnectionEnd, VendorProfile


def connection_ends(
    connection: Connection, vendor: VendorProfile, flow: str | None, used_at: datetime | None
) -> tuple[ConnectionEnd, ...]:
    """Return the risks for a connection that signs in by `flow`, known dates first.

    `used_at` is when crmdeck last used or stored its refresh token; None if that is unknown.
    """
    if connection.disconnected_at is not None or not connection.is_direct:
        return ()
    found = []
    if connection.token_expires_at is not None:
        found.append(
            ConnectionEnd(
                code="TOKEN_EXPIRES",
                message="The token expires, and crmdeck can't renew it.",
                remedy="Sign in again before that.",
                ends_at=connection.token_expires_at,
            )
        )
    for each in vendor.endings:
        if flow not in each.flows:
            continue
        days = each.idle_days
        found.append(
            ConnectionEnd(
                code=each.code,
                message=each.message,
                remedy=each.remedy,
                ends_at=used_at + timedelta(days=days) if used_at and days else None,
                link=each.source,
            )
        )
    return tuple(
        sorted(found, key=lambda end: (end.ends_at is None, end.ends_at or connection.created_at))
    )
