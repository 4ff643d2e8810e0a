"""What the operator does to the lines: each key shows its effect at once and stores it behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from crmdeck.model import Choice, DecisionState, Direction
from crmdeck.tui.panes.mapping.table import LineTable
from crmdeck.tui.panes.sampling import SamplingPane
from crmdeck.tui.text import count
from crmdeck.workspace import FLOWS, MappingRow, MappingSession, Write, accepting, rejecting

NEXT_DIRECTION = {
    Direction.BIDIRECTIONAL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.PULL: Direction.BIDIRECTIONAL,
}


class DecidingPane(SamplingPane):
    """The decisions of the mapping pane; what it shows and stores is up to the pane itself."""

    sitting: MappingSession | None = None

    @property
    def lines(self) -> LineTable:
        """The table."""
        return self.query_one(LineTable)

    @property
    def line(self) -> MappingRow | None:
        """The line under the cursor, as it is now."""
        return self.sitting.by_name.get(self._at or "") if self.sitting is not None else None

    def store(self, sitting: MappingSession, write: Write) -> None:
        """Have a write stored once those before it are."""
        raise NotImplementedError

    def _paint(self) -> None:
        raise NotImplementedError

    @property
    def _at(self) -> str | None:
        return cast("str | None", self.lines.cursor_key)

    # Decisions

    def action_accept(self) -> None:
        """Accept what is suggested."""
        chosen = self._chosen()
        able = [line for line in chosen if line.crm_field is not None]
        fresh = [line for line in able if line.state is not DecisionState.ACCEPTED]
        if fresh:
            self.decide("accept", fresh, [accepting(line) for line in fresh])
        elif able:
            self.say("Accepted already.")
        elif chosen:
            self.say("Nothing is suggested here; Enter chooses a field.")

    def action_reject(self) -> None:
        """Reject what is suggested; the next candidate moves up."""
        chosen = self._chosen()
        able = [line for line in chosen if line.state is not DecisionState.REJECTED]
        if able:
            self.decide("reject", able, [rejecting(line, line.crm_field) for line in able])
        elif chosen:
            self.say("It stays unmapped already.")

    def action_unmap(self) -> None:
        """Decide that a field stays unmapped."""
        chosen = self._chosen()
        able = [line for line in chosen if line.state is not DecisionState.REJECTED]
        if able:
            self.decide("leave unmapped", able, [rejecting(line, None) for line in able])
        elif chosen:
            self.say("It stays unmapped already.")

    def action_direction(self) -> None:
        """Turn to the next direction; warns where nothing can flow that way."""
        first, sitting = self.line, self.sitting
        chosen = [line for line in self._chosen() if line.crm_field is not None]
        if first is None or sitting is None or not chosen:
            return
        following = NEXT_DIRECTION[(first if first in chosen else chosen[0]).direction]
        accepted = [line for line in chosen if line.state is DecisionState.ACCEPTED]
        if accepted:
            choices = [accepting(line, direction=following) for line in accepted]
            self.decide("direction", accepted, choices, advance=False)
        undecided = [line.name for line in chosen if line not in accepted]
        if undecided:
            sitting.direct(undecided, following)
            self.lines.update_rows(sitting.rows)
            self._paint()
        stuck = [line for line in map(sitting.by_name.get, (one.name for one in chosen)) if line]
        stuck = [line for line in stuck if not line.can_flow]
        if stuck and stuck[0].verdict is not None:
            reason = stuck[0].verdict.reason
            self.say(f"{stuck[0].title}: nothing can flow {FLOWS[following]}. {reason}.", True)

    def decide(
        self,
        deed: str,
        lines: Sequence[MappingRow],
        choices: Sequence[Choice],
        *,
        advance: bool = True,
    ) -> None:
        """Decide on lines at once, as one step; `deed` says in a word what is done."""
        sitting = self.sitting
        if sitting is None:
            return
        title = lines[0].title if len(lines) == 1 else count(len(lines), "line")
        write = sitting.decide(f"{deed} {title}", choices)
        if len(lines) > 1:
            self.lines.clear_marks()
        self._show_decided(advance=advance)
        self.store(sitting, write)

    def _show_decided(self, *, advance: bool) -> None:
        """Show what the lines are now, and go on where the line under the cursor is decided."""
        sitting = self.sitting
        if sitting is None:
            return
        now = sitting.by_name
        here = self._at
        target = here
        if advance and self.workspace.settings.auto_advance and here and not now[here].is_open:
            target = self.lines.next_open(now)
            if target is None:
                target = here
                self.say(f"All {count(self.lines.shown_count, 'line')} shown are decided.")
        self.lines.set_rows(sitting.rows, cursor=target)
        sitting.hold(self._at)
        self.lines.update_rows(sitting.rows)
        self._paint()

    # Back and forth

    def action_undo(self) -> None:
        """Take back the last step of this sitting."""
        if self.sitting is not None and self.sitting.undoable:
            step, write = self.sitting.undo()
            self._show_step("Undone", step.title, step.fields[0], write)

    def action_redo(self) -> None:
        """Do again what was taken back."""
        if self.sitting is not None and self.sitting.redoable:
            step, write = self.sitting.redo()
            self._show_step("Done again", step.title, step.fields[0], write)

    def _show_step(self, what: str, title: str, name: str, write: Write | None) -> None:
        sitting = self.sitting
        if sitting is None:
            return
        self.lines.set_rows(sitting.rows, cursor=name)
        sitting.hold(self._at)
        self.lines.update_rows(sitting.rows)
        self._paint()
        self.say(f"{what}: {title}")
        if write is not None:
            self.store(sitting, write)

    def action_next(self) -> None:
        """Go to the next undecided line."""
        self._go(1)

    def action_previous(self) -> None:
        """Go to the previous undecided line."""
        self._go(-1)

    def _go(self, step: int) -> None:
        if self.sitting is None:
            return
        target = self.lines.next_open(self.sitting.by_name, step)
        if target is None:
            self.say("No line shown is undecided.")
        else:
            self.lines.go_to(target)

    # Small things

    def _chosen(self) -> tuple[MappingRow, ...]:
        """Return the marked lines, else the one under the cursor, as they are now."""
        if self.sitting is None or self.line is None:
            if self.is_loading:
                self.say("Still reading; nothing was decided.")
            return ()
        now = self.sitting.by_name
        return tuple(now[line.name] for line in self.lines.chosen())

    def say(self, text: str, warn: bool = False) -> None:
        """Say something that is gone again soon."""
        self.deck.say(text, severity="warning" if warn else "information", timeout=4 if warn else 2)
