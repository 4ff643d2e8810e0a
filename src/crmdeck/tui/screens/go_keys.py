"""The keys that go somewhere: to the pane, to another connection, back, or to anything."""

from __future__ import annotations

from crmdeck.tui import screens
from crmdeck.tui.host import Host
from crmdeck.tui.keys.actions import action
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.widgets.filter_bar import FilterBar


class GoKeys:
    """Goes to places, and back from what the user started."""

    def __init__(self, host: Host, stage: Stage, filter_bar: FilterBar) -> None:
        self._host = host
        self._stage = stage
        self._filter_bar = filter_bar
        self._go_to_anything: screens.GoToAnything | None = None
        self._sync_errors: screens.SyncErrorsFlow | None = None

    @action(
        "go.pane",
        "Pane",
        help="Move to the pane.",
        applies=lambda keys: keys._stage.pane is not None,
        palette=False,
    )
    def focus_pane(self) -> None:
        self._stage.focus_pane()

    def _no_connection(self) -> str | None:
        return self._host.why_no_connection()

    @action("go.next", "Next connection", "right_square_bracket", blocked=_no_connection)
    def next_connection(self) -> None:
        self._step(1)

    @action("go.previous", "Previous connection", "left_square_bracket", blocked=_no_connection)
    def previous_connection(self) -> None:
        self._step(-1)

    @action(
        "connection.explain",
        "Explain sync errors",
        help="Show what caused the errors of a sync.",
        blocked=_no_connection,
    )
    def explain_errors(self) -> None:
        if self._sync_errors is None:
            self._sync_errors = screens.SyncErrorsFlow(self._host)
        self._sync_errors.ask()

    def _step(self, step: int) -> None:
        ids, current = [status.id for status in self._host.statuses], self._host.connection_id
        if current in ids:
            self._host.show_connection(ids[(ids.index(current) + step) % len(ids)])

    def takes_escape(self) -> bool:
        """True if Esc cancels, dismisses an error or clears the filter."""
        pane = self._stage.pane
        return bool(
            self._host.loader.can_cancel
            or self._filter_bar.text
            or (pane is not None and (pane.error is not None or pane.loader.can_cancel))
        )

    @action(
        "go.back",
        "Back",
        "escape",
        help="Cancel loading, dismiss an error, or clear the filter.",
        applies=takes_escape,
        palette=False,
    )
    def go_back(self) -> None:
        pane = self._stage.pane
        if self._host.loader.cancel() or (pane is not None and pane.loader.cancel()):
            self._host.say("Canceled. Nothing was changed.")
        elif pane is not None and pane.error is not None:
            pane.show_error(None)
        else:
            self._filter_bar.drop()
        self._stage.screen.refresh_bindings()

    @action(
        "app.go_to",
        "Go to",
        "ctrl+k",
        "colon",
        "ctrl+p",
        help="Go to any connection, object, field, change or action.",
        hint=25,
        applies=lambda keys: keys._host.is_open and not keys._stage.is_typing,
    )
    def open_go_to(self) -> None:
        if self._go_to_anything is None:
            self._go_to_anything = screens.GoToAnything(self._host)
        self._go_to_anything.open()
