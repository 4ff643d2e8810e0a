"""The questions that an assistant can ask, and its one deed: to suggest a mapping.

Nothing here needs the extra.
"""

from __future__ import annotations

import inspect
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.alias_generators import to_camel

from crmdeck.errors import NotFoundError, UsageError
from crmdeck.mcp.answers import DEFAULT_BYTES, Answer, Row, render
from crmdeck.model import (
    ConnectionStatus,
    DecisionState,
    Direction,
    DriftEvent,
    FieldChange,
    ObjectPair,
    Status,
    Urgency,
    format_utc,
)
from crmdeck.text import count, did_you_mean, nearest
from crmdeck.workspace import (
    Workspace,
    decision_text,
    in_order,
    parse_past_moment,
    place_of,
    records,
    what_happened,
)

_STATES = {
    Status.ERROR: "its last refresh failed",
    Status.REAUTH_REQUIRED: "sign-in required",
    Status.DISCONNECTED: "disconnected",
}


A = TypeVar("A", bound=Callable[..., "Answer"])

_CHANGE = "connection place what severity mappings by detectedAt changes"
"""The keys of a row about a change."""


class Arguments(BaseModel):
    """The arguments of every question."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )

    cursor: Annotated[
        str | None, Field(description="`more` of the previous page, with the same arguments.")
    ] = None
    max_bytes: Annotated[int, Field(ge=2_000, le=40_000, description="Maximum size in bytes.")] = (
        DEFAULT_BYTES
    )


_OF_ALL = frozenset(Arguments.model_fields)
_Name = Annotated[str, Field(min_length=1, description="Connection name, from `status`.")]
_AnyName = Annotated[str | None, Field(min_length=1, description="Connection name (default: all).")]
_Object = Annotated[str, Field(min_length=1, description="CRM object, such as Opportunity.")]
_Field = Annotated[str, Field(min_length=1, description="API name of the CRM field.")]
_At = Annotated[
    str | None, Field(description="As of a date: 2026-05-16, monday, yesterday, 7d (default: now).")
]
_Pair = Annotated[str, Field(description="Such as deal_registration--Opportunity.")]


class View(NamedTuple):
    """A workspace, and the IDs of the connections that the client may see (None for all).

    `suggests_as` is the name of the client if it may suggest mappings.
    """

    ws: Workspace
    only: frozenset[str] | None = None
    suggests_as: str | None = None

    @property
    def tools(self) -> dict[str, Tool]:
        """The tools of the client, by name."""
        return TOOLS if self.suggests_as is None else {**TOOLS, **SUGGESTING}

    def statuses(self, ref: str | None = None) -> tuple[ConnectionStatus, ...]:
        """Return the connections that the client may see, or the one named `ref`.

        Raises NotFoundError, which names no other connections.
        """
        seen = tuple(
            one for one in self.ws.health.statuses() if self.only is None or one.id in self.only
        )
        if ref is None:
            return seen
        for one in seen:
            if ref in (one.name, one.id):
                return (one,)
        near = nearest(ref, [one.name for one in seen])
        raise NotFoundError(
            f"No connection named '{ref}'.",
            remedy=did_you_mean(near) if near else "List the connections with `status`.",
            code="CONNECTION_NOT_FOUND",
        )


class Tool(NamedTuple):
    """A question with its description, and the keys that its rows can have."""

    arguments: type[Arguments]
    answer: Callable[..., Answer]
    description: str
    keys: str


TOOLS: dict[str, Tool] = {}
"""The questions by name."""

SUGGESTING: dict[str, Tool] = {}
"""The tools of a client that may suggest mappings."""


def _tool(tools: dict[str, Tool], description: str, keys: str) -> Callable[[A], A]:
    """Add a function to `tools` under its name; its parameters are the arguments."""

    def add(answer: A) -> A:
        name = answer.__name__
        _, *parameters = inspect.signature(answer, eval_str=True).parameters.values()
        fields: dict[str, Any] = {
            each.name: (each.annotation, ... if each.default is each.empty else each.default)
            for each in parameters
        }
        arguments = create_model(f"{name}_arguments", __base__=Arguments, **fields)
        tools[name] = Tool(arguments, answer, description, keys)
        return answer

    return add


@_tool(
    TOOLS,
    "How are the CRM connections? State, last refresh, open changes, and how many findings of "
    "each urgency.",
    "connection platform status lastRefresh openChanges breaking findings",
)
def status(view: View) -> Answer:
    statuses = view.statuses()
    rows: list[Row] = [
        {
            "connection": one.name,
            "platform": one.platform,
            "status": one.status,
            "lastRefresh": _moment(one.last_sync_at),
            "openChanges": one.open_changes.count,
            "breaking": one.open_changes.breaking,
            "findings": Counter(each.urgency for each in one.open_findings),
        }
        for one in statuses
    ]
    return Answer(rows, _gaps(statuses, view.ws.now))


@_tool(
    TOOLS,
    "What needs attention? Everything that fails, expires, or needs a review or setup, with cause, "
    "effect and next step.",
    "connection id urgency title cause effect since nextStep command",
)
def findings(view: View, connection: _AnyName = None) -> Answer:
    statuses = view.statuses(connection)
    rows: list[Row] = []
    for one in in_order(one for status in statuses for one in status.open_findings):
        if one.urgency is Urgency.NOTE:
            continue
        step = next(iter(one.steps), None)
        row: Row = {
            "connection": one.connection,
            "id": one.id,
            "urgency": one.urgency,
            "title": one.title,
            "cause": one.cause,
            "effect": one.effect,
            "since": _moment(one.since),
            "nextStep": step and step.text,
            # A command works on the workspace's own machine, not for a client of a server.
            "command": step.command if step is not None and view.only is None else None,
        }
        rows.append(row)
    return Answer(rows, _gaps(statuses, view.ws.now))


@_tool(
    TOOLS,
    "What changed in the CRMs since a date? Changes that break mappings come first.",
    _CHANGE,
)
def changes(
    view: View,
    since: Annotated[
        str, Field(description="Date or age: 2026-05-16, monday, yesterday, 12h, 7d, 2w.")
    ] = "7d",
    only_what_matters: Annotated[
        bool, Field(description="Only open breaking and risky changes, in groups.")
    ] = True,
    connection: _AnyName = None,
) -> Answer:
    # The error repeats the text, so only its beginning is read.
    begin = parse_past_moment(since[:40], view.ws.now)
    statuses = view.statuses(connection)
    names = {one.id: one.name for one in statuses}
    report = view.ws.drift.report(connection, since=begin)
    found = [event for event in report.events if event.connection_id in names]
    gaps = _gaps(statuses, view.ws.now, begin)
    if not only_what_matters:
        events = sorted(found, key=lambda one: (not one.affected_mappings,
                                                        -one.severity.rank))  # fmt: skip
        return Answer([_change_row(one, names) for one in events], gaps)
    titles = {story.id: story.title for story in report.stories}
    groups = [
        (group, recent)
        for group in view.ws.drift.open_groups(connection)
        if group.connection_id in names
        and (recent := [one for one in group.changes if one.detected_at >= begin])
    ]
    # An assistant may read only the first page.
    groups.sort(key=lambda each: (not each[0].touches_mappings, -each[0].severity.rank))
    rows: list[Row] = []
    for group, recent in groups:
        row = dict(_change_row(recent[0], names))
        row["severity"] = group.severity
        if len(recent) > 1:
            row["what"] = titles.get(group.id, row["what"])
            row["changes"] = len(recent)
            row["mappings"] = sorted({key for one in recent for key in one.affected_mappings})
        rows.append(row)
    left_out = len(found) - sum(len(recent) for _, recent in groups)
    if left_out:
        gaps.append(
            f"{count(left_out, 'safe or settled change')} left out: onlyWhatMatters=false lists "
            "all."
        )
    return Answer(rows, gaps)


@_tool(
    TOOLS,
    "What breaks if this CRM field is renamed, removed or shortened? Mappings, rules, "
    "formulas, dependent picklists, and known users of the field.",
    "kind severity objectType name text",
)
def impact(
    view: View,
    connection: _Name,
    object: _Object,
    field: _Field,
    change: Annotated[FieldChange, Field(description="The planned change.")] = FieldChange.REMOVED,
) -> Answer:
    found = view.ws.fields.impact(connection, object, field, change)
    rows = [effect.to_wire() for effect in found.effects]
    return Answer(rows, [*_gaps(view.statuses(connection), view.ws.now), *found.not_checked])


@_tool(
    TOOLS,
    "Which CRM fields mean this? Ranked across connections, with reasons.",
    "rank connection object field label type reasons",
)
def find_fields(
    view: View,
    meaning: Annotated[
        str, Field(min_length=1, max_length=200, description="Such as: partner tier.")
    ],
    connection: _AnyName = None,
) -> Answer:
    statuses = view.statuses(connection)
    if not statuses:
        return Answer([], ["There are no connections."])
    found = view.ws.fields.find(meaning, *(one.name for one in statuses))
    rows: list[Row] = [
        {
            "rank": rank,
            "connection": one.connection,
            "object": one.field.object_type,
            "field": one.field.name,
            "label": one.field.label,
            "type": one.field.type,
            "reasons": one.reasons,
        }
        for rank, one in enumerate(found.fields, 1)
    ]
    gaps = _gaps(statuses, view.ws.now)
    return Answer(rows, [*gaps, *found.not_checked, "crmdeck didn't read objects out of scope."])


@_tool(
    TOOLS,
    "What is this CRM field? Its attributes, mappings, fill rate and picklist values.",
    "attribute value sampled picklistValue active",
)
def field(view: View, connection: _Name, object: _Object, field: _Field) -> Answer:
    found = view.ws.schemas.field(connection, object, field)
    known = found.to_wire()
    for name in ("picklist", "native"):
        known.pop(name)
    mapped = view.ws.schemas.overview(connection).mapped.get((object, field), ())
    rates = view.ws.schemas.fill_rates(connection, object)
    rows: list[Row] = [
        {"attribute": key, "value": value}
        for key, value in known.items()
        if value not in (None, "", [], {})
    ]
    rows += [
        {"attribute": "mapping", "value": f"{one.object_pair}:{one.partner_field}"}
        for one in mapped
    ]
    gaps = _gaps(view.statuses(connection), view.ws.now)
    if field in rates:
        rate = rates[field]
        rows.append({"attribute": "fillRate", "value": rate.rate, "sampled": rate.sampled})
    else:
        gaps.append("Fill rate: no records were sampled.")
    usage = view.ws.schemas.known_usages(connection)
    if not any(key[1:] == (object, field) for key in usage):
        gaps.append("crmdeck hasn't asked the CRM where it uses the field.")
    # Last, because a picklist can have thousands of values and fill all pages.
    rows += [{"picklistValue": each.value, "active": each.active} for each in found.picklist]
    return Answer(rows, gaps)


@_tool(
    TOOLS,
    "Which fields does this CRM object have? Without an object: which objects exist?",
    "field label type required mappings object fields",
)
def fields(
    view: View,
    connection: _Name,
    object: Annotated[str | None, Field(description="CRM object (default: list them).")] = None,
    at: _At = None,
) -> Answer:
    when = _past(view, at)
    gaps = _gaps(view.statuses(connection), view.ws.now)
    if object is None:
        objects = view.ws.schemas.objects(connection, when).objects
        return Answer(
            [
                {"object": one.object_type, "label": one.label, "fields": one.field_count}
                for one in objects
            ],
            [*gaps, "crmdeck didn't read objects out of scope."],
        )
    mapped = view.ws.schemas.overview(connection, when).mapped
    rows: list[Row] = [
        {
            "field": one.name,
            "label": one.label,
            "type": one.type,
            "required": one.required or None,
            "mappings": [
                f"{each.object_pair}:{each.partner_field}"
                for each in mapped.get((object, one.name), ())
            ],
        }
        for one in view.ws.schemas.object(connection, object, when).fields
    ]
    # An assistant may read only the first page.
    rows.sort(key=lambda row: (not row["mappings"], not row["required"]))
    return Answer(rows, gaps)


@_tool(
    TOOLS,
    "What happened to this CRM field or this mapping, newest first? Changes with who made them, "
    "and decisions with who decided.",
    f"at decision mapping {_CHANGE}",
)
def history(
    view: View,
    connection: _Name,
    object: Annotated[str | None, Field(description="CRM object, with `field`.")] = None,
    field: Annotated[str | None, Field(description="API name of the CRM field.")] = None,
    pair: Annotated[str | None, Field(description="Object pair, with `partnerField`.")] = None,
    partner_field: Annotated[str | None, Field(description="PartnerOS field.")] = None,
) -> Answer:
    (status,) = view.statuses(connection)
    log = view.ws.mappings.decisions(connection, pair)
    if pair and partner_field:
        log = tuple(one for one in log if one.partner_field == partner_field)
        crm_object = ObjectPair.parse(pair).crm_object
        names = {one.crm_field for one in log if one.crm_field}
    elif object and field:
        crm_object, names = object, {field}
        log = tuple(
            one
            for one in log
            if one.crm_field in names and ObjectPair.parse(one.object_pair).crm_object == crm_object
        )
    else:
        raise UsageError(
            "The history needs a field.",
            remedy="Use object and field, or pair and partnerField.",
            code="BAD_ARGUMENT",
        )
    rows: list[Row] = [
        {
            "at": _moment(one.decided_at),
            "decision": decision_text(one),
            "mapping": f"{one.object_pair}:{one.partner_field}",
            "by": one.decided_by,
        }
        for one in log
    ]
    events = view.ws.drift.report(connection).events
    connections = {status.id: status.name}
    rows += [
        {"at": _moment(one.detected_at), **_change_row(one, connections)}
        for one in events
        if one.object_type == crm_object and (one.field_name in names or one.rename_of in names)
    ]
    if not rows and field and object:
        # Raises the error that names the nearest field.
        view.ws.schemas.field(connection, object, field)
    rows.sort(key=lambda row: str(row["at"]), reverse=True)
    gaps = _gaps([status], view.ws.now)
    return Answer(rows, [*gaps, "Changes before the first refresh are unknown."])


@_tool(
    TOOLS,
    "How do two schemas differ: two connections, or one at two times? Objects with the severity of "
    "the change from left to right; with an object, its fields.",
    "objectType label side fieldCount leftOnly rightOnly differing severity fieldName attribute "
    "leftValue rightValue",
)
def compare(
    view: View,
    left: _Name,
    right: Annotated[str | None, Field(description="Connection name (default: left).")] = None,
    left_at: _At = None,
    right_at: _At = None,
    object: Annotated[
        str | None, Field(description="CRM object, to compare its fields (default: all objects).")
    ] = None,
) -> Answer:
    right = right or left
    statuses = [one for ref in dict.fromkeys((left, right)) for one in view.statuses(ref)]
    from_at, to_at = _past(view, left_at), _past(view, right_at)
    if right == left and from_at == to_at:
        raise UsageError(
            "Both sides are the same schema.",
            remedy="Use another connection as right, or a date as leftAt.",
            code="BAD_ARGUMENT",
        )
    found = view.ws.schemas.compare(
        left, right, left_at=from_at, right_at=to_at, object_type=object
    )
    what = "comparison" if object is None else "differences"
    hidden = ("left", "right", "leftAt", "rightAt")
    rows: list[Row] = [
        {key: value for key, value in row.items() if key not in hidden}
        for row in records(what, found)
    ]
    return Answer(rows, _gaps(statuses, view.ws.now))


@_tool(
    TOOLS,
    "How is this object pair mapped? Without a pair: which pairs exist?",
    "requiredCrmField partnerField state crmField direction changedSince suggestion by objectPair "
    "partnerFields accepted rejected lastDecidedAt",
)
def mapping(
    view: View,
    connection: _Name,
    pair: Annotated[
        str | None,
        Field(description="Such as deal_registration--Opportunity (default: list the pairs)."),
    ] = None,
) -> Answer:
    gaps = _gaps(view.statuses(connection), view.ws.now)
    if pair is None:
        return Answer([each.to_wire() for each in view.ws.mappings.pairs(connection)], gaps)
    found = view.ws.mappings.get(connection, pair)
    rows: list[Row] = [
        {
            "partnerField": line.partner_field,
            "state": line.state,
            "crmField": line.crm_field,
            "direction": line.direction if line.crm_field is not None else None,
            "changedSince": line.drift_summary,
        }
        for line in found.lines
    ]
    rows.sort(key=lambda row: not row["changedSince"])
    # A suggestion for a decided field is history, and no user has to look at it.
    waiting = {line.partner_field for line in found.lines if line.state is DecisionState.PENDING}
    rows += [
        {"suggestion": one.crm_field, "partnerField": one.partner_field, "by": one.suggested_by}
        for one in view.ws.mappings.assistant_suggestions(connection, pair)
        if one.partner_field in waiting
    ]
    required = view.ws.mappings.required_unmapped(connection, pair)
    rows = [{"requiredCrmField": one.name, "state": "not mapped"} for one in required] + rows
    return Answer(rows, [*gaps, "Preflight was not run: call `preflight` for rejected writes."])


@_tool(
    TOOLS,
    "Which writes of this object pair will the CRM reject or change?",
    "partnerField crmField outcome when code reason rule needs",
)
def preflight(
    view: View,
    connection: _Name,
    pair: _Pair,
    update: Annotated[bool, Field(description="Judge updates, not new records.")] = False,
) -> Answer:
    found = view.ws.preflights.fails_when(connection, pair, create=not update)
    rows = [one.to_wire() for one in found]
    gaps = _gaps(view.statuses(connection), view.ws.now)
    if said := view.ws.preflights.assumption(connection):
        gaps = [*gaps, said]
    return Answer(rows, [*gaps, "crmdeck judged boundary values only, not real records."])


@_tool(
    TOOLS,
    "Why did these sync errors happen? Causes with the change, the person, the mapping and the "
    "next step.",
    "kind code vendor object field rule through values isSchemaCause count lines text now change "
    "fixedOn mappings owner next records message",
)
def explain_errors(
    view: View,
    connection: _Name,
    text: Annotated[
        str, Field(min_length=1, max_length=200_000, description="Messages: CSV, JSON, or a log.")
    ],
    pair: Annotated[
        str | None, Field(description="Object pair, if the messages name no object.")
    ] = None,
) -> Answer:
    gaps = _gaps(view.statuses(connection), view.ws.now)
    found = view.ws.errors.explain(
        io.BytesIO(text.encode()), connection=connection, pair=pair, audit=False
    ).report
    rows = [cause.to_wire() for cause in found.causes]
    unread = [f"{count(found.not_read, 'line')} can't be read."] if found.not_read else []
    return Answer(rows, [*gaps, *unread])


@_tool(
    SUGGESTING,
    "Suggest a CRM field for an undecided PartnerOS field. It appears in crmdeck with your "
    "name and reason, and only a person accepts it.",
    "objectPair partnerField crmField direction reason suggestedBy suggestedAt",
)
def suggest_mapping(
    view: View,
    connection: _Name,
    pair: _Pair,
    partner_field: Annotated[str, Field(min_length=1, description="PartnerOS field.")],
    crm_field: _Field,
    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="Why the fields fit, for a person.")
    ],
    direction: Annotated[
        Direction | None,
        Field(description="push writes to the CRM (default: all that the fields allow)."),
    ] = None,
) -> Answer:
    made = view.ws.mappings.add_suggestion(
        connection,
        pair,
        partner_field,
        crm_field,
        direction=direction,
        reason=reason,
        suggested_by=view.suggests_as or "assistant",
    )
    return Answer([made.to_wire()], ["A user has not accepted the suggestion."])


def ask(view: View, name: str, arguments: object) -> str:
    """Return the answer to a question as JSON.

    Raises UsageError for an unknown question and for invalid arguments, and the errors of the
    workspace.
    """
    tool = view.tools.get(name)
    if tool is None:
        raise UsageError(
            f"No tool named '{name}'.",
            cause="Suggestions are not allowed." if name in SUGGESTING else None,
            remedy=f"Use one of: {', '.join(view.tools)}",
            code="TOOL_NOT_FOUND",
        )
    try:
        asked = tool.arguments.model_validate({} if arguments is None else arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "arguments"
        known = (each.alias or key for key, each in tool.arguments.model_fields.items())
        raise UsageError(
            f"The argument '{place}' of {name} is invalid.",
            cause=f"{first['msg']}.",
            remedy=f"Arguments of {name}: {', '.join(known)}",
            code="BAD_ARGUMENT",
        ) from None
    if connection := getattr(asked, "connection", None):
        # Before anything else, because other errors may name other connections.
        view.statuses(connection)
    rest = asked.model_dump(mode="json", exclude=set(_OF_ALL))
    question = f"{name} {json.dumps(rest, sort_keys=True)}"
    own = tool.arguments.model_fields.keys() - _OF_ALL
    answer = tool.answer(view, **{key: getattr(asked, key) for key in own})
    return render(answer, question, asked.cursor, asked.max_bytes, view.ws.now.date())


def _gaps(
    statuses: Iterable[ConnectionStatus], now: datetime, since: datetime | None = None
) -> list[str]:
    """Return sentences about connections whose schema is missing, old or incomplete."""
    sentences = []
    for one in statuses:
        last = one.schema_stats.last_discovered_at
        if last is None:
            sentences.append(f"{one.name} was never refreshed.")
            continue
        state = _STATES.get(one.status)
        if since is not None and last < since:
            why = f" ({state})" if state else ""
            sentences.append(
                f"{one.name} was last refreshed on {last:%Y-%m-%d %H:%M} UTC{why}: later changes "
                "are unknown."
            )
        elif state is not None:
            sentences.append(f"{one.name}: {state}. Its schema is from {last:%Y-%m-%d}.")
        elif one.schema_stats.stale_object_count:
            stale = count(one.schema_stats.stale_object_count, "object")
            sentences.append(f"{one.name}: {stale} stale, refreshed on {last:%Y-%m-%d}.")
        if one.schema_stats.failed_object_count:
            failed = count(one.schema_stats.failed_object_count, "object")
            sentences.append(f"{one.name}: {failed} could not be read in the last refresh.")
    return sentences


def _change_row(event: DriftEvent, names: dict[str, str]) -> Row:
    return {
        "connection": names.get(event.connection_id, event.connection_id),
        "place": place_of(event),
        "what": what_happened(event),
        "severity": event.severity,
        "mappings": event.affected_mappings,
        "by": event.changed_by,
        "detectedAt": _moment(event.detected_at),
    }


def _past(view: View, text: str | None) -> datetime | None:
    """Return the end of the day that an argument names, None without one."""
    return parse_past_moment(text[:40], view.ws.now, as_of=True) if text else None


def _moment(moment: datetime | None) -> str | None:
    return format_utc(moment) if moment is not None else None
