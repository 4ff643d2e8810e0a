"""The errors of a sync by cause."""

from __future__ import annotations

from crmdeck.model.enums import CauseKind
from crmdeck.model.wire import UtcTime, WireModel


class CausingChange(WireModel):
    """The change of the CRM that caused errors; `by` is None if the CRM shows no user."""

    id: str
    at: UtcTime
    by: str | None = None
    text: str


class SyncCause(WireModel):
    """All errors with one cause.

    `rule` is the validation or duplicate rule, `through` the flow or trigger in which it happened.
    `now` is a sentence about today's schema. `mappings` lists `objectPair:partnerField`. `records`
    has the first record IDs, `message` the first message.
    """

    kind: CauseKind
    code: str | None = None
    vendor: str | None = None
    object: str | None = None
    field: str | None = None
    rule: str | None = None
    through: str | None = None
    values: tuple[str, ...] = ()
    is_schema_cause: bool = False
    count: int
    lines: tuple[int, int]
    text: str
    now: str | None = None
    change: CausingChange | None = None
    fixed_on: UtcTime | None = None
    mappings: tuple[str, ...] = ()
    owner: str
    next: str
    records: tuple[str, ...] = ()
    message: str | None = None

    @property
    def place(self) -> str:
        """The object with its field or rule; empty if neither is known."""
        return ".".join(filter(None, (self.object, self.field or self.rule)))

    @property
    def why(self) -> str:
        """The causing change, otherwise what today's schema says; both if that differs."""
        change = self.change.text if self.change is not None else None
        is_needed = change is None or self.fixed_on is not None
        return " ".join(filter(None, (change, self.now if is_needed else None)))

    @property
    def title(self) -> str:
        """The cause in a line: where, what, and in which flow or trigger."""
        through = f", through {self.through}" if self.through else ""
        return f"{self.place}: {self.text}{through}" if self.place else f"{self.text}{through}"


class SyncErrorReport(WireModel):
    """The errors in a file by cause, those of the schema first.

    `not_read` counts the rows that can't be read, `succeeded` those without an error. `notes` are
    sentences about what is missing.
    """

    file: str
    connection: str | None = None
    errors: int = 0
    schema_errors: int = 0
    succeeded: int = 0
    not_read: int = 0
    causes: tuple[SyncCause, ...] = ()
    notes: tuple[str, ...] = ()
