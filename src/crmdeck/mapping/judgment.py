"""The judgment of an accepted row: done, or what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from crmdeck.model import (
    STOPPING,
    Direction,
    DriftEvent,
    Field,
    FindingKind,
    Outcome,
    Severity,
    Urgency,
)
from crmdeck.preflight.edges import ALWAYS, FailsWhen
from crmdeck.text import count

FIELD_GONE, OBJECT_GONE, INVALID, CHANGED = "FIELD_GONE", "OBJECT_GONE", "INVALID", "CHANGED"

_FAR_TEXT, _FAR_NUMBER = 1_000, 10**8
_LIMIT = re.compile(r"([\d,]+) (characters )?or more")

# An attribute whose change makes these verdicts certain: values of before no longer fit.
_LOWERED = {
    "TOO_LONG": {"length", "type"},
    "REQUIRED": {"required", "nillable", "default"},
    "NUMBER_TOO_LARGE": {"precision", "scale", "type"},
    "NOT_A_WHOLE_NUMBER": {"scale", "type"},
    "NOT_A_PICKLIST_VALUE": {"picklist", "restricted", "type"},
    "NOT_IN_RECORD_TYPE": {"recordTypes", "picklist"},
}


ROW, REQUIRED = "ROW", "REQUIRED"
"""The first parts of the IDs of findings about a row, and about a required CRM field."""

VALUE_CODES = ("NOT_A_PICKLIST_VALUE", "NOT_IN_RECORD_TYPE", "NOT_IN_PIPELINE")
"""Codes of the verdicts that a value map settles."""


class RowJudgment(NamedTuple):
    """What is wrong with an accepted row.

    `kind` is None if preflight passes it. `failure` is the worst verdict of preflight, if that is
    the reason, and `cases` counts the verdicts. `reason` says what no verdict says. `changes` are
    the changes since the acceptance that nothing settled.
    """

    kind: FindingKind | None = None
    urgency: Urgency = Urgency.NOTE
    code: str = ""
    failure: FailsWhen | None = None
    cases: int = 0
    reason: str = ""
    changes: tuple[DriftEvent, ...] = ()

    @property
    def evidence_at(self) -> datetime | None:
        """When the newest of the changes was found."""
        return max((each.detected_at for each in self.changes), default=None)

    @property
    def is_done(self) -> bool:
        """True if the row needs no one: at most its values are changed, or its limits are far."""
        return self.urgency is Urgency.NOTE


def judge_row(
    source: Field | None,
    direction: Direction,
    *,
    is_gone: bool = False,
    failures: Sequence[FailsWhen] = (),
    changes: Sequence[DriftEvent] = (),
    invalid: str | None = None,
) -> RowJudgment:
    """Return the judgment of an accepted row, the same for every face.

    `is_gone` is True if the CRM no longer has the field. `failures` are the verdicts of preflight
    on the row, `changes` the open ones since its acceptance, and `invalid` says why the two fields
    can't be mapped this way.
    """
    found = tuple(changes)
    if is_gone:
        reason = "The CRM field no longer exists."
        return RowJudgment(
            FindingKind.MAPPING_BROKEN, Urgency.FAILING, FIELD_GONE, reason=reason, changes=found
        )
    if invalid:
        return RowJudgment(
            FindingKind.MAPPING_BROKEN, Urgency.FAILING, INVALID, reason=invalid, changes=found
        )
    # Preflight judges values written to the CRM.
    judged = () if direction is Direction.PULL else failures
    verdicts = [
        (kind, urgency, one)
        for one in judged
        for kind, urgency in [_judge_failure(one, source, found)]
        if kind is not None
    ]
    worst = min(verdicts, key=lambda each: each[1].rank, default=None)
    # Preflight can't judge every change: a breaking one stays open until someone settles it.
    severity = Severity.worst(each.severity for each in found)
    if severity is not Severity.SAFE and (worst is None or worst[1] is not Urgency.FAILING):
        urgency = Urgency.FAILING if severity is Severity.BREAKING else Urgency.REVIEW
        if worst is None or urgency.rank < worst[1].rank:
            return RowJudgment(
                FindingKind.MAPPING_CHANGED, urgency, CHANGED, changes=found, cases=len(found)
            )
    if worst is None:
        return RowJudgment(changes=found)
    kind, urgency, failure = worst
    same = [one for _, level, one in verdicts if level is urgency]
    return RowJudgment(kind, urgency, failure.code, failure, len(same), changes=found)


def _judge_failure(
    failure: FailsWhen, source: Field | None, changes: Sequence[DriftEvent]
) -> tuple[FindingKind | None, Urgency]:
    if failure.outcome is Outcome.CHANGED:
        return FindingKind.ROW_CHANGES_VALUES, Urgency.NOTE
    if failure.outcome is Outcome.UNKNOWN:
        # If facts are missing, only a formula about this very field is worth a look.
        if failure.code in ("RULE", "RULE_NOT_READ"):
            return FindingKind.ROW_CAN_FAIL, Urgency.REVIEW
        return None, Urgency.NOTE
    values = {each.value for each in source.picklist if each.active} if source is not None else ()
    attributes = {one.attribute for each in changes for one in each.changes}
    if (
        failure.when == ALWAYS
        or failure.when in values
        or attributes & _LOWERED.get(failure.code, set())
        or (failure.rule is not None and failure.rule in {one.rule for one in changes})
    ):
        return FindingKind.ROW_FAILS, Urgency.FAILING
    urgency = Urgency.REVIEW if is_plausible(failure) else Urgency.NOTE
    return FindingKind.ROW_CAN_FAIL, urgency


def is_plausible(failure: FailsWhen) -> bool:
    """True unless only a very long text or a very large number fails."""
    found = _LIMIT.fullmatch(failure.when)
    if failure.outcome not in STOPPING or found is None:
        return True
    return int(found[1].replace(",", "")) <= (_FAR_TEXT if found[2] else _FAR_NUMBER - 1)


def failure_words(label: str, failure: FailsWhen, cases: int = 1) -> str:
    """Return a verdict as a title: `Account name can exceed 80 characters`."""
    found = _LIMIT.fullmatch(failure.when)
    if failure.outcome is Outcome.UNKNOWN:
        return f"{label}: can't judge ({failure.reason})"
    if failure.outcome is Outcome.CHANGED:
        when = "" if failure.when == ALWAYS else f" ({failure.when})"
        return f"{label} is {failure.reason.removeprefix('stored, but ')}{when}"
    if found is not None and found[2]:
        return f"{label} can exceed {int(found[1].replace(',', '')) - 1:,} characters"
    if failure.when == ALWAYS:
        return f"{label} always fails: {failure.reason}"
    if failure.when == "empty" or failure.when.startswith(("in ", "later ", "below ", "with")):
        return f"{label} fails {'when' if failure.when == 'empty' else 'if'} {failure.when}"
    more = f" and {count(cases - 1, 'more case')}" if cases > 1 else ""
    return f"{label} fails with {failure.when}{more}"
