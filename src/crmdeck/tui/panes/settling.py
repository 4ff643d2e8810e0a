"""Settle findings from any pane: accept a risk until a day, snooze, acknowledge, reopen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from crmdeck.model import Finding, FindingKind, Severity, Step, Verb
from crmdeck.tui.dialogs.acknowledge import Acknowledge, ChangeRow, ChosenChanges
from crmdeck.tui.dialogs.choose import Choose, menu_choice
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.state.undo import Undoable
from crmdeck.tui.text import count

DAYS = {"7": 7, "3": 30, "9": 90}
"""The days until which a risk is accepted, by key."""


SETTLING = (Verb.ACCEPT_RISK, Verb.SNOOZE, Verb.REOPEN)


def first_step(finding: Finding) -> Step | None:
    """Return the step that `f` does; settling a finding is none."""
    return next((one for one in finding.steps if one.verb not in SETTLING), None)


class Settling:
    """Asks how to settle findings, and settles them.

    `where` names the pane among the actions to undo. `leave` gets the findings before they are
    settled, so that the pane can move its cursor.
    """

    def __init__(
        self, pane: Pane, where: str, leave: Callable[[Sequence[Finding]], object] = lambda _: None
    ) -> None:
        self._pane = pane
        self._host = pane.host
        self._where = where
        self._leave = leave

    def accept(self, findings: Sequence[Finding], key: str) -> None:
        """Ask until which day; `key` opened the question. Changes are acknowledged instead."""
        can = [one for one in findings if one.is_open and (one.can_be_accepted or one.is_unread)]
        if not can:
            return
        if key and all(one.kind is FindingKind.CHANGE_OPEN for one in can):
            self.acknowledge(can)
            return
        today, snoozes = self._host.workspace.now.date(), can[0].is_unread

        def on_submit(answer: str | None) -> None:
            if answer == "d":
                self._ask_until(can)
            elif answer in DAYS:
                self._ask_note(can, today + timedelta(days=DAYS[answer]))

        dialog = Choose(
            "Snooze this finding?" if snoozes else "Accept this risk?",
            [
                *(
                    menu_choice(key, f"{days} days", f"until {today + timedelta(days=days)}")
                    for key, days in DAYS.items()
                ),
                menu_choice("d", "Another day…", "a date that you enter"),
            ],
            text=can[0].title if len(can) == 1 else count(len(can), "finding"),
            cancel="change nothing",
            opened_by=key,
            listing=[f"{one.connection}: {one.title}" for one in can] if len(can) > 1 else (),
        )
        self._pane.app.push_screen(dialog, on_submit)

    def _ask_until(self, findings: Sequence[Finding]) -> None:
        today = self._host.workspace.now.date()

        def wrong(text: str) -> str:
            day = _day(text)
            if day is None:
                return "Enter a date, such as 2026-12-31."
            return f"{day} has passed." if day < today else ""

        def on_submit(text: str | None) -> None:
            if text is not None and (day := _day(text)) is not None:
                self._ask_note(findings, day)

        self._pane.app.push_screen(
            Prompt("Until which day", findings[0].title, placeholder="2026-12-31", check=wrong),
            on_submit,
        )

    def _ask_note(self, findings: Sequence[Finding], until: date) -> None:
        def on_submit(note: str | None) -> None:
            if note is not None:
                self.settle(findings, until, note=note.strip())

        # A snoozed finding has no note: gates fail on it all the same.
        if findings[0].is_unread:
            self.settle(findings, until)
            return
        title = f"Accept the risk until {until}"
        placeholder = "note for your team (optional)"
        self._pane.app.push_screen(
            Prompt(title, findings[0].title, placeholder=placeholder), on_submit
        )

    def acknowledge(self, findings: Sequence[Finding]) -> None:
        """Ask which changes of the findings to acknowledge, with a note."""

        def on_submit(answer: ChosenChanges | None) -> None:
            if answer is None:
                return
            ids, note = answer
            drift, changes = self._host.workspace.drift, count(len(ids), "change")
            self._leave([one for one in findings if set(ids).issuperset(one.changes)])
            text = f"Acknowledged {changes}{f': {note}' if note else ''}"
            self._pane.perform(
                Undoable(
                    f"acknowledge {changes}",
                    self._where,
                    lambda: drift.acknowledge(ids, note),
                    lambda: drift.take_back(ids),
                    turned=lambda _: self._changed(),
                    done=lambda _: self._done(f"{text}\nu undoes this."),
                    command=self._host.workspace.copies.acknowledging_command(ids, note),
                )
            )

        rows = [
            ChangeRow(one.changes, one.severity or Severity.RISKY, f"{one.connection}: {one.text}")
            for one in findings
        ]
        self._pane.app.push_screen(Acknowledge(rows), on_submit)

    def settle(
        self,
        findings: Sequence[Finding],
        until: date | None,
        *,
        note: str = "",
        reopen: bool = False,
    ) -> None:
        """Accept the risk of findings until a day, or snooze or reopen them."""
        workspace, ids = self._host.workspace, [one.id for one in findings]
        day = until or workspace.now.date()
        snoozes = findings[0].is_unread

        def accept() -> Finding:
            for id_ in ids:
                changed = (
                    workspace.findings.snooze(id_, day)
                    if snoozes
                    else workspace.findings.accept(id_, day, note)
                )
            return changed

        def take_back() -> Finding:
            for id_ in ids:
                changed = workspace.findings.reopen(id_)
            return changed

        verb = "reopen" if reopen else "snooze" if snoozes else "accept"
        do, undo = (take_back, accept) if reopen else (accept, take_back)
        shown = None if reopen else str(day)
        what = findings[0].title if len(ids) == 1 else count(len(ids), "finding")

        def show(changed: Finding) -> None:
            self._done(_result_text(changed))

        self._leave(findings)
        self._pane.perform(
            Undoable(
                f"{verb}: {what}",
                self._where,
                do,
                undo,
                turned=show,
                done=show,
                command=workspace.command_line(f"findings {verb}", ids[0], until=shown),
            )
        )

    def _done(self, text: str) -> None:
        self._host.say(text, timeout=4)
        self._changed()

    def _changed(self) -> None:
        self._pane.post_message(Pane.Changed())
        self._pane.reload()


def _result_text(changed: Finding) -> str:
    if changed.accepted_until is None:
        return f"Reopened: {changed.title}"
    what = "Snoozed" if changed.is_unread else "Accepted the risk"
    return f"{what} until {changed.accepted_until}: {changed.title}\nu undoes this."


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
