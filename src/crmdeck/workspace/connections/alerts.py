"""Alerts of a connection: one rule for each, over cached data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from crmdeck.errors import CacheDamagedError, CrmdeckError, NextStep
from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ConnectionEnd,
    ObjectFailure,
    OpenChanges,
    Quota,
    SchemaStats,
    Source,
    Status,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store.dismissed import Dismissal
from crmdeck.text import count, first_few
from crmdeck.workspace.connections.retirements import Concern
from crmdeck.workspace.connections.status import SUSPECT
from crmdeck.workspace.open_changes import OpenOnMapped

LOW_QUOTA = 0.20
# The CRMs count requests per day, so an older reading says nothing about now.
QUOTA_COUNTS_FOR = timedelta(days=1)
TOKEN_NOTICE = timedelta(days=7)
# The share of a short-lived token's lifetime: a new two-hour token doesn't expire soon.
TOKEN_SHARE = 0.25
RETIREMENT_NOTICE = timedelta(days=90)
_NAMED = 3
"""The most object types that an alert names."""
DRIFT_ON_MAPPED = "DRIFT_ON_MAPPED_FIELDS"
NOT_ADVANCING = timedelta(days=3)
EXPIRING_CODES = frozenset({"TOKEN_ENDS_SOON", "TOKEN_ENDED", "TOKEN_IDLE", "VENDOR_END_OF_LIFE"})
"""The alerts about something that expires."""


@dataclass(frozen=True)
class Vitals:
    """The state of a connection at `now`.

    `signed_in` is when the token was stored. `last` is the last completed run, `good` the last
    successful refresh, `whole` the last refresh without failed objects, and `bad` the last failed
    run. `failing_since` is the first failed run after `good`. `lost` are the object types whose
    definitions are missing from the cache. `token_used` is when the refresh token was last used,
    `endings` what can end the connection. `dismissed` is each dismissal by alert ID. `policy_error`
    is why the policy of the workspace can't be used. `quota_recovered` is when the quota was last
    above the low mark.
    """

    connection: Connection
    status: Status
    now: datetime
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
    drift: OpenOnMapped | None = None
    concerns: tuple[Concern, ...] = ()
    lost: tuple[str, ...] = ()
    token_used: datetime | None = None
    token_rotated: datetime | None = None
    endings: tuple[ConnectionEnd, ...] = ()
    dismissed: Mapping[str, Dismissal] = field(default_factory=dict)
    policy_error: CrmdeckError | None = None


def alerts(vitals: Vitals) -> tuple[Alert, ...]:
    """Return the alerts, the most urgent first, dismissed ones included; none if disconnected."""
    if vitals.status is Status.DISCONNECTED:
        return ()
    order = list(AlertLevel)
    found = [alert for rule in RULES for alert in rule(vitals)]
    if vitals.dismissed:
        found = [_as_dismissed(alert, vitals) for alert in found]
    return tuple(sorted(found, key=lambda alert: order.index(alert.level)))


def _as_dismissed(alert: Alert, vitals: Vitals) -> Alert:
    base, number = _parts(alert.id)
    # A lower count than at the dismissal reopens nothing.
    covering = [
        dismissal
        for known, dismissal in vitals.dismissed.items()
        if is_same_alert(known, alert.id) and number <= _parts(known)[1]
    ]
    dismissal = max(covering, key=lambda one: one.at, default=None)
    if dismissal is None or not dismissal.covers(alert.level, vitals.now.date()):
        return alert
    drift = vitals.drift if base == alert_id(DRIFT_ON_MAPPED) else None
    if drift is not None and drift.latest > dismissal.at:
        return alert
    return alert.model_copy(
        update={"dismissed_at": dismissal.at, "dismissed_until": dismissal.until}
    )


def alert_id(code: str, *about: object) -> str:
    """Return the ID of an alert, from its code and everything that makes it a different alert.

    A number that changes by itself, such as days left, isn't part of it.
    """
    text = "\0".join(map(str, (code, *about)))
    # A name from a CRM may contain half of a surrogate pair.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def counted_id(number: int, code: str, *about: object) -> str:
    """Return the ID of an alert that a user dismisses up to a count."""
    return f"{alert_id(code, *about)}-{number}"


def is_same_alert(one: str, other: str) -> bool:
    """True if two IDs are of the same alert, whatever its count."""
    return _parts(one)[0] == _parts(other)[0]


def _parts(id_: str) -> tuple[str, int]:
    base, _, number = id_.partition("-")
    return base, int(number) if number.isdigit() else 0


def _since(run: SyncRun | None) -> datetime | None:
    return run.finished_at if run is not None else None


def broken(vitals: Vitals) -> Iterator[Alert]:
    """Yield the last error of a connection that doesn't work."""
    if vitals.status not in (Status.ERROR, Status.REAUTH_REQUIRED) or vitals.bad is None:
        return
    code = vitals.bad.error_code or "FAILED"
    message = vitals.bad.error_message or "The last refresh failed."
    step: NextStep | None = NextStep.SIGN_IN
    if code == SUSPECT:
        step = NextStep.DECIDE_REFRESH
    elif vitals.status is Status.ERROR:
        step = NextStep.TEST
    elif vitals.connection.source == Source.FILES:
        step = None
    yield Alert(
        level=AlertLevel.CRITICAL,
        code=code,
        # A failure after a success is another alert, even with the same message.
        id=alert_id(code, message, _since(vitals.good)),
        message=message,
        cause=vitals.bad.error_cause,
        remedy=vitals.bad.error_remedy,
        since=vitals.failing_since,
        next_step=step,
    )


def policy_unusable(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert if crmdeck can't use the policy of the workspace."""
    error = vitals.policy_error
    if error is None:
        return
    yield Alert(
        level=AlertLevel.WARNING,
        code=error.code,
        id=alert_id(error.code, error.message, error.cause),
        short="policy unusable",
        message=f"Nothing is excused, and gates fail. {error.message}",
        cause=error.cause,
        remedy=error.remedy,
    )


def definitions_lost(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert if definitions are missing from the cache."""
    if not vitals.lost:
        return
    named = ", ".join(vitals.lost[:_NAMED]) + (", ..." if len(vitals.lost) > _NAMED else "")
    yield Alert(
        level=AlertLevel.CRITICAL,
        code=CacheDamagedError.code,
        id=alert_id(CacheDamagedError.code, *vitals.lost),
        short="cache damaged",
        message=f"The cache lost the schemas of {count(len(vitals.lost), 'object')}: {named}.",
        cause="The cache file is damaged: some definitions are missing.",
        remedy="Refresh to read the schemas again, and check the rest: crmdeck doctor",
        next_step=NextStep.REFRESH,
    )


def token_level(vitals: Vitals) -> AlertLevel | None:
    """Return the level for the token's expiry; critical if it expired or was rejected."""
    ends = vitals.connection.token_expires_at
    if vitals.status is Status.REAUTH_REQUIRED or (ends is not None and ends <= vitals.now):
        return AlertLevel.CRITICAL
    if ends is None:
        return None
    life = ends - (vitals.signed_in or vitals.connection.created_at)
    soon = ends - vitals.now <= min(TOKEN_NOTICE, life * TOKEN_SHARE)
    return AlertLevel.WARNING if soon else None


def quota_level(quota: Quota | None) -> AlertLevel | None:
    """Return the level for the API quota; critical at half of the low mark."""
    if quota is None or quota.left > LOW_QUOTA:
        return None
    return AlertLevel.CRITICAL if quota.left <= LOW_QUOTA / 2 else AlertLevel.WARNING


def token_ends(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for a token that isn't renewed, if it expires soon or has expired."""
    ends, level = vitals.connection.token_expires_at, token_level(vitals)
    if ends is None or level is None or vitals.status is Status.REAUTH_REQUIRED:
        return
    over = level is AlertLevel.CRITICAL
    code = "TOKEN_ENDED" if over else "TOKEN_ENDS_SOON"
    yield Alert(
        level=level,
        code=code,
        id=alert_id(code, ends),
        short="token expired" if over else "token expires",
        message=f"The token {'expired' if over else 'expires'} on {ends:%Y-%m-%d %H:%M} UTC.",
        cause="crmdeck can't renew this kind of token.",
        remedy="Sign in again.",
        next_step=NextStep.SIGN_IN,
        due_at=ends,
    )


def token_idle(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for a refresh token that may expire soon because it isn't used."""
    if vitals.token_used is None or vitals.status is Status.REAUTH_REQUIRED:
        return
    idle = (vitals.now - vitals.token_used).days
    for end in vitals.endings:
        if end.code != "TOKEN_IDLE" or not end.ends_at or end.ends_at - vitals.now > TOKEN_NOTICE:
            continue
        yield Alert(
            level=AlertLevel.WARNING,
            code=end.code,
            id=alert_id(end.code, end.ends_at),
            short="token idle",
            message=f"The refresh token was last used {count(idle, 'day')} ago.",
            cause=end.message,
            remedy="Refresh the connection. If the alert stays, sign in again.",
            next_step=NextStep.REFRESH,
            due_at=end.ends_at,
            link=end.link,
        )


def drift_on_mapped(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for open changes of mapped fields."""
    drift = vitals.drift
    if drift is None:
        return
    touch = "touches" if drift.total == 1 else "touch"
    groups = count(drift.total, "open change group")
    yield Alert(
        level=AlertLevel.CRITICAL if drift.breaking else AlertLevel.WARNING,
        code=DRIFT_ON_MAPPED,
        id=counted_id(drift.total, DRIFT_ON_MAPPED),
        short=f"{count(drift.broken, 'mapping')} broken" if drift.breaking else "mappings changed",
        message=f"{groups} {touch} mapped fields, {drift.breaking} breaking.",
        cause="The CRM's schema changed after you accepted the mappings.",
        remedy="Repair the mappings, or acknowledge the changes.",
        since=drift.earliest,
        next_step=NextStep.SEE_DRIFT,
    )


def stopped(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert if the last refresh stopped at the quota reserve."""
    if vitals.last is None or vitals.last.outcome is not SyncOutcome.STOPPED:
        return
    code = vitals.last.error_code or "QUOTA_RESERVE"
    yield Alert(
        level=AlertLevel.WARNING,
        code=code,
        id=alert_id(code, _since(vitals.good)),
        short="low on quota",
        message=vitals.last.error_message or "The last refresh stopped at the quota reserve.",
        cause=vitals.last.error_cause,
        remedy=vitals.last.error_remedy,
        since=vitals.failing_since,
    )


def quota_low(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for a low API quota, if no refresh has stopped because of it."""
    quota = vitals.quota
    if quota is None or quota_level(quota) is None or any(stopped(vitals)):
        return
    if quota.observed_at and vitals.now - quota.observed_at > QUOTA_COUNTS_FOR:
        return
    yield Alert(
        level=AlertLevel.WARNING,
        code="QUOTA_LOW",
        # A quota that recovered and ran low again is another alert.
        id=alert_id("QUOTA_LOW", quota_level(quota), vitals.quota_recovered),
        short="low on quota",
        message=f"{quota.left:.0%} of the API quota is left.",
        cause=f"All apps together used {quota.used:,} of {quota.limit:,} requests per "
        f"{quota.window}.",
        remedy="Refresh less often, or buy a higher limit from the vendor.",
    )


def not_advancing(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert if the last successful refresh was long ago."""
    last = vitals.stats.last_discovered_at
    # A connection with a long time to live is not late after three days.
    patience = max(NOT_ADVANCING, timedelta(hours=2 * vitals.connection.ttl_hours))
    if last is None or vitals.now - last <= patience:
        return
    failing = vitals.bad is not None and vitals.bad.finished_at > last
    yield Alert(
        level=AlertLevel.WARNING,
        code="SYNC_NOT_ADVANCING",
        id=alert_id("SYNC_NOT_ADVANCING", last),
        short="not refreshed",
        message=f"The last successful refresh was {count((vitals.now - last).days, 'day')} ago.",
        cause="All refreshes since then failed." if failing else "No refresh has run since then.",
        remedy="Fix the error, then refresh." if failing else "Refresh the connection.",
        next_step=_refresh(vitals),
    )


def objects_failed(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for each reason why the last refresh couldn't read object types."""
    reasons: dict[tuple[str, str | None], list[ObjectFailure]] = {}
    for failure in vitals.failures:
        reasons.setdefault((failure.code, failure.remedy), []).append(failure)
    for (code, remedy), failed in reasons.items():
        names = [failure.object_type for failure in failed]
        first = failed[0]
        yield Alert(
            level=AlertLevel.WARNING,
            code="OBJECTS_FAILED",
            # Objects that fail again after a whole refresh are another alert.
            id=counted_id(len(names), "OBJECTS_FAILED", code, _since(vitals.whole)),
            short="objects failed",
            message=f"{count(len(names), 'object')} failed in the last refresh: "
            f"{first_few(names, _NAMED)}.",
            cause=" ".join(filter(None, (first.message, first.cause))),
            remedy=remedy or "Refresh again. The cached schemas stay.",
            next_step=_refresh(vitals),
        )


def never_refreshed(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert if the connection was never refreshed."""
    if vitals.stats.last_discovered_at is not None:
        return
    yield Alert(
        level=AlertLevel.INFO,
        code="NEVER_REFRESHED",
        id=alert_id("NEVER_REFRESHED"),
        short="never refreshed",
        message="Never refreshed: no schema yet.",
        remedy="Refresh the connection.",
        next_step=_refresh(vitals),
    )


def stale(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for stale schemas, unless `not_advancing` does."""
    if not vitals.stats.stale_object_count or any(not_advancing(vitals)):
        return
    yield Alert(
        level=AlertLevel.INFO,
        code="SCHEMA_STALE",
        id=alert_id("SCHEMA_STALE", vitals.stats.last_discovered_at),
        short="stale",
        message=f"{vitals.stats.stale_object_count} of {vitals.stats.object_count} schemas are "
        "stale.",
        cause=f"The last refresh of these objects was over {vitals.connection.ttl_hours:g} h ago.",
        remedy="Refresh the connection.",
        next_step=_refresh(vitals),
    )


def retirements(vitals: Vitals) -> Iterator[Alert]:
    """Yield an alert for each vendor retirement that affects the connection."""
    for concern in vitals.concerns:
        each = concern.retirement
        ends = datetime.combine(concern.ends, time(), UTC)
        days = (concern.ends - vitals.now.date()).days
        when = each.when or f"{concern.ends:%Y-%m-%d}"
        left = f"{count(days, 'day')} left ({when})" if days > 0 else when
        urgent = not each.maybe and ends - vitals.now <= RETIREMENT_NOTICE
        level = AlertLevel.WARNING if urgent else AlertLevel.INFO
        yield Alert(
            level=level,
            code="VENDOR_END_OF_LIFE",
            id=alert_id("VENDOR_END_OF_LIFE", each.id, level, concern.ends),
            short="vendor retires",
            message=f"{each.title}: {left if days > 0 else 'since ' + left}.",
            cause=each.cause,
            remedy=each.remedy.replace("NAME", vitals.connection.name),
            due_at=ends,
            link=each.source,
        )


def _refresh(vitals: Vitals) -> NextStep | None:
    # A refresh fails before the sign-in.
    return None if vitals.status is Status.REAUTH_REQUIRED else NextStep.REFRESH


# Within a level in the order of what to do first: broken mappings, failing connections, what
# expires, the rest.
RULES: tuple[Callable[[Vitals], Iterator[Alert]], ...] = (
    drift_on_mapped,
    broken,
    definitions_lost,
    token_ends,
    token_idle,
    retirements,
    policy_unusable,
    stopped,
    quota_low,
    not_advancing,
    objects_failed,
    never_refreshed,
    stale,
)
