"""What a refresh with one very large object costs: `python -m tests.bench memory`.

Each platform of the sandbox serves an object with 30,000 fields, one with a picklist of 100,000
values, and one of 32 MB. Each refresh is a process of its own: its peak memory, and the seconds of
its processor, first and after one field changed.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from crmdeck.model import Platform
from crmdeck.sandbox import Sandbox, Scenario
from crmdeck.sandbox.history import AlterField, Change, State
from crmdeck.sandbox.scenario import Organization
from crmdeck.sandbox.schema import FieldDef, ObjectDef, Value
from tests.bench.figures import Figure, show
from tests.bench.large_schema import large_objects

CASES = ("30,000 fields", "100,000 picklist values", "32 MB")
_FIELDS, _VALUES = 30_000, 100_000
# The fields of a describe have 1,300 bytes, those of a property list 800.
_FIELDS_OF_32_MB = {"salesforce": 25_800, "hubspot": 42_000}
PLATFORMS: tuple[Platform, ...] = ("salesforce", "hubspot")


def large_object(platform: Platform, case: str) -> ObjectDef:
    """Return the object of a case."""
    count = {CASES[0]: _FIELDS, CASES[1]: 50, CASES[2]: _FIELDS_OF_32_MB[platform]}[case]
    (target,) = large_objects(1, 1, count).values()
    fields = list(target.fields.values())
    if case == CASES[1]:
        values = tuple(Value(f"V{n:06d}", f"Value number {n}") for n in range(_VALUES))
        name = "everything__c" if platform == "salesforce" else "everything"
        kind = "picklist" if platform == "salesforce" else "enumeration"
        fields.append(FieldDef(name, "Everything", kind, values=values, widget="select"))
    if platform == "salesforce":
        return target.with_fields(fields)
    fields = [
        each if each.type == "enumeration" else replace(each, type="string", widget="text")
        for each in fields
    ]
    return ObjectDef("deals", "Deal", "Deals").with_fields(fields)


def serve(pipe: Pipe, platform: Platform, case: str) -> None:
    """Serve the object; a message moves the sandbox to the present, after the change."""
    target = large_object(platform, case)
    last = list(target.fields)[-1]
    change = Change(timedelta(days=1), (AlterField((target.name,), last, {"label": "Changed"}),))
    state = State({target.name: target})
    org = Organization("large", platform, "Large", state, (change,), domain="large")
    scenario = Scenario((org,), Scenario.demo().people)
    with Sandbox(scenario) as sandbox:
        sandbox.set_now(sandbox.anchor - timedelta(days=2))
        pipe.send((sandbox.access("large").endpoint, sandbox.access("large").secrets))
        pipe.recv()
        sandbox.set_now(None)
        pipe.send(None)
        threading.Event().wait()


def run(home: Path, secrets: dict[str, str], *arguments: str) -> tuple[float, float]:
    """Run `crmdeck`; return its processor seconds and its peak memory in MB."""
    own = {f"CRMDECK_LARGE_{name.upper()}": value for name, value in secrets.items()}
    environment = {**os.environ, **own, "CRMDECK_HOME": str(home), "CRMDECK_SECRETS": "environment"}
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.execve(sys.executable, [sys.executable, "-m", "crmdeck", *arguments], environment)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"crmdeck {' '.join(arguments)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(platform: Platform, case: str) -> Iterator[Figure]:
    """Yield the figures of one platform and one case."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, platform, case), daemon=True)
    process.start()
    endpoint, secrets = ours.recv()
    with tempfile.TemporaryDirectory() as home:
        crmdeck = partial(run, Path(home), secrets)
        source = ("--source", platform, "--endpoint", endpoint)
        crmdeck("connections", "add", "large", *source, "--secrets", "environment")
        for kind in ("first", "one field changed"):
            if kind != "first":
                ours.send(None)
                ours.recv()
            seconds, memory = crmdeck("refresh", "large")
            yield Figure(f"{platform}, {case}, {kind}: peak memory", "MB", (memory,))
            yield Figure(f"{platform}, {case}, {kind}", "s", (seconds,))
    process.terminate()


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure all cases, or the one with 30,000 fields."""
    for case in CASES[: 1 if quick else None]:
        for platform in PLATFORMS:
            yield from measure(platform, case)


if __name__ == "__main__":
    show(figures())
