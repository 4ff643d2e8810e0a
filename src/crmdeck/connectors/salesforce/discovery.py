"""One discovery of an org: the list of object types, then each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from crmdeck.connectors.base import Discovered, Discovery, Failed, Known, Listing, Unchanged
from crmdeck.connectors.http import Reply, not_json
from crmdeck.connectors.salesforce.batches import (
    MOST_IN_A_CALL,
    Description,
    NotModified,
    describe_all,
)
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.scope import select
from crmdeck.connectors.salesforce.session import WHO
from crmdeck.connectors.salesforce.validator import Validator, listing_digest
from crmdeck.connectors.tuning import Tuning
from crmdeck.model import CancelToken, Scope

# Where an answer carries no Last-Modified: a change in the seconds around it is asked for again.
_MARGIN = timedelta(seconds=60)


def discover(
    client: SalesforceClient,
    scope: Scope,
    known: Mapping[str, Known],
    cancel: CancelToken,
    tuning: Tuning,
    now: datetime,
) -> Iterator[Discovery]:
    """Yield a Listing, then what became of each object type. See `validator` for the method."""
    client.caller.start()
    validators = _validators(known)
    version = _agreed_version(client, validators)
    previous = _trusted_listing(version, scope, validators, now, tuning)
    headers = {"If-Modified-Since": previous.listing_date} if previous else {}
    reply = client.get("sobjects", cancel, headers=headers, accept=(304,))
    if reply.status == 304:
        names = tuple(sorted(validators))
        yield Listing(frozenset(known), names)
        for name in names:
            yield Unchanged(name, known[name].validator)
        return
    rows = _rows(reply)
    names = select(scope, rows)
    digest, listing_date = listing_digest(version, scope, names), _date(reply, now)
    yield Listing(frozenset(str(row["name"]) for row in rows), names)
    since = {
        name: validators[name].object_date
        for name in names
        if name in validators and validators[name].version == version
    }
    client.caller.check_reserve(-(-len(names) // MOST_IN_A_CALL))
    for name, answer in describe_all(client, names, since, tuning.threads, cancel):
        if not isinstance(answer, Description | NotModified):
            yield Failed(name, answer)
            continue
        date = answer.date or since.get(name) or _http_date(now)
        if isinstance(answer, Description) and answer.date is None:
            date = _http_date(now)
        validator = Validator(version, date, listing_date, digest, now).encode()
        if isinstance(answer, Description):
            yield Discovered(answer.schema, validator)
        else:
            yield Unchanged(name, validator)


def _validators(known: Mapping[str, Known]) -> dict[str, Validator]:
    decoded = {name: Validator.decode(each.validator) for name, each in known.items()}
    return {name: each for name, each in decoded.items() if each is not None}


def _agreed_version(client: SalesforceClient, validators: Mapping[str, Validator]) -> str:
    versions = {each.version for each in validators.values()}
    if len(versions) == 1:
        client.use_version(versions.pop())
    return client.version()


def _trusted_listing(
    version: str,
    scope: Scope,
    validators: Mapping[str, Validator],
    now: datetime,
    tuning: Tuning,
) -> Validator | None:
    """Return a validator that speaks for all, or None where each object has to be asked.

    It does when all are of one listing, that listing is what this refresh asks for, nothing
    in it failed, and no object was last asked too long ago.
    """
    if len({each.listing for each in validators.values()}) != 1:
        return None
    oldest = min(validators.values(), key=lambda each: each.asked_at)
    same = oldest.listing == listing_digest(version, scope, tuple(validators))
    recent = now - oldest.asked_at < timedelta(seconds=tuning.trust)
    return oldest if same and recent else None


def _rows(reply: Reply) -> list[Mapping[str, Any]]:
    rows = reply.body.get("sobjects") if isinstance(reply.body, Mapping) else None
    if not isinstance(rows, list):
        raise not_json(WHO)
    return [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("name"), str)]


def _date(reply: Reply, now: datetime) -> str:
    told = reply.header("Last-Modified")
    if told:
        return told
    try:
        return _http_date(parsedate_to_datetime(reply.header("Date") or ""))
    except ValueError:
        return _http_date(now)


def _http_date(moment: datetime) -> str:
    return format_datetime(moment - _MARGIN, usegmt=True)
