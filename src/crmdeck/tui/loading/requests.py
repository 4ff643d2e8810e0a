"""Load in the background: a worker thread, one frozen answer, one repaint.

A widget that loads something has a `Loader` and calls `load(slot, work, then)`. `work` runs in a
thread and gets a `Job`, for progress and cancellation. `then` runs on the event loop with the
result. A newer request on a slot replaces the older one, whose answer is dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from crmdeck.errors import CacheError, CanceledError, CrmdeckError
from crmdeck.model import CancelToken, Progress

T = TypeVar("T")
Failed = Callable[[CrmdeckError], None]

PAINTED_WITHIN = 0.25
"""Seconds that work waits for a paint at most."""

PROGRESS_INTERVAL = 0.05
"""Seconds between two reports of progress; reports in between are dropped."""


class UnexpectedError(CrmdeckError):
    """A bug in crmdeck. Its type is shown, its message is not: it may contain a secret."""

    code = "UNEXPECTED"


class Job:
    """The worker's side of one request: it reports progress, and stops when canceled."""

    def __init__(self, report: Callable[[Progress], object]) -> None:
        self.cancel = CancelToken()
        self._report = report
        self._reported = 0.0
        self._waiting = ""

    def progress(self, progress: Progress) -> None:
        """Report progress, from any thread and as often as you like."""
        now = monotonic()
        finished = progress.total is not None and progress.done >= progress.total
        # The last report, and the start and end of a wait, always show.
        important = finished or progress.waiting != self._waiting
        if important or now - self._reported >= PROGRESS_INTERVAL:
            self._reported = now
            self._waiting = progress.waiting
            self._report(progress)


@dataclass(frozen=True)
class Request:
    """One request in progress."""

    number: int
    label: str
    job: Job
    failed: Failed
    cancellable: bool
    quiet: bool
    unreadable: Failed | None


@dataclass(frozen=True)
class Busy:
    """What the progress line shows; without `progress` before the first report."""

    label: str
    progress: Progress | None = None
    cancellable: bool = True


@dataclass
class BusyChanged(Message):
    """Bubbles up to the screen when `loader` starts or finishes something."""

    loader: Loader
    busy: Busy | None


class Loader:
    """Loads for `owner`, a widget or screen that closes it when unmounted. Event loop only.

    `failed` shows the errors of requests that have no `failed` of their own.
    """

    def __init__(self, owner: Widget, failed: Failed) -> None:
        self._owner = owner
        self.failed = failed
        self._requests: dict[str, Request] = {}
        self._count = 0
        self._unreadable: Failed | None = None

    @property
    def is_loading(self) -> bool:
        """True if a request is in progress."""
        return bool(self._requests)

    def loads(self, *slots: str) -> bool:
        """True if a request on one of the slots is in progress."""
        return not self._requests.keys().isdisjoint(slots)

    @property
    def can_cancel(self) -> bool:
        """True if the user can cancel a request in progress."""
        return any(request.cancellable for request in self._requests.values())

    @contextmanager
    def quietly(self, unreadable: Failed | None) -> Iterator[None]:
        """Keep requests made inside, and those their answers make, off the progress line.

        If the cache can't be read, only `unreadable` gets the error. None has no effect.
        """
        before, self._unreadable = self._unreadable, unreadable
        try:
            yield
        finally:
            self._unreadable = before

    def load(
        self,
        slot: str,
        work: Callable[[Job], T],
        then: Callable[[T], None],
        *,
        label: str = "loading",
        failed: Failed | None = None,
        cancellable: bool = True,
        quiet: bool = False,
        after_paint: bool = False,
    ) -> None:
        """Run `work` in a thread, then `then` with its result; replaces the request on `slot`.

        `quiet` work stays off the progress line. `failed` gets an error, by default that of the
        loader; a canceled request ends silently. `after_paint` delays the work, which would slow
        down painting, until the screen is painted.
        """
        self.cancel(slot)
        self._count += 1
        number = self._count
        # Threads must not touch the loader: progress goes through the owner's message queue.
        job = Job(partial(self._owner.call_later, self._progressed, slot, number))
        quiet = quiet or self._unreadable is not None
        self._requests[slot] = Request(
            number=number,
            label=label,
            job=job,
            failed=failed or self.failed,
            cancellable=cancellable and not quiet,
            quiet=quiet,
            unreadable=self._unreadable,
        )
        if not quiet:
            self._show_busy()
        painted = threading.Event()
        if after_paint:
            self._owner.call_after_refresh(painted.set)
        else:
            painted.set()

        def run() -> None:
            painted.wait(PAINTED_WITHIN)
            outcome: Callable[[], None] | CrmdeckError
            try:
                outcome = partial(then, work(job))
            except Exception as error:  # noqa: BLE001 - the console must survive any error
                outcome = as_crmdeck_error(error)
            # Textual cancels the workers of a widget that leaves the screen.
            if not get_current_worker().is_cancelled:
                self._owner.call_later(self._finished, slot, number, outcome)

        self._owner.run_worker(
            run,
            group=f"load-{slot}",
            # Without a description Textual prints all data that the work refers to.
            description=label or slot,
            thread=True,
            # Errors come back as outcomes. Textual would end the console.
            exit_on_error=False,
        )

    def cancel(self, slot: str | None = None) -> bool:
        """Cancel the request on `slot`, or all cancellable ones; return False if none."""
        if slot is not None:
            slots = [slot] if slot in self._requests else []
        else:
            slots = [name for name, request in self._requests.items() if request.cancellable]
        requests = [self._requests.pop(name) for name in slots]
        for request in requests:
            request.job.cancel.cancel()
        if not all(request.quiet for request in requests):
            self._show_busy()
        return bool(requests)

    def close(self) -> None:
        """Cancel everything; no answer arrives after this."""
        for request in self._requests.values():
            request.job.cancel.cancel()
        self._requests.clear()

    def _finished(self, slot: str, number: int, outcome: Callable[[], None] | CrmdeckError) -> None:
        request = self._requests.get(slot)
        # A widget that is leaving the screen has already lost its children.
        if request is None or request.number != number or not self._owner.is_attached:
            return
        del self._requests[slot]
        if not request.quiet:
            self._show_busy()
        with self.quietly(request.unreadable):
            if not isinstance(outcome, CrmdeckError):
                outcome()
            elif request.unreadable is not None and isinstance(outcome, CacheError):
                request.unreadable(outcome)
            elif not isinstance(outcome, CanceledError):
                request.failed(outcome)

    def _progressed(self, slot: str, number: int, progress: Progress) -> None:
        request = self._requests.get(slot)
        if request is not None and request.number == number and not request.quiet:
            busy = Busy(request.label, progress, request.cancellable)
            self._owner.post_message(BusyChanged(self, busy))

    def _show_busy(self) -> None:
        shown = [request for request in self._requests.values() if not request.quiet]
        busy = Busy(shown[-1].label, cancellable=shown[-1].cancellable) if shown else None
        self._owner.post_message(BusyChanged(self, busy))


class LoadQueue:
    """Runs work that can't be canceled one at a time, on one slot of a loader."""

    def __init__(self, loader: Loader, slot: str) -> None:
        self._loader = loader
        self._slot = slot
        self._waiting: deque[Callable[[], None]] = deque()

    def put(
        self,
        work: Callable[[Job], T],
        then: Callable[[T], object],
        *,
        failed: Failed,
        label: str,
    ) -> None:
        """Run `work` when all earlier work is done, as `Loader.load` does."""

        def done(result: T) -> None:
            self._start_next()
            then(result)

        def not_done(error: CrmdeckError) -> None:
            self._start_next()
            failed(error)

        def start() -> None:
            self._loader.load(
                self._slot, work, done, failed=not_done, label=label, cancellable=False
            )

        self._waiting.append(start)
        if len(self._waiting) == 1:
            start()

    def _start_next(self) -> None:
        self._waiting.popleft()
        if self._waiting:
            self._waiting[0]()


def is_loading(screen: Widget) -> bool:
    """True if `screen`, or a widget on it that has a `loader`, has a request in progress."""
    loaders = (getattr(node, "loader", None) for node in screen.walk_children(with_self=True))
    return any(isinstance(loader, Loader) and loader.is_loading for loader in loaders)


def as_crmdeck_error(error: Exception) -> CrmdeckError:
    """Return `error`, or an `UnexpectedError` in place of one that must not be shown."""
    if isinstance(error, CrmdeckError):
        return error
    return UnexpectedError(
        "Unexpected error in crmdeck.",
        cause=f"crmdeck raised {type(error).__name__}.",
        remedy="Try again. If it happens again, report it: crmdeck doctor",
    )
