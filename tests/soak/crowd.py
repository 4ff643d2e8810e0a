"""Six processes at one workspace: consoles, workers, checks and a server, each in its own way.

    python -m tests.soak.crowd HOME|URL FOLDER STEPS SECONDS

It imports all they need and forks them; each ends after so many steps, or seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path

from tests.soak.crash import Tally
from tests.soak.worker import FILES, TOKEN, Worker, open_workspace, report

ROLES = ("worker",) * 3 + ("check", "console", "server")


def run_crowd(place: str, folder: Path, token: str, *, steps: int, seconds: float) -> Tally:
    """Let the six do `steps` things each, for `seconds` at most, and return what they report."""
    environment = {**os.environ, TOKEN: token, "OPENBLAS_NUM_THREADS": "1"}
    environment["XDG_DATA_HOME"] = str(folder / "data")
    tally = Tally()
    ended: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.soak.crowd", place, str(folder), str(steps), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            tally.take(told)
            if "ended" in told:
                ended.append(told["ended"])
    assert ended == [0] * len(ROLES), ended
    return tally


def _worker(place: str, folder: Path, dice: random.Random) -> Generator[None, None, None]:
    worker = Worker(place, folder, dice)
    while True:
        worker.step()
        yield


def _check(place: str, folder: Path, dice: random.Random) -> Generator[None, None, None]:
    from tests.cli.shell import Shell

    while True:
        words = dice.choice((("check",), ("status",), ("drift", FILES), ("refresh", FILES)))
        done = Shell(Path("unused")).attempt(*words, "--json", env={"CRMDECK_HOME": place})
        # What a check finds is no failure of it, and what others are at is left to them.
        lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
        for error in map(json.loads, lines):
            known = error["code"] in ("REFRESH_RUNNING", "QUOTA_RESERVE")
            report(**{"refused" if known else "failed": f"{error['code']}: {error['error']}"})
        yield


def _server(place: str, folder: Path, dice: random.Random) -> Generator[None, None, None]:
    import httpx

    from crmdeck.server import Organization, create_app
    from crmdeck.server.accounts import ACCOUNTS_FILE, AccountBook
    from crmdeck.server.documents import document
    from tests.server.conftest import PASSWORD, serving, user

    with open_workspace(place, folder) as workspace:
        ids = [each.id for each in workspace.connections.all()]
        book = AccountBook(
            organizations=(Organization(id="acme", connections=tuple(ids)),),
            users=(user("dana@acme.example", "acme"),),
        )
        document(workspace, ACCOUNTS_FILE, AccountBook()).change(lambda _: book)
        with serving(create_app(workspace)) as url:
            body = {"email": "dana@acme.example", "password": PASSWORD}
            signed_in = httpx.post(f"{url}/api/auth/sign-in/email", json=body, timeout=300)
            client = httpx.Client(
                base_url=f"{url}/api/integrations", cookies=signed_in.cookies, timeout=300
            )
            while True:
                one = dice.choice(ids)
                what = dice.choice(("status", "schema", "schema/refresh"))
                method = "POST" if what == "schema/refresh" else "GET"
                answer = client.request(method, f"/{one}/{what}")
                if answer.status_code >= 500 or answer.status_code in (401, 404):
                    report(failed=f"{answer.status_code} {answer.text[:200]}")
                yield


async def _console(
    place: str, folder: Path, dice: random.Random, go_on: Callable[[], bool]
) -> None:
    from crmdeck.tui.app import CrmdeckApp

    with open_workspace(place, folder) as workspace:
        app = CrmdeckApp(workspace)
        async with app.run_test(size=(120, 36)) as pilot:
            while go_on():
                await pilot.press(dice.choice("12345jkjjr[]a"))
                await pilot.pause()


def _play(role: str, place: str, folder: Path, seed: int, steps: int, seconds: float) -> None:
    dice = random.Random(seed)
    deadline = time.monotonic() + seconds
    done, begun = 0, time.monotonic()

    def go_on() -> bool:
        nonlocal done, begun
        now = time.monotonic()
        if done:
            report(role=role, took=round(now - begun, 3))
        done, begun = done + 1, now
        return done <= steps and now < deadline

    if role == "console":
        asyncio.run(_console(place, folder, dice, go_on))
        return
    play = {"worker": _worker, "check": _check, "server": _server}[role](place, folder, dice)
    while go_on():
        next(play)
    play.close()


def main(place: str, folder: str, steps: str, seconds: str) -> None:
    """Fork the six, wait for them, and tell how each ended."""
    # Once for all of them.
    import tests.server.conftest  # noqa: F401

    children = []
    for number, role in enumerate(ROLES):
        if (child := os.fork()) == 0:
            code = 1
            try:
                _play(role, place, Path(folder), number, int(steps), float(seconds))
                code = 0
            except BaseException as error:  # noqa: BLE001
                report(failed=f"{role}: {type(error).__name__}: {error}")
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    for child in children:
        report(ended=os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
