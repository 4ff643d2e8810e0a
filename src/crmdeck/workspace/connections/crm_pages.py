"""The page in the CRM's own setup that shows an account, an object or a field."""

from __future__ import annotations

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.model import Connection, CrmPage, Source


def crm_page(
    connection: Connection, object_type: str | None = None, field_name: str | None = None
) -> CrmPage:
    """Return the setup page of a field, of an object, or of the account itself.

    Raises UsageError without such a page, or if the connection doesn't say which account to open.
    """
    vendor = vendor_of(connection.platform)
    if connection.source == Source.SANDBOX:
        raise _no_page(connection, "The built-in sandbox has no setup pages.")
    if vendor.setup_page is None:
        raise _no_page(connection, f"crmdeck knows no setup pages of {vendor.title}.")
    page = vendor.setup_page(connection, object_type, field_name)
    if page is None:
        raise _no_page(
            connection,
            f"crmdeck doesn't know the {vendor.account} of this connection.",
            vendor.no_setup_page.format(name=connection.name),
        )
    return page


def _no_page(connection: Connection, cause: str, remedy: str | None = None) -> UsageError:
    return UsageError(
        f"Can't open {connection.name} in the CRM.", cause=cause, remedy=remedy, code="NO_CRM_PAGE"
    )
