"""The validator stored with each object type, so that an unchanged org costs one small request.

Salesforce supports `If-Modified-Since` for describeGlobal and sObject Describe ("Describe Global",
"sObject Describe", REST API Developer Guide), and documents that permissions, profiles and field
labels count too. `composite/batch` accepts no headers. `composite` accepts `httpHeaders` for each
subrequest and counts as one call ("Composite Subrequest", same guide), so 25 conditional describes
cost one call.

The guide says that an unchanged list means that "no available object's metadata has changed", so
one small request is enough. No one can verify that from outside for every kind of change. So
crmdeck trusts an unchanged list for a limited time after each object's own last request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from crmdeck.connectors.http import Response
from crmdeck.model import Scope, format_utc

# Without Last-Modified, the next request also covers changes in these last seconds.
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Validator:
    """The stored state: `object_date` and `listing_date` are HTTP dates from Salesforce.

    `listing` is a digest of the refreshed scope, `asked_at` the time of the object's own last
    request, and `version` the API version.
    """

    version: str
    object_date: str
    listing_date: str
    listing: str
    asked_at: datetime

    def encode(self) -> str:
        """Return the validator as one line of text."""
        parts = (
            self.version,
            self.object_date,
            self.listing_date,
            self.listing,
            format_utc(self.asked_at),
        )
        return "|".join(parts)

    @classmethod
    def decode(cls, text: str | None) -> Validator | None:
        """Return the validator in `text`; None if it has another format."""
        parts = (text or "").split("|")
        if len(parts) != 5:
            return None
        try:
            asked_at = datetime.fromisoformat(parts[4])
        except ValueError:
            return None
        return cls(parts[0], parts[1], parts[2], parts[3], asked_at)


def listing_digest(version: str, scope: Scope, names: Sequence[str]) -> str:
    """Return a short digest of the object types in a refresh."""
    text = "\n".join((version, scope.to_json(), *sorted(names)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def answered_at(reply: Response, now: datetime) -> str:
    """Return the HTTP date for the next conditional request, if the response has none.

    That is the org's time from the response, else `now`, minus a margin.
    """
    try:
        # The org's clock, because this machine's may be wrong.
        date = parsedate_to_datetime(reply.header("Date") or "")
        moment = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        return format_datetime(moment - _MARGIN, usegmt=True)
    except (ValueError, TypeError, IndexError, OverflowError):
        return format_datetime(now - _MARGIN, usegmt=True)
