"""The proof: how well the ranker does on mappings it was not fitted on, and what each part adds.

    python -m tests.bench.matching.evaluate              # all tables, about five minutes
    python -m tests.bench.matching.evaluate --quick      # the ranker and its peers only

Each set of the shared data folder is ranked by weights and a confidence fitted on the sets of the
other families (leave-one-family-out), shared and hand-made alike. Nothing is known of a set but
its two lists of fields, as in `crmdeck match`. COMA takes part where valentine is installed
(`uv run --with valentine python -m tests.bench.matching.evaluate`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import RankContext, SentenceEncoder, rank
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.profile import Profile
from crmdeck.model import Suggestion
from crmdeck.workspace.knowledge import load_knowledge

from . import metrics, peers
from .fit import (
    Problem,
    fit_profile,
    fit_weights,
    problem,
    profile_of,
    without_lexicon,
)
from .metrics import Answer, Outcome
from .sets import GoldSet, hand_made_sets, shared_sets

Result = dict[str, list[Outcome]]
LEXICON = ("concept", "conflict")
LEXICAL_WORDS = ("closest", "union", "label", "letters", "words")
ABLATIONS: Mapping[str, Collection[str]] = {
    "without the lexicon": LEXICON,
    "without the five word signals": LEXICAL_WORDS,
    "without the two cosines": ("short_cosine", "long_cosine"),
    "without types": ("type",),
    "without picklist values": ("values",),
    "without 'not the main one'": ("secondary",),
    "without twins": ("twin",),
    "without locks": ("locked",),
}
WORST = 10


class MemoEncoder:
    """The sentence encoder, each text encoded once."""

    def __init__(self) -> None:
        self._encoder = SentenceEncoder()
        self.name = self._encoder.name
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            self._vectors.update(zip(missing, self._encoder.encode(missing), strict=True))
        return np.stack([self._vectors[text] for text in texts])


@dataclass(frozen=True)
class Bench:
    """What is ranked, with which knowledge and encoder."""

    sets: tuple[GoldSet, ...]
    training: tuple[GoldSet, ...]
    knowledge: Knowledge
    encoder: Encoder | None

    def problems(self) -> list[Problem]:
        """Return all sets measured, shared ones first."""
        return [problem(gold, self.knowledge, self.encoder) for gold in self.training]

    def run(self, profiles: Mapping[str, Profile]) -> tuple[Result, float]:
        """Rank each set by the profile of its family; return also the seconds that took."""
        found: Result = {}
        started = time.perf_counter()
        for gold in self.sets:
            suggestions = rank(
                gold.left,
                gold.right,
                context=RankContext(),
                knowledge=self.knowledge,
                encoder=self.encoder,
                profile=profiles[gold.family],
            )
            found[gold.name] = metrics.outcomes(
                answers(suggestions), gold.pairs, exhaustive=gold.exhaustive
            )
        return found, time.perf_counter() - started


def answers(suggestions: Sequence[Suggestion]) -> dict[str, Answer]:
    """Return suggestions as answers; of left fields with one name, the first counts."""
    found: dict[str, Answer] = {}
    for one in suggestions:
        others = tuple(alternative.crm_field for alternative in one.alternatives)
        candidates = (one.crm_field, *others) if one.crm_field else others
        found.setdefault(one.partner_field, Answer(candidates, one.crm_field, one.confidence))
    return found


def held_out(
    problems: Sequence[Problem], families: Collection[str], without: Collection[str] = ()
) -> dict[str, Profile]:
    """Return for each family a profile fitted on all others, its confidence as well."""
    return {
        family: fit_profile([one for one in problems if one.gold.family != family], without)
        for family in families
    }


def held_out_weights(
    problems: Sequence[Problem], families: Collection[str], without: Collection[str]
) -> dict[str, Profile]:
    """Return the same without a confidence, for comparing orders only."""
    found = {}
    for family in families:
        kept = [one for one in problems if one.gold.family != family]
        found[family] = profile_of(fit_weights([*kept, *map(without_lexicon, kept)], without))
    return found


def order_only(profiles: Mapping[str, Profile]) -> dict[str, Profile]:
    """Return profiles that suggest whatever comes first, however unsure."""
    sure = replace(next(iter(profiles.values())).calibration, intercept=3.0, naming=0.0)
    flat = replace(sure, row_margin=0.0, column_margin=0.0)
    return {family: replace(profile, calibration=flat) for family, profile in profiles.items()}


def macro(result: Result, measure: Callable[[Sequence[Outcome]], float]) -> float:
    """Return the mean of a measure over the sets."""
    return float(np.mean([measure(found) for found in result.values()]))


def ranker_row(name: str, result: Result, seconds: float) -> str:
    """Return one line of the table of rankers."""
    hits = [macro(result, partial(metrics.hit, depth=depth)) for depth in (1, 3, 5)]
    reciprocal = macro(result, metrics.reciprocal_rank)
    cells = " | ".join(f"{value:.3f}" for value in (*hits, reciprocal))
    return f"| {name} | {cells} | {seconds * 1000:.0f} |"


def difference_row(name: str, ours: Result, theirs: Result) -> str:
    """Return one line of the table of differences, and on which sets the other one is ahead."""
    mean, low, high = metrics.bootstrap_difference(ours, theirs)
    ahead = [name for name in ours if metrics.hit(theirs[name], 1) > metrics.hit(ours[name], 1)]
    return f"| {name} | {mean:+.3f} | {low:+.3f} to {high:+.3f} | {', '.join(ahead) or 'none'} |"


def set_rows(result: Result) -> Iterator[str]:
    """Yield a line for each set.

    `at 0.9`: how many suggestions with that confidence are right among the fields with a pair,
    `held`: how many of the true pairs they hold, `all at 0.9`: fields without a pair included.
    """
    yield "| set | pairs | hit@1 | hit@3 | hit@5 | MRR | at 0.9 | held | all at 0.9 | ECE |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name, found in result.items():
        paired = metrics.paired(found)
        high, everything = metrics.band(paired, 0.9), metrics.band(found, 0.9)
        values = [metrics.hit(found, depth) for depth in (1, 3, 5)]
        cells = [f"{value:.3f}" for value in (*values, metrics.reciprocal_rank(found))]
        cells += [f"{high.precision:.3f}", f"{high.coverage:.3f}", f"{everything.precision:.3f}"]
        cells.append(f"{metrics.calibration_error(found):.3f}")
        yield f"| {name} | {len(paired)} | {' | '.join(cells)} |"


def band_rows(result: Result) -> Iterator[str]:
    """Yield precision and coverage by confidence, over the fields of all sets."""
    pool = [one for found in result.values() for one in found]
    paired = metrics.paired(pool)
    yield "| confidence at least | suggestions | right | of fields with a pair | true pairs held |"
    yield "|---|---|---|---|---|"
    for threshold in (*metrics.BANDS, 0.0):
        everything, known = metrics.band(pool, threshold), metrics.band(paired, threshold)
        yield (
            f"| {threshold} | {everything.count} | {everything.precision:.3f} "
            f"| {known.precision:.3f} | {everything.coverage:.3f} |"
        )
    yield f"\nCalibration error over all: {metrics.calibration_error(pool):.3f}"


def worst_rows(result: Result) -> Iterator[str]:
    """Yield the mistakes that were made with the most confidence."""
    missed = [
        (one.answer.confidence, name, one)
        for name, found in result.items()
        for one in found
        if one.answer.suggested != one.true and (one.true or one.answer.suggested)
    ]
    yield "| confidence | set | left field | true | suggested | rank of the true one |"
    yield "|---|---|---|---|---|---|"
    missed.sort(key=lambda item: (-item[0], item[1], item[2].left))
    for sure, name, one in missed[:WORST]:
        yield (
            f"| {sure:.2f} | {name} | {one.left} | {one.true or '(none)'} "
            f"| {one.answer.suggested or '(none)'} | {one.rank or '-'} |"
        )


def words_unknown(knowledge: Knowledge) -> Knowledge:
    """Return the knowledge without abbreviations and synonyms."""
    return Knowledge(
        values=knowledge.values,
        types=knowledge.types,
        systems=knowledge.systems,
        concepts=knowledge.concepts,
    )


def peer_results(sets: Sequence[GoldSet], encoder: Encoder) -> Iterator[tuple[str, Result, float]]:
    """Yield each peer's name, what it answered, and the seconds that took."""
    rivals: dict[str, peers.Peer] = {
        "rapidfuzz WRatio, names": peers.by_names,
        "sentence encoder alone": peers.by_meaning(encoder),
    }
    if peers.has_coma():
        rivals["COMA (valentine), schema only"] = peers.by_coma
    for name, peer in rivals.items():
        found: Result = {}
        started = time.perf_counter()
        for gold in sets:
            found[gold.name] = metrics.outcomes(peer(gold), gold.pairs, exhaustive=False)
        yield name, found, time.perf_counter() - started


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="leave the ablations out")
    parser.add_argument("--hand-made", action="store_true", help="score the hand-made sets too")
    arguments = parser.parse_args()
    shared, made = shared_sets(), hand_made_sets()
    if not shared:
        parser.exit(1, "The shared data folder is not there: nothing to evaluate.\n")
    scored = (*shared, *made) if arguments.hand_made else tuple(shared)
    families = sorted({gold.family for gold in scored})
    encoder = MemoEncoder()
    full = Bench(scored, (*shared, *made), load_knowledge(None), encoder)
    problems = full.problems()
    profiles = held_out(problems, families)
    full.run(profiles)
    result, seconds = full.run(profiles)

    print(f"## {len(scored)} sets, leave-one-family-out\n")
    print(*set_rows(result), sep="\n")
    print("\n## By confidence\n")
    print(*band_rows(result), sep="\n")

    plain = replace(full, encoder=None)
    plain_problems = plain.problems()
    plain_profiles = held_out(plain_problems, families)
    plain_result, plain_seconds = plain.run(plain_profiles)
    results = [("crmdeck", result, seconds), ("crmdeck, no encoder", plain_result, plain_seconds)]
    results.extend(peer_results(scored, encoder))
    print("\n## Rankers (macro means; milliseconds for all sets, vectors cached)\n")
    print("| ranker | hit@1 | hit@3 | hit@5 | MRR | ms |\n|---|---|---|---|---|---|")
    print(*(ranker_row(*row) for row in results), sep="\n")
    print("\n## No encoder, by confidence\n")
    print(*band_rows(plain_result), sep="\n")
    print("\n## How far crmdeck is ahead (hit@1, 95 % bootstrap interval)\n")
    print("| of | difference | interval | sets where the other is ahead |\n|---|---|---|---|")
    print(*(difference_row(name, result, other) for name, other, _ in results[1:]), sep="\n")
    print("\n## Worst mistakes\n")
    print(*worst_rows(result), sep="\n")
    if not arguments.quick:
        print("\n## What each part is worth (refitted without it)\n")
        print("| part | hit@1 | hit@3 | hit@5 | MRR | ms |\n|---|---|---|---|---|---|")
        ablated = dict(ablations(full, problems, families))
        whole, seconds = full.run(order_only(profiles))
        print(ranker_row("everything", whole, seconds))
        print(*(ranker_row(name, *found) for name, found in ablated.items()), sep="\n")
        print("\n| part | worth (hit@1) | interval | sets better without |\n|---|---|---|---|")
        print(*(difference_row(name, whole, one) for name, (one, _) in ablated.items()), sep="\n")


def ablations(
    full: Bench, problems: Sequence[Problem], families: Collection[str]
) -> Iterator[tuple[str, tuple[Result, float]]]:
    """Yield what is left of the ranker without each of its parts, refitted."""
    for name, signals in ABLATIONS.items():
        yield name, full.run(order_only(held_out_weights(problems, families, signals)))
    bare = replace(full, knowledge=words_unknown(full.knowledge))
    yield (
        "without abbreviations and synonyms",
        bare.run(order_only(held_out_weights(bare.problems(), families, ()))),
    )


if __name__ == "__main__":
    main()
