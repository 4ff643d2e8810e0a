"""Why a pair is suggested, in an administrator's words, with each reason's share of the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import Measured
from crmdeck.matching.signals.kinds import common_labels
from crmdeck.matching.text import FILLERS, FieldText
from crmdeck.model import Field, FieldType, Reason

MAX_REASONS = 4
# A smaller part of the score is not worth a line.
_MIN_SHARE = 0.05
_SHOWN = 3

# Several signals look at one thing; a person is told of it once.
GROUPS = {
    "concept": "concept",
    "closest": "words",
    "owner": "owner",
    "type": "type",
    "values": "values",
    "cosine": "meaning",
    "elsewhere": "elsewhere",
    "connections": "connections",
    "suggested": "suggested",
}
# How types are called in a sentence.
_PLURALS = {
    FieldType.ID: "record ids",
    FieldType.STRING: "texts",
    FieldType.TEXT: "long texts",
    FieldType.HTML: "formatted texts",
    FieldType.EMAIL: "e-mail addresses",
    FieldType.PHONE: "phone numbers",
    FieldType.URL: "web addresses",
    FieldType.BOOLEAN: "yes or no",
    FieldType.INTEGER: "whole numbers",
    FieldType.DECIMAL: "numbers",
    FieldType.CURRENCY: "amounts of money",
    FieldType.PERCENT: "percentages",
    FieldType.DATE: "dates",
    FieldType.DATETIME: "dates with a time",
    FieldType.TIME: "times",
    FieldType.PICKLIST: "picklists",
    FieldType.MULTIPICKLIST: "picklists of several values",
    FieldType.REFERENCE: "references to a record",
    FieldType.COMPOUND: "compound fields",
    FieldType.BINARY: "files",
    FieldType.OTHER: "of a type of their own",
}


# Which of two records' own ids belong together is agreed on, not read off their names.
RECORD_IDS = Reason(
    signal="record_id", share=1.0, text="both are their record's own id: a convention"
)


@dataclass(frozen=True)
class Told:
    """What the reasons of one pair speak of beyond the signals."""

    elsewhere: str | None = None
    connections: tuple[str, ...] = ()


class Explainer:
    """Puts the contributions of signals into words, for the pairs of one ranking."""

    def __init__(
        self,
        left: Sequence[Field],
        right: Sequence[Field],
        measured: Measured,
        knowledge: Knowledge,
    ) -> None:
        self._left = left
        self._right = right
        self._measured = measured
        self._knowledge = knowledge

    def reasons(
        self, row: int, column: int, contributions: Mapping[str, float], told: Told
    ) -> tuple[Reason, ...]:
        """Return the reasons for a pair, the weightiest first.

        `contributions` say how much more each signal gives this pair than the left field's
        average pair; a reason's share is its part of all that is more.
        """
        if self._measured.signals["record_id"][row, column]:
            return (RECORD_IDS,)
        ahead = {signal: value for signal, value in contributions.items() if value > 0}
        total = sum(ahead.values())
        if not total:
            return ()
        shares: dict[str, float] = {}
        for signal, value in ahead.items():
            group = GROUPS[signal]
            shares[group] = shares.get(group, 0.0) + value / total
        ranked = sorted(shares.items(), key=lambda item: -item[1])
        return tuple(
            Reason(
                signal=group,
                share=round(share, 3),
                text=self._text(group, row, column, told),
            )
            for group, share in ranked[:MAX_REASONS]
            if share >= _MIN_SHARE
        )

    def _text(self, group: str, row: int, column: int, told: Told) -> str:
        ours, yours = self._measured.left[row], self._measured.right[column]
        match group:
            case "concept":
                return self._concept(row, column)
            case "words":
                return _shared_words(ours, yours)
            case "type":
                return _both_kinds(self._left[row].type, self._right[column].type)
            case "values":
                theirs = self._measured.right_values.get(column, frozenset())
                common = common_labels(self._left[row], theirs, self._knowledge)
                return f"same values: {', '.join(islice(common, _SHOWN))}"
            case "meaning":
                return "names mean the same"
            case "elsewhere":
                return f"accepted before for {told.elsewhere}"
            case "connections":
                return f"accepted in {_listed(told.connections)}"
            case "owner":
                return f"both belong to {' '.join(ours.owner)}"
            case _:
                return "suggested by the connection itself"

    def _concept(self, row: int, column: int) -> str:
        home = self._measured.homes[1]
        theirs = self._measured.right_concepts[column]
        if home is not None and max(theirs.values(), default=0) == 1.0:
            system = self._knowledge.systems.get(home.system)
            name = system.name if system else home.system
            return f"the usual pair in {name}"
        for concept in self._measured.left_concepts[row]:
            if concept in theirs:
                label = self._knowledge.concepts[concept].label or concept
                return f"both are what CRMs call {label.lower()}"
        return "CRMs use one for the other"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _shared_words(ours: FieldText, yours: FieldText) -> str:
    mine = dict.fromkeys(word for reading in ours.readings for word in reading)
    common = [word for word in mine if word in yours.words and word not in FILLERS]
    if common:
        return f"same words: {', '.join(common[:_SHOWN])}"
    return "similar spelling"


def _both_kinds(left: FieldType, right: FieldType) -> str:
    """Return in words that two types fit: "both dates", "texts fit long texts"."""
    if FieldType.OTHER in (left, right):
        return "types may fit"
    if left is right:
        return f"both {_PLURALS[left]}"
    return f"{_PLURALS[left]} fit {_PLURALS[right]}"
