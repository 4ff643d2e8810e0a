"""What the CRMs' failure codes mean, in words for people.

The tables are `crmdeck/knowledge/faults/*.toml`: one a vendor, and `http.toml` for what follows
from the HTTP status alone. This is their one loader; `docs/faults.md` is drawn from them.
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
    """One way in which a CRM says no: one row of a table, which says what its keys mean."""

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

    def fits(self, vendor_code: str, message: str, status: int) -> bool:
        """Return whether this row is about that answer."""
        codes = [code.casefold() for code in self.vendor_codes]
        return (
            (not codes or vendor_code.casefold() in codes)
            and self.says in message.casefold()
            and (not self.statuses or status in self.statuses)
        )

    def to_error(self, vendor_code: str = "", detail: str = "") -> CrmdeckError:
        """Return the error to raise; the vendor's code and `detail` go into its cause.

        Both are the words of somebody else: a code that does not look like one is left out.
        """
        said = (
            vendor_code if vendor_code in self.vendor_codes else redaction.vendor_code(vendor_code)
        )
        parts = [self.cause, redact(detail, foreign=True), f"({said})" if said else ""]
        return self.error(
            self.message,
            cause=" ".join(part for part in parts if part),
            remedy=self.remedy,
            code=self.code,
        )


@dataclass(frozen=True)
class FaultTable:
    """The rows of one vendor, then those by status; the last one fits everything."""

    rows: tuple[Fault, ...]

    def find(self, vendor_code: str, message: str, status: int) -> Fault:
        """Return the first row that fits."""
        return next(row for row in self.rows if row.fits(vendor_code, message, status))

    def concerns_connection(self, error: CrmdeckError) -> bool:
        """Return whether an error ends the whole discovery and not just one object's."""
        if isinstance(error, ReauthRequiredError | QuotaExceededError | CanceledError):
            return True
        return any(row.code == error.code for row in self.rows if row.whole)


@cache
def load_faults(vendor: str) -> FaultTable:
    """Return the table of `salesforce`, `hubspot` or `partneros`, followed by that by status."""
    return FaultTable((*read_rows(vendor), *read_rows("http")))


def read_rows(name: str) -> tuple[Fault, ...]:
    """Return the rows of one file of `crmdeck/knowledge/faults`, in order."""
    file = resources.files("crmdeck") / "knowledge" / "faults" / f"{name}.toml"
    return tuple(
        Fault(
            error=_KINDS[row.pop("kind")],
            vendor_codes=tuple(row.pop("vendor_codes", ())),
            statuses=tuple(row.pop("statuses", ())),
            **row,
        )
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["fault"]
    )
