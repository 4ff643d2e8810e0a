"""How bad a change is: one table for what happens to a whole field or object, one for attributes.

`breaking` is what makes something that is mapped or written stop working, `risky` what may do
so or deserves a look, `safe` the rest. Each row says it three times: for a field that nothing
is mapped to, for one whose values PartnerOS pulls, and for one that it pushes to.

- What left an object that did answer can't be used any more, whatever the cause; so an absent
  field weighs as much as a removed one. An absent object may just be a narrower export.
- A field that becomes required breaks whoever creates records, mapped or not.
- What narrows a type, or takes values from a restricted picklist, breaks for every writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crmdeck.drift.compare import picklist_states
from crmdeck.drift.phrases import few, short
from crmdeck.model import Change, Direction, DriftKind, Field, FieldType, GoneReason, Severity

SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING


@dataclass(frozen=True)
class Use:
    """What the accepted mappings do with a field or an object."""

    pulled: bool = False
    pushed: bool = False

    @classmethod
    def of(cls, directions: Iterable[Direction]) -> Use:
        """Return the use that mappings in these directions make."""
        found = set(directions)
        both = Direction.BIDIRECTIONAL in found
        return cls(pulled=both or Direction.PULL in found, pushed=both or Direction.PUSH in found)


class Verdict(NamedTuple):
    """A severity and its reason, one plain line."""

    severity: Severity
    reason: str


class Scale(NamedTuple):
    """The severities of one row: not mapped, pulled, pushed."""

    unmapped: Severity
    pulled: Severity
    pushed: Severity

    def under(self, use: Use) -> Severity:
        """Return the worst severity that applies to a use."""
        applying = [s for s, on in ((self.pulled, use.pulled), (self.pushed, use.pushed)) if on]
        return max(applying or [self.unmapped], key=lambda severity: severity.rank)


class Row(NamedTuple):
    """One rule on one attribute: when it applies, how bad it is, and why."""

    attribute: str
    applies: Callable[[Change, Field], bool]
    scale: Scale
    reason: str


KIND_ROWS: dict[DriftKind, tuple[Scale, str]] = {
    DriftKind.FIELD_ADDED: (Scale(SAFE, SAFE, SAFE), "A new field; nothing depends on it yet."),
    DriftKind.FIELD_REMOVED: (
        Scale(RISKY, BREAKING, BREAKING),
        "The CRM confirms that the field was removed.",
    ),
    DriftKind.FIELD_HIDDEN: (
        Scale(RISKY, BREAKING, BREAKING),
        "The field still exists, but this connection's user can't see it any more: "
        "check the field's permissions.",
    ),
    DriftKind.FIELD_ABSENT: (
        Scale(RISKY, BREAKING, BREAKING),
        "The object was answered without the field, and nothing says why.",
    ),
    DriftKind.OBJECT_ADDED: (Scale(SAFE, SAFE, SAFE), "A new object type."),
    DriftKind.OBJECT_REMOVED: (
        Scale(RISKY, BREAKING, BREAKING),
        "The CRM confirms that the object type was removed.",
    ),
    DriftKind.OBJECT_HIDDEN: (
        Scale(RISKY, BREAKING, BREAKING),
        "The object type still exists, but this connection's user can't see it any more: "
        "check the user's object permissions.",
    ),
    DriftKind.OBJECT_ABSENT: (
        Scale(RISKY, RISKY, RISKY),
        "The object type is not in the answer any more, and nothing says why.",
    ),
    DriftKind.OBJECT_OUT_OF_SCOPE: (
        Scale(SAFE, RISKY, RISKY),
        "The scope of the connection does not ask for this object type any more.",
    ),
    DriftKind.OBJECT_CHANGED: (
        Scale(SAFE, SAFE, SAFE),
        "The object's description changed; its fields are told one by one.",
    ),
}

REQUIRED_ADDED = Verdict(
    BREAKING, "A new field without which no record can be created, and nothing fills it yet."
)

RETURNED_REASONS: dict[GoneReason, str] = {
    GoneReason.REMOVED: "The object type is there again; it had been removed.",
    GoneReason.HIDDEN: "The object type is visible again to this connection's user.",
    GoneReason.ABSENT: "The object type is in the answer again.",
    GoneReason.OUT_OF_SCOPE: "The scope asks for this object type again.",
}

_TEXTS = frozenset({FieldType.STRING, FieldType.TEXT})
_WIDER: dict[FieldType, frozenset[FieldType]] = {
    FieldType.STRING: frozenset({FieldType.TEXT}),
    FieldType.EMAIL: _TEXTS,
    FieldType.PHONE: _TEXTS,
    FieldType.URL: _TEXTS,
    FieldType.PICKLIST: _TEXTS | {FieldType.MULTIPICKLIST},
    FieldType.INTEGER: frozenset({FieldType.DECIMAL}),
}


def _always(change: Change, after: Field) -> bool:
    return True


def _is_narrower(change: Change, after: Field) -> bool:
    return FieldType(change.after) not in _WIDER.get(FieldType(change.before), ())


def _is_smaller(change: Change, after: Field) -> bool:
    return bool(change.after < change.before)


def _is_gained(change: Change, after: Field) -> bool:
    return change.after is True


def _loses_values(change: Change, after: Field) -> bool:
    return bool(_lost_values(change))


def _loses_restricted_values(change: Change, after: Field) -> bool:
    return after.restricted is True and bool(_lost_values(change))


def _gains_values(change: Change, after: Field) -> bool:
    return bool(_gained_values(change))


def _loses_targets(change: Change, after: Field) -> bool:
    return not set(change.before) <= set(change.after)


ATTRIBUTE_ROWS: tuple[Row, ...] = (
    Row(
        "type",
        _is_narrower,
        Scale(BREAKING, BREAKING, BREAKING),
        "The type changed from {before} to {after}: values that were fine may not fit any more.",
    ),
    Row(
        "type",
        _always,
        Scale(RISKY, BREAKING, RISKY),
        "The type changed from {before} to {after}: old values fit, new ones may be of another "
        "form.",
    ),
    Row(
        "nativeType",
        _always,
        Scale(SAFE, RISKY, RISKY),
        "The CRM calls the type {after} now, no longer {before}.",
    ),
    Row(
        "references",
        _loses_targets,
        Scale(RISKY, BREAKING, BREAKING),
        "The lookup does not accept {lost} any more.",
    ),
    Row(
        "references",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "The lookup accepts {gained} as well.",
    ),
    Row(
        "required",
        _is_gained,
        Scale(BREAKING, BREAKING, BREAKING),
        "Newly required: no record can be created without a value.",
    ),
    Row("required", _always, Scale(SAFE, RISKY, SAFE), "No longer required: it may be empty."),
    Row(
        "length",
        _is_smaller,
        Scale(RISKY, RISKY, BREAKING),
        "Shorter: {after} characters fit where {before} did; longer values are refused or cut.",
    ),
    Row(
        "length",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "Longer: {after} characters fit where {before} did.",
    ),
    Row(
        "precision",
        _is_smaller,
        Scale(RISKY, RISKY, BREAKING),
        "Fewer digits: {after} fit where {before} did; larger numbers are refused.",
    ),
    Row(
        "precision",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "More digits: {after} fit where {before} did.",
    ),
    Row(
        "scale",
        _is_smaller,
        Scale(RISKY, RISKY, BREAKING),
        "Fewer decimal places: {after} where there were {before}; numbers are refused or rounded.",
    ),
    Row(
        "scale",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "More decimal places: {after} where there were {before}.",
    ),
    Row(
        "unique",
        _is_gained,
        Scale(RISKY, SAFE, RISKY),
        "Values must be unique now: a duplicate is refused.",
    ),
    Row(
        "unique",
        _always,
        Scale(SAFE, RISKY, RISKY),
        "Values need not be unique any more: a match by it may find several records.",
    ),
    Row(
        "externalId",
        _is_gained,
        Scale(SAFE, SAFE, SAFE),
        "Now an external id: records can be matched by it.",
    ),
    Row(
        "externalId",
        _always,
        Scale(RISKY, RISKY, RISKY),
        "No longer an external id: records can't be matched by it any more.",
    ),
    Row(
        "calculated",
        _is_gained,
        Scale(RISKY, RISKY, BREAKING),
        "The CRM computes the value now: it can't be written any more.",
    ),
    Row(
        "calculated",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "The CRM does not compute the value any more: it may stay empty.",
    ),
    Row(
        "formula",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "The formula changed: the value may mean something else.",
    ),
    Row(
        "picklist",
        _loses_restricted_values,
        Scale(BREAKING, RISKY, BREAKING),
        "The restricted picklist does not take {lost} any more.",
    ),
    Row(
        "picklist",
        _loses_values,
        Scale(RISKY, RISKY, BREAKING),
        "The picklist does not offer {lost} any more.",
    ),
    Row(
        "picklist",
        _gains_values,
        Scale(SAFE, RISKY, SAFE),
        "The picklist offers {gained} as well.",
    ),
    Row(
        "picklist",
        _always,
        Scale(SAFE, SAFE, SAFE),
        "Picklist values have other labels or another default; those on offer are the same.",
    ),
    Row(
        "restricted",
        _is_gained,
        Scale(RISKY, SAFE, RISKY),
        "The picklist is restricted now: a value outside it is refused.",
    ),
    Row(
        "restricted",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "The picklist is not restricted any more: values outside it may come.",
    ),
    Row("readable", _is_gained, Scale(SAFE, SAFE, SAFE), "It can be read now."),
    Row(
        "readable",
        _always,
        Scale(RISKY, BREAKING, SAFE),
        "It can't be read any more by this connection's user.",
    ),
    Row("createable", _is_gained, Scale(SAFE, SAFE, SAFE), "It can be set on new records now."),
    Row(
        "createable",
        _always,
        Scale(RISKY, SAFE, BREAKING),
        "It can't be set on new records any more.",
    ),
    Row("updateable", _is_gained, Scale(SAFE, SAFE, SAFE), "It can be updated now."),
    Row(
        "updateable",
        _always,
        Scale(RISKY, SAFE, BREAKING),
        "It can't be updated any more.",
    ),
    Row(
        "archived",
        _is_gained,
        Scale(RISKY, BREAKING, BREAKING),
        "Archived: the CRM has taken the field out of use.",
    ),
    Row("archived", _always, Scale(SAFE, SAFE, SAFE), "Taken out of the archive."),
    Row("label", _always, Scale(SAFE, SAFE, SAFE), "Only how people see it: another label."),
    Row("description", _always, Scale(SAFE, SAFE, SAFE), "Only how people see it: another help."),
    Row("group", _always, Scale(SAFE, SAFE, SAFE), "Only how people see it: another group."),
    Row("default", _always, Scale(SAFE, SAFE, SAFE), "New records start with another value."),
)


def weigh_kind(kind: DriftKind, use: Use) -> Verdict:
    """Return the verdict on a whole field or object that was added or is gone."""
    scale, reason = KIND_ROWS[kind]
    return Verdict(scale.under(use), reason)


def weigh_added(field: Field, use: Use) -> Verdict:
    """Return the verdict on a field that was added."""
    return REQUIRED_ADDED if field.required else weigh_kind(DriftKind.FIELD_ADDED, use)


def weigh_changes(changes: Sequence[Change], after: Field, use: Use) -> Verdict:
    """Return the worst verdict on the changes of a field; the first one where several tie."""
    verdicts = [weigh_change(change, after, use) for change in changes]
    return max(verdicts, key=lambda verdict: verdict.severity.rank)


def weigh_change(change: Change, after: Field, use: Use) -> Verdict:
    """Return the verdict on one change: that of the first row that applies."""
    row = next(
        r for r in ATTRIBUTE_ROWS if r.attribute == change.attribute and r.applies(change, after)
    )
    words = {"before": short(str(change.before)), "after": short(str(change.after))}
    if change.attribute == "picklist":
        words = {"lost": few(_lost_values(change)), "gained": few(_gained_values(change))}
    elif change.attribute == "references":
        old, new = set(change.before), set(change.after)
        words = {"lost": few(sorted(old - new)), "gained": few(sorted(new - old))}
    return Verdict(row.scale.under(use), row.reason.format_map(words))


def _lost_values(change: Change) -> list[str]:
    after = picklist_states(change.after)
    return [v for v, on in picklist_states(change.before).items() if on and not after.get(v)]


def _gained_values(change: Change) -> list[str]:
    before = picklist_states(change.before)
    return [v for v, on in picklist_states(change.after).items() if on and not before.get(v)]
