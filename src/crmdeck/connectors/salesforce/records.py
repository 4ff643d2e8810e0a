"""Records of an object type: the most recently changed, or those with a key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from crmdeck.connectors.base import Record
from crmdeck.connectors.http import records_of
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.errors import UsageError

_NAME = re.compile(r"\w{1,100}(\.\w{1,100})?")
# The query is part of the URL, of at most 16,384 characters ("Query", REST API Guide).
_FIELDS_AT_ONCE = 100
_KEYS_AT_ONCE = 200
_LONGEST_KEYS = 6_000


def recent(
    client: SalesforceClient, object_type: str, fields: Sequence[str], limit: int
) -> tuple[Record, ...]:
    """Return up to `limit` records, the last changed first. Raises CrmdeckError."""
    tail = f"ORDER BY LastModifiedDate DESC LIMIT {int(limit)}"
    return _query(client, object_type, fields, tail)


def find(
    client: SalesforceClient,
    object_type: str,
    key: str,
    values: Sequence[str],
    fields: Sequence[str],
) -> tuple[Record, ...]:
    """Return the records whose field `key` has one of `values`. Raises CrmdeckError."""
    found: list[Record] = []
    for literals in _chunks(values):
        # SOQL has no parameters, and `_query` checks the name of the key.
        tail = f"WHERE {key} IN ({literals})"
        found += _query(client, object_type, [key, *fields], tail)
    return tuple(found)


def _query(
    client: SalesforceClient, object_type: str, fields: Sequence[str], tail: str
) -> tuple[Record, ...]:
    names = [name for name in dict.fromkeys(fields) if _NAME.fullmatch(name) and name != "Id"]
    if not _NAME.fullmatch(object_type) or not names:
        raise UsageError(f"No fields of {object_type} to read.", remedy="Enter at least one field.")
    found: dict[str, dict[str, object]] = {}
    for start in range(0, len(names), _FIELDS_AT_ONCE):
        chunk = names[start : start + _FIELDS_AT_ONCE]
        soql = f"SELECT Id, {', '.join(chunk)} FROM {object_type} {tail}"  # noqa: S608
        reply = client.get("query", params={"q": soql})
        rows = {str(row.get("Id")): dict(row) for row in records_of(reply.body)}
        # Records can change between two queries: keep those that every query returns.
        found = rows if start == 0 else {k: found[k] | rows[k] for k in found if k in rows}
    return tuple(found.values())


def _chunks(values: Sequence[str]) -> Iterator[str]:
    """Yield lists of SOQL literals that fit into a URL."""
    chunk: list[str] = []
    length = 0
    for value in dict.fromkeys(values):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        literal = f"'{escaped}'"
        size = len(quote(literal)) + 3
        if chunk and (len(chunk) == _KEYS_AT_ONCE or length + size > _LONGEST_KEYS):
            yield ",".join(chunk)
            chunk, length = [], 0
        chunk.append(literal)
        length += size
    if chunk:
        yield ",".join(chunk)
