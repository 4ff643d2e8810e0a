"""Pauses that a CRM asks for are reported while they last."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.connectors.base import Meter, Wait
from crmdeck.model import Progress, Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind
from crmdeck.workspace.progress import ProgressReporter, in_words
from tests.workspace.crm import ORG, PORTAL, Office, database

__all__ = ["database"]

SMALL = Scope(mode=ScopeMode.NAMED, include=("Account", "Contact"))


def waits(told: list[Progress]) -> list[str]:
    """Return what was waited for, each wait once, with an empty text where it ended."""
    words = [progress.waiting for progress in told]
    return [word for number, word in enumerate(words) if not number or word != words[number - 1]]


def test_a_portal_that_asks_for_a_second_is_named(office: Office) -> None:
    # The one whose allowance lasts.
    office.add_portal("legacy-portal")
    told: list[Progress] = []
    office.sandbox.fault(
        "legacy-portal", Fault(FaultKind.THROTTLED, times=1, retry_after=1, path="properties")
    )
    office.workspace.refreshes.run("portal", progress=told.append)
    assert waits(told) == ["HubSpot asks to wait 1 s", ""]


def test_an_org_that_is_down_for_a_moment_is_asked_again(office: Office) -> None:
    office.add_org(scope=SMALL)
    told: list[Progress] = []
    office.sandbox.fault(ORG, Fault(FaultKind.UNAVAILABLE, times=1, path="/sobjects"))
    office.workspace.refreshes.run("org", progress=told.append)
    assert "Salesforce is busy, trying again in 1 s" in waits(told)
    assert waits(told)[-1] == ""


def test_a_test_waits_aloud_too(office: Office) -> None:
    office.add_portal()
    told: list[Progress] = []
    office.sandbox.fault(PORTAL, Fault(FaultKind.THROTTLED, times=1, retry_after=1))
    office.workspace.connections.test("portal", progress=told.append)
    assert waits(told) == ["HubSpot asks to wait 1 s", ""]


def test_wait_shows_its_connection_while_others_run(
    office: Office,
) -> None:
    office.add_org(scope=SMALL)
    office.add_portal("legacy-portal")
    office.sandbox.fault("legacy-portal", Fault(FaultKind.THROTTLED, times=1, retry_after=1))
    told: list[Progress] = []
    attempts = office.workspace.refreshes.run_many(["org", "portal"], progress=told.append)
    assert all(attempt.result for attempt in attempts)
    assert waits(told) == ["", "portal: HubSpot asks to wait 1 s", ""]


def test_wait_clears_when_the_last_one_continues() -> None:
    heard: list[Any] = []
    meter = Meter(on_wait=heard.append)
    first, second = Wait("X", 3, asked=True), Wait("X", 5, asked=True)
    with meter.pause(first):
        with meter.pause(second):
            pass
        assert heard == [first, second]
    assert heard == [first, second, None]


@pytest.mark.parametrize(
    ("seconds", "told", "words"),
    [
        (7.2, True, "HubSpot asks to wait 8 s"),
        (2, False, "HubSpot is busy, trying again in 2 s"),
        (0.9, True, ""),
    ],
)
def test_words(seconds: float, told: bool, words: str) -> None:
    assert in_words(Wait("HubSpot", seconds, told)) == words


def test_progress_beside_a_wait_keeps_it() -> None:
    told: list[Progress] = []
    telling = ProgressReporter(told.append)
    meter = Meter()
    telling.listen_to(meter)
    telling(Progress(1, 9, "Account"))
    with meter.pause(Wait("HubSpot", 8, asked=True)):
        telling(Progress(2, 9, "Contact"))
    assert [(each.done, each.waiting) for each in told] == [
        (1, ""),
        (1, "HubSpot asks to wait 8 s"),
        (2, "HubSpot asks to wait 8 s"),
        (2, ""),
    ]
