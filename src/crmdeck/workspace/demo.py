"""The demo: a workspace over the sandbox CRM, with ninety days of history, offline.

It is built once by replaying the sandbox's history through the real connectors and kept in the
user's cache folder; when it is older than half a day, or of another version, it is built anew.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crmdeck import __version__
from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.base import Connector, Credentials, TokenListener
from crmdeck.connectors.tuning import Tuning
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import Connection, DecisionState, Direction, Platform, Source, to_utc
from crmdeck.secrets import MemorySecrets
from crmdeck.settings import Settings, cache_home
from crmdeck.workspace.base import open_source
from crmdeck.workspace.connecting import ConnectionDraft
from crmdeck.workspace.deciding import Choice
from crmdeck.workspace.facade import Workspace

FRESH_FOR = timedelta(hours=12)
STAMP = "built-at"
ACTOR = "priya.raman"
NIGHTLY = "nightly"
HISTORY = timedelta(days=90)
LAST_SYNC = timedelta(minutes=47)
DISCONNECTED = "legacy-portal"

# What the operator had accepted before most of the drift came: some of it breaks later.
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
    """A clock that is set by hand while history is replayed, and runs afterwards."""

    moment: datetime | None = None

    def __call__(self) -> datetime:
        """Return the moment that was set, else the present one."""
        return self.moment or utc_now()


class SandboxLink:
    """Starts the sandbox when a connector is first opened, and leads connectors to it."""

    def __init__(self, anchor: datetime, clock: Clock) -> None:
        self._anchor = anchor
        self._clock = clock
        self._sandbox: Any = None
        self._guard = threading.Lock()

    def __call__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        tuning: Tuning | None = None,
    ) -> Connector:
        """Open the real connector of a platform against the sandbox.

        What is no connection of the demo's own goes where it says.
        """
        if connection.source is not Source.SANDBOX or connection.endpoint:
            return open_source(connection)(connection, credentials, listener, tuning or Tuning())
        sandbox = self._started()
        if connection.platform is Platform.SALESFORCE:
            from crmdeck.connectors.salesforce import open_connector

            access = sandbox.salesforce(connection.name)
            secrets = {
                "access_token": access.access_token,
                "refresh_token": access.refresh_token,
                "client_id": access.client_id,
                "client_secret": access.client_secret,
            }
        else:
            from crmdeck.connectors.hubspot import open_connector

            access = sandbox.hubspot(connection.name)
            secrets = {"access_token": access.private_app_token}
        reached = connection.model_copy(update={"endpoint": access.endpoint})
        return open_connector(reached, _Access(secrets, credentials), listener, tuning)

    def stop(self) -> None:
        """Stop the sandbox, if it was started."""
        with self._guard:
            if self._sandbox is not None:
                self._sandbox.stop()
                self._sandbox = None

    def _started(self) -> Any:
        from crmdeck.sandbox import Sandbox, World

        with self._guard:
            if self._sandbox is None:
                self._sandbox = Sandbox(World.demo(), clock=self._clock, anchor=self._anchor)
                self._sandbox.start()
            return self._sandbox


class _Access:
    """The sandbox's secrets, until a connector has refreshed them."""

    def __init__(self, secrets: Mapping[str, str], credentials: Credentials) -> None:
        self._secrets = secrets
        self._credentials = credentials

    def get(self, name: str) -> str | None:
        """Return the secret of that name, or None."""
        return self._credentials.get(name) or self._secrets.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        """Store secrets."""
        self._credentials.put(values)


@contextmanager
def open_demo(
    *, read_only: bool = False, folder: Path | None = None, at: datetime | None = None
) -> Iterator[Workspace]:
    """Open the demo workspace, built first where there is none that is fresh.

    `folder` is where it is kept, the user's cache folder otherwise. With `at` the demo is one of
    its own, thrown away afterwards, in which time stands still at that moment: it looks the same
    every time.
    """
    with tempfile.TemporaryDirectory(prefix="crmdeck-") if at else nullcontext() as scratch:
        clock: Clock = utc_now
        if at is not None and scratch is not None:
            home, anchor = Path(scratch) / "demo", at
            _build(home, at)
            clock = Hands(at)
        else:
            home = (folder or cache_home()) / f"demo-{__version__}"
            anchor = _ensure_built(home)
        link = SandboxLink(anchor, clock)
        workspace = Workspace(
            home,
            settings=Settings(actor=ACTOR),
            read_only=read_only,
            clock=clock,
            secrets=MemorySecrets(),
            connect=link,
        )
        try:
            with workspace:
                yield workspace
        finally:
            link.stop()


def serve_sandbox(
    *,
    port: int = 0,
    latency: float = 0.0,
    ready: Callable[[dict[str, Any]], None],
    forever: Callable[[], None] | None = None,
) -> None:
    """Run the sandbox until interrupted; `ready` is told where it is and how to get in."""
    from crmdeck.sandbox import Sandbox, World

    world = World.demo()
    try:
        sandbox = Sandbox(world, port=port, latency=latency)
        sandbox.start()
    except OSError as error:
        raise UsageError(
            f"Port {port} can't be used.",
            cause=error.strerror,
            remedy="Choose another --port, or 0 for a free one.",
            code="PORT_IN_USE",
        ) from None
    try:
        access: dict[str, Any] = {"url": sandbox.url}
        for organisation in world.organisations:
            if organisation.platform is Platform.SALESFORCE:
                org = sandbox.salesforce(organisation.name)
                access[organisation.name] = {
                    "endpoint": org.endpoint,
                    "accessToken": org.access_token,
                }
            else:
                portal = sandbox.hubspot(organisation.name)
                access[organisation.name] = {
                    "endpoint": portal.endpoint,
                    "accessToken": portal.private_app_token,
                }
        ready(access)
        (forever or _sleep_forever)()
    except KeyboardInterrupt:
        pass
    finally:
        sandbox.stop()


def _ensure_built(home: Path) -> datetime:
    from filelock import FileLock

    anchor = _built_at(home)
    if anchor is not None:
        return anchor
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(f"{home}.lock"):
        anchor = _built_at(home)
        if anchor is not None:
            return anchor
        scratch = Path(tempfile.mkdtemp(dir=home.parent, prefix=".demo-"))
        try:
            anchor = utc_now()
            _build(scratch, anchor)
            if home.exists():
                shutil.rmtree(home)
            scratch.rename(home)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return anchor


def _built_at(home: Path) -> datetime | None:
    try:
        anchor = to_utc(datetime.fromisoformat((home / STAMP).read_text(encoding="ascii")))
    except (OSError, ValueError):
        return None
    return anchor if timedelta(0) <= utc_now() - anchor < FRESH_FOR else None


def _build(home: Path, anchor: datetime) -> None:
    """Build the demo in `home`; its history ends at `anchor`."""
    hands = Hands(anchor - HISTORY)
    link = SandboxLink(anchor, hands)
    replay = _Replay(
        Workspace(
            home,
            settings=Settings(actor=NIGHTLY),
            clock=hands,
            secrets=MemorySecrets(),
            connect=link,
        ),
        hands,
        anchor,
    )
    try:
        replay.run()
    finally:
        link.stop()
    (home / STAMP).write_text(anchor.isoformat(), encoding="ascii")


class _Replay:
    """Plays ninety days of a team at work, in the order of time."""

    def __init__(self, workspace: Workspace, hands: Hands, anchor: datetime) -> None:
        from crmdeck.sandbox import World

        self._workspace = workspace
        self._hands = hands
        self._anchor = anchor
        self._world = World.demo()

    def run(self) -> None:
        """Play it all, under one lock and one connection to the cache."""
        steps: list[tuple[datetime, Callable[[], object]]] = []
        begin = self._anchor - HISTORY
        for organisation in self._world.organisations:
            name = organisation.name
            steps.append((begin, _step(self._add, name, organisation.platform)))
            moments = [begin + timedelta(hours=1)]
            moments += [
                self._anchor - change.before_now + timedelta(hours=2)
                for change in organisation.changes
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

    def _add(self, name: str, platform: Platform) -> None:
        draft = ConnectionDraft(
            id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.demo.crmdeck")),
            name=name,
            source=Source.SANDBOX,
            platform=platform,
            instance_url=(
                f"https://{name}.my.salesforce.com" if platform is Platform.SALESFORCE else None
            ),
        )
        with self._workspace.acting_as(ACTOR):
            self._workspace.add_connection(draft)

    def _refresh(self, name: str) -> None:
        try:
            self._workspace.refresh(name)
        except CrmdeckError:
            # The org that lost its authorisation: the failure is part of the story.
            return

    def _accept(self) -> None:
        with self._workspace.acting_as(ACTOR):
            for pair, fields in ACCEPTED.items():
                self._workspace.decide(
                    "acme-prod",
                    pair,
                    [
                        Choice(
                            partner_field=partner_field,
                            state=DecisionState.ACCEPTED,
                            crm_field=crm_field,
                            direction=Direction.PUSH,
                        )
                        for partner_field, crm_field in fields.items()
                    ],
                )

    def _disconnect(self) -> None:
        with self._workspace.acting_as(ACTOR):
            self._workspace.disconnect(DISCONNECTED)

    def _acknowledge(self) -> None:
        before = self._anchor - timedelta(days=60)
        events = self._workspace.drift("acme-prod").events
        with self._workspace.acting_as(ACTOR):
            self._workspace.acknowledge(
                [event.id for event in events if event.detected_at < before],
                "Known: agreed with the sales team.",
            )


def _step(action: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: action(*arguments)


def _sleep_forever() -> None:
    while True:
        time.sleep(3600)
