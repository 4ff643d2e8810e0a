"""The rules of severity: for whole fields and objects that came or went, and for attributes.

`breaking` is what makes something that is mapped or written stop working, `risky` what may do
so or deserves a look, `safe` the rest. Each row says it three times: for a field that nothing
is mapped to, for one whose values PartnerOS pulls, and for one that it pushes to.

- What left an object that did answer can't be used any more, whatever the cause; so an absent
  field weighs as much as a removed one. An absent object may just be a narrower export.
- A field that becomes required breaks whoever creates records, mapped or not.
- What narrows a type, or takes values from a restricted picklist, breaks for every writer.

Of the rows of an attribute the first that applies holds; the last one of each always does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from crmdeck.drift.field_diff import (
    gained_record_types,
    gained_values,
    lost_record_types,
    lost_values,
)
from crmdeck.model import Change, DriftKind, Field, FieldType, GoneReason, RuleKind, Severity

SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING


class Scale(NamedTuple):
    """The severities of one row: not mapped, pulled, pushed."""

    unmapped: Severity
    pulled: Severity
    pushed: Severity


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
        "The object type is no longer in the export, and nothing says why.",
    ),
    DriftKind.OBJECT_OUT_OF_SCOPE: (
        Scale(SAFE, RISKY, RISKY),
        "The scope of the connection does not ask for this object type any more.",
    ),
    DriftKind.RULE_REMOVED: (
        Scale(SAFE, SAFE, SAFE),
        "The rule is gone: what it refused is taken now.",
    ),
}

REQUIRED_ADDED = "A new field without which no record can be created, and nothing fills it yet."

RETURNED_REASONS: dict[GoneReason, str] = {
    GoneReason.REMOVED: "The object type is there again; it had been removed.",
    GoneReason.HIDDEN: "The object type is visible again to this connection's user.",
    GoneReason.ABSENT: "The object type is in the export again.",
    GoneReason.OUT_OF_SCOPE: "The scope asks for this object type again.",
}


RULE_ROWS: dict[RuleKind, tuple[Scale, str]] = {
    RuleKind.REQUIRED: (
        Scale(RISKY, RISKY, BREAKING),
        "A record without a value here is refused{message}.",
    ),
    RuleKind.CONDITIONAL: (
        Scale(RISKY, RISKY, RISKY),
        "Under a condition a record without a value here is refused{message}.",
    ),
    RuleKind.VALUES: (
        Scale(RISKY, RISKY, RISKY),
        "Values of another form are refused{message}.",
    ),
    RuleKind.VALIDATION: (
        Scale(RISKY, RISKY, RISKY),
        "Records that meet its condition are refused{message}.",
    ),
}
"""What a rule that came, or that asks for something else, means."""

RULE_RESTS = "The rule is switched off: what it refused is taken now."
RULE_REWORDED = "The rule asks for what it did, and answers in other words."


class Row(NamedTuple):
    """One rule on one attribute: when it applies, how bad it is, and why."""

    attribute: str
    applies: Callable[[Change, Field | None], bool]
    scale: Scale
    reason: str


_TEXTS = frozenset({FieldType.STRING, FieldType.TEXT})
_WIDER: dict[FieldType, frozenset[FieldType]] = {
    FieldType.STRING: frozenset({FieldType.TEXT}),
    FieldType.EMAIL: _TEXTS,
    FieldType.PHONE: _TEXTS,
    FieldType.URL: _TEXTS,
    FieldType.PICKLIST: _TEXTS | {FieldType.MULTIPICKLIST},
    FieldType.INTEGER: frozenset({FieldType.DECIMAL}),
}


def _always(change: Change, after: Field | None) -> bool:
    return True


def _is_narrower(change: Change, after: Field | None) -> bool:
    return FieldType(change.after) not in _WIDER.get(FieldType(change.before), ())


def _is_smaller(change: Change, after: Field | None) -> bool:
    return bool(change.after < change.before)


def _is_gained(change: Change, after: Field | None) -> bool:
    return change.after is True


def _loses_values(change: Change, after: Field | None) -> bool:
    return bool(lost_values(change))


def _loses_restricted_values(change: Change, after: Field | None) -> bool:
    return after is not None and after.restricted is True and bool(lost_values(change))


def _was_unset(change: Change, after: Field | None) -> bool:
    return not change.before


def _is_unset(change: Change, after: Field | None) -> bool:
    return not change.after


def _loses_choices(change: Change, after: Field | None) -> bool:
    return bool(change.before)


def _loses_record_types(change: Change, after: Field | None) -> bool:
    return bool(lost_record_types(change))


def _moves_default(change: Change, after: Field | None) -> bool:
    return any(each["default"] for each in change.after)


def _gains_record_types(change: Change, after: Field | None) -> bool:
    return bool(gained_record_types(change))


def _gains_values(change: Change, after: Field | None) -> bool:
    return bool(gained_values(change))


def _loses_targets(change: Change, after: Field | None) -> bool:
    return not set(change.before) <= set(change.after)


FIELD_ROWS: tuple[Row, ...] = (
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
        "nillable",
        _is_unset,
        Scale(RISKY, RISKY, BREAKING),
        "It must hold a value now. Whether no record can be created without one is not sure: the "
        "source does not say whether the field is set on creation, or filled by itself.",
    ),
    Row("nillable", _always, Scale(SAFE, RISKY, SAFE), "It may be empty now."),
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
    Row(
        "controller",
        _is_unset,
        Scale(SAFE, SAFE, SAFE),
        "Which values can be chosen depends on no other field any more; it was “{before}”.",
    ),
    Row(
        "controller",
        _always,
        Scale(RISKY, SAFE, RISKY),
        "Which values can be chosen depends on “{after}” now.",
    ),
    Row(
        "allowedValues",
        _loses_choices,
        Scale(RISKY, SAFE, RISKY),
        "Where the controlling field is {lost} some values can't be chosen any more.",
    ),
    Row(
        "allowedValues",
        _always,
        Scale(SAFE, SAFE, SAFE),
        "Where the controlling field is {gained} more values can be chosen.",
    ),
    Row(
        "relationshipName",
        _was_unset,
        Scale(SAFE, SAFE, SAFE),
        "Queries reach the record behind it as “{after}” now.",
    ),
    Row(
        "relationshipName",
        _always,
        Scale(RISKY, BREAKING, RISKY),
        "Queries don't reach the record behind it as “{before}” any more.",
    ),
    Row("filterable", _is_gained, Scale(SAFE, SAFE, SAFE), "Records can be filtered by it now."),
    Row(
        "filterable",
        _always,
        Scale(RISKY, RISKY, RISKY),
        "Records can't be filtered by it any more: such a query fails.",
    ),
    Row("idLookup", _is_gained, Scale(SAFE, SAFE, SAFE), "Records can be looked up by it now."),
    Row(
        "idLookup",
        _always,
        Scale(RISKY, RISKY, RISKY),
        "Records can't be looked up by it any more.",
    ),
    Row(
        "encrypted",
        _is_gained,
        Scale(RISKY, RISKY, RISKY),
        "Encrypted now: users who may not see it get it masked, and searches by it may fail.",
    ),
    Row("encrypted", _always, Scale(RISKY, RISKY, RISKY), "No longer encrypted."),
    Row(
        "caseSensitive",
        _is_gained,
        Scale(SAFE, RISKY, RISKY),
        "Upper and lower case count now: a match that took them for the same fails.",
    ),
    Row(
        "caseSensitive",
        _always,
        Scale(SAFE, RISKY, RISKY),
        "Upper and lower case are the same now: values that differed by it alone collide.",
    ),
    Row(
        "autoNumber",
        _is_gained,
        Scale(RISKY, RISKY, BREAKING),
        "The CRM numbers the records itself now: it can't be written any more.",
    ),
    Row(
        "autoNumber",
        _always,
        Scale(SAFE, RISKY, SAFE),
        "The CRM does not number the records any more: it may stay empty.",
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

OBJECT_ROWS: tuple[Row, ...] = (
    Row("label", _always, Scale(SAFE, SAFE, SAFE), "Only how people see it: another label."),
    Row("plural", _always, Scale(SAFE, SAFE, SAFE), "Only how people see it: another plural."),
    Row("custom", _is_gained, Scale(SAFE, SAFE, SAFE), "A custom object type now."),
    Row("custom", _always, Scale(SAFE, SAFE, SAFE), "A standard object type now."),
    Row(
        "createable",
        _is_gained,
        Scale(SAFE, SAFE, SAFE),
        "This connection's user can create records now.",
    ),
    Row(
        "createable",
        _always,
        Scale(RISKY, SAFE, BREAKING),
        "This connection's user can't create records any more.",
    ),
    Row(
        "updateable",
        _is_gained,
        Scale(SAFE, SAFE, SAFE),
        "This connection's user can update records now.",
    ),
    Row(
        "updateable",
        _always,
        Scale(RISKY, SAFE, BREAKING),
        "This connection's user can't update records any more.",
    ),
    Row(
        "deletable",
        _is_gained,
        Scale(SAFE, SAFE, SAFE),
        "This connection's user can delete records now.",
    ),
    Row(
        "deletable",
        _always,
        Scale(SAFE, SAFE, RISKY),
        "This connection's user can't delete records any more.",
    ),
    Row("queryable", _is_gained, Scale(SAFE, SAFE, SAFE), "Records can be queried now."),
    Row(
        "queryable",
        _always,
        Scale(RISKY, BREAKING, BREAKING),
        "Records can't be queried any more.",
    ),
    Row("customSetting", _is_gained, Scale(RISKY, RISKY, RISKY), "It is a custom setting now."),
    Row(
        "customSetting",
        _always,
        Scale(RISKY, RISKY, RISKY),
        "It is no custom setting any more.",
    ),
    Row(
        "recordTypes",
        _loses_record_types,
        Scale(RISKY, RISKY, BREAKING),
        "Records of the type {lost} can't be created any more.",
    ),
    Row(
        "recordTypes",
        _moves_default,
        Scale(RISKY, RISKY, RISKY),
        "New records are of another type by default: {after}.",
    ),
    Row(
        "recordTypes",
        _gains_record_types,
        Scale(SAFE, RISKY, SAFE),
        "Records can be of the type {gained} as well.",
    ),
    Row("recordTypes", _always, Scale(SAFE, SAFE, SAFE), "Record types have other labels."),
)
