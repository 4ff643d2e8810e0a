"""Measure how many recorded mutations of real describes drift detection finds.

Run as a script: `python -m tests.bench.drift_mutations --rounds 300`. A round makes 50 mutations in
six real objects, once in full describes and once in an export that leaves out whether a field can
be set on creation. Prints for each mutation the number made, found, with the right severity, and
offered as a rename; then each fault.
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
