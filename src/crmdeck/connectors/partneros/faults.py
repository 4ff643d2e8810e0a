"""What PartnerOS means by a failure, in words for people: one row each.

The statuses and the code NO_ACTIVE_ORGANIZATION are those that the Integrations API documents;
the other codes are those that `crmdeck serve` answers with.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmdeck.connectors import faults
from crmdeck.connectors.caller import Refusal
from crmdeck.connectors.faults import Fault
from crmdeck.connectors.http import Reply, not_json
from crmdeck.errors import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SchemaNotDiscoveredError,
    SourceError,
    UsageError,
    one_line,
)

WHO = "PartnerOS"
NO_ACTIVE_ORGANISATION = "NO_ACTIVE_ORGANIZATION"
_LONGEST = 300

PARTNEROS_FAULTS: tuple[Fault, ...] = (
    Fault(
        status=400,
        vendor_code=NO_ACTIVE_ORGANISATION,
        code=NO_ACTIVE_ORGANISATION,
        error=UsageError,
        message="PartnerOS has no active organization for this session.",
        cause="Integrations belong to an organization, and none is chosen.",
        remedy="Choose the organization in PartnerOS, then try again.",
        whole=True,
    ),
    Fault(
        status=400,
        code="BAD_REQUEST",
        error=UsageError,
        message="PartnerOS does not understand the request.",
        cause="It may speak another version of the Integrations API.",
        remedy="Check the endpoint of the connection, and update crmdeck.",
    ),
    Fault(
        status=401,
        vendor_code="INVALID_CREDENTIALS",
        code="BAD_CREDENTIALS",
        error=ReauthRequiredError,
        message="PartnerOS does not accept the e-mail address with this password.",
        cause="One of them is wrong, or the user may not sign in.",
        remedy="Sign in again with the right ones.",
        whole=True,
    ),
    Fault(
        status=401,
        code="SESSION_EXPIRED",
        error=ReauthRequiredError,
        message="The session with PartnerOS has ended.",
        cause="It expired, or somebody signed out.",
        remedy="Sign in again.",
        renew=True,
        whole=True,
    ),
    Fault(
        status=403,
        code="ROLE_FORBIDS",
        error=PermissionDeniedError,
        message="PartnerOS does not allow this with your role.",
        cause="The user is signed in, but may not do it.",
        remedy="Ask an administrator of the organization for a role that may.",
    ),
    Fault(
        status=404,
        vendor_code="INTEGRATION_NOT_FOUND",
        code="INTEGRATION_NOT_FOUND",
        error=NotFoundError,
        message="PartnerOS does not know the integration.",
        cause="It is not there, or belongs to another organization than the active one.",
        remedy="Check the remote id of the connection and the active organization.",
        whole=True,
    ),
    Fault(
        status=404,
        code="NOT_FOUND",
        error=NotFoundError,
        message="PartnerOS does not know what was asked for.",
        cause="It is not there, or not to be seen by you.",
        remedy="Check the names, the remote id of the connection and the active organization.",
    ),
    Fault(
        status=409,
        vendor_code="CRM_FIELD_TAKEN",
        code="CRM_FIELD_TAKEN",
        error=ConflictError,
        message="PartnerOS has mapped that CRM field already.",
        cause="Somebody else may have decided meanwhile.",
        remedy="Refresh to see what was decided, then choose another field or undo that first.",
    ),
    Fault(
        status=409,
        vendor_code="SCHEMA_NOT_DISCOVERED",
        code="SCHEMA_NOT_DISCOVERED",
        error=SchemaNotDiscoveredError,
        message="PartnerOS has no schema of this integration yet.",
        cause="It was never refreshed there.",
        remedy="Refresh it, with a role that may.",
        whole=True,
    ),
    Fault(
        status=409,
        code="REMOTE_CONFLICT",
        error=ConflictError,
        message="PartnerOS can't do this as things stand.",
        cause="The integration is disconnected there, needs reauthorization, or changed meanwhile.",
        remedy="Look at the integration in PartnerOS.",
        whole=True,
    ),
    Fault(
        status=429,
        code="RATE_LIMITED",
        error=QuotaExceededError,
        message="PartnerOS asks for fewer requests.",
        cause="Too many came, or the CRM's own allowance is used up.",
        remedy="Try again in a few minutes.",
        wait=True,
        whole=True,
    ),
    Fault(
        status=500,
        code="SOURCE_ERROR",
        error=SourceError,
        message="PartnerOS failed to answer.",
        cause="It reported an internal error.",
        remedy="Try again; if it stays, tell who runs it.",
    ),
    Fault(
        status=502,
        code="REMOTE_CRM_FAILED",
        error=SourceError,
        message="PartnerOS could not reach the CRM.",
        cause="What stands behind it failed.",
        remedy="Look at the integration in PartnerOS, then try again.",
        whole=True,
    ),
    *(
        Fault(
            status=status,
            code="SOURCE_UNAVAILABLE",
            error=SourceError,
            message="PartnerOS is not available.",
            cause=f"It answered with status {status}.",
            remedy="Try again later.",
            wait=True,
            whole=True,
        )
        for status in (503, 504)
    ),
)


def explain(reply: Reply) -> Refusal:
    """Return what an answer that is a failure means; its own words come after ours."""
    body = reply.body if isinstance(reply.body, Mapping) else {}
    code = body.get("code")
    vendor_code = code if isinstance(code, str) else ""
    if 300 <= reply.status < 400:
        return Refusal(faults.UNKNOWN, not_json(WHO))
    fault = faults.find(PARTNEROS_FAULTS, vendor_code, "", reply.status)
    said = [body.get(key) for key in ("error", "cause")]
    detail = " ".join(one_line(text)[:_LONGEST] for text in said if isinstance(text, str))
    return Refusal(fault, fault.to_error(vendor_code, detail))


def remote_code(reply: Reply) -> str:
    """Return the code of a failure's body, empty where it has none."""
    code = reply.body.get("code") if isinstance(reply.body, Mapping) else None
    return code if isinstance(code, str) else ""
