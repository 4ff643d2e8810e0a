"""Builds the demo in another process, so that the console has a core for itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from crmdeck.model import Progress, ProgressCallback

MODULE = "crmdeck.workspace.demo"


class Builder:
    """A process that builds the demo at `home`, and prints its progress."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def wait(self, progress: ProgressCallback) -> None:
        """Report progress until the process exits."""
        for line in self._process.stdout or ():
            done, _, rest = line.partition(" ")
            total, _, label = rest.strip().partition(" ")
            if done.isdigit() and total.isdigit():
                progress(Progress(int(done), int(total), label))
        self._process.wait()

    def stop(self) -> None:
        """Stop the process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def print_progress(progress: Progress) -> None:
    """Print progress in the format that `Builder` reads."""
    sys.stdout.write(f"{progress.done} {progress.total or 0} {progress.label}\n")
    sys.stdout.flush()
