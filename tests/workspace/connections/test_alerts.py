"""Every rule of the alerts: when it speaks, when it is silent, and how urgent it is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from crmdeck.model import (
    AlertLevel,
    Connection,
    ConnectionEnd,
    ObjectFailure,
    Quota,
    SchemaStats,
    Status,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store.dismissed import Dismissal
from crmdeck.workspace.connections.alerts import Vitals, alerts, quota_level, token_level
from crmdeck.workspace.connections.retirements import Concern, Retirement
from crmdeck.workspace.open_changes import OpenOnMapped
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
    }
    return Vitals(**(known | more))


def drift(total: int, *, breaking: int = 0, latest: datetime = NOW) -> OpenOnMapped:
    return OpenOnMapped(total, breaking, breaking, NOW, latest)


def retirement(days: int, **more: Any) -> Concern:
    ends = NOW.date() + timedelta(days=days)
    each = Retirement(
        id="x",
        platform="hubspot",
        title="Things end",
        ends=ends,
        api_versions=("v3",),
        cause="So it is.",
        remedy="crmdeck refresh NAME",
        source="https://vendor.example",
        **more,
    )
    return Concern(each, ends)


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
    ("known", "level", "code", "says"),
    [
        (
            {"status": Status.REAUTH_REQUIRED, "last": REVOKED, "bad": REVOKED},
            AlertLevel.CRITICAL,
            "APP_REVOKED",
            "It said no.",
        ),
        (
            {"status": Status.ERROR, "bad": run(SyncOutcome.FAILED, code="SOURCE_UNAVAILABLE")},
            AlertLevel.CRITICAL,
            "SOURCE_UNAVAILABLE",
            "It said no.",
        ),
        (
            {"connection": connection(token_expires_at=NOW - DAY)},
            AlertLevel.CRITICAL,
            "TOKEN_ENDED",
            "The token expired on 2026-11-19 12:00 UTC.",
        ),
        (
            {"connection": connection(token_expires_at=NOW + 6 * DAY)},
            AlertLevel.WARNING,
            "TOKEN_ENDS_SOON",
            "The token expires on 2026-11-26 12:00 UTC.",
        ),
        (
            idle(24),
            AlertLevel.WARNING,
            "TOKEN_IDLE",
            "The refresh token was last used 24 days ago.",
        ),
        (
            {"drift": drift(3, breaking=2)},
            AlertLevel.CRITICAL,
            "DRIFT_ON_MAPPED_FIELDS",
            "3 open change groups touch mapped fields, 2 breaking.",
        ),
        (
            {"last": STOPPED, "bad": STOPPED, "quota": LOW},
            AlertLevel.WARNING,
            "QUOTA_RESERVE",
            "It said no.",
        ),
        ({"quota": LOW}, AlertLevel.WARNING, "QUOTA_LOW", "15% of the API quota is left."),
        (
            {"stats": stats(24 * 5, stale_object_count=9)},
            AlertLevel.WARNING,
            "SYNC_NOT_ADVANCING",
            "The last successful refresh was 5 days ago.",
        ),
        (
            {"failures": (failure("Case", "It said no."),)},
            AlertLevel.WARNING,
            "OBJECTS_FAILED",
            "1 object failed in the last refresh: Case.",
        ),
        (
            {"stats": SchemaStats()},
            AlertLevel.INFO,
            "NEVER_REFRESHED",
            "Never refreshed: no schema yet.",
        ),
        (
            {"stats": stats(30, stale_object_count=4)},
            AlertLevel.INFO,
            "SCHEMA_STALE",
            "4 of 9 schemas are stale.",
        ),
        (
            {"concerns": (retirement(200, when="June 2027"),)},
            AlertLevel.INFO,
            "VENDOR_END_OF_LIFE",
            "Things end: 200 days left (June 2027).",
        ),
        (
            {"concerns": (retirement(30),)},
            AlertLevel.WARNING,
            "VENDOR_END_OF_LIFE",
            "Things end: 30 days left (2026-12-20).",
        ),
        (
            {"concerns": (retirement(-5),)},
            AlertLevel.WARNING,
            "VENDOR_END_OF_LIFE",
            "Things end: since 2026-11-15.",
        ),
        (
            {"concerns": (retirement(5, maybe=True),)},
            AlertLevel.INFO,
            "VENDOR_END_OF_LIFE",
            "Things end: 5 days left (2026-11-25).",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_one_thing_is_one_alert(
    known: dict[str, Any], level: AlertLevel, code: str, says: str
) -> None:
    (alert,) = alerts(vitals(**known))
    assert (alert.level, alert.code, alert.message) == (level, code, says)
    assert alert.remedy
    assert "NAME" not in alert.remedy
    assert alert.cause or code == "NEVER_REFRESHED"


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
        {"status": Status.DISCONNECTED, "drift": drift(3), "quota": LOW},
    ],
)
def test_what_is_well_or_over_is_no_alert(known: dict[str, Any]) -> None:
    assert alerts(vitals(**known)) == ()


def test_the_most_urgent_comes_first() -> None:
    everything = vitals(
        status=Status.REAUTH_REQUIRED,
        connection=connection(token_expires_at=NOW),
        last=REVOKED,
        bad=REVOKED,
        drift=drift(1),
        quota=LOW,
        stats=stats(24 * 9, stale_object_count=2),
        failures=(failure("Case", "It said no."),),
        concerns=(retirement(300), retirement(3)),
    )
    assert [alert.code for alert in alerts(everything)] == [
        "APP_REVOKED",
        "DRIFT_ON_MAPPED_FIELDS",
        "VENDOR_END_OF_LIFE",
        "QUOTA_LOW",
        "SYNC_NOT_ADVANCING",
        "OBJECTS_FAILED",
        "VENDOR_END_OF_LIFE",
    ]
    assert isinstance(alerts(everything)[2].due_at, datetime)
    assert retirement(3).ends == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("days", "status", "level"),
    [
        (None, Status.ACTIVE, None),
        (8, Status.ACTIVE, None),
        (7, Status.ACTIVE, AlertLevel.WARNING),
        (0, Status.ACTIVE, AlertLevel.CRITICAL),
        (None, Status.REAUTH_REQUIRED, AlertLevel.CRITICAL),
    ],
)
def test_how_urgent_the_end_of_a_token_is(
    days: int | None, status: Status, level: AlertLevel | None
) -> None:
    ends = None if days is None else NOW + days * DAY
    known = vitals(
        connection=connection(token_expires_at=ends), status=status, signed_in=NOW - 90 * DAY
    )
    assert token_level(known) is level


def test_a_token_that_was_just_given_is_not_about_to_end() -> None:
    hours = connection(token_expires_at=NOW + DAY / 12)

    assert token_level(vitals(connection=hours, signed_in=NOW)) is None
    late = vitals(connection=hours, signed_in=NOW - DAY / 4)
    assert token_level(late) is AlertLevel.WARNING


@pytest.mark.parametrize(
    ("used", "level"),
    [(79, None), (80, AlertLevel.WARNING), (90, AlertLevel.CRITICAL), (101, AlertLevel.CRITICAL)],
)
def test_how_urgent_it_is_that_little_quota_is_left(used: int, level: AlertLevel | None) -> None:
    assert quota_level(Quota(used=used, limit=100, observed_at=NOW)) is level
    assert quota_level(None) is None


def test_what_could_not_be_read_is_named_with_its_reason_one_alert_a_reason() -> None:
    scopes = [
        failure(
            name, f"{name} is refused.", "MISSING_SCOPES", cause="A scope lacks.", remedy="Add."
        )
        for name in ("calls", "deals", "emails", "leads", "tasks")
    ]
    told = alerts(vitals(failures=(*scopes, failure("Case", "It was no JSON."))))
    assert [(alert.code, alert.message) for alert in told] == [
        (
            "OBJECTS_FAILED",
            "5 objects failed in the last refresh: calls, deals, emails and 2 more.",
        ),
        ("OBJECTS_FAILED", "1 object failed in the last refresh: Case."),
    ]
    assert told[0].cause == "calls is refused. A scope lacks."
    assert told[0].remedy == "Add."
    assert told[1].cause == "It was no JSON."


def test_a_dismissed_alert_reopens_when_it_gets_worse_or_is_another_one() -> None:
    def reopens(first: dict[str, Any], later: dict[str, Any]) -> bool:
        dismissed = {
            alert.id: Dismissal(NOW, None, alert.level) for alert in alerts(vitals(**first))
        }
        assert dismissed
        found = alerts(vitals(**later, dismissed=dismissed))
        assert found
        return any(alert.dismissed_at is None for alert in found)

    failed: dict[str, Any] = {
        "status": Status.ERROR,
        "bad": run(SyncOutcome.FAILED, code="HTTP_500"),
    }
    tomorrow = NOW + DAY
    # A day more, or a lower count, reopens nothing.
    same: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"concerns": (retirement(5),)}, {"concerns": (retirement(5),), "now": tomorrow}),
        ({"stats": stats(24 * 5)}, {"stats": stats(24 * 5), "now": tomorrow}),
        (failed, failed | {"bad": run(SyncOutcome.FAILED, tomorrow, "HTTP_500")}),
        ({"drift": drift(3)}, {"drift": drift(2)}),
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
        ({"drift": drift(2)}, {"drift": drift(2, latest=tomorrow)}),
        (failed, failed | {"bad": run(SyncOutcome.FAILED, code="HTTP_502")}),
        (failed, failed | {"good": run(SyncOutcome.OK, tomorrow)}),
        ({"concerns": (retirement(100),)}, {"concerns": (retirement(80),)}),
        ({"drift": drift(2)}, {"drift": drift(3)}),
        (
            {"failures": (failure("Case", "No."),)},
            {"failures": (failure("Case", "No."), failure("Lead", "No."))},
        ),
        ({"quota": LOW}, {"quota": LOW.model_copy(update={"used": 99})}),
        ({"quota": LOW}, {"quota": LOW, "quota_recovered": NOW}),
    ]
    for first, later in others:
        assert reopens(first, later)
