"""The reasons for a suggestion in words, each with its share of the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck.matching.evidence import Example
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import Measured
from crmdeck.matching.signals.objects import Preference
from crmdeck.matching.text import FILLERS, FieldText
from crmdeck.model import Field, FieldType, Reason
from crmdeck.text import first_few

MAX_REASONS = 4
# A reason with a smaller share is not shown.
_MIN_SHARE = 0.05
_SHOWN = 3

# Signals of one group are one reason; the others have their own name.
_GROUPS = {"closest": "words", "csls": "meaning", "soft": "meaning"}
_TYPE_NAMES = {
    FieldType.ID: "record ID",
    FieldType.STRING: "text",
    FieldType.TEXT: "long text",
    FieldType.HTML: "formatted text",
    FieldType.EMAIL: "email",
    FieldType.PHONE: "phone",
    FieldType.URL: "URL",
    FieldType.BOOLEAN: "yes/no",
    FieldType.INTEGER: "whole number",
    FieldType.DECIMAL: "number",
    FieldType.CURRENCY: "currency",
    FieldType.PERCENT: "percent",
    FieldType.DATE: "date",
    FieldType.DATETIME: "date and time",
    FieldType.TIME: "time",
    FieldType.PICKLIST: "picklist",
    FieldType.MULTIPICKLIST: "multi-select picklist",
    FieldType.REFERENCE: "lookup",
    FieldType.COMPOUND: "compound field",
    FieldType.BINARY: "file",
    FieldType.OTHER: "custom type",
}

# By convention, whatever the two names have in common.
RECORD_IDS = Reason(signal="record_id", share=1.0, text="both are record IDs")


class Explainer:
    """Turns the signals of one ranking into reasons."""

    def __init__(
        self,
        left: Sequence[Field],
        right: Sequence[Field],
        measured: Measured,
        knowledge: Knowledge,
        preference: Preference | None = None,
    ) -> None:
        self._left = left
        self._right = right
        self._measured = measured
        self._knowledge = knowledge
        self._preference = preference

    def reasons(
        self,
        row: int,
        column: int,
        contributions: Mapping[str, float],
        earlier: Mapping[str, Sequence[Example]],
    ) -> tuple[Reason, ...]:
        """Return the reasons for a pair, the largest share first.

        `contributions` are how much more each signal gives this pair than the left field's
        average pair. Shares are parts of the sum of the positive ones. `earlier` are the decisions
        behind the signals that learn from them.
        """
        if self._measured.signals["record_id"][row, column]:
            return (RECORD_IDS,)
        ahead = {signal: value for signal, value in contributions.items() if value > 0}
        total = sum(ahead.values())
        if not total:
            return ()
        shares: dict[str, float] = {}
        for signal, value in ahead.items():
            group = _GROUPS.get(signal, signal)
            shares[group] = shares.get(group, 0.0) + value / total
        ranked = sorted(shares.items(), key=lambda item: -item[1])
        return tuple(
            Reason(
                signal=group,
                share=round(share, 3),
                text=self._text(group, row, column, earlier.get(group, ())),
            )
            for group, share in ranked[:MAX_REASONS]
            if share >= _MIN_SHARE
        )

    def _text(self, group: str, row: int, column: int, earlier: Sequence[Example]) -> str:
        ours, yours = self._measured.left[row], self._measured.right[column]
        match group:
            case "concept":
                return self._concept(row, column)
            case "words":
                return _shared_words(ours, yours)
            case "type":
                return _types(self._left[row].type, self._right[column].type)
            case "meaning":
                return "similar meaning"
            case "elsewhere":
                return self._accepted("for", row, column, earlier)
            case "connections":
                return self._accepted("in", row, column, earlier)
            case "object":
                return self._object(row, column)
            case _:
                return "suggested by PartnerOS"

    def _accepted(self, word: str, row: int, column: int, earlier: Sequence[Example]) -> str:
        if earlier[0].names == (self._left[row].name, self._right[column].name):
            places = list(dict.fromkeys(one.place for one in earlier))
            return f"accepted {word} {first_few(places, _SHOWN)}"
        return f"accepted like this {word} {earlier[0].place}: {earlier[0].right.name}"

    def _object(self, row: int, column: int) -> str:
        objects, preference = self._measured.objects, self._preference
        if objects is None or preference is None:
            return ""
        name = objects.names[objects.of_right[column]]
        agreed = preference.agreed[row]
        if agreed is not None and agreed.name == name:
            return f"{agreed.count} accepted fields are in {name}"
        return f"the other fields fit {name}"

    def _concept(self, row: int, column: int) -> str:
        home = self._measured.homes[1]
        theirs = self._measured.right_concepts[column]
        if home is not None and max(theirs.values(), default=0) == 1.0:
            system = self._knowledge.systems.get(home.system)
            name = system.name if system else home.system
            return f"usual match in {name}"
        for concept in self._measured.left_concepts[row]:
            if concept in theirs:
                label = self._knowledge.concepts[concept].label or concept
                return f'both mean "{label.lower()}" in CRMs'
        return "often used interchangeably"


def _shared_words(ours: FieldText, yours: FieldText) -> str:
    mine = dict.fromkeys(word for reading in ours.readings for word in reading)
    common = [word for word in mine if word in yours.words and word not in FILLERS]
    if common:
        return f"same words: {', '.join(common[:_SHOWN])}"
    return "similar spelling"


def _types(left: FieldType, right: FieldType) -> str:
    if FieldType.OTHER in (left, right):
        return "types may be compatible"
    if left is right:
        return f"same type: {_TYPE_NAMES[left]}"
    return f"compatible types: {_TYPE_NAMES[left]}, {_TYPE_NAMES[right]}"
