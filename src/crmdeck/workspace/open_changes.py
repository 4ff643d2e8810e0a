"""What is open in a workspace: the store selects, `drift.open_changes` judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

from crmdeck.drift.open_changes import Evidence, Excuse, Standing, count_open, judge, unsettled
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import ChangeState, Decision, DriftKind, OpenChanges, Severity, in_force
from crmdeck.store import Session
from crmdeck.workspace.context import Context

if TYPE_CHECKING:
    from crmdeck.store.drift import Unacknowledged
    from crmdeck.workspace.policy import Policy

# The tables whose rows can settle a change.
_SETTLING = ("acceptance", "acknowledgement", "connection", "decision", "drift_event", "refresh")

POLICY_FILE = "policy.toml"
POLICY_SET = "policy.set"
"""The audit entry that has the policy of a team, as TOML in `details["policy"]`."""


class Judged(NamedTuple):
    """A change that no one acknowledged, with its state."""

    change: Unacknowledged
    standing: Standing


def count_judged(judged: Sequence[Judged]) -> OpenChanges:
    """Return the count of open change groups among the changes of a connection.

    Every interface shows this number.
    """
    return count_open(
        (change.group, change.severity)
        for change, standing in judged
        if standing.state is ChangeState.OPEN
    )


@dataclass(frozen=True)
class Standings:
    """The changes that no one acknowledged with their states, by connection ID."""

    changes: Mapping[str, Sequence[Judged]]
    _counts: dict[str, OpenChanges] = field(default_factory=dict)

    @cached_property
    def open(self) -> dict[str, Unacknowledged]:
        """The open changes, by ID, in the order found."""
        return {
            change.id: change
            for judged in self.changes.values()
            for change, standing in judged
            if standing.state is ChangeState.OPEN
        }

    @property
    def count(self) -> OpenChanges:
        # A change group belongs to one connection.
        counts = [self.count_of(key) for key in self.changes]
        severities = [each.severity for each in counts if each.severity is not None]
        return OpenChanges(
            count=sum(each.count for each in counts),
            breaking=sum(each.breaking for each in counts),
            risky=sum(each.risky for each in counts),
            severity=Severity.worst(severities) if severities else None,
        )

    def count_of(self, connection_id: str) -> OpenChanges:
        if connection_id not in self._counts:
            self._counts[connection_id] = count_judged(self.changes.get(connection_id, ()))
        return self._counts[connection_id]


def read_standings(
    context: Context, session: Session, connection_id: str | None = None
) -> Standings:
    """Return the standings of a connection, or of all: those are kept until rows are added."""
    if connection_id is not None:
        return Standings(judge_changes(context, session, connection_id))
    policy = usable_policy(context, session)
    accepted = _accepted_risks(context, session, None)

    def judged(ids: Set[str] | None = None) -> dict[str, list[Judged]]:
        changes = session.drift.unacknowledged()
        if ids is not None:
            changes = {key: mine for key, mine in changes.items() if key in ids}
        return _judge_all(context, session, changes, policy, accepted)

    def since(before: Standings, last: Mapping[str, int]) -> Standings:
        changed = session.drift.changed_connections(last)
        stay = {key: mine for key, mine in before.changes.items() if key not in changed}
        counts = {key: each for key, each in before._counts.items() if key not in changed}
        return Standings({**stay, **judged(changed)}, counts)

    # The day ends excuses and accepted risks.
    key = ("standings", context.now.date(), policy and policy.model_dump_json())
    found = session.follow(key, _SETTLING, lambda: Standings(judged()), since)
    if session.answers is not None:
        session.answers["judged changes", None, False] = found.changes
    return found


def judge_changes(
    context: Context,
    session: Session,
    connection_id: str | None = None,
    *,
    safe: bool = False,
    policy: Policy | None = None,
) -> Mapping[str, Sequence[Judged]]:
    """Return the changes that no one acknowledged with their states, by connection ID.

    In the order found. `policy` replaces that of the workspace.
    """
    # Several calls of a block that reads one state ask for the same.
    answers = session.answers if policy is None else None
    key = ("judged changes", connection_id, safe)
    if answers is not None:
        if key in answers:
            return cast("Mapping[str, Sequence[Judged]]", answers[key])
        every = cast("Mapping[str, Sequence[Judged]] | None", answers.get((key[0], None, safe)))
        if every is not None:
            return {id_: mine for id_, mine in every.items() if id_ == connection_id}
        if connection_id is None and not safe:
            return read_standings(context, session).changes
    if policy is None:
        policy = usable_policy(context, session)
    accepted = _accepted_risks(context, session, connection_id)
    changes = session.drift.unacknowledged(connection_id, safe=safe)
    judged = _judge_all(context, session, changes, policy, accepted)
    if answers is not None:
        answers[key] = judged
    return judged


def _judge_all(
    context: Context,
    session: Session,
    changes: Mapping[str, Sequence[Unacknowledged]],
    policy: Policy | None,
    accepted: Mapping[str, Excuse],
) -> dict[str, list[Judged]]:
    excuses = bool(policy is not None and policy.rule)
    # Nothing but the policy can settle the others, so they need not be read.
    uncertain = {
        each.id
        for mine in changes.values()
        for each in mine
        if excuses or each.mapped or each.recurs or each.id in accepted
    }
    standings = _judge(context, session, uncertain, policy, accepted) if uncertain else {}
    return {
        id_: [Judged(each, standings.get(each.id) or unsettled(each.severity)) for each in mine]
        for id_, mine in changes.items()
    }


def _judge(
    context: Context,
    session: Session,
    change_ids: Set[str],
    policy: Policy | None,
    accepted: Mapping[str, Excuse],
) -> dict[str, Standing]:
    history = session.drift.history(list(change_ids))
    at_place = Counter(
        (each.connection_id, each.object_type, each.rule or each.field_name) for each in history
    )
    # Only a place with several changes can equal its state before one of them, and only an object
    # that was added can be gone again.
    newest = session.snapshots.newest(
        {place[:2] for place, number in at_place.items() if number > 1}
        | {
            (each.connection_id, each.object_type)
            for each in history
            if each.kind is DriftKind.OBJECT_ADDED
        }
    )
    # Only the rules of a policy go by name.
    names = {each.id: each.name for each in session.connections.all()} if policy else {}
    logs: Mapping[str, Sequence[Decision]] = {}
    if any(each.affected_mappings for each in history):
        keys = {each.connection_id for each in history}
        # One statement for all connections: a year of 500 takes minutes otherwise.
        logs = session.decisions.by_connection(keys.pop() if len(keys) == 1 else None)
    today = context.now.date()
    found: dict[str, Standing] = {}
    for key in dict.fromkeys(each.connection_id for each in history):
        mine = [each for each in history if each.connection_id == key]
        log = logs.get(key, ())
        schemas = {name: schema for (owner, name), schema in newest.items() if owner == key}
        evidence = Evidence(
            history=mine,
            newest=schemas.get,
            before=lambda change: session.snapshots.before_change(
                change.connection_id, change.object_type, change.id
            ),
            decisions={f"{each.object_pair}:{each.partner_field}": each for each in in_force(log)},
            excuse=lambda change: (
                accepted.get(change.id)
                or (
                    policy.excuse(names.get(change.connection_id, ""), change, today)
                    if policy
                    else None
                )
            ),
        )
        found |= judge((each for each in mine if each.id in change_ids), evidence)
    return found


def _accepted_risks(
    context: Context, session: Session, connection_id: str | None
) -> dict[str, Excuse]:
    """Return by change ID the excuses of the changes whose risk a user accepted until a day."""
    today = context.now.date()
    return {
        change: Excuse(one.note or f"risk accepted by {one.by}", one.until, one.by)
        for mine in session.acceptances.last(connection_id).values()
        for one in mine.values()
        if today <= one.until
        for change in one.changes
    }


def usable_policy(context: Context, session: Session) -> Policy | None:
    """Return the policy of the workspace, None without one and if crmdeck can't use it.

    Then it excuses nothing: that is a finding, and gates fail.
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
