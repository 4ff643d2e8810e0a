"""Evaluate what each knowledge file is worth: the ranker refitted without it.

    python -m tests.bench.matching.worth

Each row has the sets of known kinds and those to fit on, ranked with a profile fitted without their
family; for a language, those in that language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import crmdeck
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.knowledge_files import parse_knowledge

from . import metrics
from .evaluate import Bench
from .fit import fit_profiles
from .sets import GoldSet, hand_made_sets, shared_sets
from .vectors import MemoEncoder

FOLDER = Path(crmdeck.__file__).parent / "knowledge" / "matching"
# Not used to rank: the values of picklists, and the sources.
NOT_RANKING = ("values.toml", "systems.toml")
CODES = {
    "dutch": "nl",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "japanese": "ja",
    "portuguese": "pt",
    "spanish": "es",
}


def files() -> list[Path]:
    """Return the knowledge files of the matcher."""
    return [*sorted(FOLDER.glob("*.toml")), *sorted(FOLDER.glob("languages/*.toml"))]


def knowledge_without(left_out: Path | None) -> Knowledge:
    """Return the shipped knowledge without one file."""
    knowledge = Knowledge()
    for path in files():
        if path != left_out:
            knowledge = knowledge.extend(parse_knowledge(path.read_text("utf-8"), path.name))
    return knowledge


def rows(sets: Sequence[GoldSet]) -> Iterator[str]:
    """Yield the rows of the table."""
    encoder = MemoEncoder()
    full = Bench(tuple(sets), knowledge_without(None), encoder)
    ours = full.rank(sets, fit_profiles(full.problems()))
    for path in files():
        if path.name in NOT_RANKING:
            continue
        language = CODES.get(path.stem)
        chosen = [one for one in sets if language is None or language in one.languages.split(">")]
        bare = replace(full, knowledge=knowledge_without(path))
        theirs = bare.rank(chosen, fit_profiles(bare.problems()))
        gain = np.array(metrics.macro({one.name: ours[one.name] for one in chosen}).values())
        gain -= np.array(metrics.macro(theirs).values())
        hit1, _, _, covered, found, right, empty, keys = gain
        size = len(path.read_text("utf-8").splitlines())
        cells = " | ".join(f"{value:+.3f}" for value in (hit1, found, right, covered, empty, -keys))
        yield f"| {path.stem} | {size} | {len(chosen)} | {cells} |"
    encoder.save()


def main() -> None:
    """Print the table."""
    print("| file | lines | sets | first right | found | right | 90% match | empty | keys saved |")
    print("|---|---|---|---|---|---|---|---|---|")
    sets = [gold for gold in (*shared_sets(), *hand_made_sets()) if gold.use != "report"]
    for row in rows(sets):
        print(row, flush=True)


if __name__ == "__main__":
    main()
