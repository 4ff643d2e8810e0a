"""The order in which the mapping pane's loader reads, ranks and shows; no console is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crmdeck.model import SuggestAnswer
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.mapping.loader import PairLoader, Redraw
from crmdeck.workspace import Workspace
from crmdeck.workspace.mappings.service import Mappings
from tests.tui.mapping_desk import FIELDS, PAIR, described, export, make_home, opened


class AtOnce:
    """Does the work of each request immediately."""

    is_loading = False

    def load(self, _slot: str, work: Callable[[Job], Any], then: Any, **_: Any) -> None:
        then(work(Job(lambda _: None)))


@pytest.fixture
def workspace(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    with opened(make_home(tmp_path, encoder=request.param)) as workspace:
        yield workspace


def pairs_of(workspace: Workspace) -> tuple[PairLoader, list[Any]]:
    """Return a loader, and what it shows: the change, the row, whether rows are ranked."""
    shown: list[Any] = []
    host = SimpleNamespace(workspace=workspace, status=None, is_still=False)
    pane: Any = SimpleNamespace(host=host, loader=AtOnce(), show_error=lambda _: None)
    pairs = PairLoader(pane, lambda change, cursor: shown.append((change, cursor, pairs.is_ranked)))
    return pairs, shown


@pytest.mark.parametrize("workspace", ["none"], indirect=True)
def test_without_an_encoder_rows_are_ranked_when_they_first_show(workspace: Workspace) -> None:
    pairs, shown = pairs_of(workspace)
    ref = workspace.connections.get("acme").id
    pairs.choose(ref, PAIR)
    # The verdicts of preflight follow.
    (change, cursor, ranked), (judged, *_) = shown
    assert (change, ranked, judged) == (Redraw.PAIR, True, Redraw.ROWS)
    assert pairs.session is not None
    assert cursor == "crm:Name"


@pytest.mark.parametrize("workspace", ["none"], indirect=True)
def test_a_pair_that_was_shown_is_ranked_again_after_a_refresh(workspace: Workspace) -> None:
    pairs, _ = pairs_of(workspace)
    connection = workspace.connections.get("acme")
    pairs.choose(connection.id, PAIR)
    kept = [field for field in FIELDS if field["name"] != "Account_Name__c"]
    renamed = described("Account_Name_New__c", "Account Name")
    export(Path(str(connection.path)), *kept, renamed)
    workspace.refreshes.run("acme")
    pairs.read(connection.id)
    assert pairs.session is not None
    assert pairs.session.by_name["accountName"].crm_field == "Account_Name_New__c"


@pytest.mark.parametrize("workspace", ["auto"], indirect=True)
def test_rows_are_ranked_before_the_ranking_shows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Mappings.suggest

    def suggest(self: Mappings, ref: str, pair: str, **_: Any) -> SuggestAnswer:
        return real(self, ref, pair, encoder="none").model_copy(update={"encoder": "meaning"})

    monkeypatch.setattr(Mappings, "suggest", suggest)
    pairs, shown = pairs_of(workspace)
    ref = workspace.connections.get("acme").id
    pairs.choose(ref, PAIR)
    assert [(change, ranked) for change, _, ranked in shown] == [
        (Redraw.PAIR, False),
        (Redraw.GROUPS, True),
        (Redraw.ROWS, True),
    ]
    shown.clear()
    pairs.read(ref, "accountName")
    # A later ranking moves no row.
    assert shown[0] == (Redraw.GROUPS, "accountName", False)
    assert set(shown[1:]) == {(Redraw.ROWS, None, True)}
    assert pairs.current is pairs.session
    pairs.read(None)
    assert pairs.current is None


@pytest.mark.parametrize("workspace", ["auto", "none"], indirect=True)
def test_encoder_is_prepared_once_while_likely_pairs_are_listed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, compared = Mappings.suggest, []

    def suggest(self: Mappings, ref: str, pair: str, **more: Any) -> SuggestAnswer:
        if more.get("encoder") != "none":
            compared.append(pair)
        return real(self, ref, pair, encoder="none")

    monkeypatch.setattr(Mappings, "suggest", suggest)
    pairs, _ = pairs_of(workspace)
    for _ in "12":
        pairs.read(workspace.connections.get("acme").id)
    assert pairs.likely is not None
    best = max(pairs.likely.pairs, key=lambda one: one.match or 0).choice.pair
    assert compared == ([best] if workspace.settings.encoder == "auto" else [])
