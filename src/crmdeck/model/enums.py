"""The enums. Importing them is cheap."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

Platform: TypeAlias = str
"""The name of a CRM. The set is open: each package of `connectors` for a CRM adds one."""


class Source(StrEnum):
    """Sources other than a CRM's own API; that source has the name of the CRM."""

    PARTNEROS = "partneros"
    FILES = "files"
    SANDBOX = "sandbox"


class Status(StrEnum):
    """The status of a connection, derived from its history."""

    ACTIVE = "active"
    ERROR = "error"
    DISCONNECTED = "disconnected"
    REAUTH_REQUIRED = "reauth_required"


class Urgency(StrEnum):
    """How urgent a finding is, the most urgent first."""

    FAILING = "failing"
    EXPIRING = "expiring"
    REVIEW = "review"
    SETUP = "setup"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return _URGENCIES[self]


_URGENCIES = {urgency: rank for rank, urgency in enumerate(Urgency)}


class FindingState(StrEnum):
    """Whether a finding is open, and if not, why."""

    OPEN = "open"
    ACCEPTED = "accepted"
    SNOOZED = "snoozed"
    EXCUSED = "excused"


class FindingKind(StrEnum):
    """What a finding is about."""

    MAPPING_BROKEN = "mapping_broken"
    ROW_FAILS = "row_fails"
    MAPPING_CHANGED = "mapping_changed"
    REQUIRED_NO_SOURCE = "required_no_source"
    CONTRACT_BROKEN = "contract_broken"
    SIGN_IN = "sign_in"
    CONNECTION_ERROR = "connection_error"
    SUSPECT_REFRESH = "suspect_refresh"
    CACHE_DAMAGED = "cache_damaged"
    SYNC_USER = "sync_user"
    TOKEN_ENDS = "token_ends"  # noqa: S105
    VENDOR_RETIRES = "vendor_retires"
    OBJECT_FAILED = "object_failed"
    QUOTA_LOW = "quota_low"
    STOPPED = "stopped"
    ROW_CAN_FAIL = "row_can_fail"
    DELIVERY = "delivery"
    CHANGE_OPEN = "change_open"
    POLICY_UNUSABLE = "policy_unusable"
    NOT_REFRESHED = "not_refreshed"
    NEVER_REFRESHED = "never_refreshed"
    NOTHING_MAPPED = "nothing_mapped"
    UNDECIDED_ROWS = "undecided_rows"
    ROW_CHANGES_VALUES = "row_changes_values"
    CHANGE_SAFE = "change_safe"


class Verb(StrEnum):
    """What a step does: the same word in the console, on the command line and in MCP."""

    SIGN_IN = "sign_in"
    TEST = "test"
    REFRESH = "refresh"
    ACCEPT_SUSPECT = "accept_suspect"
    EXAMINE = "examine"
    MOVE = "move"
    CHOOSE = "choose"
    UNMAP = "unmap"
    MAP_VALUES = "map_values"
    FILL = "fill"
    MAP = "map"
    REVIEW = "review"
    PROPOSE = "propose"
    ACKNOWLEDGE = "acknowledge"
    CHANGE_SETTING = "change_setting"
    SET_SYNC_USER = "set_sync_user"
    SHOW_POLICY = "show_policy"
    ACCEPT_RISK = "accept_risk"
    SNOOZE = "snooze"
    REOPEN = "reopen"


class FieldType(StrEnum):
    """The canonical types; `native_type` keeps the platform's own name."""

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
    """What a rule requires of a write.

    `required`: always a value; `conditional`: a value if a condition is met; `values`: values of a
    certain form; `validation`: a formula over the record must not be true; `duplicates`: no similar
    record exists; `pipeline`: stages in which a record can be created, or to which it can move.
    `automation` is a flow or trigger that runs before the other rules: it can fill, change or
    reject a record.
    """

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    VALUES = "values"
    VALIDATION = "validation"
    DUPLICATES = "duplicates"
    PIPELINE = "pipeline"
    AUTOMATION = "automation"


class ScopeMode(StrEnum):
    """Which object types a refresh reads."""

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
    ACCESS_LOST = "access_lost"
    ACCESS_GAINED = "access_gained"


class GoneReason(StrEnum):
    """Why an object or a field is missing from a source's answer."""

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
    """The direction of a mapping."""

    PUSH = "push"
    PULL = "pull"
    BIDIRECTIONAL = "bidirectional"

    @property
    def arrow(self) -> str:
        """Return the arrow between a PartnerOS field and a CRM field."""
        return _ARROWS[self]


_ARROWS = {Direction.PUSH: "→", Direction.PULL: "←", Direction.BIDIRECTIONAL: "↔"}


class DecisionState(StrEnum):
    """The state of a mapping."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PENDING = "pending"


class ValueMatch(StrEnum):
    """How a picklist value was matched."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SYNONYM = "synonym"
    EMBEDDING = "embedding"
    NONE = "none"


class SyncOutcome(StrEnum):
    """The outcome of a refresh or probe.

    `stopped` is a refresh that left the rest of the API quota to others: nothing is wrong with the
    connection.
    """

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    REAUTH = "reauth"
    # Histories have this spelling.
    CANCELED = "cancelled"
    STOPPED = "stopped"


class SecretsPlace(StrEnum):
    """Where a connection's secrets are stored; `environment` keeps them outside.

    In the `workspace` they are encrypted, for each machine with the key.
    """

    KEYRING = "keyring"
    FILE = "file"
    WORKSPACE = "workspace"
    ENVIRONMENT = "environment"


class Role(StrEnum):
    """A user's role in an organization, with its rights on a server.

    A viewer reads. A member also refreshes, decides and disconnects. An admin also manages service
    tokens.
    """

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


class TokenScope(StrEnum):
    """What a service token allows; each role has scopes too."""

    READ = "read"
    REFRESH = "refresh"
    WRITE = "write"
    SUGGEST = "suggest"
    ADMIN = "admin"


class FailOn(StrEnum):
    """What makes a check fail: changes of at least this severity, changes to mapped fields, or
    none.
    """

    NONE = "none"
    SAFE = "safe"
    RISKY = "risky"
    BREAKING = "breaking"
    MAPPED = "mapped"


class CheckLevel(StrEnum):
    """The level of a finding, from ignored to failing the check."""

    IGNORE = "ignore"
    REPORT = "report"
    FAIL = "fail"


class UsageVerdict(StrEnum):
    """Whether anything else in a CRM depends on a field."""

    DEPENDED_ON = "depended_on"
    LIKELY_SAFE = "likely_safe"
    UNKNOWN = "unknown"


class FieldChange(StrEnum):
    """A change of a CRM field that an admin plans."""

    RENAMED = "renamed"
    REMOVED = "removed"
    SHORTENED = "shortened"


class EffectKind(StrEnum):
    """What depends on a field, in the order of display."""

    MAPPING = "mapping"
    RULE = "rule"
    FORMULA = "formula"
    PICKLIST = "picklist"
    LOOKUP_FILTER = "lookup_filter"
    ROLLUP = "rollup"
    USAGE = "usage"


class Outcome(StrEnum):
    """What the CRM does with a write, by how certain that is; the worst first.

    `unless_automation`: a flow or a trigger that runs first may still fill or correct the record.
    `unless_user`: a permission of the user decides. `unknown`: a fact is missing.
    """

    REJECTED = "rejected"
    UNLESS_AUTOMATION = "unless_automation"
    UNLESS_USER = "unless_user"
    CHANGED = "changed"
    UNKNOWN = "unknown"


class CauseKind(StrEnum):
    """Why a CRM rejects a write. `knowledge/rejections/causes.toml` has the words for each."""

    ASSOCIATION_LIMIT = "association_limit"
    AUTOMATION = "automation"
    BAD_REFERENCE = "bad_reference"
    CHOICE = "choice"
    CONVERTED = "converted"
    DELETED = "deleted"
    DUPLICATE_RULE = "duplicate_rule"
    FIELD_MISSING = "field_missing"
    FORMAT = "format"
    LIMIT = "limit"
    LOCK = "lock"
    LOOKUP_FILTER = "lookup_filter"
    OBJECT_ACCESS = "object_access"
    OBJECT_MISSING = "object_missing"
    OWNER = "owner"
    PARENT_MISSING = "parent_missing"
    POLICY = "policy"
    RANGE = "range"
    READ_ONLY = "read_only"
    RECORD_ACCESS = "record_access"
    RECORD_LOCKED = "record_locked"
    RECORD_TYPE = "record_type"
    REQUEST = "request"
    REQUIRED = "required"
    RULE = "rule"
    SCOPE = "scope"
    SIGN_IN = "sign_in"
    STANDARD_RULE = "standard_rule"
    STORAGE = "storage"
    TOO_LONG = "too_long"
    TRANSIENT = "transient"
    UNIQUE = "unique"
    UNKNOWN = "unknown"
