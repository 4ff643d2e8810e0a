"""Preflight with records of the CRM: updates of stored records, and samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.errors import UsageError
from crmdeck.model import Direction, Outcome, Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind, write_rules
from tests.workspace.crm import Office, opened

PAIR = "deal_registration--Opportunity"
OPPORTUNITY = Scope(mode=ScopeMode.NAMED, include=("Opportunity",))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path / "home") as office, office.workspace.hold():
        office.add_org(scope=OPPORTUNITY)
        office.workspace.refreshes.run("org")
        yield office


def accept(office: Office, direction: Direction, **picks: str) -> None:
    office.workspace.mappings.accept("org", PAIR, picks, direction=direction, encoder="none")


def outcomes(office: Office, file: Path) -> dict[int, set[tuple[Outcome, str]]]:
    run = office.workspace.preflights.run("org", PAIR, file, create=False)
    found: dict[int, set[tuple[Outcome, str]]] = {}
    for finding in run.findings:
        found.setdefault(finding.position, set()).add((finding.outcome, finding.code))
    return found


def test_an_update_is_judged_with_the_stored_record(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    accept(office, Direction.PUSH, expectedCloseDate="CloseDate")
    rows = office.workspace.context.open_connector(
        office.workspace.context.connection("org")
    ).recent("Opportunity", ["IsClosed", "CloseDate", "Name"], 50)  # type: ignore[attr-defined]
    closed = next(row for row in rows if row["IsClosed"])
    still_open = next(row for row in rows if not row["IsClosed"])
    file = tmp_path / "deals.csv"
    file.write_text(
        "Id,expectedCloseDate\n"
        f"{closed['Id']},2020-01-01\n"
        f"{still_open['Id'][:15]},2020-01-01\n"
        f"{still_open['Id']},{still_open['CloseDate']}\n"
        "0065g0000099999AAA,2030-01-01\n"
        ",2030-01-01\n",
        "utf-8",
    )
    found = outcomes(office, file)
    assert found == {
        2: {(Outcome.REJECTED, "RULE")},
        4: {(Outcome.REJECTED, "NOT_IN_CRM"), (Outcome.UNKNOWN, "RULE")},
        5: {(Outcome.UNKNOWN, "NO_KEY"), (Outcome.UNKNOWN, "RULE")},
    }
    entry = office.workspace.audit.entries(event="schema.sampled")[0]
    assert entry.details == {"objectType": "Opportunity", "records": 2}
    assert str(still_open["Name"]) not in caplog.text

    office.sandbox.fault("acme-prod", Fault(FaultKind.FORBIDDEN, path="query"))
    run = office.workspace.preflights.run("org", PAIR, file, create=False)
    assert {finding.outcome for finding in run.findings} == {Outcome.UNKNOWN}
    assert "can't be judged" in run.report.notes[0]


def test_sample_lists_values_that_partneros_rejects(office: Office) -> None:
    preflights = office.workspace.preflights
    with pytest.raises(UsageError, match="no accepted row that writes to PartnerOS"):
        preflights.sample("org", PAIR)
    assert "no accepted row" in (preflights.why_no_sample("org", PAIR) or "")
    accept(office, Direction.PULL, partner="AccountId", accountName="Name", estimatedValue="Amount")
    assert preflights.why_no_sample("org", PAIR) is None
    run = preflights.sample("org", PAIR, 20)
    assert (run.report.direction, run.report.create, run.report.records) == (
        Direction.PULL, None, 20,
    )  # fmt: skip
    assert {(cause.partner_field, cause.code) for cause in run.report.causes} == {
        ("partner", "FOREIGN_ID"),
        ("partner", "REQUIRED"),
    }
    assert all(finding.record_id for finding in run.findings)
    foreign = next(cause for cause in run.report.causes if cause.code == "FOREIGN_ID")
    first = run.values_of(foreign)[0]
    assert (first.position, list(first.values)) == (foreign.positions[0], ["AccountId"])
    assert len(first.values["AccountId"]) == 18
    assert first.values["AccountId"] not in f"{run!r}{run.to_wire()}"
    with pytest.raises(UsageError, match="1 to 200"):
        preflights.sample("org", PAIR, 201)


def test_new_rule_that_rejects_writes_fails_a_check(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(office, Direction.PUSH, description="Description")
    rule = ("Opportunity", "Described", "Description", "Describe it.", "ISBLANK(Description)")
    monkeypatch.setattr(write_rules, "VALIDATION_RULES", (*write_rules.VALIDATION_RULES, rule))
    office.workspace.refreshes.run("org")
    report = office.workspace.checks.run(["org"], refresh=False)
    (row,) = [one for one in report.findings if one.subject.partner_field == "description"]
    assert (row.code, row.level, row.title) == ("RULE", "fail", "Description fails when empty")
