"""What can go wrong, in words for people and in codes for machines.

An error says what happened (`message`), why (`cause`) and what to do next (`remedy`).
None of the three ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

from crmdeck.redaction import redact


class ExitCode(IntEnum):
    """The exit codes of the headless face; they are a contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REAUTH_REQUIRED = 3
    DRIFT = 4
    CACHE_BUSY = 5
    PARTIAL = 6

    @property
    def reason(self) -> str:
        """The word for it among the `reasons` of an answer."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        """The meaning in a few words."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "nothing worked",
    ExitCode.USAGE: "wrong usage or an unknown name; nothing was done",
    ExitCode.REAUTH_REQUIRED: "a connection needs a sign-in",
    ExitCode.DRIFT: "a change, a difference or a broken mapping that fails",
    ExitCode.CACHE_BUSY: "the cache is busy or unreadable",
    ExitCode.PARTIAL: "some objects or connections failed",
}

FIRST_OF = (
    ExitCode.USAGE,
    ExitCode.CACHE_BUSY,
    ExitCode.FAILED,
    ExitCode.DRIFT,
    ExitCode.REAUTH_REQUIRED,
    ExitCode.PARTIAL,
)
"""Of several the first one is the exit code."""


def exit_code(reasons: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code of a command that has several reasons for one, OK without any.

    Drift stands before a sign-in that is due, so that one connection that nobody mends does not
    hide what happens to all others.
    """
    found = set(reasons)
    return next((code for code in FIRST_OF if code in found), ExitCode.OK)


class NextStep(StrEnum):
    """What helps, where crmdeck itself can do it: each face knows its own way of saying how."""

    SIGN_IN = "sign_in"
    REFRESH = "refresh"
    TEST = "test"
    SEE_DRIFT = "see_drift"


class CrmdeckError(Exception):
    """Base of everything that crmdeck raises on purpose.

    `code` is stable and upper snake case. `next_step` is what helps, `connection` the name of
    the connection that it is about, where either is known. `message`, `cause` and `remedy` are
    one line each, without secrets; line breaks and control characters from outside are replaced,
    so that an error can be printed as it is.
    """

    code = "FAILED"
    exit_code = ExitCode.FAILED
    http_status = 500
    next_step: NextStep | None = None
    connection: str | None = None

    def __init__(
        self,
        message: str,
        *,
        cause: str | None = None,
        remedy: str | None = None,
        code: str | None = None,
    ) -> None:
        self.message = _shown(message)
        self.cause = _shown(cause) if cause else None
        self.remedy = _shown(remedy) if remedy else None
        super().__init__(self.message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.cause, self.remedy) if part)

    def to_wire(self) -> dict[str, str]:
        """Return the documented error body: `error`, `code`, and `cause`, `remedy` if known."""
        body = {"error": self.message, "code": self.code}
        if self.cause:
            body["cause"] = self.cause
        if self.remedy:
            body["remedy"] = self.remedy
        return body


class UsageError(CrmdeckError):
    """The caller asked for something that makes no sense."""

    code = "BAD_REQUEST"
    exit_code = ExitCode.USAGE
    http_status = 400


class NotFoundError(CrmdeckError):
    """No connection, object, field or object pair of that name."""

    code = "NOT_FOUND"
    exit_code = ExitCode.USAGE
    http_status = 404


class ConflictError(CrmdeckError):
    """The request contradicts what holds now (a disconnected connection, a name in use)."""

    code = "CONFLICT"
    http_status = 409


class SchemaNotDiscoveredError(CrmdeckError):
    """A cached schema is needed and there is none yet."""

    code = "SCHEMA_NOT_DISCOVERED"
    http_status = 409


class ReauthRequiredError(CrmdeckError):
    """The CRM does not accept the stored credentials and will not without a new sign-in."""

    code = "REAUTH_REQUIRED"
    exit_code = ExitCode.REAUTH_REQUIRED
    http_status = 401
    next_step = NextStep.SIGN_IN


class PermissionDeniedError(CrmdeckError):
    """Signed in, but not allowed to."""

    code = "FORBIDDEN"
    http_status = 403


class QuotaExceededError(CrmdeckError):
    """The CRM's API quota is used up, or the reserve set aside for others would be."""

    code = "QUOTA_EXCEEDED"
    http_status = 429


class SourceError(CrmdeckError):
    """A CRM, a file or a server could not be read: down, slow, or talking nonsense."""

    code = "SOURCE_FAILED"
    http_status = 502


class CacheError(CrmdeckError):
    """The cache can't be used."""

    code = "CACHE_UNREADABLE"
    exit_code = ExitCode.CACHE_BUSY
    http_status = 503


class CacheBusyError(CacheError):
    """Another process holds the cache for longer than the wait allows."""

    code = "CACHE_BUSY"


class CacheTooNewError(CacheError):
    """The cache was written by a newer crmdeck; it is left untouched."""

    code = "CACHE_TOO_NEW"


class CacheDamagedError(CacheError):
    """The cache can be read, but what it holds was lost or altered."""

    code = "CACHE_DAMAGED"


class ReadOnlyError(CrmdeckError):
    """The workspace was opened read-only."""

    code = "READ_ONLY"
    http_status = 403


class CanceledError(CrmdeckError):
    """The user canceled; nothing was written."""

    code = "CANCELLED"


def _shown(text: str) -> str:
    return one_line(redact(text))


def one_line(text: str) -> str:
    """Return `text` with every control character (line breaks too) replaced by a space."""
    return "".join(char if char.isprintable() else " " for char in text)
