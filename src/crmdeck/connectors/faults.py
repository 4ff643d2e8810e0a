"""What the CRMs' failure codes mean, in words for people: one row each.

The rows of each vendor stand in `salesforce/faults.py` and `hubspot/faults.py`; here is what a
row is, how one is found, and the rows that follow from the HTTP status alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crmdeck.errors import (
    CancelledError,
    CrmdeckError,
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
)


@dataclass(frozen=True)
class Fault:
    """One way in which a CRM says no.

    `vendor_code` and `says` (a part of the vendor's message, lower case) and `status` select
    the row, an empty one fits all. `renew`: a fresh token may help. `wait`: it passes by
    itself. `whole`: it concerns the connection, not only the object that was asked for.
    """

    code: str
    error: type[CrmdeckError]
    message: str
    cause: str
    remedy: str
    vendor_code: str = ""
    says: str = ""
    status: int | None = None
    renew: bool = False
    wait: bool = False
    whole: bool = False

    def fits(self, vendor_code: str, message: str, status: int) -> bool:
        """Return whether this row is about that answer."""
        return (
            (not self.vendor_code or self.vendor_code.casefold() == vendor_code.casefold())
            and self.says in message.casefold()
            and self.status in (None, status)
        )

    def to_error(self, vendor_code: str = "", detail: str = "") -> CrmdeckError:
        """Return the error to raise; the vendor's code and `detail` go into its cause."""
        said = _PLAIN.sub("", vendor_code)[:60]
        parts = [self.cause, detail, f"({said})" if said else ""]
        return self.error(
            self.message,
            cause=" ".join(part for part in parts if part),
            remedy=self.remedy,
            code=self.code,
        )


_PLAIN = re.compile(r"[^\w./ -]")

BY_STATUS: tuple[Fault, ...] = (
    Fault(
        status=401,
        code="SESSION_EXPIRED",
        error=ReauthRequiredError,
        message="The CRM does not accept the access token.",
        cause="It has ended or was revoked.",
        remedy="Sign in again.",
        renew=True,
        whole=True,
    ),
    Fault(
        status=403,
        code="FORBIDDEN",
        error=PermissionDeniedError,
        message="The CRM refuses the request.",
        cause="The user or the app lacks a permission for it.",
        remedy="Give the permission in the CRM, or leave the object out of the scope.",
    ),
    Fault(
        status=404,
        code="NOT_VISIBLE",
        error=SourceError,
        message="The CRM does not know what was asked for.",
        cause="It was removed, or this user does not see it.",
        remedy="Refresh again; if it stays, check the permissions of the user.",
    ),
    Fault(
        status=410,
        code="API_VERSION_GONE",
        error=SourceError,
        message="The CRM no longer speaks this API version.",
        cause="The version was retired.",
        remedy="Let crmdeck choose the version: remove the pinned one from the connection.",
        whole=True,
    ),
    Fault(
        status=429,
        code="RATE_LIMITED",
        error=QuotaExceededError,
        message="The CRM asks for fewer requests at a time.",
        cause="The rate limit of this connection was hit, and waiting longer was not allowed.",
        remedy="Try again in a few minutes; other apps may be using the same allowance.",
        wait=True,
        whole=True,
    ),
    *(
        Fault(
            status=status,
            code="SOURCE_UNAVAILABLE",
            error=SourceError,
            message="The CRM is not available.",
            cause=f"It answered with status {status}.",
            remedy="Try again later; its status page says whether it is down.",
            wait=True,
        )
        for status in (502, 503, 504)
    ),
    Fault(
        status=500,
        code="SOURCE_ERROR",
        error=SourceError,
        message="The CRM failed to answer.",
        cause="It reported an internal error.",
        remedy="Try again; if it stays, report it to the vendor.",
    ),
)
UNKNOWN = Fault(
    code="SOURCE_FAILED",
    error=SourceError,
    message="The CRM answered with a failure that crmdeck does not know.",
    cause="The answer names no reason that is in the table of known ones.",
    remedy="Try again; if it stays, look the code up in the vendor's documentation.",
)


def find(rows: Sequence[Fault], vendor_code: str, message: str, status: int) -> Fault:
    """Return the first row that fits, of the vendor's and then of those by status."""
    for row in (*rows, *BY_STATUS):
        if row.fits(vendor_code, message, status):
            return row
    return UNKNOWN


def concerns_connection(error: CrmdeckError, rows: Sequence[Fault]) -> bool:
    """Return whether an error ends the whole discovery and not just one object's."""
    if isinstance(error, ReauthRequiredError | QuotaExceededError | CancelledError):
        return True
    return any(row.code == error.code for row in (*rows, *BY_STATUS) if row.whole)
