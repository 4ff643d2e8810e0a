"""The errors that CRMs report, explained.

The tables are in `crmdeck/knowledge/faults`: one for each vendor, and `http.toml` for errors by
HTTP status.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from crmdeck import redaction
from crmdeck.errors import (
    CanceledError,
    ConflictError,
    CrmdeckError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SchemaNotDiscoveredError,
    SourceError,
    UsageError,
)
from crmdeck.redaction import redact

UNKNOWN = "SOURCE_FAILED"
"""The code of the last row, which matches every answer."""

_KINDS: dict[str, type[CrmdeckError]] = {
    "reauth": ReauthRequiredError,
    "permission": PermissionDeniedError,
    "quota": QuotaExceededError,
    "source": SourceError,
    "usage": UsageError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "no_schema": SchemaNotDiscoveredError,
}


@dataclass(frozen=True)
class Fault:
    """One row of a table; `http.toml` explains its keys."""

    code: str
    error: type[CrmdeckError]
    message: str
    cause: str
    remedy: str
    vendor_codes: tuple[str, ...] = ()
    says: str = ""
    statuses: tuple[int, ...] = ()
    renew: bool = False
    wait: bool = False
    whole: bool = False

    def fits(self, folded_code: str, folded_message: str, status: int) -> bool:
        return (
            (not self.statuses or status in self.statuses)
            and (not self.vendor_codes or folded_code in map(str.casefold, self.vendor_codes))
            and self.says in folded_message
        )

    def to_error(self, vendor_code: str = "", detail: str = "") -> CrmdeckError:
        """Return the error to raise, with the vendor's code and `detail` in its cause.

        Both come from outside: text that doesn't look like a code is left out.
        """
        known = (
            vendor_code if vendor_code in self.vendor_codes else redaction.vendor_code(vendor_code)
        )
        parts = [self.cause, redact(detail, foreign=True), f"({known})" if known else ""]
        return self.error(
            self.message,
            cause=" ".join(part for part in parts if part),
            remedy=self.remedy,
            code=self.code,
        )


@dataclass(frozen=True)
class FaultTable:
    """The rows of one vendor, then the rows by status; the last one matches everything."""

    rows: tuple[Fault, ...]

    def find(self, vendor_code: str, message: str, status: int) -> Fault:
        # Once for all rows: a message can be a whole web page.
        code, text = vendor_code.casefold(), message.casefold()
        return next(row for row in self.rows if row.fits(code, text, status))

    def concerns_connection(self, error: CrmdeckError) -> bool:
        """Return True if an error ends the whole refresh, not only one object's."""
        if isinstance(error, ReauthRequiredError | QuotaExceededError | CanceledError):
            return True
        return any(row.code == error.code for row in self.rows if row.whole)

    def raise_if_whole(self, error: CrmdeckError) -> None:
        """Raise an error again if it concerns the whole connection, else prepare to keep it."""
        if self.concerns_connection(error):
            raise error
        # The frames of its traceback keep the body of the response in memory.
        error.__traceback__ = error.__context__ = None


@cache
def load_faults(vendor: str, title: str) -> FaultTable:
    """Return the table of a vendor followed by the rows by status; `title` is its name in both."""
    return FaultTable((*read_rows(vendor, title), *read_rows("http", title)))


def read_rows(name: str, title: str) -> tuple[Fault, ...]:
    """Return the rows of one file of `crmdeck/knowledge/faults`, in order."""
    file = resources.files("crmdeck") / "knowledge" / "faults" / f"{name}.toml"
    return tuple(
        Fault(
            error=_KINDS[row.pop("kind")],
            vendor_codes=tuple(row.pop("vendor_codes", ())),
            statuses=tuple(row.pop("statuses", ())),
            **row,
        )
        for row in tomllib.loads(file.read_text("utf-8").replace("{crm}", title))["fault"]
    )
