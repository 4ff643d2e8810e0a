"""All benchmarks, as one command: a table for people, JSON for machines.

    python -m tests.bench [NAME ...] [--quick] [--json FILE] [--compare OLD]

Each benchmark runs in a process of its own. `--json` writes what was measured, with the machine
and the versions; `--compare` holds this run against such a file and tells what became slower
beyond the noise: by the ratio to the peer of the same run where there is one, since machines
differ, else by the figure itself. A benchmark that can't run here is named, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, line, ratios

FOLDER = Path(__file__).parent
LIBRARIES = ("crmdeck", "duckdb", "pydantic", "textual", "numpy", "psycopg", "simple-salesforce")
LONGEST = 300
SLOWER = 0.1
"""What changed by less than this share is not told, however small the spread."""

ONCE = 0.25
"""The spread of what was measured once only, as large as that of most on a busy machine."""


def names() -> tuple[str, ...]:
    """Return the benchmarks."""
    return tuple(sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py")))


def run(name: str, quick: bool) -> Iterator[Figure]:
    """Yield the figures of a benchmark as it measures them.

    Raises RuntimeError with the last that it said where it fails.
    """
    command = [sys.executable, "-m", "tests.bench.figures", f"tests.bench.bench_{name}"]
    # A user's machine has byte code; without it each start would compile crmdeck anew.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        [*command, *(["--quick"] if quick else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            if line.startswith("{"):
                yield Figure.from_json(json.loads(line))
            else:
                last = line.strip() or last
    if process.returncode:
        raise RuntimeError(f"ended with {process.returncode}: {last[:LONGEST]}")


def machine() -> dict[str, Any]:
    """Return on what this runs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memoryMb": round(memory / 1e6),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def compare(before: Sequence[Figure], now: Sequence[Figure]) -> Iterator[str]:
    """Yield a line for each figure that differs by more than the spread of both runs.

    A ratio spreads as the figure does and its peer.
    """
    old_ratios, new_ratios = ratios(before), ratios(now)
    old = {figure.name: figure for figure in before}
    new = {figure.name: figure for figure in now}
    measured: tuple[Figure, ...]
    for figure in now:
        was = old.get(figure.name)
        if was is None or was.unit != figure.unit or not was.median:
            continue
        if figure.name in old_ratios and figure.name in new_ratios:
            change, by = new_ratios[figure.name] / old_ratios[figure.name], f" beside {figure.peer}"
            measured = (was, figure, old[figure.peer], new[figure.peer])
        else:
            change, by = figure.median / was.median, ""
            measured = (was, figure)
        worse = 1 / change if figure.more_is_better and change else change
        if abs(worse - 1) > max(SLOWER, sum(map(_noise, measured))):
            word = "slower" if worse > 1 else "faster"
            yield f"  {word}: {figure.name}, {worse:.2f} times what it was{by}"


def _noise(figure: Figure) -> float:
    return figure.spread if len(figure.samples) > 1 else ONCE


def main() -> int:
    """Run, print, write and compare; return 1 where something failed or became slower."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*names(), []], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller loads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--compare", type=Path, metavar="OLD", help="a file that --json wrote")
    options = parser.parse_args()
    # Read first: a file that is none is told before an hour has gone.
    before = json.loads(options.compare.read_text("utf-8")) if options.compare else None
    around = machine()
    print(json.dumps(around))
    found: dict[str, list[Figure]] = {}
    bad = False
    for name in options.names or names():
        print(name, flush=True)
        figures = found[name] = []
        try:
            for figure in run(name, options.quick):
                figures.append(figure)
                print(line(figure, figures).rstrip(), flush=True)
        except RuntimeError as error:
            print(f"  {error}", flush=True)
            bad = True
        if before is not None:
            was = [Figure.from_json(each) for each in before["figures"].get(name, ())]
            for difference in compare(was, figures):
                bad = bad or "slower" in difference
                print(difference, flush=True)
    if options.json:
        told = {name: [figure.to_json() for figure in each] for name, each in found.items()}
        text = json.dumps({"machine": around, "figures": told}, indent=1)
        options.json.write_text(text, "utf-8")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
