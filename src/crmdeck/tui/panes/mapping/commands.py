"""The keys of the mapping pane and what they do; each shows its effect immediately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from textual.screen import Screen

from crmdeck.errors import CrmdeckError
from crmdeck.home import absolute_path
from crmdeck.model import Choice, DecisionState, Direction, Finding, Proposal, ValueMap, Verb
from crmdeck.text import first_few
from crmdeck.tui.dialogs.choose import Choose, menu_choice
from crmdeck.tui.dialogs.choose_field import choose_field
from crmdeck.tui.dialogs.confirm import Confirm, Preview
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.dialogs.menu import MenuStep, open_menu
from crmdeck.tui.dialogs.prompt import Prompt, wrong_folder
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.editor import edited
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import action, is_shown
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.mapping.columns import PAIR_COLUMNS, PAIR_GIVES, pair_option
from crmdeck.tui.panes.mapping.detail import pair_notes, row_text
from crmdeck.tui.panes.mapping.loader import PairLoader, Redraw
from crmdeck.tui.panes.mapping.preflight import PreflightFlow
from crmdeck.tui.panes.mapping.table import AnyRow, RowTable, needs_decision
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.samples import SAMPLES_HELP, InView, Sampler
from crmdeck.tui.panes.settling import Settling, first_step
from crmdeck.tui.text import count
from crmdeck.workspace import (
    DIRECTION_WORDS,
    HIGH_MATCH,
    FieldChoice,
    Group,
    MappingPlan,
    MappingRow,
    MappingSession,
    PairChoice,
    RequiredRow,
    accepting,
    choice_text,
    choosing,
    clearing,
    field_choices,
    filling_elsewhere,
    left_out_text,
    not_filling_elsewhere,
    pair_choices,
    percent,
    placeholders,
    rejecting,
    row_line,
    row_note,
    source_choices,
    value_choices,
    value_targets,
    warning_words,
)

T = TypeVar("T")
Decided = tuple[AnyRow, Choice]
NO_PAIR = "No object pair chosen. Press p to choose one."
MOST_NAMED = 6
"""Rows that a preview names."""
REFINING = "Matches are still being computed and may change. Enter chooses by hand."
NO_ROW = "No rows match the filter. Esc clears it."

NEXT_DIRECTION = {
    Direction.BIDIRECTIONAL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.PULL: Direction.BIDIRECTIONAL,
}


class MappingCommands:
    """Decides on the rows of the displayed pair, and asks in dialogs what to decide."""

    def __init__(self, pane: Pane, pairs: PairLoader, table: RowTable, sampler: Sampler) -> None:
        self._host = pane.host
        self._requests = pane.loader
        self._pairs = pairs
        self._table = table
        self._sampler = sampler
        self._settling = Settling(pane, "Mapping", lambda _: self._leave_row())
        self._preflight = PreflightFlow(pane, self._open_failing_row)
        self._drafts: dict[tuple[str, str], str] = {}

    @property
    def _at(self) -> tuple[MappingSession, MappingRow] | None:
        session, row = self._pairs.current, self.row
        return (session, row) if session is not None and row is not None else None

    @property
    def row(self) -> MappingRow | None:
        """The current state of the PartnerOS field under the cursor."""
        row = self._any_row
        return row if isinstance(row, MappingRow) else None

    @property
    def required_row(self) -> RequiredRow | None:
        """The current state of the required CRM field under the cursor."""
        row = self._any_row
        return row if isinstance(row, RequiredRow) else None

    @property
    def _any_row(self) -> AnyRow | None:
        session, name = self._pairs.current, self._table.cursor_name
        return session.all_rows.get(name or "") if session is not None else None

    def why_no_row(self) -> str | None:
        if self.row is not None:
            return None
        if self.required_row is not None:
            return "This CRM field has no PartnerOS field. Enter chooses one."
        if self._pairs.current is not None:
            on_title = self._table.cursor_row is not None
            return "This is the title of a group. Move to a row." if on_title else NO_ROW
        if self._pairs.session is not None:
            return "Still loading the other connection. Nothing was changed."
        return "Still loading. Nothing was changed." if self._requests.is_loading else NO_PAIR

    def why_no_rows(self) -> str | None:
        return None if self._chosen() else self.why_no_row()

    def why_none(self) -> str | None:
        return None if self._chosen_of_both() else self.why_no_row()

    def why_not_accepted(self) -> str | None:
        return self.why_none() if not self._pairs.is_refining else REFINING

    def why_no_values(self) -> str | None:
        if self.required_row is not None or (self.row is not None and self.row.values):
            return None
        return self.why_no_row() or "This row has no picklist values to map."

    def why_no_repair(self) -> str | None:
        if self._broken():
            return None
        return self.why_none() or "No row fails, and none is to review."

    def why_no_warning(self) -> str | None:
        row = self.row
        if row is not None and (row.warnings or row.failures or row.hidden_warnings):
            return None
        return self.why_no_row() or "This row has no warnings."

    def why_no_samples(self) -> str | None:
        return None if self._in_view() is not None else "This row has no CRM field to sample."

    def why_no_field(self) -> str | None:
        if self.row is not None and self.row.crm_field is not None:
            return None
        return self.why_no_row() or "This row has no CRM field."

    def why_no_pair(self) -> str | None:
        return None if self._pairs.ref is not None else "No connection chosen."

    def why_no_session(self) -> str | None:
        return None if self._pairs.current is not None else self.why_no_row()

    def why_no_edit(self) -> str | None:
        session = self._pairs.current
        if session is None:
            return self.why_no_row()
        return "Decisions are still being stored." if session.unsaved else None

    @action(
        "mapping.accept",
        "Accept",
        "a",
        help="Accept the suggestion, or the risk of a failing row.",
        hint=100,
        blocked=why_not_accepted,
        writes=True,
        title_now=lambda commands: "Accept risk" if commands.takes_risk else "Accept",
    )
    def accept(self) -> None:
        chosen = self._chosen()
        if not chosen:
            self._accept_risk()
            return
        able = [row for row in chosen if row.crm_field is not None]
        if self.row is None:
            # A user who accepts a whole group has not looked at each row of it.
            able = [row for row in able if row.can_sync]
        fresh = [row for row in able if row.state is not DecisionState.ACCEPTED]
        if len(fresh) == 1:
            self._accept("accept", fresh[0], accepting(fresh[0]))
        elif fresh:
            # Each of the others would need its own question about values.
            sure = [row for row in fresh if not row.needs_value_map]
            if len(sure) < len(fresh):
                left = left_out_text([row for row in fresh if row.needs_value_map])
                self._say(f"Not accepted: {left}.")
            if sure:
                accepted = [(row, accepting(row)) for row in sure]
                self._ask_or_decide("accept", accepted, opened_by="a")
        elif len(able) == 1 and self.takes_risk:
            self._accept_risk()
        elif able:
            self._keep(able)
        elif chosen:
            self._say("No suggestion here. Enter chooses a field.")

    @property
    def finding(self) -> Finding | None:
        """The finding about the row under the cursor."""
        session, row, status = self._pairs.current, self._any_row, self._host.status
        if session is None or row is None or status is None or status.id != session.ref:
            return None
        required = isinstance(row, RequiredRow)
        about = (None, row.field.name) if isinstance(row, RequiredRow) else (row.name, None)
        for one in status.open_findings:
            subject = one.subject
            same = (subject.partner_field, subject.crm_field if required else None) == about
            if same and subject.object_pair == session.pair and one.can_be_accepted:
                return one
        return None

    @property
    def takes_risk(self) -> bool:
        """True if the row is decided, and only its risk is left to accept."""
        row = self._any_row
        if row is None or row.group not in (Group.FAILING, Group.REVIEW):
            return False
        if isinstance(row, RequiredRow):
            return True
        return row.state is DecisionState.ACCEPTED and not (row.right and row.open_drift)

    def _accept_risk(self) -> None:
        if self.finding is not None:
            self._settling.accept((self.finding,), "a")
        elif self.takes_risk:
            self._say("Still reading its finding. Press a again.")
        else:
            self._say("Already settled. c clears it.")

    def _leave_row(self) -> None:
        session = self._pairs.current
        target = self._table.next_open(session.all_rows) if session is not None else None
        if target is not None:
            self._table.go_to(target)

    @action(
        "mapping.reject",
        "Reject",
        "x",
        help="Reject it and show the next-best suggestion.",
        hint=98,
        blocked=why_no_rows,
        writes=True,
    )
    def reject(self) -> None:
        chosen = self._chosen()
        able = [row for row in chosen if row.crm_field is not None]
        if able:
            rejected = [(row, rejecting(row, row.crm_field)) for row in able]
            self._ask_or_decide("reject", rejected, opened_by="x")
        elif all(row.state is DecisionState.REJECTED for row in chosen):
            self._say("Already unmapped.")
        else:
            self._say("No suggestion to reject. X leaves the field unmapped.")

    @action(
        "mapping.unmap",
        "Unmap",
        "X",
        help="Unmap, or mark a required field as filled elsewhere.",
        hint=90,
        blocked=why_none,
        writes=True,
        title_now=lambda commands: "Filled elsewhere" if commands.required_row else "Unmap",
    )
    def unmap(self) -> None:
        chosen = self._chosen()
        unmapped = [
            (row, rejecting(row, None)) for row in chosen if row.state is not DecisionState.REJECTED
        ]
        filled = [(row, filling_elsewhere(row)) for row in self._chosen_required() if row.is_open]
        if filled:
            deed = "fill elsewhere" if not unmapped else "unmap or fill elsewhere"
            self._ask_or_decide(deed, [*unmapped, *filled], opened_by="X")
        elif unmapped:
            self._ask_or_decide("unmap", unmapped, opened_by="X")
        elif chosen:
            self._say("Already unmapped.")
        else:
            self._say("Already marked as filled elsewhere.")

    @action(
        "mapping.clear",
        "Clear",
        "c",
        help="Return to undecided (row, marked rows, group).",
        hint=95,
        blocked=why_none,
        writes=True,
    )
    def clear(self) -> None:
        session = self._pairs.current
        if session is None:
            return
        cleared: list[Decided] = [
            (row, clearing(row, session.builder.crm_fields))
            for row in self._chosen()
            if row.decision is not None
        ]
        cleared += [
            (row, not_filling_elsewhere(row)) for row in self._chosen_required() if not row.is_open
        ]
        if cleared:
            self._ask_or_decide("clear", cleared, opened_by="c")
        else:
            self._say("Already undecided.")

    @action(
        "mapping.direction",
        "Direction",
        "d",
        help="Change the sync direction.",
        hint=92,
        blocked=why_no_rows,
        writes=True,
    )
    def direction(self) -> None:
        chosen = [row for row in self._chosen() if row.crm_field is not None]
        if self._at is None or not chosen:
            return
        first = self._at[1]
        following = NEXT_DIRECTION[(first if first in chosen else chosen[0]).direction]
        if len(chosen) == 1:
            self._direct(chosen, following)
            return

        def on_submit(sure: bool | None) -> None:
            # As they are now: another user may have decided on them since the question.
            now = {row.name: row for row in self._chosen()}
            same = [now[row.name] for row in chosen if row.name in now]
            if sure and same:
                self._direct(same, following)

        dialog = Confirm(
            f"Sync {count(len(chosen), 'row')} {DIRECTION_WORDS[following]}?",
            "u undoes it.",
            yes="Change direction",
            opened_by="d",
            listing=[row_line(row) for row in chosen],
        )
        self._open(dialog, on_submit)

    def _direct(self, chosen: Sequence[MappingRow], following: Direction) -> None:
        session = self._pairs.current
        if session is None:
            return
        # The direction of an accepted row is part of its decision. That of an undecided row is kept
        # in the session until the row is accepted.
        accepted = [row for row in chosen if row.state is DecisionState.ACCEPTED]
        if accepted:
            turned = [(row, accepting(row, direction=following)) for row in accepted]
            self._decide("direction of", turned, advance=False)
        undecided = [row.name for row in chosen if row not in accepted]
        if undecided:
            session.direct(undecided, following)
            self._pairs.did(session, Redraw.ROWS)
        now = session.by_name
        stuck = next((now[row.name] for row in chosen if not now[row.name].can_sync), None)
        if stuck is not None and stuck.verdict is not None:
            words = DIRECTION_WORDS[following]
            text = f"{stuck.title} can't sync {words}. {stuck.verdict.reason}."
            self._say(text, warn=True)

    @action(
        "mapping.values",
        "Values",
        "v",
        help="Map values, or enter what fills a required field.",
        hint=94,
        blocked=why_no_values,
        writes=True,
    )
    def values(self) -> None:
        if self.required_row is not None:
            self._ask_what_fills(self.required_row)
        if self._at is None:
            return
        session, row = self._at
        self._map_values(session, row, accepting(row))

    def _ask_what_fills(self, row: RequiredRow) -> None:
        session = self._pairs.current
        known = session.by_name if session is not None else {}

        def wrong(text: str) -> str:
            unknown = [name for name in placeholders(text) if name not in known]
            return f"No PartnerOS field '{unknown[0]}'." if unknown else ""

        def on_submit(text: str | None) -> None:
            if text and session is self._pairs.current:
                self._decide("fill elsewhere", [(row, filling_elsewhere(row, text))])

        prompt = Prompt(
            f"What fills {row.title}",
            "For preflight. crmdeck sends no value: PartnerOS or the CRM must fill the field.",
            value=(row.mark.filled_with if row.mark else None) or "",
            placeholder="A value, or {accountName} renewal",
            check=wrong,
        )
        self._open(prompt, on_submit)

    def _accept(self, deed: str, row: MappingRow, choice: Choice) -> None:
        """Accept a mapping, and warn if preflight doesn't pass it."""
        session = self._pairs.current
        self._decide(deed, [(row, choice)])
        now = session.by_name.get(row.name) if session is not None else None
        if now is None or now.group not in (Group.FAILING, Group.REVIEW):
            return
        fix = "v maps its values" if now.needs_value_map else "f fixes it, a accepts the risk"
        self._say(f"Accepted, but {now.title} fails: {row_note(now)}. {fix}, u undoes.", warn=True)

    def _map_values(self, session: MappingSession, row: MappingRow, choice: Choice) -> None:
        workspace, crm_field = self._host.workspace, choice.crm_field
        if crm_field is None:
            return

        def edited(value_map: dict[str, str] | None) -> None:
            if value_map is not None and session is self._pairs.current:
                mapped = choice.model_copy(update={"value_map": value_map})
                self._decide("values of", [(row, mapped)])

        def work(_: Job) -> ValueMap:
            return workspace.mappings.value_map(session.ref, session.pair, row.name, crm_field)

        def on_loaded(suggested: ValueMap) -> None:
            own = value_choices(row, suggested, None)
            dialog.fill(value_choices(row, suggested, row.value_map), own)

        accepted = row.state is DecisionState.ACCEPTED
        dialog = EditValueMap(
            f"{row.title} → {crm_field}",
            value_targets(row),
            text="" if accepted else "Saving the values accepts the mapping.",
        )
        label = "matching values"
        open_filled(
            self._table.app,
            dialog,
            edited,
            self._requests,
            work,
            on_loaded,
            slot="values",
            label=label,
        )

    @action(
        "mapping.repair",
        "Fix",
        "f",
        help="Do the row's first step, or go to a row that fails.",
        hint=97,
        blocked=why_no_repair,
        writes=True,
    )
    def repair(self) -> None:
        broken = self._broken()
        if broken and self._any_row not in broken:
            self._table.go_to(broken[0].name)
        if self.required_row is not None:
            # A field, a value or a mark: none of them is the usual one.
            self.show_steps()
            return
        step = first_step(self.finding) if self.finding is not None else None
        match step.verb if step is not None else None:
            case Verb.MAP_VALUES:
                self.values()
            case Verb.PROPOSE:
                self.propose()
            case Verb.ACKNOWLEDGE if self.finding is not None:
                self._settling.acknowledge((self.finding,))
            case _ if self.row is not None and self.row.needs_value_map:
                self.values()
            case _:
                self.choose()

    @action(
        "mapping.choose",
        "Choose field",
        help="Choose among the alternatives, or search all fields.",
        blocked=why_none,
        writes=True,
    )
    def ask_field(self) -> None:
        self.choose()

    def choose(self, offered: str | None = None) -> None:
        """Choose the other field of the row under the cursor."""
        if self.required_row is not None:
            self._choose_source()
        else:
            self._choose_field(offered)

    def show_steps(self) -> None:
        """Ask for a step of the row under the cursor; expand a collapsed group."""
        row = self._any_row
        if row is None:
            self._table.fold()
            return
        finding = self.finding
        words = {step.verb: step.text for step in finding.steps} if finding is not None else {}
        steps = {"mapping.choose": words.get(Verb.CHOOSE, "Choose a CRM field")}
        settle = "Accept the risk until a day"
        if isinstance(row, RequiredRow):
            steps = {"mapping.choose": "Choose a PartnerOS field"}
            steps |= {"mapping.values": "Enter the value that fills it"}
        elif row.needs_value_map:
            steps = {"mapping.values": "Map the values", **steps}
        if isinstance(row, MappingRow) and not self.takes_risk:
            settle = f"Accept {row.crm_field}" if row.is_open else "Accept it again"
        if self.takes_risk or (isinstance(row, MappingRow) and (row.is_open or row.open_drift)):
            steps["mapping.accept"] = settle
        if Verb.PROPOSE in words:
            steps["mapping.propose"] = words[Verb.PROPOSE]
        elsewhere = isinstance(row, RequiredRow)
        steps |= {
            "mapping.values": steps.get("mapping.values", "Map the values"),
            "mapping.unmap": "Mark it as filled elsewhere" if elsewhere else "Leave it unmapped",
            "mapping.reject": "Reject the suggestion",
            "mapping.clear": "Return to undecided",
            "mapping.direction": "Change the sync direction",
            "mapping.schema": "Open in Schema",
            "mapping.samples": "Show fill rates and samples",
            "mapping.known": "Hide this kind of warning",
        }
        menu = [MenuStep(id_, text) for id_, text in steps.items()]
        asking = ("mapping.choose", "mapping.values")
        open_menu(
            self._table.screen,
            row.title,
            menu,
            asking=asking,
            still=lambda: self._table.cursor_name == row.name,
        )

    @action(
        "mapping.preflight",
        "Preflight",
        "P",
        help="Test boundary values, a records file or a CRM sample.",
        hint=91,
        blocked=why_no_session,
    )
    def preflight(self) -> None:
        session = self._pairs.current
        if session is not None:
            self._preflight.ask(session)

    def _open_failing_row(self, name: str) -> None:
        self._table.go_to(name)
        if self.row is not None and self.row.values:
            self.values()

    # Not `writes`: what is hidden is stored with the layout of this user, not in the workspace.
    @action(
        "mapping.known",
        "Hide warning",
        help="Hide this kind of warning for the pair, or show all.",
        blocked=why_no_warning,
    )
    def hide_warning(self) -> None:
        if self._at is None:
            return
        session, row = self._at
        if row.failures or row.warnings:
            if row.failures:
                code, words = row.failures[0].code, row.failures[0].reason
            else:
                code = row.warnings[0].code
                words = warning_words(row, code)
            self._say(f"Hidden for this pair: {words}")
            codes = session.hidden_warnings | {code}
            self._pairs.hide_warnings(session, codes, f"hide warnings: {words}")
        else:
            self._say("All warnings of this pair are shown again.")
            self._pairs.hide_warnings(session, frozenset(), "show all warnings")

    @action("mapping.samples", "Samples", help=SAMPLES_HELP, hint=76, blocked=why_no_samples)
    def samples(self) -> None:
        view = self._in_view()
        if view is not None:
            self._sampler.toggle(view)

    @action(
        "mapping.next",
        "Next open",
        "n",
        help="Go to the next open row.",
        hint=78,
        blocked=why_none,
    )
    def next_open(self) -> None:
        session = self._pairs.current
        if session is None:
            return
        target = self._table.next_open(session.all_rows)
        if target is None:
            self._say("No open rows are shown.")
        else:
            self._table.go_to(target)

    @action(
        "mapping.accept_all",
        "Accept high",
        "A",
        help="Accept matches of 90% or more that pass preflight.",
        hint=89,
        blocked=why_not_accepted,
        writes=True,
    )
    def accept_all(self) -> None:
        session = self._pairs.current
        shown = [row for row in self._table.rows() if row.group is Group.HIGH]
        sure = [row for row in shown if row.is_sure]
        left = [row for row in shown if not row.is_sure]
        if not sure:
            why = left_out_text(left)
            least = f"No undecided match of at least {percent(HIGH_MATCH)}"
            self._say(f"{least} passes preflight: {why}." if why else f"{least}.")
            return

        def on_submit(yes: bool | None) -> None:
            if not yes or session is None or session is not self._pairs.current:
                return
            # Rows that changed under the dialog are left alone: the user has not seen them.
            now = session.by_name
            same = [now[row.name] for row in sure if now[row.name].crm_field == row.crm_field]
            if wanted := [row for row in same if row.is_sure]:
                self._decide("accept", [(row, accepting(row)) for row in wanted])

        lines = [(f"accepts {len(sure):,}", first_few([row.title for row in sure], MOST_NAMED))]
        if left:
            lines.append((f"leaves {len(left):,}", left_out_text(left, named=True)))
        dialog = Preview("Accept high matches", lines, yes=f"Accept {len(sure):,}")
        self._open(dialog, on_submit)

    @action(
        "mapping.schema",
        "Schema",
        help="Open the CRM field in Schema.",
        blocked=why_no_field,
    )
    def open_schema(self) -> None:
        if self._at is not None:
            session, row = self._at
            object_ = session.builder.crm_object
            location = Location(connection=session.ref, object=object_, field=row.crm_field)
            self._host.go_to("schema", location)

    @action(
        "mapping.pair",
        "Object pair",
        "p",
        help="Choose the object pair.",
        hint=88,
        blocked=why_no_pair,
    )
    def choose_pair(self) -> None:
        ref, workspace = self._pairs.ref, self._host.workspace
        if ref is None:
            return

        def on_submit(pair: str | None) -> None:
            if pair is not None and ref == self._pairs.ref:
                self._pairs.choose(ref, pair)

        def work(_: Job) -> tuple[PairChoice, ...]:
            objects = workspace.schemas.objects(ref).objects
            begun, partners = workspace.mappings.pairs(ref), workspace.mappings.partner_objects()
            return pair_choices(begun, partners, objects)

        def on_loaded(pairs: tuple[PairChoice, ...]) -> None:
            first = sum(one.makes_sense for one in pairs)
            others = count(len(pairs) - first, "unused pair")
            dialog.fill(
                tuple(map(pair_option, pairs)),
                first=first or None,
                rest=f"{others}: z shows them, or type to search",
            )

        current = self._pairs.pairs.get(ref)
        dialog = Choose(
            "Object pair", None, current=current, columns=PAIR_COLUMNS, gives=PAIR_GIVES
        )
        label = "loading object pairs"
        open_filled(
            self._table.app,
            dialog,
            on_submit,
            self._requests,
            work,
            on_loaded,
            slot="pairs",
            label=label,
        )

    def can_leave(self) -> bool:
        """True if Esc leaves the pair: first it cancels, dismisses errors and clears the filter."""
        return self._pairs.current is not None and not self._host.takes_escape()

    @action(
        "mapping.leave",
        "Pairs",
        "escape",
        help="Go back to the likely object pairs.",
        applies=lambda commands: commands.can_leave(),
        palette=False,
    )
    def leave(self) -> None:
        self._pairs.go_back()

    @action(
        "mapping.edit",
        "Edit as file",
        help="Edit the pair as a mapping file in $EDITOR.",
        blocked=why_no_edit,
        writes=True,
    )
    def edit(self) -> None:
        session, workspace = self._pairs.current, self._host.workspace
        if session is None:
            return
        place = session.ref, session.pair

        def opened(text: str) -> None:
            try:
                changed = edited(self._table.app, text, "mapping.json")
            except CrmdeckError as error:
                # An editor that exits with an error is how users discard their changes.
                self._drafts.pop(place, None)
                self._pairs.show_error(error)
                return
            # If the file has a mistake, the action opens it again with all that the user wrote.
            self._drafts[place] = changed
            self._requests.load(
                "plan",
                lambda _: workspace.mappings.plan(*place, changed),
                partial(self._preview, session),
                label="checking the edited file",
                failed=not_taken,
            )

        def not_taken(error: CrmdeckError) -> None:
            self._pairs.show_error(error)
            self._say("Edit as file opens it again as you left it.", warn=True)

        if place in self._drafts:
            opened(self._drafts[place])
            return
        self._requests.load(
            "edit",
            lambda _: workspace.exports.render("mapping", session.ref, pair=session.pair),
            opened,
            label="writing the mapping file",
        )

    @action(
        "mapping.propose",
        "CRM change",
        "M",
        help="Write a CRM change: a field, a longer text, or values.",
        blocked=why_no_rows,
    )
    def propose(self) -> None:
        session, chosen = self._pairs.current, self._chosen()
        if session is None or not chosen:
            return
        proposals, names = self._host.workspace.proposals, [row.name for row in chosen]
        title = chosen[0].title if len(chosen) == 1 else count(len(chosen), "row")

        def planned(proposal: Proposal) -> None:
            by_hand = [each for each in proposal.changes if each.file is None]
            if not proposal.files:
                notes = " ".join(each.note or each.summary for each in by_hand)
                text = f"By hand: {notes}\nEnter shows the other steps of the row."
                self._host.say(text, severity="warning", timeout=8)
                return
            lines = [f"{each.crm_field}: {each.summary}" for each in proposal.changes if each.file]
            lines += [f"{each.crm_field or each.partner_field}: {each.note}" for each in by_hand]
            text = "\n".join([*lines, "", "crmdeck writes files to review. You deploy them."])
            dialog = Prompt(
                f"Folder for the CRM change for {title}",
                text,
                value=f"crm-change-{session.builder.crm_object}",
                check=wrong_folder,
            )
            self._open(dialog, partial(chose, proposal))

        def chose(proposal: Proposal, name: str | None) -> None:
            if not name:
                return
            folder = absolute_path(name)
            self._requests.load(
                "propose",
                lambda _: proposals.write(proposal, folder),
                lambda paths: self._host.say(
                    f"Wrote {count(len(paths), 'file')}. Next: read {folder}/PULL_REQUEST.md"
                ),
                label="writing the change",
                cancellable=False,
            )

        self._requests.load(
            "propose",
            lambda _: proposals.plan(session.ref, session.pair, fields=names),
            planned,
            label="preparing the change",
        )

    def _preview(self, session: MappingSession, plan: MappingPlan) -> None:
        self._pairs.show_error(None)
        self._drafts.pop((session.ref, session.pair), None)
        known, choices = session.by_name, plan.choices
        if not choices:
            self._say("Nothing was changed.")
            return

        def on_submit(sure: bool | None) -> None:
            if sure and session is self._pairs.current:
                edited = [(known[choice.partner_field], choice) for choice in choices]
                self._decide("edit", edited, advance=False)

        # The names in the file are typed by hand.
        unknown = [one.partner_field for one in choices if one.partner_field not in known]
        missing = [
            one.crm_field
            for one in choices
            if one.crm_field and one.crm_field not in session.builder.crm_fields
        ]
        if unknown or missing:
            names = ", ".join([*unknown, *missing])
            self._say(f"No field named {names}. Nothing was changed.", warn=True)
            return
        listing = [
            choice_text(choice)
            + (f"   (was {change.before})" if change.before not in (None, change.after) else "")
            for choice, change in zip(choices, plan.changes, strict=True)
        ]
        dialog = Confirm(
            f"Apply {count(len(choices), 'change')} from the file?",
            yes=f"Apply {len(choices)}",
            opened_by="E",
            listing=listing,
        )
        self._open(dialog, on_submit)

    def _choose_field(self, offered: str | None = None) -> None:
        """Choose the CRM field of the row among the candidates, or among all fields.

        The cursor is on the field `offered`, else on the row's own. If that can't sync, it is on
        the field's new name or the best suggestion.
        """
        if self._at is None:
            return
        session, row = self._at
        current = offered or row.crm_field
        if not offered and (row.right is None or not row.can_sync):
            others = (one.crm_field for one in row.candidates if one.crm_field != row.crm_field)
            current = row.renamed_to or next(others, None)

        def on_submit(option: FieldChoice | None) -> None:
            if option is None or session is not self._pairs.current:
                return
            now, crm_field = session.by_name[row.name], option.name
            if now.state is DecisionState.ACCEPTED and now.crm_field == crm_field:
                self._keep([now])
            elif crm_field not in session.builder.crm_fields:
                self._say(f"{crm_field} was removed from the schema.", warn=True)
            else:
                choice = choosing(now, crm_field, session.builder)
                self._accept("map", now, choice)

        def notes(crm_field: str) -> list[tuple[str, str]]:
            right = session.builder.crm_fields[crm_field]
            found = pair_notes(row.partner, right, session.builder, self._host.workspace.now)
            if row.open_drift and crm_field == row.crm_field:
                return [("Accepted before the change. Enter keeps it.", "$info"), *found]
            return found

        dialog = choose_field(
            f"CRM field for {row.title}",
            field_choices(row, session.rows, session.builder),
            current=current,
            notes=notes,
        )
        self._open(dialog, on_submit)

    def _keep(self, rows: Sequence[MappingRow]) -> None:
        """Accept mappings again that a change broke; that settles the change."""
        kept = [row for row in rows if row.right is not None and row.open_drift]
        if kept:
            self._ask_or_decide("keep", [(row, accepting(row)) for row in kept], opened_by="a")
        else:
            self._say("Already accepted.")

    def _choose_source(self) -> None:
        """Choose the PartnerOS field of the required CRM field under the cursor.

        A mapped PartnerOS field moves only after a question.
        """
        session, row = self._pairs.current, self.required_row
        if session is None or row is None:
            return
        target = row.field.name

        def on_submit(option: FieldChoice | None) -> None:
            if option is None or session is not self._pairs.current:
                return
            now = session.by_name[option.name]
            choice = choosing(now, target, session.builder)
            verdict = session.builder.judge(now.partner, row.field)
            if verdict.direction is Direction.PULL:
                self._say(f"{now.title} can't sync to {target}: {verdict.reason}.", warn=True)
            elif now.state is not DecisionState.ACCEPTED:
                self._accept("map", now, choice)
            else:
                loses = f"{now.crm_field} is no longer mapped"
                question = Choose(
                    f"{now.title} is mapped to {now.crm_field}",
                    [menu_choice("m", "Move mapping", loses)],
                    cancel="change nothing",
                )
                self._open(question, partial(on_answer, now, choice))

        def on_answer(now: MappingRow, choice: Choice, deed: str | None) -> None:
            if deed == "m" and session is self._pairs.current:
                self._accept("move", now, choice)

        def notes(partner_field: str) -> list[tuple[str, str]]:
            source = session.by_name[partner_field].partner
            return pair_notes(source, row.field, session.builder, self._host.workspace.now)

        dialog = choose_field(
            f"PartnerOS field for {target}",
            source_choices(row, session.rows),
            notes=notes,
            column="PartnerOS field",
        )
        self._open(dialog, on_submit)

    def _ask_or_decide(self, deed: str, decided: Sequence[Decided], *, opened_by: str) -> None:
        if len(decided) == 1:
            self._decide(deed, decided)
            return
        session = self._pairs.current

        def on_submit(sure: bool | None) -> None:
            if not sure or session is None or session is not self._pairs.current:
                return
            now = session.all_rows
            # Rows that changed under the dialog are left alone: the user has not seen them.
            same = [
                (row, choice)
                for row, choice in decided
                if row.name in now and _standing(now[row.name]) == _standing(row)
            ]
            if same:
                self._decide(deed, same)

        number = count(len(decided), "row")
        dialog = Confirm(
            f"{deed.capitalize()} {number}?",
            "u undoes it.",
            yes=f"{deed.capitalize()} {number}",
            opened_by=opened_by,
            listing=[row_text(row) for row, _ in decided],
        )
        self._open(dialog, on_submit)

    def _decide(self, deed: str, decided: Sequence[Decided], *, advance: bool = True) -> None:
        session = self._pairs.current
        if session is None:
            return
        if not is_shown(self._table):
            # Another pane came up below the dialog in which this was decided.
            self._say("You left Mapping. Nothing was changed.", warn=True)
            return
        first = decided[0][0]
        title = first.title if len(decided) == 1 else count(len(decided), "row")
        write = session.decide(f"{deed} {title}", [choice for _, choice in decided])
        if len(decided) > 1:
            self._table.clear_marks()
        target = here = self._table.cursor_name
        if here is None:
            # The title may be gone. The cursor never lands on another one, whose rows the next
            # key would change.
            target = self._table.next_open(session.all_rows) or first.name
        advance = advance and self._host.workspace.settings.auto_advance
        now = session.all_rows
        # A required CRM field that was mapped has no row now.
        if advance and here and not (here in now and needs_decision(now[here])):
            target = self._table.next_open(now)
            if target is None:
                target = here
                self._say(f"All {self._table.count_text} rows shown are decided.")
        self._pairs.did(session, Redraw.GROUPS, target, write)

    def _chosen_of_both(self) -> tuple[AnyRow, ...]:
        """Return the marked rows, else the one under the cursor, as they are now."""
        now = self._pairs.current.all_rows if self._pairs.current is not None else {}
        return tuple(now[row.name] for row in self._table.chosen_rows() if row.name in now)

    def _chosen(self) -> tuple[MappingRow, ...]:
        return tuple(row for row in self._chosen_of_both() if isinstance(row, MappingRow))

    def _chosen_required(self) -> tuple[RequiredRow, ...]:
        return tuple(row for row in self._chosen_of_both() if isinstance(row, RequiredRow))

    def _broken(self) -> tuple[AnyRow, ...]:
        """Return the rows shown that fail, then those to review."""
        groups = (Group.FAILING, Group.REVIEW)
        found = [row for row in self._table.every_row() if row.group in groups]
        return tuple(sorted(found, key=lambda row: row.group is Group.REVIEW))

    def _in_view(self) -> InView | None:
        if self._at is None:
            return None
        session, row = self._at
        known = session.builder.crm_fields
        names = [row.crm_field, *(one.crm_field for one in row.candidates)]
        fields = dict.fromkeys(name for name in names if name in known)
        return InView(session.ref, session.builder.crm_object, tuple(fields)) if fields else None

    def _open(self, dialog: Screen[T], answered: Callable[[T | None], None]) -> None:
        self._table.app.push_screen(dialog, answered)

    def _say(self, text: str, *, warn: bool = False) -> None:
        if warn:
            self._host.say(text, severity="warning", timeout=4)
        else:
            self._host.say(text, timeout=2)


def _standing(row: AnyRow) -> tuple[object, ...]:
    return (row.state, row.crm_field) if isinstance(row, MappingRow) else (row.is_open,)
