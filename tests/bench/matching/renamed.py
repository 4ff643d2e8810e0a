"""Evaluate what decisions in one connection bring to another that names its fields differently.

    python -m tests.bench.matching.renamed

In each of the sets to fit on, 40% of the true CRM fields get a customer's own name, which no
PartnerOS field resembles, and some fields without a pair share the customer's word. All true pairs
are accepted in a second org that names the same fields in one of the `STYLES`. The ranking has no
encoder, and the profile of a set is fitted without its family.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from crmdeck.matching import Evidence, RankContext, rank
from crmdeck.matching.evidence import Example
from crmdeck.model import Field, Suggestion
from crmdeck.workspace.knowledge import load_knowledge

from .fit import fit_profiles, problems_of, training_sets
from .sets import GoldSet

SEED = 5
RENAMED = 0.4
MIN_PAIRS = 8
SETS = 16
CUSTOMER = "Vexio"
_SYLLABLES = ("bra", "du", "fen", "gol", "ki", "lum", "mor", "nas", "pex", "rit", "sov", "tul")

Words = tuple[str, ...]
Style = Callable[[Words, int], tuple[str, str]]

# The name and the label that the second org gives a field, from the first org's own words.
STYLES: Mapping[str, Style] = {
    "with a prefix": lambda words, n: (f"ACM_{'_'.join(words)}__c", f"ACM {' '.join(words)}"),
    "written together": lambda words, n: (f"{''.join(words).lower()}__c", ""),
    "with one more word": lambda words, n: (f"{'_'.join(words)}_Main__c", ""),
    "only the label kept": lambda words, n: (f"F{n}__c", " ".join(words)),
    "only the API name kept": lambda words, n: (f"{'_'.join(words)}__c", f"Feld {n}"),
    "half of it": lambda words, n: (f"{words[0]}_Zubrim__c", f"{words[0]} Zubrim"),
}


@dataclass(frozen=True)
class Renamed:
    """A set with its right side in the first org's names.

    `own` has the words of the renamed fields by their new name, `pairs` all true pairs in the new
    names.
    """

    gold: GoldSet
    right: tuple[Field, ...]
    own: Mapping[str, Words]
    pairs: Mapping[str, str]


def rename(gold: GoldSet) -> Renamed:
    """Give some of the true CRM fields, and as many others, names of the customer's own words."""
    draw = random.Random(f"{SEED}{gold.name}")
    true = sorted(set(gold.pairs.values()))
    chosen = draw.sample(true, round(RENAMED * len(true)))
    rest = sorted({field.name for field in gold.right} - set(true))
    decoys = draw.sample(rest, min(len(chosen), len(rest)))
    words = {
        name: (CUSTOMER, *("".join(draw.sample(_SYLLABLES, 2)).title() for _ in range(2)))
        for name in (*chosen, *decoys)
    }
    names = {name: f"{'_'.join(own)}__c" for name, own in words.items()}
    right = tuple(
        field.model_copy(update={"name": names[field.name], "label": " ".join(words[field.name])})
        if field.name in names
        else field
        for field in gold.right
    )
    return Renamed(
        gold,
        right,
        {names[name]: words[name] for name in chosen},
        {left: names.get(one, one) for left, one in gold.pairs.items()},
    )


def examples(one: Renamed, style: Style | None) -> tuple[Example, ...]:
    """Return the decisions of the second org, all fields in the same names if there is no style."""
    left = {field.name: field for field in one.gold.left}
    right = {field.name: field for field in one.right}
    found = []
    for number, (name, target) in enumerate(sorted(one.pairs.items())):
        theirs = right[target]
        if style is not None and target in one.own:
            changed = dict(zip(("name", "label"), style(one.own[target], number), strict=True))
            theirs = theirs.model_copy(update=changed)
        found.append(Example(left[name], theirs, "acme-emea"))
    return tuple(found)


@dataclass
class Counts:
    """Counts over the renamed fields, the others with a pair, and those without."""

    renamed: int = 0
    found: int = 0
    wrong: int = 0
    others: int = 0
    others_found: int = 0
    empty: int = 0
    shown_empty: int = 0

    def add(self, one: Renamed, suggestions: tuple[Suggestion, ...]) -> None:
        """Count the answers of one set."""
        for each in suggestions:
            target = one.pairs.get(each.partner_field)
            if target is None:
                self.empty += one.gold.exhaustive
                self.shown_empty += one.gold.exhaustive and each.crm_field is not None
            elif target in one.own:
                self.renamed += 1
                self.found += each.crm_field == target
                self.wrong += each.crm_field not in (None, target)
            else:
                self.others += 1
                self.others_found += each.crm_field == target

    def cells(self) -> str:
        """Return them as cells of a table."""
        return (
            f"{self.found / self.renamed:.3f} | {self.wrong / self.renamed:.3f} "
            f"| {self.others_found / self.others:.3f} | {self.shown_empty} of {self.empty}"
        )


def rows() -> Iterator[str]:
    """Yield the rows of the table."""
    gold = training_sets()
    knowledge = load_knowledge(None)
    profiles = fit_profiles(problems_of(gold, knowledge, None))
    sets = [rename(one) for one in gold if len(one.pairs) >= MIN_PAIRS][:SETS]
    styles: dict[str, Callable[[Renamed], Evidence]] = {
        "no decisions": lambda one: Evidence(),
        "the same names": lambda one: Evidence(connections=examples(one, None)),
    }
    for name, style in STYLES.items():
        styles[name] = lambda one, style=style: Evidence(  # type: ignore[misc]
            connections=examples(one, style)
        )
    for name, evidence_of in styles.items():
        counts = Counts()
        for one in sets:
            suggestions = rank(
                one.gold.left,
                one.right,
                context=RankContext(),
                knowledge=knowledge,
                encoder=None,
                evidence=evidence_of(one),
                profile=profiles.get(one.gold.family, profiles[""]),
            )
            counts.add(one, suggestions)
        yield f"| {name} | {counts.cells()} |"


def main() -> None:
    """Print the table."""
    print("| the other org names a field | found | wrong | others found | shown without a pair |")
    print("|---|---|---|---|---|")
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
