"""Unfinished files of processes that died."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crmdeck.store.leftovers import remove_leftovers


@pytest.mark.skipif(sys.platform == "win32", reason="no one can ask for a process there")
def test_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    cache, backups = tmp_path / "crmdeck.duckdb", tmp_path / "backups"
    backups.mkdir()
    dead = (
        "crmdeck.duckdb.new",
        "crmdeck.duckdb.new.wal",
        f"crmdeck.duckdb.holder.{child.pid}",
        f".copy.zip.{child.pid}.new",
        "backups/crmdeck-20260516T120000Z-v13.duckdb.new",
    )
    alive = (
        "crmdeck.duckdb",
        f"crmdeck.duckdb.holder.{os.getpid()}",
        f".copy.zip.{os.getpid()}.new",
        "crmdeck.duckdb.holder",
        "notes.new",
        "backups/crmdeck-20260516T120000Z-v13.duckdb",
    )
    for name in (*dead, *alive):
        (tmp_path / name).touch()
    remove_leftovers(cache, backups)
    left = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    assert left == set(alive)
