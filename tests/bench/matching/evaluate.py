"""Evaluate the ranker on mappings that it was not fitted on, and the share of each part.

    python -m tests.bench.matching.evaluate              # all tables
    python -m tests.bench.matching.evaluate --quick      # the ranker and its peers only

Three groups of sets are kept apart. `known` are those of the shared data folder, each ranked with
a profile fitted without its family. `new` are the hand-made sets marked `report`, on which nothing
is fitted, chosen or tuned. `train` are the sets to fit and tune on, each ranked with a profile
fitted without its family. The ranker gets the two field lists only, as in `crmdeck match`. COMA is
included if valentine is installed (`uv run --with valentine ...`).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crmdeck.matching import RankContext, rank
from crmdeck.matching.confidence import Profile
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.evidence import Evidence
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Suggestion
from crmdeck.workspace.knowledge import load_knowledge

from . import metrics, peers
from .fit import Problem, fit_profiles, problems_of
from .metrics import Answer, Outcome, Result
from .sets import GoldSet, bundles, coded, hand_made_sets, run_together, shared_sets
from .vectors import MemoEncoder

WORST = 20
GROUPS = ("known", "new", "train")
ABLATIONS: Mapping[str, Collection[str]] = {
    "without words": ("closest",),
    "without meaning": ("csls", "soft"),
    "without words' meaning": ("soft",),
    "without types": ("type",),
    "without secondary words": ("secondary",),
    "without twins": ("twin",),
    "without locks": ("locked",),
}


@dataclass(frozen=True)
class Bench:
    """The sets to rank, the knowledge and the encoder."""

    sets: tuple[GoldSet, ...]
    knowledge: Knowledge
    encoder: Encoder | None

    def problems(self) -> list[Problem]:
        """Return the signals of all sets to fit on."""
        fitted_on = [gold for gold in self.sets if gold.use != "report"]
        return problems_of(fitted_on, self.knowledge, self.encoder)

    def run(self, group: str, profiles: Mapping[str, Profile]) -> Result:
        """Rank each set of a group."""
        return self.rank(of_group(self.sets, group), profiles)

    def rank(
        self, sets: Sequence[GoldSet], profiles: Mapping[str, Profile], accepted: int = 0
    ) -> Result:
        """Rank each set with the profile of its family, else with that of ''.

        `accepted` is the number of pairs, drawn at random, that are accepted before. They aren't
        counted.
        """
        found = {}
        for gold in sets:
            draw = random.Random(gold.name)
            pairs = sorted(gold.pairs.items())
            done = dict(draw.sample(pairs, min(accepted, max(len(pairs) - 1, 0))))
            suggestions = rank(
                gold.left,
                gold.right,
                context=RankContext(),
                knowledge=self.knowledge,
                encoder=self.encoder,
                evidence=Evidence(accepted=done),
                profile=profiles.get(gold.family, profiles[""]),
            )
            counted = [one for one in suggestions if one.partner_field not in done]
            found[gold.name] = metrics.outcomes(
                answers(counted), gold.pairs, exhaustive=gold.exhaustive
            )
        return found

    def looks(self, profiles: Mapping[str, Profile]) -> Iterator[tuple[str, Result]]:
        """Yield the results for the sets to fit on if less is known, or names are harder."""
        elsewhere = [gold for gold in self.sets if "elsewhere" in gold.kinds]
        sets = [
            gold
            for gold in self.sets
            if gold.use != "report" and not gold.without_file and gold not in elsewhere
        ]
        plain = [gold for gold in sets if "codes" not in gold.kinds and gold.use == "train"]
        foreign = [gold for gold in sets if gold.in_known_language]
        unknown = [gold for gold in self.sets if gold.without_file]
        several = bundles(sets)
        without_concepts = replace(self, knowledge=replace(self.knowledge, concepts={}))
        yield "without concepts", without_concepts.rank(sets, profiles)
        without_files = replace(self, knowledge=replace(self.knowledge, languages={}))
        yield "other languages, without their files", without_files.rank(foreign, profiles)
        for use, name in (("train", "fitted on"), ("report", "new")):
            chosen = [gold for gold in unknown if gold.use == use]
            yield f"languages without a file, {name}", self.rank(chosen, profiles)
        yield "lists about something else", self.rank(elsewhere, profiles)
        yield "bundles of three objects", self.rank(several, profiles)
        yield "bundles, five fields accepted", self.rank(several, profiles, accepted=5)
        codes = [coded(gold) for gold in sets]
        yield "names are codes", self.rank([gold for gold in codes if gold.pairs], profiles)
        for name, letters in (("run-together names", None), ("words of four letters", 4)):
            shorter = [run_together(gold, letters) for gold in plain]
            yield f"{name}, no labels", self.rank(shorter, profiles)


def of_group(sets: Sequence[GoldSet], group: str) -> list[GoldSet]:
    """Return the sets of a group."""
    use = "report" if group == "new" else group
    return [gold for gold in sets if gold.use == use]


def answers(suggestions: Sequence[Suggestion]) -> dict[str, Answer]:
    """Return suggestions as answers; the first of duplicate left fields counts."""
    found: dict[str, Answer] = {}
    for one in suggestions:
        others = tuple(alternative.crm_field for alternative in one.alternatives)
        candidates = (one.crm_field, *others) if one.crm_field else others
        shares = [alternative.confidence for alternative in one.alternatives]
        if one.crm_field:
            shares = [one.confidence, *shares]
        none = max(1 - sum(shares), 0) if one.crm_field else one.confidence
        found.setdefault(
            one.partner_field,
            Answer(candidates, one.crm_field, one.confidence, next(iter(shares), 0), none),
        )
    return found


def row(name: str, columns: metrics.Columns) -> str:
    """Return one row of a table of columns."""
    return f"| {name} | {columns.cells()} |"


def head(first: str, columns: str = metrics.HEAD) -> str:
    """Return the head of a table."""
    return f"| {first} | {columns} |\n|{'---|' * (columns.count('|') + 2)}"


def pool(result: Result) -> list[Outcome]:
    """Return the outcomes of all sets."""
    return [one for found in result.values() for one in found]


def by(result: Result, sets: Sequence[GoldSet], key: Callable[[GoldSet], Collection[str]]) -> str:
    """Return the macro columns of the sets by kind or language, one row each."""
    shared: dict[str, dict[str, Sequence[Outcome]]] = {}
    for gold in sets:
        for name in key(gold):
            if gold.name in result:
                shared.setdefault(name, {})[gold.name] = result[gold.name]
    return "\n".join(
        row(f"{name} ({len(found)})", metrics.macro(found))
        for name, found in sorted(shared.items())
    )


def worst_rows(result: Result) -> Iterator[str]:
    """Yield the mistakes with the highest confidence."""
    missed = [
        (one.answer.confidence, name, one)
        for name, found in result.items()
        for one in found
        if one.answer.suggested != one.true and one.answer.suggested
    ]
    yield head("confidence", "set | left field | true | suggested | rank of the true one")
    missed.sort(key=lambda item: (-item[0], item[1], item[2].left))
    for sure, name, one in missed[:WORST]:
        yield (
            f"| {sure:.2f} | {name} | {one.left} | {one.true or '(none)'} "
            f"| {one.answer.suggested} | {one.rank or '-'} |"
        )


def peer_results(
    sets: Sequence[GoldSet], encoder: Encoder
) -> Iterator[tuple[str, dict[str, list[Outcome]]]]:
    """Yield each peer's name and answers."""
    rivals: dict[str, peers.Peer] = {
        "rapidfuzz WRatio, names": peers.by_names,
        "rapidfuzz token_sort, names and labels": peers.by_words,
        "sentence encoder alone": peers.by_meaning(encoder),
    }
    if peers.has_coma():
        rivals["COMA (valentine), schema only"] = peers.by_coma
    for name, peer in rivals.items():
        yield (
            name,
            {
                gold.name: metrics.outcomes(peer(gold), gold.pairs, exhaustive=False)
                for gold in sets
                if gold.pairs
            },
        )


def report(title: str, result: Result, sets: Sequence[GoldSet]) -> None:
    """Print the tables of one group of sets."""
    print(f"\n## {title}: {len(result)} sets, {len(pool(result))} fields\n")
    print(head("set"))
    for name, found in result.items():
        print(row(name, metrics.columns(found)))
    print(row("**macro**", metrics.macro(result)))
    print(f"| 95% over fields | {metrics.interval(result, over_sets=False)} |")
    print(f"| 95% over sets | {metrics.interval(result, over_sets=True)} |")
    print(f"\n{head('by language')}\n{by(result, sets, lambda gold: (gold.languages,))}")
    print(f"\n{head('by kind')}\n{by(result, sets, lambda gold: gold.kinds)}")
    print(f"\n{head('answer', 'confidence | count | claimed | true')}")
    print(*metrics.reliability(pool(result)), sep="\n")
    exhaustive = {gold.name for gold in sets if gold.exhaustive}
    pooled = pool({name: one for name, one in result.items() if name in exhaustive})
    error, paired, floor = metrics.calibration(pooled)
    print(
        f"\nCalibration error of {len(pooled)} fields of exhaustive sets {error:.3f}. "
        f"Of those with a match {paired:.3f}, of a perfectly calibrated ranker {floor:.3f}."
    )
    print("\nWorst mistakes\n")
    print(*worst_rows(result), sep="\n")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="skip the ablations")
    parser.add_argument("--no-plain", action="store_true", help="only with the encoder")
    parser.add_argument("--group", choices=GROUPS, action="append", help="only these sets")
    arguments = parser.parse_args()
    sets = (*shared_sets(), *hand_made_sets())
    groups = [group for group in arguments.group or GROUPS if of_group(sets, group)]
    if missing := set(arguments.group or GROUPS) - set(groups):
        print(f"Skipped without their schemas: {', '.join(sorted(missing))}.")
    full = Bench(sets, load_knowledge(None), MemoEncoder())
    problems = full.problems()
    assert isinstance(full.encoder, MemoEncoder)
    full.encoder.save()
    started = time.perf_counter()
    profiles = fit_profiles(problems)
    print(f"fitted in {time.perf_counter() - started:.0f} s")
    results = {group: full.run(group, profiles) for group in groups}
    for group, result in results.items():
        report(group, result, sets)
    print(f"\n## Harder looks at the sets to fit on (macro)\n\n{head('look')}")
    for name, result in full.looks(profiles):
        print(row(f"{name} ({len(result)})", metrics.macro(result)), flush=True)
    full.encoder.save()

    if arguments.no_plain:
        return
    plain = replace(full, encoder=None)
    plain_profiles = fit_profiles(plain.problems())
    print("\n## Rankers (macro)\n")
    for group in groups:
        chosen = of_group(sets, group)
        print(f"\n{head(group)}")
        print(row("crmdeck", metrics.macro(results[group])))
        print(row("crmdeck, no encoder", metrics.macro(plain.run(group, plain_profiles))))
        for name, found in peer_results(chosen, full.encoder):
            print(row(name, metrics.macro(found)))
    if not arguments.quick:
        print("\n## Share of each part (refitted without it)\n")
        print(head("part and group"))
        for name, ablated, group in ablations(full, problems, groups):
            print(difference_row(f"{name}, {group}", results[group], ablated), flush=True)


def difference_row(name: str, ours: Result, theirs: Result) -> str:
    """Return the advantage over another ranker, with its interval over fields."""
    cells = " | ".join(
        f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
        for mean, low, high in metrics.difference(ours, theirs, over_sets=False)
    )
    return f"| {name} | {cells} |"


def ablations(
    full: Bench, problems: Sequence[Problem], groups: Collection[str]
) -> Iterator[tuple[str, Result, str]]:
    """Yield the results of the ranker refitted without each of its parts."""
    for name, signals in ABLATIONS.items():
        profiles = fit_profiles(problems, signals)
        for group in groups:
            yield name, full.run(group, profiles), group
    for part in ("languages", "concepts", "synonyms"):
        bare = replace(full, knowledge=replace(full.knowledge, **{part: {}}))
        profiles = fit_profiles(bare.problems())
        for group in groups:
            yield f"without {part} of the knowledge", bare.run(group, profiles), group


if __name__ == "__main__":
    main()
