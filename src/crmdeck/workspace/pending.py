"""A workspace that opens later: the console paints before the use cases are imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crmdeck import workspace
from crmdeck.home import demo_home, resolve_home


@dataclass(frozen=True)
class PendingWorkspace:
    """The facts about a workspace before it is open.

    `open` imports and opens it, which takes a few tenths of a second. It may run in any thread, and
    raises what `Workspace.open` raises.
    """

    home: Path
    read_only: bool
    open: Callable[[], workspace.Workspace]


@contextmanager
def open_later(
    home: Path | str | None = None, *, read_only: bool = False, demo: bool = False
) -> Iterator[PendingWorkspace]:
    """Yield the workspace at `home`, or the demo, to be opened later; close it at the end."""
    with ExitStack() as stack:
        # The stack closes at the end what was opened late, in whichever thread.
        def enter() -> workspace.Workspace:
            if demo:
                return stack.enter_context(workspace.open_demo(read_only=read_only, later=True))
            return stack.enter_context(workspace.Workspace.open(home, read_only=read_only))

        yield PendingWorkspace(demo_home() if demo else resolve_home(home), read_only, enter)
