"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# What the tests start has byte code, as on a user's machine: compiling crmdeck takes longer than
# most of what is started does.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Deadlines measure the machine. The same commit always gets the same examples;
# `--hypothesis-profile search` draws new ones.
settings.register_profile(
    "search", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("crmdeck", settings.get_profile("search"), derandomize=True)
settings.load_profile("crmdeck")

# Of what is imported nothing is garbage, and to look for some takes a seventh of the start.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Set aside what was imported and collected, and look for garbage from now on."""
    gc.freeze()
    # To look after each 700 objects, as Python does, is a fifth of what the console's tests cost.
    gc.set_threshold(50_000, 10, 4)
    gc.enable()


LONGEST = ("tests/soak/", "tests/tui/", "tests/server/")
"""Where the files are that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it in the end."""

    def turn(item: pytest.Item) -> int:
        places = (at for at, place in enumerate(LONGEST) if item.nodeid.startswith(place))
        return next(places, len(LONGEST))

    items.sort(key=turn)
