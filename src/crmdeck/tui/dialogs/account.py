"""The signed-in user of a CRM: the result of a test or of a sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.model import ProbeReport
from crmdeck.text import ago
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.text import display_text

LABEL = 16
LONGEST = 200


class Account(Dialog[bool]):
    """Answers True for a refresh, which it offers only with `refresh`."""

    SCOPE = "account"

    def __init__(
        self, name: str, report: ProbeReport | None, now: datetime, *, refresh: bool = False
    ) -> None:
        super().__init__(f"✓ {name} answered" if report else f"✓ {name} was added")
        self.offers_refresh = refresh
        self._report = report
        self._now = now

    def compose_body(self) -> ComposeResult:
        report = self._report
        text = Content("\n").join(_lines(report, self._now)) if report else "Not tested yet."
        yield Static(text, id="account", markup=False)

    @dialog_action(
        "account.refresh", "Refresh now", "r", hint=40, applies=lambda dialog: dialog.offers_refresh
    )
    def refresh_now(self) -> None:
        self.dismiss(True)

    @dialog_action("account.close", "Close", "enter", hint=30)
    def leave(self) -> None:
        self.dismiss(None)


def _lines(report: ProbeReport, now: datetime) -> Iterator[Content]:
    quota, ends = report.quota, report.token_expires_at
    facts = {
        "user": report.user or "unknown",
        "organization": report.organization,
        "address": report.instance_url,
        "API version": report.api_version,
        "quota left": (
            f"{quota.left:.0%} of {quota.limit:,} requests per {quota.window}" if quota else None
        ),
        "objects": None if report.objects is None else f"{len(report.objects):,} readable",
        "token expires": f"{ago(ends, now)}, {ends:%Y-%m-%d %H:%M} UTC" if ends else None,
    }
    for label, value in facts.items():
        if value:
            yield Content.assemble((f"{label:<{LABEL}}", "$muted"), display_text(value, LONGEST))
    if not report.missing_permissions:
        yield Content.assemble((f"{'permissions':<{LABEL}}", "$muted"), ("✓ none missing", "$good"))
    for number, missing in enumerate(report.missing_permissions):
        label = "" if number else "permissions"
        yield Content.assemble(
            (f"{label:<{LABEL}}", "$muted"),
            ("▲ missing ", "$warn"),
            display_text(missing, LONGEST),
        )
