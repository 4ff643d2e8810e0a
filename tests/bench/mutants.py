"""Mutation test of the pure cores: how many small errors their own tests miss.

    python -m tests.bench.mutants [CORE ...] [-n 60] [--seed 1] [--at FILE:LINE] [--list]

Each mutant negates a condition, moves a bound or drops a call in a copy of the project. It
survives if the tests of that core pass all the same. The figure to watch is the number of
survivors in a sample; the same seed draws the same mutants from the same code.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = Path("src/crmdeck")


@dataclass(frozen=True)
class Core:
    """Code to mutate, and the tests that must notice."""

    code: str
    tests: tuple[str, ...]
    without: frozenset[str] = frozenset()


CORES = {
    "mapping": Core("mapping", ("tests/mapping",)),
    "matching": Core("matching", ("tests/matching",), frozenset({"encoder.py"})),
    "drift": Core("drift", ("tests/drift",)),
    "attribution": Core(
        "connectors/hubspot/attribution.py",
        ("tests/connectors/hubspot/test_hubspot_attribution.py",),
    ),
}

# A hung mutant is a noticed one: it gets this many times what the tests need without it.
PATIENCE = 4
_MOVED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_OPERATORS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SAME_TYPE = frozenset(
    {"casefold", "lower", "removeprefix", "removesuffix", "rstrip", "lstrip", "strip", "title"}
)
_FIRST_ARGUMENT = frozenset({"abs", "max", "min", "reversed", "round", "sorted"})


@dataclass(frozen=True)
class Mutant:
    """One edit: the bytes from `start` to `end` of a file become `after`."""

    core: str
    path: Path
    line: int
    start: int
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path.relative_to(SOURCE)}:{self.line}: {before} -> {after}"

    def apply(self, content: bytes) -> bytes:
        """Return the file with the edit."""
        return content[: self.start] + self.after.encode() + content[self.end :]


class _Finder(ast.NodeVisitor):
    """Collects the mutants of one file."""

    def __init__(self, core: str, path: Path, content: bytes) -> None:
        self.found: list[Mutant] = []
        self._core, self._path, self._content = core, path, content
        self._lines = [0]
        for line in content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def _range(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr) -> str:
        start, end = self._range(node)
        return self._content[start:end].decode()

    def _add(self, node: ast.expr | ast.stmt, start: int, end: int, after: str) -> None:
        before = self._content[start:end].decode()
        self.found.append(Mutant(self._core, self._path, node.lineno, start, end, before, after))

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return
        self._add(test, *self._range(test), f"(not ({self._text(test)}))")

    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        if node.guard is not None:
            self._negate(node.guard)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            moved = _MOVED.get(type(operator))
            if moved is not None:
                start, end = self._range(left)[1], self._range(right)[0]
                between = self._content[start:end].decode()
                self._add(right, start, end, between.replace(_OPERATORS[type(operator)], moved, 1))
            left = right
        self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper):
            if isinstance(bound, ast.Constant) and isinstance(bound.value, int):
                self._add(bound, *self._range(bound), str(bound.value + 1))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add(node, *self._range(node), "pass")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        kept: ast.expr | None = None
        if isinstance(called, ast.Attribute) and called.attr in _SAME_TYPE:
            kept = called.value
        elif isinstance(called, ast.Name) and called.id in _FIRST_ARGUMENT and node.args:
            two = len(node.args) == 2 and not isinstance(node.args[1], ast.Starred)
            if called.id not in ("max", "min") or two:
                kept = node.args[0]
        if kept is not None:
            self._add(node, *self._range(node), f"({self._text(kept)})")
        self.generic_visit(node)


def mutants(name: str, root: Path = ROOT) -> Iterator[Mutant]:
    """Yield every mutant of a core, by file and place."""
    core = CORES[name]
    code = root / SOURCE / core.code
    for path in [code] if code.is_file() else sorted(code.rglob("*.py")):
        if path.name in core.without:
            continue
        content = path.read_bytes()
        finder = _Finder(name, path.relative_to(root), content)
        finder.visit(ast.parse(content))
        yield from finder.found


class Laboratory:
    """A copy of the project in which mutants live one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        skipped = shutil.ignore_patterns("__pycache__")
        for part in ("src", "tests", "docs"):
            shutil.copytree(ROOT / part, folder / part, ignore=skipped)
        shutil.copy(ROOT / "pyproject.toml", folder)
        self._seconds: dict[str, float] = {}

    def pass_without(self, name: str) -> None:
        """Run the tests of a core unchanged; raises RuntimeError if they fail."""
        started = time.perf_counter()
        if not self._passes(name, timeout=None):
            raise RuntimeError(f"The tests of {name} fail without a mutant.")
        self._seconds[name] = time.perf_counter() - started

    def survives(self, mutant: Mutant) -> bool:
        """True if the tests of the mutant's core pass with it."""
        path = self._folder / mutant.path
        content = path.read_bytes()
        path.write_bytes(mutant.apply(content))
        try:
            return self._passes(mutant.core, timeout=30 + PATIENCE * self._seconds[mutant.core])
        finally:
            path.write_bytes(content)

    def _passes(self, name: str, timeout: float | None) -> bool:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, "--hypothesis-seed=0", *CORES[name].tests],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(self._folder / "src")},
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def sample(names: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Return `count` mutants of all these cores, or all if there are fewer."""
    found = [mutant for name in names for mutant in mutants(name)]
    return random.Random(seed).sample(found, min(count, len(found)))


def main() -> int:
    """Run the sample and print its survivors; return 0 unless the tests fail by themselves."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mutants", description=__doc__)
    parser.add_argument("cores", nargs="*", choices=[*CORES, []], metavar="CORE")
    parser.add_argument("-n", type=int, default=60, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", default=[], metavar="FILE:LINE")
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    options = parser.parse_args()
    names = options.cores or list(CORES)
    if options.at:
        every = [mutant for name in names for mutant in mutants(name)]
        places = [(mutant, str(mutant).split(": ")[0]) for mutant in every]
        drawn = [mutant for mutant, place in places if place in options.at]
    else:
        drawn = sample(names, options.n, options.seed)
    if options.list:
        print(*drawn, sep="\n")
        return 0
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        laboratory = Laboratory(Path(folder))
        for name in sorted({mutant.core for mutant in drawn}):
            laboratory.pass_without(name)
        for number, mutant in enumerate(drawn, 1):
            survived = laboratory.survives(mutant)
            survivors += [mutant] if survived else []
            print(f"{number:3} {'SURVIVED' if survived else 'killed  '} {mutant}", flush=True)
    for name in names:
        of_core = [mutant for mutant in drawn if mutant.core == name]
        left = sum(mutant.core == name for mutant in survivors)
        print(f"{name}: {left} of {len(of_core)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
