"""What is open in a workspace: the store selects, `drift.open_changes` judges."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from crmdeck.drift.open_changes import Evidence, Excuse, Standing, count_open, judge, unsettled
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import (
    ChangeState,
    Decision,
    DriftEvent,
    DriftKind,
    ObjectSchema,
    OpenChanges,
    Severity,
    in_force,
)
from crmdeck.store import Session, Settlement

if TYPE_CHECKING:
    from crmdeck.store.drift import Unacknowledged
    from crmdeck.workspace.context import Context
    from crmdeck.workspace.policy import Policy

POLICY_FILE = "policy.toml"
POLICY_SET = "policy.set"
"""The audit entry that has the policy of a team, as TOML in `details["policy"]`."""


class Judged(NamedTuple):
    """A change that no one acknowledged, with its state."""

    change: Unacknowledged
    standing: Standing


def count_judged(judged: Iterable[Judged]) -> OpenChanges:
    """Return the count of open change groups among the changes of a connection.

    Every interface shows this number.
    """
    return count_open(
        (change.group, change.severity)
        for change, standing in judged
        if standing.state is ChangeState.OPEN
    )


class Standings:
    """The states of the changes that no one acknowledged, of a connection or of all.

    What the history settled is derived when it is written. The policy, accepted risks and the day
    apply here. `policy` replaces that of the workspace.
    """

    def __init__(
        self,
        context: Context,
        session: Session,
        connection_id: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        policy = usable_policy(context, session) if policy is None else policy
        self._policy = policy if policy is not None and policy.rule else None
        self._session = session
        self._today = context.now.date()
        self._accepted = _accepted_risks(session, self._today, connection_id)
        # Only the rules of a policy go by name.
        every = session.connections.all() if self._policy is not None else ()
        self._names = {each.id: each.name for each in every}
        self._settled = _read_settlements(session, connection_id)

    def basis(self, connection_id: str) -> Hashable:
        """Return all that the states of a connection depend on; None if that isn't known."""
        one = self._settled.get(connection_id)
        if one is None or one.version is None:
            return None
        accepted = tuple(self._accepted.get(connection_id, {}).items())
        if not accepted and self._policy is None:
            return one.version
        # The day ends excuses and accepted risks.
        rules = self._policy and self._policy.model_dump_json()
        return one.version, accepted, rules, self._names.get(connection_id), self._today

    def counts(self) -> dict[str, OpenChanges]:
        """Return the counts of open change groups, by connection."""
        excused = self._settled.keys() if self._policy else self._accepted.keys() & self._settled
        judged = self.changes(excused) if excused else {}
        return {
            key: count_judged(judged.get(key, ())) if key in excused else one.open_changes
            for key, one in self._settled.items()
        }

    def total(self) -> OpenChanges:
        """Return the count of open change groups of all."""
        if self._policy or self._accepted:
            return OpenChanges.total(self.counts().values())
        every = self._settled.values()
        return Settlement(
            sum(one.breaking for one in every), sum(one.risky for one in every)
        ).open_changes

    def open(self) -> list[Unacknowledged]:
        """Return the open changes, in the order found."""
        found = [
            change
            for judged in self.changes().values()
            for change, standing in judged
            if standing.state is ChangeState.OPEN
        ]
        return sorted(found, key=lambda change: change.seq)

    def changes(
        self, connection_ids: Collection[str] | None = None, *, safe: bool = False
    ) -> dict[str, Sequence[Judged]]:
        """Return the changes with their states by connection, in the order found.

        Breaking and risky ones, and with `safe` all. The default is all connections; those without
        any are left out.
        """
        wanted = list(self._settled if connection_ids is None else connection_ids)
        bases = {key: self.basis(key) for key in wanted}
        place = ("judged changes", safe)
        kept: dict[str, tuple[Hashable, Sequence[Judged]]] = self._session.recall(place) or {}
        stale = [
            key for key in wanted if bases[key] is None or kept.get(key, (None,))[0] != bases[key]
        ]
        judged = self._judge(stale, safe) if stale else {}
        fresh = {key: (bases[key], judged.get(key, ())) for key in stale}
        kept = {**kept, **fresh}
        if any(basis is not None for basis, _ in fresh.values()):
            self._session.remember(place, kept)
        return {key: kept[key][1] for key in wanted if kept[key][1]}

    def _judge(self, connection_ids: Sequence[str], safe: bool) -> dict[str, Sequence[Judged]]:
        session = self._session
        # A list of all takes the database longer than no condition.
        every = len(connection_ids) > 1 and len(connection_ids) == len(self._settled)
        changes = session.drift.unacknowledged(None if every else connection_ids, safe=safe)
        changes = {key: changes[key] for key in connection_ids if key in changes}
        stored = [key for key in changes if self._settled[key].states is None]
        texts = session.settlements.states(stored) if stored else {}
        states = {
            id_: Standing(ChangeState(state), None if at is None else datetime.fromisoformat(at))
            for key in changes
            for id_, (state, at) in json.loads(
                texts.get(key) or self._settled[key].states or "{}"
            ).items()
        }
        for key, mine in changes.items():
            accepted = self._accepted.get(key, {})
            for each in mine:
                if each.id in accepted and each.id not in states:
                    states[each.id] = Standing(ChangeState.EXCUSED, excuse=accepted[each.id])
        if self._policy is not None:
            rest = [each.id for mine in changes.values() for each in mine if each.id not in states]
            for id_, event in session.drift.by_ids(rest).items():
                name = self._names.get(event.connection_id, "")
                if excuse := self._policy.excuse(name, event, self._today):
                    states[id_] = Standing(ChangeState.EXCUSED, excuse=excuse)
        return {
            key: [Judged(each, states.get(each.id) or unsettled(each.severity)) for each in mine]
            for key, mine in changes.items()
        }


def _read_settlements(session: Session, connection_id: str | None) -> Mapping[str, Settlement]:
    """Return the settlements of a connection, or of all; what isn't stored is derived."""
    # Several calls of a block that reads one state ask for the same.
    answers: dict[object, Any] = {} if session.answers is None else session.answers
    found: Mapping[str, Settlement] | None = answers.get("settlements")
    if found is not None and (connection_id is None or connection_id in found):
        return found if connection_id is None else {connection_id: found[connection_id]}
    found = session.settlements.counts(connection_id)
    missing = session.settlements.missing() if connection_id is None else [connection_id]
    if missing := [key for key in missing if key not in found]:
        found = {**found, **derive_settlements(session, missing)}
    if connection_id is None:
        answers["settlements"] = found
    return found


def keep_settlements(session: Session) -> None:
    """Store the settlements that a write deleted, before it is committed."""
    missing = session.settlements.missing()
    derived: dict[str, Settlement] = {}
    # Damage of one connection must not keep others from writing; its readers report it.
    for some in (missing, *([key] for key in missing)):
        if set(some) - derived.keys():
            with suppress(CrmdeckError):
                derived |= derive_settlements(session, some)
    session.settlements.put(derived)


def derive_settlements(session: Session, connection_ids: Sequence[str]) -> dict[str, Settlement]:
    """Return the settlements of connections, from their history alone."""
    changes = session.drift.unacknowledged(connection_ids, safe=True)
    # Nothing can have settled the others, so they need not be read.
    ids = {each.id for mine in changes.values() for each in mine}
    uncertain = session.drift.uncertain(connection_ids) & ids if ids else set()
    settled = {
        id_: standing
        for id_, standing in (_judge(session, uncertain) if uncertain else {}).items()
        if standing.state not in (ChangeState.OPEN, ChangeState.INFO)
    }
    found = {}
    for key in connection_ids:
        mine = changes.get(key, ())
        counted = count_open(
            (each.group, each.severity)
            for each in mine
            if each.id not in settled and each.severity is not Severity.SAFE
        )
        states = {
            each.id: (standing.state.value, standing.at and standing.at.isoformat())
            for each in mine
            if (standing := settled.get(each.id)) is not None
        }
        found[key] = Settlement(counted.breaking, counted.risky, json.dumps(states))
    return found


def wrong_settlements(session: Session) -> list[str]:
    """Return the connections whose stored settlement isn't what their history says."""
    stored = session.settlements.counts()
    texts = session.settlements.states(stored)
    derived = derive_settlements(session, list(stored))
    return [
        key
        for key, one in derived.items()
        if one != stored[key]._replace(states=texts[key], version=None)
    ]


def _judge(session: Session, change_ids: Collection[str]) -> dict[str, Standing]:
    events = session.drift.history(list(change_ids))
    at_place = Counter(
        (each.connection_id, each.object_type, each.rule or each.field_name) for each in events
    )
    # Only a place with several changes can equal its state before one of them, and only an object
    # that was added can be gone again.
    newest = session.snapshots.newest(
        {place[:2] for place, number in at_place.items() if number > 1}
        | {
            (each.connection_id, each.object_type)
            for each in events
            if each.kind is DriftKind.OBJECT_ADDED
        }
    )
    schemas: dict[str, dict[str, ObjectSchema]] = defaultdict(dict)
    for (key, name), schema in newest.items():
        schemas[key][name] = schema
    history: dict[str, list[DriftEvent]] = defaultdict(list)
    for event in events:
        history[event.connection_id].append(event)
    logs: Mapping[str, Sequence[Decision]] = {}
    if any(each.affected_mappings for each in events):
        # One statement for all connections: a year of 500 takes minutes otherwise.
        logs = session.decisions.by_connection(next(iter(history)) if len(history) == 1 else None)
    found: dict[str, Standing] = {}
    for key, mine in history.items():
        evidence = Evidence(
            history=mine,
            newest=schemas[key].get,
            before=lambda change: session.snapshots.before_change(
                change.connection_id, change.object_type, change.id
            ),
            decisions={
                f"{each.object_pair}:{each.partner_field}": each
                for each in in_force(logs.get(key, ()))
            },
            excuse=lambda change: None,
        )
        found |= judge((each for each in mine if each.id in change_ids), evidence)
    return found


def _accepted_risks(
    session: Session, today: date, connection_id: str | None
) -> dict[str, dict[str, Excuse]]:
    """Return the excuses of the changes whose risk a user accepted until a day.

    By connection and change ID.
    """
    found = {
        key: {
            change: Excuse(one.note or f"risk accepted by {one.by}", one.until, one.by)
            for one in mine.values()
            if today <= one.until
            for change in one.changes
        }
        for key, mine in session.acceptances.last(connection_id).items()
    }
    return {key: mine for key, mine in found.items() if mine}


def usable_policy(context: Context, session: Session) -> Policy | None:
    """Return the policy of the workspace, None without one and if crmdeck can't use it.

    Then it has no effect: that is a finding, and gates fail.
    """
    with suppress(UsageError):
        return read_policy(context, session)
    return None


def policy_error(context: Context, session: Session) -> CrmdeckError | None:
    """Return why crmdeck can't use the policy of the workspace, None if it can."""
    try:
        read_policy(context, session)
    except UsageError as error:
        return error
    return None


def read_policy(context: Context, session: Session) -> Policy | None:
    """Return the policy of the workspace, if it has one; raises UsageError if it can't be used.

    A team's is in its history, any other in the file `policy.toml`.
    """
    text, path = "", context.home / POLICY_FILE
    if context.shared:
        entries = session.audit.entries(event=POLICY_SET, limit=1)
        text = str(entries[0].details.get("policy", "")) if entries else ""
    if not (text if context.shared else path.exists()):
        return None
    # Most workspaces have no policy, and importing its module takes 9 ms.
    from crmdeck.workspace.policy import load_policy, parse_policy

    return parse_policy(text, "The policy of the team") if text else load_policy(path)
