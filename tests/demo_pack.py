"""Makes the demo's history: `python -m tests.demo_pack`.

It replays ninety days through the real connectors against the sandbox, and packs them as a backup.
Random IDs are drawn from a seed, so that the same history is packed into the same rows.
"""

from __future__ import annotations

import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from crmdeck.clock import utc_now
from crmdeck.connectors.pool import in_parallel
from crmdeck.connectors.registry import vendor_of
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CrmdeckError
from crmdeck.home import CACHE_FILE
from crmdeck.model import Choice, DecisionState, Direction, Source
from crmdeck.sandbox import Organization, Scenario
from crmdeck.settings import Settings
from crmdeck.store import Store
from crmdeck.store.backup import write_backup
from crmdeck.store.duckdb_file import DuckDBFile
from crmdeck.workspace.connections.service import ConnectionDraft
from crmdeck.workspace.context import Context
from crmdeck.workspace.demo import ACTOR, HISTORY
from crmdeck.workspace.demo.link import SandboxLink
from crmdeck.workspace.workspace import Workspace

ANCHOR = datetime(2026, 5, 16, 12, tzinfo=UTC)
"""When the packed history ends: at the time of the pictures, so that they show it as it is."""

NIGHTLY = "nightly"
SPAN = timedelta(days=90)
LAST_SYNC = timedelta(minutes=47)
DISCONNECTED = "legacy-portal"

# Mappings that the user accepts before most of the changes; some break later.
ACCEPTED = {
    "deal_registration--Opportunity": {
        "accountName": "End_Customer_Name__c",
        "accountDomain": "End_Customer_Domain__c",
        "expectedCloseDate": "CloseDate",
        "estimatedValue": "Amount",
        "description": "Description",
        "contactEmail": "Decision_Contact_Email__c",
    },
    "partner--Account": {
        "name": "Name",
        "industry": "Industry",
        "employees": "NumberOfEmployees",
        "companyRevenue": "AnnualRevenue",
        "description": "Description",
    },
}


@dataclass
class Hands:
    """A clock that the replay sets, and that runs afterwards."""

    moment: datetime | None = None

    def __call__(self) -> datetime:
        """Return the set time, else the present."""
        return self.moment or utc_now()


def pack(path: Path, anchor: datetime = ANCHOR) -> None:
    """Write the demo's history, replayed up to `anchor`, to a backup at `path`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        hands = Hands(anchor - SPAN)
        link = SandboxLink(hands, anchor)
        context = Context(
            home,
            settings=Settings(actor=NIGHTLY),
            clock=hands,
            secrets=MemorySecrets(),
            connect=link,
        )
        dice = random.Random(1)

        def drawn() -> uuid.UUID:
            return uuid.UUID(int=dice.getrandbits(128), version=4)

        try:
            with (
                mock.patch("uuid.uuid4", drawn),
                # How many calls HubSpot answers before the quota is used up is chance otherwise.
                mock.patch("crmdeck.connectors.hubspot.discovery.in_parallel", _one_by_one),
            ):
                Replay(Workspace(context), hands, anchor).run()
        finally:
            link.stop()
            context.store.close()
        _drop_real_time(home / CACHE_FILE)
        write_backup(Store(home / CACHE_FILE, clock=lambda: anchor), path)


def _one_by_one(take: Any, threads: int, *others: Any) -> Iterator[Any]:
    return in_parallel(take, min(threads, 1), *others)


def _drop_real_time(cache: Path) -> None:
    """Remove the times of this machine's clock, which connectors note for themselves."""
    file = DuckDBFile.open(cache)
    try:
        file.run("UPDATE quota SET observed_at = read_at; DELETE FROM validators")
    finally:
        file.close()


class Replay:
    """Replays ninety days of a team's work in order."""

    def __init__(self, workspace: Workspace, hands: Hands, anchor: datetime) -> None:
        self._workspace = workspace
        self._user = workspace.on_behalf_of(ACTOR)
        self._hands = hands
        self._anchor = anchor
        self._scenario = Scenario.demo()

    def run(self) -> None:
        """Replay everything under one lock and one connection to the cache."""
        steps: list[tuple[datetime, Callable[[], object]]] = []
        begin = self._anchor - SPAN
        for organization in self._scenario.organizations:
            name = organization.name
            steps.append((begin, _step(self._add, organization)))
            moments = [begin + timedelta(hours=1)]
            moments += [
                self._anchor - change.before_now + timedelta(hours=2)
                for change in organization.changes
            ]
            if name != DISCONNECTED:
                moments.append(self._anchor - LAST_SYNC)
            steps += [
                (moment, _step(self._refresh, name)) for moment in moments if moment < self._anchor
            ]
        steps.append((begin + timedelta(days=2), self._accept))
        steps.append((self._anchor - timedelta(days=12), self._disconnect))
        steps.append((self._anchor - timedelta(days=11), self._acknowledge))
        with self._workspace.hold():
            for moment, step in sorted(steps, key=lambda pair: pair[0]):
                self._hands.moment = moment
                step()

    def _add(self, organization: Organization) -> None:
        example = vendor_of(organization.platform).own_url_example
        draft = ConnectionDraft(
            id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{organization.name}.demo.crmdeck")),
            name=organization.name,
            source=Source.SANDBOX,
            platform=organization.platform,
            instance_url=example and example.replace("MYDOMAIN", organization.name),
        )
        self._user.connections.add(draft)

    def _refresh(self, name: str) -> None:
        try:
            self._workspace.refreshes.run(name)
        except CrmdeckError:
            # The demo includes the failure of the org with revoked tokens.
            return

    def _accept(self) -> None:
        for pair, fields in ACCEPTED.items():
            answer = self._user.mappings.suggest("acme-prod", pair)
            matches: dict[tuple[str, str | None], float] = {}
            for one in answer.suggestions:
                name = one.partner_field
                matches |= {(name, each.crm_field): each.confidence for each in one.alternatives}
                matches[name, one.crm_field] = one.confidence
            self._user.mappings.record_decisions(
                "acme-prod",
                pair,
                [
                    Choice(
                        partner_field=partner_field,
                        state=DecisionState.ACCEPTED,
                        crm_field=crm_field,
                        direction=Direction.PUSH,
                        confidence=round(matches[partner_field, crm_field], 4),
                    )
                    for partner_field, crm_field in fields.items()
                ],
            )

    def _disconnect(self) -> None:
        self._user.connections.disconnect(DISCONNECTED)

    def _acknowledge(self) -> None:
        before = self._anchor - timedelta(days=60)
        events = self._workspace.drift.report("acme-prod").events
        self._user.drift.acknowledge(
            [event.id for event in events if event.detected_at < before],
            "Known: agreed with the sales team.",
        )


def _step(action: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: action(*arguments)


if __name__ == "__main__":
    pack(HISTORY)
