"""What is tried for hours: killed processes, crowds, full disks, damaged files, hostile requests.

    python -m tests.soak crash [--kills N] [--engine duckdb|postgresql] [--seed N]
    python -m tests.soak crowd [--seconds N] [--engine ...]
    python -m tests.soak disk [--rounds N]
    python -m tests.soak damage [--cases N]
    python -m tests.soak hostile [--requests N] [--engine ...]

Each has a bounded form in the suite, of the same code with smaller numbers.
"""
