"""The sync user's permissions: what they add up to, and how many calls that takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmdeck.connectors.base import AccessReader
from crmdeck.connectors.salesforce.rules import Asker
from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.model import CancelToken, EffectiveAccess
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.sandbox.permissions import AssignedDef, GroupDef
from tests.connectors.crm import salesforce_to, sent

MAPPED = ("Account", "Contact", "Lead", "Opportunity")


def read(sandbox: Sandbox, known: EffectiveAccess | None = None) -> tuple[EffectiveAccess, int]:
    """Return the access of the sync user, and the calls of quota that it took."""
    connector, _ = salesforce_to(sandbox)
    assert isinstance(connector, AccessReader)
    sync = sandbox.permissions("acme-prod").sync
    sandbox.requests.clear()
    found = connector.read_access(sync, MAPPED, known, CancelToken(), sandbox.anchor)
    return found, len([path for path in sent(sandbox, oauth=False) if path.count("/") > 3])


def test_read_access_counts_calls_until_something_changes(sandbox: Sandbox) -> None:
    tables = sandbox.permissions("acme-prod")
    first, calls = read(sandbox)
    assert calls == 2
    assert (first.user, first.is_active) == ("partneros@acme.example", True)
    assert first.objects["Opportunity"] == "CRED"
    assert first.of_field("Opportunity", "Amount") == {"R": True, "E": True}
    assert first.of_field("Opportunity", "NextStep") == {"R": True, "E": False}
    same, calls = read(sandbox, first)
    assert calls == 1
    assert same is first
    # A lost permission has no row: the latest stamp of the others doesn't change.
    before = tables.changed_at
    tables.deny("Opportunity.Amount", "RE")
    tables.changed_at = before
    lost, calls = read(sandbox, same)
    assert calls == 2
    assert lost.of_field("Opportunity", "Amount") == {"R": False, "E": False}
    tables.deny("Opportunity.Amount", "E")
    back, calls = read(sandbox, lost)
    assert (calls, back.of_field("Opportunity", "Amount")) == (2, {"R": True, "E": False})


def test_read_access_many_rows_follows_pages(sandbox: Sandbox) -> None:
    tables = sandbox.permissions("acme-prod")
    tables.sets["Wide"] = {f"Opportunity.Part_{number}__c": "RE" for number in range(4_000)}
    tables.assigned.append(AssignedDef(tables.sync, "Wide"))
    found, calls = read(sandbox)
    assert found.of_field("Opportunity", "Part_3999__c") == {"R": True, "E": True}
    assert calls == 4


def test_read_access_planted_holes_finds_each(sandbox: Sandbox) -> None:
    tables = sandbox.permissions("acme-prod")
    tables.denied |= {f"Opportunity.{name}": "RE" for name in ("Amount", "Type", "LeadSource")}
    tables.sets |= {
        "Deals": {"Opportunity.Amount": "RE"},
        "Old": {"Opportunity.Type": "RE"},
        "Rebuilt": {"Opportunity.LeadSource": "RE", "Opportunity": "R"},
        "Eyes": {"Account": "RV"},
    }
    tables.groups["Team"] = GroupDef(("Deals",), mutes={"Opportunity.Amount": "E"})
    tables.groups["Fresh"] = GroupDef(("Rebuilt",), status="Outdated")
    tables.denied |= {"Account.Industry": "RE"}
    yesterday = sandbox.anchor - timedelta(days=1)
    soon = sandbox.anchor + timedelta(days=5)
    tables.assigned += [
        AssignedDef(tables.sync, "Team"),
        AssignedDef(tables.sync, "Fresh"),
        AssignedDef(tables.sync, "Old", expires_at=yesterday),
        AssignedDef(tables.sync, "Eyes", expires_at=soon),
    ]
    found, _ = read(sandbox)
    # Muted, outdated, expired, and View All Fields.
    assert found.of_field("Opportunity", "Amount") == {"R": True, "E": None}
    assert found.unsure == ("Fresh",)
    assert found.of_field("Opportunity", "LeadSource") == {"R": None, "E": None}
    assert list(found.expiring) == ["Eyes"]
    tables.groups["Fresh"].status = "Updated"
    found, _ = read(sandbox, found)
    assert found.of_field("Opportunity", "Amount") == {"R": True, "E": False}
    assert found.of_field("Opportunity", "LeadSource") == {"R": True, "E": True}
    assert found.of_field("Opportunity", "Type") == {"R": False, "E": False}
    assert found.of_field("Account", "Industry") == {"R": True, "E": False}
    assert found.why["Opportunity.Type"] == (
        f"The assignment of Old expired on {yesterday:%Y-%m-%d}."
    )


def test_read_access_without_rights_raises_with_the_reason(sandbox: Sandbox) -> None:
    tables = sandbox.permissions("acme-prod")
    mine = list(tables.assigned)
    tables.assigned = [each for each in mine if each.user_id == tables.reader]
    with pytest.raises(SourceError, match="can't read the permissions"):
        read(sandbox)
    tables.assigned = mine
    sandbox.fault("acme-prod", Fault(FaultKind.FORBIDDEN, path="composite"))
    with pytest.raises(CrmdeckError, match=r"permission|access"):
        read(sandbox)


def test_find_users_by_name_id_or_similar(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    assert isinstance(connector, AccessReader)
    tables = sandbox.permissions("acme-prod")
    [found] = connector.find_users("partneros@acme.example")
    assert (found.id, found.is_match) == (tables.sync, True)
    assert connector.find_users(tables.sync) == (found,)
    others = connector.find_users("o'hara\\")
    assert found._replace(is_match=False) in others
    assert not any(each.is_match for each in others)


def test_composite_sixth_query_is_rejected(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    queries = {f"q{number}": "query?q=SELECT Id FROM User" for number in range(6)}
    asker = Asker(connector._client, CancelToken())  # type: ignore[attr-defined]
    with pytest.raises(SourceError):
        asker.composite("composite", queries)
