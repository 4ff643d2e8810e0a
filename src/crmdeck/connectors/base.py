"""The interface between the workspace and the sources of schemas."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol, Self, runtime_checkable

from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError
from crmdeck.model import (
    AuditEntry,
    CancelToken,
    Connection,
    Decision,
    DriftReport,
    EffectiveAccess,
    FieldUse,
    Freshness,
    GoneReason,
    Notice,
    ObjectSchema,
    ProbeReport,
    Quota,
    Rule,
    Scope,
    Suggestion,
    Traffic,
    WireModel,
)
from crmdeck.model.delivery import RecordCounts
from crmdeck.model.mapping import ObjectPair

_SHOWN_VALUES = 5
_SHOWN_LENGTH = 200


@dataclass(frozen=True)
class Known:
    """The cached state of an object type, so that a source can answer "unchanged".

    `schema` lacks the fields. `mapped`: the object type has accepted mappings. `stays`: the scope
    that it was found in still applies, so that other flags of the CRM don't take it out.
    """

    object_type: str
    schema_hash: str
    validator: str | None
    schema: ObjectSchema | None = None
    mapped: bool = False
    stays: bool = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        return () if self.schema is None else self.schema.rules or ()


@dataclass(frozen=True)
class Listing:
    """The object types at the source: always the first item of a discovery.

    `object_types` is everything that this user can see, in scope or not. `in_scope` is what the
    discovery will read, in order. `freshness` comes from a source that passes schemas on: when it
    discovered an object type, and until when that is valid. The default is now.
    """

    object_types: frozenset[str]
    in_scope: tuple[str, ...]
    freshness: Mapping[str, Freshness] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovered:
    """The current schema of one object type; fields named in `unread` keep their cached state."""

    schema: ObjectSchema
    validator: str | None = None
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Unchanged:
    """One object type that hasn't changed since `known`.

    `validator` replaces the known one if the source sent a new one.
    """

    object_type: str
    validator: str | None = None


@dataclass(frozen=True)
class Failed:
    """One object type that the source couldn't read; the others continue."""

    object_type: str
    error: CrmdeckError


LEFT_OUT = "A setting leaves them out: crmdeck connections set NAME --without-rules"
"""The reason for kinds of rules that `Scope.without_rules` names."""


class PicklistsOfType(NamedTuple):
    """The values that a record type allows, and the default ones, by field; None if unknown."""

    values: dict[str, tuple[str, ...]] | None
    defaults: dict[str, str] | None


@dataclass(frozen=True)
class ObjectRules:
    """What decides writes to one object type, apart from its fields; see `ObjectSchema`.

    `picklists` goes by the ID of a record type; those of other record types are unknown.
    """

    rules: tuple[Rule, ...]
    not_read: dict[str, str]
    user: dict[str, bool | str] | None = None
    picklists: Mapping[str, PicklistsOfType] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """The rules of object types, separate from their fields; `calls` counts calls by kind.

    `failed` has the error of each kind that keeps its cached rules, because it couldn't be read.
    The caller knows the object type, and fills in the fields that each validation rule uses.
    """

    by_object: Mapping[str, ObjectRules]
    calls: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, CrmdeckError] = field(default_factory=dict)


Discovery = Listing | Discovered | Unchanged | Failed | Rules | Notice


@dataclass(frozen=True)
class Missing:
    """An object type or a field that the last refresh still found."""

    object_type: str
    field_name: str | None = None


@dataclass(frozen=True)
class Wait:
    """A wait of `seconds` before the next request to `who`; `asked` if `who` asked for it."""

    who: str
    seconds: float
    asked: bool


@dataclass
class Meter:
    """The traffic of a connector so far, and the last known quota.

    Any thread calls `on_wait` with each wait that starts, and with None after the last one.
    """

    traffic: Traffic = field(default_factory=Traffic)
    quota: Quota | None = None
    on_wait: Callable[[Wait | None], None] | None = field(default=None, repr=False)
    _waiting: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, received: int = 0, quota_spent: int = 1) -> None:
        """Count one request, the bytes of its response, and the quota that it used."""
        with self._lock:
            self.traffic = Traffic(
                requests=self.traffic.requests + 1,
                bytes_received=self.traffic.bytes_received + received,
                quota_spent=self.traffic.quota_spent + quota_spent,
            )

    def observe(self, quota: Quota) -> None:
        """Store the quota from a response, unless a later response came first.

        Answers to parallel requests arrive in any order.
        """
        with self._lock:
            known = self.quota
            # A connector lives for one job: a lower number is an older answer, not a new day.
            if known is None or known.limit != quota.limit or known.used <= quota.used:
                self.quota = quota

    @contextmanager
    def pause(self, wait: Wait) -> Iterator[None]:
        """Report the wait during the block, and None after the last one."""
        with self._lock:
            self._waiting += 1
        self._report(wait)
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                over = not self._waiting
            # Outside the lock, because `on_wait` is foreign code and may take its time.
            if over:
                self._report(None)

    def _report(self, wait: Wait | None) -> None:
        if self.on_wait is not None:
            self.on_wait(wait)


class Credentials(Protocol):
    """The place where a connector reads its secrets and stores renewed ones.

    The names are those in `crmdeck.credentials`, such as `access_token` or `client_id`.
    """

    def get(self, name: str) -> str | None:
        """Return the secret of that name, or None."""
        ...

    def put(self, values: Mapping[str, str]) -> None:
        """Store all of the secrets, or none."""
        ...


class TokenListener(Protocol):
    """Records token events in the audit log."""

    def __call__(self, event: str, summary: str) -> None:
        """Record an event such as `token.refreshed` with a one-line summary."""
        ...


class Connector(Protocol):
    """A connection to one source. Methods raise only CrmdeckError."""

    @property
    def meter(self) -> Meter: ...

    def probe(self) -> ProbeReport:
        """Check the user, the token and the quota with a cheap request."""
        ...

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        """Yield a Listing, then each object type in scope as it arrives.

        Raises errors of the whole connection (no token, no network). Yields errors of one object
        type as Failed, and other messages as Notice.
        """
        ...

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        """Return why things are missing from the response; the default is "absent".

        The workspace calls it after `discover`, and only if something is missing.
        """
        ...


ChangedThing = tuple[str, str | None]


@dataclass(frozen=True)
class Attribution:
    """Who changed something and when, as far as the CRM reports; `via` is the source of that."""

    by: str | None
    at: datetime | None
    via: str


@runtime_checkable
class ChangeHistory(Protocol):
    """Optional: the CRM reports who changed what."""

    def who_changed(
        self, changes: Sequence[ChangedThing]
    ) -> Mapping[ChangedThing, Attribution | str]:
        """Return who changed each (object type, field name or None), or the reason as text.

        Every change has an entry. Raises CrmdeckError only for the whole connection.
        """
        ...


@dataclass(frozen=True)
class Usage:
    """What uses a field; `not_checked` has one sentence for each gap and its reason.

    `gone` is True if the field no longer exists in the CRM, so that it can't be checked.
    """

    uses: tuple[FieldUse, ...] = ()
    not_checked: tuple[str, ...] = ()
    gone: bool = False


@runtime_checkable
class UsageFinder(Protocol):
    """Optional: the CRM reports where a field is used."""

    def where_used(self, object_type: str, field_name: str, cancel: CancelToken) -> Usage:
        """Return the uses of a field. Raises CrmdeckError only for the whole connection."""
        ...


@dataclass(frozen=True)
class Sample:
    """Fill rates of fields in recent records; crmdeck shows the values, and never stores them.

    `rates` are shares from 0 to 1, `sampled` is the number of records. Fields that the user can't
    read are in neither.
    """

    sampled: int
    rates: Mapping[str, float]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def count(cls, fields: Sequence[str], records: Sequence[Mapping[str, object]]) -> Self:
        """Return the fill rates of `fields` in `records`, and a few different values of each."""
        rates: dict[str, float] = {}
        values: dict[str, tuple[str, ...]] = {}
        for name in fields:
            filled = [str(each[name]) for each in records if each.get(name) not in (None, "")]
            if records:
                rates[name] = len(filled) / len(records)
            shown = tuple(value[:_SHOWN_LENGTH] for value in dict.fromkeys(filled))
            values[name] = shown[:_SHOWN_VALUES]
        return cls(len(records), rates, values)


Record = Mapping[str, object]
"""A record by field name, with the CRM's own ID among the fields."""


@runtime_checkable
class RecordReader(Protocol):
    """Optional: the connector can read records. Methods raise CrmdeckError."""

    def recent(
        self, object_type: str, fields: Sequence[str], limit: int = 200
    ) -> tuple[Record, ...]:
        """Return up to `limit` records."""
        ...

    def find(
        self, object_type: str, key: str, values: Sequence[str], fields: Sequence[str]
    ) -> tuple[Record, ...]:
        """Return the records whose ID or unique field `key` has one of `values`."""
        ...


@runtime_checkable
class VersionReporter(Protocol):
    """Optional: the CRM's API has versions."""

    def version_in_use(self) -> str | None:
        """Return the oldest API version used so far; None before the first call."""
        ...


@runtime_checkable
class VersionChooser(Protocol):
    """Optional: a connection's `api_version` sets the API version."""

    def api_versions(self) -> tuple[str, ...]:
        """Return the versions that the CRM supports, oldest first. Raises CrmdeckError."""
        ...


@runtime_checkable
class AddressReporter(Protocol):
    """Optional: the CRM reports the account's own address."""

    def found_at(self) -> str | None:
        """Return the last reported address; None if only a sign-in host is known."""
        ...


class FoundUser(NamedTuple):
    """A CRM user; `is_match` is False for one that is only similar to the wanted one."""

    id: str
    username: str
    name: str
    is_active: bool
    is_match: bool


@runtime_checkable
class AccessReader(Protocol):
    """Optional: the connector can read what another CRM user can do. Methods raise CrmdeckError."""

    def find_users(self, name: str) -> tuple[FoundUser, ...]:
        """Return the users with that name or ID; without any, users to choose from."""
        ...

    def read_access(
        self,
        user_id: str,
        mapped: Collection[str],
        known: EffectiveAccess | None,
        cancel: CancelToken,
        now: datetime,
    ) -> EffectiveAccess:
        """Return a user's access with the fields of `mapped` objects: `known` if unchanged."""
        ...

    def who_granted(self, names: Collection[str]) -> Attribution | None:
        """Return who last changed or assigned one of the permission sets; None if unknown."""
        ...


@runtime_checkable
class DeliveryReader(Protocol):
    """Optional: the CRM shows what it publishes, and counts records. Methods raise CrmdeckError."""

    def published_objects(self, cancel: CancelToken) -> tuple[str, ...]:
        """Return the objects whose changes the CRM publishes to subscribers."""
        ...

    def count_created(
        self,
        user_id: str,
        objects: Mapping[str, Sequence[str]],
        since: date,
        until: date,
        cancel: CancelToken,
    ) -> Mapping[str, RecordCounts | str]:
        """Count the records that a user created from `since` to before `until`, by object.

        `objects` has the fields to count. An object that can't be counted has a reason as text.
        """
        ...


@runtime_checkable
class Integration(Protocol):
    """Optional: the source manages the connection itself (PartnerOS)."""

    def suggest(self, pair: ObjectPair) -> tuple[Suggestion, ...]:
        """Return the source's own suggestions for an object pair. Raises CrmdeckError."""
        ...

    def disconnect(self) -> None:
        """Disconnect the connection at the source too. Raises CrmdeckError."""
        ...


@runtime_checkable
class TeamLog(Protocol):
    """Optional: the source can store a team's decisions.

    All records have the local connection's ID. Methods raise CrmdeckError.
    """

    def decisions(self) -> tuple[Decision, ...] | None:
        """Return all decisions, oldest first; None if the source doesn't store them."""
        ...

    def history(self) -> tuple[AuditEntry, ...]:
        """Return the latest audit entries, newest first."""
        ...

    def drift(self) -> DriftReport | None:
        """Return the drift that the source has recorded; None if it records none."""
        ...

    def acknowledge(self, event_ids: Sequence[str], note: str) -> bool:
        """Acknowledge changes by their IDs at the source; False if the source can't."""
        ...

    def reopen(self, event_ids: Sequence[str]) -> bool:
        """Undo acknowledgments at the source; False if the source can't."""
        ...

    def decide(self, pair: str, choices: Sequence[WireModel]) -> tuple[Decision, ...]:
        """Store all of the decisions at the source, or none, and return them."""
        ...

    def undo(self, pair: str, decision_id: str | None) -> Decision:
        """Undo a decision at the source (None: the last one), and return the new decision."""
        ...


ConnectorFactory = Callable[[Connection, Credentials, TokenListener, Limits], Connector]
