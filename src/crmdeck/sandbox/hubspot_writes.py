"""Writes to a HubSpot account: what it checks, and the errors it answers.

Sources: HubSpot API reference, "CRM objects", "Properties" and "Property validations". A date that
isn't midnight UTC is an error.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from crmdeck.sandbox import write_rules
from crmdeck.sandbox.hubspot_errors import error
from crmdeck.sandbox.hubspot_shapes import HubSpotShapes, stamp
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.schema import FieldDef, ObjectDef
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import PIPELINE_RULES

# Above the IDs of the sample records.
_FIRST_NEW = 91_000_000_000
# HubSpot knowledge base, "Property field types".
_LONGEST_TEXT = 65_536
# Deals have properties of their own for pipeline and stage, all other objects share a pair.
_PIPELINES = ("pipeline", "hs_pipeline")
_STAGES = ("dealstage", "hs_pipeline_stage")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)

_Texts = dict[str, str]


class _InvalidError(ValueError):
    """One wrong value, with HubSpot's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class HubSpotWrites:
    """Creates and updates records, which stay as long as the sandbox runs. Thread-safe."""

    def __init__(self, tenant: Tenant, shapes: HubSpotShapes) -> None:
        self._tenant = tenant
        self._shapes = shapes
        self._lock = threading.Lock()
        self._records: dict[str, dict[str, _Texts]] = defaultdict(dict)

    def handle(self, request: Request, target: ObjectDef, key: str | None) -> Reply:
        """Answer `POST objects/TYPE`, `PATCH objects/TYPE/ID` and `GET objects/TYPE/ID`."""
        with self._lock:
            before = None if key is None else self._stored(target, key)
            if key is not None and before is None:
                return error(404, "OBJECT_NOT_FOUND")
            if request.method == "GET":
                return reply(self._shape(key or "", before or {}))
            body = dict(request.json()["properties"])
            problems = list(self._problems(target, body, before, key))
            if problems:
                return _not_valid(problems)
            values = {name: _text(value) for name, value in body.items()}
            if before is None:
                lacking = [
                    each.removeprefix("required:")
                    for each in sorted(target.abilities)
                    if each.startswith("required:") and not values.get(each[9:])
                ]
                if lacking:
                    message = f"Error creating {target.name}. Some required properties were not"
                    message += f" set: {', '.join(lacking)}"
                    return error(400, "VALIDATION_ERROR", message)
            made = key or str(_FIRST_NEW + len(self._records[target.name]))
            record = {**(before or {}), **values}
            self._records[target.name][made] = record
        return reply(self._shape(made, record), 200 if key else 201)

    def _stored(self, target: ObjectDef, key: str) -> _Texts | None:
        known = self._records[target.name].get(key)
        # The sample records have these IDs.
        number = int(key) - 90_000_000_000 if key.isdecimal() else -1
        if known is None and 0 <= number < self._tenant.org.records:
            shape = self._shapes.record(target, number, list(target.fields))
            properties = shape["properties"]
            if isinstance(properties, dict):
                return {name: value for name, value in properties.items() if value is not None}
        return known

    def _shape(self, key: str, values: _Texts) -> dict[str, object]:
        now = stamp(self._tenant.now)
        return {
            "id": key,
            "properties": {**values, "hs_object_id": key},
            "createdAt": now,
            "updatedAt": now,
            "archived": False,
        }

    def _problems(
        self, target: ObjectDef, body: Mapping[str, object], before: _Texts | None, key: str | None
    ) -> Iterator[tuple[str, _InvalidError]]:
        hidden = self._tenant.hidden_fields(target.name)
        for name, raw in body.items():
            field = target.fields.get(name)
            try:
                if field is None or field.archived or name in hidden:
                    text = f'Property "{name}" does not exist'
                    raise _InvalidError("PROPERTY_DOESNT_EXIST", text)
                if not (field.updateable if before is not None else field.createable):
                    text = f'"{name}" is a read only property'
                    raise _InvalidError("READ_ONLY_VALUE", text)
                if field.type != "string" and str(raw).strip() != str(raw):
                    text = f'"{raw}" includes leading or trailing whitespace.'
                    raise _InvalidError("LEADING_TRAILING_WHITESPACE", text)
                value = _text(raw)
                if value:
                    _require_typed(field, value, target)
                    for kind, arguments in write_rules.VALUE_RULES.get(name, ()):
                        if not _keeps_rule(kind, arguments, value):
                            text = f"The value breaks the rule {kind} {', '.join(arguments)}."
                            raise _InvalidError("FAILED_VALIDATION", text)
                    others = self._records[target.name].items() if "unique" in field.flags else ()
                    for other, values in others:
                        if other != key and values.get(name, "").lower() == value.lower():
                            text = f"{other} already has that value."
                            raise _InvalidError("CONFLICTING_UNIQUE_VALUE", text)
            except _InvalidError as problem:
                yield name, problem
        yield from _misplaced_stage(target, body, before or {})


def _not_valid(problems: list[tuple[str, _InvalidError]]) -> Reply:
    listed = [
        {"isValid": False, "message": str(problem), "error": problem.code, "name": name}
        for name, problem in problems
    ]
    errors = [
        {"message": str(problem), "code": problem.code, "context": {"propertyName": [name]}}
        for name, problem in problems
    ]
    # HubSpot repeats the errors in the message, as JSON.
    message = f"Property values were not valid: {json.dumps(listed)}"
    return error(400, "VALIDATION_ERROR", message, errors=errors)


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = "" if raw is None else str(raw)
    return text if text.strip() else ""


def _require_typed(field: FieldDef, value: str, target: ObjectDef) -> None:
    match field.type:
        case "number":
            if not _NUMBER.fullmatch(value.strip()):
                raise _InvalidError("INVALID_DOUBLE", f"{value} was not a valid number.")
        case "bool":
            if value.strip().lower() not in ("true", "false"):
                raise _InvalidError("INVALID_OPTION", f"{value} was not one of the allowed options")
        case "date" | "datetime":
            _require_moment(field, value.strip())
        case "enumeration":
            _require_option(field, value, target)
        case "string" if len(value) > _LONGEST_TEXT:
            text = f"The value is longer than {_LONGEST_TEXT} characters."
            raise _InvalidError("PROPERTY_VALUE_TOO_LONG", text)


def _keeps_rule(kind: str, arguments: tuple[str, ...], value: str) -> bool:
    match kind, arguments:
        case "MIN_NUMBER", (least,):
            return float(value) >= float(least)
        case "ALPHANUMERIC", ("NUMERIC_ONLY",):
            return value.isdigit()
    raise ValueError(f"the sandbox has no rule {kind}")


def _require_moment(field: FieldDef, value: str) -> None:
    wrong = _InvalidError("INVALID_DATE", f"{value} was not a valid date.")
    try:
        if re.fullmatch(r"-?\d{10,14}", value):
            moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        elif re.match(r"\d{4}-\d\d-\d\d($|[T ])", value):
            moment = datetime.fromisoformat(value)
        else:
            raise wrong
    except (ValueError, OverflowError, OSError):
        raise wrong from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    # HubSpot stores a date as midnight UTC.
    if field.type == "date" and moment.timestamp() % 86_400:
        raise _InvalidError("INVALID_DATE", f"{value} is at {moment:%H:%M:%S} UTC, not midnight!")


def _require_option(field: FieldDef, value: str, target: ObjectDef) -> None:
    known = {each.value for each in field.values}
    if field.name in _PIPELINES:
        known = {each.id for each in target.pipelines}
    elif field.name in _STAGES:
        known = {stage.id for each in target.pipelines for stage in each.stages}
    elif "external" in field.flags:
        return
    chosen = value.split(";") if field.widget == "checkbox" else [value]
    if field.widget == "checkbox":
        chosen = [each.strip() for each in chosen if each.strip()]
    wrong = [each for each in chosen if each not in known]
    if wrong:
        text = f"{wrong[0]} was not one of the allowed options: {sorted(known)}"
        raise _InvalidError("INVALID_OPTION", text)


def _misplaced_stage(
    target: ObjectDef, body: Mapping[str, object], before: Mapping[str, str]
) -> Iterator[tuple[str, _InvalidError]]:
    """Yield an error for a stage of another pipeline, or one that a pipeline rule forbids.

    If no pipeline is given, the first one applies.
    """
    if not target.pipelines:
        return
    for pipeline_name, stage_name in zip(_PIPELINES, _STAGES, strict=True):
        stage = _text(body.get(stage_name))
        if not stage or stage_name not in target.fields:
            continue
        chosen = _text(body.get(pipeline_name)) or before.get(pipeline_name, "")
        found = [each for each in target.pipelines if each.id == chosen] or [target.pipelines[0]]
        stages = [each.id for each in found[0].stages]
        if stage not in stages:
            text = f"Stage {stage} is not part of pipeline {found[0].id}"
            yield stage_name, _InvalidError("INVALID_OPTION", text)
            continue
        earlier = before.get(stage_name, "")
        for rule in PIPELINE_RULES:
            if (rule.object_type, rule.pipeline) != (target.name, found[0].id):
                continue
            broken = bool(not before and rule.create_in and stage not in rule.create_in)
            if earlier in stages:
                back = stages.index(stage) < stages.index(earlier)
                broken |= back and earlier in rule.no_backwards
            if broken:
                text = f"A rule of pipeline {rule.pipeline} forbids stage {stage}"
                yield stage_name, _InvalidError("PIPELINE_RULE", text)
