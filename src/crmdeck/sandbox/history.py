"""The history of an organization: edits of its state, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from crmdeck.sandbox.schema import FieldDef, ObjectDef, Value


@dataclass(frozen=True)
class State:
    """An organization between two changes."""

    objects: Mapping[str, ObjectDef]
    revoked: bool = False
    daily_used: int = 0

    def with_object(self, changed: ObjectDef) -> State:
        """Return the state with one object type added or replaced."""
        return replace(self, objects={**self.objects, changed.name: changed})


class Edit(Protocol):
    """One part of a change.

    `touches` are the affected object types, `names` the affected fields by their new names.
    """

    @property
    def touches(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def apply(self, state: State) -> State:
        """Return the state after the edit."""
        ...


@dataclass(frozen=True)
class AddField:
    """Adds a field to one or more object types."""

    touches: tuple[str, ...]
    field: FieldDef

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field.name,)

    def apply(self, state: State) -> State:
        for name in self.touches:
            target = state.objects[name]
            state = state.with_object(target.with_fields([*target.fields.values(), self.field]))
        return state


@dataclass(frozen=True)
class _OfObject:
    """An edit of one object type, by default of none of its fields."""

    object_type: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.object_type,)

    @property
    def names(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class RemoveField(_OfObject):
    field_name: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field_name,)

    def apply(self, state: State) -> State:
        target = state.objects[self.object_type]
        left = (each for each in target.fields.values() if each.name != self.field_name)
        return state.with_object(target.with_fields(left))


@dataclass(frozen=True)
class AlterField(_OfObject):
    """Changes a field: its attributes, its picklist values, or its name."""

    field_name: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (str(self.attributes.get("name", self.field_name)),)

    def apply(self, state: State) -> State:
        target = state.objects[self.object_type]
        fields = [
            self._altered(each) if each.name == self.field_name else each
            for each in target.fields.values()
        ]
        return state.with_object(target.with_fields(fields))

    def _altered(self, old: FieldDef) -> FieldDef:
        kept = tuple(each for each in old.values if each.value not in self.drop)
        attributes: dict[str, object] = {"values": kept + self.values, **self.attributes}
        return replace(old, **attributes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class DropStage(_OfObject):
    """Removes a stage from a pipeline."""

    pipeline: str
    stage: str

    def apply(self, state: State) -> State:
        target = state.objects[self.object_type]
        pipelines = tuple(
            replace(each, stages=tuple(s for s in each.stages if s.id != self.stage))
            if each.id == self.pipeline
            else each
            for each in target.pipelines
        )
        return state.with_object(replace(target, pipelines=pipelines, version=target.version + 1))


@dataclass(frozen=True)
class RemoveObject(_OfObject):
    def apply(self, state: State) -> State:
        return replace(
            state,
            objects={
                name: each for name, each in state.objects.items() if name != self.object_type
            },
        )


@dataclass(frozen=True)
class Revoke:
    """Revokes the tokens of the integration."""

    touches: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def apply(self, state: State) -> State:
        return replace(state, revoked=True)


@dataclass(frozen=True)
class UseQuota:
    """Sets the calls of the daily quota that other apps have used."""

    daily_used: int
    touches: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

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
    action: str = ""
