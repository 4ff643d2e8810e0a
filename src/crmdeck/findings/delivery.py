"""What is open about whether a sync's data arrives. What only some syncs need is a note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from functools import partial

from crmdeck.findings.connection import make_finding, refresh_step
from crmdeck.findings.facts import Facts, PairFacts, make_step
from crmdeck.mapping.choices import USUAL_OBJECTS
from crmdeck.mapping.state import by_field
from crmdeck.model import (
    Decision,
    Direction,
    Finding,
    FindingKind,
    ObjectPair,
    Step,
    Subject,
    Urgency,
    Verb,
)
from crmdeck.text import count, first_few

_NAMED = 3
_SETUP = "/lightning/setup/CdcObjectEnablement/home"
_Rows = Mapping[str, Mapping[str, Decision]]


def delivery_findings(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about object pairs, then those about the last reading."""
    rows: dict[str, dict[str, Decision]] = {}
    parents: dict[str, set[str]] = {}
    for pair in facts.pairs:
        found = {key: one.accepted for key, one in by_field(pair.log).items() if one.accepted}
        if found and pair.verdicts.has_object:
            rows[pair.pair] = found
        if any(one.direction is not Direction.PULL for one in found.values()):
            those = {each for objects in pair.verdicts.parents.values() for each in objects}
            parents[ObjectPair.parse(pair.pair).crm_object] = those
    for pair in facts.pairs:
        if pair.pair in rows:
            yield from _of_pair(facts, pair, rows[pair.pair], parents)
    if rows:
        yield from _of_reading(facts, rows)


def _of_pair(
    facts: Facts, pair: PairFacts, rows: Mapping[str, Decision], parents: Mapping[str, set[str]]
) -> Iterator[Finding]:
    vitals, named, verdicts = facts.vitals, ObjectPair.parse(pair.pair), pair.verdicts
    label = pair.partner.label if pair.partner is not None else named.partner_object
    subject = Subject(object_pair=pair.pair, object_type=named.crm_object)
    make = partial(make_finding, vitals.connection, FindingKind.DELIVERY, mapped=True)
    step = partial(make_step, vitals)
    show = (step(Verb.REVIEW, "Show the rows", "mapping show", pair.pair),)
    # PartnerOS stores the IDs of the records that it writes.
    urgency = Urgency.NOTE if vitals.connection.is_of_partner else Urgency.REVIEW
    if keys := verdicts.keys:
        yield make(
            urgency,
            "NO_MATCH_KEY",
            f"{label}: no match key",
            pair.pair,
            cause=f"No row writes a field that identifies a record ({first_few(keys, _NAMED)}).",
            effect="Each push may create another record.",
            subject=subject,
            steps=(
                step(Verb.MAP, "Map a key", "suggest", pair.pair),
                step(Verb.FILL, f"{keys[0]} is filled elsewhere", "mapping filled", pair.pair,
                     keys[0]),
            ),
        )  # fmt: skip
    for name, objects in verdicts.parents.items():
        usual = [each for each in objects if each in USUAL_OBJECTS or each.endswith("__c")]
        later = [each for each in objects if named.crm_object in parents.get(each, ())]
        if name not in rows or named.crm_object in objects or not usual:
            continue
        parent, target = usual[0], rows[name].crm_field
        row = subject.model_copy(update={"partner_field": name, "crm_field": target})
        steps = (step(Verb.UNMAP, "Leave it unmapped", "mapping unmap", pair.pair, name),)
        if parents.keys().isdisjoint(objects):
            fields = pair.partner.fields if pair.partner is not None else ()
            for source in [each for one in fields if one.name == name for each in one.references]:
                row = Subject(object_pair=f"{source}--{parent}", object_type=parent)
                text = f"Map {source} to {parent}"
                steps = (step(Verb.MAP, text, "suggest", f"{source}--{parent}"),)
            code, title = "PARENT_NOT_MAPPED", f"{target} needs {parent}, which isn't mapped"
            cause = f"{target} refers to {parent}, and no other pair writes one."
            effect = f"The CRM rejects a {label.lower()} whose {parent} doesn't exist."
        elif later:
            code, title = "PARENT_LATER", f"{named.crm_object} and {later[0]} refer to each other"
            cause = "The sync pushes one of them first, when the other doesn't exist yet."
            effect, steps = f"{target} may arrive only with a second push.", show
        else:
            continue
        level = Urgency.NOTE if later else urgency
        about = (pair.pair, name, target)
        yield make(level, code, title, *about, cause=cause, effect=effect, subject=row, steps=steps)
    both = [key for key, one in rows.items() if one.direction is Direction.BIDIRECTIONAL]
    moves_none = f"A change of {first_few(verdicts.formulas, _NAMED)} moves no timestamp."
    no_winner = f"If both sides change, no rule names the winner ({first_few(both, _NAMED)})."
    for code, those, title, cause, effect in (
        ("FORMULA_PULLED", verdicts.formulas, f"pulls {count(len(verdicts.formulas), 'formula')}",
         moves_none, "The value arrives with the next change of its record."),
        ("BOTH_WAYS", both, f"syncs {count(len(both), 'row')} both ways",
         no_winner, "The last sync wins."),
    ):  # fmt: skip
        if those:
            yield make(Urgency.NOTE, code, f"{label} {title}", pair.pair, cause=cause,
                       effect=effect, subject=subject, steps=show, weight=len(those))  # fmt: skip


def _of_reading(facts: Facts, rows: _Rows) -> Iterator[Finding]:
    """Yield the findings of the last reading."""
    vitals, delivery = facts.vitals, facts.delivery
    if delivery is None:
        return
    connection, step = vitals.connection, partial(make_step, vitals)
    make = partial(make_finding, connection, FindingKind.DELIVERY, mapped=True)
    refresh = refresh_step(vitals)
    pulled = {
        ObjectPair.parse(pair).crm_object
        for pair, mine in rows.items()
        if any(one.direction is not Direction.PUSH for one in mine.values())
    }
    published = {name.casefold() for name in delivery.published or ()}
    polls = vitals.command_line("config set", "sync.cdc", "false")
    # The demo has no settings of its own.
    off = Step(
        verb=Verb.CHANGE_SETTING,
        text="The sync polls",
        command=None if "--demo" in polls.split() else polls,
    )
    for name in sorted(pulled) if published else ():
        if name.casefold() not in published:
            yield make(
                Urgency.REVIEW if connection.is_of_partner else Urgency.NOTE,
                "CDC_OFF",
                f"Change events are off for {name}",
                name,
                cause="No channel publishes them. In Setup, select the object in Change Data "
                "Capture.",
                effect="A sync that listens to change events doesn't receive its changes.",
                link=connection.instance_url and f"{connection.instance_url}{_SETUP}",
                subject=Subject(object_type=name),
                steps=(*refresh, off),
            )
    for one in delivery.silences:
        since = datetime.combine(one.since, time(), UTC)
        (had, of), (has, now) = one.before, one.after
        silent = partial(make, Urgency.REVIEW, since=since, evidence_at=since)
        if one.object_type is None:
            yield silent(
                "SYNC_SILENT",
                f"No new records from the sync for {count(now, 'day')}",
                cause=f"Before {one.since}, the sync user created {had * 7 / of:.0f} a week.",
                effect="New records probably don't reach the CRM.",
                steps=(step(Verb.TEST, "Test", "connections test"),),
            )
        for pair, key in _rows_onto(rows, one.object_type, one.crm_field):
            yield silent(
                "FIELD_SILENT",
                f"{one.crm_field} is empty in most new records",
                pair,
                key,
                one.crm_field,
                cause=f"{had / of:.0%} of the records that the sync user created had a value, and "
                f"{has / max(now, 1):.0%} since {one.since}.",
                effect=f"{key} probably no longer reaches the CRM.",
                subject=Subject(
                    object_pair=pair,
                    partner_field=key,
                    object_type=one.object_type,
                    crm_field=one.crm_field,
                ),
                steps=(
                    step(Verb.REVIEW, "Preflight", "preflight", pair),
                    step(Verb.UNMAP, "Leave it unmapped", "mapping unmap", pair, key),
                ),
            )
    for name, records in delivery.owners.items():
        yield make(
            Urgency.NOTE,
            "OWNERS_INACTIVE",
            f"{name}: {count(records, 'new record')} with inactive owners",
            name,
            cause="The sync user created them in the last 90 days.",
            effect="The CRM rejects some of their updates, unless the sync user has Update Records "
            "with Inactive Owners.",
            subject=Subject(object_type=name),
            steps=refresh,
            weight=records,
        )
    gaps = [*delivery.not_checked]
    if vitals.access is not None and delivery.user_id and vitals.access.is_frozen is None:
        gaps.append("Frozen sync user: only users with Manage Users can see that.")
    user = Step(verb=Verb.SET_SYNC_USER, text="Set the sync user (connections set --sync-user)")
    if gaps:
        yield make(
            Urgency.NOTE,
            "DELIVERY_NOT_CHECKED",
            f"{count(len(gaps), 'check')} of the sync not made",
            cause=" ".join(gaps),
            effect="crmdeck can't see whether this data arrives.",
            steps=refresh if delivery.user_id or not connection.is_direct else (user, *refresh),
        )


def _rows_onto(
    rows: _Rows, object_type: str | None, crm_field: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the object pairs and PartnerOS fields that are pushed to a CRM field."""
    for pair, mine in rows.items():
        for name, one in mine.items():
            place = (ObjectPair.parse(pair).crm_object, one.crm_field)
            if place == (object_type, crm_field) and one.direction is not Direction.PULL:
                yield pair, name
