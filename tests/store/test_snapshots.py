from __future__ import annotations

from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmdeck.errors import CacheError
from crmdeck.model import (
    Field,
    Freshness,
    GoneReason,
    ObjectSchema,
    Scope,
    field_hash,
    schema_hash,
)
from crmdeck.model.hashes import structural_hash
from crmdeck.store import SchemaPacker, Session, Store, recent
from tests.model.strategies import fields as any_fields
from tests.store.build import HOSTILE, connection, day, record, run, schema


def rows_of(session: Session, table: str) -> int:
    count = session.snapshots._database.rows(f"SELECT count(*) FROM {table}")[0][0]
    return int(count)


def test_discovered_schema_is_returned_verbatim(session: Session) -> None:
    account = schema("Account", "Name", HOSTILE, label=HOSTILE, keyPrefix="001")
    count = record(session, 0, account)

    assert (count.new_definitions, count.states, count.changed) == (3, 1, ("Account",))
    snapshot = session.snapshots.get("acme", "Account")
    assert snapshot is not None
    assert snapshot.fields == account.fields
    assert snapshot.native == {"keyPrefix": "001"}
    info = snapshot.info
    assert (info.label, info.field_count, info.custom_field_count) == (HOSTILE, 3, 2)
    assert info.schema_hash == schema_hash(account.fields)
    assert info.structural_hash == structural_hash(account.fields)
    assert (info.discovered_at, info.expires_at) == (day(0), day(1))
    assert session.snapshots.current("acme") == (info,)
    assert session.snapshots.validators("acme") == {"Account": "v0"}


def test_unchanged_object_adds_no_row(session: Session) -> None:
    account, lead = schema("Account", "Name"), schema("Lead", "Name", "Status")
    assert record(session, 0, account, lead).new_definitions == 3
    tables = ("field_definition", "object_definition", "object_field", "object_state")
    before = [rows_of(session, table) for table in tables]

    count = record(session, 1, lead, unchanged=["Account"])

    assert (count.new_definitions, count.states, count.changed) == (0, 0, ())
    assert [rows_of(session, table) for table in tables] == before
    assert session.snapshots.moments("acme") == (day(0),)
    history = session.snapshots.history("acme", "Account")
    assert [info.discovered_at for info in history] == [day(1), day(0)]
    assert session.snapshots.validators("acme") == {"Account": "v0", "Lead": "v1"}


def test_unread_object_stays_and_ages(session: Session) -> None:
    account, lead = schema("Account", "Name"), schema("Lead", "Name")
    record(session, 0, account, lead)
    record(session, 1, account)
    assert record(session, 2, account).states == 0

    ages = {i.object_type: i.discovered_at for i in session.snapshots.current("acme")}
    assert ages == {"Account": day(2), "Lead": day(0)}
    seen = [info.discovered_at for info in session.snapshots.history("acme", "Lead")]
    assert seen == [day(0)]
    stats = session.snapshots.stats("acme", day(2))
    assert (stats.object_count, stats.field_count, stats.stale_object_count) == (2, 4, 1)
    assert (stats.last_discovered_at, stats.next_expiry_at) == (day(2), day(3))

    count = record(session, 3, lead, unchanged=["Account"])
    assert (count.states, count.changed) == (1, ())
    assert {i.discovered_at for i in session.snapshots.current("acme")} == {day(3)}
    assert session.snapshots.moments("acme") == (day(0),)


def test_any_past_schema_can_be_browsed(session: Session) -> None:
    record(session, 0, schema("Account", "Name"), schema("Lead", "Name"))
    count = record(session, 1, schema("Account", "Name", "Tier"), unchanged=["Lead"])
    record(session, 2, schema("Account", "Tier"), schema("Lead", "Name", label="Prospect"))

    assert count.changed == ("Account",)
    names = {
        number: [f.name for f in snapshot.fields]
        for number in range(3)
        if (snapshot := session.snapshots.get("acme", "Account", day(number + 0.5)))
    }
    assert names == {
        0: ["Name", "Stage"],
        1: ["Name", "Tier", "Stage"],
        2: ["Tier", "Stage"],
    }
    assert session.snapshots.get("acme", "Account", day(-1)) is None
    assert session.snapshots.current("acme", day(-1)) == ()
    assert [i.field_count for i in session.snapshots.current("acme", day(1))] == [3, 2]
    assert [r.name for r in session.snapshots.field_rows("acme", day(0))] == [
        "Name",
        "Stage",
        "Name",
        "Stage",
    ]
    assert session.snapshots.moments("acme") == (day(2), day(1), day(0))


def test_removed_object_leaves_tombstone_and_returns(session: Session) -> None:
    account, lead = schema("Account", "Name"), schema("Lead", "Name")
    record(session, 0, account, lead)
    gone = {"Lead": GoneReason.ABSENT, "NeverSeen": GoneReason.REMOVED}
    count = record(session, 1, unchanged=["Account"], gone=gone)

    assert (count.states, count.changed) == (1, ("Lead",))
    assert [i.object_type for i in session.snapshots.current("acme")] == ["Account"]
    assert session.snapshots.gone("acme") == {"Lead": GoneReason.ABSENT}
    assert session.snapshots.get("acme", "Lead") is None
    assert session.snapshots.get("acme", "Lead", day(0)) is not None
    assert "Lead" not in session.snapshots.validators("acme")
    last = session.snapshots.last_present("acme", "Lead")
    assert last is not None
    assert last.discovered_at == day(0)
    assert session.snapshots.load([last])[last.id].fields == lead.fields

    again = record(session, 2, unchanged=["Account"], gone={"Lead": GoneReason.ABSENT})
    assert (again.states, again.changed) == (0, ())
    record(session, 3, unchanged=["Account"], gone={"Lead": GoneReason.REMOVED})
    assert session.snapshots.gone("acme") == {"Lead": GoneReason.REMOVED}
    assert session.snapshots.gone("acme", day(1)) == {"Lead": GoneReason.ABSENT}
    assert record(session, 4, lead, unchanged=["Account"]).changed == ("Lead",)
    assert session.snapshots.gone("acme") == {}


def test_unknown_object_cannot_be_unchanged(session: Session) -> None:
    with pytest.raises(CacheError, match="Lead") as caught:
        record(session, 0, unchanged=["Lead"])
    assert caught.value.code == "CACHE_INCOMPLETE"


def test_statistics_count_current_schemas(session: Session) -> None:
    for name in ("acme", "other"):
        session.connections.put(connection(name), day(0), "me")
    record(session, 0, schema("Account", "Name"), schema("Lead"), schema("Case"))
    record(session, 1, schema("Account", "Name", "Tier"), gone={"Case": GoneReason.HIDDEN})
    record(session, 1, schema("Contact"), connection_id="other")

    stats = session.snapshots.stats("acme", day(1))
    assert (stats.object_count, stats.field_count, stats.custom_field_count) == (2, 4, 2)
    assert stats.stale_object_count == 1
    assert (stats.last_discovered_at, stats.next_expiry_at) == (day(1), day(2))
    assert session.snapshots.stats("acme", day(9)).next_expiry_at is None
    everything = session.snapshots.stats_by_connection(day(1))
    assert everything["acme"] == stats
    assert everything["other"].object_count == 1
    assert session.snapshots.stats("nobody", day(1)).object_count == 0


def test_relayed_schemas_keep_discovery_times(
    session: Session,
) -> None:
    session.connections.put(connection(), day(0), "me")
    names = ("Account", "Case", "Lead")
    early, late = Freshness(day(-3), day(-2)), Freshness(day(-1), day(5))
    record(
        session,
        0,
        *(schema(name) for name in names),
        freshness={"Account": early, "Case": late, "Lead": late},
    )
    times = {
        i.object_type: (i.discovered_at, i.expires_at) for i in session.snapshots.current("acme")
    }
    assert times == {"Account": early, "Case": late, "Lead": late}
    assert session.snapshots.refreshed_at("acme") == day(0)
    stats = session.snapshots.stats("acme", day(0))
    assert (stats.object_count, stats.stale_object_count) == (3, 1)
    assert (stats.last_discovered_at, stats.next_expiry_at) == (day(-1), day(5))

    # What a refresh could not read stays as old as it was there; the rest is as old as it is here.
    record(session, 1, unchanged=["Case"])
    times = {
        i.object_type: (i.discovered_at, i.expires_at) for i in session.snapshots.current("acme")
    }
    assert times == {"Account": early, "Case": (day(1), day(2)), "Lead": late}
    assert session.snapshots.stats("acme", day(1)).stale_object_count == 1
    assert session.snapshots.stats_by_connection(day(4))["acme"].stale_object_count == 2

    # The past is what it was, and what has gone was last seen when it was.
    then = session.snapshots.get("acme", "Case", day(0.5))
    assert then is not None
    assert (then.info.discovered_at, then.info.expires_at) == late
    history = session.snapshots.history("acme", "Case")
    assert [info.discovered_at for info in history] == [day(1), day(-1)]
    record(session, 2, unchanged=["Case"], gone={"Account": GoneReason.REMOVED})
    last = session.snapshots.last_present("acme", "Account")
    assert last is not None
    assert (last.discovered_at, last.expires_at) == early


def test_connections_share_only_definitions(session: Session) -> None:
    account = schema("Account", "Name")
    record(session, 0, account)
    count = record(session, 1, account, connection_id="other")

    assert (count.new_definitions, count.changed) == (0, ("Account",))
    assert session.snapshots.moments("other") == (day(1),)
    assert len(session.snapshots.history("acme", "Account")) == 1
    assert session.snapshots.latest_refresh("other") == "other-1"


def test_the_scope_of_the_last_refresh_is_kept(session: Session) -> None:
    assert session.snapshots.scope("acme") is None
    scope = Scope(include=("Lead", "=x"), exclude=("Case",))
    session.connections.put(connection(), day(0), "me")
    session.snapshots.record(run(0), scope, discovered=[], unchanged=[], gone={}, expires_at=day(1))
    assert session.snapshots.scope("acme") == scope


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(any_fields(unknowns=True), max_size=5))
def test_fields_round_trip_is_exact(session: Session, fields: list[Field]) -> None:
    read = ObjectSchema(object_type="Any", label=HOSTILE, fields=tuple(fields))
    packed = SchemaPacker().pack(read)
    assert packed.schema() == read
    assert packed.definition.named["schema_hash"] == schema_hash(fields)
    record(session, 0, read)
    snapshot = session.snapshots.get("acme", "Any")
    assert snapshot is not None
    assert snapshot.fields == tuple(fields)
    assert [field_hash(f) for f in snapshot.fields] == [field_hash(f) for f in fields]


def test_many_rows_keep_their_order_and_their_types(session: Session) -> None:
    wide = schema("Wide", *(f"{number:04d}" for number in range(3000)))
    record(session, 0, wide)
    rows = session.snapshots.field_rows("acme")
    assert [row.name for row in rows] == [field.name for field in wide.fields]
    assert rows[0].custom is True
    assert rows[-1].custom is None
    assert rows[0].label == HOSTILE


def test_fields_keep_their_order(session: Session) -> None:
    account = schema("Account", *"fbdace")
    record(session, 0, account)
    database = session.snapshots._database
    columns = ("content_hash", "position", "field_hash")
    rows = database.rows(f"SELECT {', '.join(columns)} FROM object_field ORDER BY field_hash")
    database.run("DELETE FROM object_field")
    database.insert("object_field", columns, rows)

    snapshot = session.snapshots.get("acme", "Account")
    assert snapshot is not None
    assert snapshot.fields == account.fields
    names = [row.name for row in session.snapshots.field_rows("acme")]
    assert names == [field.name for field in account.fields]


def test_refresh_result_is_kept_until_next_write(
    store: Store,
) -> None:
    with store.write() as session:
        record(session, 0, schema("Account", "Name"), schema("Lead"))
    with store.read() as session:
        first = session.snapshots.current("acme")
    with store.read() as session:
        assert session.snapshots.current("acme") is first
        got = session.snapshots.get("acme", "Account")
        assert got is not None
        assert got.info is first[0]
        assert session.snapshots.get("acme", "Nothing") is None
    with store.write() as session:
        record(session, 1, schema("Account", "Name", "Phone"))
        assert [info.field_count for info in session.snapshots.current("acme")] == [3, 1]
    with store.read() as session:
        assert [info.field_count for info in session.snapshots.current("acme")] == [3, 1]
        assert session.snapshots.current("acme", first[0].discovered_at) is first


def test_missing_definitions_are_searched_once_a_minute(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(connection_id: str | None = None, now: bool = False) -> dict[str, tuple[str, ...]]:
        with store.read() as session:
            return session.snapshots.incomplete(connection_id, now=now)

    with store.write() as session:
        record(session, 0, schema("Account", "Name"))
    assert lost("acme") == {}
    with store.write() as session:
        session.database.run("DELETE FROM object_definition")
    assert (lost("acme"), lost()) == ({}, {"acme": ("Account",)})
    assert lost("acme", now=True) == {"acme": ("Account",)}
    later = monotonic() + recent.WHOLE_FOR + 1
    monkeypatch.setattr(recent, "monotonic", lambda: later)
    assert lost("acme") == {"acme": ("Account",)}


def test_oldest_kept_entry_is_evicted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_MOST_SNAPSHOTS", 3)
    kept = recent.RecentSnapshots()
    keys = [recent.RefreshKey("acme", f"run-{number}", number) for number in range(3)]
    some: Any = ("one", "other")
    kept.put(keys[0], some[:1])
    kept.put(keys[1], some)
    assert kept.get(keys[0]) == some[:1]
    kept.put(keys[2], some)
    assert [kept.get(key) is not None for key in keys] == [True, False, True]


def test_a_very_large_object_is_written_and_read_in_parts(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("_CHUNK", 16), ("_FIELDS_AT_ONCE", 3), ("_PARSED_AT_ONCE", 2)):
        monkeypatch.setattr(f"crmdeck.store.definitions.{name}", size)
    account = schema("Account", *(f"F{number}" for number in range(8)))
    assert SchemaPacker().pack(account).schema() == account
    record(session, 0, account)
    found = session.snapshots.get("acme", "Account")
    assert found is not None
    assert found.fields == account.fields
    later = schema("Account", *(f"F{number}" for number in range(9)))
    record(session, 1, later)
    again = session.snapshots.get("acme", "Account")
    assert again is not None
    assert again.fields[0] is found.fields[0]
