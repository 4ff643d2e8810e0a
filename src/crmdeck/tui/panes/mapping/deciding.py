"""What the operator does to the lines: each key shows its effect at once and stores it behind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from crmdeck.model import DecisionState, Direction, ValueMap
from crmdeck.tui.dialogs.accept_all import AcceptAll, Sure
from crmdeck.tui.dialogs.choose_field import ChooseField
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.loading import Job
from crmdeck.tui.panes.base import Pane
from crmdeck.tui.panes.mapping.columns import trouble
from crmdeck.tui.panes.mapping.detail import FLOWS
from crmdeck.tui.panes.mapping.lines import Line
from crmdeck.tui.panes.mapping.offering import field_notes, field_options, value_rows, value_targets
from crmdeck.tui.panes.mapping.sitting import Sitting, Write
from crmdeck.tui.panes.mapping.table import LineTable
from crmdeck.tui.text import count
from crmdeck.workspace import Choice

NEXT_DIRECTION = {
    Direction.BIDIRECTIONAL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.PULL: Direction.BIDIRECTIONAL,
}


class DecidingPane(Pane):
    """The decisions of the mapping pane; what it shows and stores is up to the pane itself."""

    sitting: Sitting | None = None

    @property
    def lines(self) -> LineTable:
        """The table."""
        return self.query_one(LineTable)

    @property
    def line(self) -> Line | None:
        """The line under the cursor, as it is now."""
        return self.sitting.by_name.get(self._at or "") if self.sitting is not None else None

    def store(self, sitting: Sitting, write: Write) -> None:
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
            self._decide("accept", fresh, [_accepting(line) for line in fresh])
        elif able:
            self._say("Accepted already.")
        elif chosen:
            self._say("Nothing is suggested here; Enter chooses a field.")

    def action_reject(self) -> None:
        """Reject what is suggested; the next candidate moves up."""
        chosen = self._chosen()
        able = [line for line in chosen if line.state is not DecisionState.REJECTED]
        if able:
            self._decide("reject", able, [_rejecting(line, line.crm_field) for line in able])
        elif chosen:
            self._say("It stays unmapped already.")

    def action_unmap(self) -> None:
        """Decide that a field stays unmapped."""
        chosen = self._chosen()
        able = [line for line in chosen if line.state is not DecisionState.REJECTED]
        if able:
            self._decide("leave unmapped", able, [_rejecting(line, None) for line in able])
        elif chosen:
            self._say("It stays unmapped already.")

    def action_direction(self) -> None:
        """Turn to the next direction; warns where nothing can flow that way."""
        first, sitting = self.line, self.sitting
        chosen = [line for line in self._chosen() if line.crm_field is not None]
        if first is None or sitting is None or not chosen:
            return
        following = NEXT_DIRECTION[(first if first in chosen else chosen[0]).direction]
        accepted = [line for line in chosen if line.state is DecisionState.ACCEPTED]
        if accepted:
            choices = [_accepting(line, direction=following) for line in accepted]
            self._decide("direction", accepted, choices, advance=False)
        undecided = [line.name for line in chosen if line not in accepted]
        if undecided:
            sitting.direct(undecided, following)
            self.lines.update_rows(sitting.lines)
            self._paint()
        stuck = [line for line in map(sitting.by_name.get, (one.name for one in chosen)) if line]
        stuck = [line for line in stuck if not line.can_flow]
        if stuck and stuck[0].verdict is not None:
            reason = stuck[0].verdict.reason
            self._say(f"{stuck[0].title}: nothing can flow {FLOWS[following]}. {reason}.", True)

    def action_accept_all(self) -> None:
        """Accept all undecided lines shown that are sure enough."""
        shown = [
            line
            for line in self.lines.shown()
            if line.is_open and line.crm_field is not None and line.confidence is not None
        ]
        if not shown:
            self._say("There is no undecided line with a suggestion.")
            return

        def answered(least: float | None) -> None:
            if least is None or self.sitting is None:
                return
            now = self.sitting.by_name
            # What changed under the dialog is left alone: nobody has seen it.
            sure = [
                line
                for line in shown
                if (line.confidence or 0) >= least
                and now[line.name].is_open
                and now[line.name].crm_field == line.crm_field
            ]
            if sure:
                self._decide("accept", sure, [_accepting(line) for line in sure])

        able = [Sure(line.confidence or 0, trouble(line).rank > 0) for line in shown]
        self.app.push_screen(AcceptAll(able), answered)

    def choose_field(self) -> None:
        """Choose the CRM field of the line from the alternatives, or from all there are."""
        line, sitting = self.line, self.sitting
        if line is None or sitting is None or self.deck.read_only:
            return

        def chosen(crm_field: str | None) -> None:
            if crm_field is not None and sitting is self.sitting:
                self._choose(sitting, sitting.by_name[line.name], crm_field)

        dialog = ChooseField(
            f"{line.title} becomes",
            field_options(line, sitting),
            current=line.crm_field,
            notes=partial(field_notes, line, sitting.builder),
        )
        self.app.push_screen(dialog, chosen)

    def _choose(self, sitting: Sitting, line: Line, crm_field: str) -> None:
        if line.state is DecisionState.ACCEPTED and line.crm_field == crm_field:
            return
        if line.crm_field == crm_field:
            choice = _accepting(line)
        else:
            named = next((one for one in line.candidates if one.crm_field == crm_field), None)
            verdict = sitting.builder.judge(line.partner, sitting.builder.crm_fields[crm_field])
            choice = Choice(
                partner_field=line.name,
                state=DecisionState.ACCEPTED,
                crm_field=crm_field,
                direction=verdict.direction,
                confidence=named.confidence if named is not None else None,
            )
        self._decide("choose", [line], [choice])

    def action_values(self) -> None:
        """Edit which CRM value each PartnerOS value becomes."""
        line, sitting = self.line, self.sitting
        if line is None or sitting is None or line.crm_field is None:
            return
        workspace, crm_field = self.workspace, line.crm_field

        def work(_: Job) -> ValueMap:
            return workspace.value_map(sitting.ref, sitting.pair, line.name, crm_field)

        self.load(
            "values", work, partial(self._edit_values, sitting, line), label="matching values"
        )

    def _edit_values(self, sitting: Sitting, line: Line, suggested: ValueMap) -> None:
        def edited(value_map: dict[str, str] | None) -> None:
            if value_map is not None and sitting is self.sitting:
                choice = _accepting(line, value_map=value_map)
                self._decide("value map", [line], [choice])

        accepted = line.state is DecisionState.ACCEPTED
        rows = value_rows(line, suggested, line.value_map)
        dialog = EditValueMap(
            f"{line.title} → {line.crm_field}",
            rows,
            value_rows(line, suggested, None),
            value_targets(line),
            text="" if accepted else "Saving the values accepts the pair.",
        )
        self.app.push_screen(dialog, edited)

    def _decide(
        self, deed: str, lines: Sequence[Line], choices: Sequence[Choice], *, advance: bool = True
    ) -> None:
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
                self._say(f"All {count(self.lines.shown_count, 'line')} shown are decided.")
        self.lines.set_rows(sitting.lines, cursor=target)
        sitting.hold(self._at)
        self.lines.update_rows(sitting.lines)
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
        self.lines.set_rows(sitting.lines, cursor=name)
        sitting.hold(self._at)
        self.lines.update_rows(sitting.lines)
        self._paint()
        self._say(f"{what}: {title}")
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
            self._say("No line shown is undecided.")
        else:
            self.lines.go_to(target)

    # Small things

    def _chosen(self) -> tuple[Line, ...]:
        """Return the marked lines, else the one under the cursor, as they are now."""
        if self.sitting is None or self.line is None:
            if self.is_loading:
                self._say("Still reading; nothing was decided.")
            return ()
        now = self.sitting.by_name
        return tuple(now[line.name] for line in self.lines.chosen())

    def _say(self, text: str, warn: bool = False) -> None:
        self.deck.say(text, severity="warning" if warn else "information", timeout=4 if warn else 2)


def _accepting(
    line: Line, *, direction: Direction | None = None, value_map: dict[str, str] | None = None
) -> Choice:
    stored = dict(line.value_map) if line.value_map is not None else None
    return Choice(
        partner_field=line.name,
        state=DecisionState.ACCEPTED,
        crm_field=line.crm_field,
        direction=direction or line.direction,
        value_map=value_map if value_map is not None else stored,
        confidence=line.confidence,
    )


def _rejecting(line: Line, crm_field: str | None) -> Choice:
    return Choice(
        partner_field=line.name,
        state=DecisionState.REJECTED,
        crm_field=crm_field,
        confidence=line.confidence if crm_field is not None else None,
    )
