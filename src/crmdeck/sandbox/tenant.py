"""One running organization: its time, its tokens, its faults, its count of calls."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from crmdeck.clock import Clock
from crmdeck.sandbox.faults import Fault, FaultKind, FaultPlan
from crmdeck.sandbox.history import State
from crmdeck.sandbox.scenario import Organization, Person, Scenario
from crmdeck.sandbox.schema import ObjectDef
from crmdeck.sandbox.tokens import TokenIssuer

# The age of object types that don't change in the history.
_AGE = timedelta(days=400)


class Tenant:
    """The state that all requests to one organization share. Thread-safe.

    The history counts back from `anchor`. `clock` returns the present.
    """

    def __init__(
        self, scenario: Scenario, org: Organization, clock: Clock, anchor: datetime,
        token_lifetime: timedelta | None,
    ) -> None:  # fmt: skip
        self.scenario = scenario
        self.org = org
        self.anchor = anchor
        self.clock = clock
        self.tokens = TokenIssuer(org.name, clock, token_lifetime)
        self.faults = FaultPlan()
        self._lock = threading.Lock()
        self._moment: datetime | None = None
        self._calls = 0
        self._revocation_seen = False

    def set_now(self, moment: datetime | None) -> None:
        """Move to a time in the history; None: the present."""
        self._moment = moment

    @property
    def now(self) -> datetime:
        return self._moment or self.clock()

    @property
    def state(self) -> State:
        return self.org.at(self.now, self.anchor)

    def settle(self) -> None:
        """Apply a revocation in the history once, at its time."""
        revoked = self.state.revoked
        # Only when it changes: a token issued since then stays valid.
        with self._lock:
            if revoked == self._revocation_seen:
                return
            self._revocation_seen = revoked
        self.tokens.revoke_refresh(revoked)
        if revoked:
            self.tokens.expire_all()

    def count(self, calls: int) -> None:
        with self._lock:
            self._calls += calls

    @property
    def used(self) -> int:
        return min(self.state.daily_used + self._calls, self.org.daily_limit)

    @property
    def exhausted(self) -> bool:
        return self.used >= self.org.daily_limit

    def visible(self) -> dict[str, ObjectDef]:
        """Return the object types that the integration user can see."""
        hidden = {
            fault.object_type
            for fault in self.faults.views()
            if fault.kind is FaultKind.HIDDEN_OBJECT
        }
        return {name: each for name, each in self.state.objects.items() if name not in hidden}

    def hidden_fields(self, object_type: str) -> frozenset[str]:
        """Return the fields of an object type that the integration user can't see."""
        return frozenset(
            fault.field_name
            for fault in self.faults.views()
            if fault.kind is FaultKind.HIDDEN_FIELD
            and fault.object_type == object_type
            and fault.field_name
        )

    def lost(self, object_type: str) -> Fault | None:
        """Return the LOST_SCHEMA fault of an object type, if any."""
        for fault in self.faults.views():
            if fault.kind is FaultKind.LOST_SCHEMA and fault.object_type == object_type:
                return fault
        return None

    def modified(self, target: ObjectDef) -> datetime:
        change = self.org.last_change(target, self.now, self.anchor)
        return self.anchor - (change.before_now if change else _AGE)

    def field_modified(self, object_type: str, field_name: str) -> tuple[datetime, Person | None]:
        """Return when a field last changed, and by whom (None: the vendor).

        A field without a change in the history belongs to the first person of the scenario.
        """
        people = self.scenario.people
        for change in reversed(self.org.changes_until(self.now, self.anchor)):
            for edit in change.edits:
                if object_type in edit.touches and field_name in edit.names:
                    return self.anchor - change.before_now, people.get(change.by or "")
        return self.anchor - _AGE, next(iter(people.values()), None)
