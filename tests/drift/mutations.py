"""Recorded mutations of real describes, and how many of them drift detection finds.

Each mutation has the change that must be found, and its severity for a field without a mapping.
The severities are written by hand, as an independent check of the rules.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import DriftEvent, DriftKind, Severity
from crmdeck.workspace.knowledge import read_field_words

DATA = Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-a"
OBJECTS = ("Account.person-accounts", "Case", "Contact", "Event", "Lead", "Opportunity")

SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING
Record = dict[str, Any]
Org = dict[str, Record]

WORDS = ("Partner", "Primary", "Current", "Internal", "Regional", "Final", "Old", "Estimated")
SYNONYMS = (
    ("Customer", "Client"),
    ("Amount", "Value"),
    ("Phone", "Telephone"),
    ("Company", "Account"),
    ("Account", "Company"),
    ("Revenue", "Turnover"),
    ("Employees", "Headcount"),
    ("Industry", "Sector"),
    ("Mobile", "Cell"),
    ("Zip", "Postal Code"),
    ("City", "Town"),
    ("Partner", "Reseller"),
    ("Stage", "Phase"),
    ("Source", "Origin"),
    ("Type", "Category"),
    ("Description", "Details"),
    ("Comments", "Notes"),
    ("Country", "Nation"),
    ("Probability", "Likelihood"),
    ("Quantity", "Qty"),
    ("Number", "No"),
    ("Address", "Addr"),
    ("Opportunity", "Deal"),
    ("Website", "Homepage"),
    ("Department", "Dept"),
    ("Manager", "Mgr"),
    ("Organization", "Org"),
    ("Last Name", "Surname"),
)


class Recorded(NamedTuple):
    """One mutation: the change that must be found, its place, and its severity.

    `told` is the wire name of an attribute, `added` or `gone`. `with_it` are other attributes
    that change by it, `new_name` is what a renamed field is called now.
    """

    mutation: str
    object_type: str
    field_name: str | None
    told: str
    severity: Severity
    with_it: tuple[str, ...] = ()
    new_name: str | None = None


@dataclass
class Score:
    """What came of some rounds, by mutation."""

    recorded: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    rightly_severe: Counter[str] = field(default_factory=Counter)
    renamed: Counter[str] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    missed: list[Recorded] = field(default_factory=list)
    misjudged: list[tuple[Recorded, Severity]] = field(default_factory=list)
    not_offered: list[Recorded] = field(default_factory=list)
    invented: list[tuple[str, str | None, str]] = field(default_factory=list)
    wrongly_offered: list[tuple[str, str]] = field(default_factory=list)
    claims: int = 0

    def rows(self) -> Iterator[str]:
        """Yield the table, a line a mutation."""
        yield f"{'mutation':28}{'number':>8}{'told':>8}{'severity':>10}{'offered':>12}"
        for name, count in sorted(self.recorded.items()):
            offered = f"{self.offered[name]}/{self.renamed[name]}" if self.renamed[name] else ""
            told, severe = self.told[name] / count, self.rightly_severe[name] / count
            yield f"{name:28}{count:8,}{told:8.1%}{severe:10.1%}{offered:>12}"
        total = self.recorded.total()
        yield (
            f"recall {self.told.total() / total:.2%} of {total:,}, "
            f"precision {1 - len(self.invented) / max(self.claims, 1):.2%} of {self.claims:,}, "
            f"severity {self.rightly_severe.total() / total:.2%}, "
            f"renames offered {self.offered.total() / max(self.renamed.total(), 1):.1%} "
            f"of {self.renamed.total():,}, wrong {len(self.wrongly_offered)}"
        )

    def faults(self) -> Iterator[str]:
        """Yield what went wrong, ten of each kind at the most."""
        for what, found in (
            ("missed", self.missed),
            ("misjudged", self.misjudged),
            ("invented", self.invented),
            ("not offered", self.not_offered),
            ("wrongly offered", self.wrongly_offered),
        ):
            for each in found[:10]:
                yield f"{what}: {each}"


def load() -> Org:
    """Return the real describes, with a dependent picklist added where one is missing."""
    org = {}
    for name in OBJECTS:
        describe = json.loads((DATA / f"{name}.describe.json").read_text("utf-8"))
        _make_dependent(describe)
        org[describe["name"]] = describe
    return org


def reduced(org: Org) -> Org:
    """Return an export that does not say whether a field can be set on creation."""
    org = copy.deepcopy(org)
    for describe in org.values():
        for each in describe["fields"]:
            each.pop("createable", None)
            each.pop("defaultedOnCreate", None)
    return org


def play(org: Org, seed: int, score: Score, mutations: int = 50) -> None:
    """Mutate a copy of `org`, detect the drift, and add the changes found to `score`."""
    rng = random.Random(seed)
    after = copy.deepcopy(org)
    recorded = list(_mutate(after, rng, mutations))
    before_schemas = {name: parse_object(describe) for name, describe in org.items()}
    after_schemas = {name: parse_object(describe) for name, describe in after.items()}
    report = detect(
        connection_id="mutations",
        vendor=vendor_of("salesforce"),
        detected_at=datetime(2026, 5, 16, tzinfo=UTC),
        before=before_schemas,
        after=after_schemas,
        field_words=partial(read_field_words, None),
    )
    _count(recorded, report.events, score)


def _count(recorded: list[Recorded], events: tuple[DriftEvent, ...], score: Score) -> None:
    claims: dict[tuple[str, str | None, str], Severity] = {}
    for event in events:
        for claim in _claims(event):
            claims[event.object_type, event.field_name, claim] = event.severity
    offers = {(e.object_type, e.field_name): e.rename_of for e in events if e.rename_of}
    score.claims += len(claims)
    for one in recorded:
        score.recorded[one.mutation] += 1
        severity = claims.pop((one.object_type, one.field_name, one.told), None)
        for other in one.with_it:
            claims.pop((one.object_type, one.field_name, other), None)
        if severity is None:
            score.missed.append(one)
            continue
        score.told[one.mutation] += 1
        if severity is one.severity:
            score.rightly_severe[one.mutation] += 1
        else:
            score.misjudged.append((one, severity))
        if one.new_name:
            claims.pop((one.object_type, one.new_name, "added"), None)
            score.renamed[one.mutation] += 1
            if offers.get((one.object_type, one.new_name)) == one.field_name:
                score.offered[one.mutation] += 1
                del offers[one.object_type, one.new_name]
            else:
                score.not_offered.append(one)
    score.invented += list(claims)
    score.wrongly_offered += [(f"{o}.{new}", str(old)) for (o, new), old in offers.items()]


def _claims(event: DriftEvent) -> Iterator[str]:
    if event.kind is DriftKind.FIELD_ADDED:
        yield "added"
    elif event.kind.value.split("_")[1] in ("removed", "absent", "hidden"):
        yield "gone"
    for change in event.changes:
        yield change.attribute


def _mutate(org: Org, rng: random.Random, wanted: int) -> Iterator[Recorded]:
    taken: dict[str, set[str]] = defaultdict(set)
    names = list(MUTATIONS)
    made = 0
    while made < wanted:
        mutation = rng.choice(names)
        object_type = rng.choice(list(org))
        describe = org[object_type]
        untouched = [f for f in describe["fields"] if f["name"] not in taken[object_type]]
        record = rng.choice(untouched)
        name = record["name"]
        told = MUTATIONS[mutation](record, describe, rng)
        if told is None:
            continue
        if told.of_object:
            if "" in taken[object_type]:  # one event tells all that an object says of itself
                continue
            taken[object_type].add("")
        else:
            taken[object_type] |= {name, told.new_name or name, told.field_name or name}
            # A controlling field that changes would change the dependent one, too.
            taken[object_type] |= {record.get("controllerName") or name}
        told.apply()
        made += 1
        yield Recorded(
            mutation,
            object_type,
            None if told.of_object else told.field_name or name,
            told.told,
            told.severity,
            told.with_it,
            told.new_name,
        )


@dataclass
class Planned:
    """A mutation that fits a field; `apply` makes it."""

    told: str
    severity: Severity
    apply: Callable[[], object]
    with_it: tuple[str, ...] = ()
    new_name: str | None = None
    field_name: str | None = None
    of_object: bool = False


Plan = Callable[[Record, Record, random.Random], Planned | None]
MUTATIONS: dict[str, Plan] = {}


def _plan(name: str) -> Callable[[Plan], Plan]:
    def add(plan: Plan) -> Plan:
        MUTATIONS[name] = plan
        return plan

    return add


def _set(name: str, fits: Callable[[Record], bool], told: str, **said: Any) -> None:
    """Add the mutation that sets some keys of a field's record."""
    severity, with_it = said.pop("severity"), said.pop("with_it", ())

    def plan(record: Record, describe: Record, rng: random.Random) -> Planned | None:
        if not fits(record) or any(record.get(key) == value for key, value in said.items()):
            return None
        return Planned(told, severity, lambda: record.update(said), with_it)

    MUTATIONS[name] = plan


def _is_plain_text(record: Record) -> bool:
    return bool(record["type"] == "string" and not record["calculated"])


def _is_free(record: Record) -> bool:
    """Return whether a field is set by whoever creates a record, and may be left empty."""
    return bool(
        record.get("createable", True)
        and record["nillable"]
        and record["defaultValue"] is None
        and record["defaultValueFormula"] is None
        and not record.get("defaultedOnCreate")
        and record["type"] not in ("boolean", "id")
    )


_set(
    "type narrower",
    _is_plain_text,
    "type",
    type="boolean",
    length=0,
    severity=BREAKING,
    with_it=("nativeType", "length", "required", "nillable", "default"),
)
_set("type wider", _is_plain_text, "type", type="textarea", severity=RISKY, with_it=("nativeType",))
_set("label", lambda r: True, "label", label="Known otherwise", severity=SAFE)
_set("help", lambda r: True, "description", inlineHelpText="Ask sales", severity=SAFE)
_set("default", _is_plain_text, "default", defaultValue="n/a", severity=SAFE, with_it=("required",))
_set("unique", lambda r: not r["unique"], "unique", unique=True, severity=RISKY)
_set("not unique", lambda r: r["unique"], "unique", unique=False, severity=SAFE)
_set("external id", lambda r: True, "externalId", externalId=True, severity=SAFE)
_set("no external id", lambda r: True, "externalId", externalId=False, severity=RISKY)
_set("not updateable", lambda r: True, "updateable", updateable=False, severity=RISKY)
_set("updateable", lambda r: not r["updateable"], "updateable", updateable=True, severity=SAFE)
_set(
    "calculated",
    lambda r: not r["calculated"],
    "calculated",
    calculated=True,
    calculatedFormula="1",
    severity=RISKY,
    with_it=("formula",),
)
_set("formula", lambda r: r["calculated"], "formula", calculatedFormula="2 * 2", severity=SAFE)
_set(
    "restricted",
    lambda r: r["type"] in ("picklist", "multipicklist"),
    "restricted",
    restrictedPicklist=True,
    severity=RISKY,
)
_set("archived", lambda r: True, "archived", deprecatedAndHidden=True, severity=RISKY)
_set(
    "relationship",
    lambda r: bool(r["relationshipName"]),
    "relationshipName",
    relationshipName="Elsewhere",
    severity=RISKY,
)
_set("not filterable", lambda r: r["filterable"], "filterable", filterable=False, severity=RISKY)
_set("id lookup", lambda r: not r["idLookup"], "idLookup", idLookup=True, severity=SAFE)
_set("no id lookup", lambda r: r["idLookup"], "idLookup", idLookup=False, severity=RISKY)
_set("encrypted", lambda r: not r["encrypted"], "encrypted", encrypted=True, severity=RISKY)
_set(
    "case sensitive",
    lambda r: not r["caseSensitive"],
    "caseSensitive",
    caseSensitive=True,
    severity=SAFE,
)
_set("auto number", lambda r: not r["autoNumber"], "autoNumber", autoNumber=True, severity=RISKY)


@_plan("required")
def _required(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not _is_free(record):
        return None
    told, severity = ("required", BREAKING) if "createable" in record else ("nillable", RISKY)
    return Planned(told, severity, lambda: record.update(nillable=False))


@_plan("not createable")
def _not_createable(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not record.get("createable") or not record["nillable"]:
        return None
    return Planned("createable", RISKY, lambda: record.update(createable=False))


@_plan("shorter")
def _shorter(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if record["type"] not in ("string", "textarea", "url", "email") or record["length"] < 20:
        return None
    return Planned("length", RISKY, lambda: record.update(length=record["length"] // 2))


@_plan("longer")
def _longer(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if record["type"] not in ("string", "textarea", "url", "email"):
        return None
    return Planned("length", SAFE, lambda: record.update(length=record["length"] + 10))


@_plan("precision")
def _precision(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if record["type"] not in ("double", "currency", "percent") or record["precision"] < 5:
        return None
    return Planned("precision", RISKY, lambda: record.update(precision=record["precision"] - 2))


@_plan("scale")
def _scale(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if record["type"] not in ("double", "currency", "percent"):
        return None
    return Planned("scale", SAFE, lambda: record.update(scale=record["scale"] + 1))


@_plan("target lost")
def _target_lost(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if len(record["referenceTo"]) < 2:
        return None
    return Planned("references", RISKY, lambda: record["referenceTo"].pop())


@_plan("target gained")
def _target_gained(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not record["referenceTo"]:
        return None
    return Planned("references", SAFE, lambda: record["referenceTo"].append("Campaign__c"))


def _has_free_values(record: Record, describe: Record) -> bool:
    controls = any(f.get("controllerName") == record["name"] for f in describe["fields"])
    return len(record["picklistValues"]) > 1 and not record["controllerName"] and not controls


@_plan("value removed")
def _value_removed(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not _has_free_values(record, describe):
        return None
    severity = BREAKING if record["restrictedPicklist"] else RISKY
    return Planned("picklist", severity, lambda: record["picklistValues"].pop(0))


@_plan("value switched off")
def _value_off(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not _has_free_values(record, describe):
        return None
    severity = BREAKING if record["restrictedPicklist"] else RISKY
    return Planned("picklist", severity, lambda: record["picklistValues"][0].update(active=False))


@_plan("value added")
def _value_added(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not _has_free_values(record, describe):
        return None
    new = record["picklistValues"][0] | {"value": "Stalled", "label": "Stalled"}
    return Planned("picklist", SAFE, lambda: record["picklistValues"].append(new))


@_plan("value relabeled")
def _value_relabeled(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not _has_free_values(record, describe):
        return None
    return Planned("picklist", SAFE, lambda: record["picklistValues"][0].update(label="Renamed"))


@_plan("controlled")
def _controlled(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    boxes = [f["name"] for f in describe["fields"] if f["type"] == "boolean"]
    if not boxes or not _has_free_values(record, describe):
        return None
    return Planned("controller", RISKY, lambda: record.update(controllerName=boxes[0]))


@_plan("choice lost")
def _choice_lost(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not record["controllerName"]:
        return None
    return Planned(
        "allowedValues", RISKY, lambda: record["picklistValues"][0].update(validFor=_bits(1))
    )


@_plan("choice gained")
def _choice_gained(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if not record["controllerName"]:
        return None
    return Planned(
        "allowedValues", SAFE, lambda: record["picklistValues"][1].update(validFor=_bits(0, 1))
    )


@_plan("removed")
def _removed(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if record["controllerName"] or not _is_uncontrolling(record, describe):
        return None
    return Planned("gone", RISKY, lambda: describe["fields"].remove(record))


def _added(severity: Severity, **said: Any) -> Plan:
    """Return the mutation that adds a real field of another object, one that is not here too."""

    def plan(record: Record, describe: Record, rng: random.Random) -> Planned | None:
        other = _other_object(describe, rng)
        here = {
            text for f in _donors()[describe["name"]]["fields"] for text in (f["name"], f["label"])
        }
        here |= {text for f in describe["fields"] for text in (f["name"], f["label"])}
        new = copy.deepcopy(rng.choice(other["fields"]))
        if new["name"] in here or new["label"] in here or new["type"] == "boolean":
            return None
        new |= {"controllerName": None, **said}
        return Planned(
            "added", severity, lambda: describe["fields"].append(new), field_name=new["name"]
        )

    return plan


@cache
def _donors() -> Org:
    return load()


def _other_object(describe: Record, rng: random.Random) -> Record:
    return _donors()[rng.choice([name for name in _donors() if name != describe["name"]])]


MUTATIONS["added"] = _added(SAFE, nillable=True)


@_plan("added, required")
def _added_required(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    if "createable" not in record:
        return None
    said = {
        "nillable": False,
        "createable": True,
        "defaultedOnCreate": False,
        "defaultValue": None,
        "defaultValueFormula": None,
    }
    return _added(BREAKING, **said)(record, describe, rng)


def _is_uncontrolling(record: Record, describe: Record) -> bool:
    return all(f.get("controllerName") != record["name"] for f in describe["fields"])


def _renamed(record: Record, describe: Record, name: str, label: str) -> Planned | None:
    names = {f["name"] for f in describe["fields"]}
    if name in names or record["controllerName"] or not _is_uncontrolling(record, describe):
        return None
    return Planned("gone", RISKY, lambda: record.update(name=name, label=label), new_name=name)


def _stem(name: str) -> tuple[str, str]:
    stem = name.removesuffix("__c")
    return stem, name[len(stem) :]


@_plan("rename, same label")
def _same_label(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    return _renamed(record, describe, f"Ref_{rng.randrange(10**6)}__c", record["label"])


@_plan("rename, respelled")
def _respelled(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    stem, end = _stem(record["name"])
    other = stem.replace("_", "") if "_" in stem else stem.lower()
    return _renamed(record, describe, other + end, record["label"]) if other != stem else None


@_plan("rename, typing error")
def _typing_error(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    stem, end = _stem(record["name"])
    if len(stem) < 8 or len(record["label"]) < 8:
        return None
    name, label = (text[:3] + text[4] + text[3] + text[5:] for text in (stem, record["label"]))
    return None if name == stem else _renamed(record, describe, name + end, label)


@_plan("rename, one word more")
def _one_word_more(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    stem, end = _stem(record["name"])
    word = rng.choice(WORDS)
    if word.lower() in record["label"].lower():
        return None
    if rng.random() < 0.5:
        return _renamed(record, describe, f"{word}_{stem}{end}", f"{word} {record['label']}")
    return _renamed(record, describe, f"{stem}_{word}{end}", f"{record['label']} {word}")


@_plan("rename, synonym")
def _synonym(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    stem, end = _stem(record["name"])
    fitting = [
        (old, new)
        for old, new in SYNONYMS
        if old in record["label"].split()
        and old.replace(" ", "") in stem
        and new not in record["label"]
    ]
    if not fitting:
        return None
    old, new = rng.choice(fitting)
    name = stem.replace(old.replace(" ", ""), new.replace(" ", ""))
    return _renamed(record, describe, name + end, record["label"].replace(old, new))


def _of_object(name: str, told: str, severity: Severity, key: str, value: Any) -> None:
    def plan(record: Record, describe: Record, rng: random.Random) -> Planned | None:
        if describe[key] == value or rng.random() > 0.3:
            return None
        return Planned(told, severity, lambda: describe.update({key: value}), of_object=True)

    MUTATIONS[name] = plan


_of_object("object: label", "label", SAFE, "label", "Known otherwise")
_of_object("object: plural", "plural", SAFE, "labelPlural", "Known otherwise")
_of_object("object: not createable", "createable", RISKY, "createable", False)
_of_object("object: not updateable", "updateable", RISKY, "updateable", False)
_of_object("object: not queryable", "queryable", RISKY, "queryable", False)
_of_object("object: custom setting", "customSetting", RISKY, "customSetting", True)


@_plan("object: record type")
def _record_type(record: Record, describe: Record, rng: random.Random) -> Planned | None:
    own = [each for each in describe["recordTypeInfos"] if not each["master"]]
    if own:
        return Planned(
            "recordTypes", RISKY, lambda: describe["recordTypeInfos"].remove(own[0]), of_object=True
        )
    new = describe["recordTypeInfos"][0] | {
        "master": False,
        "name": "Partner",
        "developerName": "Partner",
        "defaultRecordTypeMapping": False,
    }
    return Planned(
        "recordTypes", SAFE, lambda: describe["recordTypeInfos"].append(new), of_object=True
    )


def _make_dependent(describe: Record) -> None:
    """Make one picklist depend on another."""
    lists = [f for f in describe["fields"] if f["type"] == "picklist" and not f["controllerName"]]
    lists = [f for f in lists if len(f["picklistValues"]) > 2]
    if len(lists) > 1:
        controlling, dependent = lists[:2]
        dependent |= {"controllerName": controlling["name"], "dependentPicklist": True}
        for value in dependent["picklistValues"]:
            value["validFor"] = _bits(0, 2)
        dependent["picklistValues"][1]["validFor"] = _bits(0)
        dependent["picklistValues"][0]["validFor"] = _bits(0, 1)


def _bits(*places: int) -> str:
    return base64.b64encode(bytes([sum(128 >> place for place in places)])).decode()
