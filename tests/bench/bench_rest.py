"""What the open console costs while nobody presses a key: `python -m tests.bench rest`.

Measures the share of a core over some seconds, in a pseudo-terminal: bare Textual apps with the
same cursor and dialog, and the demo console, each alone and with a dialog open.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Figure, show
from tests.bench.painting import resize

BARE = """
from textual.app import App
from textual.screen import ModalScreen
from textual.widgets import Input, Static
class Below(ModalScreen):
    def compose(self):
        yield Input()
class Bare(App):
    def compose(self):
        yield Static("ready to rest")
    def on_key(self, event):
        if event.key == "f5":
            self.push_screen(Below())
Bare().run()
"""
CONSOLE = ("-m", "crmdeck", "demo")
F5, GO_TO, HELP = b"\x1b[15~", b"\x0b", b"?"
MEASURED = (
    ("a bare Textual app", ("-c", BARE), "ready to rest", b"", ""),
    ("the console", CONSOLE, "acme-prod", b"", "a bare Textual app"),
    ("a bare dialog with a cursor", ("-c", BARE), "ready to rest", F5, ""),
    ("go to anything", CONSOLE, "acme-prod", GO_TO, "a bare dialog with a cursor"),
    ("help", CONSOLE, "acme-prod", HELP, "a bare dialog with a cursor"),
)
SETTLE = 6.0


def figures(quick: bool) -> Iterator[Figure]:
    """Yield the percent of a core that each program uses at rest."""
    seconds = 4.0 if quick else 10.0
    for name, command, marker, keys, peer in MEASURED:
        share = at_rest((sys.executable, *command), marker, keys, seconds)
        yield Figure(name, "% of a core", share, peer)


def at_rest(command: Sequence[str], marker: str, keys: bytes, seconds: float) -> tuple[float, ...]:
    """Return the percent of a core used in each of three periods, after `marker` is painted."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], list(command))
    try:
        resize(terminal)
        seen = b""
        while marker.encode() not in seen:
            seen += os.read(terminal, 65536)
        drain(terminal, SETTLE)
        if keys:
            os.write(terminal, keys)
            drain(terminal, SETTLE)
        shares = []
        for _ in range(3):
            before = processor_seconds(child)
            drain(terminal, seconds)
            shares.append(100 * (processor_seconds(child) - before) / seconds)
        return tuple(shares)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def until_rest(command: Sequence[str], seconds: float) -> tuple[float, float]:
    """Return the processor seconds of a program until it rests, and the percent of a core then.

    It rests when it uses less than a twentieth of a core for two seconds.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], list(command))
    try:
        resize(terminal)
        spent = [0.0]
        while len(spent) < 6 or spent[-1] - spent[-5] > 0.1:
            drain(terminal, 0.5)
            spent.append(processor_seconds(child))
        drain(terminal, seconds)
        return spent[-1], 100 * (processor_seconds(child) - spent[-1]) / seconds
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def drain(terminal: int, seconds: float) -> None:
    """Read what the program paints for some seconds."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far, from Linux's `/proc`."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    show(figures(quick=False))
