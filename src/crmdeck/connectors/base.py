"""What every source of schemas looks like to the workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self, runtime_checkable

from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError
from crmdeck.model import (
    AuditEntry,
    CancelToken,
    Connection,
    Decision,
    DriftReport,
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
from crmdeck.model.mapping import ObjectPair

_SHOWN_VALUES = 5
_SHOWN_LENGTH = 200


@dataclass(frozen=True)
class Known:
    """What the cache knows of an object type, so that a source can answer "unchanged"."""

    object_type: str
    schema_hash: str
    validator: str | None


@dataclass(frozen=True)
class Listing:
    """Always the first thing a discovery yields: what the source says exists.

    `object_types` is everything that this user sees, in scope or not; `in_scope` is what will
    be pulled, in order. `freshness` is the word of a source that passes schemas on: when it
    discovered each object type, and until when that holds. What is not in it is of now.
    """

    object_types: frozenset[str]
    in_scope: tuple[str, ...]
    freshness: Mapping[str, Freshness] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovered:
    """One object type as the source has it now."""

    schema: ObjectSchema
    validator: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """One object type of which the source says that it has not changed since `known`.

    `validator` replaces the known one where the source gave a new one.
    """

    object_type: str
    validator: str | None = None


@dataclass(frozen=True)
class Failed:
    """One object type that could not be read; the others go on."""

    object_type: str
    error: CrmdeckError


@dataclass(frozen=True)
class Rules:
    """The rules of object types whose fields come by themselves, changed or not.

    The caller, which knows the object type, fills in the fields that a rule looks at.
    """

    by_object: Mapping[str, tuple[Rule, ...]]


Discovery = Listing | Discovered | Unchanged | Failed | Rules | Notice


@dataclass(frozen=True)
class Missing:
    """Something that was there last time: an object type, or a field of one."""

    object_type: str
    field_name: str | None = None


@dataclass(frozen=True)
class Wait:
    """A pause before `who` is asked again: `seconds` long, `told` where it asked for that."""

    who: str
    seconds: float
    told: bool


@dataclass
class Meter:
    """What a connector has cost at its source so far, and the last quota it was told.

    `on_wait` is called, from any thread, with each pause that begins, and with None when
    nothing waits any more.
    """

    traffic: Traffic = field(default_factory=Traffic)
    quota: Quota | None = None
    on_wait: Callable[[Wait | None], None] | None = field(default=None, repr=False)
    _waiting: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, received: int = 0, quota_spent: int = 1) -> None:
        """Count one request, its answer's bytes, and the quota that it spent."""
        with self._lock:
            self.traffic = Traffic(
                requests=self.traffic.requests + 1,
                bytes_received=self.traffic.bytes_received + received,
                quota_spent=self.traffic.quota_spent + quota_spent,
            )

    def observe(self, quota: Quota) -> None:
        """Remember the quota that an answer told."""
        with self._lock:
            self.quota = quota

    @contextmanager
    def pause(self, wait: Wait) -> Iterator[None]:
        """Tell who listens that the block waits, and when it was the last that did."""
        with self._lock:
            self._waiting += 1
        self._tell(wait)
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                over = not self._waiting
            if over:
                self._tell(None)

    def _tell(self, wait: Wait | None) -> None:
        if self.on_wait is not None:
            self.on_wait(wait)


class Credentials(Protocol):
    """Where a connector finds its secrets and puts refreshed ones back.

    Names are those of `crmdeck.credentials` (`access_token`, `refresh_token`, `client_id`, ...).
    """

    def get(self, name: str) -> str | None:
        """Return the secret of that name, or None."""
        ...

    def put(self, values: Mapping[str, str]) -> None:
        """Store secrets, all or none."""
        ...


class TokenListener(Protocol):
    """Is told what became of a token, for the audit log."""

    def __call__(self, event: str, summary: str) -> None:
        """Take note of `token.refreshed`, `token.refresh_failed`, ... with one line."""
        ...


class Connector(Protocol):
    """One way to one CRM. Methods raise CrmdeckError and nothing else."""

    @property
    def meter(self) -> Meter:
        """Return what this connector has cost so far."""
        ...

    def probe(self) -> ProbeReport:
        """Ask cheaply who we are, whether the token is good, how much quota is left."""
        ...

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        """Yield a Listing, then each object type of the scope as it arrives.

        What concerns the whole connection (no token, no network) is raised; what concerns one
        object type is yielded as Failed, and what is to be said besides as a Notice.
        """
        ...

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        """Say why things are not in the answer any more; what is left out counts as absent.

        Called after `discover`, only where something is missing.
        """
        ...


ChangedThing = tuple[str, str | None]


@dataclass(frozen=True)
class Attribution:
    """Who changed something and when, as far as the CRM says; `via` is where it was read."""

    by: str | None
    at: datetime | None
    via: str


@runtime_checkable
class ChangeHistory(Protocol):
    """What a connector also offers where the CRM tells who changed what."""

    def who_changed(
        self, changes: Sequence[ChangedThing]
    ) -> Mapping[ChangedThing, Attribution | str]:
        """Say who changed each (object type, field name or None); a text is why it is unknown.

        Every change has an entry. Raises CrmdeckError only for what concerns the connection.
        """
        ...


@dataclass(frozen=True)
class Usage:
    """What uses a field; `not_checked` says, a sentence each, what of that is not known, and why.

    `gone`: the CRM has the field no more, so that nothing can be asked of it.
    """

    uses: tuple[FieldUse, ...] = ()
    not_checked: tuple[str, ...] = ()
    gone: bool = False


@runtime_checkable
class UsageFinder(Protocol):
    """What a connector also offers where the CRM tells where a field is used."""

    def where_used(self, object_type: str, field_name: str, cancel: CancelToken) -> Usage:
        """Say what uses a field. Raises CrmdeckError only for what concerns the connection."""
        ...


@dataclass(frozen=True)
class Sample:
    """How full fields are in recent records; the values are for the eyes only, never kept.

    `rates` are shares from 0 to 1, `sampled` the number of records. Fields that could not be
    read are in neither.
    """

    sampled: int
    rates: Mapping[str, float]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def count(cls, fields: Sequence[str], records: Sequence[Mapping[str, Any]]) -> Self:
        """Return the fill rates of `fields` over `records`, and a few different values of each."""
        rates: dict[str, float] = {}
        values: dict[str, tuple[str, ...]] = {}
        for name in fields:
            filled = [str(each[name]) for each in records if each.get(name) not in (None, "")]
            if records:
                rates[name] = len(filled) / len(records)
            shown = tuple(value[:_SHOWN_LENGTH] for value in dict.fromkeys(filled))
            values[name] = shown[:_SHOWN_VALUES]
        return cls(len(records), rates, values)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return one sample of parts that hold different fields of the same records."""
        rates = {name: rate for part in parts for name, rate in part.rates.items()}
        values = {name: value for part in parts for name, value in part.values.items()}
        return cls(min(part.sampled for part in parts), rates, values)


@runtime_checkable
class RecordSampler(Protocol):
    """What a connector also offers where it may read records."""

    def sample(self, object_type: str, fields: Sequence[str], limit: int = 200) -> Sample:
        """Return how full `fields` are in up to `limit` records. Raises CrmdeckError."""
        ...


@runtime_checkable
class VersionReporter(Protocol):
    """What a connector also offers where the CRM's API has versions."""

    def version_in_use(self) -> str | None:
        """Return the oldest API version that was spoken so far; None before the first call."""
        ...


@runtime_checkable
class VersionChooser(Protocol):
    """What a connector also offers where a connection's `api_version` decides what is spoken."""

    def api_versions(self) -> tuple[str, ...]:
        """Return the versions that the CRM speaks, oldest first. Raises CrmdeckError."""
        ...


@runtime_checkable
class AddressReporter(Protocol):
    """What a connector also offers where the CRM tells an account's own address."""

    def found_at(self) -> str | None:
        """Return the address that was told last; None where only a sign-in host is known."""
        ...


@runtime_checkable
class Integration(Protocol):
    """What a connector also offers where the source keeps the connection itself (PartnerOS)."""

    def suggest(self, pair: ObjectPair) -> tuple[Suggestion, ...]:
        """Return the source's own suggestions for an object pair. Raises CrmdeckError."""
        ...

    def disconnect(self) -> None:
        """Disconnect the connection at the source as well. Raises CrmdeckError."""
        ...


@runtime_checkable
class TeamLog(Protocol):
    """What a connector also offers where its source may keep decisions for a team.

    All records bear the id of the connection on this side. Methods raise CrmdeckError.
    """

    def decisions(self) -> tuple[Decision, ...] | None:
        """Return all decisions, oldest first; None where the source keeps none for others."""
        ...

    def history(self) -> tuple[AuditEntry, ...]:
        """Return the latest audit entries, newest first."""
        ...

    def drift(self) -> DriftReport | None:
        """Return the drift that the source has recorded so far; None where it records none."""
        ...

    def acknowledge(self, event_ids: Sequence[str], note: str) -> bool:
        """Acknowledge drift events by their ids there; False where the source keeps no such."""
        ...

    def reopen(self, event_ids: Sequence[str]) -> bool:
        """Take acknowledgments back there; False where the source keeps no such."""
        ...

    def decide(self, pair: str, choices: Sequence[WireModel]) -> tuple[Decision, ...]:
        """Make decisions at the source, all or none, and return them."""
        ...

    def undo(self, pair: str, decision_id: str | None) -> Decision:
        """Take a decision back at the source (None: the last one) and return what did it."""
        ...


ConnectorFactory = Callable[[Connection, Credentials, TokenListener, Limits], Connector]
