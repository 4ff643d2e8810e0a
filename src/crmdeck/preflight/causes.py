"""Findings summed up: records by outcome, and findings by cause."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from crmdeck.model import Outcome, OutcomeCounts, WriteCause, WriteFinding

_MOST_POSITIONS = 20
_ORDER = list(Outcome)

Cause = WriteFinding | WriteCause


def causes_of(findings: Iterable[WriteFinding], records: int) -> tuple[WriteCause, ...]:
    """Return findings by cause: those that stop every record, then by outcome and count."""
    grouped: dict[tuple[object, ...], list[WriteFinding]] = defaultdict(list)
    for finding in findings:
        grouped[_key(finding)].append(finding)
    causes = [
        WriteCause(
            outcome=first.outcome,
            code=first.code,
            reason=first.reason,
            crm_field=first.crm_field,
            partner_field=first.partner_field,
            rule=first.rule,
            needs=first.needs,
            count=len(members),
            positions=tuple(each.position for each in members[:_MOST_POSITIONS]),
            every=records > 0 and len({each.position for each in members}) == records,
        )
        for members in grouped.values()
        for first in members[:1]
    ]

    def rank(cause: WriteCause) -> tuple[bool, int, int]:
        return not cause.stops_all, _ORDER.index(cause.outcome), -cause.count

    return tuple(sorted(causes, key=rank))


def counts_of(
    findings: Iterable[WriteFinding], records: int, without: Collection[WriteCause] = ()
) -> OutcomeCounts:
    """Return how many records have which worst outcome, as if the causes `without` were fixed."""
    fixed = {_key(cause) for cause in without}
    worst: dict[int, Outcome] = {}
    for finding in findings:
        if not fixed or _key(finding) not in fixed:
            known = worst.get(finding.position, finding.outcome)
            worst[finding.position] = min(known, finding.outcome, key=_ORDER.index)
    counts = Counter(worst.values())
    return OutcomeCounts(
        fine=records - len(worst), **{outcome.value: counts[outcome] for outcome in Outcome}
    )


def _key(finding: Cause) -> tuple[object, ...]:
    return (
        finding.outcome, finding.code, finding.reason, finding.crm_field,
        finding.partner_field, finding.rule, finding.needs,
    )  # fmt: skip
