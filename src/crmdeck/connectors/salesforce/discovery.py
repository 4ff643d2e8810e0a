"""One discovery of an org: the list of object types, then each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from crmdeck.connectors.base import Discovered, Discovery, Failed, Known, Listing, Unchanged
from crmdeck.connectors.http import records_of
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce.batches import (
    MOST_IN_A_CALL,
    Description,
    NotModified,
    describe_all,
)
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.rules import RuleReader
from crmdeck.connectors.salesforce.validator import Validator, answered_at, listing_digest
from crmdeck.formats.json_values import MalformedError, flag, malformed
from crmdeck.model import CancelToken, RecordType, Scope, ScopeMode

# Objects that belong to another one, and are never mapped themselves.
_COMPANIONS = re.compile(r"(History|Share|Feed|ChangeEvent|Tag|__Tag|__hd|__ViewStat|__VoteStat)$")

# Objects with a layout whose records no API user can create.
_SETUP = frozenset(
    {"ContentFolderItem", "CustomHttpHeader", "CustomPermission", "CustomPermissionDependency",
     "Dashboard", "DatacloudCompany", "DatacloudDandBCompany", "DuplicateRule", "FlowInterview",
     "SecureAgentsCluster", "SessionPermSetActivation", "UserAppMenuItem"}
)  # fmt: skip


def discover(
    client: SalesforceClient,
    scope: Scope,
    known: Mapping[str, Known],
    cancel: CancelToken,
    limits: Limits,
    now: datetime,
) -> Iterator[Discovery]:
    """Yield a Listing, then the result of each object type, then all rules.

    See `validator` for conditional requests. The rules are read next to the describes.
    """
    client.caller.start()
    decoded = {
        name: Validator.decode(each.validator)
        for name, each in known.items()
        # Objects whose snapshot lacks what this version reads are described again.
        if each.schema is None or each.schema.not_read is not None
    }
    validators = {name: each for name, each in decoded.items() if each is not None}
    # The dates of the snapshots are valid in their own version only. In another one every object
    # would be described again.
    versions = {each.version for each in validators.values()}
    if len(versions) == 1:
        client.use_version(versions.pop())
    version = client.version()
    reader = RuleReader(client, known, scope.without_rules)
    try:
        record_types: dict[str, tuple[RecordType, ...]] = {}
        for item in _describes(client, version, scope, known, validators, cancel, limits, now):
            if isinstance(item, Discovered):
                record_types[item.schema.object_type] = item.schema.record_types or ()
            elif isinstance(item, Unchanged):
                schema = known[item.object_type].schema
                record_types[item.object_type] = (schema and schema.record_types) or ()
            yield item
        yield from reader.finish(record_types, cancel)
    finally:
        reader.stop()


def _describes(
    client: SalesforceClient,
    version: str,
    scope: Scope,
    known: Mapping[str, Known],
    validators: Mapping[str, Validator],
    cancel: CancelToken,
    limits: Limits,
    now: datetime,
) -> Iterator[Discovery]:
    previous = _trusted_listing(version, scope, validators, now, limits)
    headers = {"If-Modified-Since": previous.listing_date} if previous else {}
    reply = client.get("sobjects", cancel, headers=headers, accept=(304,) if previous else ())
    if reply.status == 304:
        names = tuple(sorted(validators))
        yield Listing(frozenset(known), names)
        for name in names:
            yield Unchanged(name, known[name].validator)
        return
    rows = records_of(reply.body, "sobjects", "name")
    listed = frozenset(str(row["name"]) for row in rows)
    # A named object type that is gone leaves the scope; one that never existed is an error.
    stays = {name for name, each in known.items() if each.stays}
    selected = select(scope.spelled_as(listed), rows, stays)
    names = tuple(name for name in selected if name in listed or name not in known)
    digest = listing_digest(version, scope, names)
    listing_date = reply.header("Last-Modified") or answered_at(reply, now)
    yield Listing(listed, names)
    since = {
        name: validators[name].object_date
        for name in names
        if name in validators and validators[name].version == version
    }
    # Each composite call counts once: a refresh that would use the reserve doesn't begin.
    client.caller.check_reserve(-(-len(names) // MOST_IN_A_CALL))
    for name, answer in describe_all(client, names, since, limits.threads, cancel, now):
        if isinstance(answer, Description):
            validator = Validator(version, answer.date, listing_date, digest, now)
            if any(len(field.references) > len(listed) for field in answer.schema.fields):
                error = MalformedError("a field references more objects than the org has")
                yield Failed(name, malformed(name, error))
                continue
            yield Discovered(answer.schema, validator.encode())
        elif isinstance(answer, NotModified):
            validator = Validator(version, since[name], listing_date, digest, now)
            yield Unchanged(name, validator.encode())
        else:
            yield Failed(name, answer)


def _trusted_listing(
    version: str,
    scope: Scope,
    validators: Mapping[str, Validator],
    now: datetime,
    limits: Limits,
) -> Validator | None:
    """Return a validator for the whole list, or None if each object needs its own request.

    That is if all validators come from one list, this refresh asks for the same list, nothing
    failed in it, and every object was asked recently.
    """
    if len({each.listing for each in validators.values()}) != 1:
        return None
    oldest = min(validators.values(), key=lambda each: each.asked_at)
    same = oldest.listing == listing_digest(version, scope, tuple(validators))
    recent = now - oldest.asked_at < timedelta(seconds=limits.trust)
    return oldest if same and recent else None


def select(
    scope: Scope, objects: Sequence[Mapping[str, object]], stays: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of the object types in scope, in order.

    `objects` are the rows of describeGlobal, and `stays` those in the scope of the last refresh.
    The result includes named object types that the org doesn't list, because the
    response to their request has the reason.
    """
    excluded = frozenset(scope.exclude)
    included = tuple(name for name in scope.include if name not in excluded)
    if scope.mode is ScopeMode.NAMED:
        return tuple(sorted(set(included)))
    everything, kept = scope.mode is ScopeMode.ALL, {name.casefold() for name in stays}
    try:
        names = {
            str(row["name"])
            for row in objects
            # First the flags: one that can't be read makes the list unknown.
            if is_mappable(row) or everything or str(row["name"]).casefold() in kept
        }
    except MalformedError as error:
        raise malformed("The list of objects", error) from None
    if scope.mode is ScopeMode.MAPPABLE:
        names.update(included)
    return tuple(sorted(names - excluded))


def is_mappable(row: Mapping[str, object]) -> bool:
    """Return True if an object type has records that people see in a layout.

    Whether a user can create records doesn't matter: that is a right of crmdeck's own user. Raises
    MalformedError if a flag isn't true or false.
    """
    shown, read, hidden, setting = (
        flag(row, key)
        for key in ("layoutable", "queryable", "deprecatedAndHidden", "customSetting")
    )
    return (
        bool(shown and read and not hidden and not setting)
        and row["name"] not in _SETUP
        and not _COMPANIONS.search(str(row["name"]))
    )
