"""What a refresh did."""

from __future__ import annotations

from typing import Self

from crmdeck.errors import CrmdeckError
from crmdeck.model.drift import DriftEvent, Story
from crmdeck.model.enums import SyncOutcome
from crmdeck.model.wire import UtcTime, WireModel


class RefreshedObject(WireModel):
    """One object type that a refresh saw."""

    type: str
    field_count: int


class ObjectFailure(WireModel):
    """One object type that could not be read; its last snapshot stands."""

    object_type: str
    code: str
    message: str
    cause: str | None = None
    remedy: str | None = None


class Notice(WireModel):
    """Something that a refresh came across and has to say, and that is no object's failure.

    `subject` is the object type that it is about, None where it is about the whole source.
    """

    subject: str | None = None
    code: str
    message: str
    cause: str | None = None
    remedy: str | None = None

    @classmethod
    def of(cls, error: CrmdeckError, subject: str | None = None) -> Self:
        """Return what an error says as a notice."""
        return cls(
            subject=subject,
            code=error.code,
            message=error.message,
            cause=error.cause,
            remedy=error.remedy,
        )


class Traffic(WireModel):
    """What a refresh cost at the source."""

    requests: int = 0
    bytes_received: int = 0
    quota_spent: int = 0


class RefreshResult(WireModel):
    """The answer of `POST /integrations/{id}/schema/refresh`, with the details beside it."""

    success: bool
    objects: tuple[RefreshedObject, ...]
    total_fields: int
    drift_events: tuple[DriftEvent, ...] = ()
    stories: tuple[Story, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    notices: tuple[Notice, ...] = ()
    baseline: bool = False
    new_definitions: int = 0
    unchanged_objects: int = 0
    traffic: Traffic = Traffic()
    elapsed_ms: int = 0


class VersionPreview(WireModel):
    """What another version of a CRM's API would change against what is cached; nothing is kept.

    `in_use` is the version that the cache was read under, `version` the one that was looked at.
    `compared_with` is when the cache was read: what the CRM itself changed since then is told as
    well. `objects` were looked at; those in `failures` could not be.
    """

    in_use: str
    version: str
    compared_with: UtcTime
    objects: int
    drift_events: tuple[DriftEvent, ...] = ()
    stories: tuple[Story, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    notices: tuple[Notice, ...] = ()
    traffic: Traffic = Traffic()


class SyncRun(WireModel):
    """One refresh or probe in the history of a connection.

    `recovered`: it went well, and the one before it had not.
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
