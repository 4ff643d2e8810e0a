"""What settles the findings of a connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar

from crmdeck.findings.facts import CommandLine
from crmdeck.model import (
    Acceptance,
    Finding,
    FindingKind,
    FindingState,
    Step,
    Urgency,
    Verb,
)

F = TypeVar("F", bound=Finding)
_USUAL_DAYS = timedelta(days=30)
_KINDS = {kind: place for place, kind in enumerate(FindingKind)}


class Ruling(NamedTuple):
    """What the policy says of a finding: excused, or failing whatever its urgency."""

    excused: bool
    reason: str


Rule = Callable[[Finding], Ruling | None]
"""Returns the ruling of the policy on a finding, None without one."""


def settle_findings(
    every: Sequence[Finding],
    today: date,
    command_line: CommandLine,
    accepted: Mapping[str, Acceptance],
    rule: Rule | None = None,
) -> tuple[Finding, ...]:
    """Return all findings of a connection, the most urgent first.

    Accepted, snoozed and excused ones are among them, with their state.
    """
    times = Counter(finding.title for finding in every)
    until = str(today + min(_USUAL_DAYS, date.max - today))
    found = []
    for finding in every:
        pair = finding.subject.object_pair
        if times[finding.title] > 1 and pair is not None:
            finding = finding.model_copy(update={"title": f"{finding.title} ({pair})"})
        update = _settle(finding, accepted.get(finding.id), rule, today)
        state = update.get("state", finding.state)
        if last := _last_step(finding, state, command_line, until):
            update["steps"] = (*finding.steps, last)
        found.append(finding.model_copy(update=update) if update else finding)
    return in_order(found)


def in_order(findings: Iterable[F]) -> tuple[F, ...]:
    """Return findings in the order of every list: by urgency, kind, connection, title."""
    return tuple(
        sorted(
            findings,
            key=lambda one: (one.urgency.rank, _KINDS[one.kind], one.connection, one.title),
        )
    )


def _settle(
    finding: Finding, acceptance: Acceptance | None, rule: Rule | None, today: date
) -> dict[str, Any]:
    """Return the attributes that an acceptance or the policy changes."""
    if acceptance is not None and acceptance.covers(
        finding.urgency, today, finding.evidence_at, finding.weight
    ):
        accepted = FindingState.ACCEPTED if finding.can_be_accepted else FindingState.SNOOZED
        return {
            "state": accepted,
            "accepted_at": acceptance.at,
            "accepted_by": acceptance.by,
            "accepted_until": acceptance.until,
            "note": acceptance.note,
        }
    ruling = rule(finding) if rule is not None and finding.is_open else None
    # What can't be read is never excused.
    if ruling is None or finding.is_unread:
        return {}
    state = FindingState.EXCUSED if ruling.excused else finding.state
    return {"state": state, "rule": ruling.reason}


def _last_step(
    finding: Finding, state: FindingState, command_line: CommandLine, until: str
) -> Step | None:
    """Return the step that accepts the risk of a finding, or snoozes or reopens it."""
    if finding.urgency in (Urgency.SETUP, Urgency.NOTE) or state is FindingState.EXCUSED:
        return None
    if state is not FindingState.OPEN:
        command = command_line("findings reopen", finding.id)
        return Step(verb=Verb.REOPEN, text="Reopen", command=command)
    if finding.is_unread:
        command = command_line("findings snooze", finding.id, until=until)
        return Step(verb=Verb.SNOOZE, text="Snooze", command=command)
    command = command_line("findings accept", finding.id, until=until)
    return Step(verb=Verb.ACCEPT_RISK, text="Accept the risk", command=command)
