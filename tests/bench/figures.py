"""What a benchmark yields: figures, each with all its samples, and its peer of the same run.

A benchmark is a module `bench_NAME` whose `figures(quick)` yields them as they are measured;
`quick` asks for fewer rounds and smaller loads. `python -m tests.bench` runs them all.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing: `samples` in `unit`, of which less is better.

    `peer` names the figure of the same benchmark that this one is held against; it is yielded
    before. With `more_is_better` the samples are rates.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    peer: str = ""
    more_is_better: bool = False

    @property
    def median(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples)

    @property
    def spread(self) -> float:
        """Half of the distance between the extremes, as a share of the median."""
        if not self.median:
            return 0.0
        return (max(self.samples) - min(self.samples)) / 2 / abs(self.median)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Figure:
        """Return what `to_json` wrote."""
        return cls(**{**told, "samples": tuple(told["samples"])})


def timed(work: Callable[[], object], times: int) -> tuple[float, ...]:
    """Return the milliseconds of each of several runs of `work`."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    return tuple(spent)


def ratios(figures: Iterable[Figure]) -> dict[str, float]:
    """Return by the name of each figure that has a peer how many times the peer's it is."""
    medians: dict[str, float] = {}
    found = {}
    for figure in figures:
        medians[figure.name] = figure.median
        if medians.get(figure.peer):
            found[figure.name] = figure.median / medians[figure.peer]
    return found


def line(figure: Figure, so_far: Iterable[Figure]) -> str:
    """Return a line on one of the figures `so_far`: median, extremes, times its peer."""
    low, high = min(figure.samples), max(figure.samples)
    extremes = f"{_digits(low)} to {_digits(high)}" if len(figure.samples) > 1 else ""
    told = f"  {figure.name:<58} {_digits(figure.median):>9} {figure.unit:<5} {extremes:<20}"
    ratio = ratios(so_far).get(figure.name)
    return told + (f" {ratio:7.2f} times {figure.peer}" if ratio is not None else "")


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(figures: Iterable[Figure]) -> None:
    """Print figures for people, each as soon as it is there."""
    so_far: list[Figure] = []
    for figure in figures:
        so_far.append(figure)
        print(line(figure, so_far).rstrip(), flush=True)


def emit(module: str, quick: bool) -> None:
    """Print the figures of a benchmark as lines of JSON, each as soon as it is there."""
    for figure in import_module(module).figures(quick=quick):
        print(json.dumps(figure.to_json()), flush=True)


if __name__ == "__main__":
    emit(sys.argv[1], "--quick" in sys.argv[2:])
