"""The audit log: who did what, when."""

from __future__ import annotations

from typing import Any

import pydantic

from crmdeck.model.wire import UtcTime, WireModel


class AuditEntry(WireModel):
    """An audit entry. `event` is `connection.*`, `token.*`, `schema.*` or `mapping.*`."""

    id: str
    at: UtcTime
    actor: str
    event: str
    connection_id: str | None = None
    summary: str
    details: dict[str, Any] = pydantic.Field(default_factory=dict)
