"""What the keys of the mapping pane do; each shows its effect at once, what is stored follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from textual.screen import Screen

from crmdeck.errors import CrmdeckError
from crmdeck.model import Choice, DecisionState, Direction, ValueMap
from crmdeck.tui.dialogs.accept_all import AcceptAll, Sure
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.dialogs.choose_field import ChooseField
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.editor import edited
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.mapping.columns import PAIR_COLUMNS, pair_option
from crmdeck.tui.panes.mapping.detail import field_notes
from crmdeck.tui.panes.mapping.loader import MappingView, PairLoader
from crmdeck.tui.panes.mapping.table import RowTable
from crmdeck.tui.panes.samples import InView, Sampler
from crmdeck.tui.state.undo import UndoStep
from crmdeck.tui.text import count
from crmdeck.workspace import (
    DIRECTION_WORDS,
    Group,
    MappingPlan,
    MappingRow,
    MappingSession,
    PairChoice,
    PlannedChange,
    Step,
    Write,
    accepting,
    choice_text,
    choosing,
    field_choices,
    pair_choices,
    pair_text,
    rejecting,
    value_choices,
    value_targets,
    warning_words,
    what_to_know,
)

T = TypeVar("T")
NO_PAIR = "No object pair is chosen: press p."
NO_LINE = "No line passes the filter."

NEXT_DIRECTION = {
    Direction.BIDIRECTIONAL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.PULL: Direction.BIDIRECTIONAL,
}


def was_text(change: PlannedChange) -> str:
    """Return what a line was mapped to before, where that is another field."""
    return f"   (was {change.before})" if change.before not in (None, change.after) else ""


class MappingCommands:
    """Decides on the rows under the cursor, or on those that are marked."""

    def __init__(
        self,
        host: PaneHost,
        requests: Loader,
        pairs: PairLoader,
        table: RowTable,
        view: MappingView,
        sampler: Sampler,
    ) -> None:
        self._host = host
        self._requests = requests
        self._pairs = pairs
        self._table = table
        self._view = view
        self._sampler = sampler
        self._drafts: dict[tuple[str, str], str] = {}

    @property
    def _session(self) -> MappingSession | None:
        """The object pair that shows, unless it is of a connection that was left."""
        session = self._pairs.session
        return session if session is not None and session.ref == self._pairs.ref else None

    @property
    def row(self) -> MappingRow | None:
        """The row under the cursor, as it is now."""
        session = self._session
        return session.by_name.get(self._table.cursor_name or "") if session is not None else None

    def why_no_row(self) -> str | None:
        """Say why there is no row to decide on."""
        if self.row is not None:
            return None
        if self._session is None and self._pairs.session is not None:
            return "Still reading the other connection; nothing was decided."
        if self._session is None:
            reading = self._requests.is_loading
            return "Still reading; nothing was decided." if reading else NO_PAIR
        on_title = self._table.cursor_row is not None
        return "This is the title of a group." if on_title else NO_LINE

    def why_no_rows(self) -> str | None:
        """Say why there are no rows to decide on, marked or of the group under the cursor."""
        some = self._session is not None and self._table.chosen_rows()
        return None if some else self.why_no_row()

    def why_not_accepted(self) -> str | None:
        """Say why nothing can be accepted: no rows, or figures that are still moving."""
        moving = "Still comparing meanings: the figures may move. Enter chooses by hand."
        return moving if self._pairs.is_refining else self.why_no_rows()

    def why_no_edit(self) -> str | None:
        """Say why the pair can't be edited as a whole."""
        session = self._session
        if session is None:
            return self.why_no_row()
        return "Still storing what was decided." if session.unsaved else None

    def why_no_repair(self) -> str | None:
        """Say why there is nothing to repair."""
        return None if self._broken() else self.why_no_rows() or "No line is broken by a change."

    def why_no_warning(self) -> str | None:
        """Say why no kind of warning can be marked as known."""
        if self.row is not None and (self.row.warnings or self.row.hidden_warnings):
            return None
        return self.why_no_row() or "This line warns of nothing."

    def why_no_values(self) -> str | None:
        """Say why the row has no values to map."""
        if self.row is not None and self.row.values:
            return None
        return self.why_no_row() or "Only a picklist mapped to a picklist has values to map."

    def why_no_samples(self) -> str | None:
        """Say why no field can be looked into."""
        return None if self._in_view() is not None else "No CRM field of the schema is in view."

    def why_no_field(self) -> str | None:
        """Say why there is no CRM field to open."""
        if self.row is not None and self.row.crm_field is not None:
            return None
        return self.why_no_row() or "This line has no CRM field."

    def open_schema(self) -> None:
        """Show the CRM field of the row in the Schema pane."""
        row, session = self.row, self._session
        if row is not None and session is not None:
            location = Location(
                connection=session.ref,
                object=session.builder.crm_object,
                field=row.crm_field,
            )
            self._host.go_to("schema", location)

    def why_no_pair(self) -> str | None:
        """Say why no object pair can be chosen."""
        return None if self._pairs.ref is not None else "No connection is chosen."

    def accept(self) -> None:
        """Accept what is suggested."""
        chosen = self._chosen()
        able = [row for row in chosen if row.crm_field is not None]
        if self.row is None:
            # An operator who accepts a whole group has not looked at each line of it.
            able = [row for row in able if row.can_sync]
        fresh = [row for row in able if row.state is not DecisionState.ACCEPTED]
        if fresh:
            self._decide("accept", fresh, [accepting(row) for row in fresh])
        elif able:
            self._say("Accepted already.")
        elif chosen:
            self._say("Nothing is suggested here; Enter chooses a field.")

    def reject(self) -> None:
        """Reject what is suggested; the next candidate moves up if it is likely."""
        self._turn_down("reject", lambda row: row.crm_field)

    def unmap(self) -> None:
        """Decide that a field stays unmapped."""
        self._turn_down("leave unmapped", lambda _: None)

    def direction(self) -> None:
        """Turn to the next direction; warns where nothing can flow that way."""
        first, session = self.row, self._session
        chosen = [row for row in self._chosen() if row.crm_field is not None]
        if first is None or session is None or not chosen:
            return
        following = NEXT_DIRECTION[(first if first in chosen else chosen[0]).direction]
        accepted = [row for row in chosen if row.state is DecisionState.ACCEPTED]
        if accepted:
            choices = [accepting(row, direction=following) for row in accepted]
            self._decide("direction", accepted, choices, advance=False)
        undecided = [row.name for row in chosen if row not in accepted]
        if undecided:
            session.direct(undecided, following)
            self._did(session)
            self._view.update_rows()
        now = session.by_name
        stuck = next((now[row.name] for row in chosen if not now[row.name].can_sync), None)
        if stuck is not None and stuck.verdict is not None:
            words = DIRECTION_WORDS[following]
            text = f"{stuck.title} can't sync {words}. {stuck.verdict.reason}."
            self._say(text, warn=True)

    def accept_all(self) -> None:
        """Accept all undecided rows shown that are sure enough and in which values can flow."""
        shown = [
            row
            for row in self._table.rows()
            if row.is_open and row.crm_field is not None and row.confidence is not None
        ]
        able = [row for row in shown if row.can_sync]
        if not able:
            self._say("There is no undecided line with a suggestion that can flow.")
            return

        def answered(least: float | None) -> None:
            if least is None or self._session is None:
                return
            now = self._session.by_name
            # What changed under the dialog is left alone: nobody has seen it.
            sure = [
                row
                for row in able
                if (row.confidence or 0) >= least
                and now[row.name].is_open
                and now[row.name].crm_field == row.crm_field
            ]
            if sure:
                self._decide("accept", sure, [accepting(row) for row in sure])

        candidates = [
            Sure(
                row.confidence or 0,
                f"{row.title} {row.direction.arrow} {row.crm_field}",
                what_to_know(row),
            )
            for row in able
        ]
        stuck = [row.title for row in shown if not row.can_sync]
        self._open(AcceptAll(candidates, stuck), answered)

    def repair(self) -> None:
        """Choose another CRM field for the broken row under the cursor, or for the next one."""
        broken = self._broken()
        if broken and self.row not in broken:
            self._table.go_to(broken[0].name)
        if broken:
            self.choose_field()

    def know_warning(self) -> None:
        """Tell this kind of warning no more on the pair; again: tell all kinds."""
        row, session = self.row, self._session
        if row is None or session is None:
            return
        before = session.hidden_warnings
        if row.warnings:
            code = row.warnings[0].code
            after, words = before | {code}, f"known: {warning_words(row, code)}"
            self._say(f"Known on this pair: {warning_words(row, code)}")
        else:
            after, words = frozenset(), "all kinds of warnings told again"
            self._say("All kinds of warnings are told again on this pair.")
        self._pairs.know(session, after)
        self._host.steps.did(
            UndoStep(
                words,
                self._where(session),
                self._host.workspace.now,
                back=lambda: self._pairs.know(session, before),
                again=lambda: self._pairs.know(session, after),
            )
        )

    def choose_field(self, offered: str | None = None) -> None:
        """Choose the CRM field of the row from the candidates, or from all there are.

        The cursor stands on the one `offered`, else on the row's own.
        """
        row, session = self.row, self._session
        if row is None or session is None:
            return

        def chosen(crm_field: str | None) -> None:
            if crm_field is not None and session is self._session:
                self._choose(session, session.by_name[row.name], crm_field)

        dialog = ChooseField(
            f"{row.title} becomes",
            field_choices(row, session.rows, session.builder),
            current=offered or row.crm_field,
            notes=partial(field_notes, row, session.builder, self._host.workspace.now),
        )
        self._open(dialog, chosen)

    def values(self) -> None:
        """Edit which CRM value each PartnerOS value becomes."""
        row, session = self.row, self._session
        if row is None or session is None or row.crm_field is None:
            return
        workspace, crm_field = self._host.workspace, row.crm_field

        def edited(value_map: dict[str, str] | None) -> None:
            if value_map is not None and session is self._session:
                self._decide("value map", [row], [accepting(row, value_map=value_map)])

        def work(_: Job) -> ValueMap:
            return workspace.mappings.value_map(session.ref, session.pair, row.name, crm_field)

        def took(suggested: ValueMap) -> None:
            own = value_choices(row, suggested, None)
            dialog.fill(value_choices(row, suggested, row.value_map), own)

        accepted = row.state is DecisionState.ACCEPTED
        dialog = EditValueMap(
            f"{row.title} → {row.crm_field}",
            value_targets(row),
            text="" if accepted else "Saving the values accepts the pair.",
        )
        label = "matching values"
        open_filled(
            self._table.app, dialog, edited, self._requests, work, took, slot="values", label=label
        )

    def samples(self) -> None:
        """Look into records and show what the fields in view hold, or hide it again."""
        view = self._in_view()
        if view is not None:
            self._sampler.toggle(view)

    def choose_pair(self) -> None:
        """Choose the object pair."""
        ref, workspace = self._pairs.ref, self._host.workspace
        if ref is None:
            return

        def chosen(pair: str | None) -> None:
            if pair is not None and ref == self._pairs.ref:
                self._pairs.choose(ref, pair)

        def work(_: Job) -> tuple[PairChoice, ...]:
            objects = workspace.schemas.objects(ref).objects
            begun, partners = workspace.mappings.pairs(ref), workspace.mappings.partner_objects()
            return pair_choices(begun, partners, objects)

        def took(pairs: tuple[PairChoice, ...]) -> None:
            first = sum(one.makes_sense for one in pairs)
            others = count(len(pairs) - first, "pair")
            dialog.fill(
                tuple(map(pair_option, pairs)),
                first=first or None,
                rest=f"{others} that nobody maps: z shows them, typing finds them",
            )

        current = self._pairs.pairs.get(ref)
        dialog = Choose("Object pair", None, current=current, columns=PAIR_COLUMNS)
        label = "reading object pairs"
        open_filled(
            self._table.app, dialog, chosen, self._requests, work, took, slot="pairs", label=label
        )

    def edit(self) -> None:
        """Edit the whole pair as the mapping file that is exported, in the user's own editor."""
        session, workspace = self._session, self._host.workspace
        if session is None:
            return
        place = session.ref, session.pair

        def opened(text: str) -> None:
            try:
                changed = edited(self._table.app, text, "mapping.json")
            except CrmdeckError as error:
                # An editor that ends with an error is how one discards what was written.
                self._drafts.pop(place, None)
                self._view.show_error(error)
                return
            self._drafts[place] = changed
            self._requests.load(
                "plan",
                lambda _: workspace.mappings.plan(*place, changed),
                partial(self._preview, session),
                label="reading what was edited",
                failed=not_taken,
            )

        def not_taken(error: CrmdeckError) -> None:
            self._view.show_error(error)
            self._say("E opens it again as you left it.", warn=True)

        if place in self._drafts:
            opened(self._drafts[place])
            return
        self._requests.load(
            "edit",
            lambda _: workspace.exports.render("mapping", session.ref, pair=session.pair),
            opened,
            label="writing the mapping down",
        )

    def next_open(self) -> None:
        """Go to the next undecided row."""
        self._go(1)

    def previous_open(self) -> None:
        """Go to the previous undecided row."""
        self._go(-1)

    def _preview(self, session: MappingSession, plan: MappingPlan) -> None:
        """Show what an edited mapping would change, and decide so when the operator says yes."""
        self._view.show_error(None)
        self._drafts.pop((session.ref, session.pair), None)
        known, choices = session.by_name, plan.choices
        if not choices:
            self._say("Nothing was changed.")
            return

        def answered(sure: bool | None) -> None:
            if sure and session is self._session:
                rows = [known[choice.partner_field] for choice in choices]
                self._decide("edit", rows, choices, advance=False)

        unknown = [one.partner_field for one in choices if one.partner_field not in known]
        missing = [
            one.crm_field
            for one in choices
            if one.crm_field and one.crm_field not in session.builder.crm_fields
        ]
        if unknown or missing:
            names = ", ".join(filter(None, [*unknown, *missing]))
            self._say(f"There is no such field: {names}. Nothing was changed.", warn=True)
            return
        self._open(
            Confirm(
                f"Decide {count(len(choices), 'line')} as edited?",
                yes=f"Decide {len(choices)}",
                opened_by="E",
                listing=[
                    f"{choice_text(choice)}{was_text(change)}"
                    for choice, change in zip(choices, plan.changes, strict=True)
                ],
            ),
            answered,
        )

    def _go(self, step: int) -> None:
        session = self._session
        if session is None:
            return
        target = self._table.next_open(session.by_name, step)
        if target is None:
            self._say("No line shown is undecided.")
        else:
            self._table.go_to(target)

    def _turn_down(self, deed: str, what: Callable[[MappingRow], str | None]) -> None:
        chosen = self._chosen()
        able = [row for row in chosen if row.state is not DecisionState.REJECTED]
        if able:
            self._decide(deed, able, [rejecting(row, what(row)) for row in able])
        elif chosen:
            self._say("It stays unmapped already.")

    def _choose(self, session: MappingSession, row: MappingRow, crm_field: str) -> None:
        if row.state is DecisionState.ACCEPTED and row.crm_field == crm_field:
            self._say("Accepted already.")
        elif crm_field not in session.builder.crm_fields:
            self._say(f"{crm_field} has left the schema meanwhile.", warn=True)
        else:
            self._decide("choose", [row], [choosing(row, crm_field, session.builder)])

    def _decide(
        self,
        deed: str,
        rows: Sequence[MappingRow],
        choices: Sequence[Choice],
        *,
        advance: bool = True,
    ) -> None:
        """Decide on rows at once, as one step; `deed` says in a word what is done."""
        session = self._session
        if session is None:
            return
        if not all(node.display for node in self._table.ancestors_with_self):
            # Another pane came up below the dialog in which this was decided.
            self._say("Mapping does not show any more: nothing was decided.", warn=True)
            return
        title = rows[0].title if len(rows) == 1 else count(len(rows), "line")
        write = session.decide(f"{deed} {title}", choices)
        if len(rows) > 1:
            self._table.clear_marks()
        target = here = self._table.cursor_name
        advance = advance and self._host.workspace.settings.auto_advance
        if advance and here and not session.by_name[here].is_open:
            target = self._table.next_open(session.by_name)
            if target is None:
                target = here
                self._say(f"All {count(self._table.shown_count, 'line')} shown are decided.")
        self._view.show_rows(target)
        self._did(session)
        self._pairs.store(session, write)

    def _did(self, session: MappingSession) -> None:
        """Let the latest step of the session be undone."""
        step = session.undoable[-1]
        self._host.steps.did(
            UndoStep(
                step.title,
                self._where(session),
                self._host.workspace.now,
                back=lambda: self._turn(session, *session.undo(step)),
                again=lambda: self._turn(session, *session.redo(step)),
                subject=step,
                command=self._command(session, step),
            )
        )

    def _turn(self, session: MappingSession, step: Step, write: Write | None) -> None:
        """Show a step that was undone or done again, if its pair shows, and have it stored."""
        if session is self._session:
            self._view.show_rows(step.fields[0])
        if write is not None:
            self._pairs.store(session, write)

    def _command(self, session: MappingSession, step: Step) -> str:
        status = self._host.status
        if status is None or not step.decisions:
            return ""
        copies = self._host.workspace.copies
        return copies.decisions_command(status.name, session.pair, step.decisions)

    def _where(self, session: MappingSession) -> str:
        # Asked for while the pair shows, so that its connection is the one that is chosen.
        status = self._host.status
        name = status.name if status is not None else session.ref
        return f"{name}, {pair_text(session.pair)}"

    def _chosen(self) -> tuple[MappingRow, ...]:
        """Return the marked rows, else the one under the cursor, as they are now."""
        session = self._session
        if session is None:
            return ()
        now = session.by_name
        return tuple(now[row.name] for row in self._table.chosen_rows())

    def _broken(self) -> tuple[MappingRow, ...]:
        return tuple(row for row in self._table.rows() if row.group is Group.BROKEN)

    def _in_view(self) -> InView | None:
        """Return the suggested CRM field and the other candidates."""
        row, session = self.row, self._session
        if row is None or session is None:
            return None
        known = session.builder.crm_fields
        names = [row.crm_field, *(one.crm_field for one in row.candidates)]
        fields = dict.fromkeys(name for name in names if name in known)
        return InView(session.ref, session.builder.crm_object, tuple(fields)) if fields else None

    def _open(self, dialog: Screen[T], answered: Callable[[T | None], None]) -> None:
        self._table.app.push_screen(dialog, answered)

    def _say(self, text: str, *, warn: bool = False) -> None:
        """Say something that is gone again soon."""
        self._host.say(
            text, severity="warning" if warn else "information", timeout=4 if warn else 2
        )
