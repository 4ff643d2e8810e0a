"""The sync user's access in a refresh, compared with the last reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from crmdeck.connectors.base import AccessReader, Attribution, Connector
from crmdeck.drift.access import find_access_changes
from crmdeck.drift.detect import AcceptedField
from crmdeck.errors import CanceledError, CrmdeckError, ReauthRequiredError
from crmdeck.mapping.choices import USUAL_OBJECTS
from crmdeck.mapping.state import by_pair
from crmdeck.model import CancelToken, Connection, DriftEvent, EffectiveAccess, Notice, ObjectPair
from crmdeck.model.connection import PARTNER
from crmdeck.store import Store, StoredAccess
from crmdeck.workspace.connections.sync_user import read_partner_access
from crmdeck.workspace.refresh.attribution import SKEW


class AccessReading(NamedTuple):
    """What a refresh read about the sync user; `access` is None if there is nothing new."""

    before: StoredAccess | None = None
    access: EffectiveAccess | None = None
    notice: Notice | None = None


def read_access(
    store: Store,
    connector: Connector,
    connection: Connection,
    cancel: CancelToken,
    now: datetime,
) -> AccessReading:
    """Read the access of the sync user. Permissions that can't be read are a notice."""
    user_id = connection.sync_user_id
    is_partner = (user_id or "").startswith(PARTNER)
    if user_id is None or not (is_partner or isinstance(connector, AccessReader)):
        return AccessReading()
    with store.read() as session:
        before = session.access.get(connection)
        log = session.decisions.log(connection.id)
    # Those that most admins map first, too, so that their first suggestions are right.
    mapped = sorted({ObjectPair.parse(pair).crm_object for pair in by_pair(log)} | USUAL_OBJECTS)
    known = before.access if before is not None else None
    try:
        if isinstance(connector, AccessReader) and not is_partner:
            found = connector.read_access(user_id, mapped, known, cancel, now)
        else:
            with store.read() as session:
                found = read_partner_access(session, user_id.removeprefix(PARTNER), mapped)
    except (CanceledError, ReauthRequiredError):
        raise
    except CrmdeckError as error:
        kept = (
            "crmdeck keeps the last known permissions."
            if known
            else "crmdeck keeps its own user's."
        )
        notice = Notice(
            code="ACCESS_UNTOLD",
            message=f"crmdeck can't read the permissions of {connection.sync_user}. {kept}",
            cause=" ".join(filter(None, (error.message, error.cause))),
            remedy=error.remedy or "Give crmdeck's own user View Setup and Configuration.",
        )
        return AccessReading(before, None, notice)
    settled = found.settled(known)
    return AccessReading(before, None if settled == known else settled)


def access_events(
    reading: AccessReading,
    connector: Connector,
    connection: Connection,
    accepted: Sequence[AcceptedField],
    fields: Mapping[str, Collection[str]],
    at: datetime,
) -> tuple[DriftEvent, ...]:
    """Return the changes since the last reading, with who made them. The first is a baseline."""
    before, access = reading.before, reading.access
    if before is None or access is None:
        return ()
    events = tuple(find_access_changes(connection.id, before.access, access, accepted, fields, at))
    if not events or not isinstance(connector, AccessReader):
        return events
    span = f"Changed between {before.read_at:%Y-%m-%d} and {at:%Y-%m-%d}."
    names = {*before.access.sets, *access.sets}
    who: dict[frozenset[str], Attribution | None] = {}
    found = []
    for event in events:
        mine = frozenset(name for name in names if name in event.reason)
        if mine not in who:
            try:
                who[mine] = connector.who_granted(mine) if mine else None
            except CrmdeckError:
                who[mine] = None
        by = who[mine]
        update: dict[str, object] = {"attribution": span}
        if by is not None and by.at is not None and by.at > before.read_at - SKEW:
            update = {"changed_by": by.by, "changed_at": by.at, "attribution": by.via}
        found.append(event.model_copy(update=update))
    return tuple(found)
