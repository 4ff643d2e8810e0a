"""Who we are at a CRM: the answer to a test, and the end of a sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from crmdeck.model import ProbeReport
from crmdeck.text import ago
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_text

LABEL = 16
LONGEST = 200


class Account(Dialog[bool]):
    """Answers True for a refresh, which is offered where `refresh` says so."""

    SCOPE = "account"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self, name: str, report: ProbeReport | None, now: datetime, *, refresh: bool = False
    ) -> None:
        super().__init__(f"✓ {name} answers" if report else f"✓ {name} is added")
        self.offers_refresh = refresh
        self._report = report
        self._now = now

    def compose_body(self) -> ComposeResult:
        """Yield what the CRM told."""
        yield Static(self._told(), id="account", markup=False)

    def go_on_to_refresh(self) -> None:
        """Go on to a refresh."""
        self.dismiss(True)

    def leave(self) -> None:
        """Leave."""
        self.dismiss(None)

    def _told(self) -> Content:
        if self._report is None:
            return Content("It was not tested.")
        return Content("\n").join(_lines(self._report, self._now))

    ACTIONS: ClassVar[Actions] = (
        Action(
            "account.refresh",
            "read its schema now",
            ("r",),
            go_on_to_refresh,
            hint=40,
            palette=False,
            applies=lambda dialog: dialog.offers_refresh,
        ),
        Action("account.close", "close", ("enter",), leave, hint=30, palette=False),
    )


def _lines(report: ProbeReport, now: datetime) -> Iterator[Content]:
    quota, ends = report.quota, report.token_expires_at
    facts = {
        "you are": report.user or "not told",
        "organization": report.organization,
        "at": report.instance_url,
        "API version": report.api_version,
        "quota left": (
            f"{quota.left:.0%} of {quota.limit:,} requests a {quota.window}" if quota else None
        ),
        "token ends": f"{ago(ends, now)}, {ends:%Y-%m-%d %H:%M} UTC" if ends else None,
    }
    for label, value in facts.items():
        if value:
            yield Content.assemble((f"{label:<{LABEL}}", "$muted"), display_text(value, LONGEST))
    if not report.missing_permissions:
        yield Content.assemble(
            (f"{'permissions':<{LABEL}}", "$muted"), ("✓ nothing missing", "$good")
        )
    for number, missing in enumerate(report.missing_permissions):
        label = "" if number else "permissions"
        yield Content.assemble(
            (f"{label:<{LABEL}}", "$muted"),
            ("▲ missing ", "$warn"),
            display_text(missing, LONGEST),
        )
