"""The enums. They cost nothing to import."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

Platform: TypeAlias = str
"""The name of a CRM. The set is open: each package of `connectors` for a CRM adds one."""


class Source(StrEnum):
    """The sources besides a CRM's own API, whose source has the name of the CRM."""

    PARTNEROS = "partneros"
    FILES = "files"
    SANDBOX = "sandbox"


class Status(StrEnum):
    """What a connection is, derived from what happened."""

    ACTIVE = "active"
    ERROR = "error"
    DISCONNECTED = "disconnected"
    REAUTH_REQUIRED = "reauth_required"


class AlertLevel(StrEnum):
    """How urgent an alert is."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class FieldType(StrEnum):
    """The canonical types; `native_type` keeps the platform's own word."""

    ID = "id"
    STRING = "string"
    TEXT = "text"
    HTML = "html"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CURRENCY = "currency"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    PICKLIST = "picklist"
    MULTIPICKLIST = "multipicklist"
    REFERENCE = "reference"
    COMPOUND = "compound"
    BINARY = "binary"
    OTHER = "other"


class RuleKind(StrEnum):
    """What a rule demands of a write.

    `required`: a value, always; `conditional`: a value, where a condition holds; `values`: a
    value of a certain form; `validation`: that a formula over the record is not true.
    """

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    VALUES = "values"
    VALIDATION = "validation"


class ScopeMode(StrEnum):
    """Which object types a refresh asks for."""

    MAPPABLE = "mappable"
    ALL = "all"
    NAMED = "named"


class DriftKind(StrEnum):
    """How an object, a field, or a rule changed."""

    OBJECT_ADDED = "object_added"
    OBJECT_REMOVED = "object_removed"
    OBJECT_HIDDEN = "object_hidden"
    OBJECT_ABSENT = "object_absent"
    OBJECT_OUT_OF_SCOPE = "object_out_of_scope"
    OBJECT_CHANGED = "object_changed"
    FIELD_ADDED = "field_added"
    FIELD_REMOVED = "field_removed"
    FIELD_HIDDEN = "field_hidden"
    FIELD_ABSENT = "field_absent"
    FIELD_CHANGED = "field_changed"
    RULE_ADDED = "rule_added"
    RULE_REMOVED = "rule_removed"
    RULE_CHANGED = "rule_changed"


class GoneReason(StrEnum):
    """Why an object or a field is missing from the answer of a source."""

    REMOVED = "removed"
    HIDDEN = "hidden"
    ABSENT = "absent"
    OUT_OF_SCOPE = "out_of_scope"


class Severity(StrEnum):
    """How severely a change affects mappings and writes."""

    SAFE = "safe"
    RISKY = "risky"
    BREAKING = "breaking"

    @property
    def rank(self) -> int:
        """0 for safe, 1 for risky, 2 for breaking."""
        return _RANKS[self]

    @classmethod
    def worst(cls, severities: Iterable[Severity]) -> Severity:
        """Return the worst of `severities`, or safe without any."""
        return max(severities, key=_RANKS.__getitem__, default=cls.SAFE)


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class ChangeState(StrEnum):
    """Whether a change still needs a person, and if not, what settled it.

    `info` is a safe change that nothing has settled: it is never open.
    """

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REPAIRED = "repaired"
    EXCUSED = "excused"
    INFO = "info"

    @property
    def is_settled(self) -> bool:
        """True if a person, the CRM or the policy has dealt with the change."""
        return self not in (ChangeState.OPEN, ChangeState.INFO)


class Side(StrEnum):
    """The sides of a comparison that have an object or a field."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Direction(StrEnum):
    """Where a value flows."""

    PUSH = "push"
    PULL = "pull"
    BIDIRECTIONAL = "bidirectional"

    @property
    def arrow(self) -> str:
        """Return how it is drawn between a PartnerOS and a CRM field."""
        return _ARROWS[self]


_ARROWS = {Direction.PUSH: "→", Direction.PULL: "←", Direction.BIDIRECTIONAL: "↔"}


class DecisionState(StrEnum):
    """What the operator decided on a PartnerOS field."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PENDING = "pending"


class ValueMatch(StrEnum):
    """How a picklist value found its counterpart."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SYNONYM = "synonym"
    EMBEDDING = "embedding"
    NONE = "none"


class SyncOutcome(StrEnum):
    """How one attempt to talk to a CRM ended.

    `stopped` is a refresh that left the rest of the API quota to others: nothing is wrong with
    the connection.
    """

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    REAUTH = "reauth"
    CANCELED = "cancelled"
    STOPPED = "stopped"


class SecretsPlace(StrEnum):
    """Where the secrets of a connection are kept; `environment`: nowhere, they are given."""

    KEYRING = "keyring"
    FILE = "file"
    ENVIRONMENT = "environment"


class Role(StrEnum):
    """What a user may do: a viewer looks, a member also refreshes, decides and disconnects."""

    MEMBER = "member"
    VIEWER = "viewer"


class FailOn(StrEnum):
    """What makes a check fail: drift this bad or worse, drift on mapped fields, or none."""

    NONE = "none"
    SAFE = "safe"
    RISKY = "risky"
    BREAKING = "breaking"
    MAPPED = "mapped"


class IssueKind(StrEnum):
    """What a check found.

    A change, a mapping that broke, a contract that is not kept, an alert, or what it could not
    read.
    """

    DRIFT = "drift"
    MAPPING = "mapping"
    CONTRACT = "contract"
    ALERT = "alert"
    UNREAD = "unread"


class IssueLevel(StrEnum):
    """What becomes of an issue; from what is passed over to what makes the check fail."""

    IGNORE = "ignore"
    REPORT = "report"
    FAIL = "fail"


class UsageVerdict(StrEnum):
    """Whether anything else in a CRM depends on a field."""

    DEPENDED_ON = "depended_on"
    LIKELY_SAFE = "likely_safe"
    UNKNOWN = "unknown"
