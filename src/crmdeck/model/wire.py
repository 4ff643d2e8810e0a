"""The base of every model: frozen, camelCase on the wire, UTC times with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel


def to_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; one without a zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_utc(moment: datetime) -> str:
    """Return `moment` in wire format: `2026-05-16T12:00:00.000Z`."""
    return to_utc(moment).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


UtcTime = Annotated[
    datetime,
    AfterValidator(to_utc),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
]


class WireModel(BaseModel):
    """A frozen record that reads snake_case and camelCase and writes camelCase."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        # A start uses only a few of the models.
        defer_build=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """Return the record as JSON values under its wire names."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> str:
        """Return the record as compact JSON under its wire names."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_wire(cls, data: object) -> Self:
        """Return the record in `data`, a mapping under wire names."""
        return cls.model_validate(data)
