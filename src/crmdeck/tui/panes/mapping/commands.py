"""The keys of the mapping pane and what they do; each shows its effect at once."""

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
from crmdeck.tui.keys.actions import action, is_shown
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.mapping.columns import PAIR_COLUMNS, pair_option
from crmdeck.tui.panes.mapping.detail import field_notes
from crmdeck.tui.panes.mapping.loader import Change, PairLoader
from crmdeck.tui.panes.mapping.table import RowTable
from crmdeck.tui.panes.samples import SAMPLES_HELP, InView, Sampler
from crmdeck.tui.text import count
from crmdeck.workspace import (
    DIRECTION_WORDS,
    Group,
    MappingPlan,
    MappingRow,
    MappingSession,
    PairChoice,
    accepting,
    choice_text,
    choosing,
    field_choices,
    pair_choices,
    rejecting,
    row_note,
    value_choices,
    value_targets,
    warning_words,
)

T = TypeVar("T")
NO_PAIR = "No object pair is chosen: press p."
NO_LINE = "No line passes the filter."

NEXT_DIRECTION = {
    Direction.BIDIRECTIONAL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.PULL: Direction.BIDIRECTIONAL,
}


class MappingCommands:
    """Decides on the rows of the pair that shows, and asks in dialogs what to decide."""

    def __init__(
        self,
        host: PaneHost,
        requests: Loader,
        pairs: PairLoader,
        table: RowTable,
        sampler: Sampler,
    ) -> None:
        self._host = host
        self._requests = requests
        self._pairs = pairs
        self._table = table
        self._sampler = sampler
        self._drafts: dict[tuple[str, str], str] = {}

    @property
    def _at(self) -> tuple[MappingSession, MappingRow] | None:
        """The session and its row under the cursor, as it is now."""
        session, name = self._pairs.current, self._table.cursor_name
        if session is None or name not in session.by_name:
            return None
        return session, session.by_name[name]

    @property
    def row(self) -> MappingRow | None:
        """The row under the cursor, as it is now."""
        return self._at[1] if self._at is not None else None

    def why_no_row(self) -> str | None:
        """Return why there is no row to decide on."""
        if self.row is not None:
            return None
        if self._pairs.current is not None:
            on_title = self._table.cursor_row is not None
            return "This is the title of a group." if on_title else NO_LINE
        if self._pairs.session is not None:
            return "Still reading the other connection; nothing was decided."
        return "Still reading; nothing was decided." if self._requests.is_loading else NO_PAIR

    def why_no_rows(self) -> str | None:
        """Return why there are no rows to decide on, marked or of the group under the cursor."""
        some = self._pairs.current is not None and self._table.chosen_rows()
        return None if some else self.why_no_row()

    def why_not_accepted(self) -> str | None:
        """Return why nothing can be accepted: no rows, or scores that may still change."""
        moving = "Still comparing meanings: the figures may move. Enter chooses by hand."
        return moving if self._pairs.is_refining else self.why_no_rows()

    def why_no_values(self) -> str | None:
        """Return why the row has no values to map."""
        if self.row is not None and self.row.values:
            return None
        return self.why_no_row() or "Only a picklist mapped to a picklist has values to map."

    def why_no_repair(self) -> str | None:
        """Return why there is nothing to repair."""
        return None if self._broken() else self.why_no_rows() or "No line is broken by a change."

    def why_no_warning(self) -> str | None:
        """Return why no kind of warning can be hidden."""
        if self.row is not None and (self.row.warnings or self.row.hidden_warnings):
            return None
        return self.why_no_row() or "This line warns of nothing."

    def why_no_samples(self) -> str | None:
        """Return why no records can be read for samples."""
        return None if self._in_view() is not None else "No CRM field of the schema is in view."

    def why_no_field(self) -> str | None:
        """Return why there is no CRM field to open."""
        if self.row is not None and self.row.crm_field is not None:
            return None
        return self.why_no_row() or "This line has no CRM field."

    def why_no_pair(self) -> str | None:
        """Return why no object pair can be chosen."""
        return None if self._pairs.ref is not None else "No connection is chosen."

    def why_no_edit(self) -> str | None:
        """Return why the pair can't be edited as a file."""
        session = self._pairs.current
        if session is None:
            return self.why_no_row()
        return "Still storing what was decided." if session.unsaved else None

    @action(
        "mapping.accept",
        "accept",
        "a",
        help="accept what is suggested, on this line, all marked ones, or a group",
        hint=100,
        blocked=why_not_accepted,
        writes=True,
    )
    def accept(self) -> None:
        chosen = self._chosen()
        able = [row for row in chosen if row.crm_field is not None]
        if self.row is None:
            # A user who accepts a whole group has not looked at each row of it.
            able = [row for row in able if row.can_sync]
        fresh = [row for row in able if row.state is not DecisionState.ACCEPTED]
        if fresh:
            self._decide("accept", fresh, [accepting(row) for row in fresh])
        elif able:
            self._say("Accepted already.")
        elif chosen:
            self._say("Nothing is suggested here; Enter chooses a field.")

    @action(
        "mapping.reject",
        "reject",
        "x",
        help="reject what is suggested; the next candidate moves up if it is likely",
        hint=98,
        blocked=why_no_rows,
        writes=True,
    )
    def reject(self) -> None:
        self._turn_down("reject", lambda row: row.crm_field)

    @action(
        "mapping.unmap",
        "unmapped",
        "X",
        help="leave this PartnerOS field, all marked ones, or a group unmapped",
        hint=97,
        blocked=why_no_rows,
        writes=True,
    )
    def unmap(self) -> None:
        self._turn_down("leave unmapped", lambda _: None)

    def _turn_down(self, deed: str, what: Callable[[MappingRow], str | None]) -> None:
        chosen = self._chosen()
        able = [row for row in chosen if row.state is not DecisionState.REJECTED]
        if able:
            self._decide(deed, able, [rejecting(row, what(row)) for row in able])
        elif chosen:
            self._say("It stays unmapped already.")

    @action(
        "mapping.direction",
        "direction",
        "d",
        help="both ways, PartnerOS to CRM, CRM to PartnerOS",
        hint=92,
        blocked=why_no_rows,
        writes=True,
    )
    def direction(self) -> None:
        chosen = [row for row in self._chosen() if row.crm_field is not None]
        if self._at is None or not chosen:
            return
        session, first = self._at
        following = NEXT_DIRECTION[(first if first in chosen else chosen[0]).direction]
        accepted = [row for row in chosen if row.state is DecisionState.ACCEPTED]
        if accepted:
            choices = [accepting(row, direction=following) for row in accepted]
            self._decide("direction", accepted, choices, advance=False)
        undecided = [row.name for row in chosen if row not in accepted]
        if undecided:
            session.direct(undecided, following)
            self._pairs.did(session, Change.ROWS)
        now = session.by_name
        stuck = next((now[row.name] for row in chosen if not now[row.name].can_sync), None)
        if stuck is not None and stuck.verdict is not None:
            words = DIRECTION_WORDS[following]
            text = f"{stuck.title} can't sync {words}. {stuck.verdict.reason}."
            self._say(text, warn=True)

    @action(
        "mapping.values",
        "values",
        "v",
        help="which CRM value each PartnerOS value becomes",
        hint=94,
        blocked=why_no_values,
        writes=True,
    )
    def values(self) -> None:
        if self._at is None:
            return
        session, row = self._at
        workspace, crm_field = self._host.workspace, row.crm_field
        if crm_field is None:
            return

        def edited(value_map: dict[str, str] | None) -> None:
            if value_map is not None and session is self._pairs.current:
                self._decide("value map", [row], [accepting(row, value_map=value_map)])

        def work(_: Job) -> ValueMap:
            return workspace.mappings.value_map(session.ref, session.pair, row.name, crm_field)

        def took(suggested: ValueMap) -> None:
            own = value_choices(row, suggested, None)
            dialog.fill(value_choices(row, suggested, row.value_map), own)

        accepted = row.state is DecisionState.ACCEPTED
        dialog = EditValueMap(
            f"{row.title} → {crm_field}",
            value_targets(row),
            text="" if accepted else "Saving the values accepts the pair.",
        )
        label = "matching values"
        open_filled(
            self._table.app, dialog, edited, self._requests, work, took, slot="values", label=label
        )

    @action(
        "mapping.repair",
        "repair",
        "f",
        help="find another CRM field for a line that a change broke",
        hint=93,
        blocked=why_no_repair,
        writes=True,
    )
    def repair(self) -> None:
        broken = self._broken()
        if broken and self.row not in broken:
            self._table.go_to(broken[0].name)
        if broken:
            self.choose_field()

    @action(
        "mapping.known",
        "warning is known",
        "W",
        help="tell this kind of warning no more on the pair; again: tell all kinds",
        blocked=why_no_warning,
    )
    def know_warning(self) -> None:
        if self._at is None:
            return
        session, row = self._at
        if row.warnings:
            code = row.warnings[0].code
            words = warning_words(row, code)
            self._say(f"Known on this pair: {words}")
            self._pairs.know(session, session.hidden_warnings | {code}, f"known: {words}")
        else:
            self._say("All kinds of warnings are told again on this pair.")
            self._pairs.know(session, frozenset(), "all kinds of warnings told again")

    @action("mapping.samples", "samples", "w", help=SAMPLES_HELP, hint=76, blocked=why_no_samples)
    def samples(self) -> None:
        view = self._in_view()
        if view is not None:
            self._sampler.toggle(view)

    @action(
        "mapping.next",
        "next open",
        "n",
        help="next undecided line",
        hint=78,
        blocked=why_no_rows,
    )
    def next_open(self) -> None:
        self._go(1)

    @action(
        "mapping.previous",
        "previous open",
        "N",
        help="previous undecided line",
        blocked=why_no_rows,
    )
    def previous_open(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        session = self._pairs.current
        if session is None:
            return
        target = self._table.next_open(session.by_name, step)
        if target is None:
            self._say("No line shown is undecided.")
        else:
            self._table.go_to(target)

    @action(
        "mapping.accept_all",
        "sure ones",
        "A",
        help="accept the sure lines shown in which values can flow: it lists them first",
        hint=95,
        blocked=why_not_accepted,
        writes=True,
    )
    def accept_all(self) -> None:
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
            session = self._pairs.current
            if least is None or session is None:
                return
            now = session.by_name
            # Rows that changed under the dialog are left alone: the user has not seen them.
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
                row_note(row),
            )
            for row in able
        ]
        stuck = [row.title for row in shown if not row.can_sync]
        self._open(AcceptAll(candidates, stuck), answered)

    @action(
        "mapping.schema",
        "schema",
        "o",
        help="open the CRM field in the Schema pane",
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
        "pair",
        "p",
        help="choose the object pair",
        hint=88,
        blocked=why_no_pair,
    )
    def choose_pair(self) -> None:
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

    @action(
        "mapping.edit",
        "edit the pair",
        "E",
        help="edit the whole pair as a mapping file in $EDITOR, with a preview",
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
            self._drafts[place] = changed
            self._requests.load(
                "plan",
                lambda _: workspace.mappings.plan(*place, changed),
                partial(self._preview, session),
                label="reading what was edited",
                failed=not_taken,
            )

        def not_taken(error: CrmdeckError) -> None:
            self._pairs.show_error(error)
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

    def _preview(self, session: MappingSession, plan: MappingPlan) -> None:
        """Show what an edited mapping would change, and ask whether to decide so."""
        self._pairs.show_error(None)
        self._drafts.pop((session.ref, session.pair), None)
        known, choices = session.by_name, plan.choices
        if not choices:
            self._say("Nothing was changed.")
            return

        def answered(sure: bool | None) -> None:
            if sure and session is self._pairs.current:
                rows = [known[choice.partner_field] for choice in choices]
                self._decide("edit", rows, choices, advance=False)

        unknown = [one.partner_field for one in choices if one.partner_field not in known]
        missing = [
            one.crm_field
            for one in choices
            if one.crm_field and one.crm_field not in session.builder.crm_fields
        ]
        if unknown or missing:
            names = ", ".join([*unknown, *missing])
            self._say(f"There is no such field: {names}. Nothing was changed.", warn=True)
            return
        listing = [
            choice_text(choice)
            + (f"   (was {change.before})" if change.before not in (None, change.after) else "")
            for choice, change in zip(choices, plan.changes, strict=True)
        ]
        dialog = Confirm(
            f"Decide {count(len(choices), 'line')} as edited?",
            yes=f"Decide {len(choices)}",
            opened_by="E",
            listing=listing,
        )
        self._open(dialog, answered)

    def choose_field(self, offered: str | None = None) -> None:
        """Choose the CRM field of the row among the candidates, or among all fields.

        The cursor is on the field `offered`, else on the row's own.
        """
        if self._at is None:
            return
        session, row = self._at

        def chosen(crm_field: str | None) -> None:
            if crm_field is None or session is not self._pairs.current:
                return
            now = session.by_name[row.name]
            if now.state is DecisionState.ACCEPTED and now.crm_field == crm_field:
                self._say("Accepted already.")
            elif crm_field not in session.builder.crm_fields:
                self._say(f"{crm_field} has left the schema meanwhile.", warn=True)
            else:
                self._decide("choose", [now], [choosing(now, crm_field, session.builder)])

        dialog = ChooseField(
            f"{row.title} becomes",
            field_choices(row, session.rows, session.builder),
            current=offered or row.crm_field,
            notes=partial(field_notes, row, session.builder, self._host.workspace.now),
        )
        self._open(dialog, chosen)

    def _decide(
        self,
        deed: str,
        rows: Sequence[MappingRow],
        choices: Sequence[Choice],
        *,
        advance: bool = True,
    ) -> None:
        """Decide on rows at once, as one step named after `deed`."""
        session = self._pairs.current
        if session is None:
            return
        if not is_shown(self._table):
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
        self._pairs.did(session, Change.GROUPS, target, write)

    def _chosen(self) -> tuple[MappingRow, ...]:
        """Return the marked rows, else the one under the cursor, as they are now."""
        session = self._pairs.current
        if session is None:
            return ()
        now = session.by_name
        return tuple(now[row.name] for row in self._table.chosen_rows())

    def _broken(self) -> tuple[MappingRow, ...]:
        return tuple(row for row in self._table.rows() if row.group is Group.BROKEN)

    def _in_view(self) -> InView | None:
        """Return the suggested CRM field and the other candidates."""
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
