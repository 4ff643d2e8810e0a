"""How long a terminal program takes until it has painted something, in a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

SIZE = (40, 140)
PATIENCE = 60.0


def paints(
    command: Sequence[str], *markers: str, environment: Mapping[str, str] | None = None
) -> list[float]:
    """Return the seconds from starting `command` until each of `markers` is painted, in order.

    The program is ended then. Raises TimeoutError where one never comes.
    """
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], list(command), {**os.environ, **(environment or {})})
    try:
        resize(terminal)
        seen, times = b"", []
        for marker in markers:
            while marker.encode() not in seen:
                if time.perf_counter() - started > PATIENCE:
                    raise TimeoutError(f"{marker!r} was never painted")
                seen += os.read(terminal, 65536)
            times.append(time.perf_counter() - started)
            seen = seen[seen.index(marker.encode()) :]
        return times
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def resize(terminal: int) -> None:
    """Give a pseudo-terminal the size of `SIZE`."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
