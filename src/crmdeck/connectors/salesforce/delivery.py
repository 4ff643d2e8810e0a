"""The published change events, and counts of the records that the sync user created.

A composite call takes five queries: the counts of five objects, or counts and owners of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import partial

from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.rules import Asker, query_rows
from crmdeck.errors import SourceError
from crmdeck.formats.json_values import MalformedError, malformed, number
from crmdeck.model import CancelToken
from crmdeck.model.delivery import RecordCounts

_MEMBERS = "SELECT SelectedEntity, EventChannel FROM PlatformEventChannelMember"
_CREATED = (
    "SELECT COUNT(Id) n{columns} FROM {name} WHERE CreatedDate >= {since}T00:00:00Z "
    "AND CreatedDate < {until}T00:00:00Z AND CreatedById = '{user}'{inactive}"
)
_AT_ONCE = 5
_OWNER_DAYS = timedelta(days=90)
_OWNED = "owned_"
_INACTIVE = " AND Owner.IsActive = false"


def published_objects(client: SalesforceClient, cancel: CancelToken) -> tuple[str, ...]:
    """Return the objects whose changes a channel publishes. Raises SourceError without any."""
    rows = Asker(client, cancel).rows("tooling/query", _MEMBERS, "SelectedEntity")
    if not rows:
        raise SourceError(
            "Salesforce lists no members of change event channels.",
            cause="Either no object is selected for Change Data Capture, or crmdeck's own user "
            "lacks View Setup and Configuration.",
            code="EVENTS_UNREAD",
        )
    names = [str(row["SelectedEntity"]) for row in rows]
    # The event of `Deal__c` is `Deal__ChangeEvent`, that of `Account` `AccountChangeEvent`.
    events = [name.removesuffix("ChangeEvent") for name in names if name.endswith("ChangeEvent")]
    return tuple(sorted({f"{name}c" if name.endswith("__") else name for name in events}))


def count_created(
    client: SalesforceClient,
    user_id: str,
    objects: Mapping[str, Sequence[str]],
    since: date,
    until: date,
    cancel: CancelToken,
) -> Mapping[str, RecordCounts | str]:
    """Return the counts of each object, or why they can't be read."""
    asker, responses = Asker(client, cancel), dict[str, object]()
    first, queries = until - _OWNER_DAYS, dict[str, str]()
    for name, fields in objects.items():
        columns = "".join(f", COUNT({each}) c{place}" for place, each in enumerate(fields))
        query = partial(_CREATED.format, name=name, until=until, user=user_id)
        queries[name] = query(columns=columns, since=since, inactive="")
        queries[_OWNED + name] = query(columns="", since=first, inactive=_INACTIVE)
    names = sorted(queries, key=lambda name: name.startswith(_OWNED))
    for start in range(0, len(names), _AT_ONCE):
        responses |= asker.query({each: queries[each] for each in names[start : start + _AT_ONCE]})
    found: dict[str, RecordCounts | str] = {}
    for name, fields in objects.items():
        try:
            records, *filled = _numbers(responses.get(name), 1 + len(fields))
        except SourceError as error:
            found[name] = " ".join(filter(None, (error.message, error.cause)))
            continue
        counts = dict(zip(fields, filled, strict=True))
        found[name] = RecordCounts(records=records, filled=counts)
        # Some objects have no owner.
        with suppress(SourceError):
            [owners] = _numbers(responses.get(_OWNED + name), 1)
            found[name] = RecordCounts(records=records, filled=counts, inactive_owners=owners)
    return found


def _numbers(body: object, columns: int) -> list[int]:
    """Return the counts in the one row of a response: all records first. Raises SourceError."""
    rows = query_rows(body)
    try:
        names = ["n", *(f"c{place}" for place in range(columns - 1))]
        found = [value for name in names if (value := number(rows[0], name)) is not None]
        if len(rows) > 1 or len(found) < columns or max(found) > found[0]:
            raise MalformedError("numbers are missing, or contradict each other")
    except (MalformedError, IndexError) as error:
        raise malformed("The counts", MalformedError(str(error))) from None
    return found
