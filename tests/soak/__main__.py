"""The long forms, as one command; the first line of each answer says what was tried."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from crmdeck.sandbox import Sandbox
from tests.postgres import OwnServer, execute, with_database
from tests.soak.crash import Crash
from tests.soak.damage import try_many

# So many kills lie between two checks; the server is cut down together with each tenth worker.
_CHECK_EVERY, _CUT_DOWN_EVERY = 5, 10


def crash(kills: int, engine: str, seed: int) -> None:
    """Kill workers, and over PostgreSQL the server too, and tell what was held."""
    with (
        tempfile.TemporaryDirectory(prefix="crmdeck-soak-", ignore_cleanup_errors=True) as name,
        Sandbox() as sandbox,
    ):
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        server = database = None
        if engine == "postgresql":
            (folder / "server").mkdir()
            server = OwnServer(folder / "server")
            # What a server that was cut down had reported must be on the disk.
            execute(server.url, "ALTER SYSTEM RESET synchronous_commit", "SELECT pg_reload_conf()")
            execute(server.url, "CREATE DATABASE soak")
            database = with_database(server.url, "soak")
        begun = time.monotonic()
        soak = Crash(folder, sandbox, database=database, seed=seed)
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
            soak.end()
            if server is not None:
                server.end()
        print(f"{engine}: {soak.tally}; all of it is there, no half")
        for what, times in soak.tally.refused.most_common(8):
            print(f"  {times} x {what}")


def damage(cases: int, seed: int) -> None:
    """Damage caches and logs, and tell what came of it."""
    for log in (False, True):
        with tempfile.TemporaryDirectory(prefix="crmdeck-soak-") as name:
            outcomes = try_many(Path(name), cases, seed=seed, log=log)
        print(f"{cases} damaged {'logs' if log else 'cache files'}:")
        for outcome, times in outcomes.most_common():
            print(f"  {times:5} {outcome}")


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("crash")
    one.add_argument("--kills", type=int, default=500)
    one.add_argument("--engine", choices=("duckdb", "postgresql"), default="duckdb")
    one.add_argument("--seed", type=int, default=7)
    one = commands.add_parser("damage")
    one.add_argument("--cases", type=int, default=500)
    one.add_argument("--seed", type=int, default=1000)
    given = parser.parse_args()
    if given.command == "crash":
        crash(given.kills, given.engine, given.seed)
    elif given.command == "damage":
        damage(given.cases, given.seed)


if __name__ == "__main__":
    main()
