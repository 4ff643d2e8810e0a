"""A cache, or its log, with a range overwritten, cut, zeroed or flipped: read right, or refused."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmdeck.errors import CacheError
from crmdeck.home import CACHE_FILE
from crmdeck.store import Session, Store
from crmdeck.store.salvage import SALVAGEABLE
from crmdeck.store.tables import tables_of
from crmdeck.workspace.doctor import examine_log
from tests.store.build import START, connection, record, run, schema

Rows = dict[str, Counter[tuple[Any, ...]]]
_OBJECTS, _FIELDS, _REFRESHES = 24, 12, 5
_LENGTHS = (1, 16, 512, 4096, 65_536, 262_144)
# What DuckDB looks at first: its headers, and the first block.
_BEGINNING = 16_384
# Seconds that a case may take.
_LONGEST = 300


@dataclass(frozen=True)
class Case:
    """What is done to a file."""

    how: str
    start: int
    length: int

    def apply(self, whole: bytes, dice: random.Random) -> bytes:
        """Return the file as it is then."""
        end = min(self.start + self.length, len(whole))
        inside = {
            "overwritten": dice.randbytes(end - self.start),
            "zeroed": bytes(end - self.start),
            "flipped": bytes([whole[self.start] ^ 1 << dice.randrange(8)]),
        }
        if self.how == "cut":
            return whole[: self.start]
        if self.how == "grown":
            return whole + dice.randbytes(self.length)
        new = inside[self.how]
        return whole[: self.start] + new + whole[self.start + len(new) :]


def case(dice: random.Random, size: int) -> Case:
    """Return one of all that could happen to a file of that size."""
    how = dice.choice(("overwritten", "zeroed", "flipped", "cut", "grown"))
    start = dice.choice((dice.randrange(min(size, _BEGINNING)), dice.randrange(size)))
    return Case(how, start, dice.choice(_LENGTHS))


def build(home: Path) -> dict[str, bytes]:
    """Make a cache with a few refreshes, and return its files by name."""
    home.mkdir(parents=True)
    store = Store(home / CACHE_FILE)
    with store.write() as session:
        session.connections.put(connection(), START, "me")
        for number in range(_REFRESHES):
            _refresh(session, number)
    return {CACHE_FILE: (home / CACHE_FILE).read_bytes()}


def build_with_log(home: Path) -> dict[str, bytes]:
    """Make one whose last refreshes are in the log, as after a kill; return its files by name."""
    build(home)
    if (child := os.fork()) == 0:
        try:
            store = Store(home / CACHE_FILE)
            with store.hold():
                for number in range(_REFRESHES, _REFRESHES + 3):
                    with store.write() as session:
                        _refresh(session, number)
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    names = (CACHE_FILE, f"{CACHE_FILE}.wal", f"{CACHE_FILE}.wal.mark")
    return {name: (home / name).read_bytes() for name in names}


def _refresh(session: Session, number: int) -> None:
    session.runs.add(run(number))
    names = [
        [f"F{field}_{number * (field == object_)}" for field in range(_FIELDS)]
        for object_ in range(_OBJECTS)
    ]
    record(session, number, *(schema(f"O{n}", *names[n]) for n in range(_OBJECTS)))


def rows_of(store: Store) -> Rows:
    """Return all that the cache holds, row by row."""
    with store.read() as session:
        database = session.database
        return {
            table: Counter(database.rows(f'SELECT * FROM "{table}"'))
            for table in tables_of(database, ("schema_migration",))
        }


def try_case(home: Path, files: dict[str, bytes], truth: Rows) -> str:
    """Try to read, write, examine and repair a damaged cache; return what came of it.

    Raises AssertionError where something wrong was taken for true, or something was lost that
    was not told.
    """
    home.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (home / name).write_bytes(content)

    def untouched() -> bool:
        return {name: (home / name).read_bytes() for name in files} == files

    store = Store(home / CACHE_FILE)
    code = None
    try:
        found = rows_of(store)
    except CacheError as error:
        code, remedy = error.code, error.remedy
    if code is None:
        assert found == truth, "something wrong was read as true"
        return f"whole, {_written(store, truth)}"
    assert remedy
    assert untouched(), "a cache that was refused was changed"
    told = [finding for finding in examine_log(home) if not finding.ok]
    assert any(finding.code for finding in told), "the doctor is content"
    assert untouched(), "the doctor changed what it looked at"
    if code not in SALVAGEABLE:
        return f"refused: {code}"
    try:
        store.salvage(code)
    except CacheError:
        assert untouched(), "nothing was saved, and the cache was changed"
        return f"refused: {code}, nothing can be saved"
    [aside] = home.glob("*.damaged-*")
    assert all((aside / name).read_bytes() == content for name, content in files.items())
    saved = rows_of(Store(home / CACHE_FILE))
    assert saved["connection"], "something empty took its place"
    for table, rows in saved.items():
        assert rows <= truth[table] or table == "validators", f"{table} holds what it never held"
    examine_log(home, repair=True)
    assert _written(Store(home / CACHE_FILE), None) == "written"
    lost = sum((truth[table] - rows).total() for table, rows in saved.items())
    return "repaired, all saved" if not lost else "repaired, some lost"


def try_many(folder: Path, cases: int, *, seed: int, log: bool) -> Counter[str]:
    """Try so many cases, each in a process of its own; return how often each outcome was.

    What killed its process, hung or failed is an outcome that begins with `FAILED`.
    """
    files = (build_with_log if log else build)(folder / "whole")
    name = f"{CACHE_FILE}.wal" if log else CACHE_FILE
    copy = folder / "read"
    shutil.copytree(folder / "whole", copy)
    truth = rows_of(Store(copy / CACHE_FILE, read_only=True))
    outcomes: Counter[str] = Counter()
    for number in range(seed, seed + cases):
        dice = random.Random(number)
        tried = case(dice, len(files[name]))
        damaged = files | {name: tried.apply(files[name], dice)}
        home = folder / "case"
        receiver, sender = os.pipe()
        if (child := os.fork()) == 0:
            try:
                signal.alarm(_LONGEST)
                outcome = try_case(home, damaged, truth)
            except BaseException as error:  # noqa: BLE001
                outcome = f"FAILED {type(error).__name__}: {error}"
            os.write(sender, outcome.encode()[:4000])
            os._exit(0)
        os.close(sender)
        with os.fdopen(receiver) as stream:
            outcome = stream.read()
        if status := os.waitpid(child, 0)[1]:
            outcome = f"FAILED status {status}"
        if outcome.startswith("FAILED"):
            outcome += f" (seed {number}, {tried})"
        outcomes[outcome] += 1
        shutil.rmtree(home)
    return outcomes


def _written(store: Store, truth: Rows | None) -> str:
    """Write something, and see that it is there and that all else is as it was."""
    try:
        with store.write() as session:
            session.connections.put(connection("beta"), START, "me")
    except CacheError as error:
        return f"not written: {error.code}"
    found = rows_of(store)
    if truth is not None:
        more = {table: rows - truth[table] for table, rows in found.items()}
        assert sum(rows.total() for rows in more.values()) == 1
        assert all(rows >= truth[table] for table, rows in found.items())
    return "written"
