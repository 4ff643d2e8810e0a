"""HubSpot's failure codes.

Sources: "Error handling", "API usage guidelines" and the OAuth guides of HubSpot's developer
documentation. An answer says `category` and `message`; the older OAuth endpoint says `status`,
the dated one `error`.
"""

from __future__ import annotations

from crmdeck.connectors.faults import Fault
from crmdeck.errors import (
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
)

HUBSPOT_FAULTS: tuple[Fault, ...] = (
    *(
        Fault(
            vendor_code=vendor_code,
            code="GRANT_REFUSED",
            error=ReauthRequiredError,
            message="HubSpot does not accept the refresh token any more.",
            cause="The app was uninstalled from the portal, or its access was revoked.",
            remedy="Sign in again; that installs the app anew.",
            whole=True,
        )
        for vendor_code in ("BAD_REFRESH_TOKEN", "invalid_grant", "BAD_AUTH_CODE")
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="APP_UNKNOWN",
            error=ReauthRequiredError,
            message="HubSpot does not know the app.",
            cause="The client id or secret is wrong, or the app was deleted.",
            remedy="Check the app's credentials in the developer account, then sign in again.",
            whole=True,
        )
        for vendor_code in ("BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "invalid_client")
    ),
    Fault(
        vendor_code="EXPIRED_AUTHENTICATION",
        code="SESSION_EXPIRED",
        error=ReauthRequiredError,
        message="The HubSpot access token has expired.",
        cause="OAuth access tokens live for half an hour.",
        remedy="Sign in again.",
        renew=True,
        whole=True,
    ),
    Fault(
        vendor_code="INVALID_AUTHENTICATION",
        code="SESSION_EXPIRED",
        error=ReauthRequiredError,
        message="HubSpot does not accept the access token.",
        cause="The token was rotated or revoked, or the app was removed from the portal.",
        remedy="Take the present token of the service key or private app, or sign in again.",
        renew=True,
        whole=True,
    ),
    Fault(
        vendor_code="MISSING_SCOPES",
        code="MISSING_SCOPE",
        error=PermissionDeniedError,
        message="The token lacks a scope for this.",
        cause="The app was installed, or the key made, without it.",
        remedy="Add the scope to the app or key in HubSpot, then install it again.",
    ),
    Fault(
        status=403,
        says="suspended",
        code="PORTAL_SUSPENDED",
        error=PermissionDeniedError,
        message="The HubSpot portal is suspended.",
        cause="HubSpot has suspended the account.",
        remedy="Ask the owner of the account to settle it with HubSpot.",
        whole=True,
    ),
    Fault(
        status=403,
        says="ip address",
        code="IP_RESTRICTED",
        error=PermissionDeniedError,
        message="HubSpot refuses requests from this address.",
        cause="The account allows certain addresses only.",
        remedy="Add this machine's address to the account's allowed ones.",
        whole=True,
    ),
    Fault(
        status=402,
        code="EDITION_TOO_SMALL",
        error=PermissionDeniedError,
        message="The portal's subscription does not include this.",
        cause="Custom objects and some APIs belong to higher editions.",
        remedy="Leave the object out of the scope, or change the subscription.",
    ),
    Fault(
        vendor_code="RATE_LIMITS",
        says="daily",
        code="DAILY_LIMIT",
        error=QuotaExceededError,
        message="The portal's API requests of the day are used up.",
        cause="All private apps and keys of the portal share them; crmdeck stopped at once.",
        remedy="They are given anew at midnight of the portal's time zone.",
        whole=True,
    ),
    Fault(
        status=423,
        code="RATE_LIMITED",
        error=QuotaExceededError,
        message="HubSpot has locked this for a moment.",
        cause="Too much was asked at once.",
        remedy="Try again in a few minutes.",
        wait=True,
        whole=True,
    ),
    Fault(
        status=477,
        code="PORTAL_MOVING",
        error=SourceError,
        message="HubSpot is moving the portal to another data centre.",
        cause="Requests are refused while it lasts, up to a day.",
        remedy="Try again tomorrow.",
        whole=True,
    ),
    Fault(
        vendor_code="OBJECT_NOT_FOUND",
        code="NOT_VISIBLE",
        error=SourceError,
        message="HubSpot does not know the object.",
        cause="It was removed, or this token does not see it.",
        remedy="Refresh again; if it stays, check the scopes of the token.",
    ),
)
