"""The integrations of the active organization."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BeforeValidator

from crmdeck.model import (
    AuditEntry,
    Choice,
    ConnectionStatus,
    Decision,
    DriftReport,
    ObjectDetail,
    RefreshResult,
    SchemaSummary,
    Severity,
    SuggestAnswer,
    to_utc,
)
from crmdeck.server.access import DeckHere, DeskHere, Here, limit_rankings, wait_for_turn
from crmdeck.server.answers import (
    add_next_link,
    answer,
    answer_list,
    answer_page,
    answer_schema,
    answer_without_commands,
    failures,
    list_text,
)
from crmdeck.server.wire import (
    PAIR,
    Acknowledged,
    Acknowledging,
    Deciding,
    Reopened,
    Reopening,
    Success,
    Suggesting,
    Undoing,
)
from crmdeck.workspace import DriftFilters

PAGE = 1000
"""The largest page, and the default of a request that names only a cursor."""


def _moment(text: object) -> datetime:
    try:
        return to_utc(datetime.fromisoformat(str(text)))
    except OverflowError:
        raise ValueError("not an ISO 8601 time") from None


Since = Annotated[
    Annotated[datetime, BeforeValidator(_moment)] | None,
    Query(description="Only what happened since then."),
]
Known = Annotated[str | None, Header(alias="If-None-Match", max_length=2000)]
Limit = Annotated[int | None, Query(ge=1, le=PAGE, description="Maximum number per page.")]
Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=255, description="The cursor from the previous response."),
]
ObjectType = Annotated[str | None, Query(alias="objectType", max_length=255)]

router = APIRouter(prefix="/integrations", tags=["integrations"])


@router.get("", response_model=list[ConnectionStatus], responses=failures(401, 403, 404))
def integrations(
    request: Request,
    desk: DeskHere,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List the health of the active organization's integrations, by name, in pages of `limit`."""
    mine = [connection.id for connection in desk.connections()]
    first = 0 if cursor is None else mine.index(desk.connection(cursor).id) + 1
    page = mine[first : first + limit]
    response = answer_without_commands(desk.workspace.health.statuses(frozenset(page)))
    if mine[first + limit :]:
        add_next_link(response, request, page[-1])
    return response


@router.get(
    "/{integration_id}/status", response_model=ConnectionStatus, responses=failures(401, 403, 404)
)
def status(here: Here) -> Response:
    """Return the health of an integration."""
    return answer_without_commands(here.workspace.health.status(here.id))


@router.get(
    "/{integration_id}/schema",
    dependencies=[Depends(wait_for_turn)],
    response_model=SchemaSummary | ObjectDetail,
    responses=failures(401, 403, 404, 409),
)
def schema(
    here: Here,
    object_type: ObjectType = None,
    limit: Limit = None,
    cursor: Cursor = None,
    known: Known = None,
) -> Response:
    """List the objects of the cached schema, or the fields of one object: all, or a page."""
    schemas = here.workspace.schemas
    found: SchemaSummary | ObjectDetail
    if object_type is None:
        found = schemas.objects(here.id)
    else:
        found = schemas.object(here.id, object_type)
    if limit or cursor:
        found = found.page(limit or PAGE, cursor)
    return answer_schema(found.to_json(), known)


@router.get(
    "/{integration_id}/schemas",
    dependencies=[Depends(wait_for_turn)],
    response_model=list[ObjectDetail],
    responses=failures(401, 403, 404, 409),
)
def schemas(here: Here, known: Known = None) -> Response:
    """Return the fields of all objects in one response: an extension of crmdeck."""
    return answer_schema(list_text(here.workspace.schemas.all(here.id)), known)


@router.post(
    "/{integration_id}/schema/refresh",
    response_model=RefreshResult,
    responses=failures(401, 403, 404, 409, 429, 502),
)
def refresh(deck: DeckHere, here: Here) -> Response:
    """Refresh the schema and return what changed. Parallel requests share one refresh."""
    refreshes = here.workspace.refreshes
    return answer_without_commands(refreshes.run(here.id, cancel=deck.stopping, patient=True))


@router.post(
    "/{integration_id}/mapping/ai-suggest",
    dependencies=[Depends(limit_rankings), Depends(wait_for_turn)],
    response_model=SuggestAnswer,
    responses=failures(401, 403, 404, 409, 413, 429, 502),
)
def ai_suggest(deck: DeckHere, here: Here, body: Suggesting) -> Response:
    """Suggest a CRM field for each PartnerOS field; missing embeddings are computed first."""
    # What other organizations decided must not show in the ranking.
    found = here.workspace.mappings.suggest(
        here.id, body.object_pair, learn_from=here.organization.has, cancel=deck.stopping
    )
    return answer(found)


@router.post(
    "/{integration_id}/disconnect",
    response_model=Success,
    responses=failures(401, 403, 404, 409, 429, 502),
)
def disconnect(here: Here) -> Response:
    """Disconnect an integration; nothing is deleted."""
    here.workspace.connections.disconnect(here.id)
    return answer(Success())


@router.get(
    "/{integration_id}/drift", response_model=DriftReport, responses=failures(401, 403, 404)
)
def drift(
    here: Here,
    at_least: Annotated[Severity | None, Query(alias="atLeast")] = None,
    object_type: ObjectType = None,
    acknowledged: bool | None = None,
    since: Since = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """List changes, newest first: all, or a page of `limit` with the `nextCursor` of the next."""
    drift = here.workspace.drift
    filters: DriftFilters = {
        "at_least": at_least,
        "object_type": object_type,
        "acknowledged": acknowledged,
        "since": since,
    }
    if not (limit or cursor):
        return answer(drift.report(here.id, **filters))
    return answer(drift.page(here.id, limit or PAGE, after=cursor, **filters))


@router.post(
    "/{integration_id}/drift/acknowledge",
    response_model=Acknowledged,
    responses=failures(401, 403, 404, 413),
)
def acknowledge(here: Here, body: Acknowledging) -> Response:
    """Acknowledge changes of this integration: an extension of crmdeck."""
    events = here.workspace.drift.known(here.id, body.event_ids)
    noted = here.workspace.drift.acknowledge(events, body.note)
    return answer(Acknowledged(acknowledged=noted.number))


@router.post(
    "/{integration_id}/drift/reopen",
    response_model=Reopened,
    responses=failures(401, 403, 404, 413),
)
def reopen(here: Here, body: Reopening) -> Response:
    """Withdraw acknowledgments of this integration: an extension of crmdeck."""
    events = here.workspace.drift.known(here.id, body.event_ids)
    return answer(Reopened(reopened=here.workspace.drift.take_back(events).number))


@router.get(
    "/{integration_id}/mapping/decisions",
    response_model=list[Decision],
    responses=failures(401, 403, 404),
)
def decisions(
    request: Request,
    here: Here,
    object_pair: Annotated[
        str | None, Query(alias="objectPair", pattern=PAIR, max_length=200)
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """List the decisions on an object pair, or on all, oldest first: all, or a page of `limit`."""
    number = limit or (PAGE if cursor else None)
    # One more than the page, to see whether there is a next one.
    found = here.workspace.mappings.decisions(
        here.id, object_pair, after=cursor, limit=None if number is None else number + 1
    )
    return answer_page(request, found, number)


@router.post(
    "/{integration_id}/mapping/decisions",
    response_model=list[Decision],
    responses=failures(401, 403, 404, 409, 413, 502),
)
def decide(here: Here, body: Deciding) -> Response:
    """Decide on field pairs: all decisions are made, or none."""
    choices = [Choice(**choice.model_dump()) for choice in body.choices]
    return answer_list(here.workspace.mappings.record_decisions(here.id, body.object_pair, choices))


@router.post(
    "/{integration_id}/mapping/undo",
    response_model=Decision,
    responses=failures(401, 403, 404, 409, 413, 502),
)
def undo(here: Here, body: Undoing) -> Response:
    """Undo a decision; the response is the decision that undoes it."""
    return answer(here.workspace.mappings.undo(here.id, body.object_pair, body.decision_id))


@router.get(
    "/{integration_id}/audit", response_model=list[AuditEntry], responses=failures(401, 403, 404)
)
def audit(
    request: Request,
    here: Here,
    event: Annotated[
        str | None,
        Query(max_length=100, description="An event, or a group: `mapping.*`."),
    ] = None,
    since: Since = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List audit entries, newest first, by pages of `limit`."""
    found = here.workspace.audit.entries(
        here.id, event=event, since=since, after=cursor, limit=limit + 1
    )
    return answer_page(request, found, limit)
