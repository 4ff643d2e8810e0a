"""What a check found: one run over some connections, for a person and for a gate."""

from __future__ import annotations

from datetime import date

from crmdeck.model.enums import FailOn, IssueKind, IssueLevel, Platform, Severity, Status
from crmdeck.model.wire import UtcTime, WireModel


class Issue(WireModel):
    """One thing that a check found on a connection.

    `object_type` and `field_name` are the CRM's, `object_pair` and `partner_field` the mapping's,
    each where it is about one. `severity` is that of drift. `mapped` says that a mapping is
    touched. `rule` is the reason that a policy gave for the level, None where none spoke.
    """

    connection: str
    kind: IssueKind
    level: IssueLevel
    code: str
    title: str
    detail: str = ""
    remedy: str | None = None
    severity: Severity | None = None
    object_type: str | None = None
    field_name: str | None = None
    object_pair: str | None = None
    partner_field: str | None = None
    mapped: bool = False
    event_id: str | None = None
    changed_by: str | None = None
    rule: str | None = None


class CheckedConnection(WireModel):
    """One connection of a check; `since` None: all drift that nobody has acknowledged.

    `read` says whether its schema was read as asked for.
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


class ExpiredRule(WireModel):
    """A rule of the policy whose end has come; it counts no more."""

    until: date
    reason: str


class CheckReport(WireModel):
    """What a check found, worst first, and how a command ends that ran it.

    `reasons` are the names of all exit codes that hold (`drift`, `reauth_required`...), of which
    `exit_code` is the one that counts.
    """

    checked_at: UtcTime
    fail_on: FailOn
    success: bool
    exit_code: int
    reasons: tuple[str, ...]
    connections: tuple[CheckedConnection, ...]
    issues: tuple[Issue, ...]
    expired_rules: tuple[ExpiredRule, ...] = ()

    def of(self, level: IssueLevel) -> tuple[Issue, ...]:
        """Return the issues of one level."""
        return tuple(issue for issue in self.issues if issue.level is level)
