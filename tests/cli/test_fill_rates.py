"""crmdeck schema NAME OBJECT tells how full fields are, and never what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmdeck.cli import schema as commands
from crmdeck.cli.listing import Listing
from crmdeck.errors import UsageError
from crmdeck.model import Scope, ScopeMode
from tests.workspace.crm import opened


def test_fill_rates_are_sampled_on_request_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path / "home") as office:
        office.add_org(scope=Scope(mode=ScopeMode.NAMED, include=("Account",)))
        office.workspace.refreshes.run("org")

        def schema(*, sample: bool = False, as_json: bool = False) -> str:
            listing = Listing(as_json=as_json)
            commands.schema(office.workspace, listing, "org", "Account", sample=sample)
            return capsys.readouterr().out

        detail = office.workspace.schemas.object("org", "Account")
        wire = detail.to_wire()
        assert json.loads(schema(as_json=True)) == wire
        assert "%" not in schema()
        told = json.loads(schema(sample=True, as_json=True))
        rates = told.pop("fillRates")
        assert told == wire
        assert set(rates) == {field.name for field in detail.fields}
        assert rates["Name"]["rate"] == 1
        assert rates["Name"]["sampled"] == 50
        assert json.loads(schema(as_json=True)) == wire
        header, *lines = schema().splitlines()
        assert header.endswith(",filled")
        assert next(line for line in lines if line.startswith("Name,")).endswith(",1.0")
        with pytest.raises(UsageError):
            commands.schema(office.workspace, Listing(), "org", sample=True)
