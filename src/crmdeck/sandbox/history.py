"""The history of an organization: edits of its state, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from crmdeck.sandbox.schema import FieldDef, ObjectDef, Value


@dataclass(frozen=True)
class State:
    """An organization between two changes."""

    objects: Mapping[str, ObjectDef]
    revoked: bool = False
    daily_used: int = 0


@dataclass(frozen=True)
class Edit:
    """One part of a change. `touches` are the affected object types."""

    touches: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The affected fields, by their new names."""
        return ()

    def edited(self, target: ObjectDef) -> ObjectDef:
        return target

    def apply(self, state: State) -> State:
        edited = {name: self.edited(state.objects[name]) for name in self.touches}
        return replace(state, objects={**state.objects, **edited})


@dataclass(frozen=True)
class AddField(Edit):
    field: FieldDef

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field.name,)

    def edited(self, target: ObjectDef) -> ObjectDef:
        return target.with_fields([*target.fields.values(), self.field])


@dataclass(frozen=True)
class RemoveField(Edit):
    field_name: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field_name,)

    def edited(self, target: ObjectDef) -> ObjectDef:
        return target.with_fields(
            each for each in target.fields.values() if each.name != self.field_name
        )


@dataclass(frozen=True)
class AlterField(Edit):
    """Changes a field: its attributes, its picklist values, or its name."""

    field_name: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (str(self.attributes.get("name", self.field_name)),)

    def edited(self, target: ObjectDef) -> ObjectDef:
        old = target.fields[self.field_name]
        kept = tuple(each for each in old.values if each.value not in self.drop)
        attributes: dict[str, object] = {"values": kept + self.values, **self.attributes}
        new = replace(old, **attributes)  # type: ignore[arg-type]
        return target.with_fields(new if each is old else each for each in target.fields.values())


@dataclass(frozen=True)
class DropStage(Edit):
    pipeline: str
    stage: str

    def edited(self, target: ObjectDef) -> ObjectDef:
        pipelines = tuple(
            replace(each, stages=tuple(s for s in each.stages if s.id != self.stage))
            if each.id == self.pipeline
            else each
            for each in target.pipelines
        )
        return replace(target, pipelines=pipelines, version=target.version + 1)


@dataclass(frozen=True)
class RemoveObject(Edit):
    def apply(self, state: State) -> State:
        left = {name: each for name, each in state.objects.items() if name not in self.touches}
        return replace(state, objects=left)


@dataclass(frozen=True)
class Revoke(Edit):
    def apply(self, state: State) -> State:
        return replace(state, revoked=True)


@dataclass(frozen=True)
class UseQuota(Edit):
    """Sets the calls of the daily quota that other apps have used."""

    daily_used: int

    def apply(self, state: State) -> State:
        return replace(state, daily_used=self.daily_used)


@dataclass(frozen=True)
class Change:
    """The edits at one time, `before_now`.

    `by` is a key of the scenario's people, None for the vendor. `display` and `section` are the
    columns of Salesforce's setup audit trail.
    """

    before_now: timedelta
    edits: tuple[Edit, ...]
    by: str | None = None
    display: str = ""
    section: str = ""
