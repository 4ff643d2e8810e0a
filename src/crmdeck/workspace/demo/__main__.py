"""python -m crmdeck.workspace.demo HOME: build the demo and print the progress."""

import sys
from pathlib import Path

from crmdeck.workspace.demo import ensure_built
from crmdeck.workspace.demo.builder import print_progress

ensure_built(Path(sys.argv[1]), None, print_progress)
