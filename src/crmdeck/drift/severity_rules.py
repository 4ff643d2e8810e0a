"""The rules of severity, for added and removed fields and objects and for each attribute.

A breaking change stops a mapping or a write from working, a risky one may, and the rest is safe.
Each row has three severities: for a field without a mapping, for one that PartnerOS pulls from,
and for one that it pushes to.

- A field that is missing from an object can't be used, whatever the cause. So an absent field is
  as severe as a removed one. An absent object may only mean a smaller export.
- A field that becomes required breaks everyone who creates records, mapped or not.
- A narrower type, or a value removed from a restricted picklist, breaks every writer.

The first row of an attribute that applies wins; the last one always applies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from crmdeck.drift.field_diff import (
    gained_record_types,
    gained_record_values,
    gained_values,
    lost_record_types,
    lost_record_values,
    lost_values,
)
from crmdeck.model import Change, DriftKind, Field, FieldType, GoneReason, RuleKind, Severity

SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING


class Scale(NamedTuple):
    """The severities of one row, by what a mapping does with the field."""

    unmapped: Severity
    pulled: Severity
    pushed: Severity


KIND_ROWS: dict[DriftKind, tuple[Scale, str]] = {
    DriftKind.FIELD_ADDED: (Scale(SAFE, SAFE, SAFE), "New field: nothing depends on it yet."),
    DriftKind.FIELD_REMOVED: (
        Scale(RISKY, BREAKING, BREAKING),
        "Field removed, as the CRM confirms.",
    ),
    DriftKind.FIELD_HIDDEN: (
        Scale(RISKY, BREAKING, BREAKING),
        "The field still exists, but this connection's user can no longer see it. "
        "Check the field's permissions.",
    ),
    DriftKind.FIELD_ABSENT: (
        Scale(RISKY, BREAKING, BREAKING),
        "The CRM returned the object without this field, for an unknown reason.",
    ),
    DriftKind.OBJECT_ADDED: (Scale(SAFE, SAFE, SAFE), "New object."),
    DriftKind.OBJECT_REMOVED: (
        Scale(RISKY, BREAKING, BREAKING),
        "Object removed, as the CRM confirms.",
    ),
    DriftKind.OBJECT_HIDDEN: (
        Scale(RISKY, BREAKING, BREAKING),
        "The object still exists, but this connection's user can no longer see it. "
        "Check the user's object permissions.",
    ),
    DriftKind.OBJECT_ABSENT: (
        Scale(RISKY, RISKY, RISKY),
        "The object is no longer in the export, for an unknown reason.",
    ),
    DriftKind.OBJECT_OUT_OF_SCOPE: (
        Scale(SAFE, RISKY, RISKY),
        "The object is no longer in the connection's scope.",
    ),
    DriftKind.RULE_REMOVED: (
        Scale(SAFE, SAFE, SAFE),
        "Rule removed: values it rejected are now accepted.",
    ),
}

REQUIRED_ADDED = "New required field: records can't be created until something fills it."

RETURNED_REASONS: dict[GoneReason, str] = {
    GoneReason.REMOVED: "The object exists again after it was removed.",
    GoneReason.HIDDEN: "This connection's user can see the object again.",
    GoneReason.ABSENT: "The object is in the export again.",
    GoneReason.OUT_OF_SCOPE: "The object is in scope again.",
}


RULE_ROWS: dict[RuleKind, tuple[Scale, str]] = {
    RuleKind.REQUIRED: (
        Scale(RISKY, RISKY, BREAKING),
        "The CRM rejects records without a value here{message}.",
    ),
    RuleKind.CONDITIONAL: (
        Scale(RISKY, RISKY, RISKY),
        "In some cases the CRM rejects records without a value here{message}.",
    ),
    RuleKind.VALUES: (
        Scale(RISKY, RISKY, RISKY),
        "The CRM rejects values in another format{message}.",
    ),
    RuleKind.VALIDATION: (
        Scale(RISKY, RISKY, RISKY),
        "The CRM rejects records that meet the rule's condition{message}.",
    ),
    RuleKind.DUPLICATES: (
        Scale(RISKY, RISKY, RISKY),
        "The CRM rejects records that look like existing ones{message}.",
    ),
    RuleKind.PIPELINE: (
        Scale(RISKY, RISKY, RISKY),
        "The CRM rejects records that are created in, or move to, certain stages{message}.",
    ),
    RuleKind.AUTOMATION: (
        Scale(SAFE, SAFE, RISKY),
        "A flow or trigger runs before the rules: it can fill, change or reject a record.",
    ),
}
"""Severity and reason of a new or changed rule."""

AUTOMATION_REMOVED = (
    Scale(SAFE, SAFE, RISKY),
    "A flow or trigger no longer runs: fields that it filled keep the values sent.",
)
RULE_REPORTS = "The rule only reports records that look like existing ones."

RULE_INACTIVE = "The rule is inactive: values it rejects are accepted."
RULE_REWORDED = "Only the rule's error message changed."


class Row(NamedTuple):
    """One severity rule for an attribute: when it applies, the severity, and the reason."""

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
    was = {each["name"] for each in change.before if each["default"]}
    return any(each["default"] and each["name"] not in was for each in change.after)


def _gains_record_types(change: Change, after: Field | None) -> bool:
    return bool(gained_record_types(change))


def _loses_record_values(change: Change, after: Field | None) -> bool:
    return bool(lost_record_values(change))


def _gains_record_values(change: Change, after: Field | None) -> bool:
    return bool(gained_record_values(change))


def _is_filled(change: Change, after: Field | None) -> bool:
    return not change.after and after is not None and after.required is False


def _is_stricter_filter(change: Change, after: Field | None) -> bool:
    # The text of a lookup filter begins with its state; only a required one rejects records.
    return bool(change.after) and not str(change.after).startswith(("optional", "inactive"))


def _gains_values(change: Change, after: Field | None) -> bool:
    return bool(gained_values(change))


def _loses_targets(change: Change, after: Field | None) -> bool:
    return not set(change.before) <= set(change.after)


FIELD_ROWS: dict[str, tuple[Row, ...]] = {
    "type": (
        Row(
            _is_narrower,
            Scale(BREAKING, BREAKING, BREAKING),
            "Type changed from {before} to {after}: existing values may no longer fit.",
        ),
        Row(
            _always,
            Scale(RISKY, BREAKING, RISKY),
            "Type changed from {before} to {after}: old values fit, new ones may look different.",
        ),
    ),
    "nativeType": (
        Row(
            _always,
            Scale(SAFE, RISKY, RISKY),
            "The CRM now calls the type {after} instead of {before}.",
        ),
    ),
    "references": (
        Row(
            _loses_targets, Scale(RISKY, BREAKING, BREAKING), "The lookup no longer accepts {lost}."
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "The lookup now accepts {gained} too."),
    ),
    "required": (
        Row(
            _is_gained,
            Scale(BREAKING, BREAKING, BREAKING),
            "Now required: records can't be created without a value.",
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "No longer required: the value may be empty."),
    ),
    "nillable": (
        Row(
            _is_filled,
            Scale(SAFE, SAFE, RISKY),
            "Empty values are no longer allowed. The CRM fills new records that have none.",
        ),
        Row(
            _is_unset,
            Scale(RISKY, RISKY, BREAKING),
            "Empty values are no longer allowed. New records may need a value: the source doesn't "
            "report whether the CRM fills the field.",
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "Empty values are now allowed."),
    ),
    "length": (
        Row(
            _is_smaller,
            Scale(RISKY, RISKY, BREAKING),
            "Shorter: {after} characters instead of {before}. Longer values are rejected or cut.",
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "Longer: {after} characters instead of {before}."),
    ),
    "precision": (
        Row(
            _is_smaller,
            Scale(RISKY, RISKY, BREAKING),
            "Fewer digits: {after} instead of {before}. Larger numbers are rejected.",
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "More digits: {after} instead of {before}."),
    ),
    "scale": (
        Row(
            _is_smaller,
            Scale(RISKY, RISKY, BREAKING),
            "Fewer decimals: {after} instead of {before}. Numbers are rejected or rounded.",
        ),
        Row(_always, Scale(SAFE, RISKY, SAFE), "More decimals: {after} instead of {before}."),
    ),
    "unique": (
        Row(
            _is_gained,
            Scale(RISKY, SAFE, RISKY),
            "Values must now be unique: duplicates are rejected.",
        ),
        Row(
            _always,
            Scale(SAFE, RISKY, RISKY),
            "No longer unique: a lookup by this field may find several records.",
        ),
    ),
    "externalId": (
        Row(
            _is_gained, Scale(SAFE, SAFE, SAFE), "Now an external ID: records can be matched by it."
        ),
        Row(
            _always,
            Scale(RISKY, RISKY, RISKY),
            "No longer an external ID: records can't be matched by it.",
        ),
    ),
    "calculated": (
        Row(
            _is_gained,
            Scale(RISKY, RISKY, BREAKING),
            "The CRM now computes the value, so it can't be written.",
        ),
        Row(
            _always,
            Scale(SAFE, RISKY, SAFE),
            "The CRM no longer computes the value: it may stay empty.",
        ),
    ),
    "formula": (
        Row(
            _always, Scale(SAFE, RISKY, SAFE), "Formula changed: the value may mean something else."
        ),
    ),
    "picklist": (
        Row(
            _loses_restricted_values,
            Scale(BREAKING, RISKY, BREAKING),
            "The restricted picklist no longer accepts {lost}.",
        ),
        Row(_loses_values, Scale(RISKY, RISKY, BREAKING), "The picklist no longer offers {lost}."),
        Row(_gains_values, Scale(SAFE, RISKY, SAFE), "The picklist now offers {gained} too."),
        Row(
            _always,
            Scale(SAFE, SAFE, SAFE),
            "Only labels or the default of picklist values changed.",
        ),
    ),
    "restricted": (
        Row(
            _is_gained,
            Scale(RISKY, SAFE, RISKY),
            "The picklist is now restricted: other values are rejected.",
        ),
        Row(
            _always,
            Scale(SAFE, RISKY, SAFE),
            "The picklist is no longer restricted: other values may appear.",
        ),
    ),
    "controller": (
        Row(
            _is_unset,
            Scale(SAFE, SAFE, SAFE),
            "The values no longer depend on another field (“{before}”).",
        ),
        Row(_always, Scale(RISKY, SAFE, RISKY), "The values now depend on “{after}”."),
    ),
    "allowedValues": (
        Row(
            _loses_choices,
            Scale(RISKY, SAFE, RISKY),
            "If the controlling field is {lost}, some values can no longer be chosen.",
        ),
        Row(
            _always,
            Scale(SAFE, SAFE, SAFE),
            "If the controlling field is {gained}, more values can be chosen.",
        ),
    ),
    "valueSet": (
        Row(
            _is_unset,
            Scale(SAFE, SAFE, SAFE),
            "The values now belong to the field, not to the global value set “{before}”.",
        ),
        Row(
            _always,
            Scale(SAFE, SAFE, SAFE),
            "The values now come from the global value set “{after}”.",
        ),
    ),
    "childRelationship": (
        Row(
            _was_unset,
            Scale(SAFE, SAFE, SAFE),
            "Queries from the parent now find these records as “{after}”.",
        ),
        Row(
            _always,
            Scale(RISKY, RISKY, RISKY),
            "Queries from the parent no longer find these records as “{before}”.",
        ),
    ),
    "deleteConstraint": (
        Row(
            _always,
            Scale(RISKY, RISKY, RISKY),
            "Deleting the related record now has another effect: {after} instead of {before}.",
        ),
    ),
    "lookupFilter": (
        Row(
            _is_stricter_filter,
            Scale(RISKY, SAFE, RISKY),
            "Lookup filter is now: {after}. Other records are rejected.",
        ),
        Row(_always, Scale(SAFE, SAFE, SAFE), "The lookup filter no longer rejects records."),
    ),
    "reparentable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Records can now move to another parent."),
        Row(_always, Scale(RISKY, SAFE, BREAKING), "Records can no longer move to another parent."),
    ),
    "writeRequiresMasterRead": (
        Row(
            _is_gained, Scale(SAFE, SAFE, SAFE), "Read access to the parent is now enough to write."
        ),
        Row(_always, Scale(RISKY, SAFE, RISKY), "Writing now needs write access to the parent."),
    ),
    "rollup": (
        Row(
            _always, Scale(SAFE, RISKY, SAFE), "Roll-up changed: the value may mean something else."
        ),
    ),
    "blanksAsZero": (
        Row(
            _always,
            Scale(SAFE, RISKY, SAFE),
            "The formula now treats blanks differently: the value may mean something else.",
        ),
    ),
    "displayFormat": (
        Row(
            _always,
            Scale(SAFE, RISKY, SAFE),
            "New records are now numbered as {after} instead of {before}.",
        ),
    ),
    "relationshipName": (
        Row(
            _was_unset,
            Scale(SAFE, SAFE, SAFE),
            "Queries now reach the related record as “{after}”.",
        ),
        Row(
            _always,
            Scale(RISKY, BREAKING, RISKY),
            "Queries no longer reach the related record as “{before}”.",
        ),
    ),
    "filterable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Records can now be filtered by this field."),
        Row(
            _always,
            Scale(RISKY, RISKY, RISKY),
            "Records can no longer be filtered by this field: such queries fail.",
        ),
    ),
    "idLookup": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Records can now be looked up by this field."),
        Row(
            _always, Scale(RISKY, RISKY, RISKY), "Records can no longer be looked up by this field."
        ),
    ),
    "encrypted": (
        Row(
            _is_gained,
            Scale(RISKY, RISKY, RISKY),
            "Now encrypted: some users see a masked value, and searches may fail.",
        ),
        Row(_always, Scale(RISKY, RISKY, RISKY), "No longer encrypted."),
    ),
    "caseSensitive": (
        Row(
            _is_gained,
            Scale(SAFE, RISKY, RISKY),
            "Now case-sensitive: matches that ignore case will fail.",
        ),
        Row(
            _always,
            Scale(SAFE, RISKY, RISKY),
            "No longer case-sensitive: values that differ only in case will collide.",
        ),
    ),
    "autoNumber": (
        Row(
            _is_gained,
            Scale(RISKY, RISKY, BREAKING),
            "The CRM now numbers the records, so the value can't be written.",
        ),
        Row(
            _always,
            Scale(SAFE, RISKY, SAFE),
            "The CRM no longer numbers the records: the value may stay empty.",
        ),
    ),
    "readable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "This connection's user can now read it."),
        Row(_always, Scale(RISKY, BREAKING, SAFE), "This connection's user can no longer read it."),
    ),
    "createable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "New records can now set it."),
        Row(_always, Scale(RISKY, SAFE, BREAKING), "New records can no longer set it."),
    ),
    "updateable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Updates can now set it."),
        Row(_always, Scale(RISKY, SAFE, BREAKING), "Updates can no longer set it."),
    ),
    "archived": (
        Row(
            _is_gained,
            Scale(RISKY, BREAKING, BREAKING),
            "Archived: the CRM no longer uses the field.",
        ),
        Row(_always, Scale(SAFE, SAFE, SAFE), "Restored from the archive."),
    ),
    "label": (Row(_always, Scale(SAFE, SAFE, SAFE), "Label changed (display only)."),),
    "description": (Row(_always, Scale(SAFE, SAFE, SAFE), "Help text changed (display only)."),),
    "group": (Row(_always, Scale(SAFE, SAFE, SAFE), "Field group changed (display only)."),),
    "default": (Row(_always, Scale(SAFE, SAFE, SAFE), "Default value changed for new records."),),
}

OBJECT_ROWS: dict[str, tuple[Row, ...]] = {
    "label": (Row(_always, Scale(SAFE, SAFE, SAFE), "Label changed (display only)."),),
    "plural": (Row(_always, Scale(SAFE, SAFE, SAFE), "Plural label changed (display only)."),),
    "custom": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Now a custom object."),
        Row(_always, Scale(SAFE, SAFE, SAFE), "Now a standard object."),
    ),
    "createable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "This connection's user can now create records."),
        Row(
            _always,
            Scale(RISKY, SAFE, BREAKING),
            "This connection's user can no longer create records.",
        ),
    ),
    "updateable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "This connection's user can now update records."),
        Row(
            _always,
            Scale(RISKY, SAFE, BREAKING),
            "This connection's user can no longer update records.",
        ),
    ),
    "deletable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "This connection's user can now delete records."),
        Row(
            _always,
            Scale(SAFE, SAFE, RISKY),
            "This connection's user can no longer delete records.",
        ),
    ),
    "queryable": (
        Row(_is_gained, Scale(SAFE, SAFE, SAFE), "Records can now be queried."),
        Row(_always, Scale(RISKY, BREAKING, BREAKING), "Records can no longer be queried."),
    ),
    "customSetting": (
        Row(_is_gained, Scale(RISKY, RISKY, RISKY), "Now a custom setting."),
        Row(_always, Scale(RISKY, RISKY, RISKY), "No longer a custom setting."),
    ),
    "recordTypes": (
        Row(
            _loses_record_types,
            Scale(RISKY, RISKY, BREAKING),
            "Records of type {lost} can no longer be created.",
        ),
        Row(_moves_default, Scale(RISKY, RISKY, RISKY), "Default record type changed to {after}."),
        Row(
            _gains_record_types,
            Scale(SAFE, RISKY, SAFE),
            "Records of type {gained} can now be created.",
        ),
        Row(
            _loses_record_values,
            Scale(RISKY, SAFE, RISKY),
            "A record type no longer allows {lostValues}.",
        ),
        Row(
            _gains_record_values,
            Scale(SAFE, RISKY, SAFE),
            "A record type now also allows {gainedValues}.",
        ),
        Row(_always, Scale(SAFE, SAFE, SAFE), "Labels or default values of record types changed."),
    ),
    "user": (
        Row(
            _always,
            Scale(SAFE, SAFE, RISKY),
            "Rules may decide differently, because this connection's user changed: {gained}.",
        ),
    ),
}
