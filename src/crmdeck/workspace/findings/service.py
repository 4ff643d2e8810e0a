"""The one list of findings, which every face shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from crmdeck.errors import ConflictError, NotFoundError, UsageError
from crmdeck.findings.find import in_order
from crmdeck.findings.gate import fails
from crmdeck.model import (
    Acceptance,
    ConnectionStatus,
    FailOn,
    Finding,
    FindingState,
    Urgency,
)
from crmdeck.workspace.context import Context
from crmdeck.workspace.drift import Drift
from crmdeck.workspace.findings.health import Health


class Findings:
    """The open findings of a workspace, and those that users accepted or snoozed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._health = Health(context)

    def find(self, refs: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Return the findings of the named connections, or of all, the most urgent first.

        Accepted, snoozed and excused ones are among them, with their state. Raises NotFoundError.
        """
        with self._context.store.read():
            if refs:
                statuses = tuple(map(self._health.status, dict.fromkeys(refs)))
            else:
                statuses = self._health.statuses()
        return in_order(finding for status in statuses for finding in status.findings)

    def has_failing(self, findings: Iterable[Finding], fail_on: FailOn) -> bool:
        """True if a gate at that level fails because of one of these, apart from failed reads."""
        return any(fails(each, fail_on) for each in findings if not each.is_unread)

    def fails(self, status: ConnectionStatus, fail_on: FailOn) -> bool:
        """True if a gate at that level fails because of a connection, apart from failed reads."""
        if self.has_failing(status.findings, fail_on):
            return True
        # A safe change is not a finding.
        return fail_on is FailOn.SAFE and Drift(self._context).fails(fail_on, status.id)

    def get(self, finding_id: str) -> Finding:
        """Return the finding with an ID, or with the only ID that begins so.

        Raises NotFoundError.
        """
        found = [one for one in self.find() if one.id == finding_id]
        found = found or [one for one in self.find() if one.id.startswith(finding_id)]
        if len(found) == 1 and finding_id:
            return found[0]
        raise NotFoundError(
            f"{len(found)} findings have an ID that begins with '{finding_id}'."
            if found
            else f"No finding '{finding_id}'.",
            cause=None if found else "crmdeck removes a finding when its cause is gone.",
            remedy="List the findings: crmdeck findings",
            code="FINDING_NOT_FOUND",
        )

    def accept(self, finding_id: str, until: date, note: str = "") -> Finding:
        """Accept the risk of a finding until a day, for every user, and return the finding.

        Gates pass until then. It reopens if it gets worse, if its evidence is newer, and after
        that day. Raises NotFoundError, ConflictError if its risk can't be accepted, and UsageError
        for a day that has passed.
        """
        finding = self.get(finding_id)
        if finding.is_unread:
            raise ConflictError(
                "Can't accept the risk of what crmdeck can't read.",
                cause=f"{finding.title}: gates fail until crmdeck can read it again.",
                remedy=f"Snooze it: crmdeck findings snooze {finding.id} --until {until}",
                code="CANT_ACCEPT",
            )
        return self._settle(finding, until, note)

    def snooze(self, finding_id: str, until: date) -> Finding:
        """Leave a finding out of the list until a day, for every user; gates still fail.

        For findings about what crmdeck can't read. Raises what `accept` raises.
        """
        finding = self.get(finding_id)
        if not finding.is_unread:
            raise ConflictError(
                f"Can't snooze '{finding.title}'.",
                cause="crmdeck can read it, so accept its risk instead.",
                remedy=f"Accept the risk: crmdeck findings accept {finding.id} --until {until}",
                code="CANT_SNOOZE",
            )
        return self._settle(finding, until, "")

    def reopen(self, finding_id: str) -> Finding:
        """Reopen a finding that a user accepted or snoozed, and return it.

        Raises NotFoundError.
        """
        self._context.require_writable()
        finding = self.get(finding_id)
        if finding.state not in (FindingState.ACCEPTED, FindingState.SNOOZED):
            return finding
        self._add(finding, "reopened", finding.accepted_until or self._context.now.date(), None)
        return self.get(finding.id)

    def _settle(self, finding: Finding, until: date, note: str) -> Finding:
        self._context.require_writable()
        if until < self._context.now.date():
            raise UsageError(
                f"{until} has passed.",
                remedy="Enter a later date, such as 2026-12-31",
                code="PAST_DATE",
            )
        if finding.urgency in (Urgency.SETUP, Urgency.NOTE) and not finding.is_unread:
            raise ConflictError(
                f"Can't accept the risk of '{finding.title}'.",
                cause="Notes and setup findings never fail a gate.",
                code="CANT_ACCEPT",
            )
        self._add(finding, "snoozed" if finding.is_unread else "accepted", until, note or None)
        return self.get(finding.id)

    def _add(self, finding: Finding, deed: str, until: date, note: str | None) -> None:
        context = self._context
        acceptance = Acceptance(
            context.now,
            context.actor,
            until,
            finding.urgency,
            finding.weight,
            note,
            () if finding.is_unread else finding.changes,
        )
        words = {
            "accepted": f"Accepted the risk until {until}",
            "snoozed": f"Snoozed until {until}",
            "reopened": "Reopened",
        }
        details = {"finding": finding.id, "code": finding.code, "until": until.isoformat()}
        entry = context.entry(
            f"finding.{deed}",
            f"{words[deed]}: {finding.title}",
            connection_id=finding.connection_id,
            details=details | ({"note": note} if note else {}),
        )
        with context.store.write() as session:
            session.acceptances.add(
                finding.connection_id, finding.id, acceptance, taken_back=deed == "reopened"
            )
            session.audit.add(entry)
