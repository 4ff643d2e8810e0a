"""Reads the facts of connections with a few statements for all, and makes their findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from crmdeck.connectors.registry import flows_of, host_of, vendor_of
from crmdeck.credentials import host_error
from crmdeck.findings.connection import (
    LOW_QUOTA,
    connection_findings,
    quota_urgency,
    token_urgency,
)
from crmdeck.findings.delivery import delivery_findings
from crmdeck.findings.facts import Facts, PairFacts, StandingChange, Vitals
from crmdeck.findings.find import Ruling, settle_findings
from crmdeck.findings.pairs import mapping_findings
from crmdeck.mapping.choices import LIKELY_OBJECTS
from crmdeck.mapping.state import by_pair
from crmdeck.model import (
    ChangeState,
    CheckLevel,
    Connection,
    ConnectionStatus,
    Decision,
    Finding,
    ObjectPair,
    OpenChanges,
    SchemaStats,
    Source,
    Status,
    SyncOutcome,
)
from crmdeck.store import Session
from crmdeck.workspace.commands import command_lines
from crmdeck.workspace.connections.retirements import concerns, load_retirements
from crmdeck.workspace.connections.runs import failed_run, started_run
from crmdeck.workspace.connections.signin.flows import EXPIRING
from crmdeck.workspace.connections.status import BAD, COMPLETED, GOOD, derive_status
from crmdeck.workspace.connections.survival import connection_ends
from crmdeck.workspace.context import Context
from crmdeck.workspace.knowledge import load_catalog, matching_version
from crmdeck.workspace.open_changes import (
    Judged,
    Standings,
    policy_error,
    usable_policy,
)
from crmdeck.workspace.policy import Policy
from crmdeck.workspace.snapshots import read_access
from crmdeck.workspace.verdicts import read_verdicts


def read_statuses(
    context: Context,
    session: Session,
    connections: Sequence[Connection],
    only: str | None = None,
    policy: Policy | None = None,
    *,
    with_findings: bool = True,
) -> tuple[ConnectionStatus, ...]:
    """Return the statuses of `connections`, with their findings unless those aren't needed.

    `only` is the ID of a single connection. `policy` replaces that of the workspace.
    """
    standings = Standings(context, session, only, policy)
    every = _read_vitals(context, session, connections, standings.counts(), only)
    if not with_findings:
        return tuple(_status(vitals, ()) for vitals in every)
    mapped = _read_mapped(context, session, every, standings, only)
    accepted = session.acceptances.last(only)
    rules = policy or usable_policy(context, session)
    today = context.now.date()

    def rule(finding: Finding) -> Ruling | None:
        found = rules.find(finding, today) if rules is not None else None
        if found is None:
            return None
        return Ruling(found.level is not CheckLevel.FAIL, found.reason or "policy")

    command_line = command_lines(context)
    place = ("settled", command_line(""))
    kept: dict[str, tuple[object, tuple[Finding, ...]]] = session.recall(place) or {}
    settled = {}
    for vitals in every:
        key = vitals.connection.id
        found, mine = (*connection_findings(vitals), *mapped.get(key, ())), accepted.get(key, {})
        basis = (found, mine, rules, today)
        settled[key] = kept.get(key, (None, ()))
        if settled[key][0] != basis:
            settled[key] = (basis, settle_findings(found, today, command_line, mine, rule))
    session.remember(place, {**kept, **settled})
    return tuple(_status(vitals, settled[vitals.connection.id][1]) for vitals in every)


def _status(vitals: Vitals, findings: tuple[Finding, ...]) -> ConnectionStatus:
    connection, good, bad = vitals.connection, vitals.good, vitals.bad
    flow = _flow_in_use(connection)
    return ConnectionStatus(
        id=connection.id,
        name=connection.name,
        platform=connection.platform,
        source=connection.source,
        status=vitals.status,
        instance_url=(
            connection.instance_url if vendor_of(connection.platform).own_url_example else None
        ),
        last_sync_at=good.finished_at if good else None,
        last_error_at=bad.finished_at if bad else None,
        last_error_message=bad.error_message if bad else None,
        last_error_code=bad.error_code if bad else None,
        last_error_remedy=bad.error_remedy if bad else None,
        created_at=connection.created_at,
        api_version=connection.api_version,
        token_expires_at=connection.token_expires_at,
        token_renewed=flow is not None and flow not in EXPIRING,
        token_urgency=token_urgency(vitals),
        token_used_at=vitals.token_used,
        token_rotated_at=vitals.token_rotated,
        endings=vitals.endings,
        schema_stats=vitals.stats,
        quota=vitals.quota,
        quota_urgency=quota_urgency(vitals.quota),
        findings=findings,
        open_changes=vitals.open_changes,
    )


def _flow_in_use(connection: Connection) -> str | None:
    if connection.source == Source.SANDBOX and connection.sign_in is None:
        # The demo signs in by itself, in the usual way of each CRM.
        return next((flow.name for flow in flows_of(connection)), None)
    return connection.sign_in


def _read_vitals(
    context: Context,
    session: Session,
    connections: Sequence[Connection],
    open_changes: Mapping[str, OpenChanges],
    only: str | None,
) -> list[Vitals]:
    now = context.now
    stats = (
        {only: session.snapshots.stats(only, now)}
        if only
        else session.snapshots.stats_by_connection(now)
    )
    runs = session.runs.newest(only)
    refreshes = [run for run in runs if run.kind == "refresh"]
    # The runs are in order, so the last one of each connection wins.
    last = {run.connection_id: run for run in runs if run.outcome in COMPLETED}
    bad = {run.connection_id: run for run in runs if run.outcome in BAD}
    good = {run.connection_id: run for run in refreshes if run.outcome in GOOD}
    whole = {run.connection_id: run for run in refreshes if run.outcome is SyncOutcome.OK}
    quotas = session.runs.quota_by_connection()
    quota_recovered = session.runs.quota_recovered(LOW_QUOTA)
    latest = session.audit.latest_by_connection
    expires = any(connection.token_expires_at for connection in connections)
    signed_in = latest("token.stored") if expires else {}
    token_used = latest("token.stored", "token.refreshed", "token.rotated")
    token_rotated = latest("token.rotated")
    lost = session.snapshots.incomplete(only)
    error = policy_error(context, session)
    sign_ins = session.audit.sign_in_hosts()
    make_command = command_lines(context)
    found = []
    for connection in connections:
        key = connection.id
        own_stats, own_last, own_good = stats.get(key, SchemaStats()), last.get(key), good.get(key)
        if key in sign_ins and (other := host_error(sign_ins[key], host_of(connection))):
            # Until a sign-in, the next run would end like this.
            at = own_last.finished_at if own_last else connection.created_at
            own_last = bad[key] = failed_run(started_run(key, "test", at), other, at)
        is_bad = own_last is not None and own_last.outcome in BAD
        since = own_good.finished_at if own_good else None
        vendor, flow = vendor_of(connection.platform), _flow_in_use(connection)
        # A broken file of the user doesn't concern connections that no vendor can retire.
        table = load_retirements(context.home) if connection.is_direct else ()
        found.append(
            Vitals(
                connection=connection,
                status=derive_status(connection, own_last),
                now=now,
                command_line=make_command,
                signed_in=signed_in.get(key),
                stats=own_stats,
                last=own_last,
                good=own_good,
                whole=whole.get(key),
                bad=bad.get(key),
                failing_since=session.runs.first_after(key, since, BAD) if is_bad else None,
                quota=quotas.get(key),
                quota_recovered=quota_recovered.get(key),
                failures=session.runs.failures(key) if own_stats.failed_object_count else (),
                open_changes=open_changes.get(key, OpenChanges()),
                concerns=concerns(connection, table, now.date()),
                lost=lost.get(key, ()),
                token_used=token_used.get(key),
                token_rotated=token_rotated.get(key),
                endings=connection_ends(connection, vendor, flow, token_used.get(key)),
                policy_error=error,
                access=read_access(session, connection),
            )
        )
    return found


def _read_mapped(
    context: Context,
    session: Session,
    every: Sequence[Vitals],
    standings: Standings,
    only: str | None,
) -> dict[str, tuple[Finding, ...]]:
    """Return the findings about pairs and changes by connection; kept ones while nothing changes.

    Disconnected connections are left out.
    """
    logs = session.decisions.by_connection(only)
    version = matching_version(context.home)
    connected = [vitals for vitals in every if vitals.status is not Status.DISCONNECTED]
    keys: dict[str, object] = {}
    for vitals in connected:
        key = vitals.connection.id
        log, good = logs.get(key, ()), vitals.good and vitals.good.id
        last = (len(log), log[-1].id) if log else None
        basis = standings.basis(key)
        known = (vitals.connection, good, last, basis, version)
        keys[key] = None if basis is None else known
    # Their commands name the workspace.
    place = ("findings", *(vitals.command_line("") for vitals in every[:1]))
    kept: dict[str, tuple[object, tuple[Finding, ...]]] = session.recall(place) or {}
    fresh = [
        vitals
        for vitals in connected
        if keys[vitals.connection.id] is None
        or kept.get(vitals.connection.id, (None,))[0] != keys[vitals.connection.id]
    ]
    if fresh:
        judged = standings.changes([vitals.connection.id for vitals in fresh])
        found = {
            facts.vitals.connection.id: (*mapping_findings(facts), *delivery_findings(facts))
            for facts in _read_facts(context, session, fresh, judged, logs, only)
        }
        kept = {**kept, **{key: (keys[key], each) for key, each in found.items()}}
        session.remember(place, kept)
    return {key: kept[key][1] for key in keys}


def _read_facts(
    context: Context,
    session: Session,
    every: Sequence[Vitals],
    judged: Mapping[str, Sequence[Judged]],
    logs: Mapping[str, Sequence[Decision]],
    only: str | None,
) -> list[Facts]:
    """Return the facts of connections that aren't disconnected."""
    standings = {
        change.id: standing
        for vitals in every
        for change, standing in judged.get(vitals.connection.id, ())
        if standing.state in (ChangeState.OPEN, ChangeState.EXCUSED)
    }
    events = session.drift.by_ids(list(standings))
    changes: dict[str, list[StandingChange]] = defaultdict(list)
    for id_, standing in standings.items():
        if id_ in events:
            changes[events[id_].connection_id].append(StandingChange(events[id_], standing))
    titles = {
        group.id: group.title
        for group in session.drift.stories_with(
            sorted({event.story for event in events.values() if event.story})
        )
    }
    read = {
        vitals.connection.id: vitals.connection
        for vitals in every
        if vitals.stats.last_discovered_at is not None
    }
    pairs = read_pairs(context, session, read, logs)
    gone = any(
        pair.verdicts.gone or not pair.verdicts.has_object
        for mine in pairs.values()
        for pair in mine
    )
    renames = session.drift.renames(only) if gone else {}
    deliveries = session.deliveries.last(list(pairs))
    if not context.settings.sync.get("cdc", True):
        off = {"published": None}
        deliveries = {key: one.model_copy(update=off) for key, one in deliveries.items()}
    likely = _likely_pairs(session, [key for key in read if key not in pairs])
    return [
        Facts(
            vitals,
            changes=tuple(changes[vitals.connection.id]),
            group_titles=titles,
            pairs=tuple(pairs.get(vitals.connection.id, ())),
            renames=renames.get(vitals.connection.id, {}),
            likely_pair=likely.get(vitals.connection.id),
            delivery=deliveries.get(vitals.connection.id),
        )
        for vitals in every
    ]


def read_pairs(
    context: Context,
    session: Session,
    connections: Mapping[str, Connection],
    logs: Mapping[str, Sequence[Decision]],
) -> dict[str, list[PairFacts]]:
    """Return the object pairs with decisions of connections, with their verdicts."""
    catalog = load_catalog(context.home)
    wanted = [
        (connections[key], pair, decisions)
        for key, log in logs.items()
        if key in connections
        for pair, decisions in sorted(by_pair(log).items())
    ]
    verdicts = read_verdicts(context, session, wanted)
    found: dict[str, list[PairFacts]] = defaultdict(list)
    for connection, pair, decisions in wanted:
        if (connection.id, pair) in verdicts:
            partner = catalog.get(ObjectPair.parse(pair).partner_object)
            one = PairFacts(pair, partner, decisions, verdicts[connection.id, pair])
            found[connection.id].append(one)
    return found


def _likely_pairs(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """Return by connection the pair that most admins map first, if the CRM has its object."""
    names = [name for objects in LIKELY_OBJECTS.values() for name in objects]
    there = session.snapshots.contents([(key, name) for key in keys for name in names])
    pairs = [(partner, name) for partner, objects in LIKELY_OBJECTS.items() for name in objects]
    found: dict[str, str] = {}
    for key in keys:
        likely = next((pair for pair in pairs if (key, pair[1]) in there), None)
        if likely is not None:
            found[key] = str(ObjectPair(partner_object=likely[0], crm_object=likely[1]))
    return found
