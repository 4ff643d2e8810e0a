"""The one way of loading: a worker thread, one frozen answer, one repaint.

A host calls `load(slot, work, then)`. `work` runs in a thread and gets a `Job` to report
progress to and to be cancelled by; `then` runs on the event loop with its result. A newer
request on the same slot makes an older one's answer worthless: it is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from crmdeck.errors import CancelledError, CrmdeckError
from crmdeck.model import CancelToken, Progress

T = TypeVar("T")

PROGRESS_INTERVAL = 0.05
"""Seconds between two progress messages; what comes faster is left out."""


class UnexpectedError(CrmdeckError):
    """A mistake of crmdeck itself; its kind is told, its insides are not."""

    code = "UNEXPECTED"


class Job:
    """The worker's side of one request."""

    def __init__(self, host: Loading, slot: str, request: int) -> None:
        self.cancel = CancelToken()
        self._host = host
        self._slot = slot
        self._request = request
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
            self._host.post_message(LoadProgress(self._slot, self._request, progress))


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


@dataclass(frozen=True)
class Busy:
    """What a host is loading, for the progress line; `progress` is None while nothing is known."""

    label: str
    progress: Progress | None = None
    cancellable: bool = True

    @classmethod
    def of(cls, request: Request, progress: Progress | None = None) -> Busy:
        """Return what the progress line says about `request`."""
        return cls(request.label, progress, request.cancellable)


class LoadDone(Message, bubble=False):
    """The answer of a request."""

    def __init__(self, slot: str, request: int, value: object) -> None:
        super().__init__()
        self.slot, self.request, self.value = slot, request, value


class LoadFailed(Message, bubble=False):
    """The error of a request."""

    def __init__(self, slot: str, request: int, error: CrmdeckError) -> None:
        super().__init__()
        self.slot, self.request, self.error = slot, request, error


class LoadProgress(Message, bubble=False):
    """How far a request is."""

    def __init__(self, slot: str, request: int, progress: Progress) -> None:
        super().__init__()
        self.slot, self.request, self.progress = slot, request, progress


class BusyChanged(Message):
    """Bubbles up to the screen: `host` is loading something else, or nothing any more."""

    def __init__(self, host: Loading, busy: Busy | None) -> None:
        super().__init__()
        self.host, self.busy = host, busy


@dataclass
class _State:
    requests: dict[str, Request] = field(default_factory=dict)
    counter: int = 0


if TYPE_CHECKING:
    _Host = Widget
else:
    _Host = object


class Loading(_Host):
    """Mixin for widgets and screens that load."""

    _loading_state: _State | None = None

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
    ) -> None:
        """Run `work` in a thread and `then` with its result; replaces what `slot` had going.

        `quiet` work is not shown on the progress line: nobody waits for it. A `CrmdeckError`
        goes to `failed`, or to `show_error` of the host; a cancelled request ends in silence.
        """
        state = self._loads()
        self.cancel_load(slot)
        state.counter += 1
        job = Job(self, slot, state.counter)
        state.requests[slot] = Request(
            state.counter, label, job, then, failed or self.show_error, cancellable, quiet
        )
        self._tell_busy()
        self.run_worker(
            partial(_run, self, slot, state.counter, work, job),
            group=f"load-{slot}",
            # Without one Textual writes out all that the work holds on to, which may be large.
            description=label or slot,
            thread=True,
            exit_on_error=False,
        )

    def cancel_load(self, slot: str | None = None) -> bool:
        """Give up what `slot` (None: every cancellable slot) has going; return if it had."""
        requests = self._loads().requests
        given_up = [
            name
            for name, request in requests.items()
            if name == slot or (slot is None and request.cancellable)
        ]
        for name in given_up:
            requests.pop(name).job.cancel.cancel()
        if given_up:
            self._tell_busy()
        return bool(given_up)

    @property
    def is_loading(self) -> bool:
        """Whether any request is under way."""
        return bool(self._loads().requests)

    def show_error(self, error: CrmdeckError) -> None:
        """Show an error that no caller of `load` wanted for itself; hosts override it."""
        raise error

    def on_load_done(self, message: LoadDone) -> None:
        """Hand the answer on, unless it is late."""
        if request := self._finished(message.slot, message.request):
            request.then(message.value)

    def on_load_failed(self, message: LoadFailed) -> None:
        """Hand the error on, unless it is late or the user's own doing."""
        request = self._finished(message.slot, message.request)
        if request and not isinstance(message.error, CancelledError):
            request.failed(message.error)

    def on_load_progress(self, message: LoadProgress) -> None:
        """Show how far the newest request is."""
        request = self._loads().requests.get(message.slot)
        if request is not None and request.number == message.request and not request.quiet:
            self.post_message(BusyChanged(self, Busy.of(request, message.progress)))

    def on_unmount(self) -> None:
        """Stop the work that nobody waits for any more."""
        for request in self._loads().requests.values():
            request.job.cancel.cancel()

    def _loads(self) -> _State:
        if self._loading_state is None:
            self._loading_state = _State()
        return self._loading_state

    def _finished(self, slot: str, number: int) -> Request | None:
        requests = self._loads().requests
        request = requests.get(slot)
        if request is None or request.number != number:
            return None
        del requests[slot]
        self._tell_busy()
        return request

    def _tell_busy(self) -> None:
        requests = [one for one in self._loads().requests.values() if not one.quiet]
        self.post_message(BusyChanged(self, Busy.of(requests[-1]) if requests else None))


def _run(host: Loading, slot: str, number: int, work: Callable[[Job], T], job: Job) -> None:
    message: Message
    try:
        message = LoadDone(slot, number, work(job))
    except Exception as error:  # noqa: BLE001 - whatever it is, the console must stay up
        message = LoadFailed(slot, number, as_crmdeck_error(error))
    if not get_current_worker().is_cancelled:
        host.post_message(message)


def as_crmdeck_error(error: Exception) -> CrmdeckError:
    """Return an error that can be shown: `error` itself where it is meant to be."""
    if isinstance(error, CrmdeckError):
        return error
    return UnexpectedError(
        "Something in crmdeck went wrong.",
        cause=f"{type(error).__name__} while loading.",
        remedy="Nothing was changed. Try again; if it stays, report it with `crmdeck doctor`.",
    )
