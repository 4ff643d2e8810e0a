"""What a refresh from files and an export cost at the size of an org and at ten times that.

`python -m tests.bench files`. Org-b's export of the shared data is multiplied in memory and written
to a temporary folder. Each command is a process of its own, so that its peak memory is its own.
Seconds are the processor's. As a script it takes `--code SRC ...`, the `src` of other checkouts to
measure beside this one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, show

EXPORT = Path(__file__).parents[3] / "shared/data/salesforce/org-b/all-objects.1.json.gz"
SRC = Path(__file__).parents[2] / "src"


def multiplied(objects: Sequence[dict[str, Any]], times: int) -> list[dict[str, Any]]:
    """Return the objects, and `times` - 1 more sets of them under names of their own."""
    more = [
        {**each, "name": f"{each['name']}_{number}"}
        for number in range(1, times)
        for each in objects
    ]
    return [*objects, *more]


def with_two_fields_changed(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects with another label on a field of the first and of the last one."""
    changed = list(objects)
    for index in (0, -1):
        first, *rest = changed[index]["fields"]
        changed[index] = {**changed[index], "fields": [{**first, "label": "Changed"}, *rest]}
    return changed


def write(path: Path, objects: Sequence[dict[str, Any]]) -> None:
    """Write the export as one gzipped list."""
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as stream:
        json.dump(objects, stream, separators=(",", ":"))


def run(code: Path, home: Path, *arguments: str) -> tuple[float, float]:
    """Run `crmdeck`; return its processor seconds and its peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(code), "CRMDECK_HOME": str(home)}
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        command = [sys.executable, "-m", "crmdeck", *arguments]
        os.execve(sys.executable, command, environment)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 4):
        raise SystemExit(f"crmdeck {' '.join(arguments)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(
    code: Path, objects: Sequence[dict[str, Any]], times: int, label: str = ""
) -> Iterator[Figure]:
    """Yield processor seconds and peak memory of each kind of refresh and of exports."""
    with tempfile.TemporaryDirectory() as folder:
        home, export = Path(folder) / "home", Path(folder) / "all.json.gz"
        many = multiplied(objects, times)
        write(export, many)
        add = ("--source", "files", "--platform", "salesforce", "--path", str(export))
        run(code, home, "connections", "add", "bench", *add)
        first = f"{label}{times}x: refresh, first"
        for kind, peer in (("first", ""), ("unchanged", first), ("two fields changed", first)):
            if kind == "two fields changed":
                write(export, with_two_fields_changed(many))
            name = f"{label}{times}x: refresh, {kind}"
            yield from _both(name, run(code, home, "refresh", "bench"), peer)
        for suffix in ("csv", "json"):
            file = str(Path(folder) / f"out.{suffix}")
            spent = run(code, home, "export", "bench", "--what", "schema", "-o", file)
            yield from _both(f"{label}{times}x: export, {suffix}", spent, first)


def _both(name: str, spent: tuple[float, float], peer: str) -> Iterator[Figure]:
    memory = "peak memory of "
    yield Figure(name, "s", spent[:1], peer)
    yield Figure(f"{memory}{name}", "MB", spent[1:], f"{memory}{peer}" if peer else "")


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure this checkout at both sizes."""
    yield from _at_sizes([SRC], [1] if quick else [1, 10])


def _at_sizes(checkouts: Sequence[Path], sizes: Sequence[int]) -> Iterator[Figure]:
    with gzip.open(EXPORT, "rt", encoding="utf-8") as stream:
        objects = json.load(stream)
    for times in sizes:
        for code in checkouts:
            yield from measure(code, objects, times, f"{code} " if len(checkouts) > 1 else "")


def main() -> None:
    """Measure the checkouts named, else this one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--code", type=Path, nargs="+", default=[SRC])
    options = parser.parse_args()
    show(_at_sizes(options.code, options.times))


if __name__ == "__main__":
    main()
