"""Fill rates of the fields of an object, from its most recently changed records."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmdeck.connectors.base import Sample
from crmdeck.connectors.http import records_of
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.errors import UsageError
from crmdeck.model import CancelToken

_NAME = re.compile(r"\w{1,100}")
# The query is part of the URL, of at most 16,384 characters ("Query", REST API Guide).
_FIELDS_AT_ONCE = 100


def sample(
    client: SalesforceClient,
    object_type: str,
    fields: Sequence[str],
    limit: int,
    cancel: CancelToken,
) -> Sample:
    """Return the fill rates of `fields` in up to `limit` records. Raises CrmdeckError."""
    names = [name for name in dict.fromkeys(fields) if _NAME.fullmatch(name)]
    if not _NAME.fullmatch(object_type) or not names:
        raise UsageError(
            f"No fields of {object_type} to sample.", remedy="Name at least one field."
        )
    parts = []
    for start in range(0, len(names), _FIELDS_AT_ONCE):
        chunk = names[start : start + _FIELDS_AT_ONCE]
        soql = (
            f"SELECT {', '.join(chunk)} FROM {object_type} "  # noqa: S608
            f"ORDER BY LastModifiedDate DESC LIMIT {int(limit)}"
        )
        reply = client.get("query", cancel, params={"q": soql})
        parts.append(Sample.count(chunk, records_of(reply.body)))
    return Sample.joined(parts)
