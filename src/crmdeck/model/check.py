"""The findings of a check: one run over some connections, for a person and for a gate."""

from __future__ import annotations

from datetime import date

from crmdeck.model.drift import OpenChanges
from crmdeck.model.enums import CheckLevel, FailOn, Platform, Status
from crmdeck.model.finding import Finding
from crmdeck.model.wire import UtcTime, WireModel


class CheckedFinding(Finding):
    """A finding of a check, with the level that the threshold or the policy gives it."""

    level: CheckLevel


class CheckedConnection(WireModel):
    """A connection in a check. `since` is None if all unacknowledged changes were checked.

    `read` is True if its schema was refreshed as asked. `open_changes` counts also those that
    the check leaves out.
    """

    id: str
    name: str
    platform: Platform
    status: Status
    read: bool
    since: UtcTime | None
    until: UtcTime
    object_count: int
    field_count: int
    open_changes: OpenChanges = OpenChanges()


class ExpiredRule(WireModel):
    """A policy rule that has expired and no longer applies."""

    until: date
    reason: str


class UnusedRule(WireModel):
    """An active policy rule that matched no finding of a check.

    `number` counts the rules of the policy from 1. `nearest` names the finding that it missed
    by the fewest keys, and those keys.
    """

    number: int
    rule: str
    nearest: str | None = None


class CheckReport(WireModel):
    """The result of a check, worst findings first.

    `reasons` has the names of all exit codes that apply; `exit_code` is the one that wins.
    `audit_head` is the hash of the audit log's last entry.
    """

    checked_at: UtcTime
    fail_on: FailOn
    success: bool
    exit_code: int
    reasons: tuple[str, ...]
    connections: tuple[CheckedConnection, ...]
    findings: tuple[CheckedFinding, ...]
    expired_rules: tuple[ExpiredRule, ...] = ()
    unused_rules: tuple[UnusedRule, ...] = ()
    audit_head: str | None = None

    @property
    def open_changes(self) -> OpenChanges:
        """The open changes of all connections in the check."""
        return OpenChanges.total(each.open_changes for each in self.connections)

    def of(self, level: CheckLevel) -> tuple[CheckedFinding, ...]:
        return tuple(finding for finding in self.findings if finding.level is level)
