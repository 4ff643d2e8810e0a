"""PartnerOS, or a crmdeck that serves a team, reached through the Integrations API."""

from __future__ import annotations

from crmdeck.connectors.base import Connector, Credentials, TokenListener
from crmdeck.connectors.limits import Limits
from crmdeck.model import Connection


def open_connector(
    connection: Connection,
    credentials: Credentials,
    listener: TokenListener,
    limits: Limits,
) -> Connector:
    """Return a connector to the integration `connection.remote_id` at `connection.endpoint`.

    No request is made yet. Secrets that it looks for: `session_token` (the cookie), else
    `username` (the e-mail address) with `password`; the cookie that signing in gives is stored,
    the password never. Raises UsageError where the endpoint or the remote id can't be used.
    """
    from crmdeck.connectors.partneros.connector import PartnerOSConnector

    return PartnerOSConnector(connection, credentials, listener, limits)
