"""How full fields are; and that nobody's data stays behind."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from crmdeck.errors import NotFoundError, UsageError
from crmdeck.model import Scope, ScopeMode
from crmdeck.workspace import Workspace
from tests.workspace.conftest import Desk, describe, text_field
from tests.workspace.crm import Office, database, opened

__all__ = ["database"]

ACCOUNT = Scope(mode=ScopeMode.NAMED, include=("Account",))
FIELDS = ["Name", "Website", "Industry", "BillingCity"]


def test_rates_are_kept_and_values_are_not(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    office.add_org(scope=ACCOUNT)
    workspace = office.workspace
    workspace.refreshes.run("org")
    sample = workspace.schemas.sample("org", "Account", FIELDS, limit=50)
    assert sample.sampled == 50
    assert sample.rates["Name"].rate == 1.0
    assert 0 <= sample.rates["Website"].rate <= 1
    assert workspace.schemas.fill_rates("org", "Account") == dict(sample.rates)
    assert workspace.schemas.inspect("org", "Account").rates == dict(sample.rates)
    assert workspace.audit.entries(event="schema.sampled")[0].details["fields"] == 4

    schema = workspace.exports.render("schema", "org")
    values = {value for many in sample.values.values() for value in many if value not in schema}
    assert len(values) > 5
    written = (
        b"".join(path.read_bytes() for path in workspace.home.rglob("*") if path.is_file())
        + "".join(
            workspace.exports.render(what, "org") for what in ("health", "drift", "audit")
        ).encode()
    )
    assert b"Account" in written
    left = [value for value in values if len(value) > 3 and value.encode() in written]
    assert left == []
    assert not any(value in caplog.text for value in values if len(value) > 3)
    assert not any(value in repr(sample) for value in values if len(value) > 3)


def test_a_portal_is_sampled_too_and_the_last_measurement_counts(office: Office) -> None:
    office.add_portal("legacy-portal")
    workspace = office.workspace
    workspace.refreshes.run("portal")
    first = workspace.schemas.sample("portal", "deals", ["dealname"], limit=10)
    office.clock.move(days=1)
    second = workspace.schemas.sample("portal", "deals", ["dealname", "amount"], limit=20)
    assert second.sampled_at > first.sampled_at
    rates = workspace.schemas.fill_rates("portal", "deals")
    assert rates["dealname"].measured_at == second.sampled_at
    assert {rate.sampled for rate in rates.values()} == {20}


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text("samples = false\n")
    with opened(home) as office:
        office.add_org(scope=ACCOUNT)
        office.workspace.refreshes.run("org")
        before = len(office.sandbox.requests)
        with pytest.raises(UsageError) as caught:
            office.workspace.schemas.sample("org", "Account", ["Name"])
        assert caught.value.code == "SAMPLES_OFF"
        assert len(office.sandbox.requests) == before


def test_unsampled_source_is_reported(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    with pytest.raises(UsageError) as caught:
        desk.workspace.schemas.sample("acme", "Account", ["Name"])
    assert caught.value.code == "NO_RECORDS"
    with pytest.raises(NotFoundError, match="Did you mean 'Name'"):
        desk.workspace.schemas.sample("acme", "Account", ["Nam"])
    for fields, limit in (([], 10), (["Name"], 0), (["Name"], 201)):
        with pytest.raises(UsageError):
            desk.workspace.schemas.sample("acme", "Account", fields, limit)


def test_read_only_keeps_no_rates(office: Office) -> None:
    office.add_org(scope=ACCOUNT)
    office.workspace.refreshes.run("org")
    office.let_go()
    reader = Workspace.open(
        office.home,
        read_only=True,
        clock=office.clock,
        secrets=office.workspace.context.secrets,
    )
    assert reader.schemas.sample("org", "Account", ["Name"], limit=5).sampled == 5
    assert reader.schemas.fill_rates("org", "Account") == {}
