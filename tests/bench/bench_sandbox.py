"""How quickly the sandbox starts and serves: `python -m tests.bench sandbox`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from crmdeck.sandbox import Sandbox
from tests.bench.figures import Figure, show
from tests.bench.large_schema import large_scenario

_START = """
import time; start = time.perf_counter()
from crmdeck.sandbox import Sandbox
imported = time.perf_counter()
Sandbox().start()
print((time.perf_counter() - imported) * 1000)
"""


def cold_start() -> float:
    """Return the milliseconds from the imports to a listening demo, in a new process."""
    done = subprocess.run([sys.executable, "-c", _START], capture_output=True, check=True)
    return float(done.stdout)


def describe_all() -> float:
    """Return the milliseconds to describe the 220 mappable objects of a big org, one by one."""
    with Sandbox(large_scenario()) as sandbox:
        access = sandbox.access("large")
        headers = {"Authorization": f"Bearer {access.access_token}"}
        base = f"{access.endpoint}/services/data/v67.0/sobjects"
        with httpx.Client(headers=headers) as client:
            listed = client.get(base).json()["sobjects"]
            names = [each["name"] for each in listed if each["layoutable"]]
            start = time.perf_counter()
            for name in names:
                client.get(f"{base}/{name}/describe")
            return (time.perf_counter() - start) * 1000


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure both."""
    starts, runs = (2, 1) if quick else (5, 3)
    yield Figure("cold start of the demo's CRMs", "ms", tuple(cold_start() for _ in range(starts)))
    described = tuple(describe_all() for _ in range(runs))
    yield Figure("220 describes of a 1,294-object org", "ms", described)


if __name__ == "__main__":
    show(figures())
