"""Who changed a property, from the answers of a portal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from crmdeck.connectors.base import Attribution, ChangedThing
from crmdeck.connectors.http import Response
from crmdeck.connectors.hubspot.attribution import (
    NO_OBJECTS,
    NOT_READABLE,
    NOT_RECORDED,
    who_changed,
)
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.errors import CrmdeckError, QuotaExceededError, SourceError

MOMENT = "2026-05-16T12:00:00Z"
OWNERS = [
    {"userId": 7, "firstName": "Kim", "lastName": "Lee", "email": "kim@example.com"},
    {"userId": 8, "firstName": None, "email": "ops@example.com"},
    {"userId": 9},
    {"firstName": "No", "lastName": "Id"},
]


class Portal:
    """Answers with these properties of deals, archived ones apart, and these owners."""

    def __init__(
        self,
        *properties: Mapping[str, Any],
        archived: tuple[Mapping[str, Any], ...] = (),
        owners: list[dict[str, Any]] | None = None,
        failing: Callable[[str, bool], CrmdeckError | None] = lambda *_: None,
    ) -> None:
        self.answers = {"current": list(properties), "archived": list(archived)}
        self.owners = OWNERS if owners is None else owners
        self.failing = failing
        self.asked: list[str] = []

    def get(self, family: str, rest: str, *, query: Mapping[str, str]) -> Response:
        archived = query.get("archived") == "true"
        self.asked.append(f"{family}/{rest}" + (" archived" if archived else ""))
        if error := self.failing(family, archived):
            raise error
        if family == "owners":
            return Response(200, {"results": self.owners})
        return Response(200, {"results": self.answers["archived" if archived else "current"]})


def changed_by(portal: Portal, *changes: ChangedThing) -> dict[ChangedThing, Attribution | str]:
    return who_changed(cast(HubSpotClient, portal), changes)


def prop(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "updatedAt": MOMENT, **more}


@pytest.mark.parametrize(
    ("user", "by"),
    [("7", "Kim Lee"), (8, "ops@example.com"), ("9", "user 9"), ("10", "user 10")],
)
def test_the_last_editor_is_named_by_the_owners(user: object, by: str) -> None:
    portal = Portal(prop("amount", updatedUserId=user, createdUserId="1"))
    change = ("deals", "amount")
    at = datetime(2026, 5, 16, 12, tzinfo=UTC)
    assert changed_by(portal, change) == {change: Attribution(by, at, "properties")}


def test_the_creator_counts_if_no_one_edited_it() -> None:
    portal = Portal(prop("amount", createdUserId="7", updatedAt="soon"))
    change = ("deals", "amount")
    assert changed_by(portal, change) == {change: Attribution("Kim Lee", None, "properties")}


def test_gaps_have_reasons_and_owners_are_read_on_demand() -> None:
    portal = Portal(prop("amount"))
    changes = [("deals", "amount"), ("deals", "missing"), ("deals", None)]
    assert list(changed_by(portal, *changes).values()) == [NO_OBJECTS, NOT_RECORDED, NOT_READABLE]
    assert not any(path.startswith("owners") for path in portal.asked)


def test_owners_are_read_once_and_properties_once_an_object() -> None:
    portal = Portal(prop("amount", updatedUserId=7), prop("stage", updatedUserId=8))
    changed_by(portal, ("deals", "amount"), ("deals", "stage"), ("contacts", "amount"))
    assert sorted(portal.asked) == sorted(
        [
            *("properties/deals", "properties/deals archived", "owners/"),
            *("properties/contacts", "properties/contacts archived"),
        ]
    )


def test_an_archived_property_is_found_and_a_current_one_wins() -> None:
    old, new = prop("stage", updatedUserId=8), prop("stage", updatedUserId=7)
    gone = prop("amount", updatedUserId=7)
    found = changed_by(Portal(new, archived=(old, gone)), ("deals", "stage"), ("deals", "amount"))
    assert {each.by for each in found.values() if isinstance(each, Attribution)} == {"Kim Lee"}


def test_failed_response_keeps_the_other() -> None:
    def failing(family: str, archived: bool) -> CrmdeckError | None:
        return SourceError("No.", code="HTTP_500") if family == "properties" and archived else None

    portal = Portal(prop("amount", updatedUserId=7), failing=failing)
    [answer] = changed_by(portal, ("deals", "amount")).values()
    assert isinstance(answer, Attribution)
    assert changed_by(portal, ("deals", "gone")) == {("deals", "gone"): NOT_READABLE}


def test_without_owners_the_number_of_the_user_is_given() -> None:
    def failing(family: str, _: bool) -> CrmdeckError | None:
        return SourceError("No.", code="HTTP_500") if family == "owners" else None

    portal = Portal(prop("amount", updatedUserId=7), failing=failing)
    [answer] = changed_by(portal, ("deals", "amount")).values()
    assert isinstance(answer, Attribution)
    assert answer.by == "user 7"


@pytest.mark.parametrize("family", ["properties", "owners"])
def test_connection_wide_failure_raises(family: str) -> None:
    def failing(asked: str, _: bool) -> CrmdeckError | None:
        return QuotaExceededError("Used up.") if asked == family else None

    with pytest.raises(QuotaExceededError):
        changed_by(Portal(prop("amount", updatedUserId=7), failing=failing), ("deals", "amount"))
