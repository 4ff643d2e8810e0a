"""Every failure as the documented body: `error`, `code`, and `cause` and `remedy` if known."""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from crmdeck.errors import (
    CacheBusyError,
    CacheError,
    CanceledError,
    CrmdeckError,
    PermissionDeniedError,
    ReadOnlyError,
    ReauthRequiredError,
    UsageError,
    one_line,
)
from crmdeck.model import WireModel
from crmdeck.server.attempts import TooManyAttemptsError
from crmdeck.server.documents import DocumentError
from crmdeck.server.log import request_note

_log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
_BUSY_FOR = 2
_COMMAND = re.compile(r":\s+crmdeck [a-z].*", re.DOTALL)
_OUT_OF_REACH = CrmdeckError(
    "The server can't use its data right now.",
    remedy="Try again later. If it happens again, check the server's log.",
)


class ErrorBody(WireModel):
    """The body of every failure; what is empty is omitted. The log has the `request_id` too."""

    error: str
    code: str
    cause: str | None = None
    remedy: str | None = None
    request_id: str | None = None


class NotSignedInError(CrmdeckError):
    """The session or the token is missing, expired or rejected."""

    code = "UNAUTHENTICATED"
    http_status = 401


class RoleError(CrmdeckError):
    """The user is signed in, but the role doesn't allow this."""

    code = "ROLE_FORBIDS"
    http_status = 403


class CrossOriginError(CrmdeckError):
    """A page of another site sent the request."""

    code = "CROSS_ORIGIN"
    http_status = 403


class TooManyRequestsError(CrmdeckError):
    """Too many requests of one user or token; `retry_after` is in seconds."""

    code = "TOO_MANY_REQUESTS"
    http_status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Too many suggestions in a minute.",
            cause="Each of them needs the processor for seconds.",
            remedy=f"Try again in {retry_after} seconds.",
        )
        self.retry_after = retry_after


class WrongHostError(CrmdeckError):
    """The request is for a host that this server doesn't serve."""

    code = "WRONG_HOST"
    http_status = 421


class TwoLengthsError(CrmdeckError):
    """The request gives its length in two ways; its connection is closed."""

    code = "TWO_LENGTHS"
    http_status = 400


class NoActiveOrganizationError(CrmdeckError):
    """The session has no active organization."""

    code = "NO_ACTIVE_ORGANIZATION"
    http_status = 400


class TooLargeError(CrmdeckError):
    """The body of the request is too large."""

    code = "BODY_TOO_LARGE"
    http_status = 413

    def __init__(self) -> None:
        super().__init__("The request is too large.", cause=f"The limit is {MAX_BODY // 1024} KiB.")


def status_of(error: CrmdeckError) -> int:
    """Return the HTTP status of an error.

    401 and 403 are about the caller's own session here. If a CRM rejects the server's credentials,
    that is a conflict (the connection needs a new sign-in) or a failure of the source.
    """
    match error:
        case ReauthRequiredError():
            return HTTPStatus.CONFLICT
        case PermissionDeniedError():
            return HTTPStatus.BAD_GATEWAY
        case CanceledError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return error.http_status


def without_command(remedy: str) -> str:
    """Return a remedy without the command at its end, which an HTTP client can't run."""
    return _COMMAND.sub(".", remedy)


def error_response(error: CrmdeckError) -> Response:
    """Return the response to a failed request. Paths of this machine go to the log only."""
    headers = {}
    if isinstance(error, CacheError | DocumentError):
        _log.warning("%s: %s", error.code, one_line(f"{error.message} {error.cause or ''}"))
        wire = _OUT_OF_REACH.to_wire() | {"code": error.code}
    else:
        wire = error.to_wire()
        if error.remedy:
            wire["remedy"] = without_command(error.remedy)
        if isinstance(error, ReadOnlyError):
            wire.pop("cause", None)
    if note := request_note.get():
        wire["requestId"] = note.id
    match error:
        case TooManyAttemptsError() | TooManyRequestsError():
            headers["Retry-After"] = str(error.retry_after)
        case TwoLengthsError():
            headers["Connection"] = "close"
        case CacheBusyError() | CanceledError():
            headers["Retry-After"] = str(_BUSY_FOR)
    return Response(
        json.dumps(wire),
        status_code=status_of(error),
        headers=headers,
        media_type="application/json",
    )


def internal_error(error: Exception) -> Response:
    """Return the response to an unexpected failure, and log it."""
    _log.error("A request failed unexpectedly.", exc_info=error)
    return error_response(
        CrmdeckError(
            "An unexpected error occurred.",
            remedy="Try again. If it happens again, check the server's log.",
            code="INTERNAL_ERROR",
        )
    )


def install(app: FastAPI) -> None:
    """Make `app` answer every failure in the documented form."""

    @app.exception_handler(CrmdeckError)
    def known(_: Request, error: CrmdeckError) -> Response:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return error_response(
            UsageError(
                "The request is invalid.",
                cause=f"{place}: {first['msg']}.",
                remedy="Compare the request with /api/openapi.json.",
            )
        )

    @app.exception_handler(HTTPException)
    def plain(_: Request, error: HTTPException) -> Response:
        response = error_response(_from_status(error))
        response.status_code = error.status_code
        # A 405 has to name the allowed methods: RFC 9110, section 15.5.6.
        response.headers.update(error.headers or {})
        return response


def _from_status(error: HTTPException) -> CrmdeckError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return CrmdeckError("This address doesn't exist.", code="NO_SUCH_ENDPOINT")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return CrmdeckError(
                "This address doesn't support this method.", code="METHOD_NOT_ALLOWED"
            )
        case TooLargeError.http_status:
            return TooLargeError()
        case HTTPStatus.BAD_REQUEST:
            return UsageError("The request is invalid.", cause=str(error.detail))
        case status:
            return CrmdeckError(f"{HTTPStatus(status).phrase}.", code=HTTPStatus(status).name)
