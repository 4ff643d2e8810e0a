"""The cache over the objects A to C of a real org; skipped if its exports are missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crmdeck.connectors.base import Discovered
from crmdeck.connectors.files import FilesConnector
from crmdeck.model import CancelToken, Connection, ObjectSchema, Scope, Source
from crmdeck.store import Store
from tests.store.build import day, record

ORG = Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-b"

pytestmark = pytest.mark.skipif(not ORG.is_dir(), reason="the real exports are not here")


def export(number: int) -> tuple[ObjectSchema, ...]:
    connection = Connection(
        id="acme",
        name="acme",
        platform="salesforce",
        source=Source.FILES,
        path=str(ORG / f"all-objects.{number}.json.gz"),
        created_at=day(0),
    )
    source = FilesConnector(connection)
    found = source.discover(Scope(), {}, CancelToken())
    schemas = (each.schema for each in found if isinstance(each, Discovered))
    return tuple(schema for schema in schemas if schema.object_type < "D")


def test_a_real_org_is_kept_by_content_and_comes_back_whole(tmp_path: Path) -> None:
    first, second = export(1), export(2)
    with Store(tmp_path / "cache.duckdb").write() as session:
        baseline = record(session, 0, *first)
        assert baseline.states == len(baseline.changed) == 347
        assert 0 < baseline.new_definitions < 5_161

        again = record(session, 1, *export(1))
        assert (again.new_definitions, again.states, again.changed) == (0, 0, ())

        changed = record(session, 2, *second)
        assert "Account" in changed.changed
        assert 3 <= changed.new_definitions < 30
        assert session.snapshots.moments("acme") == (day(2), day(0))

        for moment, schemas in ((day(1), first), (day(2), second)):
            infos = session.snapshots.current("acme", moment)
            loaded = session.snapshots.load(infos)
            held = {s.info.object_type: (s.fields, s.native) for s in loaded.values()}
            assert held == {s.object_type: (s.fields, s.native) for s in schemas}
        stats = session.snapshots.stats("acme", day(2) + timedelta(hours=1))
        assert stats.field_count == sum(len(schema.fields) for schema in second)
        assert len(session.snapshots.field_rows("acme")) == stats.field_count
