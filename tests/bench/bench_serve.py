"""Measure `crmdeck serve` under load: `python -m tests.bench.bench_serve [--seconds N]`.

Twenty clients ask a server over org-b's cache for status, the list of objects and single objects,
while refreshes run without end, over a DuckDB file and over PostgreSQL; prints answers a second,
the failures, the median, p99, and what a first fetch of all schemas takes.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Platform, Source
from crmdeck.server import create_app
from crmdeck.server.accounts import Accounts
from crmdeck.workspace import ConnectionDraft, Context, Workspace
from tests.bench.bench_store import EXPORT
from tests.server.conftest import PASSWORD, serving

CLIENTS = 20
EMAIL = "dana@acme.example"


def measure(workspace: Workspace, seconds: float) -> None:
    """Print how a server over `workspace` stands the load."""
    draft = ConnectionDraft(
        name="org-b", source=Source.FILES, platform=Platform.SALESFORCE, path=str(EXPORT)
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
            whole = len(answer.content) / 1e6
            print(f"  first fetch: 1 request, {packed:.2f} MB of {whole:.1f} MB, {took:.1f} s")
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
    median, p99 = percentiles[49], percentiles[98]
    print(
        f"  {len(spent) / seconds:.1f} answers/s, {dict(statuses)}, {next(refreshes)} refreshes, "
        f"median {median:.2f} s, p99 {p99:.2f} s ({p99 / median:.1f} times), "
        f"longest {max(spent):.2f} s"
    )


def main() -> None:
    """Measure both engines in one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    from tests.postgres import server_url

    with tempfile.TemporaryDirectory() as folder:
        for name, database in (("DuckDB", None), ("PostgreSQL", server_url())):
            print(name)
            context = Context(Path(folder) / name, database=database, secrets=MemorySecrets())
            with Workspace(context) as workspace:
                measure(workspace, options.seconds)


if __name__ == "__main__":
    main()
