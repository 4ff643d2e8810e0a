"""Salesforce's failure codes.

Sources: "Status Codes and Error Responses" of the REST API Developer Guide, `ExceptionCode` of
the SOAP API Developer Guide, and "OAuth 2.0 Authorization Errors" of Salesforce Help.
"""

from __future__ import annotations

from crmdeck.connectors.faults import Fault
from crmdeck.errors import (
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
)

SALESFORCE_FAULTS: tuple[Fault, ...] = (
    # The OAuth endpoints: `error` and `error_description`.
    Fault(
        vendor_code="invalid_grant",
        says="expired access/refresh token",
        code="REFRESH_TOKEN_EXPIRED",
        error=ReauthRequiredError,
        message="Salesforce does not accept the refresh token any more.",
        cause="It has expired, was revoked by a user or an admin, or was replaced by rotation.",
        remedy="Sign in again; the app's refresh token policy in Setup says how long one lives.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="inactive user",
        code="USER_INACTIVE",
        error=ReauthRequiredError,
        message="The Salesforce user of this connection is inactive.",
        cause="An admin deactivated or froze the user.",
        remedy="Sign in as an active user, best an integration user.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="ip restricted",
        code="IP_RESTRICTED",
        error=PermissionDeniedError,
        message="Salesforce refuses sign-ins from this address.",
        cause="The profile's login IP ranges or the app's IP relaxation do not allow it.",
        remedy="Add this machine's address to the ranges, or relax them for the app in Setup.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="hasn't approved this consumer",
        code="APP_NOT_APPROVED",
        error=ReauthRequiredError,
        message="The user has not approved the app.",
        cause="The app's policy asks for a user's or an admin's approval, and there is none.",
        remedy="Pre-authorise the user through a permission set in the app's OAuth policies.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="invalid app access",
        code="APP_ACCESS_DENIED",
        error=ReauthRequiredError,
        message="The user may not use the app any more.",
        cause="The app's OAuth policy was tightened to admin-approved users.",
        remedy="Ask an admin to add the user's profile or permission set to the app.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="no client credentials user",
        code="FLOW_NOT_ENABLED",
        error=ReauthRequiredError,
        message="The app is not set up for the client credentials flow.",
        cause="The flow is off, or no user is assigned to run as.",
        remedy="Enable the flow and choose a run-as user in the app's OAuth policies.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="audience",
        code="ASSERTION_REFUSED",
        error=ReauthRequiredError,
        message="Salesforce refuses the signed assertion.",
        cause="It was signed for another kind of org: production and sandboxes differ.",
        remedy="Check the instance URL: sandboxes have `.sandbox.` in their My Domain.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="invalid assertion",
        code="ASSERTION_REFUSED",
        error=ReauthRequiredError,
        message="Salesforce refuses the signed assertion.",
        cause="The key does not belong to the app's certificate, or this clock is wrong.",
        remedy="Upload the certificate of this key to the app, and check the clock.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        says="authentication failure",
        code="PASSWORD_CHANGED",
        error=ReauthRequiredError,
        message="Salesforce refuses the user's sign-in.",
        cause="The password was changed or reset, or the user is locked out.",
        remedy="Sign in again.",
        whole=True,
    ),
    Fault(
        vendor_code="invalid_grant",
        code="GRANT_REFUSED",
        error=ReauthRequiredError,
        message="Salesforce refuses to give a new access token.",
        cause="The stored grant is not valid any more.",
        remedy="Sign in again.",
        whole=True,
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="APP_UNKNOWN",
            error=ReauthRequiredError,
            message="Salesforce does not know the app.",
            cause="The consumer key or secret is wrong, or the app was deleted from the org.",
            remedy="Check the app in External Client App Manager, then sign in again.",
            whole=True,
        )
        for vendor_code in ("invalid_client_id", "invalid_client", "OAUTH_EC_APP_NOT_FOUND")
    ),
    Fault(
        vendor_code="OAUTH_APP_BLOCKED",
        code="APP_BLOCKED",
        error=ReauthRequiredError,
        message="An admin has blocked the app.",
        cause="The app is blocked under OAuth usage in Setup.",
        remedy="Ask an admin to unblock it, then sign in again.",
        whole=True,
    ),
    Fault(
        vendor_code="OAUTH_APP_ACCESS_DENIED",
        code="APP_ACCESS_DENIED",
        error=ReauthRequiredError,
        message="The user may not use the app any more.",
        cause="The app's OAuth policy was tightened to admin-approved users.",
        remedy="Ask an admin to add the user's profile or permission set to the app.",
        whole=True,
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="ORG_LOCKED",
            error=PermissionDeniedError,
            message="The Salesforce org is locked.",
            cause="It was suspended, or its trial has ended.",
            remedy="Ask the org's owner to reactivate it with Salesforce.",
            whole=True,
        )
        for vendor_code in ("inactive_org", "ORG_LOCKED", "TRIAL_EXPIRED")
    ),
    Fault(
        vendor_code="rate_limit_exceeded",
        code="LOGIN_RATE_EXCEEDED",
        error=QuotaExceededError,
        message="Salesforce counts too many sign-ins of this user.",
        cause="The login rate of the user was exceeded within the hour.",
        remedy="Wait an hour; if it comes back, look for another client with this user.",
        whole=True,
    ),
    # The REST API: a list of `errorCode` and `message`.
    *(
        Fault(
            vendor_code=vendor_code,
            code="SESSION_EXPIRED",
            error=ReauthRequiredError,
            message="Salesforce does not accept the access token.",
            cause="The session has ended or was revoked.",
            remedy="Sign in again.",
            renew=True,
            whole=True,
        )
        for vendor_code in ("INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "Bad_OAuth_Token")
    ),
    Fault(
        vendor_code="INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
        code="PASSWORD_CHANGED",
        error=ReauthRequiredError,
        message="The password of the Salesforce user has expired.",
        cause="The org's policy asks for a new password before anything else.",
        remedy="Set a new password in Salesforce, then sign in again.",
        whole=True,
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="IP_RESTRICTED",
            error=PermissionDeniedError,
            message="Salesforce refuses requests from this address or at this hour.",
            cause="The profile's login IP ranges or login hours do not allow it.",
            remedy="Add this machine's address to the ranges, or widen the hours, in Setup.",
            whole=True,
        )
        for vendor_code in ("LOGIN_DURING_RESTRICTED_DOMAIN", "LOGIN_DURING_RESTRICTED_TIME")
    ),
    Fault(
        vendor_code="API_DISABLED_FOR_ORG",
        code="API_DISABLED",
        error=PermissionDeniedError,
        message="The org or the user may not use the API.",
        cause="The edition has no API access, or the profile lacks the permission API Enabled.",
        remedy="Add API access to the edition, or give the user API Enabled.",
        whole=True,
    ),
    Fault(
        vendor_code="API_CURRENTLY_DISABLED",
        code="API_DISABLED",
        error=PermissionDeniedError,
        message="Salesforce has switched the API off for this org for now.",
        cause="It does so after trouble, or while the org is being moved.",
        remedy="Try again later; Salesforce Trust says whether the instance has an incident.",
        whole=True,
    ),
    Fault(
        vendor_code="REQUEST_LIMIT_EXCEEDED",
        says="concurrent",
        code="CONCURRENT_LIMIT",
        error=QuotaExceededError,
        message="Too many long requests run in the org at once.",
        cause="The limit of concurrent requests is shared by every app of the org.",
        remedy="Try again in a few minutes.",
        whole=True,
    ),
    Fault(
        vendor_code="REQUEST_LIMIT_EXCEEDED",
        code="DAILY_LIMIT",
        error=QuotaExceededError,
        message="The org's API requests of the last 24 hours are used up.",
        cause="All apps of the org share them; crmdeck stopped at once.",
        remedy="See System Overview in Setup for who uses them; the window is a rolling day.",
        whole=True,
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="MISSING_PERMISSION",
            error=PermissionDeniedError,
            message="The Salesforce user lacks a permission for this.",
            cause="The profile and permission sets of the user do not include it.",
            remedy="Give the user the object or setup permission, or narrow the scope.",
        )
        for vendor_code in (
            "INSUFFICIENT_ACCESS",
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "FUNCTIONALITY_NOT_ENABLED",
        )
    ),
    *(
        Fault(
            vendor_code=vendor_code,
            code="NOT_VISIBLE",
            error=SourceError,
            message="Salesforce does not know the object.",
            cause="It was removed, or this user does not see it.",
            remedy="Refresh again; if it stays, check the object permissions of the user.",
        )
        for vendor_code in ("INVALID_TYPE", "NOT_FOUND")
    ),
    Fault(
        vendor_code="UNSUPPORTED_API_VERSION",
        code="API_VERSION_GONE",
        error=SourceError,
        message="The org does not speak this API version.",
        cause="The version was retired, or is newer than the org's release.",
        remedy="Let crmdeck choose the version: remove the pinned one from the connection.",
        whole=True,
    ),
    Fault(
        vendor_code="SERVER_UNAVAILABLE",
        code="SOURCE_UNAVAILABLE",
        error=SourceError,
        message="The Salesforce instance is not available.",
        cause="It is overloaded or under maintenance.",
        remedy="Try again later; Salesforce Trust shows the state of the instance.",
        wait=True,
    ),
    Fault(
        vendor_code="UNKNOWN_EXCEPTION",
        code="SOURCE_ERROR",
        error=SourceError,
        message="Salesforce failed to describe this.",
        cause="It reported an internal error.",
        remedy="Try again; if it stays, give Salesforce the error id from the org's log.",
    ),
)
