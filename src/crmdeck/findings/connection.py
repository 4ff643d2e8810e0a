"""What is open about a connection itself: one rule for each kind, over cached data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from crmdeck.errors import CacheDamagedError
from crmdeck.findings.facts import Vitals, make_step
from crmdeck.model import (
    Connection,
    Finding,
    FindingKind,
    ObjectFailure,
    Quota,
    Source,
    Status,
    Step,
    SyncOutcome,
    Urgency,
    Verb,
    finding_id,
)
from crmdeck.text import count, first_few

LOW_QUOTA = 0.20
# The CRMs count requests per day, so an older reading says nothing about now.
QUOTA_COUNTS_FOR = timedelta(days=1)
TOKEN_NOTICE = timedelta(days=7)
# The share of a short-lived token's lifetime: a new two-hour token doesn't expire soon.
TOKEN_SHARE = 0.25
RETIREMENT_NOTICE = timedelta(days=90)
OVERDUE = timedelta(days=3)
SUSPECT = "SUSPECT_REFRESH"
"""The error code of a refresh that would remove much at once."""
_NAMED = 3
"""The most object types that a finding names."""
_UNSEEN = "crmdeck can't see changes in this CRM."


def connection_findings(vitals: Vitals) -> Iterator[Finding]:
    """Yield the findings about a connection itself; nothing if it is disconnected."""
    if vitals.status is not Status.DISCONNECTED:
        for rule in RULES:
            yield from rule(vitals)


def make_finding(
    connection: Connection,
    kind: FindingKind,
    urgency: Urgency,
    code: str,
    title: str,
    *about: object,
    **more: Any,
) -> Finding:
    """Return a finding of a connection; `about` makes it a different one, and is in its ID."""
    return Finding(
        id=finding_id(connection.id, code, *about),
        kind=kind,
        urgency=urgency,
        code=code,
        connection_id=connection.id,
        connection=connection.name,
        title=title.removesuffix("."),
        **more,
    )


def refresh_step(vitals: Vitals, text: str = "Refresh") -> tuple[Step, ...]:
    """Return the step that refreshes; none if a refresh fails before the sign-in."""
    if vitals.status is Status.REAUTH_REQUIRED:
        return ()
    return (make_step(vitals, Verb.REFRESH, text, "refresh"),)


def _sign_in(vitals: Vitals) -> Step:
    return make_step(vitals, Verb.SIGN_IN, "Sign in again", "connections sign-in")


def _overdue(vitals: Vitals) -> int:
    """Return for how many days no refresh succeeded, 0 if that is as usual."""
    last = vitals.stats.last_discovered_at
    # A connection with a long time to live is not late after three days.
    patience = max(OVERDUE, timedelta(hours=2 * vitals.connection.ttl_hours))
    return 0 if last is None or vitals.now - last <= patience else (vitals.now - last).days


def _with_age(vitals: Vitals, text: str) -> str:
    """Return a text, with the time since the last refresh if that is overdue."""
    days = _overdue(vitals)
    return f"{text} No refresh for {count(days, 'day')}." if days else text


def _fails(vitals: Vitals) -> Iterator[Finding]:
    if vitals.status not in (Status.ERROR, Status.REAUTH_REQUIRED) or vitals.bad is None:
        return
    code = vitals.bad.error_code or "FAILED"
    title = vitals.bad.error_message or "The last refresh failed"
    kind, effect = FindingKind.CONNECTION_ERROR, _with_age(vitals, _UNSEEN)
    steps: tuple[Step, ...] = (make_step(vitals, Verb.TEST, "Test", "connections test"),)
    short = "error"
    if code == SUSPECT:
        kind, short = FindingKind.SUSPECT_REFRESH, "suspect refresh"
        good = vitals.stats.last_discovered_at
        effect = f"The schema is from {good:%Y-%m-%d}." if good is not None else ""
        accept = Step(
            verb=Verb.ACCEPT_SUSPECT,
            text="Accept the removals",
            command=vitals.command_line("refresh", vitals.connection.name, accept_suspect=True),
        )
        steps = (*refresh_step(vitals, "Refresh again"), accept)
    elif vitals.status is Status.REAUTH_REQUIRED:
        kind, short = FindingKind.SIGN_IN, "sign in again"
        steps = () if vitals.connection.source == Source.FILES else (_sign_in(vitals),)
    yield make_finding(
        vitals.connection,
        kind,
        Urgency.FAILING,
        code,
        title,
        # A failure after a success is another one, even with the same message.
        vitals.good and vitals.good.id,
        short=short,
        cause=" ".join(filter(None, (vitals.bad.error_cause, vitals.bad.error_remedy))),
        effect=effect,
        since=vitals.failing_since,
        steps=steps,
    )


def _policy_unusable(vitals: Vitals) -> Iterator[Finding]:
    error = vitals.policy_error
    if error is not None:
        show = Step(
            verb=Verb.SHOW_POLICY,
            text="Correct the policy",
            command=vitals.command_line("policy show"),
        )
        yield make_finding(
            vitals.connection,
            FindingKind.POLICY_UNUSABLE,
            Urgency.REVIEW,
            error.code,
            "crmdeck can't read the policy",
            short="policy unusable",
            cause=" ".join(filter(None, (error.message, error.cause))),
            effect="No finding is excused, and gates fail.",
            steps=(show,),
        )


def _cache_damaged(vitals: Vitals) -> Iterator[Finding]:
    if vitals.lost:
        yield make_finding(
            vitals.connection,
            FindingKind.CACHE_DAMAGED,
            Urgency.FAILING,
            CacheDamagedError.code,
            f"The cache lost {count(len(vitals.lost), 'schema')}: {first_few(vitals.lost, _NAMED)}",
            *vitals.lost,
            short="cache damaged",
            cause="The cache file is damaged: some definitions are missing.",
            effect="crmdeck can't check their mappings.",
            steps=(
                *refresh_step(vitals),
                Step(
                    verb=Verb.EXAMINE,
                    text="Check the rest",
                    command=vitals.command_line("doctor"),
                ),
            ),
            weight=len(vitals.lost),
        )


def token_urgency(vitals: Vitals) -> Urgency | None:
    """Return the urgency of the token's expiry; failing if it expired or was rejected."""
    ends = vitals.connection.token_expires_at
    if vitals.status is Status.REAUTH_REQUIRED or (ends is not None and ends <= vitals.now):
        return Urgency.FAILING
    if ends is None:
        return None
    life = ends - (vitals.signed_in or vitals.connection.created_at)
    soon = ends - vitals.now <= min(TOKEN_NOTICE, life * TOKEN_SHARE)
    return Urgency.EXPIRING if soon else None


def quota_urgency(quota: Quota | None) -> Urgency | None:
    """Return the urgency of the API quota; failing at half of the low mark."""
    if quota is None or quota.left > LOW_QUOTA:
        return None
    return Urgency.FAILING if quota.left <= LOW_QUOTA / 2 else Urgency.REVIEW


def _token_ends(vitals: Vitals) -> Iterator[Finding]:
    ends, urgency = vitals.connection.token_expires_at, token_urgency(vitals)
    if ends is None or urgency is None or vitals.status is Status.REAUTH_REQUIRED:
        return
    verb = "expired" if urgency is Urgency.FAILING else "expires"
    yield make_finding(
        vitals.connection,
        FindingKind.TOKEN_ENDS,
        urgency,
        "TOKEN_ENDS",
        f"Token {verb} on {ends:%Y-%m-%d}",
        ends,
        short=f"token {verb}",
        cause="crmdeck can't renew this kind of token.",
        effect=f"Refreshes {'have failed since' if verb == 'expired' else 'stop on'} "
        f"{ends:%Y-%m-%d %H:%M} UTC.",
        due_at=ends,
        steps=(_sign_in(vitals),),
    )


def _token_idle(vitals: Vitals) -> Iterator[Finding]:
    if vitals.token_used is None or vitals.status is Status.REAUTH_REQUIRED:
        return
    for end in vitals.endings:
        if end.code != "TOKEN_IDLE" or not end.ends_at or end.ends_at - vitals.now > TOKEN_NOTICE:
            continue
        idle = count((vitals.now - vitals.token_used).days, "day")
        over = end.ends_at <= vitals.now
        yield make_finding(
            vitals.connection,
            FindingKind.TOKEN_ENDS,
            Urgency.FAILING if over else Urgency.EXPIRING,
            end.code,
            f"The refresh token was last used {idle} ago",
            end.ends_at,
            short="token idle",
            cause=end.message,
            effect=f"Refreshes {'may have failed since' if over else 'stop on'} "
            f"{end.ends_at:%Y-%m-%d}.",
            due_at=end.ends_at,
            link=end.link,
            steps=(*refresh_step(vitals), _sign_in(vitals)),
        )


def _vendor_retires(vitals: Vitals) -> Iterator[Finding]:
    for each in vitals.concerns:
        ends = datetime.combine(each.ends, time(), UTC)
        days = (each.ends - vitals.now.date()).days
        when = each.when or f"{each.ends:%Y-%m-%d}"
        left = f"{count(days, 'day')} left" if days > 0 else f"since {when}"
        urgency = Urgency.NOTE
        if not each.maybe and ends - vitals.now <= RETIREMENT_NOTICE:
            urgency = Urgency.EXPIRING if days > 0 else Urgency.FAILING
        yield make_finding(
            vitals.connection,
            FindingKind.VENDOR_RETIRES,
            urgency,
            "VENDOR_END_OF_LIFE",
            f"{each.title}: {left}",
            each.id,
            short="vendor retires",
            cause=each.cause,
            effect=each.remedy.replace("NAME", vitals.connection.name),
            due_at=ends,
            link=each.source,
        )


def _stopped(vitals: Vitals) -> Iterator[Finding]:
    if vitals.last is None or vitals.last.outcome is not SyncOutcome.STOPPED:
        return
    command = vitals.command_line("config set", "quota_reserve", "0.05")
    # The demo has no settings of its own.
    runs = "--demo" not in command.split()
    reserve = Step(
        verb=Verb.CHANGE_SETTING, text="Lower the reserve", command=command if runs else None
    )
    yield make_finding(
        vitals.connection,
        FindingKind.STOPPED,
        Urgency.REVIEW,
        vitals.last.error_code or "QUOTA_RESERVE",
        vitals.last.error_message or "The last refresh stopped at the quota reserve",
        vitals.good and vitals.good.id,
        short="low on quota",
        cause=vitals.last.error_cause or "",
        effect=_with_age(vitals, "The refresh left the rest of the quota to other apps."),
        since=vitals.failing_since,
        steps=(*refresh_step(vitals, "Refresh later"), reserve),
    )


def _quota_low(vitals: Vitals) -> Iterator[Finding]:
    quota = vitals.quota
    if quota is None or quota_urgency(quota) is None or any(_stopped(vitals)):
        return
    if quota.observed_at and vitals.now - quota.observed_at > QUOTA_COUNTS_FOR:
        return
    yield make_finding(
        vitals.connection,
        FindingKind.QUOTA_LOW,
        Urgency.REVIEW,
        "QUOTA_LOW",
        f"{quota.left:.0%} of the API quota is left",
        # A quota that recovered and ran low again is another one.
        vitals.quota_recovered,
        short="low on quota",
        cause=f"All apps together used {quota.used:,} of {quota.limit:,} requests per "
        f"{quota.window}.",
        effect="Refresh less often, or buy a higher limit from the vendor.",
        # A quota that is nearly gone is worse than one that is low, and opens it again.
        weight=2 if quota_urgency(quota) is Urgency.FAILING else 1,
        steps=refresh_step(vitals, "Refresh later"),
    )


def _not_refreshed(vitals: Vitals) -> Iterator[Finding]:
    """Yield that no refresh succeeded for long, unless another finding is the reason."""
    last, days = vitals.stats.last_discovered_at, _overdue(vitals)
    if last is None or any(_fails(vitals)) or any(_stopped(vitals)):
        return
    if days:
        yield make_finding(
            vitals.connection,
            FindingKind.NOT_REFRESHED,
            Urgency.REVIEW,
            "REFRESH_OVERDUE",
            f"Not refreshed for {count(days, 'day')}",
            last,
            short="not refreshed",
            cause="crmdeck hasn't refreshed since then.",
            effect="crmdeck doesn't know later changes in the CRM.",
            since=last,
            steps=refresh_step(vitals),
        )
    elif vitals.stats.stale_object_count:
        yield make_finding(
            vitals.connection,
            FindingKind.NOT_REFRESHED,
            Urgency.NOTE,
            "SCHEMA_STALE",
            f"{vitals.stats.stale_object_count} of {vitals.stats.object_count} schemas are stale",
            last,
            short="stale",
            cause="The last refresh of these objects was over "
            f"{vitals.connection.ttl_hours:g} h ago.",
            steps=refresh_step(vitals),
        )


def _objects_failed(vitals: Vitals) -> Iterator[Finding]:
    """Yield one finding for each reason why the last refresh couldn't read object types."""
    reasons: dict[tuple[str, str | None], list[ObjectFailure]] = {}
    for failure in vitals.failures:
        reasons.setdefault((failure.code, failure.remedy), []).append(failure)
    for (code, remedy), failed in reasons.items():
        names = [failure.object_type for failure in failed]
        first = failed[0]
        yield make_finding(
            vitals.connection,
            FindingKind.OBJECT_FAILED,
            Urgency.REVIEW,
            "OBJECTS_FAILED",
            f"{count(len(names), 'object')} failed: {first_few(names, _NAMED)}",
            # Objects that fail again after a whole refresh are another finding.
            code,
            vitals.whole and vitals.whole.id,
            short="objects failed",
            cause=" ".join(filter(None, (first.message, first.cause))),
            effect=" ".join(filter(None, (remedy, "crmdeck keeps the cached schemas."))),
            steps=refresh_step(vitals, "Refresh again"),
            weight=len(names),
        )


def _sync_user(vitals: Vitals) -> Iterator[Finding]:
    """Yield the findings about the sync user's access."""
    access, kind = vitals.access, FindingKind.SYNC_USER
    if access is None:
        return
    user, connection = access.user, vitals.connection
    if access.is_active is False:
        yield make_finding(
            connection,
            kind,
            Urgency.FAILING,
            "SYNC_USER_INACTIVE",
            f"The sync user {user} is deactivated",
            short="sync user inactive",
            cause="The CRM rejects all requests of an inactive user.",
            effect="The sync stops until an admin activates the user.",
            steps=refresh_step(vitals),
        )
    if access.is_frozen:
        yield make_finding(
            connection,
            kind,
            Urgency.FAILING,
            "SYNC_USER_FROZEN",
            f"The sync user {user} is frozen",
            short="sync user frozen",
            cause="An admin or the CRM froze the user, so the CRM rejects its sign-ins.",
            effect="The sync stops until an admin unfreezes the user.",
            steps=refresh_step(vitals),
        )
    for name, ends in access.expiring.items():
        if ends - vitals.now <= TOKEN_NOTICE:
            over = ends <= vitals.now
            yield make_finding(
                connection,
                kind,
                Urgency.FAILING if over else Urgency.EXPIRING,
                "ACCESS_EXPIRES",
                f"The assignment of {name} expire{'d' if over else 's'} on {ends:%Y-%m-%d}",
                name,
                ends,
                short="access expires",
                cause=f"An admin assigned {name} to {user} until then.",
                effect="The sync user loses the permissions that only this assignment gives.",
                due_at=ends,
                steps=refresh_step(vitals),
            )
    if access.modifies_all:
        yield make_finding(
            connection,
            kind,
            Urgency.NOTE,
            "SYNC_USER_MODIFIES_ALL",
            f"The sync user {user} can edit all records; field permissions still apply",
            short="edits all records",
            cause="The user has Modify All Data.",
        )


def _never_refreshed(vitals: Vitals) -> Iterator[Finding]:
    if vitals.stats.last_discovered_at is None and not any(_fails(vitals)):
        yield make_finding(
            vitals.connection,
            FindingKind.NEVER_REFRESHED,
            Urgency.SETUP,
            "NEVER_REFRESHED",
            "Not refreshed yet",
            short="not refreshed yet",
            cause="crmdeck has no schema, so it can't check anything.",
            steps=refresh_step(vitals),
        )


RULES: tuple[Callable[[Vitals], Iterator[Finding]], ...] = (
    _fails,
    _cache_damaged,
    _token_ends,
    _token_idle,
    _vendor_retires,
    _policy_unusable,
    _stopped,
    _quota_low,
    _not_refreshed,
    _objects_failed,
    _sync_user,
    _never_refreshed,
)
