"""The rules of severity for whole fields and objects that came or went.

`breaking` is what makes something that is mapped or written stop working, `risky` what may do
so or deserves a look, `safe` the rest. Each row says it three times: for a field that nothing
is mapped to, for one whose values PartnerOS pulls, and for one that it pushes to.

- What left an object that did answer can't be used any more, whatever the cause; so an absent
  field weighs as much as a removed one. An absent object may just be a narrower export.
- A field that becomes required breaks whoever creates records, mapped or not.
- What narrows a type, or takes values from a restricted picklist, breaks for every writer.
"""

from __future__ import annotations

from typing import NamedTuple

from crmdeck.model import DriftKind, GoneReason, Severity

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

REQUIRED_ADDED = "A new field without which no record can be created, and nothing fills it yet."

RETURNED_REASONS: dict[GoneReason, str] = {
    GoneReason.REMOVED: "The object type is there again; it had been removed.",
    GoneReason.HIDDEN: "The object type is visible again to this connection's user.",
    GoneReason.ABSENT: "The object type is in the answer again.",
    GoneReason.OUT_OF_SCOPE: "The scope asks for this object type again.",
}
