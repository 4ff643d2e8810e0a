"""Caches as each released version left them: they open, and hold what they held.

Each file in `caches` is what the crmdeck of that version wrote: an org of exported schemas,
refreshed twice, with a decision between. A migration comes with one more.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from crmdeck.home import CACHE_FILE
from crmdeck.model import DriftKind, Severity
from crmdeck.store import migrations
from crmdeck.workspace import Workspace
from crmdeck.workspace.doctor import examine_log

CACHES = sorted((Path(__file__).parent / "caches").glob("v*.sql"))


def test_every_released_version_has_a_cache() -> None:
    # The newest one may not be released yet.
    before = migrations.newest(migrations.shipped()) - 1
    assert [path.stem for path in CACHES][:before] == [f"v{n:02}" for n in range(1, before + 1)]


@pytest.mark.parametrize("version", CACHES, ids=lambda path: path.stem)
def test_a_cache_of_a_released_version_opens_with_all_it_held(
    tmp_path: Path, version: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with duckdb.connect(str(home / CACHE_FILE)) as raw:
        # In one transaction, because to write each row to the disk takes as long as all the rest.
        raw.execute(f"BEGIN; {version.read_text('utf-8')}; COMMIT")
    with Workspace.open(home) as workspace, workspace.hold():
        objects = workspace.schemas.all("acme")
        assert {each.object_type: len(each.fields) for each in objects} == {
            "Account": 2,
            "Opportunity": 3,
        }
        first = workspace.schemas.moments("acme")[-1]
        before = workspace.schemas.all("acme", at=first)
        assert [each.object_type for each in before] == ["Account", "Lead", "Opportunity"]
        events = workspace.drift.report("acme").events
        assert {(event.object_type, event.field_name) for event in events} == {
            ("Account", "Name"),
            ("Account", "Old__c"),
            ("Lead", None),
            ("Opportunity", "Amount"),
        }
        assert {event.severity for event in events} >= {Severity.BREAKING, Severity.RISKY}
        assert DriftKind.OBJECT_ABSENT in {event.kind for event in events}
        [decision] = workspace.mappings.decisions("acme", "deal_registration--Opportunity")
        assert decision.crm_field == "StageName"
        assert len(workspace.audit.entries()) >= 4
        assert len({entry.actor for entry in workspace.audit.entries()}) == 1
    assert [finding for finding in examine_log(home) if not finding.ok] == []
