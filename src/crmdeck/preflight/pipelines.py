"""Pipelines: whether a stage belongs to the pipeline of a record, and may be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from crmdeck.model import Field, ObjectSchema, Outcome, Rule
from crmdeck.preflight.fields import Problem
from crmdeck.preflight.values import Unknown, Value, is_blank

PIPELINES = ("pipeline", "hs_pipeline")
Stages = Mapping[str, frozenset[str]]
"""The IDs of the stages by the ID of their pipeline, the default pipeline first."""

_CREATE_IN = re.compile(r"CREATE_IN\((.*)\)", re.DOTALL)


def find_staged(schema: ObjectSchema) -> list[tuple[Field, Stages]]:
    """Return the fields that contain stages, with the stages of each pipeline."""
    return [(target, stages) for target in schema.fields if (stages := _stages(target))]


def stage_problems(
    staged: Sequence[tuple[Field, Stages]],
    written: Mapping[str, Value | Unknown],
    stored: Mapping[str, Value | Unknown] | None,
    rules: Sequence[Rule],
    *,
    create: bool,
) -> Iterator[Problem]:
    """Yield the problems of the stages in a write.

    `stored` goes by lower-case field name, `rules` are those of pipelines.
    """
    for target, stages in staged:
        for name in PIPELINES:
            pipeline = written.get(name)
            if isinstance(pipeline, str) and pipeline and pipeline not in stages:
                # HubSpot's own properties call their options open, but it knows no others.
                yield _not_in_pipeline(name, "a pipeline that doesn't exist")
        stage = written.get(target.name)
        if not isinstance(stage, str) or is_blank(stage):
            continue
        misplaced = _misplaced(target, stage, stages, written, stored or {}, create=create)
        if misplaced is not None:
            yield misplaced
        # A record that keeps its stage doesn't move.
        elif (stored or {}).get(target.name.lower()) != stage:
            yield from _by_rules(target, stage, stages, rules, create=create)


def _stages(target: Field) -> Stages:
    """Return the stages of each pipeline, the default pipeline first; empty for other fields."""
    found: dict[str, frozenset[str]] = {}
    pipelines = target.native.get("pipelines")
    for each in pipelines if isinstance(pipelines, list | tuple) else ():
        stages = each.get("stages") or () if isinstance(each, Mapping) else ()
        names = {str(one.get("id") or one.get("stageId")) for one in stages}
        found[str(each.get("id") or each.get("pipelineId"))] = frozenset(names)
    return found


def _misplaced(
    target: Field,
    stage: str,
    stages: Stages,
    written: Mapping[str, Value | Unknown],
    stored: Mapping[str, Value | Unknown],
    *,
    create: bool,
) -> Problem | None:
    written_names = [name for name in PIPELINES if name in written]
    pipeline = next((written[name] for name in written_names), None)
    if pipeline is None or pipeline == "":
        pipeline = next((stored[name] for name in PIPELINES if name in stored), None)
    if isinstance(pipeline, str) and pipeline in stages:
        if stage in stages[pipeline]:
            return None
        return _not_in_pipeline(target.name, "a stage of another pipeline")
    if not any(stage in each for each in stages.values()):
        return _not_in_pipeline(target.name, "no pipeline has this stage")
    if pipeline:
        return None
    # HubSpot puts a new record without a pipeline into the first one.
    if create and stage in next(iter(stages.values())):
        return None
    unknown = _not_in_pipeline(target.name, "its pipeline is unknown")
    return unknown._replace(outcome=Outcome.UNKNOWN, needs=("the pipeline of the record",))


def _not_in_pipeline(name: str, reason: str) -> Problem:
    return Problem(Outcome.REJECTED, "NOT_IN_PIPELINE", reason, crm_field=name)


def _by_rules(
    target: Field,
    stage: str,
    stages: Stages,
    rules: Sequence[Rule],
    *,
    create: bool,
) -> Iterator[Problem]:
    siblings = next((each for each in stages.values() if stage in each), frozenset[str]())
    for rule in rules:
        if not rule.active:
            continue
        match = _CREATE_IN.fullmatch(rule.expression)
        named = {each.strip() for each in match[1].split(",")} if match else set[str]()
        if match is not None:
            # A rule that names only stages of other pipelines isn't about this one.
            if create and named & siblings and stage not in named:
                reason = "a new record can't start in this stage"
                problem = Problem(Outcome.REJECTED, "PIPELINE_RULE", reason)
                yield problem._replace(crm_field=target.name, rule=rule.name)
        elif not create:
            problem = Problem(Outcome.UNKNOWN, "PIPELINE_RULE", rule.demand, ("earlier stages",))
            yield problem._replace(crm_field=target.name, rule=rule.name)
