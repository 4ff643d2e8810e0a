"""The end-of-life watch: the table, what it is held against, and a user's own entries."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.hubspot.paths import NEWEST_FIRST
from crmdeck.errors import UsageError
from crmdeck.model import Connection, Source
from crmdeck.workspace.connections.retirements import concerns, load_retirements
from crmdeck.workspace.knowledge import load_knowledge
from tests.workspace.crm import ANCHOR, OLD_PORTAL, Office

TODAY = ANCHOR.date()


def connection(platform: str, **more: Any) -> Connection:
    values = {"source": platform} | more
    return Connection(id="c", name="acme", platform=platform, created_at=ANCHOR, **values)


def told(connection: Connection, today: date = TODAY) -> dict[str, date]:
    found = concerns(connection, load_retirements(None), today)
    return {concern.id: concern.ends for concern in found}


@pytest.mark.parametrize(
    ("platform", "uses", "expected"),
    [
        ("salesforce", {"api_version": "30.0"}, {"salesforce-api-21-30": date(2025, 6, 1)}),
        ("salesforce", {"api_version": "20.0"}, {"salesforce-api-7-20": date(2022, 6, 1)}),
        ("salesforce", {"api_version": "31.0"}, {"salesforce-api-31-40": date(2028, 6, 1)}),
        ("salesforce", {"api_version": "66.0"}, {}),
        (
            "salesforce",
            {"sign_in": "password"},
            {
                "salesforce-any-api-auth": date(2026, 6, 1),
                "salesforce-password-flow": date(2027, 2, 20),
                "salesforce-soap-login": date(2027, 6, 1),
            },
        ),
        ("salesforce", {"sign_in": "jwt"}, {"salesforce-connected-apps": date(2026, 2, 1)}),
        ("salesforce", {"sign_in": "access-token"}, {}),
        ("hubspot", {"api_version": "v3"}, {"hubspot-v1-v3": date(2027, 9, 1)}),
        ("hubspot", {"api_version": "v4"}, {"hubspot-v4": date(2027, 3, 30)}),
        ("hubspot", {"api_version": "oauth/v1"}, {"hubspot-oauth-v1": date(2027, 2, 16)}),
        ("hubspot", {"api_version": "2026-03"}, {"hubspot-dated": date(2027, 9, 1)}),
        (
            "hubspot",
            {"api_version": "2026-09"},
            {"hubspot-write-validation": date(2026, 9, 8)},
        ),
        (
            "hubspot",
            {"api_version": "pipelines/v1"},
            {"hubspot-pipelines-v1": date(2026, 12, 4)},
        ),
        (
            "hubspot",
            {"api_version": "contacts/v1/lists"},
            {"hubspot-contact-lists-v1": date(2026, 4, 30)},
        ),
        ("hubspot", {"sign_in": "access-token"}, {"hubspot-private-apps": date(2027, 9, 1)}),
        (
            "hubspot",
            {"sign_in": "browser"},
            {
                "hubspot-oauth-dated": date(2027, 9, 1),
                "hubspot-public-apps": date(2027, 9, 1),
            },
        ),
        ("hubspot", {"api_version": "v3", "source": Source.FILES}, {}),
        ("salesforce", {"sign_in": "password", "source": Source.PARTNEROS}, {}),
    ],
)
def test_used_features_are_compared_with_retirements(
    platform: str, uses: dict[str, Any], expected: dict[str, date]
) -> None:
    assert told(connection(platform, **uses)) == expected


def test_distant_retirement_is_a_note() -> None:
    dated = connection("hubspot", api_version="2026-09")
    assert "hubspot-dated" not in told(dated, date(2027, 2, 28))
    assert told(dated, date(2027, 3, 5))["hubspot-dated"] == date(2028, 3, 1)


def test_every_version_that_is_spoken_has_an_end() -> None:
    for version in NEWEST_FIRST:
        assert told(connection("hubspot", api_version=version), date(2029, 1, 1))


def test_a_user_adds_changes_and_silences_entries(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "retirements.toml").write_text(
        """
        [[retirement]]
        id = "hubspot-v1-v3"
        ends = 2027-07-01
        when = "our own date"
        [[retirement]]
        id = "hubspot-private-apps"
        ignored = true
        [[retirement]]
        id = "ours"
        platform = "hubspot"
        title = "We leave HubSpot"
        ends = 2026-12-31
        api_versions = ["v3"]
        cause = "The contract ends."
        remedy = "Ask Lena."
        source = "https://wiki.example/hubspot"
        """
    )
    table = load_retirements(tmp_path)
    old = connection("hubspot", api_version="v3", sign_in="access-token")
    found = {each.id: each.ends for each in concerns(old, table, TODAY)}
    assert found == {"ours": date(2026, 12, 31), "hubspot-v1-v3": date(2027, 7, 1)}
    assert load_knowledge(tmp_path) == load_knowledge(None)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[[retirement]]\nid = 'x'\n", "Entry 'x'"),
        ("[[retirement]]\nid = 'hubspot-v4'\nends = 'soon'\n", "Entry 'hubspot-v4': ends"),
        ("[[retirement]]\nid = 'hubspot-v4'\ncolor = 'red'\n", "color"),
        ("[[retirement]]\ntitle = 'x'\n", "no 'id'"),
        ("retirement = 3\n", "more than"),
        ("[[retirement\n", "isn't valid TOML"),
    ],
)
def test_a_broken_file_is_named_with_its_entry(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "knowledge" / "retirements.toml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_retirements(tmp_path)
    assert str(path) in caught.value.message
    assert cause in str(caught.value.cause)


def test_old_hubspot_paths_report_days_left(office: Office) -> None:
    office.add_portal(OLD_PORTAL)
    office.workspace.refreshes.run("portal")
    connection = office.workspace.connections.get("portal")
    assert (connection.api_version, connection.sign_in) == ("v3", "access-token")
    end_of_life = [
        finding.title
        for finding in office.workspace.health.status("portal").findings
        if finding.code == "VENDOR_END_OF_LIFE"
    ]
    assert end_of_life == [
        "End of support for HubSpot's legacy private apps: 285 days left",
        "End of support for HubSpot's v1 to v3 paths: 285 days left",
    ]


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text("utf-8")
    path = tmp_path / "knowledge" / "retirements.toml"
    path.parent.mkdir()
    example = (
        page.partition("knowledge/retirements.toml` adds")[2].split("```toml\n")[1].split("```")[0]
    )
    ignored = '[[retirement]]\nid = "hubspot-private-apps"\nignored = true\n'
    path.write_text(example + ignored, "utf-8")
    table = load_retirements(tmp_path)
    assert len(table) == len(load_retirements(None)) + 1
    quiet = connection("hubspot", sign_in="access-token")
    assert concerns(quiet, table, TODAY) == ()
    old = connection("salesforce", api_version="59.0")
    assert [each.id for each in concerns(old, table, TODAY)] == ["our-proxy"]
