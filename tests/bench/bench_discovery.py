"""How fast a big org is discovered, against a plain loop of simple-salesforce descriptions.

The sandbox runs in a process of its own and adds 100 ms to every answer. Run as a script:
`python tests/bench/bench_discovery.py [latency in seconds] [rounds]`.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe

from simple_salesforce.api import Salesforce

from crmdeck.connectors.base import Connector, Discovered, Known, Listing, Meter, Unchanged
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce import open_connector
from crmdeck.connectors.salesforce.session import SalesforceSession
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import CancelToken, Connection, Platform, Scope, Source
from crmdeck.sandbox import SalesforceAccess, Sandbox, Scenario


class Purse:
    """The access token, in memory."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get(self, name: str) -> str | None:
        """Return the access token."""
        return self._token if name == "access_token" else None

    def put(self, values: Mapping[str, str]) -> None:
        """Forget it; nothing is renewed here."""


def run_sandbox(pipe: Pipe, latency: float) -> None:
    """Serve the big org until the process is ended."""
    with Sandbox(Scenario.large(), latency=latency) as sandbox:
        pipe.send(sandbox.salesforce("large"))
        threading.Event().wait()


def connect(access: SalesforceAccess, limits: Limits) -> Connector:
    """Return a connector of its own for one measurement."""
    connection = Connection(
        id="bench",
        name="bench",
        platform=Platform.SALESFORCE,
        source=Source.SALESFORCE,
        endpoint=access.endpoint,
        instance_url=access.instance_url,
        created_at=datetime.now(UTC),
    )
    return open_connector(connection, Purse(access.access_token), lambda *_: None, limits)


def discover(
    access: SalesforceAccess, known: Mapping[str, Known], limits: Limits
) -> tuple[float, Meter, dict[str, Known], tuple[str, ...]]:
    """Return seconds, costs, what is known then, and the object types in scope."""
    connector = connect(access, limits)
    found: dict[str, Known] = {}
    names: tuple[str, ...] = ()
    start = time.perf_counter()
    for item in connector.discover(Scope(), known, CancelToken()):
        match item:
            case Listing(in_scope=in_scope):
                names = in_scope
            case Discovered(schema=schema, validator=validator):
                found[schema.object_type] = Known(schema.object_type, "", validator)
            case Unchanged(object_type=name, validator=validator):
                found[name] = Known(name, "", validator)
            case _:
                raise SystemExit(f"Failed: {item}")
    return time.perf_counter() - start, connector.meter, found, names


def plain_loop(access: SalesforceAccess, names: tuple[str, ...]) -> tuple[float, Meter]:
    """Describe one object after the other, as most scripts do, and parse the same way."""
    meter = Meter()
    session = SalesforceSession(access.endpoint, Limits(), meter)
    start = time.perf_counter()
    peer = Salesforce(
        session_id=access.access_token,
        instance_url=access.instance_url,
        version="68.0",
        session=session,
    )
    peer.describe()
    for name in names:
        parse_object(getattr(peer, name).describe())
    return time.perf_counter() - start, meter


def report(title: str, seconds: list[float], meter: Meter) -> None:
    """Print one line."""
    costs = meter.traffic.model_dump()
    print(f"{title:28} median {statistics.median(seconds):7.3f} s  {costs}")


def main(latency: float = 0.1, rounds: int = 3) -> None:
    """Measure and print."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_sandbox, args=(theirs, latency), daemon=True)
    process.start()
    access: SalesforceAccess = ours.recv()
    discover(access, {}, Limits())
    first, again, asked = [], [], []
    for _ in range(rounds):
        seconds, first_meter, known, names = discover(access, {}, Limits())
        first.append(seconds)
        seconds, again_meter, _, _ = discover(access, known, Limits())
        again.append(seconds)
        seconds, asked_meter, _, _ = discover(access, known, Limits(trust=0))
        asked.append(seconds)
    peer, peer_meter = plain_loop(access, names)
    process.terminate()
    print(f"{len(names)} object types in scope, {latency * 1000:.0f} ms latency")
    report("first discovery", first, first_meter)
    report("unchanged, listing trusted", again, again_meter)
    report("unchanged, each asked", asked, asked_meter)
    report("plain loop", [peer], peer_meter)
    one = statistics.median(first)
    print(f"plain loop : first        {peer / one:.1f}")
    print(f"first : unchanged         {one / statistics.median(again):.1f} in time, ", end="")
    sizes = [meter.traffic.bytes_received for meter in (first_meter, again_meter, asked_meter)]
    print(f"{sizes[0]} : {sizes[1]} bytes")
    print(f"first : unchanged, asked  {one / statistics.median(asked):.1f} in time, ", end="")
    print(f"{sizes[0]} : {sizes[2]} bytes")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((float, int), sys.argv[1:], strict=False)))
