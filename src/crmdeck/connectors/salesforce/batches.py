"""Many sObject describes in few requests: composite calls in a small pool of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from crmdeck.connectors.http import AnswerTooLargeError, Response, not_json, one_large_answer
from crmdeck.connectors.limits import MEBIBYTE
from crmdeck.connectors.pool import in_parallel
from crmdeck.connectors.salesforce.client import SalesforceClient, answer_incomplete, explain
from crmdeck.connectors.salesforce.session import FAULTS, WHO
from crmdeck.connectors.salesforce.validator import answered_at
from crmdeck.errors import CrmdeckError
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import CancelToken, ObjectSchema

# "Composite", REST API Developer Guide: up to 25 subrequests in a call.
MOST_IN_A_CALL = 25
_GOAL_BYTES = 4 * MEBIBYTE


@dataclass(frozen=True)
class Description:
    """One described object type; `date` is the HTTP date for the next conditional request."""

    schema: ObjectSchema
    date: str


@dataclass(frozen=True)
class NotModified:
    """One object type that hasn't changed since the date in the request."""


Answer = Description | NotModified | CrmdeckError


class _Sizes:
    """The number of describes per call, based on the size of earlier ones."""

    def __init__(self) -> None:
        self._bytes = 0
        self._count = 0
        self._lock = threading.Lock()

    def seen(self, size: int, count: int) -> None:
        with self._lock:
            self._bytes += size
            self._count += count

    def next(self) -> int:
        with self._lock:
            # The size is unknown until the first response.
            if not self._bytes:
                return MOST_IN_A_CALL
            return max(1, min(MOST_IN_A_CALL, _GOAL_BYTES * self._count // self._bytes))


def describe_all(
    client: SalesforceClient,
    names: Sequence[str],
    since: Mapping[str, str],
    threads: int,
    cancel: CancelToken,
    now: datetime,
) -> Iterator[tuple[str, Answer]]:
    """Yield each object type of `names` with its response, as they arrive.

    `since` has the date for conditional requests, for known object types. Raises CrmdeckError for
    errors of the whole connection, and if the user cancels. Running requests then end on their own.
    """
    sizes = _Sizes()
    waiting = list(names)

    def take() -> Callable[[CancelToken], dict[str, Answer]] | None:
        batch = waiting[: sizes.next()]
        del waiting[: len(batch)]
        if not batch:
            return None
        return lambda stop: _describe(client, batch, since, sizes, stop, now)

    for answers in in_parallel(take, threads, cancel, "salesforce"):
        yield from answers.items()


def _describe(
    client: SalesforceClient,
    names: Sequence[str],
    since: Mapping[str, str],
    sizes: _Sizes,
    stop: CancelToken,
    now: datetime,
) -> dict[str, Answer]:
    parts: list[dict[str, object]] = []
    for index, name in enumerate(names):
        url = f"/services/data/v{client.version()}/sobjects/{quote(name, safe='')}/describe"
        part: dict[str, object] = {"method": "GET", "url": url, "referenceId": f"r{index}"}
        if name in since:
            part["httpHeaders"] = {"If-Modified-Since": since[name]}
        parts.append(part)
    try:
        reply = client.post("composite", {"allOrNone": False, "compositeRequest": parts}, stop)
    except AnswerTooLargeError:
        # Handled below: until its block ends, an error keeps the response in memory.
        reply = None
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        return dict.fromkeys(names, error)
    if reply is None and len(names) == 1:
        return {names[0]: _describe_alone(client, names[0], since.get(names[0]), stop, now)}
    if reply is None:
        half = len(names) // 2
        return {
            **_describe(client, names[:half], since, sizes, stop, now),
            **_describe(client, names[half:], since, sizes, stop, now),
        }
    sizes.seen(reply.size, len(names))
    return _read(names, since, reply, answered_at(reply, now))


def _describe_alone(
    client: SalesforceClient, name: str, since: str | None, stop: CancelToken, now: datetime
) -> Answer:
    """Read an object type whose description is too large to be parsed as a whole."""
    try:
        with one_large_answer():
            reply = client.describe(name, since, stop)
            if reply.status == 304:
                return NotModified()
            if str(reply.fields.get("name")).casefold() != name.casefold():
                return answer_incomplete(name)
            date = reply.header("Last-Modified") or answered_at(reply, now)
            return Description(parse_object({**reply.fields, "name": name}), date)
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        return error


def _read(
    names: Sequence[str], since: Mapping[str, str], reply: Response, date: str
) -> dict[str, Answer]:
    parts = reply.fields.get("compositeResponse")
    if not isinstance(parts, list):
        return dict.fromkeys(names, not_json(WHO))
    # An object whose part can't be read fails below.
    by_reference = {
        str(part.get("referenceId")): part for part in parts if isinstance(part, Mapping)
    }
    answers: dict[str, Answer] = {}
    for index, name in enumerate(names):
        part = by_reference.get(f"r{index}", {})
        if part.get("httpStatusCode") == 304 and name in since:
            answers[name] = NotModified()
        else:
            answers[name] = _read_part(name, part, date)
    return answers


def _read_part(name: str, part: Mapping[str, object], date: str) -> Answer:
    status, body, headers = (part.get(key) for key in ("httpStatusCode", "body", "httpHeaders"))
    if isinstance(status, int) and status >= 400:
        error = explain(Response(status, body)).error
        FAULTS.raise_if_whole(error)
        return error
    if not isinstance(body, Mapping) or str(body.get("name")).casefold() != name.casefold():
        return answer_incomplete(name)
    modified = headers.get("Last-Modified") if isinstance(headers, Mapping) else None
    try:
        schema = parse_object({**body, "name": name})
        return Description(schema, modified if isinstance(modified, str) else date)
    except CrmdeckError as error:
        return error
