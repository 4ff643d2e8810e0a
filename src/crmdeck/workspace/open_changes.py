"""What is open in a workspace: the store selects, `drift.open_changes` judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

from crmdeck.drift.open_changes import Evidence, Standing, count_open, group_of, judge, unsettled
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import ChangeState, DriftEvent, DriftKind, OpenChanges, Severity, in_force
from crmdeck.store import Session
from crmdeck.workspace.context import Context

if TYPE_CHECKING:
    from crmdeck.store.drift import Unacknowledged
    from crmdeck.workspace.policy import Policy

POLICY_FILE = "policy.toml"
POLICY_SET = "policy.set"
"""The audit entry that has the policy of a team, as TOML in `details["policy"]`."""


class Judged(NamedTuple):
    """A change that no one acknowledged, with its state."""

    change: Unacknowledged
    standing: Standing


class OpenOnMapped(NamedTuple):
    """The open change groups that touch mappings: how many, how many breaking, first and last.

    `broken` counts the mappings that the breaking ones touch.
    """

    total: int
    breaking: int
    broken: int
    earliest: datetime
    latest: datetime


def count_judged(judged: Sequence[Judged]) -> OpenChanges:
    """Return the count of open change groups among the changes of a connection.

    Every interface shows this number.
    """
    return count_open(
        (change.group, change.severity)
        for change, standing in judged
        if standing.state is ChangeState.OPEN
    )


def open_mapped_changes(
    session: Session, judged: Mapping[str, Sequence[Judged]]
) -> dict[str, list[DriftEvent]]:
    """Return by connection the open changes that touch mappings; without it there are none."""
    ids = {
        key: [
            change.id
            for change, standing in mine
            if change.mapped and standing.state is ChangeState.OPEN
        ]
        for key, mine in judged.items()
    }
    events = session.drift.among([change for mine in ids.values() for change in mine])
    found = {key: [events[one] for one in mine if one in events] for key, mine in ids.items()}
    return {key: changes for key, changes in found.items() if changes}


def open_on_mapped(
    session: Session, judged: Mapping[str, Sequence[Judged]]
) -> dict[str, OpenOnMapped]:
    """Return by connection how many open change groups touch mappings, if any do.

    `latest` is when the last of their changes was found or reopened.
    """
    # A dismissed alert returns when one of them is found or reopened later.
    found = open_mapped_changes(session, judged)
    ids = [change.id for changes in found.values() for change in changes]
    reopened = session.drift.reopened_at(ids)
    counted = {
        key: count_open((group_of(change), change.severity) for change in changes)
        for key, changes in found.items()
    }
    return {
        key: OpenOnMapped(
            total=counted[key].count,
            breaking=counted[key].breaking,
            broken=len(
                {
                    mapping
                    for change in changes
                    if change.severity is Severity.BREAKING
                    for mapping in change.affected_mappings
                }
            ),
            earliest=min(change.detected_at for change in changes),
            latest=max(reopened.get(change.id, change.detected_at) for change in changes),
        )
        for key, changes in found.items()
    }


def judge_changes(
    context: Context,
    session: Session,
    connection_id: str | None = None,
    *,
    safe: bool = False,
    policy: Policy | None = None,
) -> dict[str, list[Judged]]:
    """Return the changes that no one acknowledged with their states, by connection ID.

    In the order found. `policy` replaces that of the workspace.
    """
    # Several calls of a block that reads one state ask for the same.
    answers = session.answers if policy is None else None
    key = ("judged changes", connection_id, safe)
    if answers is not None:
        if key in answers:
            return cast("dict[str, list[Judged]]", answers[key])
        every = cast("dict[str, list[Judged]] | None", answers.get((key[0], None, safe)))
        if every is not None:
            return {id_: mine for id_, mine in every.items() if id_ == connection_id}
    if policy is None:
        # A policy that crmdeck can't use excuses nothing: Health has an alert, and gates fail.
        with suppress(UsageError):
            policy = read_policy(context, session)
    excuses = policy is not None and bool(policy.rule)
    changes = session.drift.unacknowledged(connection_id, safe=safe)
    # Nothing but the policy can settle the others, so they need not be read.
    uncertain = {
        each.id
        for mine in changes.values()
        for each in mine
        if excuses or each.mapped or each.recurs
    }
    standings = _judge(context, session, uncertain, policy) if uncertain else {}
    judged = {
        id_: [Judged(each, standings.get(each.id) or unsettled(each.severity)) for each in mine]
        for id_, mine in changes.items()
    }
    if answers is not None:
        answers[key] = judged
    return judged


def _judge(
    context: Context, session: Session, change_ids: Set[str], policy: Policy | None
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
    today = context.now.date()
    found: dict[str, Standing] = {}
    for key in dict.fromkeys(each.connection_id for each in history):
        mine = [each for each in history if each.connection_id == key]
        log = session.decisions.log(key) if any(each.affected_mappings for each in mine) else ()
        schemas = {name: schema for (owner, name), schema in newest.items() if owner == key}
        evidence = Evidence(
            history=mine,
            newest=schemas.get,
            before=lambda change: session.snapshots.before_change(
                change.connection_id, change.object_type, change.id
            ),
            decisions={f"{each.object_pair}:{each.partner_field}": each for each in in_force(log)},
            excuse=lambda change: (
                policy.excuse(names.get(change.connection_id, ""), change, today)
                if policy
                else None
            ),
        )
        found |= judge((each for each in mine if each.id in change_ids), evidence)
    return found


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
