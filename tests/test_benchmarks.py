"""The command of all benchmarks: each can be run by it, and two runs are compared beyond noise."""

from __future__ import annotations

import ast
from importlib import import_module

from tests.bench.__main__ import compare, names
from tests.bench.figures import Figure
from tests.bench.mutants import CORES, ROOT, mutants


def test_every_benchmark_yields_figures() -> None:
    for name in names():
        assert callable(import_module(f"tests.bench.bench_{name}").figures), name


def test_slowdown_beyond_noise_is_reported() -> None:
    was = [Figure("open", "ms", (99, 100, 101)), Figure("read", "/s", (9, 10), more_is_better=True)]
    noisy = [Figure("open", "ms", (80, 115, 150))]
    slower = [
        Figure("open", "ms", (149, 150, 151)),
        Figure("read", "/s", (4, 5), more_is_better=True),
    ]
    assert list(compare(was, noisy)) == []
    assert [line.split(",")[0].strip() for line in compare(was, slower)] == [
        "slower: open",
        "slower: read",
    ]


def test_ratio_noise_includes_its_peer() -> None:
    was = [Figure("floor", "ms", (50, 100, 150)), Figure("open", "ms", (200,) * 3, "floor")]
    now = [Figure("floor", "ms", (70,) * 3), Figure("open", "ms", (200,) * 3, "floor")]
    once = [Figure("open", "s", (10,))], [Figure("open", "s", (14,))]
    twice = [Figure("open", "s", (10,))], [Figure("open", "s", (20,))]
    assert [line for line in compare(was, now) if "open" in line] == []
    assert [len(list(compare(*each))) for each in (once, twice)] == [0, 1]


def test_slower_machine_is_not_reported() -> None:
    was = [Figure("floor", "ms", (10,)), Figure("open", "ms", (20,), "floor")]
    now = [Figure("floor", "ms", (30,)), Figure("open", "ms", (60,), "floor")]
    assert [line for line in compare(was, now) if "open" in line] == []
    assert Figure.from_json(now[1].to_json()) == now[1]


def test_every_mutant_is_another_program() -> None:
    for name in CORES:
        for mutant in list(mutants(name))[::20]:
            content = (ROOT / mutant.path).read_bytes()
            changed = mutant.apply(content)
            assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(content)), mutant
