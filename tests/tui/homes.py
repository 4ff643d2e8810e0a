"""Workspaces of tests as copies of one that was made: to make one takes longer than a console."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

Build = Callable[..., object]


@cache
def _made(build: Build, **options: Any) -> Path:
    top = Path(mkdtemp(prefix="crmdeck-tests-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    (top / "made").mkdir()
    (top / "root").symlink_to(top / "made")
    build(top / "root", **options)
    return top


def copy_of(build: Build, root: Path, **options: Any) -> Path:
    """Copy to `root` all that `build` makes in a folder, and return the `home` in it.

    The workspace finds its files through a link, which leads to the last copy only.
    """
    top = _made(build, **options)
    shutil.copytree(top / "made", root, dirs_exist_ok=True)
    (top / "root").unlink()
    (top / "root").symlink_to(root)
    return root / "home"
