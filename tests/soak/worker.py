"""A process that works on a workspace until it is killed, and reports each write once it is kept.

    python -m tests.soak.worker

It imports all it needs and then, for each line of stdin, forks a child that works: at a place, by
a seed, for ever or for so many steps, and with so many bytes that a file may have. Each report is a
line of JSON on stdout; a line that was cut by a kill is none.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CacheBusyError, ConflictError, CrmdeckError, QuotaExceededError
from crmdeck.model import Choice, DecisionState
from crmdeck.server import create_app
from crmdeck.store import leases
from crmdeck.workspace import Context, Workspace
from tests.cli.shell import Shell
from tests.server.conftest import serving

PAIR = "deal_registration--Opportunity"
FILES, PORTAL = "files", "portal"
TOKEN = "CRMDECK_PORTAL_ACCESS_TOKEN"
USER = "dana@acme.example"
_PARTNER_FIELDS = ("accountName", "accountDomain", "contactName")
_OBJECTS = ("Account", "Lead", "Opportunity")


def report(**what: object) -> None:
    """Say that something is kept. It goes out whole: a short line is one write."""
    os.write(1, ("\n" + json.dumps(what) + "\n").encode())


def export(folder: Path, dice: random.Random) -> None:
    """Write describes that differ a little from the last ones; each file is there whole."""
    for name in _OBJECTS:
        if name == "Lead" and dice.random() < 0.2:
            (folder / f"{name}.json").unlink(missing_ok=True)
            continue
        fields = [
            {
                "name": f"F{number}__c",
                "label": f"Field {dice.randrange(3)}",
                "type": dice.choice(("string", "string", "double")),
                "length": dice.choice((40, 80)),
                "nillable": True,
                "createable": True,
                "updateable": True,
                "custom": True,
            }
            for number in range(20)
            if number < 5 or dice.random() < 0.9
        ]
        first = {"name": "Id", "label": f"{name} ID", "type": "id", "nillable": False}
        draft = folder / f"{name}.{os.getpid()}.new"
        described = {"name": name, "label": name, "custom": False, "fields": [first, *fields]}
        draft.write_text(json.dumps(described))
        draft.replace(folder / f"{name}.json")


class Worker:
    """What one process does, by the dice; with `serves`, some of it through a server in it."""

    def __init__(
        self, place: str, folder: Path, dice: random.Random, *, serves: bool = False
    ) -> None:
        self._place = place
        self._folder = folder
        self._dice = dice
        self._workspace = open_workspace(place, folder)
        self._actions: tuple[tuple[Callable[[], None], int], ...] = (
            (self.refresh_files, 5),
            (self.refresh_portal, 2),
            (self.refresh_by_command, 2),
            (self.decide, 4),
            (self.decide_by_command, 1),
            (self.acknowledge, 3),
            (self.back_up, 1),
            (self.ask_server, 5 * serves),
        )

    def step(self) -> None:
        """Do one thing; what is refused because others are at it is no failure."""
        actions, weights = zip(*self._actions, strict=True)
        [action] = self._dice.choices(actions, weights)
        try:
            action()
        except (CacheBusyError, ConflictError, QuotaExceededError) as error:
            report(refused=error.code)
        except CrmdeckError as error:
            report(failed=f"{error.code}: {error} {error.cause or ''}")

    def refresh_files(self) -> None:
        export(self._folder / "exports", self._dice)
        result = self._workspace.refreshes.run(FILES, accept_suspect=True)
        self._refreshed(FILES, [event.id for event in result.drift_events])

    def refresh_portal(self) -> None:
        result = self._workspace.refreshes.run(PORTAL, accept_suspect=True)
        self._refreshed(PORTAL, [event.id for event in result.drift_events])

    def refresh_by_command(self) -> None:
        export(self._folder / "exports", self._dice)
        words = ("refresh", FILES, "--accept-suspect", "--json")
        done = Shell(Path("unused")).attempt(*words, env=self._environment)
        if done.code:
            report(refused=done.stderr[-200:])
            return
        self._refreshed(FILES, [event["id"] for event in json.loads(done.stdout)["driftEvents"]])

    def decide(self) -> None:
        choice = Choice(
            partner_field=self._dice.choice(_PARTNER_FIELDS),
            state=DecisionState.REJECTED,
            crm_field=f"F{self._dice.randrange(5)}__c",
        )
        made = self._workspace.mappings.record_decisions(FILES, PAIR, [choice])
        report(decisions=[decision.id for decision in made])

    def decide_by_command(self) -> None:
        field = f"contactName=F{self._dice.randrange(5)}__c"
        words = ("mapping", "reject", FILES, PAIR, field, "--encoder", "none", "--json")
        done = Shell(Path("unused")).attempt(*words, env=self._environment)
        if done.code:
            report(refused=done.stderr[-200:])
            return
        report(decisions=[each["id"] for each in json.loads(done.stdout)])

    def acknowledge(self) -> None:
        open_ones = self._workspace.drift.report(acknowledged=False).events
        some = [event.id for event in self._dice.sample(open_ones, min(3, len(open_ones)))]
        self._workspace.drift.acknowledge(some, "seen in passing")
        report(acknowledged=some)

    def back_up(self) -> None:
        file = self._folder / f"backup-{self._dice.randrange(3)}.zip"
        made = self._workspace.backups.write(file)
        report(backup=str(file), decisions_in_it=made.tables.get("decision", 0))

    def ask_server(self) -> None:
        """Refresh and decide by requests to a server that dies with this process."""
        if self._dice.random() < 0.5:
            export(self._folder / "exports", self._dice)
            answer = self._client.post("/schema/refresh")
            if answer.is_success:
                events = [event["id"] for event in answer.json()["driftEvents"]]
                self._refreshed(FILES, events, served=True)
        else:
            choice = {"partnerField": self._dice.choice(_PARTNER_FIELDS), "state": "rejected"}
            choice["crmField"] = f"F{self._dice.randrange(5)}__c"
            body = {"objectPair": PAIR, "choices": [choice]}
            answer = self._client.post("/mapping/decisions", json=body)
            if answer.is_success:
                report(decisions=[each["id"] for each in answer.json()], served=True)
        if not answer.is_success:
            kind = "failed" if answer.status_code == 500 else "refused"
            report(**{kind: f"{answer.status_code} {answer.json()['code']}"})

    @cached_property
    def _client(self) -> httpx.Client:
        app = create_app(self._workspace)
        url = serving(app).__enter__()
        deck = app.state.deck
        token, _ = deck.sessions.start(deck.accounts.user(USER), "main")
        key = self._workspace.connections.get(FILES).id
        base = f"{url}/api/integrations/{key}"
        return httpx.Client(base_url=base, cookies={"session_token": token}, timeout=300)

    def _refreshed(self, name: str, events: list[str], **more: object) -> None:
        # Nobody else refreshes this connection meanwhile where only one process works.
        with self._workspace.context.store.read() as session:
            connection = session.connections.find(name)
            assert connection is not None
            run = session.snapshots.latest_refresh(connection.id)
        report(refresh=run, connection=connection.id, drift=len(events), events=events[:20], **more)

    @property
    def _environment(self) -> dict[str, str]:
        return {"CRMDECK_HOME": self._place}


def open_workspace(place: str, folder: Path) -> Workspace:
    """Open the workspace in a folder or, where `place` is a URL, in a database."""
    database = place if "://" in place else None
    home = folder / "home" if database else Path(place)
    token = os.environ.get(TOKEN)
    secrets = MemorySecrets()
    context = Context(home, database=database, actor="worker", secrets=secrets)
    workspace = Workspace(context)
    if token:
        with context.store.read() as session:
            connection = session.connections.find(PORTAL)
        if connection is not None:
            context.put_secrets(connection, {"access_token": token})
    return workspace


class Workers:
    """The process that forks workers; who has it kills them."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )

    def begin(
        self,
        place: str,
        folder: Path,
        token: str,
        seed: int,
        *,
        steps: int = 0,
        longest_file: int = 0,
    ) -> int:
        """Start a worker, and return its process once it works; 0 is no limit."""
        assert self.process.stdin is not None
        order = (place, str(folder), token, seed, steps, longest_file)
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.next("ready")["ready"])

    def next(self, *wanted: str) -> dict[str, Any]:
        """Return the next report that has one of these keys, or any."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if not wanted or any(key in told for key in wanted):
                return dict(told)
        raise RuntimeError("the workers ended")

    def end(self) -> None:
        """Let go of them; the last one was killed."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Fork a worker for each line of stdin, and tell when it has ended."""
    for line in sys.stdin:
        place, folder, token, seed, steps, longest_file = json.loads(line)
        if (child := os.fork()) == 0:
            os.setsid()
            os.environ[TOKEN] = token
            # A home of its own, for what the commands keep beside a database.
            os.environ["XDG_DATA_HOME"] = str(Path(folder) / "data")
            try:
                dice = random.Random(seed)
                _work(Worker(place, Path(folder), dice, serves=True), steps, longest_file)
                os._exit(0)
            except BaseException as error:  # noqa: BLE001
                report(failed=f"{type(error).__name__}: {error}")
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        report(ended=status)


def _work(worker: Worker, steps: int, longest_file: int) -> None:
    if longest_file:
        # Imported here, for there is none on Windows.
        import resource

        # Python would cut the byte code of what is imported from now on, and break it for everyone.
        sys.dont_write_bytecode = True
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest_file, hard))
    report(ready=os.getpid())
    for _ in range(steps) if steps else itertools.count():
        worker.step()


if __name__ == "__main__":
    # Otherwise the killed ones would keep the others from refreshes for most of the run.
    leases.LEASE = timedelta(seconds=0.5)
    main()
