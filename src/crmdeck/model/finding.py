"""Findings: everything that is open in a workspace, one for each thing to do."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import NamedTuple

from crmdeck.model.enums import FindingKind, FindingState, Severity, Urgency, Verb
from crmdeck.model.wire import UtcTime, WireModel


class Step(WireModel):
    """One next step. `verb` is the same in every face, `command` does it on a command line."""

    verb: Verb
    text: str
    command: str | None = None


class Subject(WireModel):
    """What a finding is about, in addition to its connection."""

    object_pair: str | None = None
    partner_field: str | None = None
    object_type: str | None = None
    crm_field: str | None = None


class Acceptance(NamedTuple):
    """That a user accepted the risk of a finding, or snoozed it, until a day.

    `urgency` and `weight` are the finding's at the time, `changes` the IDs of the changes that it
    explained.
    """

    at: datetime
    by: str
    until: date
    urgency: Urgency
    weight: int = 1
    note: str | None = None
    changes: tuple[str, ...] = ()

    def covers(
        self, urgency: Urgency, today: date, evidence_at: datetime | None, weight: int = 1
    ) -> bool:
        """True until its day passes, the finding gets worse, or newer evidence is found."""
        return (
            today <= self.until
            and urgency.rank >= self.urgency.rank
            and weight <= self.weight
            and (evidence_at is None or evidence_at <= self.at)
        )


def finding_id(connection_id: str, code: str, *about: object) -> str:
    """Return the ID of a finding, from everything that makes it a different one.

    A number or a date that changes by itself, such as days left, isn't part of it.
    """
    text = "\0".join(map(str, (connection_id, code, *about)))
    # A name from a CRM may contain half of a surrogate pair.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Finding(WireModel):
    """One thing to do, or to know if its urgency is `note`.

    `cause` says why, `effect` what follows; `by` caused it. `code` is stable, for machines and
    policies. The first step is the usual one. `changes` and `groups` are the IDs of the changes
    that it explains and of their groups, `severity` is their worst, and `attributes` are the
    changed ones. `weight` counts the cases in it. `mapped` is True if a mapping is concerned.
    `evidence_at` is when its newest cause was found: a risk accepted earlier is open again.
    `rule` is the reason of the policy rule that excuses it or makes it fail.
    """

    id: str
    kind: FindingKind
    code: str
    urgency: Urgency
    connection_id: str
    connection: str
    subject: Subject = Subject()
    title: str
    short: str = ""
    cause: str = ""
    effect: str = ""
    since: UtcTime | None = None
    due_at: UtcTime | None = None
    by: str | None = None
    link: str | None = None
    steps: tuple[Step, ...] = ()
    state: FindingState = FindingState.OPEN
    accepted_at: UtcTime | None = None
    accepted_by: str | None = None
    accepted_until: date | None = None
    note: str | None = None
    rule: str | None = None
    severity: Severity | None = None
    mapped: bool = False
    changes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    weight: int = 1
    evidence_at: UtcTime | None = None

    @property
    def is_open(self) -> bool:
        """True if no one accepted, snoozed or excused it."""
        return self.state is FindingState.OPEN

    @property
    def is_unread(self) -> bool:
        """True if it is about something that crmdeck can't read: gates fail, whatever its state."""
        return self.kind in _UNREAD

    @property
    def can_be_accepted(self) -> bool:
        """True if a user can accept its risk; `is_unread` ones can only be snoozed."""
        return not self.is_unread and self.urgency not in (Urgency.SETUP, Urgency.NOTE)

    @property
    def text(self) -> str:
        """The title and the cause in one line."""
        return f"{self.title} ({self.cause})" if self.cause else self.title


_UNREAD = frozenset(
    {
        FindingKind.SIGN_IN,
        FindingKind.CONNECTION_ERROR,
        FindingKind.SUSPECT_REFRESH,
        FindingKind.CACHE_DAMAGED,
        FindingKind.OBJECT_FAILED,
        FindingKind.POLICY_UNUSABLE,
        FindingKind.NEVER_REFRESHED,
    }
)
