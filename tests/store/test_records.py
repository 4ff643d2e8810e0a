from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from crmdeck.drift.usage import judge_usage
from crmdeck.model import (
    AuditEntry,
    ChangeGroup,
    Decision,
    DecisionState,
    Direction,
    FieldUse,
    GoneReason,
    ObjectFailure,
    Quota,
    Scope,
    Severity,
    SyncOutcome,
)
from crmdeck.store import Session
from tests.store.build import HOSTILE, START, connection, day, event, record, run, schema


def test_connections_are_versions(session: Session) -> None:
    first = connection("acme", scope=Scope(include=("Lead",)), path="/tmp/x", ttl_hours=1.5)
    first = first.model_copy(update={"name": "yankee"})
    renamed = first.model_copy(update={"name": "zulu", "disconnected_at": day(2)})
    other = connection("beta").model_copy(update={"name": "alpha", "path": HOSTILE})
    session.connections.put(first, day(0), "me")
    session.connections.put(other, day(0), "me")
    session.connections.put(renamed, day(1), "you")

    assert session.connections.get("acme") == renamed
    assert session.connections.versions("acme") == (renamed, first)
    assert session.connections.all() == (other, renamed)
    assert session.connections.get("nobody") is None
    # By the last name or the ID; an earlier name finds nothing.
    assert session.connections.find("zulu") == session.connections.find("ACME") == renamed
    assert session.connections.find("alpha") == other
    assert session.connections.find(first.name) is None


def test_an_unreadable_old_version_hides_no_connection(session: Session) -> None:
    acme, beta = connection("acme"), connection("beta")
    session.connections.put(acme, day(0), "me")
    session.connections.put(beta.model_copy(update={"name": "zulu"}), day(0), "me")
    session.database.run("UPDATE connection SET scope = 'broken'")
    renamed = acme.model_copy(update={"name": "zulu"})
    session.connections.put(beta, day(1), "me")
    session.connections.put(renamed, day(1), "me")
    assert session.connections.get("acme") == renamed
    assert session.connections.find("acme") == session.connections.find("zulu") == renamed
    assert session.connections.find(beta.name) == beta


def test_runs_newest_first_and_the_last_quota(session: Session) -> None:
    runs = [
        run(0, objects=3, fields=9),
        run(1, kind="test", outcome="failed", error_code="X", error_message=HOSTILE),
    ]
    session.connections.put(connection(), day(0), "me")
    for one in runs:
        session.runs.add(one)
    assert session.runs.history("acme") == (runs[1], runs[0])
    assert session.runs.history("acme", limit=1) == (runs[1],)
    assert session.runs.latest("acme") == runs[1]
    assert session.runs.latest("acme", "refresh") == runs[0]
    session.runs.add(later := run(2, objects=3, fields=9))
    assert session.runs.newest("acme") == session.runs.newest() == (runs[1], later)
    assert session.runs.newest("nobody") == ()
    assert session.runs.recent(runs[0].finished_at, 1) == {"acme": [later, runs[1]]}
    assert session.runs.recent(later.finished_at, 1) == {"acme": [later]}
    assert session.runs.recent(later.finished_at, 3) == {"acme": [later, runs[1], runs[0]]}
    failed = [SyncOutcome.FAILED]
    assert session.runs.first_after("acme", None, failed) == runs[1].finished_at
    assert session.runs.first_after("acme", runs[0].finished_at, failed) == runs[1].finished_at
    assert session.runs.first_after("acme", runs[1].finished_at, failed) is None
    assert session.runs.latest("nobody") is None

    assert session.runs.quota_by_connection() == {}
    for used in (10, 20):
        session.runs.add_quota("acme", Quota(used=used, limit=100, observed_at=day(0)), day(0))
    quota = Quota(used=20, limit=100, observed_at=day(0))
    assert session.runs.quota_by_connection() == {"acme": quota}


def test_failures_come_from_last_reached_refresh(session: Session) -> None:
    failure = ObjectFailure(object_type="Lead", code="TIMEOUT", message=HOSTILE, remedy="Wait.")
    record(session, 0, schema("Account"))
    session.runs.add_failures("acme-0", "acme", [failure])
    session.runs.add(run(1, outcome="failed"))
    assert session.runs.failures("acme") == (failure,)
    assert session.snapshots.stats("acme", day(0)).failed_object_count == 1

    record(session, 2, schema("Account"))
    assert session.runs.failures("acme") == ()
    assert session.snapshots.stats("acme", day(0)).failed_object_count == 0


def test_drift_is_added_once_and_acknowledged_beside(session: Session) -> None:
    events = [event(1), event(1, id="e1b"), event(2, acknowledged_at=day(3), note="seen")]
    events[2] = events[2].model_copy(update={"acknowledged_by": "me"})
    story = ChangeGroup(
        id="s1",
        connection_id="acme",
        kind="mirror",
        title=HOSTILE,
        severity=Severity.SAFE,
        event_count=2,
        object_types=("Account", "Lead"),
        detected_at=day(1),
    )
    session.drift.add(events, [story])
    session.drift.add(events[:1], [story])

    assert session.drift.events("acme") == (events[2], events[0], events[1])
    assert session.drift.events(since=day(2)) == (events[2],)
    assert session.drift.events("nobody") == ()
    assert session.drift.stories("acme") == (story,)
    assert session.drift.stories(since=day(2)) == ()

    assert session.drift.acknowledge(["e1", "e1", "unknown"], day(4), "me") == 1
    assert session.drift.acknowledge(["e1"], day(5), "you", HOSTILE) == 1
    seen = session.drift.get("e1")
    assert seen is not None
    assert (seen.acknowledged_at, seen.acknowledged_by, seen.note) == (day(5), "you", HOSTILE)
    assert session.drift.get("unknown") is None


def test_decisions_stay_in_the_order_in_which_they_were_made(session: Session) -> None:
    def decision(number: int, **changes: object) -> Decision:
        return Decision.model_validate(
            {
                "id": f"d{number}",
                "connection_id": "acme",
                "object_pair": "deal--Account",
                "partner_field": "name",
                "crm_field": None,
                "state": DecisionState.REJECTED,
                "decided_by": "me",
                "decided_at": START,
                **changes,
            }
        )

    first = decision(
        1,
        crm_field=HOSTILE,
        state=DecisionState.ACCEPTED,
        direction=Direction.PUSH,
        value_map={HOSTILE: "b"},
        confidence=0.25,
    )
    second, third = decision(2, undoes="d1"), decision(3, partner_field="tier")
    session.decisions.add([first, second])
    session.decisions.add([third])
    assert session.decisions.log() == (first, second, third)
    assert session.decisions.log("acme", "deal--Account", "name") == (first, second)
    assert session.decisions.log("other") == ()


def test_audit_entries_can_be_searched(session: Session) -> None:
    def entry(number: int, name: str, **changes: object) -> AuditEntry:
        return AuditEntry.model_validate(
            {
                "id": f"a{number}",
                "at": day(number),
                "actor": "me",
                "event": name,
                "summary": HOSTILE,
                **changes,
            }
        )

    entries = [
        entry(0, "connection.added", connection_id="acme"),
        entry(1, "mapping.accepted", connection_id="acme", details={"a": [1, None, HOSTILE]}),
        entry(2, "mapping.rejected", actor="you"),
        entry(2, "mappings%"),
    ]
    session.audit.add(*entries)

    def found(**wanted: Any) -> tuple[AuditEntry, ...]:
        # PostgreSQL adds the user that it knows.
        stored = session.audit.entries(**wanted)
        return tuple(each.model_copy(update={"db_user": None}) for each in stored)

    assert found() == tuple(reversed(entries))
    assert found(event="mapping.*") == (entries[2], entries[1])
    assert found(event="mapping") == ()
    assert found(event="mapping.%") == ()
    assert found(connection_id="acme", limit=1) == (entries[1],)
    assert found(actor="you") == (entries[2],)
    assert found(since=day(1), until=day(1)) == (entries[1],)


def test_vectors_by_model_and_text(session: Session) -> None:
    texts = {HOSTILE: np.arange(4, dtype=np.float32), "b": np.ones(4, dtype=np.float32)}
    session.vectors.put("m", texts)
    session.vectors.put("m", {"b": np.zeros(4, dtype=np.float32)})
    found = session.vectors.get("m", [HOSTILE, "b", "c"])
    assert set(found) == {HOSTILE, "b"}
    assert found[HOSTILE].dtype == np.float32
    assert found[HOSTILE].tolist() == [0, 1, 2, 3]
    assert found["b"].tolist() == [1, 1, 1, 1]
    assert session.vectors.get("other", ["b"]) == {}
    assert session.vectors.get("m", []) == {}


def test_the_last_fill_rate_of_each_field_counts(session: Session) -> None:
    session.rates.put("acme", "Account", {"Name": 1, "Tier": 0.5}, 200, day(0))
    session.rates.put("acme", "Account", {"Tier": 0.75}, 100, day(1))
    assert session.rates.get("acme", "Account") == {
        "Name": (1.0, 200, day(0)),
        "Tier": (0.75, 100, day(1)),
    }
    assert session.rates.get("acme", "Lead") == {}


def test_latest_field_usage_wins(session: Session) -> None:
    first = judge_usage("Account", "Tier", [FieldUse(kind="Flow", name=HOSTILE)], (), ())
    second = judge_usage("Account", "Tier", (), (), ["refused"])
    first, second = (
        usage.model_copy(update={"asked_at": day(number)})
        for number, usage in enumerate((first, second))
    )
    session.usages.put("acme", first)
    session.usages.put("other", first)
    session.usages.put("acme", second)
    assert session.usages.all("acme") == {("acme", "Account", "Tier"): second}
    assert session.usages.all()["other", "Account", "Tier"] == first


def test_times_keep_their_microseconds_and_their_zone(session: Session) -> None:
    late = day(0) + timedelta(microseconds=1)
    session.runs.add(run(0, started_at=day(0), finished_at=late))
    found = session.runs.latest("acme")
    assert found is not None
    assert found.finished_at == late
    assert found.finished_at.tzinfo is not None


def test_seen_marks_are_per_user(session: Session) -> None:
    session.drift.add([event(1), event(2), event(3)], ())
    session.drift.see(["e1", "e1"], day(4), "me")
    session.drift.see(["e1", "e2"], day(5), "me")
    assert session.drift.seen("me") == {"e1", "e2"}
    assert session.drift.seen("you") == set()


def test_acknowledgment_is_withdrawn_and_repeated(session: Session) -> None:
    session.drift.add([event(1)], ())
    session.drift.acknowledge(["e1"], day(4), "me", "fine")
    session.drift.take_back(["e1"], day(5), "me")
    again = session.drift.get("e1")
    assert again is not None
    assert (again.acknowledged_at, again.note) == (None, None)
    session.drift.acknowledge(["e1"], day(6), "you")
    last = session.drift.get("e1")
    assert last is not None
    assert (last.acknowledged_by, last.note) == ("you", None)


def test_unacknowledged_changes_and_history(session: Session) -> None:
    plain = {"story": None, "affected_mappings": ()}
    session.drift.add(
        [
            event(1, **plain),
            event(2, severity=Severity.SAFE, **plain),
            event(3, field_name="Other", severity=Severity.RISKY, story="s", affected_mappings=()),
            event(4, field_name="Third"),
            event(5, rule="Third", field_name=None, connection_id="beta", **plain),
        ],
        [],
    )
    found = session.drift.unacknowledged()
    assert {key: [change.id for change in each] for key, each in found.items()} == {
        "acme": ["e1", "e3", "e4"],
        "beta": ["e5"],
    }
    first, other, third = found["acme"]
    assert (first.group, first.severity, first.mapped) == ("e1", Severity.BREAKING, False)
    assert (other.group, other.severity, third.mapped) == ("s", Severity.RISKY, True)
    assert session.drift.uncertain(["acme", "beta"]) == {"e1", "e2", "e4"}
    assert [change.id for change in session.drift.unacknowledged(["acme"], safe=True)["acme"]] == [
        *("e1", "e2", "e3", "e4")
    ]

    session.drift.acknowledge(["e1", "e3"], day(6), "me", "fine")
    session.drift.take_back(["e3"], day(7), "me")
    assert [change.id for change in session.drift.unacknowledged(["acme"])["acme"]] == ["e3", "e4"]
    history = session.drift.history(["e2"])
    assert [(each.id, each.note) for each in history] == [("e1", "fine"), ("e2", None)]
    assert session.drift.history([]) == ()


def test_the_newest_objects_and_those_before_a_change(session: Session) -> None:
    record(session, 0, schema("Account", "A"), schema("Lead"))
    record(session, 1, schema("Account", "A", "B"), unchanged=["Lead"])
    session.drift.add([event(1)], [])
    record(session, 2, schema("Account", "C"), gone={"Lead": GoneReason.REMOVED})
    wanted = [("acme", "Account"), ("acme", "Lead"), ("beta", "Account")]
    newest = session.snapshots.newest(wanted)
    assert {key: [field.name for field in each.fields] for key, each in newest.items()} == {
        ("acme", "Account"): ["C", "Stage"]
    }
    before = session.snapshots.before_change("acme", "Account", "e1")
    assert before is not None
    assert [field.name for field in before.fields] == ["A", "Stage"]
    assert session.snapshots.before_change("acme", "Lead", "unknown") is None
    assert session.snapshots.newest([]) == {}
