"""The result of a refresh."""

from __future__ import annotations

from typing import Self

import pydantic

from crmdeck.errors import CrmdeckError
from crmdeck.model.drift import ChangeGroup, DriftEvent
from crmdeck.model.enums import SyncOutcome
from crmdeck.model.wire import UtcTime, WireModel


class RefreshedObject(WireModel):
    """An object type that a refresh read."""

    type: str
    field_count: int


class ObjectFailure(WireModel):
    """An object type, or a kind of rule, that couldn't be read; its last state stays current."""

    object_type: str
    code: str
    message: str
    cause: str | None = None
    remedy: str | None = None


class Notice(WireModel):
    """A note about a refresh that isn't an object's failure.

    `subject` is the object type it is about; None for the whole source.
    """

    subject: str | None = None
    code: str
    message: str
    cause: str | None = None
    remedy: str | None = None

    @classmethod
    def of(cls, error: CrmdeckError, subject: str | None = None) -> Self:
        """Return an error as a notice."""
        return cls(
            subject=subject,
            code=error.code,
            message=error.message,
            cause=error.cause,
            remedy=error.remedy,
        )


class Traffic(WireModel):
    """The cost of a refresh at the source."""

    requests: int = 0
    bytes_received: int = 0
    quota_spent: int = 0


class RefreshResult(WireModel):
    """The response of `POST /integrations/{id}/schema/refresh`, with details.

    `rule_calls` counts the calls for each kind of rule; `traffic` includes them.
    """

    success: bool
    objects: tuple[RefreshedObject, ...]
    total_fields: int
    drift_events: tuple[DriftEvent, ...] = ()
    stories: tuple[ChangeGroup, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    notices: tuple[Notice, ...] = ()
    baseline: bool = False
    new_definitions: int = 0
    unchanged_objects: int = 0
    traffic: Traffic = Traffic()
    rule_calls: dict[str, int] = pydantic.Field(default_factory=dict)
    elapsed_ms: int = 0


class RefreshFailure(WireModel):
    """A connection that could not be refreshed. `reasons` has the names of its exit codes."""

    connection_id: str | None
    connection: str
    error: str
    code: str
    cause: str | None = None
    remedy: str | None = None
    reasons: tuple[str, ...] = ()


class RefreshReport(WireModel):
    """The refreshes of several connections."""

    refreshed: tuple[RefreshResult, ...]
    failed: tuple[RefreshFailure, ...]


class VersionPreview(WireModel):
    """What another version of a CRM's API would change in the cached schema; nothing is saved.

    `in_use` is the version of the cached schema, `version` the other one. `compared_with` is
    when the cached schema was read: changes in the CRM since then are included.
    """

    in_use: str
    version: str
    compared_with: UtcTime
    objects: int
    drift_events: tuple[DriftEvent, ...] = ()
    stories: tuple[ChangeGroup, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    notices: tuple[Notice, ...] = ()
    traffic: Traffic = Traffic()


class SyncRun(WireModel):
    """A refresh or probe in the history of a connection.

    `recovered`: it succeeded, and the one before it had failed.
    """

    id: str
    connection_id: str
    kind: str = "refresh"
    outcome: SyncOutcome
    started_at: UtcTime
    finished_at: UtcTime
    objects: int = 0
    fields: int = 0
    drift_events: int = 0
    recovered: bool = False
    error_code: str | None = None
    error_message: str | None = None
    error_cause: str | None = None
    error_remedy: str | None = None
