"""What the findings of a connection are computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from crmdeck.drift.open_changes import Standing
from crmdeck.errors import CrmdeckError
from crmdeck.mapping.verdicts import PairVerdicts
from crmdeck.model import (
    Connection,
    ConnectionEnd,
    Decision,
    DriftEvent,
    EffectiveAccess,
    ObjectFailure,
    OpenChanges,
    PartnerObject,
    Quota,
    SchemaStats,
    Status,
    Step,
    SyncRun,
    Verb,
)
from crmdeck.model.delivery import DeliveryReading

CommandLine = Callable[..., str]
"""Makes a command in the workspace: `command_line("refresh", "acme-prod", all=True)`."""


class Concern(NamedTuple):
    """A vendor retirement that affects a connection; `ends` is the first day after it."""

    id: str
    title: str
    ends: date
    when: str | None
    maybe: bool
    cause: str
    remedy: str
    source: str


@dataclass(frozen=True)
class Vitals:
    """The state of a connection at `now`.

    `signed_in` is when the token was stored. `last` is the last completed run, `good` the last
    successful refresh, `whole` the last refresh without failed objects, and `bad` the last failed
    run. `failing_since` is the first failed run after `good`. `lost` are the object types whose
    definitions are missing from the cache. `token_used` is when the refresh token was last used,
    `endings` what can end the connection. `policy_error` is why the policy of the workspace can't
    be used. `access` is the sync user's. `quota_recovered` is when the quota was last above the low
    mark.
    """

    connection: Connection
    status: Status
    now: datetime
    command_line: CommandLine = field(repr=False)
    signed_in: datetime | None = None
    stats: SchemaStats = field(default_factory=SchemaStats)
    last: SyncRun | None = None
    good: SyncRun | None = None
    whole: SyncRun | None = None
    bad: SyncRun | None = None
    failing_since: datetime | None = None
    quota: Quota | None = None
    quota_recovered: datetime | None = None
    failures: tuple[ObjectFailure, ...] = ()
    open_changes: OpenChanges = field(default_factory=OpenChanges)
    concerns: tuple[Concern, ...] = ()
    lost: tuple[str, ...] = ()
    token_used: datetime | None = None
    token_rotated: datetime | None = None
    endings: tuple[ConnectionEnd, ...] = ()
    policy_error: CrmdeckError | None = None
    access: EffectiveAccess | None = None


class StandingChange(NamedTuple):
    """A change that is open or excused, with its state."""

    event: DriftEvent
    standing: Standing


class PairFacts(NamedTuple):
    """An object pair with decisions; `log` is oldest first."""

    pair: str
    partner: PartnerObject | None
    log: Sequence[Decision]
    verdicts: PairVerdicts


class Facts(NamedTuple):
    """Everything about a connection that its findings depend on.

    `group_titles` are by ID. `renames` lead from object and CRM field to the probable new name.
    `likely_pair` is the object pair to map first, if no pair is mapped and the CRM has its object.
    `delivery` is the last reading of the sync's records.
    """

    vitals: Vitals
    changes: tuple[StandingChange, ...] = ()
    group_titles: Mapping[str, str] = {}
    pairs: tuple[PairFacts, ...] = ()
    renames: Mapping[tuple[str, str | None], str] = {}
    likely_pair: str | None = None
    delivery: DeliveryReading | None = None


def make_step(vitals: Vitals, verb: Verb, text: str, command: str, *arguments: str) -> Step:
    """Return a step with a command about the connection; the name comes first."""
    name = vitals.connection.name
    return Step(verb=verb, text=text, command=vitals.command_line(command, name, *arguments))
