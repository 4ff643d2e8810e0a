"""Who made a change: asked of the CRM after a refresh, and stored with the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from crmdeck.connectors.base import Attribution, ChangedThing, ChangeHistory, Connector
from crmdeck.errors import CrmdeckError
from crmdeck.model import Connection, DriftEvent, DriftKind

# Each object costs one API request, so the worst changes are asked about first.
MOST_OBJECTS = 25
TOO_MANY = f"Not asked: the refresh changed more than {MOST_OBJECTS} objects."
OWN_SCOPE = "The scope of this connection changed in crmdeck."
NO_SUCH_RECORD = "The CRM only has a record of an older change."
# The clocks of the CRM and of this machine may differ.
SKEW = timedelta(minutes=10)


def attributed(
    events: Sequence[DriftEvent],
    connection: Connection,
    connector: Connector,
    read_at: Mapping[str, datetime],
) -> tuple[DriftEvent, ...]:
    """Return the changes with who made them, or why that is unknown. Never raises.

    `read_at` is when each object was read before: an older edit can't be the cause.
    """
    if not events:
        return ()
    answers = _ask(events, connection, connector)
    return tuple(
        event.model_copy(update=_words(event, answers, read_at.get(event.object_type)))
        for event in events
    )


def _ask(
    events: Sequence[DriftEvent], connection: Connection, connector: Connector
) -> Mapping[ChangedThing, Attribution | str]:
    by_the_crm = [event for event in events if event.kind is not DriftKind.OBJECT_OUT_OF_SCOPE]
    things = [(event.object_type, event.field_name) for event in by_the_crm]
    if not isinstance(connector, ChangeHistory):
        return dict.fromkeys(
            things, f"The '{connection.source}' source doesn't record who made changes."
        )
    worst_first = sorted(by_the_crm, key=lambda event: -event.severity.rank)
    asked = frozenset(
        list(dict.fromkeys(event.object_type for event in worst_first))[:MOST_OBJECTS]
    )
    unasked = dict.fromkeys((thing for thing in things if thing[0] not in asked), TOO_MANY)
    wanted = list(dict.fromkeys(thing for thing in things if thing[0] in asked))
    try:
        return {**connector.who_changed(wanted), **unasked} if wanted else unasked
    except CrmdeckError as error:
        return {**dict.fromkeys(wanted, error.message), **unasked}


def _words(
    event: DriftEvent,
    answers: Mapping[ChangedThing, Attribution | str],
    read_before: datetime | None,
) -> dict[str, object]:
    answer = answers.get((event.object_type, event.field_name), OWN_SCOPE)
    if isinstance(answer, str):
        return {"attribution": answer}
    if answer.at is not None and read_before is not None and answer.at < read_before - SKEW:
        return {"attribution": NO_SUCH_RECORD}
    return {"changed_by": answer.by, "changed_at": answer.at, "attribution": answer.via}
