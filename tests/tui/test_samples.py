"""Fill rates and samples: shown on request, and never stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmdeck.model import Scope, ScopeMode
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.samples import percent_filled, values_text
from crmdeck.workspace import Workspace
from tests.tui.conftest import HOSTILE
from tests.tui.pilot import press, resize, screen_text, settle
from tests.workspace.crm import Office, opened

ACCOUNT = Scope(mode=ScopeMode.NAMED, include=("Account",))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A workspace with Account of a sandbox org."""
    with opened(tmp_path_factory.mktemp("samples") / "home") as found:
        found.add_org(scope=ACCOUNT)
        found.workspace.refreshes.run("org")
        yield found


def console(workspace: Workspace, pane: str) -> CrmdeckApp:
    app = CrmdeckApp(workspace)
    app.host.ui_state.pane = pane
    first = workspace.connections.all()[0].id
    app.host.ui_state.connection_id = first
    app.host.ui_state.panes = {
        "mapping": {"pairs": {first: "partner--Account"}, "field": "name"},
        "schema": {"object": "Account"},
    }
    return app


def values_of(app: CrmdeckApp) -> set[str]:
    """Return the sample values of the pane, except those too short to search for."""
    pane: Any = next(one for one in app.screen_stack[0].query(Pane) if one.display)
    kept = pane.sampler._values.values()
    found = {value for fields in kept for values in fields.values() for value in values}
    return {value for value in found if len(value) > 5}


@pytest.mark.parametrize("pane", ["mapping", "schema"])
async def test_a_key_shows_and_hides_sample_values(
    office: Office, tmp_path: Path, pane: str
) -> None:
    app = console(office.workspace, pane)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        if pane == "schema":
            await press(pilot, "unbound-go.pane", "j", "j")
        before = screen_text(pilot)
        text = await press(pilot, "o", "w")
        assert "100%" in text
        if pane == "schema":
            assert "of 50 records, just now" in text
        values = values_of(app)
        assert len(values) > 5
        seen = [value for value in values if value[:20] in text and value[:20] not in before]
        assert seen
        asked = len(office.sandbox.requests)
        text = await press(pilot, "o", "w")
        assert "100%" in text
        assert not [value for value in seen if value[:20] in text]
        text = await press(pilot, "o", "w")
        assert [value for value in seen if value[:20] in text]
        await resize(pilot, 140, 40)
        text = screen_text(pilot)
        assert [value for value in values if value[:20] in text]
        assert len(office.sandbox.requests) == asked
        await press(pilot, "y", "m")
        copied = app.clipboard
        target = app.screen_stack[0].pane.export_request()  # type: ignore[attr-defined]
        await press(pilot, "q")
    home = office.workspace.home
    state = json.loads((home / "ui-state.json").read_text())
    assert state["pane"] == pane
    exported = tmp_path / "exported"
    for format_ in ("json", "html"):
        office.workspace.exports.write(
            exported.with_suffix(f".{format_}"),
            target.what,
            "org",
            format=format_,
            pair=target.pair,
            only=target.only,
        )
    schema = office.workspace.exports.render("schema", "org").encode()
    files = [*home.rglob("*"), *tmp_path.rglob("*")]
    written = copied.encode() + b"".join(path.read_bytes() for path in files if path.is_file())
    assert b"Account" in written
    assert [v for v in values if v.encode() in written and v.encode() not in schema] == []


async def test_cached_fill_rates_show_without_a_request(office: Office) -> None:
    office.workspace.schemas.sample("org", "Account", ["Name", "Website"])
    before = len(office.sandbox.requests)
    async with console(office.workspace, "mapping").run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        assert "100%" in screen_text(pilot)
        assert "100%" in await press(pilot, "2")
    assert len(office.sandbox.requests) == before


async def test_a_reason_is_shown_if_samples_are_unavailable(workspace: Workspace) -> None:
    app = console(workspace, "schema")
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        text = await press(pilot, "unbound-go.pane", "o", "w")
        assert "acme has no records to sample." in text
        assert "contains schemas only." in text
        (workspace.home / "settings.toml").write_text("samples = false\n")
    with Workspace.open(workspace.home) as shut:
        async with console(shut, "mapping").run_test(size=(100, 30)) as pilot:
            await settle(pilot)
            text = await press(pilot, "unbound-go.pane", "o", "w")
            assert "Sampling is off (samples = false)." in text
            assert "samples = true" in text


def test_values_and_rates_in_words() -> None:
    assert [percent_filled(rate) for rate in (0, 0.001, 0.5, 0.999, 1)] == [
        "0%",
        "1%",
        "50%",
        "99%",
        "100%",
    ]
    text = values_text(HOSTILE[:5])
    assert not set(text) & set("\x1b\x07\r\n\t")
    assert values_text(()) == "no values"
