"""The verdicts of preflight on an object pair: a function of its schema and its decisions. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from crmdeck.mapping.state import by_field, filled_elsewhere, required_unmapped
from crmdeck.mapping.validity import why_invalid
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Decision,
    Direction,
    ObjectSchema,
    Outcome,
    PartnerObject,
    RuleKind,
    WriteRules,
)
from crmdeck.preflight.edges import FailsWhen, fails_when
from crmdeck.preflight.judge import MappedField, Setting
from crmdeck.preflight.values import Value


@dataclass(frozen=True)
class PairVerdicts:
    """The verdicts on the accepted rows of an object pair.

    `gone` are the PartnerOS fields whose CRM field no longer exists, `invalid` says why others
    can't be mapped as they are. `required` are the CRM fields that no row writes and no one fills,
    `flows` what may fill them. `has_object` is False if the CRM has no such object. `keys` are the
    fields that could identify a record, if no row or anything else writes one. `parents` has the
    objects that each pushed reference leads to, by PartnerOS field; `formulas` are the CRM fields
    that are pulled and calculated.
    """

    has_object: bool = True
    gone: tuple[str, ...] = ()
    invalid: Mapping[str, str] | None = None
    required: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    failures: tuple[FailsWhen, ...] = ()
    keys: tuple[str, ...] = ()
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    formulas: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return the verdicts as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> PairVerdicts:
        """Return the verdicts in JSON that `to_text` made."""
        known: dict[str, Any] = json.loads(text)
        failures = [
            FailsWhen(*one)._replace(outcome=Outcome(one[2]), needs=tuple(one[-1]))
            for one in known.pop("failures")
        ]
        lists = {key: tuple(each) for key, each in known.items() if isinstance(each, list)}
        return cls(**{**known, **lists}, failures=tuple(failures))


def judge_pair(
    schema: ObjectSchema | None,
    partner: PartnerObject | None,
    log: Sequence[Decision],
    rules: WriteRules,
    knowledge: Knowledge,
    now: datetime,
) -> PairVerdicts:
    """Return the verdicts on an object pair; `log` is oldest first, `now` in UTC."""
    if schema is None:
        return PairVerdicts(has_object=False)
    accepted = {name: one.accepted for name, one in by_field(log).items() if one.accepted}
    sources = {field.name: field for field in partner.fields} if partner is not None else {}
    fields = {field.name: field for field in schema.fields}
    invalid = {}
    for name, one in accepted.items():
        target = fields.get(one.crm_field or "")
        if target is not None:
            why = why_invalid(sources.get(name), target, one.direction, one.value_map, knowledge)
            if why is not None:
                invalid[name] = why
    marks = filled_elsewhere(log)
    mapped = mapped_fields(log, Direction.PUSH)
    setting = setting_of(schema, now, filled=unknown_fills(log))
    keys = {
        name
        for name, each in fields.items()
        if each.unique
        or each.external_id
        or (each.id_lookup and name != rules.record_id and not each.native.get("nameField"))
    } | rules.match_keys.get(schema.object_type, frozenset())
    written = {one.crm_field for one in mapped} | marks.keys()
    return PairVerdicts(
        gone=tuple(name for name, one in accepted.items() if one.crm_field not in fields),
        invalid=invalid,
        required=tuple(
            field.name for field in required_unmapped(schema.fields, log) if field.name not in marks
        ),
        flows=automation_of(schema, create=True) or (),
        failures=fails_when(schema, mapped, sources, rules, setting) if mapped else (),
        keys=tuple(
            sorted(name for name in keys if name in fields and fields[name].createable is not False)
        )
        if mapped and keys.isdisjoint(written)
        else (),
        parents={
            one.partner_field: fields[one.crm_field].references
            for one in mapped
            if one.partner_field and one.crm_field in fields and fields[one.crm_field].references
        },
        formulas=tuple(
            one.crm_field
            for one in mapped_fields(log, Direction.PULL)
            # A sum over other records moves the timestamp, a formula doesn't.
            if one.crm_field in fields
            and fields[one.crm_field].calculated
            and fields[one.crm_field].formula
        ),
    )


def mapped_fields(log: Sequence[Decision], direction: Direction) -> tuple[MappedField, ...]:
    """Return the accepted rows of an object pair that pass values in a direction.

    Those to the CRM include the fields that something else fills with a known value.
    """
    rows = [
        MappedField(name, one.accepted.crm_field, one.accepted.value_map)
        for name, one in by_field(log).items()
        if one.accepted is not None
        and one.accepted.crm_field is not None
        and one.accepted.direction in (direction, Direction.BIDIRECTIONAL)
    ]
    if direction is Direction.PUSH:
        rows += [
            MappedField("", name, template=mark.filled_with)
            for name, mark in filled_elsewhere(log).items()
            if mark.filled_with
        ]
    return tuple(rows)


def unknown_fills(log: Sequence[Decision]) -> frozenset[str]:
    """Return the CRM fields that are filled elsewhere, no one knows with what."""
    marks = filled_elsewhere(log)
    return frozenset(name for name, mark in marks.items() if not mark.filled_with)


def setting_of(
    schema: ObjectSchema,
    now: datetime,
    *,
    create: bool = True,
    record_type: str | None = None,
    filled: Collection[str] = (),
    user: Mapping[str, Value] | None = None,
) -> Setting:
    """Return the assumptions of a preflight about every write to an object; `now` is in UTC."""
    return Setting(
        now=now.replace(tzinfo=None),
        create=create,
        record_type=record_type,
        filled=frozenset(filled),
        automation=automation_of(schema, create=create),
        user={
            # Formulas read IDs with 15 characters.
            name: value[:15] if name.endswith("id") and isinstance(value, str) else value
            for name, value in (user or {}).items()
        },
    )


def automation_of(schema: ObjectSchema, *, create: bool) -> tuple[str, ...] | None:
    """Return the flows and triggers that run before rules; None if they were not read."""
    if RuleKind.AUTOMATION not in schema.known_kinds:
        return None
    return tuple(
        rule.title
        for rule in schema.rules or ()
        if rule.kind is RuleKind.AUTOMATION
        and rule.active
        and (rule.on_create if create else rule.on_update)
    )
