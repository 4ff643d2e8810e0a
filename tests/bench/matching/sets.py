"""Gold sets: two schemas and their true pairs.

Some are in the shared data folder, the hand-made ones in `gold/` (see `gold/README.md`). The
family of a set is the vendor of its left side.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from crmdeck.connectors.files import load_schema_file
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.matching.text import split_words
from crmdeck.model import Field, FieldType, PicklistValue

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data"
NO_FILE = "no file"
# Number of objects next to the true one in a bundle.
_OTHER_OBJECTS = 2
# A lead has the fields of an account and of a contact, so it would be as right as these.
_EVERYTHING = "/Lead"
HAND_MADE = Path(__file__).resolve().parent / "gold"


@dataclass(frozen=True)
class GoldSet:
    """One gold mapping; `exhaustive` if a left field without a pair truly has no match.

    `use` is `train` (fitted on), `report` (never fitted or tuned on) or `known` (the shared sets,
    fitted on, and reported with weights fitted without their family). `kinds` are its
    difficulties, `languages` those of both sides (`de>en`: left and right). `right_object` is the
    schema of the shared data folder on the right, such as `salesforce/org-a/Account`.
    """

    name: str
    family: str
    left: tuple[Field, ...]
    right: tuple[Field, ...]
    pairs: dict[str, str]
    exhaustive: bool
    use: str = "known"
    kinds: tuple[str, ...] = ("plain",)
    languages: str = "en"
    right_object: str = ""

    @property
    def without_file(self) -> bool:
        """True for a language without a language file."""
        return NO_FILE in self.kinds

    @property
    def in_known_language(self) -> bool:
        """True for a language other than English with a language file."""
        return "language" in self.kinds and not self.without_file


@dataclass(frozen=True)
class _Source:
    family: str
    exhaustive: bool


_KNOWN = {
    "crm_dynamics_account_sf_account": _Source("dynamics", exhaustive=True),
    "crm_dynamics_lead_sf_lead": _Source("dynamics", exhaustive=True),
    "crm_dealreg_sf_opportunity": _Source("partner", exhaustive=True),
    "crm_partner_sf_account": _Source("partner", exhaustive=True),
    "crm_hubspot_company_sf_account": _Source("hubspot", exhaustive=True),
    "real_hubspot_companies_sf_account": _Source("hubspot", exhaustive=False),
    "real_hubspot_contacts_sf_contact": _Source("hubspot", exhaustive=False),
}


def shared_sets(folder: Path = SHARED) -> list[GoldSet]:
    """Return the gold sets of the shared data folder, none without that folder."""
    index = folder / "gold" / "index.json"
    if not index.is_file():
        return []
    sets = []
    for entry in json.loads(index.read_text("utf-8"))["sets"]:
        known = _KNOWN.get(entry["name"], _Source(entry["name"], exhaustive=False))
        sets.append(
            GoldSet(
                name=entry["name"],
                family=known.family,
                left=read_schema(folder / entry["left"]),
                right=read_schema(folder / entry["right"]),
                pairs=read_pairs(folder / entry["pairs"]),
                exhaustive=known.exhaustive,
            )
        )
    return sets


def hand_made_sets() -> list[GoldSet]:
    """Return the hand-made sets (see `gold/README.md`).

    Sets whose right side is missing in the shared data folder are left out.
    """
    sets = []
    for entry in json.loads((HAND_MADE / "index.json").read_text("utf-8"))["sets"]:
        left = HAND_MADE / f"{entry['name']}.csv"
        place = entry["right"]
        shared = place.startswith("shared:")
        right = SHARED / place.removeprefix("shared:") if shared else HAND_MADE / place
        if not right.is_file():
            continue
        with left.open(encoding="utf-8", newline="") as file:
            pairs = {row["name"]: row["pair"] for row in csv.DictReader(file) if row["pair"]}
        sets.append(
            GoldSet(
                name=entry["name"],
                family=entry["family"],
                left=read_hand_made(left),
                right=read_schema(right) if shared else read_hand_made(right),
                pairs=pairs,
                exhaustive=True,
                use=entry["use"],
                kinds=tuple(entry["kinds"]),
                languages=entry["languages"],
                right_object=_object_of(place) if shared else "",
            )
        )
    return sets


def _object_of(place: str) -> str:
    """Return `salesforce/org-a/Account` for `shared:salesforce/org-a/Account.describe.json`."""
    path = PurePosixPath(place.removeprefix("shared:"))
    return "" if path.parts[0] == "gold" else str(path.with_name(path.name.partition(".")[0]))


def bundles(sets: Sequence[GoldSet]) -> list[GoldSet]:
    """Return the sets with one CRM object again, among two other objects of the same CRM.

    The names on the right have their object as path (`Account.Name`). Left fields without a pair
    aren't counted: another object may have one.
    """
    found = []
    objects = {one.right_object: one.right for one in sets if one.right_object}
    for number, gold in enumerate(one for one in sets if one.right_object):
        home, _, own = gold.right_object.rpartition("/")
        peers = [name for name in sorted(objects) if name.startswith(f"{home}/")]
        others = [
            name.rpartition("/")[2]
            for name in peers
            if name != gold.right_object and not name.endswith(_EVERYTHING)
        ]
        if len(others) < _OTHER_OBJECTS:
            continue
        first = number % len(others)
        chosen = sorted({own, *(others * 2)[first : first + _OTHER_OBJECTS]})
        right = tuple(
            field.model_copy(update={"name": f"{name}.{field.name}"})
            for name in chosen
            for field in objects[f"{home}/{name}"]
        )
        pairs = {left: f"{own}.{one}" for left, one in gold.pairs.items()}
        found.append(
            replace(gold, name=f"{gold.name} bundle", right=right, pairs=pairs, exhaustive=False)
        )
    return found


def run_together(gold: GoldSet, letters: int | None = None) -> GoldSet:
    """Return the set with the words of each left label as one name, and no labels.

    Each word is cut to its first `letters`.
    """
    names: dict[str, str] = {}
    for field in gold.left:
        words = split_words(field.label or field.name) or (field.name,)
        name = "".join(word[:letters] for word in words)
        names[field.name] = name if name not in names.values() else f"{name}x"
    left = tuple(
        field.model_copy(update={"name": names[field.name], "label": ""}) for field in gold.left
    )
    return replace(gold, left=left, pairs={names[one]: other for one, other in gold.pairs.items()})


def coded(gold: GoldSet) -> GoldSet:
    """Return the left fields that have a help text, with a code as name and label."""
    left = [field for field in gold.left if field.description]
    names = {field.name: f"UDF_{n:03}" for n, field in enumerate(left, 1)}
    return replace(
        gold,
        left=tuple(
            one.model_copy(update={"name": names[one.name], "label": names[one.name]})
            for one in left
        ),
        pairs={names[one]: other for one, other in gold.pairs.items() if one in names},
    )


def read_pairs(path: Path) -> dict[str, str]:
    """Return the true pairs of a set, left field to right field."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["left"]: row["right"] for row in csv.DictReader(file)}


def read_hand_made(path: Path) -> tuple[Field, ...]:
    """Return the fields of a hand-made file, whose columns are attributes of a field."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Field(
                name=row["name"],
                label=row["label"],
                description=row.get("description", ""),
                type=FieldType(row["type"]),
                picklist=tuple(
                    PicklistValue(value=value, label=value)
                    for value in row.get("picklist", "").split("|")
                    if value
                ),
            )
            for row in csv.DictReader(file)
        )


def read_schema(path: Path) -> tuple[Field, ...]:
    """Return the fields of a schema file: CSV, describe JSON, or HubSpot properties."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    if path.suffix == ".csv":
        return load_schema_file(path).fields
    data = json.loads(text)
    if isinstance(data, dict) and "fields" in data:
        return parse_object(data).fields
    properties: Sequence[dict[str, object]] = data["results"] if isinstance(data, dict) else data
    return parse_properties(path.name.partition(".")[0], "", properties).fields
