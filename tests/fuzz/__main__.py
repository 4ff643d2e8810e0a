"""Feeds one target with what coverage leads to: `python -m tests.fuzz TARGET [SECONDS]`.

Needs atheris, which is no dependency of the project: `uv run --with atheris python -m tests.fuzz
describe 300`. What breaks the target is written to `tests/fuzz/found/TARGET`, where the suite
replays it; the corpus is kept in the temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

SECONDS = 180


def main() -> None:
    """Fuzz a target until the time is over, or until it breaks."""
    import atheris

    with atheris.instrument_imports(include=["crmdeck"]):
        from tests.fuzz.targets import TARGETS

    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        raise SystemExit(f"Name one of: {', '.join(TARGETS)}")
    seconds = sys.argv[2] if len(sys.argv) > 2 else str(SECONDS)
    target = TARGETS[name]
    corpus = Path(tempfile.gettempdir()) / "crmdeck-fuzz-corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    found = Path(__file__).parent / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    bounds = ["-max_len=20000", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]
    arguments = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", *bounds]
    command = [sys.argv[0], *arguments, str(corpus)]
    atheris.Setup(command, lambda data: target.try_out(data) and None)
    atheris.Fuzz()


main()
