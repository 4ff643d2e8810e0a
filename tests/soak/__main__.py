"""The long forms, as one command; the first line of each answer says what was tried."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmdeck.sandbox import Sandbox
from tests.postgres import OwnServer, execute, with_database
from tests.soak.crash import Crash, Tally, check, prepare
from tests.soak.crowd import run_crowd
from tests.soak.damage import try_many
from tests.soak.hostile import attack
from tests.soak.worker import Workers

# So many kills lie between two checks; the server is cut down together with each tenth worker.
_CHECK_EVERY, _CUT_DOWN_EVERY = 5, 10


@contextmanager
def _place(engine: str) -> Iterator[tuple[Path, str, OwnServer | None]]:
    """Yield a folder, where the workspace is to be, and the server that holds it, if one does."""
    with tempfile.TemporaryDirectory(prefix="crmdeck-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        if engine == "duckdb":
            yield folder, str(folder / "home"), None
            return
        (folder / "server").mkdir()
        server = OwnServer(folder / "server")
        try:
            # What a server that is cut down had reported must be on the disk.
            execute(server.url, "ALTER SYSTEM RESET synchronous_commit", "SELECT pg_reload_conf()")
            execute(server.url, "CREATE DATABASE soak")
            yield folder, with_database(server.url, "soak"), server
        finally:
            server.end()


def crash(kills: int, engine: str, seed: int) -> None:
    """Kill workers, and over PostgreSQL the server too, and tell what was held."""
    with Sandbox() as sandbox, _place(engine) as (folder, place, server):
        begun = time.monotonic()
        workers = Workers()
        soak = Crash(folder, place, sandbox, workers, seed=seed)
        try:
            for number in range(1, kills + 1):
                too = server if number % _CUT_DOWN_EVERY == 0 else None
                soak.kill_once(too.cut_down if too else None)
                if too is not None:
                    too.come_back()
                if number % _CHECK_EVERY == 0 or number == kills:
                    soak.check()
                if number % 50 == 0:
                    print(f"{time.monotonic() - begun:6.0f} s  {soak.tally}", flush=True)
        finally:
            workers.end()
        print(f"{engine}: {soak.tally}; all of it is there, no half")
        _tell_refused(soak.tally)


def crowd(seconds: float, engine: str, seed: int) -> None:
    """Let six processes at one workspace, and tell what they did and how long they waited."""
    with Sandbox() as sandbox, _place(engine) as (folder, place, _):
        (folder / "home").mkdir(exist_ok=True)
        token = prepare(place, folder, sandbox, random.Random(seed))
        tally = run_crowd(place, folder, token, steps=1_000_000, seconds=seconds)
        check(place, folder, tally)
        print(f"{engine}: {seconds:.0f} s; {tally.written()}; nothing lost, nothing twice")
        for role, number in tally.steps.items():
            print(f"  {role}: {number:,} steps, the longest {tally.longest[role]:.1f} s")
        _tell_refused(tally)


def _tell_refused(tally: Tally) -> None:
    for what, times in tally.refused.most_common(12):
        print(f"  {times} x {what[:200]}")


def disk(rounds: int, seed: int) -> None:
    """Let workers run into a full disk: a small one of its own where that may be mounted."""
    dice = random.Random(seed)
    with Sandbox() as sandbox, _place("duckdb") as (folder, place, _):
        home = Path(place)
        home.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", place]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        workers = Workers()
        soak = Crash(folder, place, sandbox, workers, seed=seed)
        ballast = home / "ballast"
        try:
            for _ in range(rounds):
                if mounted:
                    room = dice.choice((0, 4_096, 65_536, 1_000_000, 3_000_000))
                    free = shutil.disk_usage(home).free
                    ballast.write_bytes(bytes(max(0, free - room)))
                soak.work_on_full_disk(6, 0 if mounted else dice.choice((6_000, 16_384, 65_536)))
                ballast.unlink(missing_ok=True)
                soak.check()
        finally:
            workers.end()
            if mounted:
                subprocess.run(["umount", place], check=True)
        how = "a small file system that was filled" if mounted else "a limit on the length of files"
        print(f"{rounds} rounds on {how}: {soak.tally.written()} kept; nothing lost, no half")
        _tell_refused(soak.tally)


def damage(cases: int, seed: int) -> None:
    """Damage caches and logs, and tell what came of it."""
    for log in (False, True):
        with tempfile.TemporaryDirectory(prefix="crmdeck-soak-") as name:
            outcomes = try_many(Path(name), cases, seed=seed, log=log)
        print(f"{cases} damaged {'logs' if log else 'cache files'}:")
        for outcome, times in outcomes.most_common():
            print(f"  {times:5} {outcome}")


def hostile(requests: int, engine: str, seed: int) -> None:
    """Attack a server of two organizations, and tell which answers were wrong."""
    with _place(engine) as (folder, place, server):
        tally = attack(folder / "attacked", requests, seed, place if server else None)
    print(f"{engine}: {tally}; {len(tally.wrong)} wrong")
    for each in tally.wrong:
        print(f"  {each}")
    if tally.wrong:
        raise SystemExit(1)


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("crash")
    one.add_argument("--kills", type=int, default=500)
    one.add_argument("--engine", choices=("duckdb", "postgresql"), default="duckdb")
    one.add_argument("--seed", type=int, default=7)
    one = commands.add_parser("crowd")
    one.add_argument("--seconds", type=float, default=600)
    one.add_argument("--engine", choices=("duckdb", "postgresql"), default="duckdb")
    one.add_argument("--seed", type=int, default=7)
    one = commands.add_parser("disk")
    one.add_argument("--rounds", type=int, default=50)
    one.add_argument("--seed", type=int, default=7)
    one = commands.add_parser("damage")
    one.add_argument("--cases", type=int, default=500)
    one.add_argument("--seed", type=int, default=1000)
    one = commands.add_parser("hostile")
    one.add_argument("--requests", type=int, default=500)
    one.add_argument("--engine", choices=("duckdb", "postgresql"), default="duckdb")
    one.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.command == "crash":
        crash(given.kills, given.engine, given.seed)
    elif given.command == "crowd":
        crowd(given.seconds, given.engine, given.seed)
    elif given.command == "disk":
        disk(given.rounds, given.seed)
    elif given.command == "damage":
        damage(given.cases, given.seed)
    elif given.command == "hostile":
        hostile(given.requests, given.engine, given.seed)


if __name__ == "__main__":
    main()
