"""What is tried for hours: processes that are killed, crowds, full disks and damaged files.

    python -m tests.soak crash [--kills N] [--engine duckdb|postgresql] [--seed N]
    python -m tests.soak crowd [--seconds N] [--engine ...]
    python -m tests.soak disk [--rounds N]
    python -m tests.soak damage [--cases N]

Each has a bounded form in the suite, of the same code with smaller numbers.
"""
