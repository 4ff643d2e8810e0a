"""Whether a sync's data arrives: read in a refresh, the counts once a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from crmdeck.connectors.base import Connector, DeliveryReader
from crmdeck.errors import CanceledError, CrmdeckError, ReauthRequiredError
from crmdeck.findings.silence import BASELINE, FEWEST, RECENT, find_silences
from crmdeck.mapping.state import by_pair
from crmdeck.mapping.verdicts import mapped_fields
from crmdeck.model import (
    CancelToken,
    Connection,
    Decision,
    Direction,
    DriftEvent,
    ObjectPair,
    Severity,
    Source,
)
from crmdeck.model.delivery import DeliveryReading, RecordCounts
from crmdeck.text import first_few
from crmdeck.workspace.context import Context

T = TypeVar("T")
_NAMED = 3
_EVENTS = "Change events"


def read_delivery(
    context: Context,
    connector: Connector,
    connection: Connection,
    news: Iterable[DriftEvent],
    cancel: CancelToken,
) -> DeliveryReading | None:
    """Read the sync's records and change events; None if nothing is new since the last reading.

    `news` are the changes that this refresh found. What can't be read is a sentence in the result.
    """
    today, begin = context.now.date(), context.now - RECENT - BASELINE
    user = None if connection.is_of_partner else connection.sync_user_id
    with context.store.read() as session:
        log = session.decisions.log(connection.id)
        pushed, pulled = _mapped(log, Direction.PUSH), _mapped(log, Direction.PULL)
        if connection.source == Source.FILES or not (pushed or pulled):
            return None
        last = session.deliveries.last([connection.id]).get(connection.id)
        nights = session.deliveries.since(connection.id, begin - timedelta(days=1))
        schemas = session.snapshots.newest([(connection.id, name) for name in pushed])
        events = session.drift.page(
            connection.id, None, severities=[Severity.RISKY, Severity.BREAKING], since=begin
        )
    known = last
    if known is None or known.user_id != user:
        known = DeliveryReading(user_id=user, since=today - RECENT, until=today - RECENT)
    # Unless a new day began, the last counts are still right.
    known = known.model_copy(update={"since": known.until, "counts": {}})
    if not isinstance(connector, DeliveryReader):
        gap = f"{_EVENTS}, silence, owners: the {connection.source} source doesn't show them."
        found = known.model_copy(update={"not_checked": (gap,)})
        return None if found == last else found
    gaps = [each for each in known.not_checked if not each.startswith(_EVENTS)]
    update: dict[str, object] = {"published": None}

    def ask(what: str, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except (CanceledError, ReauthRequiredError):
            raise
        except CrmdeckError as error:
            gaps.append(f"{what}: {' '.join(filter(None, (error.message, error.cause)))}")
            return None

    if user is None:
        gaps = ["Silence, owners: crmdeck doesn't know the CRM user that the sync runs as."]
    elif pushed and known.until < today:
        since, gaps = max(known.until, today - RECENT), []
        fields: dict[str, list[str]] = {}
        uncounted: list[str] = []
        for (_, name), schema in schemas.items():
            mine = [field for field in schema.fields if field.name in pushed[name]]
            fields[name] = [field.name for field in mine if field.native.get("aggregatable")]
            uncounted += [
                f"{name}.{field.name}" for field in mine if field.name not in fields[name]
            ]
        answers = ask(
            "Silence, owners",
            lambda: connector.count_created(user, fields, since, today, cancel),
        )
        # If that fails, the next refresh asks again.
        if answers is not None:
            counts = {name: one for name, one in answers.items() if isinstance(one, RecordCounts)}
            known = known.model_copy(update={"since": since, "until": today, "counts": counts})
            changed = {
                (one.object_type, one.field_name)
                for one in (*events, *news)
                if one.severity is not Severity.SAFE
            }
            silences, few = find_silences(
                [*(one for one in nights if one.user_id == user), known], changed
            )
            owners = {name: one.inactive_owners for name, one in counts.items()}
            update["silences"] = silences
            update["owners"] = {name: number for name, number in owners.items() if number}
            gaps += [f"Silence of {name}: {one}" for name, one in answers.items()
                     if isinstance(one, str)]  # fmt: skip
            if few:
                listed = first_few(few, _NAMED)
                gaps.append(
                    f"Silence of {listed}: the sync user creates under {FEWEST} records a day."
                )
            if uncounted := [one for one in uncounted if one.partition(".")[0] not in few]:
                gaps.append(
                    f"Silence of {first_few(uncounted, _NAMED)}: the CRM doesn't count them."
                )
    if pulled and context.settings.sync.get("cdc", True):
        update["published"] = ask(_EVENTS, lambda: connector.published_objects(cancel))
    found = known.model_copy(update={**update, "not_checked": tuple(gaps)})
    same = last is not None and last.model_copy(update={"since": last.until, "counts": {}})
    return None if found == same else found


def _mapped(log: Sequence[Decision], direction: Direction) -> dict[str, set[str]]:
    """Return the CRM fields of accepted rows that pass values in a direction, by object."""
    found: dict[str, set[str]] = defaultdict(set)
    for pair, mine in by_pair(log).items():
        rows = {row.crm_field for row in mapped_fields(mine, direction) if row.partner_field}
        if rows:
            found[ObjectPair.parse(pair).crm_object] |= rows
    return found
