"""Open a dialog immediately, and fill it when its choices are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.app import App

from crmdeck.errors import CrmdeckError
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.loading.requests import Job, Loader

T = TypeVar("T")
R = TypeVar("R")


def open_filled(
    app: App[object],
    dialog: Dialog[T],
    answered: Callable[[T | None], None],
    loader: Loader,
    work: Callable[[Job], R],
    fill: Callable[[R], None],
    *,
    slot: str,
    label: str,
) -> None:
    """Open `dialog`, run `work` in a thread, and give its result to `fill`.

    Keys typed until then go to the dialog, never to the pane below. An error closes the dialog and
    shows where errors of `loader` show. `slot` and `label` are those of `Loader.load`.
    """

    def failed(error: CrmdeckError) -> None:
        dialog.dismiss(None)
        loader.failed(error)

    app.push_screen(dialog, answered)
    loader.load(slot, work, fill, label=label, failed=failed)
