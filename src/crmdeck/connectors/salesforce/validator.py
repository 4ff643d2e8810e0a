"""What is kept with each object type so that an unchanged org answers in next to no bytes.

How it works, and why so. Salesforce honors `If-Modified-Since` on describeGlobal and on sObject
Describe ("Describe Global", "sObject Describe", REST API Developer Guide), and documents that it
looks at permissions, profiles and field labels too. `composite/batch` takes no headers, but
`composite` takes `httpHeaders` for each subrequest and counts as one call ("Composite
Subrequest", same guide), so 25 conditional descriptions cost one call.

An unchanged listing speaks for all objects by the guide's words ("no available object's metadata
has changed"), and one small request is then all that is needed. Nothing shows from outside
whether an org keeps to that for every kind of change, so it is believed for a limited time after
each object was last asked itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from crmdeck.connectors.http import Reply
from crmdeck.model import Scope, format_utc

# Where an answer carries no Last-Modified: a change in the seconds before it is asked for again.
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Validator:
    """The kept words: `object_date` and `listing_date` are HTTP dates as Salesforce gave them.

    `listing` is a digest of what the refresh asked for, `asked_at` when the object itself was
    last asked, `version` the API version of it all.
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
        """Return the validator in `text`, or None where it is none of ours."""
        parts = (text or "").split("|")
        if len(parts) != 5:
            return None
        try:
            asked_at = datetime.fromisoformat(parts[4])
        except ValueError:
            return None
        return cls(parts[0], parts[1], parts[2], parts[3], asked_at)


def listing_digest(version: str, scope: Scope, names: Sequence[str]) -> str:
    """Return a short digest of what a refresh asked for."""
    text = "\n".join((version, scope.to_json(), *sorted(names)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def answered_at(reply: Reply, now: datetime) -> str:
    """Return the HTTP date to ask about next time, where the answer names none of its own.

    By the clock of the org where the answer tells it, else by `now`, each less a margin.
    """
    try:
        told = parsedate_to_datetime(reply.header("Date") or "")
        moment = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        return format_datetime(moment - _MARGIN, usegmt=True)
    except (ValueError, TypeError, IndexError, OverflowError):
        return format_datetime(now - _MARGIN, usegmt=True)
