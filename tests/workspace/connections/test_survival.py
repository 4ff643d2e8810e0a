"""What can end a connection, by sign-in flow, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.model import Connection, Source
from crmdeck.workspace.connections.survival import connection_ends
from tests.workspace.crm import ANCHOR as NOW

IDLE = NOW + timedelta(days=30)
RENEWED = {"TOKEN_IDLE": IDLE, "TOKEN_SHARED": None, "APPROVAL_LIMIT": None, "USER_FROZEN": None}


def ends(
    flow: str | None, used_at: datetime | None = NOW, platform: str = "salesforce", **more: Any
) -> dict[str, datetime | None]:
    known = {"source": platform, **more}
    connection = Connection(id="c", name="acme", platform=platform, created_at=NOW, **known)
    found = connection_ends(connection, vendor_of(platform), flow, used_at)
    assert all(end.remedy and (end.link or end.ends_at) for end in found)
    return {end.code: end.ends_at for end in found}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ends("browser"), RENEWED),
        (ends("refresh-token"), RENEWED),
        (ends("browser", used_at=None), RENEWED | {"TOKEN_IDLE": None}),
        (ends("jwt"), {"USER_FROZEN": None}),
        (ends("client-credentials"), {"USER_FROZEN": None}),
        (
            ends("access-token", token_expires_at=NOW),
            {"TOKEN_EXPIRES": NOW, "USER_FROZEN": None},
        ),
        (ends("access-token", platform="hubspot"), {"KEY_ROTATED": None}),
        (ends("browser", platform="hubspot"), {}),
        (ends(None), {}),
        (ends("browser", source=Source.FILES), {}),
        (ends("browser", source=Source.PARTNEROS), {}),
        (ends("browser", disconnected_at=NOW), {}),
    ],
)
def test_each_flow_has_its_own_ends(
    found: dict[str, datetime | None], expected: dict[str, datetime | None]
) -> None:
    assert found == expected


def test_dated_risks_sort_first() -> None:
    later = ends("browser", token_expires_at=NOW + timedelta(days=40))
    assert list(later)[:2] == ["TOKEN_IDLE", "TOKEN_EXPIRES"]
