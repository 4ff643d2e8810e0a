"""Measure what drift detection tells of recorded mutations of real describes.

Run as a script: `python -m tests.bench.drift_mutations --rounds 300`. A round makes 50 mutations in
six real objects, once in full describes and once in an export that does not say what can be set on
creation. Prints, by mutation: how many there were, how many were told, how many with the right
severity, and of the renames how many were offered; then what went wrong.
"""

from __future__ import annotations

import argparse

from tests.drift.mutations import Score, load, play, reduced


def main() -> None:
    """Play the rounds and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--first-seed", type=int, default=1_000)
    options = parser.parse_args()
    org, score = load(), Score()
    for seed in range(options.first_seed, options.first_seed + options.rounds):
        play(org, seed, score)
        play(reduced(org), seed, score)
    print(*score.rows(), sep="\n")
    for line in score.faults():
        print(line)


if __name__ == "__main__":
    main()
