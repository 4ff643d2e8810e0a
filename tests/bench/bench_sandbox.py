"""How quickly the sandbox starts and serves. Run it as a script; it prints medians in ms."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import httpx

from crmdeck.sandbox import Sandbox, Scenario

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


def median(measure: Callable[[], float], runs: int) -> float:
    """Return the median of some runs."""
    return statistics.median(measure() for _ in range(runs))


def describe_all() -> float:
    """Return the milliseconds to describe the 220 mappable objects of a big org, one by one."""
    with Sandbox(Scenario.large()) as sandbox:
        access = sandbox.salesforce("large")
        headers = {"Authorization": f"Bearer {access.access_token}"}
        base = f"{access.endpoint}/services/data/v67.0/sobjects"
        with httpx.Client(headers=headers) as client:
            listed = client.get(base).json()["sobjects"]
            names = [each["name"] for each in listed if each["layoutable"]]
            start = time.perf_counter()
            for name in names:
                client.get(f"{base}/{name}/describe")
            return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    print(f"cold start of the demo's sandbox: {median(cold_start, 5):.0f} ms")
    print(f"220 describes of a 1,294-object org: {median(describe_all, 3):.0f} ms")
