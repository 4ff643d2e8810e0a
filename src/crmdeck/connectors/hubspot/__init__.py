"""HubSpot, reached through hubspot-api-client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.connectors.hubspot.profile import PROFILE as PROFILE

if TYPE_CHECKING:
    from crmdeck.connectors.base import Connector, Credentials, TokenListener
    from crmdeck.connectors.limits import Limits
    from crmdeck.model import Connection


def open_connector(
    connection: Connection,
    credentials: Credentials,
    listener: TokenListener,
    limits: Limits,
) -> Connector:
    """Return a connector to the account of `connection`. Makes no request yet.

    It reads `access_token` (from OAuth, a service key or a private app), or `refresh_token` with
    `client_id` and `client_secret`. Raises UsageError for an endpoint that it can't use.
    """
    # The client library takes over half a second to import, and few commands need it.
    from crmdeck.connectors.hubspot.connector import HubSpotConnector

    return HubSpotConnector(connection, credentials, listener, limits)
