"""Alerts: what to act on for a connection. One small rule each, over what is cached."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from crmdeck.errors import CacheDamagedError, NextStep
from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ObjectFailure,
    Quota,
    SchemaStats,
    Source,
    Status,
    SyncOutcome,
    SyncRun,
)
from crmdeck.text import count

if TYPE_CHECKING:
    from crmdeck.workspace.connections.retirements import Concern

LOW_QUOTA = 0.20
QUOTA_COUNTS_FOR = timedelta(days=1)
TOKEN_NOTICE = timedelta(days=7)
# A token that lives for two hours is not about to end when it was just given.
TOKEN_SHARE = 0.25
RETIREMENT_NOTICE = timedelta(days=90)
_NAMED = 3
"""Object types that an alert names before it counts the others."""
NOT_ADVANCING = timedelta(days=3)


@dataclass(frozen=True)
class Vitals:
    """All that is known of how a connection is doing, at `now`.

    `signed_in` is when the token was stored. `last` is the last run that tells something, `good`
    the last refresh that went well, `whole` the last one that read everything, `bad` the last run
    that did not go well, `failing_since` when the first such run since `good` was. `drifted` counts
    the open drift events on mapped fields, `breaking` the breaking ones among them; the first came
    at `drifted_since`, the last at `drifted_at`. `lost` names the object types whose definitions
    the cache has lost. `dismissed` is when the operator put alerts away, by their ids.
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
    failures: tuple[ObjectFailure, ...] = ()
    drifted: int = 0
    breaking: int = 0
    drifted_since: datetime | None = None
    drifted_at: datetime | None = None
    concerns: tuple[Concern, ...] = ()
    lost: tuple[str, ...] = ()
    dismissed: Mapping[str, datetime] = field(default_factory=dict)


def alerts(vitals: Vitals) -> tuple[Alert, ...]:
    """Return what to act on, the most urgent first; nothing once disconnected.

    What was put away is among it, and says when.
    """
    if vitals.status is Status.DISCONNECTED:
        return ()
    order = list(AlertLevel)
    found = [alert for rule in RULES for alert in rule(vitals)]
    if vitals.dismissed:
        found = [
            alert.model_copy(update={"dismissed_at": vitals.dismissed.get(alert.id)})
            for alert in found
        ]
    return tuple(sorted(found, key=lambda alert: order.index(alert.level)))


def alert_id(code: str, *about: object) -> str:
    """Return what names an alert as long as it is the same: its code, what it is about, since when.

    What only counts on, such as days that are left, is no part of it.
    """
    text = "\0".join(map(str, (code, *about)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _since(run: SyncRun | None) -> datetime | None:
    """Return when what went wrong since `run` had last gone well."""
    return run.finished_at if run is not None else None


def broken(vitals: Vitals) -> Iterator[Alert]:
    """The connection does not work: the last error, with its cause and remedy."""
    if vitals.status not in (Status.ERROR, Status.REAUTH_REQUIRED) or vitals.bad is None:
        return
    code = vitals.bad.error_code or "FAILED"
    message = vitals.bad.error_message or "The last sync failed."
    yield Alert(
        level=AlertLevel.CRITICAL,
        code=code,
        id=alert_id(code, message, _since(vitals.good)),
        message=message,
        cause=vitals.bad.error_cause,
        remedy=vitals.bad.error_remedy,
        since=vitals.failing_since,
        next_step=_after_failure(vitals),
    )


def definitions_lost(vitals: Vitals) -> Iterator[Alert]:
    """The cache lacks what it is said to hold."""
    if not vitals.lost:
        return
    named = ", ".join(vitals.lost[:_NAMED]) + (", ..." if len(vitals.lost) > _NAMED else "")
    yield Alert(
        level=AlertLevel.CRITICAL,
        code=CacheDamagedError.code,
        id=alert_id(CacheDamagedError.code, *vitals.lost),
        short="cache damaged",
        message=f"The cache has lost what it knew of {count(len(vitals.lost), 'object')}: {named}.",
        cause="Definitions are missing from it.",
        remedy="Refresh to read them anew; crmdeck doctor tells what else is lost.",
        next_step=NextStep.REFRESH,
    )


def token_level(vitals: Vitals) -> AlertLevel | None:
    """Return how urgent the end of the token is: critical once it ended or was refused."""
    ends = vitals.connection.token_expires_at
    if vitals.status is Status.REAUTH_REQUIRED or (ends is not None and ends <= vitals.now):
        return AlertLevel.CRITICAL
    if ends is None:
        return None
    life = ends - (vitals.signed_in or vitals.connection.created_at)
    soon = ends - vitals.now <= min(TOKEN_NOTICE, life * TOKEN_SHARE)
    return AlertLevel.WARNING if soon else None


def quota_level(quota: Quota | None) -> AlertLevel | None:
    """Return how urgent it is that little of the allowance is left: critical at half of low."""
    if quota is None or quota.left > LOW_QUOTA:
        return None
    return AlertLevel.CRITICAL if quota.left <= LOW_QUOTA / 2 else AlertLevel.WARNING


def token_ends(vitals: Vitals) -> Iterator[Alert]:
    """The token, which nothing renews, ends soon or has ended."""
    ends, level = vitals.connection.token_expires_at, token_level(vitals)
    if ends is None or level is None or vitals.status is Status.REAUTH_REQUIRED:
        return
    over = level is AlertLevel.CRITICAL
    code = "TOKEN_ENDED" if over else "TOKEN_ENDS_SOON"
    yield Alert(
        level=level,
        code=code,
        id=alert_id(code, ends),
        short="token ended" if over else "token ends soon",
        message=f"The token {'ended' if over else 'ends'} on {ends:%Y-%m-%d at %H:%M} UTC.",
        cause="It can't be renewed without you.",
        remedy="Sign in again.",
        next_step=NextStep.SIGN_IN,
        due_at=ends,
    )


def drift_on_mapped(vitals: Vitals) -> Iterator[Alert]:
    """Fields that are mapped have changed, and nobody has acknowledged it."""
    if not vitals.drifted:
        return
    touches = "change touches" if vitals.drifted == 1 else "changes touch"
    yield Alert(
        level=AlertLevel.WARNING,
        code="DRIFT_ON_MAPPED_FIELDS",
        id=alert_id("DRIFT_ON_MAPPED_FIELDS", vitals.drifted_at),
        short="breaks mappings" if vitals.breaking else "mappings changed",
        message=f"{vitals.drifted} {touches} mapped fields, {vitals.breaking} breaking.",
        cause="The CRM's schema changed after the mappings were accepted.",
        remedy="Look at what changed, repair the mappings or acknowledge it.",
        since=vitals.drifted_since,
        next_step=NextStep.SEE_DRIFT,
    )


def stopped(vitals: Vitals) -> Iterator[Alert]:
    """The last refresh left the rest of the quota to others."""
    if vitals.last is None or vitals.last.outcome is not SyncOutcome.STOPPED:
        return
    code = vitals.last.error_code or "QUOTA_RESERVE"
    yield Alert(
        level=AlertLevel.WARNING,
        code=code,
        id=alert_id(code, _since(vitals.good)),
        short="low on quota",
        message=vitals.last.error_message or "The last refresh stopped for want of quota.",
        cause=vitals.last.error_cause,
        remedy=vitals.last.error_remedy,
        since=vitals.failing_since,
    )


def quota_low(vitals: Vitals) -> Iterator[Alert]:
    """Little was left of the API quota, not long ago, and no refresh has stopped for it yet."""
    quota = vitals.quota
    if quota is None or quota_level(quota) is None or any(stopped(vitals)):
        return
    if quota.observed_at and vitals.now - quota.observed_at > QUOTA_COUNTS_FOR:
        return
    yield Alert(
        level=AlertLevel.WARNING,
        code="QUOTA_LOW",
        id=alert_id("QUOTA_LOW", quota_level(quota), (quota.observed_at or vitals.now).date()),
        short="low on quota",
        message=f"{quota.left:.0%} of the API quota is left.",
        cause=f"{quota.used:,} of {quota.limit:,} requests a {quota.window} are used, by all apps.",
        remedy="Refresh less often or narrow the scope, or raise the limit with the vendor.",
    )


def not_advancing(vitals: Vitals) -> Iterator[Alert]:
    """The last good refresh was long ago."""
    last = vitals.stats.last_discovered_at
    patience = max(NOT_ADVANCING, timedelta(hours=2 * vitals.connection.ttl_hours))
    if last is None or vitals.now - last <= patience:
        return
    failing = vitals.bad is not None and vitals.bad.finished_at > last
    yield Alert(
        level=AlertLevel.WARNING,
        code="SYNC_NOT_ADVANCING",
        id=alert_id("SYNC_NOT_ADVANCING", last),
        short="not refreshed",
        message=f"The last sync was {(vitals.now - last).days} days ago.",
        cause="Refreshes since then have failed." if failing else "Nobody has refreshed it since.",
        remedy="Refresh it, once what fails is repaired." if failing else "Refresh it.",
        next_step=_refresh(vitals),
    )


def objects_failed(vitals: Vitals) -> Iterator[Alert]:
    """The last refresh could not read some object types: which, and for each reason, why."""
    reasons: dict[tuple[str, str | None], list[ObjectFailure]] = {}
    for failure in vitals.failures:
        reasons.setdefault((failure.code, failure.remedy), []).append(failure)
    for (code, remedy), failed in reasons.items():
        names = [failure.object_type for failure in failed]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        first = failed[0]
        yield Alert(
            level=AlertLevel.WARNING,
            code="OBJECTS_FAILED",
            id=alert_id("OBJECTS_FAILED", code, *names, _since(vitals.whole)),
            short="read in part",
            message=f"{count(len(names), 'object type')} could not be read last time: "
            f"{', '.join(names[:_NAMED])}{more}.",
            cause=" ".join(filter(None, (first.message, first.cause))),
            remedy=remedy or "What was cached stands. Refresh it again.",
            next_step=_refresh(vitals),
        )


def never_refreshed(vitals: Vitals) -> Iterator[Alert]:
    """There is no schema yet."""
    if vitals.stats.last_discovered_at is not None:
        return
    yield Alert(
        level=AlertLevel.INFO,
        code="NEVER_REFRESHED",
        id=alert_id("NEVER_REFRESHED"),
        short="never read",
        message="The schema was never discovered.",
        remedy="Refresh it.",
        next_step=_refresh(vitals),
    )


def stale(vitals: Vitals) -> Iterator[Alert]:
    """Some of the schema is past its time to live; not said where the sync does not advance."""
    if not vitals.stats.stale_object_count or any(not_advancing(vitals)):
        return
    yield Alert(
        level=AlertLevel.INFO,
        code="SCHEMA_STALE",
        id=alert_id("SCHEMA_STALE", vitals.stats.last_discovered_at),
        short="stale",
        message=f"{vitals.stats.stale_object_count} of {vitals.stats.object_count} objects are "
        "stale.",
        cause=f"They were last read more than {vitals.connection.ttl_hours:g} hours ago.",
        remedy="Refresh it.",
        next_step=_refresh(vitals),
    )


def retirements(vitals: Vitals) -> Iterator[Alert]:
    """The vendor retires something that the connection uses, or may use."""
    for concern in vitals.concerns:
        each = concern.retirement
        ends = datetime.combine(concern.ends, time(), UTC)
        days = (concern.ends - vitals.now.date()).days
        when = each.when or f"{concern.ends:%Y-%m-%d}"
        left = f"{days} {'day' if days == 1 else 'days'} left ({when})" if days > 0 else when
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


def _after_failure(vitals: Vitals) -> NextStep | None:
    if vitals.status is Status.ERROR:
        return NextStep.TEST
    return None if vitals.connection.source == Source.FILES else NextStep.SIGN_IN


def _refresh(vitals: Vitals) -> NextStep | None:
    # Nothing comes of it before the sign-in.
    return None if vitals.status is Status.REAUTH_REQUIRED else NextStep.REFRESH


RULES: tuple[Callable[[Vitals], Iterator[Alert]], ...] = (
    broken,
    definitions_lost,
    token_ends,
    drift_on_mapped,
    stopped,
    quota_low,
    not_advancing,
    objects_failed,
    never_refreshed,
    stale,
    retirements,
)
