"""`crmdeck serve` under load: `python -m tests.bench serve`.

Twenty clients ask a server over org-b's cache for status, the list of objects and single objects,
while refreshes run without end, over a DuckDB file and over PostgreSQL.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.server import create_app
from crmdeck.server.accounts import Accounts
from crmdeck.workspace import ConnectionDraft, Context, Workspace
from tests.bench.bench_store import EXPORT
from tests.bench.figures import Figure, show
from tests.server.conftest import PASSWORD, serving

CLIENTS = 20
EMAIL = "dana@acme.example"


def measure(workspace: Workspace, engine: str, seconds: float) -> Iterator[Figure]:
    """Yield how a server over `workspace` stands the load."""
    draft = ConnectionDraft(
        name="org-b", source=Source.FILES, platform="salesforce", path=str(EXPORT)
    )
    org = workspace.connections.add(draft).id
    workspace.refreshes.run("org-b")
    Accounts(workspace).add_user(EMAIL, PASSWORD)
    end = threading.Event()
    refreshes = itertools.count()

    def refresh() -> None:
        while not end.is_set():
            workspace.refreshes.run("org-b")
            next(refreshes)

    with serving(create_app(workspace)) as url:
        base = f"{url}/api"
        body = {"email": EMAIL, "password": PASSWORD}
        cookies = httpx.post(f"{base}/auth/sign-in/email", json=body, timeout=60).cookies
        with httpx.Client(cookies=cookies, timeout=60) as client:
            begun = time.perf_counter()
            answer = client.get(f"{base}/integrations/{org}/schemas")
            took = time.perf_counter() - begun
            packed = int(answer.headers["Content-Length"]) / 1e6
            yield Figure(f"{engine}: first fetch of all schemas", "s", (took,))
            yield Figure(f"{engine}: first fetch, packed", "MB", (packed,))
        spent: list[float] = []
        statuses: Counter[int] = Counter()
        stop = time.monotonic() + seconds

        def ask(number: int) -> None:
            paths = ("status", "schema", "schema?objectType=Account", "schema?objectType=Lead")
            with httpx.Client(cookies=cookies, timeout=120) as client:
                for path in itertools.islice(itertools.cycle(paths), number % 4, None):
                    if time.monotonic() > stop:
                        return
                    begun = time.perf_counter()
                    answer = client.get(f"{base}/integrations/{org}/{path}")
                    spent.append(time.perf_counter() - begun)
                    statuses[answer.status_code] += 1

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
        refresher = threading.Thread(target=refresh)
        refresher.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end.set()
        refresher.join()
    percentiles = statistics.quantiles(spent, n=100)
    median = f"{engine}: an answer, median"
    yield Figure(median, "s", (percentiles[49],))
    yield Figure(f"{engine}: an answer, p99", "s", (percentiles[98],), median)
    rate = (len(spent) / seconds,)
    yield Figure(f"{engine}: answers a second", "/s", rate, more_is_better=True)
    done = (next(refreshes) / seconds * 60,)
    yield Figure(f"{engine}: refreshes a minute", "/min", done, more_is_better=True)
    refused = sum(number for status, number in statuses.items() if status >= 400)
    yield Figure(f"{engine}: answers that are errors", "", (refused,))


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure both engines in one run."""
    from tests.postgres import server_url

    with tempfile.TemporaryDirectory() as folder:
        for engine, database in (("DuckDB", None), ("PostgreSQL", server_url())):
            context = Context(Path(folder) / engine, database=database, secrets=MemorySecrets())
            with Workspace(context) as workspace:
                yield from measure(workspace, engine, 10 if quick else 60)


if __name__ == "__main__":
    show(figures())
