"""What is open in a workspace: the store selects, `drift.open_changes` judges."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.drift.open_changes import Evidence, Standing, count_open, judge, unsettled
from crmdeck.errors import UsageError
from crmdeck.model import ChangeState, DriftEvent, ObjectSchema, OpenChanges, in_force
from crmdeck.store import Session
from crmdeck.workspace.context import Context

if TYPE_CHECKING:
    from crmdeck.store.drift import Unacknowledged
    from crmdeck.workspace.checks.policy import Policy

_log = logging.getLogger(__name__)

POLICY_FILE = "policy.toml"
POLICY_SET = "policy.set"
"""The audit entry that has the policy of a team, as TOML in `details["policy"]`."""


class Judged(NamedTuple):
    """A change that no one acknowledged, with its state."""

    change: Unacknowledged
    standing: Standing


def count_by_connection(
    context: Context, session: Session, connection_id: str | None = None
) -> dict[str, OpenChanges]:
    """Return the count of open change groups by connection ID; without it none is open.

    Of one connection, or of all. This is the number that every face shows.
    """
    return {
        key: count_open(
            (change.group, change.severity)
            for change, standing in judged
            if standing.state is ChangeState.OPEN
        )
        for key, judged in judge_changes(context, session, connection_id).items()
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
    if policy is None:
        policy = workspace_policy(context, session)
    excuses = policy is not None and bool(policy.rule)
    found: dict[str, list[Judged]] = {}
    changes = session.drift.unacknowledged(connection_id, safe=safe)
    for key, mine in changes.items():
        # Nothing but the policy can settle the others, so they need not be read.
        uncertain = [each.id for each in mine if excuses or each.mapped or each.recurs]
        standings = _judge(context, session, key, uncertain, policy) if uncertain else {}
        found[key] = [
            Judged(each, standings.get(each.id) or unsettled(each.severity)) for each in mine
        ]
    return found


def _judge(
    context: Context,
    session: Session,
    connection_id: str,
    change_ids: Sequence[str],
    policy: Policy | None,
) -> dict[str, Standing]:
    wanted = frozenset(change_ids)
    history = session.drift.history(change_ids)
    connection = session.connections.get(connection_id)
    name = connection.name if connection else ""
    today = context.now.date()
    log = session.decisions.log(connection_id)
    evidence = Evidence(
        history=history,
        newest=_newest(session, connection_id, history),
        before=lambda change: session.snapshots.before_change(
            connection_id, change.object_type, change.id
        ),
        decisions={f"{each.object_pair}:{each.partner_field}": each for each in in_force(log)},
        excuse=lambda change: policy.excuse(name, change, today) if policy else None,
    )
    return judge((change for change in history if change.id in wanted), evidence)


def _newest(
    session: Session, connection_id: str, history: Sequence[DriftEvent]
) -> Callable[[str], ObjectSchema | None]:
    # Loaded on first use, because most histories need no snapshot, and then all in one query.
    loaded: Mapping[str, ObjectSchema] | None = None

    def newest(object_type: str) -> ObjectSchema | None:
        nonlocal loaded
        if loaded is None:
            names = {change.object_type for change in history}
            current = session.snapshots.current(connection_id, whole=False)
            snapshots = session.snapshots.load(
                [info for info in current if info.object_type in names], whole=False
            )
            loaded = {each.info.object_type: each.content for each in snapshots.values()}
        return loaded.get(object_type)

    return newest


def workspace_policy(context: Context, session: Session) -> Policy | None:
    """Return the policy of the workspace, if it has one.

    That of a team is in its history, else it is the file `policy.toml`. One that can't be read
    excuses nothing; `check` reports it.
    """
    try:
        return read_policy(context, session)
    except UsageError as error:
        _log.warning("The policy excuses nothing: %s %s", error.message, error.cause or "")
        return None


def read_policy(context: Context, session: Session) -> Policy | None:
    """Return the policy of the workspace, if it has one; raises UsageError if it can't be used."""
    if context.shared:
        entries = session.audit.entries(event=POLICY_SET, limit=1)
        text = entries[0].details.get("policy", "") if entries else ""
        if not text:
            return None
        from crmdeck.workspace.checks.policy import parse_policy

        return parse_policy(str(text), "The policy of the team")
    path = context.home / POLICY_FILE
    if not path.exists():
        return None
    from crmdeck.workspace.checks.policy import load_policy

    return load_policy(path, required=False)
