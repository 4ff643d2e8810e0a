"""The one way of loading: a worker thread, one frozen answer, one repaint.

A widget that loads something holds a `Loader` and calls `load(slot, work, then)`. `work` runs in a
thread and gets a `Job`, to report progress to and to be cancelled by; `then` runs on the event loop
with its result.
A newer request on the same slot makes an older one's answer worthless: it is dropped.
What is loaded `quietly` stays off the progress line, and so does what its answers load in turn.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from crmdeck.errors import CacheError, CancelledError, CrmdeckError
from crmdeck.model import CancelToken, Progress

T = TypeVar("T")
Failed = Callable[[CrmdeckError], None]

PAINTED_WITHIN = 0.25
"""Seconds that work may wait for a paint."""

PROGRESS_INTERVAL = 0.05
"""Seconds between two words of progress; what comes faster is left out."""


class UnexpectedError(CrmdeckError):
    """A mistake of crmdeck itself; its kind is told, its insides are not."""

    code = "UNEXPECTED"


class Job:
    """The worker's side of one request; `tell` is called with progress, from any thread."""

    def __init__(self, tell: Callable[[Progress], object]) -> None:
        self.cancel = CancelToken()
        self._tell = tell
        self._reported = 0.0
        self._waiting = ""

    def progress(self, progress: Progress) -> None:
        """Tell how far the work is; may be called from any thread, as often as it likes."""
        now = monotonic()
        finished = progress.total is not None and progress.done >= progress.total
        news = finished or progress.waiting != self._waiting
        if news or now - self._reported >= PROGRESS_INTERVAL:
            self._reported = now
            self._waiting = progress.waiting
            self._tell(progress)


@dataclass(frozen=True)
class Request:
    """One request that is under way."""

    number: int
    label: str
    job: Job
    then: Callable[[Any], None]
    failed: Callable[[CrmdeckError], None]
    cancellable: bool = True
    quiet: bool = False
    quietly: Failed | None = None


@dataclass(frozen=True)
class Busy:
    """What is being loaded, for the progress line; `progress` is None while nothing is known."""

    label: str
    progress: Progress | None = None
    cancellable: bool = True

    @classmethod
    def of(cls, request: Request, progress: Progress | None = None) -> Busy:
        """Return what the progress line says about `request`."""
        return cls(request.label, progress, request.cancellable)


class BusyChanged(Message):
    """Bubbles up to the screen: `loader` is at something else, or at nothing any more."""

    def __init__(self, loader: Loader, busy: Busy | None) -> None:
        super().__init__()
        self.loader, self.busy = loader, busy


class Loader:
    """Loads for `owner`, a widget or screen, which closes it as it is unmounted.

    `failed` shows an error that no caller of `load` wanted for itself. To be called on the event
    loop only.
    """

    def __init__(self, owner: Widget, failed: Callable[[CrmdeckError], None]) -> None:
        self._owner = owner
        self.failed = failed
        self._requests: dict[str, Request] = {}
        self._count = 0
        self._quietly: Failed | None = None

    @property
    def is_loading(self) -> bool:
        """Whether any request is under way."""
        return bool(self._requests)

    @property
    def can_cancel(self) -> bool:
        """Whether any request is under way that may be given up."""
        return any(_may_be_given_up(request) for request in self._requests.values())

    @contextmanager
    def quietly(self, failed: Failed | None) -> Iterator[None]:
        """Load quietly what is loaded inside, and what its answers load.

        Where the cache can't be read then, `failed` is told and nobody else: what shows stays.
        None loads as ever.
        """
        before, self._quietly = self._quietly, failed
        try:
            yield
        finally:
            self._quietly = before

    def load(
        self,
        slot: str,
        work: Callable[[Job], T],
        then: Callable[[T], None],
        *,
        label: str = "loading",
        failed: Callable[[CrmdeckError], None] | None = None,
        cancellable: bool = True,
        quiet: bool = False,
        after_paint: bool = False,
    ) -> None:
        """Run `work` in a thread and `then` with its result; replaces what `slot` had going.

        `quiet` work is not shown on the progress line: nobody waits for it. An error goes to
        `failed`, or to that of the loader; a cancelled request ends in silence. `after_paint` lets
        what there is to show be painted first, which the work would slow down.
        """
        self.cancel(slot)
        self._count += 1
        number = self._count
        # A thread may not touch the loader: what it tells goes through the owner's queue.
        job = Job(partial(self._owner.call_later, self._progressed, slot, number))
        quietly = self._quietly
        self._requests[slot] = request = Request(
            number,
            label,
            job,
            then,
            failed or self.failed,
            cancellable,
            quiet or quietly is not None,
            quietly,
        )
        if not request.quiet:
            self._tell_busy()
        painted = threading.Event()
        if after_paint:
            self._owner.call_after_refresh(painted.set)
        else:
            painted.set()
        self._owner.run_worker(
            partial(self._run, slot, number, work, job, painted),
            group=f"load-{slot}",
            # Without one Textual writes out all that the work holds on to, which may be large.
            description=label or slot,
            thread=True,
            exit_on_error=False,
        )

    def cancel(self, slot: str | None = None) -> bool:
        """Give up what `slot` (None: every cancellable slot) has going; return if it had."""
        given_up = [
            name
            for name, request in self._requests.items()
            if name == slot or (slot is None and _may_be_given_up(request))
        ]
        requests = [self._requests.pop(name) for name in given_up]
        for request in requests:
            request.job.cancel.cancel()
        if not all(request.quiet for request in requests):
            self._tell_busy()
        return bool(given_up)

    def close(self) -> None:
        """Stop the work that nobody waits for any more; no answer arrives from here on."""
        for request in self._requests.values():
            request.job.cancel.cancel()
        self._requests.clear()

    def _run(
        self,
        slot: str,
        number: int,
        work: Callable[[Job], T],
        job: Job,
        painted: threading.Event,
    ) -> None:
        painted.wait(PAINTED_WITHIN)
        outcome: tuple[T] | CrmdeckError
        try:
            outcome = (work(job),)
        except Exception as error:  # noqa: BLE001 - whatever it is, the console must stay up
            outcome = as_crmdeck_error(error)
        if not get_current_worker().is_cancelled:
            self._owner.call_later(self._finished, slot, number, outcome)

    def _finished(self, slot: str, number: int, outcome: tuple[Any] | CrmdeckError) -> None:
        """Hand the outcome on, unless it is late, or a cancel that the user asked for."""
        request = self._requests.get(slot)
        # A widget that is leaving the screen has lost its children already.
        if request is None or request.number != number or not self._owner.is_attached:
            return
        del self._requests[slot]
        if not request.quiet:
            self._tell_busy()
        with self.quietly(request.quietly):
            if not isinstance(outcome, CrmdeckError):
                request.then(outcome[0])
            elif request.quietly is not None and isinstance(outcome, CacheError):
                request.quietly(outcome)
            elif not isinstance(outcome, CancelledError):
                request.failed(outcome)

    def _progressed(self, slot: str, number: int, progress: Progress) -> None:
        request = self._requests.get(slot)
        if request is not None and request.number == number and not request.quiet:
            self._owner.post_message(BusyChanged(self, Busy.of(request, progress)))

    def _tell_busy(self) -> None:
        requests = [one for one in self._requests.values() if not one.quiet]
        self._owner.post_message(BusyChanged(self, Busy.of(requests[-1]) if requests else None))


class LoadQueue:
    """Does work that can't be cancelled one after the other, through a loader's `slot`."""

    def __init__(self, loader: Loader, slot: str) -> None:
        self._loader = loader
        self._slot = slot
        self._waiting: deque[Callable[[], None]] = deque()

    def put(
        self,
        work: Callable[[Job], T],
        then: Callable[[T], None],
        *,
        failed: Callable[[CrmdeckError], None],
        label: str,
    ) -> None:
        """Run `work` once all that was put before is done, then as `Loader.load`."""

        def done(result: T) -> None:
            self._go_on()
            then(result)

        def not_done(error: CrmdeckError) -> None:
            self._go_on()
            failed(error)

        def begin() -> None:
            self._loader.load(
                self._slot, work, done, failed=not_done, label=label, cancellable=False
            )

        self._waiting.append(begin)
        if len(self._waiting) == 1:
            begin()

    def _go_on(self) -> None:
        self._waiting.popleft()
        if self._waiting:
            self._waiting[0]()


def _may_be_given_up(request: Request) -> bool:
    return request.cancellable and not request.quiet


def is_loading(screen: Widget) -> bool:
    """Return whether `screen`, or anything on it that holds a `loader`, has a request going."""
    loaders = (getattr(node, "loader", None) for node in (screen, *screen.query("*")))
    return any(isinstance(loader, Loader) and loader.is_loading for loader in loaders)


def as_crmdeck_error(error: Exception) -> CrmdeckError:
    """Return an error that can be shown: `error` itself where it is meant to be."""
    if isinstance(error, CrmdeckError):
        return error
    return UnexpectedError(
        "Something in crmdeck went wrong.",
        cause=f"{type(error).__name__} while loading.",
        remedy="Nothing was changed. Try again; if it stays, report it with `crmdeck doctor`.",
    )
