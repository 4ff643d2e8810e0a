"""What changes in an organization as its time goes by: edits of a state, oldest first."""

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
        """Return the state with one object type put in, or in place of its namesake."""
        return replace(self, objects={**self.objects, changed.name: changed})


class Edit(Protocol):
    """One thing that a change does.

    `touches` names the object types concerned, `names` the fields as they are called after it.
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
    """A field appears, in one object type or in many."""

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
class RemoveField:
    """A field is deleted."""

    object_type: str
    field_name: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.object_type,)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field_name,)

    def apply(self, state: State) -> State:
        target = state.objects[self.object_type]
        left = (each for each in target.fields.values() if each.name != self.field_name)
        return state.with_object(target.with_fields(left))


@dataclass(frozen=True)
class AlterField:
    """A field changes: other attributes, picklist values dropped or added, another name."""

    object_type: str
    field_name: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.object_type,)

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
class DropStage:
    """A stage is taken out of a pipeline."""

    object_type: str
    pipeline: str
    stage: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.object_type,)

    @property
    def names(self) -> tuple[str, ...]:
        return ()

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
class RemoveObject:
    """An object type is deleted."""

    object_type: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.object_type,)

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    def apply(self, state: State) -> State:
        return replace(
            state,
            objects={
                name: each for name, each in state.objects.items() if name != self.object_type
            },
        )


@dataclass(frozen=True)
class Revoke:
    """An administrator ends the tokens of the integration."""

    touches: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def apply(self, state: State) -> State:
        return replace(state, revoked=True)


@dataclass(frozen=True)
class UseQuota:
    """From here on others have used this many calls of the day's allowance."""

    daily_used: int
    touches: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def apply(self, state: State) -> State:
        return replace(state, daily_used=self.daily_used)


@dataclass(frozen=True)
class Change:
    """What somebody did at one moment, told as time before now.

    `by` is a key of the scenario's people, None where the vendor did it; `display` and `section`
    are what Salesforce's setup audit trail says of it.
    """

    before_now: timedelta
    edits: tuple[Edit, ...]
    by: str | None = None
    display: str = ""
    section: str = ""
    action: str = ""
