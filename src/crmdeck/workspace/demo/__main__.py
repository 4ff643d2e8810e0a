"""python -m crmdeck.workspace.demo HOME: build the demo and say how far it is."""

import sys
from pathlib import Path

from crmdeck.workspace.demo import ensure_built
from crmdeck.workspace.demo.builder import tell

ensure_built(Path(sys.argv[1]), None, tell)
