"""Verdicts of preflight on object pairs, judged once for each schema and decision."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.connectors.registry import vendor_of
from crmdeck.mapping.verdicts import PairVerdicts, judge_pair
from crmdeck.model import Connection, Decision, ObjectPair
from crmdeck.store import Session
from crmdeck.workspace.context import Context
from crmdeck.workspace.knowledge import load_catalog, load_knowledge

Pair = tuple[Connection, str, Sequence[Decision]]
"""A connection, an object pair, and the decisions on it, oldest first."""


def read_verdicts(
    context: Context, session: Session, pairs: Sequence[Pair]
) -> dict[tuple[str, str], PairVerdicts]:
    """Return the verdicts by connection ID and object pair."""
    objects = {(one.id, ObjectPair.parse(pair).crm_object) for one, pair, _ in pairs}
    contents = session.snapshots.contents(sorted(objects))
    catalog, found = load_catalog(context.home), {}
    schemas = session.snapshots.newest(sorted(objects)) if pairs else {}
    for connection, pair, log in pairs:
        named = ObjectPair.parse(pair)
        place = (connection.id, named.crm_object)
        if place in contents and place not in schemas:
            # Its definition was lost, which is a finding of its own.
            continue
        found[connection.id, pair] = judge_pair(
            schemas.get(place),
            catalog.get(named.partner_object),
            log,
            vendor_of(connection.platform).write_rules,
            load_knowledge(context.home),
            context.now,
        )
    return found
