"""Errors: messages for people, codes for machines.

An error explains what happened (`message`), why (`cause`) and what to do next (`remedy`). None of
the three contains a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

from crmdeck.redaction import redact


class ExitCode(IntEnum):
    """Exit codes of commands. They are a contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REAUTH_REQUIRED = 3
    DRIFT = 4
    CACHE_BUSY = 5
    PARTIAL = 6

    @property
    def reason(self) -> str:
        """The name of the code in the `reasons` of a response."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        """The meaning in a few words."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "the command failed, or `doctor` found a problem outside the cache",
    ExitCode.USAGE: "wrong usage or an unknown name; crmdeck did nothing",
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
"""If several codes apply, the first of these is the exit code."""


def exit_code(reasons: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code of a command with several reasons for one; OK without any.

    Drift comes before a sign-in that is due: a connection that stays broken must not hide what
    happens to the others.
    """
    found = set(reasons)
    return next((code for code in FIRST_OF if code in found), ExitCode.OK)


class NextStep(StrEnum):
    """The next step, if crmdeck can take it. Each interface words it in its own way."""

    SIGN_IN = "sign_in"
    REFRESH = "refresh"
    TEST = "test"
    SEE_DRIFT = "see_drift"
    DECIDE_REFRESH = "decide_refresh"


class CrmdeckError(Exception):
    """Base of all errors that crmdeck raises on purpose.

    `code` is stable, in upper snake case. `next_step` and `connection` (a name) are set if known.
    `message`, `cause` and `remedy` are one line each, without secrets and control characters, so
    any error can be printed.
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
        """Return the documented error body: `error`, `code`, and `cause` and `remedy` if known."""
        body = {"error": self.message, "code": self.code}
        if self.cause:
            body["cause"] = self.cause
        if self.remedy:
            body["remedy"] = self.remedy
        return body


class UsageError(CrmdeckError):
    """The request makes no sense."""

    code = "BAD_REQUEST"
    exit_code = ExitCode.USAGE
    http_status = 400


class NotFoundError(CrmdeckError):
    """No connection, object, field or object pair has that name."""

    code = "NOT_FOUND"
    exit_code = ExitCode.USAGE
    http_status = 404


class ConflictError(CrmdeckError):
    """The request contradicts the current state (a disconnected connection, a name in use)."""

    code = "CONFLICT"
    http_status = 409


class SchemaNotDiscoveredError(CrmdeckError):
    """The object has no cached schema yet."""

    code = "SCHEMA_NOT_DISCOVERED"
    http_status = 409


class ReauthRequiredError(CrmdeckError):
    """The CRM rejects the stored credentials; a new sign-in is required."""

    code = "REAUTH_REQUIRED"
    exit_code = ExitCode.REAUTH_REQUIRED
    http_status = 401
    next_step = NextStep.SIGN_IN


class PermissionDeniedError(CrmdeckError):
    """The user is signed in, but isn't allowed to do this."""

    code = "FORBIDDEN"
    http_status = 403


class QuotaExceededError(CrmdeckError):
    """The CRM's API quota is used up, or only the reserve for others is left."""

    code = "QUOTA_EXCEEDED"
    http_status = 429


class SourceError(CrmdeckError):
    """Can't read from a CRM, a file or a server: unreachable, slow, or an invalid answer."""

    code = "SOURCE_FAILED"
    http_status = 502


class CacheError(CrmdeckError):
    """Can't use the cache."""

    code = "CACHE_UNREADABLE"
    exit_code = ExitCode.CACHE_BUSY
    http_status = 503


class CacheBusyError(CacheError):
    """Another process used the cache for longer than the wait allows."""

    code = "CACHE_BUSY"


class CacheTooNewError(CacheError):
    """A newer crmdeck wrote the cache; it was left untouched."""

    code = "CACHE_TOO_NEW"


class CacheDamagedError(CacheError):
    """The cache can be read, but some of its contents are lost or altered."""

    code = "CACHE_DAMAGED"


class ReadOnlyError(CrmdeckError):
    """The workspace is open read-only."""

    code = "READ_ONLY"
    http_status = 403


class CanceledError(CrmdeckError):
    """The user canceled; nothing was written."""

    # Spelled like this since its first version, and codes never change.
    code = "CANCELLED"


def docs_link(page: str) -> str:
    """Return the URL of a page of the docs, from the project's URLs."""
    # Not at the top: only an error needs it. A package that isn't installed has no URLs.
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("crmdeck").get_all("Project-URL") or ()
    except PackageNotFoundError:
        urls = ()
    named = dict(url.split(", ", 1) for url in urls)
    folder = named.get("Documentation", "docs").replace("/tree/", "/blob/")
    return f"{folder}/{page}.md"


def install_hint(extra: str) -> str:
    """Return the step that adds an optional extra."""
    return f"Install the extra in the crmdeck folder: uv tool install '.[{extra}]'"


def _shown(text: str) -> str:
    return one_line(redact(text))


def one_line(text: str) -> str:
    """Return `text` with every control character, line breaks included, replaced by a space."""
    return "".join(char if char.isprintable() else " " for char in text)
