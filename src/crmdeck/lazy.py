"""A package that imports each name it offers when that name is first used."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

_OFFERED = re.compile(r"^from (\S+) import (\w+) as \w+$", re.MULTILINE)


def lazy_names(
    package: str, file: str
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    The stub next to `file` lists its names, one `from MODULE import NAME as NAME` a line.
    """
    stub = Path(file).with_suffix(".pyi").read_text("utf-8")
    modules = {name: module for module, name in _OFFERED.findall(stub)}

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(modules[name], package), name)
        # The next use finds the name without this function.
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(modules), sorted(modules)
