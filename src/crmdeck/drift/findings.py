"""Findings: what was found between two refreshes, before it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crmdeck.drift.field_diff import compare, compare_objects
from crmdeck.drift.states import GoneObject, ObjectState
from crmdeck.model import Change, DriftKind, Field, GoneReason

_OBJECT_GONE = {
    GoneReason.REMOVED: DriftKind.OBJECT_REMOVED,
    GoneReason.HIDDEN: DriftKind.OBJECT_HIDDEN,
    GoneReason.ABSENT: DriftKind.OBJECT_ABSENT,
    GoneReason.OUT_OF_SCOPE: DriftKind.OBJECT_OUT_OF_SCOPE,
}
_FIELD_GONE = {
    GoneReason.REMOVED: DriftKind.FIELD_REMOVED,
    GoneReason.HIDDEN: DriftKind.FIELD_HIDDEN,
    GoneReason.ABSENT: DriftKind.FIELD_ABSENT,
    # A scope names object types, not fields: whoever says so of a field knows no more.
    GoneReason.OUT_OF_SCOPE: DriftKind.FIELD_ABSENT,
}
GONE_KINDS = frozenset(_OBJECT_GONE.values()) | frozenset(_FIELD_GONE.values())


@dataclass(frozen=True, eq=False)
class Finding:
    """One difference: of an object where `field_name` is None, else of a field.

    Compared and hashed by identity: a finding is met once, and its picklists may be long.
    `custom` is that of the object or the field, `returned` why an added object had been gone.
    """

    object_type: str
    field_name: str | None
    kind: DriftKind
    before: Field | None = None
    after: Field | None = None
    changes: tuple[Change, ...] = ()
    custom: bool | None = None
    returned: GoneReason | None = None

    @property
    def family(self) -> str:
        """Return `added`, `gone` or `changed`."""
        if self.kind in GONE_KINDS:
            return "gone"
        return "added" if self.kind.value.endswith("added") else "changed"


def find(
    before: Mapping[str, ObjectState],
    after: Mapping[str, ObjectState],
    gone_objects: Sequence[GoneObject],
    gone_fields: Mapping[tuple[str, str], GoneReason],
    returned: Mapping[str, GoneReason],
) -> list[Finding]:
    """Return every difference, ordered by object type and field name."""
    found: list[Finding] = []
    for object_type, state in after.items():
        old = before.get(object_type)
        if old is None or object_type in returned:
            found.append(
                Finding(
                    object_type,
                    None,
                    DriftKind.OBJECT_ADDED,
                    custom=state.custom,
                    returned=returned.get(object_type),
                )
            )
        if old is not None:
            found.extend(_inside(old, state, gone_fields))
    reasons = {gone.object_type: gone.reason for gone in gone_objects}
    unexplained = dict.fromkeys(before.keys() - after.keys(), GoneReason.ABSENT)
    for object_type, reason in (unexplained | reasons).items():
        last = before.get(object_type)
        custom = last.custom if last else None
        found.append(Finding(object_type, None, _OBJECT_GONE[reason], custom=custom))
    return sorted(found, key=lambda f: (f.object_type, f.field_name or "", f.kind.value))


def _inside(
    old: ObjectState, new: ObjectState, gone_fields: Mapping[tuple[str, str], GoneReason]
) -> Iterator[Finding]:
    object_type = new.object_type
    if changes := compare_objects(old, new):
        yield Finding(
            object_type, None, DriftKind.OBJECT_CHANGED, changes=changes, custom=new.custom
        )
    for change in compare(old, new):
        name = change.field_name
        if change.after is None:
            kind = _FIELD_GONE[gone_fields.get((object_type, name), GoneReason.ABSENT)]
        elif change.before is None:
            kind = DriftKind.FIELD_ADDED
        else:
            kind = DriftKind.FIELD_CHANGED
        field = change.after or change.before
        yield Finding(
            object_type,
            name,
            kind,
            change.before,
            change.after,
            change.changes,
            custom=field.custom if field else None,
        )
