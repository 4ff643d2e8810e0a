"""Two servers of a team, behind pgbouncer if it is installed: `python -m tests.bench team`.

A hundred clients ask for status, the list of objects and single objects, while each server
refreshes a connection without end; once as fast as they can, once with a second between an answer
and the next request, as people do. The tail counts: p99 is shown beside the median. Then one
server is killed and started again, and the database is cut down and started again, with people at
work.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from crmdeck.model import Source, SyncOutcome
from crmdeck.server import Accounts
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.bench.bench_store import EXPORT
from tests.bench.figures import Figure, show
from tests.postgres import OwnServer, execute, pooler, with_database
from tests.server.conftest import PASSWORD

CLIENTS, POOL = 100, 10
OUTAGE = 30
"""Seconds with an outage at a third, and another at two thirds."""
EMAIL = "dana@acme.example"
PATHS = ("status", "schema", "schema?objectType=Account", "schema?objectType=Lead")


class Load:
    """What the clients asked, and how long each answer took."""

    def __init__(self, bases: Sequence[str], cookie: str, ids: Sequence[str]) -> None:
        self.bases, self.cookie, self.ids = bases, cookie, ids
        self.spent: list[float] = []
        self.refreshes: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.cut = 0
        """Connections that were cut or rejected."""

    async def run(self, seconds: float, pause: float) -> None:
        """Ask from all clients until then, while the servers refresh."""
        self._end, self._pause = time.monotonic() + seconds, pause
        clients = (self._client(number) for number in range(CLIENTS))
        refreshers = (self._refresher(number) for number in range(len(self.bases)))
        await asyncio.gather(*clients, *refreshers)

    async def _client(self, number: int) -> None:
        base = self.bases[number % len(self.bases)]
        org = self.ids[number // 2 % len(self.ids)]
        paths = itertools.islice(itertools.cycle(PATHS), number % 4, None)
        requests = (("GET", f"/integrations/{org}/{path}") for path in paths)
        await asyncio.sleep(self._pause * number / CLIENTS)
        await self._ask(base, requests, self.spent, self._pause)

    async def _refresher(self, number: int) -> None:
        requests = itertools.repeat(("POST", f"/integrations/{self.ids[number]}/schema/refresh"))
        await self._ask(self.bases[number], requests, self.refreshes)

    async def _ask(
        self,
        base: str,
        requests: Iterator[tuple[str, str]],
        spent: list[float],
        pause: float = 0,
    ) -> None:
        """Ask over one connection; httpx would take more of the processor than the servers.

        A cut connection is made again after a second, as people reload a page.
        """
        while time.monotonic() < self._end:
            try:
                await self._ask_over_one(base, requests, spent, pause)
            except (OSError, EOFError):
                self.cut += 1
                await asyncio.sleep(1)

    async def _ask_over_one(
        self, base: str, requests: Iterator[tuple[str, str]], spent: list[float], pause: float
    ) -> None:
        where = urlsplit(base)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for method, path in requests:
            began = time.monotonic()
            if began > self._end:
                break
            head = f"{method} {where.path}{path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
            head += f"Cookie: session_token={self.cookie}\r\nAccept-Encoding: gzip\r\n\r\n"
            writer.write(head.encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = answer.partition("content-length: ")[2].partition("\r\n")[0]
            await reader.readexactly(int(length or 0))
            spent.append(time.monotonic() - began)
            self.statuses[int(answer.split()[1])] += 1
            await asyncio.sleep(pause)
        writer.close()

    def figures(self, name: str, seconds: float) -> Iterator[Figure]:
        """Yield what came of it."""
        percentiles = statistics.quantiles(self.spent, n=100)
        median = f"{name}: an answer, median"
        yield Figure(median, "s", (percentiles[49],))
        yield Figure(f"{name}: an answer, p99", "s", (percentiles[98],), median)
        yield Figure(f"{name}: the slowest answer", "s", (max(self.spent),), median)
        rate = (len(self.spent) / seconds,)
        yield Figure(f"{name}: answers a second", "/s", rate, more_is_better=True)
        yield Figure(f"{name}: a refresh", "s", tuple(self.refreshes))
        errors = sum(number for status, number in self.statuses.items() if status >= 400)
        yield Figure(f"{name}: answers that are errors", "", (errors,))


@contextmanager
def server(home: str, data: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Yield the base URL of `crmdeck serve`, as on a machine of its own, and its process."""
    # A pipe that no one reads would stop it once its log fills it.
    with subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "serve", "--port", str(port), "--json"],
        env={**os.environ, "CRMDECK_HOME": home, "XDG_DATA_HOME": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if '"url"' in line)
            url = line.split('"')[3]
            yield f"{url}/api", process
        finally:
            process.kill()


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure a minute of it."""
    seconds = 10 if quick else 60
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "server").mkdir()
        own = OwnServer(folder / "server")
        stack.callback(own.end)
        execute(own.url, "CREATE DATABASE bench_team", "ALTER SYSTEM SET max_connections = 100")
        url = with_database(own.url, "bench_team")
        if shutil.which("pgbouncer"):
            url = stack.enter_context(pooler(url, folder, POOL))
        with Workspace.open(url, actor="operator") as workspace:
            ids = []
            for each in ("one", "two"):
                draft = ConnectionDraft(
                    name=each, source=Source.FILES, platform="salesforce", path=str(EXPORT)
                )
                ids.append(workspace.connections.add(draft).id)
                workspace.refreshes.run(each)
            Accounts(workspace).add_user(EMAIL, PASSWORD)
        started = [stack.enter_context(server(url, folder / each)) for each in ("a", "b")]
        bases = [base for base, _ in started]
        body = {"email": EMAIL, "password": PASSWORD}
        cookies = httpx.post(f"{bases[0]}/auth/sign-in/email", json=body, timeout=60).cookies
        for pause in (0.0, 1.0):
            load = Load(bases, cookies["session_token"], ids)
            asyncio.run(load.run(seconds, pause))
            yield from load.figures(f"pause {pause:g} s", seconds)
        load = Load(bases, cookies["session_token"], ids)

        def kill_a_server() -> None:
            started[0][1].kill()
            started[0][1].wait()
            port = urlsplit(bases[0]).port or 0
            stack.enter_context(server(url, folder / "a", port))

        def cut_the_database() -> None:
            own.cut_down()
            own.come_back()

        async def disturbed() -> None:
            loop = asyncio.get_running_loop()
            work = asyncio.create_task(load.run(OUTAGE, 1))
            for deed in (kill_a_server, cut_the_database):
                await asyncio.sleep(OUTAGE / 3)
                await loop.run_in_executor(None, deed)
            await work

        asyncio.run(disturbed())
        yield from load.figures("with outages", OUTAGE)
        yield Figure("with outages: connections cut", "", (load.cut,))
        with Workspace.open(url) as workspace, workspace.context.store.read() as session:
            runs = [session.runs.history(each, 100_000) for each in ids]
        kept = sum(run.outcome is SyncOutcome.OK for each in runs for run in each)
        yield Figure("refreshes in the history", "", (kept,), more_is_better=True)


if __name__ == "__main__":
    show(figures())
