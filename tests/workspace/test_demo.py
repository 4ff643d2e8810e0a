"""The demo: built once, in the background where a console waits, and then simply there."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck.errors import CrmdeckError
from crmdeck.model import Progress, Severity, Status
from crmdeck.workspace import open_demo


def test_the_demo_is_built_once_and_shows_what_goes_wrong_in_real_life(tmp_path: Path) -> None:
    told: list[Progress] = []
    killed = tmp_path / ".demo-of-one-who-was-killed"
    killed.mkdir()
    with open_demo(folder=tmp_path, later=True) as workspace:
        workspace.prepare(told.append)
        found = {status.name: status for status in workspace.health.statuses()}
        drift = workspace.drift.report("acme-prod")
        lines = workspace.mappings.get("acme-prod", "deal_registration--Opportunity").lines
        assert workspace.refreshes.run("acme-prod").success
    assert not killed.exists()
    assert [progress.done for progress in told] == list(range(told[0].total or 0))
    assert {name: status.status for name, status in found.items()} == {
        "acme-emea": Status.REAUTH_REQUIRED,
        "acme-marketing": Status.ACTIVE,
        "acme-prod": Status.ACTIVE,
        "legacy-portal": Status.DISCONNECTED,
    }
    assert "QUOTA_RESERVE" in [alert.code for alert in found["acme-marketing"].alerts]
    assert any(line.drift for line in lines)
    assert any(event.rename_of for event in drift.events)
    assert {event.severity for event in drift.events} == set(Severity)
    assert "field_everywhere" in [story.kind for story in drift.stories]
    assert any(event.changed_by for event in drift.events)

    with open_demo(folder=tmp_path, later=True) as workspace:
        again: list[Progress] = []
        workspace.prepare(again.append)
        assert again == []
        assert len(workspace.health.statuses()) == 4


def test_where_nothing_can_be_kept_the_demo_is_thrown_away_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    with open_demo(later=True) as workspace:
        assert tmp_path not in workspace.home.parents
    with pytest.raises(CrmdeckError) as caught, open_demo(folder=tmp_path / "file"):
        pass
    assert caught.value.code == "DEMO_NOT_BUILT"
    assert "XDG_CACHE_HOME" in (caught.value.remedy or "")
