"""The scenario of the sandbox: organizations with a schema at any time. Pure data."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from crmdeck.model import Platform
from crmdeck.sandbox.associated_objects import with_associated_objects, with_system_fields
from crmdeck.sandbox.history import (
    AddField,
    AlterField,
    Change,
    DropStage,
    Edit,
    RemoveField,
    RemoveObject,
    Revoke,
    State,
    UseQuota,
)
from crmdeck.sandbox.schema import (
    FieldDef,
    ObjectDef,
    Pipeline,
    Stage,
    parse_field,
    parse_value,
)

HISTORY = timedelta(days=90)
HUBSPOT_VERSIONS = ("2026-09", "2026-03", "v3")


@dataclass(frozen=True)
class Person:
    """An employee of the sample company; `number` is part of the vendors' IDs."""

    key: str
    name: str
    email: str
    title: str
    number: int


@dataclass(frozen=True)
class Organization:
    """A Salesforce org or a HubSpot account with its history, oldest change first."""

    name: str
    platform: Platform
    title: str
    first: State
    changes: tuple[Change, ...] = ()
    daily_limit: int = 100_000
    domain: str = ""
    portal_id: int = 0
    hublet: str = "na1"
    versions: tuple[str, ...] = HUBSPOT_VERSIONS
    records: int = 50

    @cached_property
    def states(self) -> tuple[State, ...]:
        states = [self.first]
        for change in self.changes:
            state = states[-1]
            for edit in change.edits:
                state = edit.apply(state)
            states.append(replace(state, objects=with_associated_objects(state.objects)))
        # Last: the first change is applied to the objects without their associated ones.
        states[0] = replace(self.first, objects=with_associated_objects(self.first.objects))
        return tuple(states)

    def changes_until(self, moment: datetime, now: datetime) -> tuple[Change, ...]:
        """Return the changes until `moment`, if the history ends at `now`."""
        return tuple(each for each in self.changes if now - each.before_now <= moment)

    def at(self, moment: datetime, now: datetime) -> State:
        """Return the state at `moment`, if the history ends at `now`."""
        return self.states[len(self.changes_until(moment, now))]

    def last_change(self, target: ObjectDef, moment: datetime, now: datetime) -> Change | None:
        """Return the last change until `moment` of an object type, or of its parent."""
        # The setup picklists list every object and every field, so that they change with each.
        follows_all = any(each.flags & {"objects", "fields"} for each in target.fields.values())
        name = target.parent or target.name
        for change in reversed(self.changes_until(moment, now)):
            touched = {each for edit in change.edits for each in edit.touches}
            if name in touched or (follows_all and touched):
                return change
        return None


@dataclass(frozen=True)
class Scenario:
    organizations: tuple[Organization, ...]
    people: Mapping[str, Person] = field(default_factory=dict)

    @staticmethod
    @cache
    def demo() -> Scenario:
        """Return the sample company of the demo: two Salesforce orgs, two HubSpot accounts."""
        data = files("crmdeck.sandbox") / "data"
        document = tomllib.loads((data / "scenario.toml").read_text("utf-8"))
        people = {
            key: Person(key, number=number, **values)
            for number, (key, values) in enumerate(document["people"].items(), start=1)
        }
        bases = {
            "salesforce": _salesforce_objects(data / "salesforce"),
            "hubspot": _hubspot_objects(data / "hubspot"),
        }
        organizations = [
            _organization(name, platform, settings, bases[platform])
            for platform in bases
            for name, settings in document[platform].items()
        ]
        return Scenario(tuple(organizations), people)


def _organization(
    name: str, platform: Platform, settings: Mapping[str, Any], base: Mapping[str, ObjectDef]
) -> Organization:
    chosen = settings.get("objects", list(base))
    return Organization(
        name=name,
        platform=platform,
        title=settings["name"],
        first=State({each: base[each] for each in chosen}, daily_used=settings["daily_used"]),
        changes=tuple(_change(each) for each in settings.get("change", [])),
        daily_limit=settings["daily_limit"],
        domain=settings.get("domain", ""),
        portal_id=settings.get("portal_id", 0),
        hublet=settings.get("hublet", "na1"),
        versions=tuple(settings.get("versions", HUBSPOT_VERSIONS)),
    )


def _change(entry: Mapping[str, Any]) -> Change:
    edits: list[Edit] = []
    for each in entry.get("add", []):
        row = {**each["field"], "values": ";".join(each["field"].get("values", []))}
        edits.append(AddField(tuple(each["objects"]), parse_field(row)[0]))
    for each in entry.get("remove", []):
        edits.append(RemoveField((each["object"],), each["field"]))
    for each in entry.get("rename", []):
        names = {"name": each["to"], "label": each["label"]}
        edits.append(AlterField((each["object"],), each["field"], names))
    for each in entry.get("alter", []):
        edits.append(_alteration(each))
    for each in entry.get("drop_stage", []):
        edits.append(DropStage((each["object"],), each["pipeline"], each["stage"]))
    if "remove_object" in entry:
        edits.append(RemoveObject(tuple(entry["remove_object"])))
    if entry.get("revoke"):
        edits.append(Revoke(()))
    if "daily_used" in entry:
        edits.append(UseQuota((), entry["daily_used"]))
    return Change(
        before_now=timedelta(days=entry["days"]),
        edits=tuple(edits),
        by=entry.get("by"),
        display=entry.get("display", ""),
        section=entry.get("section", ""),
    )


def _alteration(entry: Mapping[str, Any]) -> AlterField:
    attributes = {
        name: value
        for name, value in entry.items()
        if name not in {"object", "field", "drop", "values", "type"}
    }
    if "type" in entry:
        shape = parse_field({"name": entry["field"], "label": "", "type": entry["type"]})[0]
        attributes |= {
            name: getattr(shape, name) for name in ("type", "length", "precision", "scale")
        }
    return AlterField(
        touches=(entry["object"],),
        field_name=entry["field"],
        attributes=attributes,
        drop=tuple(entry.get("drop", ())),
        values=tuple(parse_value(each) for each in entry.get("values", ())),
    )


def _salesforce_objects(folder: Traversable) -> dict[str, ObjectDef]:
    setup: dict[str, list[FieldDef]] = {}
    for row in _rows(folder / "setup.csv"):
        setup.setdefault(row["object"], []).extend(parse_field(row))
    objects: dict[str, ObjectDef] = {}
    for row in _rows(folder / "objects.csv"):
        name = row["name"]
        # The many small setup objects share a file.
        own = setup.get(name) or [
            each for line in _rows(folder / f"{name}.csv") for each in parse_field(line)
        ]
        target = ObjectDef(
            name=name,
            label=row["label"],
            plural=row["plural"],
            prefix=row["prefix"],
            abilities=frozenset(row["abilities"].split())
            | {f"associated:{name}" for name in row["associated"].split()},
            custom=name.endswith("__c"),
        )
        objects[name] = with_system_fields(target, own, row["system"].split())
    return objects


def _hubspot_objects(folder: Traversable) -> dict[str, ObjectDef]:
    pipelines = _pipelines(_rows(folder / "pipelines.csv"))
    objects: dict[str, ObjectDef] = {}
    for row in _rows(folder / "objects.csv"):
        name = row["name"]
        properties = [each for line in _rows(folder / f"{name}.csv") for each in parse_field(line)]
        objects[name] = ObjectDef(
            name=name,
            label=row["label"],
            plural=row["plural"],
            prefix=row["type_id"],
            fields={each.name: each for each in properties},
            abilities=frozenset(f"required:{each}" for each in row["required"].split()),
            pipelines=pipelines.get(name, ()),
            custom=row["custom"] == "custom",
        )
    return objects


def _pipelines(rows: Iterable[Mapping[str, str]]) -> dict[str, tuple[Pipeline, ...]]:
    found: dict[str, dict[str, Pipeline]] = {}
    for row in rows:
        stage = Stage(row["stage"], row["label"], row["closed"] == "true", row["probability"])
        known = found.setdefault(row["object"], {})
        before = known.get(row["pipeline"])
        stages = (*before.stages, stage) if before else (stage,)
        known[row["pipeline"]] = Pipeline(row["pipeline"], row["pipeline_label"], stages)
    return {name: tuple(each.values()) for name, each in found.items()}


def _rows(file: Traversable) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))
