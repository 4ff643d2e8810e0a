"""Loading: the newest request wins, errors and cancels arrive, and nothing blocks."""

from __future__ import annotations

import threading

from textual.app import App, ComposeResult
from textual.widget import Widget

from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.model import Progress
from crmdeck.tui.loading.requests import Busy, BusyChanged, Job, Loader
from tests.tui.pilot import until


class Host(Widget):
    def __init__(self) -> None:
        super().__init__()
        self.loader = Loader(self, self.show_error)
        self.answers: list[object] = []
        self.errors: list[CrmdeckError] = []

    def show_error(self, error: CrmdeckError) -> None:
        self.errors.append(error)


class HostApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.host = Host()
        self.busy: list[Busy | None] = []

    def compose(self) -> ComposeResult:
        yield self.host

    def on_busy_changed(self, message: BusyChanged) -> None:
        self.busy.append(message.busy)


async def test_a_late_answer_is_dropped() -> None:
    app = HostApp()
    first_may_end = threading.Event()
    canceled = threading.Event()

    def slow(job: Job) -> str:
        first_may_end.wait(10)
        if job.cancel.canceled:
            canceled.set()
        return "old"

    async with app.run_test() as pilot:
        app.host.loader.load("rows", slow, app.host.answers.append)
        app.host.loader.load("rows", lambda _: "new", app.host.answers.append)
        await until(pilot, lambda: app.host.answers == ["new"])
        first_may_end.set()
        await until(pilot, canceled.is_set)
        await pilot.pause(0.05)
        assert app.host.answers == ["new"]
        assert not app.host.loader.is_loading


async def test_progress_arrives_and_a_cancel_ends_silently() -> None:
    app = HostApp()

    def work(job: Job) -> None:
        job.progress(Progress(3, 10, "Account"))
        job.cancel.wait(10)
        job.cancel.check()

    async with app.run_test() as pilot:
        app.host.loader.load("rows", work, app.host.answers.append, label="reading")
        await until(pilot, lambda: Busy("reading", Progress(3, 10, "Account")) in app.busy)
        assert app.host.loader.cancel()
        await pilot.pause(0.05)
        assert app.busy[-1] is None
        assert app.host.answers == []
        assert app.host.errors == []


async def test_errors_arrive_without_the_message_of_a_bug() -> None:
    app = HostApp()

    def mistake(_: Job) -> None:
        raise KeyError("secret-token")

    def failure(_: Job) -> None:
        raise SourceError("down", remedy="wait")

    async with app.run_test() as pilot:
        app.host.loader.load("one", failure, app.host.answers.append)
        app.host.loader.load("two", mistake, app.host.answers.append)
        await until(pilot, lambda: len(app.host.errors) == 2)
        by_code = {error.code: error for error in app.host.errors}
        assert by_code["SOURCE_FAILED"].remedy == "wait"
        assert "secret" not in str(by_code["UNEXPECTED"])
