"""HubSpot, reached through hubspot-api-client."""

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
    """Return a connector to the portal of `connection`. No request is made yet.

    Secrets that it looks for: `access_token` (of OAuth, a service key or a private app), and
    `refresh_token` with `client_id` and `client_secret` for OAuth. Raises UsageError where the
    endpoint can't be used.
    """
    # The client library takes over half a second to import; not everyone needs it.
    from crmdeck.connectors.hubspot.connector import HubSpotConnector

    return HubSpotConnector(connection, credentials, listener, limits)
