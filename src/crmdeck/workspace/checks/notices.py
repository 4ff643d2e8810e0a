"""Notices of a check: one message a run and route, by chat, e-mail or a signed webhook.

Where a message goes is a secret (anybody who knows the address of a chat's webhook can write
there), so it stands in the environment and never in the settings, a log or an error:
`CRMDECK_NOTIFY_<NAME>_URL`, for a webhook also `CRMDECK_NOTIFY_<NAME>_SECRET`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from time import sleep
from typing import Any

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.exports import check_summary, issue_text
from crmdeck.model import CheckReport, Issue, IssueKind, IssueLevel, WireModel
from crmdeck.redaction import remember
from crmdeck.settings import NoticeRoute
from crmdeck.text import visible_text
from crmdeck.workspace.connections.validation import check_endpoint
from crmdeck.workspace.context import Context, new_id

PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""

_TIMEOUT = 10.0
_PATIENCE = 30.0
"""Seconds that one attempt may take in all, however little comes each time."""

_SHOWN = 15


class Delivery(WireModel):
    """What came of one route: whether it was sent, and else why not, without any secret."""

    route: str
    sent: bool
    error: str | None = None


@dataclass(frozen=True)
class Message:
    """One message: a title, the text below it, and the record for a machine."""

    title: str
    body: str
    payload: dict[str, object]


class Notices:
    """Sends what a check found to people who are not there to see it."""

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
        """Raise UsageError where there is no route, or one that could not be used.

        To be asked before a long check: a mistake in the night is seen by nobody.
        """
        if not self._context.settings.notify:
            raise UsageError(
                "There is nobody to notify.",
                remedy="Add a [[notify]] to settings.toml; docs/notices.md shows how.",
                code="NO_NOTICES",
            )
        for route in self._context.settings.notify:
            _address(route)
            if route.kind == "webhook":
                _secret(route)
            _require_extra()

    def send(self, report: CheckReport) -> tuple[Delivery, ...]:
        """Send each route its message, where it has one; tries three times, records each.

        A route that fails stops no other, and raises nothing.
        """
        deliveries = []
        for route in self._context.settings.notify:
            message = compose(report, route)
            if message is not None:
                deliveries.append(self._deliver(route, message))
        with self._context.store.write() as session:
            for each in deliveries:
                what = "sent" if each.sent else "failed"
                why = f": {each.error}" if each.error else ""
                entry = self._context.entry(f"notice.{what}", f"Notice to {each.route} {what}{why}")
                session.audit.add(entry)
        return tuple(deliveries)

    def heartbeat(self, url: str) -> str | None:
        """Tell a watchdog that a check ran; return why that failed, None where it did not."""
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
                error = problem.message
                break
            if error is None:
                break
        return Delivery(route=route.name, sent=error is None, error=error)


def compose(report: CheckReport, route: NoticeRoute) -> Message | None:
    """Return the message of a check for a route, None where it has nothing to say there."""
    names = {
        connection.name
        for connection in report.connections
        if any(fnmatchcase(connection.name, pattern) for pattern in route.connections)
    }
    issues = [
        issue for issue in report.issues if issue.connection in names and _tells(issue, route)
    ]
    if not issues and not (route.all_well and names):
        return None
    failing = sum(issue.level is IssueLevel.FAIL for issue in issues)
    if not issues:
        title = "crmdeck: all is well"
    elif failing:
        title = f"crmdeck: {failing} {'issue fails' if failing == 1 else 'issues fail'}"
    else:
        title = f"crmdeck: {len(issues)} to know of"
    lines = [
        f"{issue.severity or issue.kind}: {issue.connection}: {issue_text(issue)}"
        for issue in issues[:_SHOWN]
    ]
    if len(issues) > _SHOWN:
        lines.append(f"and {len(issues) - _SHOWN} more")
    body = "\n".join(_harmless(line) for line in [*lines, check_summary(report)])
    payload = {
        "type": "check.completed",
        "timestamp": report.to_wire()["checkedAt"],
        "data": {
            "success": report.success,
            "reasons": list(report.reasons),
            "summary": check_summary(report),
            "issues": [issue.to_wire() for issue in issues],
        },
    }
    return Message(title, body, payload)


def _tells(issue: Issue, route: NoticeRoute) -> bool:
    if issue.level is IssueLevel.IGNORE:
        return False
    if issue.severity is None:
        return issue.level is IssueLevel.FAIL or issue.kind is IssueKind.ALERT
    return issue.level is IssueLevel.FAIL or issue.severity.rank >= route.at_least.rank


def _harmless(text: str) -> str:
    # Between angle brackets a chat takes a text for a mention of everybody, or for a link.
    return visible_text(text).replace("<", "‹").replace(">", "›")


def _send_chat(route: NoticeRoute, message: Message, now: datetime) -> str | None:
    """Send through apprise, which speaks to chats and mail servers; return what went wrong."""
    import apprise

    _log_no_address()
    # The sender is crmdeck, and no chat is to fetch a picture from somewhere else.
    asset = apprise.AppriseAsset(
        app_id="crmdeck",
        app_desc="crmdeck",
        app_url="https://github.com/crmdeck/crmdeck",
        image_url_mask="",
        image_url_logo="",
    )
    channel = apprise.Apprise(asset=asset)
    if not channel.add(_address(route)):
        raise UsageError(f"The address of the notice '{route.name}' can't be used.")
    sent = channel.notify(body=message.body, title=message.title, body_format="text")
    return None if sent else "It was not taken."


def _send_webhook(route: NoticeRoute, message: Message, now: datetime) -> str | None:
    """Post the record, signed after Standard Webhooks; return what went wrong."""
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
    return _request("POST", check_endpoint(_address(route)), content=body, headers=headers)


def _request(method: str, address: str, **what: Any) -> str | None:
    """Make a request whose answer is its status, not its body; return what went wrong."""
    import httpx

    try:
        with httpx.stream(method, address, timeout=_TIMEOUT, **what) as response:
            response.raise_for_status()
    except httpx.HTTPError as error:
        return _without_address(error)
    return None


def _within(seconds: float, call: Callable[[], str | None]) -> str | None:
    """Return what a call returns, or that it took too long: it is left to itself then."""
    answer: Future[str | None] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        return f"It did not answer within {seconds:g} seconds."


def _log_no_address() -> None:
    """Silence the loggers that write addresses, which are secrets here."""
    for name in ("apprise", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _without_address(error: Exception) -> str:
    """Return what went wrong; the texts of httpx hold the address."""
    import httpx

    match error:
        case httpx.HTTPStatusError():
            return f"It answered {error.response.status_code}."
        case httpx.ConnectTimeout() | httpx.ReadTimeout() | httpx.WriteTimeout():
            return f"It did not answer within {_TIMEOUT:g} seconds."
        case httpx.ConnectError():
            return "Nothing answers at its address."
        case _:
            return f"It broke off ({type(error).__name__})."


def _address(route: NoticeRoute) -> str:
    return _from_environment(route, "URL")


def _secret(route: NoticeRoute) -> str:
    secret = _from_environment(route, "SECRET")
    if not re.fullmatch(r"(whsec_)?[A-Za-z0-9+/]{16,}={0,2}", secret):
        raise UsageError(
            f"The secret of the notice '{route.name}' can't sign.",
            remedy="Give whsec_ and 24 bytes or more in base64, as Standard Webhooks says.",
            code="BAD_NOTICE_SECRET",
        )
    return secret


def _from_environment(route: NoticeRoute, what: str) -> str:
    variable = f"CRMDECK_NOTIFY_{re.sub(r'[^A-Z0-9]', '_', route.name.upper())}_{what}"
    value = os.environ.get(variable, "")
    if not value:
        raise UsageError(
            f"The notice '{route.name}' does not know where to go.",
            cause=f"${variable} is not set.",
            remedy="Set it in the environment of the command; it is a secret.",
            code="NOTICE_NOT_SET",
        )
    remember(value)
    return value


def _require_extra() -> None:
    try:
        import apprise  # noqa: F401
        import standardwebhooks  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"Notices need the package '{error.name}', which is not installed.",
            remedy="Install crmdeck with its extra: pip install 'crmdeck[notify]'",
            code="EXTRA_MISSING",
        ) from None
