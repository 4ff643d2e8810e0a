"""Processes killed at any moment: what they reported as kept is there, and nothing is half."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmdeck.model import Source
from crmdeck.sandbox import Sandbox
from crmdeck.server import Accounts
from crmdeck.store.backup import check_backup
from crmdeck.workspace import ConnectionDraft
from crmdeck.workspace.doctor import examine_log
from tests.server.conftest import PASSWORD
from tests.soak.derivation import derive
from tests.soak.worker import FILES, PORTAL, USER, Workers, export, open_workspace

SANDBOX_PORTAL = "acme-marketing"
# Reports that a worker is given before it is killed, and the longest that it works on after them.
_REPORTS, _SECONDS = 4, 0.4


@dataclass
class Tally:
    """What was done, and what was reported as kept."""

    kills: int = 0
    server_kills: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    longest: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    refreshes: set[tuple[str, str]] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    decisions: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    backups: dict[str, int] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        """Count a report."""
        for key in ("refresh", "decisions", "acknowledged", "backup", "served"):
            self.writes[key] += bool(told.get(key))
        if "took" in told:
            self.longest[told["role"]] = max(self.longest[told["role"]], told["took"])
            self.steps[told["role"]] += 1
        for key in ("refused", "failed"):
            if key in told:
                self.refused[f"{key}: {told[key]}"] += 1
        if "refresh" in told:
            self.refreshes.add((told["connection"], told["refresh"]))
            self.events.update(told["events"])
        self.decisions.update(told.get("decisions", ()))
        self.acknowledged.update(told.get("acknowledged", ()))
        if "backup" in told:
            self.backups[told["backup"]] = told["decisions_in_it"]

    def written(self) -> str:
        """Return how much of what was reported as kept."""
        return ", ".join(f"{number:,} {what}" for what, number in self.writes.items())

    def __str__(self) -> str:
        servers = f", the server {self.server_kills} times" if self.server_kills else ""
        return f"{self.kills} kills{servers}; reported as kept: {self.written()}"


class Crash:
    """A workspace at `place`, a folder or the URL of a database, and those who die at work."""

    def __init__(
        self, folder: Path, place: str, sandbox: Sandbox, workers: Workers, *, seed: int = 7
    ) -> None:
        self.tally = Tally()
        self._folder = folder
        self._sandbox = sandbox
        self._dice = random.Random(seed)
        self._place = place
        self._checked: dict[str, int] = {}
        self._workers = workers
        self._token = prepare(place, folder, sandbox, self._dice)

    def kill_once(self, cut_down: Callable[[], None] | None = None) -> None:
        """Let a worker work, kill it, and its server where `cut_down` does that, and listen."""
        moments = self._sandbox.moments(SANDBOX_PORTAL)
        self._sandbox.set_now(self._dice.choice(moments), SANDBOX_PORTAL)
        seed = self._dice.randrange(2**32)
        process = self._workers.begin(self._place, self._folder, self._token, seed)
        for _ in range(self._dice.randrange(_REPORTS)):
            self.tally.take(self._workers.next())
        time.sleep(self._dice.uniform(0, _SECONDS))
        if cut_down is not None:
            cut_down()
            self.tally.server_kills += 1
        os.killpg(process, signal.SIGKILL)
        self.tally.kills += 1
        while "ended" not in (told := self._workers.next()):
            self.tally.take(told)
        assert os.WTERMSIG(told["ended"]) == signal.SIGKILL

    def work_on_full_disk(self, steps: int, longest_file: int) -> None:
        """Let a worker do so many steps where nothing is written behind so many bytes of a file."""
        self._workers.begin(
            self._place,
            self._folder,
            self._token,
            self._dice.randrange(2**32),
            steps=steps,
            longest_file=longest_file,
        )
        while "ended" not in (told := self._workers.next()):
            self.tally.take(told)
        assert told["ended"] == 0

    def check(self) -> None:
        """Hold what is there against what was reported, and against itself."""
        self._checked = check(self._place, self._folder, self.tally, self._checked)


def check(
    place: str, folder: Path, tally: Tally, checked: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Hold what a workspace has against what was reported, and against itself.

    `checked` has the last refresh of each connection whose drift was found again already; the
    same is returned for the next check.
    """
    wrong = [finding for finding in examine_log(place) if not finding.ok]
    assert not wrong, wrong
    last = dict(checked or {})
    with (
        open_workspace(place, folder) as workspace,
        workspace.context.store.read() as session,
    ):
        for table in ("decision", "drift_event", "story", "sync_run", "audit_entry"):
            [(twice,)] = session.database.rows(f"SELECT count(*) - count(DISTINCT id) FROM {table}")
            assert twice == 0, f"{twice} twice in {table}"
        for connection in session.connections.all():
            runs = {run.id for run in session.runs.history(connection.id, 1_000_000)}
            assert {run for key, run in tally.refreshes if key == connection.id} <= runs
            for found in derive(session, connection.id, after=last.get(connection.id, -1)):
                assert found.derived == found.stored, (connection.name, found.run_id)
                last[connection.id] = found.seq
        events = session.drift.by_ids(sorted(tally.events | tally.acknowledged))
        assert tally.events <= events.keys()
        assert all(events[key].acknowledged_at for key in tally.acknowledged)
        assert tally.decisions <= {each.id for each in session.decisions.log()}
    for file, decisions in tally.backups.items():
        # One that was written later may hold more.
        assert check_backup(Path(file)).rows["decision"] >= decisions
    return last


def prepare(place: str, folder: Path, sandbox: Sandbox, dice: random.Random) -> str:
    """Make a workspace with exported schemas and a portal; return the token of the portal."""
    access = sandbox.access(SANDBOX_PORTAL)
    (folder / "exports").mkdir()
    export(folder / "exports", dice)
    with open_workspace(place, folder) as workspace:
        workspace.connections.add(
            ConnectionDraft(
                name=FILES,
                source=Source.FILES,
                platform="salesforce",
                path=str(folder / "exports"),
            )
        )
        workspace.connections.add(
            ConnectionDraft(name=PORTAL, source="hubspot", endpoint=access.endpoint),
            {"access_token": access.private_app_token},
        )
        workspace.refreshes.run(FILES)
        Accounts(workspace).add_user(USER, PASSWORD)
    return access.private_app_token
