"""Verdicts of preflight on object pairs: judged once for each schema and decision, then kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.mapping.state import by_pair
from crmdeck.mapping.verdicts import PairVerdicts, judge_pair
from crmdeck.model import Connection, Decision, EffectiveAccess, ObjectPair
from crmdeck.model.access import as_seen_by
from crmdeck.store import Session
from crmdeck.store.pair_verdicts import StoredVerdicts
from crmdeck.workspace.context import Context
from crmdeck.workspace.knowledge import load_catalog, load_knowledge, matching_version
from crmdeck.workspace.snapshots import read_access

Pair = tuple[Connection, str, Sequence[Decision]]
"""A connection, an object pair, and the decisions on it, oldest first."""


def read_verdicts(
    context: Context, session: Session, pairs: Sequence[Pair], *, anew: bool = False
) -> dict[tuple[str, str], PairVerdicts]:
    """Return the verdicts by connection ID and object pair, the kept ones unless `anew`.

    Pairs whose definitions were lost are left out.
    """
    only = pairs[0][0].id if len({one.id for one, _, _ in pairs}) == 1 else None
    kept = {} if anew else session.pair_verdicts.all(only)
    made_from = _made_from(context, session, pairs)
    found: dict[tuple[str, str], PairVerdicts] = {}
    missing: list[Pair] = []
    for connection, pair, log in pairs:
        stored = kept.get((connection.id, pair))
        if stored is not None and stored.made_from == made_from[connection.id, pair]:
            found[connection.id, pair] = PairVerdicts.of_text(stored.verdicts)
        else:
            missing.append((connection, pair, log))
    return found | _judge(context, session, missing) if missing else found


def wrong_verdicts(context: Context, session: Session) -> tuple[int, list[tuple[str, str]]]:
    """Return the number of pairs with decisions, and the pairs whose kept verdicts are wrong.

    A pair is a connection ID and an object pair.
    """
    known = {one.id: one for one in session.connections.all()}
    pairs = [
        (known[key], pair, mine)
        for key, log in session.decisions.by_connection().items()
        if key in known
        for pair, mine in by_pair(log).items()
    ]
    kept = read_verdicts(context, session, pairs)
    anew = read_verdicts(context, session, pairs, anew=True)
    return len(pairs), [at for at, one in kept.items() if one.to_text() != anew[at].to_text()]


def keep_verdicts(
    context: Context, session: Session, connection: Connection, pair: str | None = None
) -> None:
    """Judge and store the pairs of a connection that changed, or only one, in a write."""
    # A broken file of the user's own stops no refresh: readers report it.
    with suppress(UsageError):
        _keep(context, session, connection, pair)


def _keep(context: Context, session: Session, connection: Connection, pair: str | None) -> None:
    log = session.decisions.log(connection.id, pair)
    pairs = [(connection, name, mine) for name, mine in by_pair(log).items()]
    made_from = _made_from(context, session, pairs)
    kept = session.pair_verdicts.all(connection.id)
    stale = [
        each
        for each in pairs
        if (stored := kept.get((connection.id, each[1]))) is None
        or stored.made_from != made_from[connection.id, each[1]]
    ]
    session.pair_verdicts.put(
        {
            place: StoredVerdicts(made_from[place], verdicts.to_text())
            for place, verdicts in (_judge(context, session, stale) if stale else {}).items()
        }
    )


def _made_from(
    context: Context, session: Session, pairs: Sequence[Pair]
) -> Mapping[tuple[str, str], str]:
    contents = session.snapshots.contents(
        sorted({(one.id, ObjectPair.parse(pair).crm_object) for one, pair, _ in pairs})
    )
    version = matching_version(context.home)
    hashes = {key: access.hash for key, access in _read_accesses(session, pairs).items()}
    return {
        (one.id, pair): ":".join(
            (
                contents.get((one.id, ObjectPair.parse(pair).crm_object), "-"),
                log[-1].id,
                version,
                hashes.get(one.id, ""),
            )
        )
        for one, pair, log in pairs
    }


def _read_accesses(session: Session, pairs: Sequence[Pair]) -> dict[str, EffectiveAccess]:
    found = {
        one.id: read_access(session, one) for one in {one.id: one for one, *_ in pairs}.values()
    }
    return {key: access for key, access in found.items() if access is not None}


def _judge(
    context: Context, session: Session, pairs: Sequence[Pair]
) -> dict[tuple[str, str], PairVerdicts]:
    catalog, knowledge = load_catalog(context.home), load_knowledge(context.home)
    objects = sorted({(one.id, ObjectPair.parse(pair).crm_object) for one, pair, _ in pairs})
    accesses = _read_accesses(session, pairs)
    there, schemas = session.snapshots.contents(objects), session.snapshots.newest(objects)
    found: dict[tuple[str, str], PairVerdicts] = {}
    for connection, pair, log in pairs:
        named = ObjectPair.parse(pair)
        place = (connection.id, named.crm_object)
        if place in there and place not in schemas:
            # Its definition was lost, which is a finding of its own.
            continue
        schema = schemas.get(place)
        found[connection.id, pair] = judge_pair(
            schema and as_seen_by(schema, accesses.get(connection.id)),
            catalog.get(named.partner_object),
            log,
            vendor_of(connection.platform).write_rules,
            knowledge,
            context.now,
        )
    return found
