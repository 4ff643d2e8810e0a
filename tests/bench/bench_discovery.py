"""How fast a big org is discovered, beside what scripts do: `python -m tests.bench discovery`.

Peers, all with simple-salesforce and the same parser: a plain loop of describes, six threads of
it, batches of 25 in one composite call one after the other, and six such calls at once. The
sandbox runs in a process of its own and adds a latency to every answer. What an unchanged HubSpot
account takes is told in latencies: the round trips in time.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe

from simple_salesforce.api import Salesforce

from crmdeck.connectors import hubspot
from crmdeck.connectors.base import Connector, Discovered, Failed, Known, Listing, Meter, Unchanged
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce import open_connector
from crmdeck.connectors.salesforce.session import SalesforceSession
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import CancelToken, Connection, Scope
from crmdeck.sandbox import Access, Sandbox, Scenario
from tests.bench.figures import Figure, show
from tests.bench.large_schema import large_scenario

VERSION = "68.0"
BATCH, THREADS, LATENCY = 25, 6, 0.1
FIRST = "first discovery"
# The demo's account has used most of its quota.
UNRESERVED = Limits(reserve=0.0)


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
    """Serve the big org and an account of the demo until the process is ended."""
    with (
        Sandbox(large_scenario(), latency=latency) as large,
        Sandbox(Scenario.demo(), latency=latency) as demo,
    ):
        pipe.send((large.access("large"), demo.access("acme-marketing")))
        threading.Event().wait()


def connect(access: Access, limits: Limits) -> Connector:
    """Return a connector of its own for one measurement."""
    connection = Connection(
        id="bench",
        name="bench",
        platform="salesforce" if access.instance_url else "hubspot",
        source="bench",
        endpoint=access.endpoint,
        created_at=datetime.now(UTC),
    )
    if access.instance_url:
        connection = connection.model_copy(update={"instance_url": access.instance_url})
        return open_connector(connection, Purse(access.access_token), lambda *_: None, limits)
    purse = Purse(access.private_app_token)
    return hubspot.open_connector(connection, purse, lambda *_: None, limits)


def discover(
    access: Access, known: Mapping[str, Known], limits: Limits
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
            case Failed(object_type=name, error=error):
                raise SystemExit(f"{name} failed: {error}")
    return time.perf_counter() - start, connector.meter, found, names


def peer_of(access: Access) -> Salesforce:
    """Return a client as a script has one, which renews and retries nothing."""
    return Salesforce(
        session_id=access.access_token,
        instance_url=access.instance_url,
        version=VERSION,
        session=SalesforceSession(access.endpoint, Limits(), Meter()),
    )


def describe_each(access: Access, names: Sequence[str], threads: int) -> float:
    """Describe each object by a call of its own; return the seconds."""
    start = time.perf_counter()
    peer = peer_of(access)
    peer.describe()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda name: parse_object(getattr(peer, name).describe()), names))
    return time.perf_counter() - start


def describe_batches(access: Access, names: Sequence[str], threads: int) -> float:
    """Describe `BATCH` objects a composite call; return the seconds."""
    start = time.perf_counter()
    peer = peer_of(access)
    peer.describe()

    def batch(first: int) -> None:
        body = {
            "compositeRequest": [
                {
                    "method": "GET",
                    "referenceId": f"r{number}",
                    "url": f"/services/data/v{VERSION}/sobjects/{name}/describe",
                }
                for number, name in enumerate(names[first : first + BATCH])
            ]
        }
        answer = peer.restful("composite", method="POST", json=body) or {}
        for part in answer["compositeResponse"]:
            parse_object(part["body"])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(batch, range(0, len(names), BATCH)))
    return time.perf_counter() - start


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure all by turns, after one discovery that does not count."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_sandbox, args=(theirs, LATENCY), daemon=True)
    process.start()
    access, account = ours.recv()
    _, _, known, names = discover(access, {}, Limits())
    peers: dict[str, Callable[[], float]] = {
        "a plain loop of describes": lambda: describe_each(access, names, 1),
        "six threads of it": lambda: describe_each(access, names, THREADS),
        "batches of 25, one by one": lambda: describe_batches(access, names, 1),
        "batches of 25, six at once": lambda: describe_batches(access, names, THREADS),
    }
    samples: dict[str, list[float]] = defaultdict(list)
    meters: dict[str, Meter] = {}
    for _ in range(1 if quick else 3):
        for ways, limits in (
            ({FIRST: {}, "unchanged, the listing trusted": known}, Limits()),
            ({"unchanged, each object asked": known}, Limits(trust=0)),
        ):
            for name, before in ways.items():
                seconds, meters[name], _, _ = discover(access, before, limits)
                samples[name].append(seconds)
        for name, run in peers.items():
            if samples[name] and name == "a plain loop of describes":
                continue
            samples[name].append(run())
    _, _, known, _ = discover(account, {}, UNRESERVED)
    spent = [discover(account, known, UNRESERVED)[:2] for _ in range(3)]
    process.terminate()
    trips = tuple(seconds / LATENCY for seconds, _ in spent)
    yield Figure("HubSpot, unchanged: round trips in time", "", trips)
    yield Figure("HubSpot, unchanged: requests", "", (spent[0][1].traffic.requests,))
    yield Figure(FIRST, "s", tuple(samples.pop(FIRST)))
    for name, times in samples.items():
        yield Figure(name, "s", tuple(times), FIRST)
    for name, meter in meters.items():
        traffic = meter.traffic
        yield Figure(f"{name}: requests", "", (traffic.requests,))
        yield Figure(f"{name}: received", "MB", (traffic.bytes_received / 1e6,))


if __name__ == "__main__":
    show(figures())
