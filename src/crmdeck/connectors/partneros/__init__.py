"""PartnerOS, or a crmdeck server, reached through the Integrations API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.model import Flow, Question

if TYPE_CHECKING:
    from crmdeck.connectors.base import Connector, Credentials, TokenListener
    from crmdeck.connectors.limits import Limits
    from crmdeck.model import Connection

FLOWS = (
    Flow(
        "password",
        "Email and password (crmdeck keeps the session, not the password)",
        (
            Question("username", "Email", hidden=False, lasting=True),
            Question("password", "Password"),
        ),
    ),
    Flow("session-token", "Session token", (Question("session_token", "Session token"),)),
)


def open_connector(
    connection: Connection,
    credentials: Credentials,
    listener: TokenListener,
    limits: Limits,
) -> Connector:
    """Return a connector to the integration `connection.remote_id` at `connection.endpoint`.

    Makes no request yet. It reads `session_token` (the cookie), or `username` (the email address)
    and `password`, and stores the cookie of a sign-in, never the password. Raises UsageError for
    an endpoint or a remote ID that it can't use.
    """
    from crmdeck.connectors.partneros.connector import PartnerOSConnector

    return PartnerOSConnector(connection, credentials, listener, limits)
