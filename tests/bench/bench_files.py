"""What a refresh from files costs at the size of an org and at ten times that.

Run as a script: `python -m tests.bench.bench_files [--times 1 10] [--export PATH] [--code SRC]`.
The export (else org-b's of `../shared/data`) is multiplied in memory and written to a temporary
folder. Each refresh is a process of its own, so that its peak memory is its own; `--code` names
the `src` of another checkout to measure beside this one. Prints processor seconds and MB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def measure(code: Path, objects: Sequence[dict[str, Any]], times: int) -> None:
    """Print one line for each kind of refresh."""
    with tempfile.TemporaryDirectory() as folder:
        home, export = Path(folder) / "home", Path(folder) / "all.json.gz"
        many = multiplied(objects, times)
        write(export, many)
        add = ("--source", "files", "--platform", "salesforce", "--path", str(export))
        run(code, home, "connections", "add", "bench", *add)
        for kind in ("first", "unchanged", "two fields changed"):
            if kind == "two fields changed":
                write(export, with_two_fields_changed(many))
            seconds, peak = run(code, home, "refresh", "bench")
            print(f"{times:3d}x  {kind:<20} {seconds:6.1f} s  {peak:7.0f} MB", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--export", type=Path, default=EXPORT)
    parser.add_argument("--code", type=Path, nargs="+", default=[SRC])
    options = parser.parse_args()
    with gzip.open(options.export, "rt", encoding="utf-8") as stream:
        objects = json.load(stream)
    for times in options.times:
        for code in options.code:
            print(code)
            measure(code, objects, times)


if __name__ == "__main__":
    main()
