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
PATIENCE = 30.0


def first_paint(
    command: Sequence[str], marker: str, environment: Mapping[str, str] | None = None
) -> float:
    """Return the seconds from starting `command` until `marker` is on its screen; then end it.

    Raises TimeoutError where it never comes.
    """
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], list(command), {**os.environ, **(environment or {})})
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        seen = b""
        while marker.encode() not in seen:
            if time.perf_counter() - started > PATIENCE:
                raise TimeoutError(f"{marker!r} was never painted")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - started
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)
