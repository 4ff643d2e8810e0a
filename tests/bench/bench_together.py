"""How long the refresh of several CRMs takes at once, against one after the other.

`python -m tests.bench together`. The sandbox runs in a process of its own and adds a latency to
every answer.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from crmdeck.credentials import MemorySecrets
from crmdeck.sandbox import Access, Sandbox, Scenario
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.bench.figures import Figure, show

ORGS = ("acme-prod",)
PORTAL = "legacy-portal"
COPIES = 3
LATENCY = 0.3


def run_sandbox(pipe: Pipe, latency: float) -> None:
    """Serve the demo's CRMs until the process is ended."""
    with Sandbox(Scenario.demo(), latency=latency) as sandbox:
        pipe.send(([sandbox.access(org) for org in ORGS], sandbox.access(PORTAL)))
        threading.Event().wait()


def connect(ws: Workspace, orgs: list[Access], portal: Access) -> list[str]:
    """Connect each CRM `COPIES` times; return the names."""
    names = []
    for copy in range(COPIES):
        for number, org in enumerate(orgs):
            draft = ConnectionDraft(
                name=f"org-{number}-{copy}",
                source="salesforce",
                endpoint=org.endpoint,
                instance_url=org.instance_url,
            )
            ws.connections.add(draft, {"access_token": org.access_token})
            names.append(draft.name)
        draft = ConnectionDraft(name=f"portal-{copy}", source="hubspot", endpoint=portal.endpoint)
        ws.connections.add(draft, {"access_token": portal.private_app_token})
        names.append(draft.name)
    return names


def seconds(
    refresh: Callable[[Workspace, list[str]], object],
    orgs: list[Access],
    portal: Access,
) -> tuple[float, float]:
    """Return how long the first refresh of all takes in a new workspace, and the second."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.open(Path(folder) / "home", secrets=MemorySecrets()) as ws,
    ):
        names = connect(ws, orgs, portal)
        taken = []
        for _ in range(2):
            begin = time.perf_counter()
            refresh(ws, names)
            taken.append(time.perf_counter() - begin)
    return taken[0], taken[1]


def one_by_one(ws: Workspace, names: list[str]) -> None:
    """Refresh one after the other."""
    for name in names:
        ws.refreshes.run(name)


def at_once(ws: Workspace, names: list[str]) -> None:
    """Refresh all at once."""
    for attempt in ws.refreshes.run_many(names):
        if attempt.error is not None:
            raise attempt.error


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure both ways by turns, behind `LATENCY` seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_sandbox, args=(theirs, LATENCY), daemon=True)
    process.start()
    orgs, portal = ours.recv()
    seconds(at_once, orgs, portal)
    before, after = [], []
    for _ in range(1 if quick else 3):
        before.append(seconds(one_by_one, orgs, portal))
        after.append(seconds(at_once, orgs, portal))
    process.terminate()
    count = COPIES * (len(ORGS) + 1)
    for kind, at in (("first refresh", 0), ("second refresh", 1)):
        slow = f"{kind} of {count} CRMs, one by one"
        yield Figure(slow, "s", tuple(times[at] for times in before))
        yield Figure(f"{kind}, all at once", "s", tuple(times[at] for times in after), slow)


if __name__ == "__main__":
    show(figures())
