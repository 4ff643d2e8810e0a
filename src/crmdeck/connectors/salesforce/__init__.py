"""Salesforce, reached through simple-salesforce."""

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
    """Return a connector to the org of `connection`. No request is made yet.

    Secrets that it looks for: `access_token`; `refresh_token` with `client_id` (and
    `client_secret` where the app has one); `client_id`, `username` and `private_key` for JWT
    bearer; `client_id` and `client_secret` for client credentials. Raises UsageError where the
    endpoint or the instance URL can't be used.
    """
    # The client library takes over half a second to import; not everyone needs it.
    from crmdeck.connectors.salesforce.connector import SalesforceConnector

    return SalesforceConnector(connection, credentials, listener, limits)
