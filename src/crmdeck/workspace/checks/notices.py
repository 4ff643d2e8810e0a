"""Notifications of a check: one message per route, by chat, email or signed webhook.

Addresses of routes are secrets, because everyone who has one can write there. They come from
the environment, never from settings, logs or errors: `CRMDECK_NOTIFY_<NAME>_URL`, and for a
webhook also `CRMDECK_NOTIFY_<NAME>_SECRET`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from time import sleep

import httpx

from crmdeck.errors import CrmdeckError, UsageError, docs_link, install_hint
from crmdeck.exports import check_summary
from crmdeck.exports.chattext import escape
from crmdeck.model import (
    CheckedFinding,
    CheckLevel,
    CheckReport,
    FindingKind,
    OpenChanges,
    WireModel,
)
from crmdeck.redaction import remember
from crmdeck.settings import NoticeRoute
from crmdeck.text import count
from crmdeck.workspace.connections.validation import check_endpoint
from crmdeck.workspace.context import Context, new_id

PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""

_TIMEOUT = 10.0
_PATIENCE = 30.0
"""The most seconds for one attempt, even if the response keeps trickling in."""

_SHOWN = 15


class Delivery(WireModel):
    """The result of one route; `error` contains no secret."""

    route: str
    sent: bool
    error: str | None = None


@dataclass(frozen=True)
class Message:
    """One message: title, text, and a record for machines."""

    title: str
    body: str
    payload: dict[str, object]


class Notices:
    """Send the result of a check to the routes in the settings."""

    def __init__(
        self,
        context: Context,
        *,
        pause: Callable[[float], object] = sleep,
        patience: float = _PATIENCE,
    ) -> None:
        self._context = context
        self._pause = pause
        self._patience = patience

    def require_ready(self) -> None:
        """Raise UsageError without routes, or if a route can't work; call it before a check.

        Raises ReadOnlyError too, as `send` does.
        """
        self._context.require_writable()
        if not self._context.settings.notify:
            raise UsageError(
                "No routes for notifications.",
                remedy="Add a [[notify]] table with name and kind to settings.toml: "
                + docs_link("check"),
                code="NO_NOTICES",
            )
        for route in self._context.settings.notify:
            _address(route)
            if route.kind == "webhook":
                _secret(route)
        try:
            import apprise  # noqa: F401
            import standardwebhooks  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"Can't send notifications: the {error.name} package isn't installed.",
                remedy=install_hint("notify"),
                code="EXTRA_MISSING",
            ) from None

    def send(self, report: CheckReport) -> tuple[Delivery, ...]:
        """Send each route its message, in up to three attempts, and audit each delivery.

        Each route gets each change once: from the check after its last successful message. The
        message of a check of one connection counts for that one only. A failed route raises nothing
        and doesn't stop the others. Raises ReadOnlyError before it sends anything.
        """
        # Leave out this check's entries, or each check would send the same changes again.
        self._context.require_writable()
        deliveries = []
        alone = report.connections[0].id if len(report.connections) == 1 else None
        times = [each.evidence_at for each in report.findings if each.evidence_at]
        # Entries from before the oldest change can't leave one out, so they need not be read.
        markers = self._markers(alone, min(times)) if times else {}
        for route in self._context.settings.notify:
            message = compose(report, route, markers.get(route.name))
            if message is not None:
                deliveries.append(self._deliver(route, message))
        # The earliest end: a later one would leave changes out of this message and the next.
        until = min((each.until for each in report.connections), default=report.checked_at)
        with self._context.store.write() as session:
            for each in deliveries:
                what = "sent" if each.sent else "failed"
                why = f": {each.error}" if each.error else ""
                entry = self._context.entry(
                    f"notice.{what}",
                    f"Notification to {each.route} {what}{why}",
                    connection_id=alone,
                    details={"route": each.route, "until": until.isoformat()},
                )
                session.audit.add(entry)
        return tuple(deliveries)

    def _markers(self, connection_id: str | None, since: datetime) -> dict[str, datetime]:
        """Return the time up to which each route has received all changes, if after `since`."""
        with self._context.store.read() as session:
            entries = session.audit.entries(event="notice.sent", since=since)
        markers: dict[str, datetime] = {}
        for entry in entries:
            route, until = entry.details.get("route"), entry.details.get("until")
            counts = entry.connection_id in (None, connection_id)
            if counts and isinstance(route, str) and isinstance(until, str):
                time = datetime.fromisoformat(until)
                markers[route] = max(time, markers.get(route, time))
        return markers

    def heartbeat(self, url: str) -> str | None:
        """Ping a watchdog; return the reason if that failed."""
        # Everyone who has the address can ping in our name, so no log may show it.
        remember(url)
        _log_no_address()
        address = check_endpoint(url)
        return _within(self._patience, lambda: _request("GET", address))

    def _deliver(self, route: NoticeRoute, message: Message) -> Delivery:
        send = _send_webhook if route.kind == "webhook" else _send_chat
        error: str | None = None
        for pause in (0.0, *PAUSES):
            if pause:
                self._pause(pause)
            try:
                now = self._context.now
                error = _within(self._patience, partial(send, route, message, now))
            except CrmdeckError as problem:
                # A wrong address stays wrong: no second attempt.
                error = problem.message
                break
            if error is None:
                break
        return Delivery(route=route.name, sent=error is None, error=error)


def compose(
    report: CheckReport, route: NoticeRoute, since: datetime | None = None
) -> Message | None:
    """Return the message of a check for a route, None if there is nothing to send.

    Changes from before `since` are left out: the route has got them.
    """
    names = {
        connection.name
        for connection in report.connections
        if any(fnmatchcase(connection.name, pattern) for pattern in route.connections)
    }
    found = [
        each
        for each in report.findings
        if each.connection in names
        and _concerns(each, route)
        and not (since and each.evidence_at and each.evidence_at < since)
    ]
    if not found and not (route.all_well and names):
        return None
    failing = sum(each.level is CheckLevel.FAIL for each in found)
    if not found:
        title = "crmdeck: no findings"
    elif failing:
        title = f"crmdeck: {count(failing, 'failure')}"
    else:
        title = f"crmdeck: {count(len(found), 'note')}"
    lines = [
        f"{each.severity if each.kind is FindingKind.CHANGE_SAFE else each.urgency}: "
        f"{each.connection}: {each.text}"
        for each in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    # A label from a CRM can contain a mention, which a chat would send to everyone.
    body = "\n".join(escape(line) for line in [*lines, check_summary(report)])
    payload = {
        "type": "check.completed",
        "timestamp": report.to_wire()["checkedAt"],
        "data": {
            "success": report.success,
            "reasons": list(report.reasons),
            "summary": check_summary(report),
            "openChanges": OpenChanges.total(
                each.open_changes for each in report.connections if each.name in names
            ).to_wire(),
            "findings": [each.to_wire() for each in found],
        },
    }
    return Message(title, body, payload)


def _concerns(finding: CheckedFinding, route: NoticeRoute) -> bool:
    if finding.level is CheckLevel.IGNORE:
        return False
    if finding.level is CheckLevel.FAIL or finding.severity is None:
        return True
    return finding.severity.rank >= route.at_least.rank


def _send_chat(route: NoticeRoute, message: Message, now: datetime) -> str | None:
    """Send a message to a chat or a mail server; return the reason if that failed."""
    import apprise

    _log_no_address()
    # Without this, the sender is apprise, and chats fetch its pictures from elsewhere.
    asset = apprise.AppriseAsset(
        app_id="crmdeck",
        app_desc="crmdeck",
        app_url="https://github.com/crmdeck/crmdeck",
        image_url_mask="",
        image_url_logo="",
    )
    channel = apprise.Apprise(asset=asset)
    if not channel.add(_address(route)):
        raise UsageError(f"Can't use the URL of the '{route.name}' route.")
    sent = channel.notify(body=message.body, title=message.title, body_format="text")
    return None if sent else "The service rejected the message."


def _send_webhook(route: NoticeRoute, message: Message, now: datetime) -> str | None:
    """Post the record, signed as in Standard Webhooks; return the reason if that failed."""
    from standardwebhooks import Webhook

    _log_no_address()
    identity = f"msg_{new_id()}"
    body = json.dumps(message.payload, ensure_ascii=True)
    headers = {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(_secret(route)).sign(identity, now, body),
    }
    return _request("POST", check_endpoint(_address(route)), body, headers)


def _request(
    method: str, address: str, body: str | None = None, headers: Mapping[str, str] | None = None
) -> str | None:
    """Make a request, without reading the body of its response; return the reason if it failed."""
    try:
        with httpx.stream(
            method, address, content=body, headers=headers, timeout=_TIMEOUT
        ) as response:
            response.raise_for_status()
    except httpx.HTTPError as error:
        return _without_address(error)
    return None


def _within(seconds: float, call: Callable[[], str | None]) -> str | None:
    """Return the result of a call, or the reason if it takes too long; it then runs on alone."""
    answer: Future[str | None] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  raised by result()
            answer.set_exception(error)

    # A daemon, because no timeout stops a response that trickles in. The exit of the process would
    # wait for the thread of an executor.
    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        return f"No response within {seconds:g} s."


def _log_no_address() -> None:
    """Silence the loggers that write addresses, which are secrets."""
    for name in ("apprise", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _without_address(error: Exception) -> str:
    """Return the reason of an error, without the address in httpx's own texts."""
    match error:
        case httpx.HTTPStatusError():
            return f"The server returned {error.response.status_code}."
        case httpx.ConnectTimeout() | httpx.ReadTimeout() | httpx.WriteTimeout():
            return f"No response within {_TIMEOUT:g} s."
        case httpx.ConnectError():
            return "No server responds at this URL."
        case _:
            return f"The connection broke ({type(error).__name__})."


def _address(route: NoticeRoute) -> str:
    return _from_environment(route, "URL")


def _secret(route: NoticeRoute) -> str:
    secret = _from_environment(route, "SECRET")
    if not re.fullmatch(r"(whsec_)?[A-Za-z0-9+/]{16,}={0,2}", secret):
        raise UsageError(
            f"The secret of the '{route.name}' route can't sign messages.",
            remedy="Use whsec_ and at least 24 bytes in base64, as in Standard Webhooks",
            code="BAD_NOTICE_SECRET",
        )
    return secret


def _from_environment(route: NoticeRoute, what: str) -> str:
    variable = f"CRMDECK_NOTIFY_{re.sub(r'[^A-Z0-9]', '_', route.name.upper())}_{what}"
    value = os.environ.get(variable, "")
    if not value:
        raise UsageError(
            f"The '{route.name}' route is incomplete.",
            cause=f"The variable ${variable} isn't set.",
            remedy=f"Set ${variable} in the environment of the command",
            code="NOTICE_NOT_SET",
        )
    remember(value)
    return value
