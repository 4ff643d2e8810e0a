"""Answers in the wire format, and their description in the API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from fastapi import Request, Response

from crmdeck.model import AuditEntry, Decision, WireModel
from crmdeck.server.errors import ErrorBody, without_command

SCHEMA_CACHING = {"Cache-Control": "private, max-age=60"}

_DESCRIPTIONS: dict[int, str] = {
    400: "The request is invalid, or no organization is active.",
    401: "Not signed in, or the session or token isn't valid.",
    403: "The role or token doesn't allow it, or a page of another site sent it.",
    404: "Not found in the active organization.",
    409: "The request contradicts the current state; see `code`.",
    413: "The body is too large.",
    429: "Too many requests; `Retry-After` has the seconds to wait, if known.",
    500: "Internal error.",
    502: "The CRM failed, rejected the request, or returned an invalid response.",
    503: "The cache is busy, or the server is stopping.",
}


def failures(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return the description of failures by status; 400, 500 and 503 are always included."""
    return {
        status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]}
        for status in sorted({400, 500, 503, *statuses})
    }


def answer(record: WireModel) -> Response:
    """Return the response with one record."""
    return Response(record.to_json(), media_type="application/json")


def answer_without_commands(record: WireModel | Sequence[WireModel]) -> Response:
    """Return the response with records whose remedies may name commands, without those."""
    wire = [each.to_wire() for each in record] if isinstance(record, Sequence) else record.to_wire()
    return Response(json.dumps(without_commands(wire)), media_type="application/json")


def without_commands(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        return {name: without_commands(each, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_commands(each) for each in value]
    if key == "command":
        # It works on the server's own machine only, and names its folders.
        return None
    if isinstance(value, str) and key.lower().endswith(("remedy", "cause", "effect")):
        return without_command(value)
    return value


def answer_schema(body: str, if_none_match: str | None) -> Response:
    """Return a response that a client may cache, or 304 if it has it already."""
    # Weak, because a proxy may compress the body: RFC 9110, section 8.8.1.
    tag = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {**SCHEMA_CACHING, "ETag": tag}
    known = [each.strip() for each in (if_none_match or "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def list_text(records: Iterable[WireModel]) -> str:
    return f"[{','.join(record.to_json() for record in records)}]"


def answer_list(records: Iterable[WireModel]) -> Response:
    """Return the response with a list of records."""
    return Response(list_text(records), media_type="application/json")


def answer_page(
    request: Request, records: Sequence[AuditEntry] | Sequence[Decision], limit: int | None
) -> Response:
    """Return the response with the first `limit` records, and a `Link` to the next page, if any."""
    response = answer_list(records[:limit])
    if limit is not None and len(records) > limit:
        add_next_link(response, request, records[limit - 1].id)
    return response


def add_next_link(response: Response, request: Request, cursor: str) -> None:
    """Add the `Link` to the page after the record with the ID `cursor`."""
    query = urlencode({**request.query_params, "cursor": cursor})
    response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
