"""Suspect refreshes: a response that would remove much at once is not yet a fact.

A lost permission or a partial response looks like a mass removal. Such a refresh fails, and the
cached schema stays, until a user accepts it or a refresh at least an hour later finds the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from crmdeck.errors import SourceError
from crmdeck.findings.connection import SUSPECT
from crmdeck.model import AuditEntry, Connection, DriftEvent, SnapshotInfo
from crmdeck.store.drift import GONE_KINDS
from crmdeck.text import count

AGREES_AFTER = timedelta(hours=1)
# Ordinary work removes a few fields at once, which are a tenth of a small schema.
_FEW = 10
_SHARE = 0.1


class Removal(NamedTuple):
    """What a refresh would remove; `key` is the same for the same removal."""

    objects: int
    fields: int
    key: str

    @property
    def text(self) -> str:
        """The removal in words, such as `3 objects and 412 fields`."""
        parts = [
            count(number, word)
            for number, word in ((self.objects, "object"), (self.fields, "field"))
            if number
        ]
        return " and ".join(parts)


def suspect_removal(
    events: Sequence[DriftEvent], current: Mapping[str, SnapshotInfo]
) -> Removal | None:
    """Return the removals if they are suspiciously many, otherwise None.

    That is more than a tenth of the objects or fields, and more than ten. Objects out of scope
    don't count. The fields of a removed object count as removed.
    """
    gone = [event for event in events if event.kind in GONE_KINDS]
    objects = [event.object_type for event in gone if event.field_name is None]
    lost_with_objects = sum(current[name].field_count for name in objects if name in current)
    fields = len(gone) - len(objects) + lost_with_objects
    all_fields = sum(info.field_count for info in current.values())
    if not (_is_much(len(objects), len(current)) or _is_much(fields, all_fields)):
        return None
    # Sorted: the CRM may list the same removal in another order an hour later.
    names = sorted(f"{event.kind} {event.object_type}.{event.field_name or ''}" for event in gone)
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    return Removal(len(objects), fields, key)


def is_confirmed(removal: Removal, failures: Sequence[AuditEntry], now: datetime) -> bool:
    """True if an earlier refresh, at least an hour ago, found the same removal.

    `failures` are the failed refreshes since the last one that was recorded.
    """
    return any(
        entry.details.get("removal") == removal.key and now - entry.at >= AGREES_AFTER
        for entry in failures
    )


class SuspectRefreshError(SourceError):
    """A refresh that would remove suspiciously much."""

    def __init__(self, connection: Connection, removal: Removal) -> None:
        super().__init__(
            f"The refresh of {connection.name} would remove {removal.text}.",
            cause="Such removals usually mean a lost permission or an incomplete response.",
            remedy="Check the user's permissions. If the removals are right, accept them: "
            f"crmdeck refresh {connection.name} --accept-suspect",
            code=SUSPECT,
        )
        self.removal = removal


def _is_much(removed: int, of: int) -> bool:
    return removed > _FEW and removed > of * _SHARE
