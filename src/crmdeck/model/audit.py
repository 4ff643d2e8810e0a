"""The audit log: who did what, when."""

from __future__ import annotations

import pydantic

from crmdeck.model.wire import UtcTime, WireModel


class AuditEntry(WireModel):
    """An audit entry. `event` is `connection.*`, `token.*`, `schema.*` or `mapping.*`.

    `actor` is what the program claims. `db_user` is the user that PostgreSQL knows; None in a file.
    """

    id: str
    at: UtcTime
    actor: str
    db_user: str | None = None
    event: str
    connection_id: str | None = None
    summary: str
    details: dict[str, object] = pydantic.Field(default_factory=dict)


class AuditHead(WireModel):
    """The end of the audit log: the number of its last entry, and its hash over all entries."""

    number: int
    hash: str
