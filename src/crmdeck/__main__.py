"""python -m crmdeck."""

from crmdeck.cli import main

main()
