"""Who changed what: asked of the CRM when there is drift, and kept with the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from crmdeck.connectors.base import Attribution, ChangedThing, ChangeHistory, Connector
from crmdeck.errors import CrmdeckError
from crmdeck.model import Connection, DriftEvent, DriftKind

# Each object type costs a request of the quota; the worst changes are asked about first.
MOST_OBJECTS = 25
TOO_MANY = f"Too much changed at once to ask; it is asked for {MOST_OBJECTS} object types."
OWN_SCOPE = "The scope of what crmdeck asks for was changed."
NO_SUCH_RECORD = "The last change on record is older than the last look at it."
# The clocks of a CRM and of this machine may differ.
_SKEW = timedelta(minutes=10)


def attributed(
    events: Sequence[DriftEvent],
    connection: Connection,
    connector: Connector,
    last_looks: Mapping[str, datetime],
) -> tuple[DriftEvent, ...]:
    """Return the events with who made the change, or why that is not known. Never fails.

    `last_looks` says when each object type was last read: what was done before can't be it.
    """
    if not events:
        return ()
    answers = _ask(events, connection, connector)
    return tuple(
        event.model_copy(update=_words(event, answers, last_looks.get(event.object_type)))
        for event in events
    )


def _ask(
    events: Sequence[DriftEvent], connection: Connection, connector: Connector
) -> Mapping[ChangedThing, Attribution | str]:
    by_the_crm = [event for event in events if event.kind is not DriftKind.OBJECT_OUT_OF_SCOPE]
    things = [(event.object_type, event.field_name) for event in by_the_crm]
    if not isinstance(connector, ChangeHistory):
        return dict.fromkeys(things, f"The source '{connection.source}' does not tell who did it.")
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
    last_look: datetime | None,
) -> dict[str, object]:
    answer = answers.get((event.object_type, event.field_name), OWN_SCOPE)
    if isinstance(answer, str):
        return {"attribution": answer}
    if answer.at is not None and last_look is not None and answer.at < last_look - _SKEW:
        return {"attribution": NO_SUCH_RECORD}
    return {"changed_by": answer.by, "changed_at": answer.at, "attribution": answer.via}
