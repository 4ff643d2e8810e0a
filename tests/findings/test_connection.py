"""Every rule about a connection itself: when it applies, and how urgent it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmdeck.errors import UsageError
from crmdeck.findings.connection import connection_findings, quota_urgency, token_urgency
from crmdeck.findings.facts import Concern, Vitals
from crmdeck.findings.find import Rule, Ruling, settle_findings
from crmdeck.findings.gate import fails
from crmdeck.model import (
    Acceptance,
    Connection,
    ConnectionEnd,
    FailOn,
    Finding,
    FindingState,
    ObjectFailure,
    Quota,
    SchemaStats,
    Status,
    SyncOutcome,
    SyncRun,
    Urgency,
)
from tests.workspace.crm import ANCHOR as NOW

DAY = timedelta(days=1)


def connection(**more: Any) -> Connection:
    return Connection(
        id="c",
        name="acme",
        platform="hubspot",
        source="hubspot",
        created_at=NOW - 90 * DAY,
        **more,
    )


def run(outcome: SyncOutcome, at: datetime = NOW, code: str | None = None) -> SyncRun:
    return SyncRun(
        id="r",
        connection_id="c",
        outcome=outcome,
        started_at=at,
        finished_at=at,
        error_code=code,
        error_message=code and "It said no.",
        error_cause=code and "Because.",
        error_remedy=code and "Do this.",
    )


def stats(hours_ago: float = 1, **more: int) -> SchemaStats:
    return SchemaStats(object_count=9, last_discovered_at=NOW - timedelta(hours=hours_ago), **more)


def vitals(**more: Any) -> Vitals:
    known: dict[str, Any] = {
        "connection": connection(),
        "status": Status.ACTIVE,
        "now": NOW,
        "stats": stats(),
        "command_line": lambda *words, **_: " ".join(("crmdeck", *words)),
    }
    return Vitals(**(known | more))


def retirement(days: int, *, when: str | None = None, maybe: bool = False) -> Concern:
    ends = NOW.date() + timedelta(days=days)
    url = "https://vendor.example"
    return Concern("x", "Things end", ends, when, maybe, "So it is.", "crmdeck refresh NAME", url)


def findings(
    accepted: dict[str, Acceptance] | None = None, rule: Rule | None = None, **known: Any
) -> tuple[Finding, ...]:
    one = vitals(**known)
    every = tuple(connection_findings(one))
    return settle_findings(every, one.now.date(), one.command_line, accepted or {}, rule)


def failure(name: str, why: str, code: str = "FORBIDDEN", **more: Any) -> ObjectFailure:
    return ObjectFailure(object_type=name, code=code, message=why, **more)


def idle(days: int) -> dict[str, Any]:
    used = NOW - days * DAY
    end = ConnectionEnd(code="TOKEN_IDLE", message="Idle.", remedy="Use.", ends_at=used + 30 * DAY)
    return {"token_used": used, "endings": (end,)}


REVOKED = run(SyncOutcome.REAUTH, code="APP_REVOKED")
STOPPED = run(SyncOutcome.STOPPED, code="QUOTA_RESERVE")
LOW = Quota(used=85, limit=100, observed_at=NOW)


@pytest.mark.parametrize(
    ("known", "urgency", "code", "title"),
    [
        (
            {"status": Status.REAUTH_REQUIRED, "last": REVOKED, "bad": REVOKED},
            Urgency.FAILING,
            "APP_REVOKED",
            "It said no",
        ),
        (
            {"status": Status.ERROR, "bad": run(SyncOutcome.FAILED, code="SOURCE_UNAVAILABLE")},
            Urgency.FAILING,
            "SOURCE_UNAVAILABLE",
            "It said no",
        ),
        (
            {"connection": connection(token_expires_at=NOW - DAY)},
            Urgency.FAILING,
            "TOKEN_ENDS",
            "Token expired on 2026-11-19",
        ),
        (
            {"connection": connection(token_expires_at=NOW + 6 * DAY)},
            Urgency.EXPIRING,
            "TOKEN_ENDS",
            "Token expires on 2026-11-26",
        ),
        (idle(24), Urgency.EXPIRING, "TOKEN_IDLE", "The refresh token was last used 24 days ago"),
        (
            {"last": STOPPED, "bad": STOPPED, "quota": LOW},
            Urgency.REVIEW,
            "QUOTA_RESERVE",
            "It said no",
        ),
        ({"quota": LOW}, Urgency.REVIEW, "QUOTA_LOW", "15% of the API quota is left"),
        (
            {"stats": stats(24 * 5, stale_object_count=9)},
            Urgency.REVIEW,
            "REFRESH_OVERDUE",
            "Not refreshed for 5 days",
        ),
        (
            {"failures": (failure("Case", "It said no."),)},
            Urgency.REVIEW,
            "OBJECTS_FAILED",
            "1 object failed: Case",
        ),
        ({"stats": SchemaStats()}, Urgency.SETUP, "NEVER_REFRESHED", "Not refreshed yet"),
        (
            {"stats": stats(30, stale_object_count=4)},
            Urgency.NOTE,
            "SCHEMA_STALE",
            "4 of 9 schemas are stale",
        ),
        (
            {"concerns": (retirement(200, when="June 2027"),)},
            Urgency.NOTE,
            "VENDOR_END_OF_LIFE",
            "Things end: 200 days left",
        ),
        (
            {"concerns": (retirement(30),)},
            Urgency.EXPIRING,
            "VENDOR_END_OF_LIFE",
            "Things end: 30 days left",
        ),
        (
            {"concerns": (retirement(-5),)},
            Urgency.FAILING,
            "VENDOR_END_OF_LIFE",
            "Things end: since 2026-11-15",
        ),
        (
            {"concerns": (retirement(5, maybe=True),)},
            Urgency.NOTE,
            "VENDOR_END_OF_LIFE",
            "Things end: 5 days left",
        ),
        (
            {"policy_error": UsageError("Line 1: no.", code="BAD_POLICY")},
            Urgency.REVIEW,
            "BAD_POLICY",
            "crmdeck can't read the policy",
        ),
        (
            {"lost": ("Account", "Case")},
            Urgency.FAILING,
            "CACHE_DAMAGED",
            "The cache lost 2 schemas: Account, Case",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_one_thing_to_do_is_one_finding(
    known: dict[str, Any], urgency: Urgency, code: str, title: str
) -> None:
    (found,) = findings(**known)
    assert (found.urgency, found.code, found.title) == (urgency, code, title)
    assert found.cause
    assert found.steps or found.link
    assert "NAME" not in found.effect
    for step in found.steps:
        assert (step.command or "").startswith("crmdeck ")


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"quota": Quota(used=79, limit=100, observed_at=NOW)},
        {"quota": LOW.model_copy(update={"observed_at": NOW - 2 * DAY})},
        {"connection": connection(token_expires_at=NOW + 8 * DAY)},
        idle(22),
        {"stats": stats(24 * 5), "connection": connection(ttl_hours=24 * 7)},
        {"bad": REVOKED, "good": run(SyncOutcome.OK), "last": run(SyncOutcome.OK)},
        {"status": Status.DISCONNECTED, "quota": LOW},
    ],
)
def test_healthy_connection_has_no_finding(known: dict[str, Any]) -> None:
    assert findings(**known) == ()


def test_findings_are_in_order_and_the_age_is_a_clause() -> None:
    found = findings(
        status=Status.REAUTH_REQUIRED,
        connection=connection(token_expires_at=NOW),
        last=REVOKED,
        bad=REVOKED,
        quota=LOW,
        stats=stats(24 * 9, stale_object_count=2),
        failures=(failure("Case", "It said no."),),
        concerns=(retirement(300), retirement(3)),
    )
    assert [one.code for one in found] == [
        "APP_REVOKED",
        "VENDOR_END_OF_LIFE",
        "OBJECTS_FAILED",
        "QUOTA_LOW",
        "VENDOR_END_OF_LIFE",
    ]
    # The reason why no refresh ran says it, so that it is no second line.
    assert found[0].effect.endswith("No refresh for 9 days.")
    assert found[1].due_at == datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "status", "urgency"),
    [
        (None, Status.ACTIVE, None),
        (8, Status.ACTIVE, None),
        (7, Status.ACTIVE, Urgency.EXPIRING),
        (0, Status.ACTIVE, Urgency.FAILING),
        (None, Status.REAUTH_REQUIRED, Urgency.FAILING),
    ],
)
def test_token_urgency(days: int | None, status: Status, urgency: Urgency | None) -> None:
    ends = None if days is None else NOW + days * DAY
    known = vitals(
        connection=connection(token_expires_at=ends), status=status, signed_in=NOW - 90 * DAY
    )
    assert token_urgency(known) is urgency


def test_new_token_is_not_expiring() -> None:
    hours = connection(token_expires_at=NOW + DAY / 12)

    assert token_urgency(vitals(connection=hours, signed_in=NOW)) is None
    late = vitals(connection=hours, signed_in=NOW - DAY / 4)
    assert token_urgency(late) is Urgency.EXPIRING


@pytest.mark.parametrize(
    ("used", "urgency"),
    [(79, None), (80, Urgency.REVIEW), (90, Urgency.FAILING), (101, Urgency.FAILING)],
)
def test_quota_urgency(used: int, urgency: Urgency | None) -> None:
    assert quota_urgency(Quota(used=used, limit=100, observed_at=NOW)) is urgency
    assert quota_urgency(None) is None


def test_failed_objects_are_one_finding_for_each_reason() -> None:
    scopes = [
        failure(
            name, f"{name} is rejected.", "MISSING_SCOPES", cause="A scope lacks.", remedy="Add."
        )
        for name in ("calls", "deals", "emails", "leads", "tasks")
    ]
    found = findings(failures=(*scopes, failure("Case", "It was no JSON.")))
    assert [one.title for one in found] == [
        "1 object failed: Case",
        "5 objects failed: calls, deals, emails and 2 more",
    ]
    assert found[1].cause == "calls is rejected. A scope lacks."
    assert found[1].effect == "Add. crmdeck keeps the cached schemas."


def test_accepted_finding_reopens_if_worse_or_different() -> None:
    def reopens(first: dict[str, Any], later: dict[str, Any]) -> bool:
        until = NOW.date() + 365 * DAY
        accepted = {
            one.id: Acceptance(NOW, "dana", until, one.urgency, one.weight)
            for one in findings(**first)
        }
        assert accepted
        found = findings(accepted, **later)
        assert found
        return any(one.is_open for one in found)

    failed: dict[str, Any] = {
        "status": Status.ERROR,
        "bad": run(SyncOutcome.FAILED, code="HTTP_500"),
    }
    tomorrow = NOW + DAY
    # A day more, or fewer cases, reopens nothing.
    same: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"concerns": (retirement(5),)}, {"concerns": (retirement(5),), "now": tomorrow}),
        ({"stats": stats(24 * 5)}, {"stats": stats(24 * 5), "now": tomorrow}),
        (failed, failed | {"bad": run(SyncOutcome.FAILED, tomorrow, "HTTP_500")}),
        (
            {"failures": (failure("Case", "No."), failure("Lead", "No."))},
            {"failures": (failure("Lead", "No."),)},
        ),
        ({"quota": LOW}, {"quota": LOW.model_copy(update={"observed_at": tomorrow})}),
    ]
    for first, later in same:
        assert not reopens(first, later)
    # What came since, says something else, or is more urgent does.
    others: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (failed, failed | {"bad": run(SyncOutcome.FAILED, code="HTTP_502")}),
        (failed, failed | {"good": run(SyncOutcome.OK, tomorrow)}),
        ({"concerns": (retirement(100),)}, {"concerns": (retirement(80),)}),
        (
            {"failures": (failure("Case", "No."),)},
            {"failures": (failure("Case", "No."), failure("Lead", "No."))},
        ),
        ({"quota": LOW}, {"quota": LOW.model_copy(update={"used": 99})}),
        ({"quota": LOW}, {"quota": LOW, "quota_recovered": NOW}),
    ]
    for first, later in others:
        assert reopens(first, later)


def test_acceptance_ends_after_its_last_day() -> None:
    until = NOW.date() + 3 * DAY
    (found,) = findings(quota=LOW)
    accepted = {found.id: Acceptance(NOW, "dana", until, found.urgency)}
    for days, is_open in ((0, False), (3, False), (4, True)):
        now = NOW + days * DAY
        low = LOW.model_copy(update={"observed_at": now})
        (again,) = findings(accepted, quota=low, now=now, stats=SchemaStats(last_discovered_at=now))
        assert again.is_open is is_open


def test_unread_finding_is_snoozed_and_never_excused() -> None:
    (found,) = findings(lost=("Account",))
    until = NOW.date() + DAY
    accepted = {found.id: Acceptance(NOW, "dana", until, found.urgency)}
    (snoozed,) = findings(accepted, lost=("Account",))
    assert snoozed.state is FindingState.SNOOZED
    assert fails(snoozed, FailOn.NONE)
    (kept,) = findings(rule=lambda _: Ruling(True, "never mind"), lost=("Account",))
    assert kept.is_open
