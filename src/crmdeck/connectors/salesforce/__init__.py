"""Salesforce, reached through simple-salesforce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.connectors.salesforce.profile import PROFILE as PROFILE

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
    """Return a connector to the org of `connection`. Makes no request yet.

    It reads one of these sets of secrets: `access_token`; `refresh_token` with `client_id` (and
    `client_secret` if the app has one); `client_id`, `username` and `private_key` for JWT bearer;
    `client_id` and `client_secret` for client credentials. Raises UsageError for an endpoint or
    an instance URL that it can't use.
    """
    # The client library takes over half a second to import, and few commands need it.
    from crmdeck.connectors.salesforce.connector import SalesforceConnector

    return SalesforceConnector(connection, credentials, listener, limits)
