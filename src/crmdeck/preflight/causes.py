"""Problems of writes summed up: records by outcome, and findings by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from crmdeck.model import Outcome, OutcomeCounts, WriteCause, WriteProblem

_MOST_POSITIONS = 20
_ORDER = list(Outcome)


class WriteProblems:
    """The findings about many records, in order.

    Each cause is stored once, because a rule can concern every record of a large file.
    """

    def __init__(self) -> None:
        self._causes: dict[tuple[object, ...], int] = {}
        self._first: list[WriteProblem] = []
        self._all: list[tuple[int, str | None, int]] = []

    def add(self, findings: Iterable[WriteProblem], record_id: str | None = None) -> None:
        """Add findings, with the CRM's ID of their record if they have none."""
        for finding in findings:
            cause = self._causes.setdefault(_key(finding), len(self._first))
            if cause == len(self._first):
                self._first.append(finding)
            self._all.append((finding.position, finding.record_id or record_id, cause))

    def __iter__(self) -> Iterator[WriteProblem]:
        for position, record_id, cause in self._all:
            about = {"position": position, "record_id": record_id}
            yield self._first[cause].model_copy(update=about)

    def of(self, cause: WriteCause) -> Iterator[tuple[int, str | None]]:
        """Yield the position and the CRM's ID of each record with a cause."""
        number = self._causes.get(_key(cause))
        seen = set()
        for position, record_id, each in self._all:
            if each == number and position not in seen:
                seen.add(position)
                yield position, record_id

    def causes(self, records: int) -> tuple[WriteCause, ...]:
        """Return findings by cause: those that stop every record, then by outcome and count."""
        counts = Counter(cause for _, _, cause in self._all)
        # As keys, to keep their order: a record may have one cause twice.
        positions: list[dict[int, None]] = [{} for _ in self._first]
        for position, _, cause in self._all:
            positions[cause][position] = None
        causes = [
            WriteCause(
                outcome=first.outcome,
                code=first.code,
                reason=first.reason,
                crm_field=first.crm_field,
                partner_field=first.partner_field,
                rule=first.rule,
                needs=first.needs,
                count=counts[number],
                positions=tuple(positions[number])[:_MOST_POSITIONS],
                every=records > 0 and len(positions[number]) == records,
            )
            for number, first in enumerate(self._first)
        ]

        def rank(cause: WriteCause) -> tuple[bool, int, int]:
            return not cause.stops_all, _ORDER.index(cause.outcome), -cause.count

        return tuple(sorted(causes, key=rank))

    def counts(self, records: int, without: Collection[WriteCause] = ()) -> OutcomeCounts:
        """Return the number of records by worst outcome, as if `without` were fixed."""
        fixed = {self._causes[_key(cause)] for cause in without}
        ranks = [_ORDER.index(first.outcome) for first in self._first]
        worst: dict[int, int] = {}
        for position, _, cause in self._all:
            if cause not in fixed:
                worst[position] = min(worst.get(position, len(_ORDER)), ranks[cause])
        counts = Counter(worst.values())
        return OutcomeCounts(
            fine=records - len(worst),
            **{outcome.value: counts[rank] for rank, outcome in enumerate(_ORDER)},
        )


def _key(finding: WriteProblem | WriteCause) -> tuple[object, ...]:
    return (
        finding.outcome, finding.code, finding.reason, finding.crm_field,
        finding.partner_field, finding.rule, finding.needs,
    )  # fmt: skip
