"""What the keys of the drift pane do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from textual.screen import Screen

from crmdeck.errors import CrmdeckError
from crmdeck.model import Choice, Decision, DecisionState, DriftKind, Severity
from crmdeck.tui.dialogs.choose import Choice as Option
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.dialogs.values import Values
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.loading.requests import Job, Loader, LoadQueue
from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.tui.panes.drift.columns import VALUE_COLUMNS
from crmdeck.tui.panes.drift.loader import TimelineLoader, TimelineView
from crmdeck.tui.panes.drift.table import TimelineTable
from crmdeck.tui.panes.usage import FieldPlace, UsageAsker
from crmdeck.tui.state.undo import UndoStep
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import Entry, Noted, once, place_of

T = TypeVar("T")

NAMED = 4
"""Changes that a question names; the others are counted."""


@dataclass(eq=False)
class Step:
    """Changes that were acknowledged together, and the mappings that moved with them.

    `moved` are the ids of the decisions by connection and pair, as they were made last.
    """

    ids: tuple[str, ...]
    note: str
    moved: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


class DriftCommands:
    """Acknowledges, repairs and takes renames; folds, filters and leads elsewhere."""

    def __init__(
        self,
        host: PaneHost,
        requests: Loader,
        loader: TimelineLoader,
        table: TimelineTable,
        view: TimelineView,
        usages: UsageAsker,
    ) -> None:
        self._host = host
        self._requests = requests
        self._loader = loader
        self._table = table
        self._view = view
        self._usages = usages
        self._turns = LoadQueue(requests, "step")

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        return self._table.cursor_row

    @property
    def entry(self) -> Entry | None:
        """The event under the cursor; None on a day, a story, or nothing."""
        return self.line.entry if self.line is not None else None

    def why_no_line(self) -> str | None:
        """Say why there is nothing under the cursor."""
        if self.line is not None:
            return None
        return "Still reading." if self._requests.is_loading else "Nothing is listed here."

    def why_no_unseen(self) -> str | None:
        """Say why there is no change to go to that was not seen."""
        if any(map(_is_new, self._table.shown())):
            return None
        return self.why_no_line() or "Nothing here is new: all was on screen before, or dealt with."

    def why_no_days(self) -> str | None:
        """Say why there are no days to go through."""
        flat = "There are no days while the table is sorted otherwise."
        return flat if self._loader.is_flat else self.why_no_line()

    def why_no_connection(self) -> str | None:
        """Say why it can't be told whose drift is meant."""
        return None if self._loader.ref is not None else "No connection is chosen."

    def why_no_event(self) -> str | None:
        """Say why the line is no single change."""
        return None if self.entry is not None else "This line is not a single change."

    def why_no_schema(self) -> str | None:
        """Say why the change has no place in the Schema pane."""
        gone = self.entry is not None and self.entry.event.kind is DriftKind.OBJECT_OUT_OF_SCOPE
        return "This object is not in the scope any more." if gone else self.why_no_event()

    @property
    def field_place(self) -> FieldPlace | None:
        """The field that the event under the cursor is about."""
        event = self.entry.event if self.entry is not None else None
        if event is None or event.field_name is None or event.rule is not None:
            return None
        return FieldPlace(event.connection_id, event.object_type, event.field_name)

    def why_no_usage(self) -> str | None:
        """Say why there is no field to ask about."""
        if self.field_place is not None:
            return None
        return self.why_no_event() or "This change is not about one field."

    def ask_usage(self) -> None:
        """Ask the CRM where the field is used."""
        if self.field_place is not None:
            self._usages.ask(self.field_place)

    def why_no_values(self) -> str | None:
        """Say why there are no picklist values to list."""
        if self.entry is not None and self.entry.values:
            return None
        return self.why_no_event() or "No picklist changed here."

    def why_not_acknowledged(self) -> str | None:
        """Say why the chosen lines can't be acknowledged."""
        some = any(True for _ in self._open_entries())
        return None if some else self.why_no_line() or "It is acknowledged already."

    def why_not_all_acknowledged(self) -> str | None:
        """Say why nothing that shows can be acknowledged."""
        some = any(True for _ in self._open_entries(everything=True))
        return None if some else self.why_no_line() or "All that shows is acknowledged."

    def why_no_repair(self) -> str | None:
        """Say why there is no mapping to repair."""
        if self._broken():
            return None
        return self.why_no_event() or "No mapping that stands is touched by this change."

    def why_no_rename(self) -> str | None:
        """Say why there is no rename to take."""
        if self._rename() is not None:
            return None
        return self.why_no_event() or "Nothing here looks like a rename that is still to be taken."

    def what_helps(self, *, read_only: bool) -> Iterator[tuple[str, str]]:
        """Yield what can be done about the change under the cursor: actions, in words."""
        entry = self.entry
        if entry is None:
            return
        broken = ", ".join(decision.partner_field for decision in self._broken())
        if broken and not read_only:
            yield "drift.repair", f"find another field for {broken}"
        if self._rename() is not None and not read_only:
            yield (
                "drift.rename",
                "take it as a rename" + (", move the mapping along" * bool(broken)),
            )
        if not entry.acknowledged and not read_only:
            yield "drift.acknowledge", "acknowledge it, with a note"
        if len(entry.values) > 1:
            yield "drift.values", f"list {count(len(entry.values), 'value')} that changed"
        if self.why_no_schema() is None:
            yield "drift.schema", "look at it in Schema"
        yield "view.open_in_crm", "open it in the CRM's setup"
        who = entry.event.changed_by
        yield "view.copy", f"copy it as a message to {who}" if who else "copy it as a message"

    def can_shrink(self) -> bool:
        """Return whether Esc makes the details smaller: a filter is taken away first."""
        return self._view.is_zoomed and not self._view.filter_text

    def open_line(self) -> None:
        """Fold or unfold a day or a story, enlarge the details of a change or make them small."""
        line = self.line
        if line is not None and line.open is not None:
            self._loader.fold(line.key)
        elif line is not None and not line.is_title:
            self._view.zoom(not self._view.is_zoomed)

    def fold(self) -> None:
        """Fold or unfold the line, or what it is in."""
        line = self.line
        key = None if line is None else line.key if line.open is not None else line.parent
        if key is not None:
            self._loader.fold(key)

    def fold_all(self) -> None:
        """Unfold all stories, or fold them again."""
        loader = self._loader
        loader.folds = loader.folds.all_turned(
            loader.arrangement.foldable if loader.arrangement is not None else ()
        )
        loader.arrange()

    def older_day(self) -> None:
        """Go to the day before that of the cursor."""
        self._go_to_day(1)

    def newer_day(self) -> None:
        """Go to the day after that of the cursor."""
        self._go_to_day(-1)

    def next_unseen(self) -> None:
        """Go to the next change that was not on screen before."""
        self._go_to_unseen(1)

    def previous_unseen(self) -> None:
        """Go to the previous change that was not on screen before."""
        self._go_to_unseen(-1)

    def everywhere(self) -> None:
        """Show all connections, or this one only."""
        self._loader.everywhere = not self._loader.everywhere
        self._loader.read(self._loader.ref)

    def shrink(self) -> None:
        """Give the timeline its room back."""
        self._view.zoom(False)

    def acknowledge(self) -> None:
        """Acknowledge what is chosen, with a note."""
        self._ask_for_note(once(self._open_entries()))

    def acknowledge_all(self) -> None:
        """Acknowledge all that passes the filter: ask whether, then for a note."""
        entries = once(self._open_entries(everything=True))

        def answered(sure: bool | None) -> None:
            if sure:
                self._ask_for_note(entries)

        what = "that pass the filter" if self._view.filter_text else "that there are"
        self._open(
            Confirm(
                f"Acknowledge all {count(len(entries), 'change')} shown?",
                f"All {what} and are not acknowledged yet, those in folded days and stories "
                "too. u undoes it.",
                yes=f"Acknowledge {len(entries):,}",
                opened_by="A",
            ),
            answered,
        )

    def take_rename(self) -> None:
        """Take two changes as one rename, and let mappings follow where the operator says so."""
        halves, timeline = self._rename(), self._loader.timeline
        if halves is None or timeline is None:
            return
        old, new = halves
        mapped = timeline.mapped_to(old.event)
        if not mapped:
            self._take(old, new, ())
            return

        def answered(move: bool | None) -> None:
            if move is not None:
                self._take(old, new, mapped if move else ())

        names = ", ".join(f"{d.object_pair.partition('--')[0]}.{d.partner_field}" for d in mapped)
        number = count(len(mapped), "mapping")
        self._open(
            Confirm(
                f"Move {number} to {new.event.field_name}?",
                f"{old.event.field_name} seems to be called {new.event.field_name} now.\n"
                f"Mapped to the old name: {names}\n\n"
                "Both changes are acknowledged either way; Esc leaves all as it is. "
                "A moved mapping can be undone in the Mapping pane.",
                yes=f"Move {number}",
                opened_by="m",
            ),
            answered,
        )

    def repair(self) -> None:
        """Go to the mapping that is broken; ask which where there are several."""

        def go(decision: Decision | None) -> None:
            if decision is not None:
                location = Location(
                    connection=decision.connection_id,
                    pair=decision.object_pair,
                    field=decision.partner_field,
                    repair=True,
                )
                self._host.go_to("mapping", location)

        mappings = self._broken()
        if len(mappings) == 1:
            go(mappings[0])
            return
        options = [
            Option(one, one.partner_field, f"{one.object_pair} → {one.crm_field}")
            for one in mappings
        ]
        self._open(Choose("Repair which mapping?", options), go)

    def list_values(self) -> None:
        """List every picklist value that changed, to be searched."""
        entry = self.entry
        if entry is not None:
            title = f"{place_of(entry.event)}: {count(len(entry.values), 'value')}"
            self._open(Values(title, entry.values, VALUE_COLUMNS), lambda _: None)

    def open_schema(self) -> None:
        """Show the field, or the object, in the Schema pane."""
        if self.entry is not None:
            event = self.entry.event
            location = Location(
                connection=event.connection_id, object=event.object_type, field=event.field_name
            )
            self._host.go_to("schema", location)

    def _open_entries(self, *, everything: bool = False) -> Iterator[Entry]:
        """Yield what can be acknowledged: of the chosen lines, or of all that pass the filter.

        What is chosen twice, as an event and in its story, comes twice.
        """
        arrangement = self._loader.arrangement
        if everything:
            entries: Iterable[Entry] = arrangement.entries if arrangement is not None else ()
        else:
            entries = (entry for line in self._table.chosen() for entry in line.entries)
        return (entry for entry in entries if not entry.acknowledged)

    def _broken(self) -> tuple[Decision, ...]:
        """Return the mappings that still stand on the field of an event that may break them."""
        entry, timeline = self.entry, self._loader.timeline
        if entry is None or timeline is None or entry.event.severity is Severity.SAFE:
            return ()
        return timeline.mapped_to(entry.event)

    def _rename(self) -> tuple[Entry, Entry] | None:
        """Return the rename under the cursor, unless it is taken already."""
        entry, timeline = self.entry, self._loader.timeline
        if entry is None or timeline is None:
            return None
        halves = timeline.rename_of(entry)
        if halves is None:
            return None
        settled = all(half.acknowledged for half in halves)
        return None if settled and not timeline.mapped_to(halves[0].event) else halves

    def _ask_for_note(self, entries: Sequence[Entry]) -> None:
        def noted(note: str | None) -> None:
            if note is not None:
                self._acknowledge(entries, note.strip())

        self._open(
            Prompt(
                f"Acknowledge {count(len(entries), 'change')}",
                _named(entries),
                placeholder="a note for colleagues, or nothing",
            ),
            noted,
        )

    def _acknowledge(self, entries: Sequence[Entry], note: str) -> None:
        ids, workspace = [entry.event.id for entry in entries], self._host.workspace

        def done(noted: Noted) -> None:
            self._did(Step(tuple(ids), note), f"acknowledge {_what(entries)}")
            text = f"Acknowledged {count(noted.number, 'change')}"
            self._view.show_done(text + (f": {note}" if note else ""))
            self._tell(noted)

        self._requests.load(
            "acknowledge",
            lambda _: workspace.drift.acknowledge(ids, note),
            done,
            label=f"acknowledging {count(len(ids), 'change')}",
            cancellable=False,
        )

    def _take(self, old: Entry, new: Entry, moving: Sequence[Decision]) -> None:
        name, workspace = new.event.field_name or "", self._host.workspace
        note = f"Renamed: {old.event.field_name} is {name} now."

        ids = (old.event.id, new.event.id)

        def work() -> Step:
            decided = {
                place: tuple(one.id for one in workspace.mappings.record_decisions(*place, choices))
                for place, choices in _moves(moving, name, note).items()
            }
            workspace.drift.acknowledge(ids, note)
            return Step(ids, note, decided)

        def done(step: Step) -> None:
            self._did(step, f"take {old.event.field_name} as renamed to {name}")
            moved = f" {count(len(moving), 'mapping')} moved along." if moving else ""
            self._view.show_done(note + moved)

        self._requests.load(
            "rename", lambda _: work(), done, label=f"taking {name} as renamed", cancellable=False
        )

    def _tell(self, noted: Noted) -> None:
        if noted.untold:
            self._host.say(noted.untold, severity="warning", timeout=10)

    def _did(self, step: Step, title: str) -> None:
        """Let a step be undone."""
        status = self._host.status
        everywhere = self._loader.everywhere or status is None
        self._host.steps.did(
            UndoStep(
                title,
                "Drift of all connections" if everywhere or status is None else status.name,
                self._host.workspace.now,
                back=lambda: self._turn(step, back=True),
                again=lambda: self._turn(step, back=False),
                subject=step,
                command=""
                if step.moved
                else self._host.workspace.copies.acknowledging_command(step.ids, step.note),
            )
        )

    def _turn(self, step: Step, *, back: bool) -> None:
        """Take a step back, or do it again: its mappings first, as they may be refused."""
        workspace = self._host.workspace

        def work(_: Job) -> Noted:
            moved = {
                place: tuple(one.id for one in workspace.mappings.undo_all(*place, decided))
                for place, decided in step.moved.items()
            }
            if back:
                noted = workspace.drift.take_back(step.ids)
            else:
                noted = workspace.drift.acknowledge(step.ids, step.note)
            # One step after the other: nobody else looks at it meanwhile.
            step.moved = moved
            return noted

        def done(noted: Noted) -> None:
            self._tell(noted)
            self._view.show_done("")

        def failed(error: CrmdeckError) -> None:
            self._host.steps.put_back(step)
            self._host.say(str(error), severity="error", timeout=10)

        label = "taking it back" if back else "doing it again"
        self._turns.put(work, done, failed=failed, label=label)

    def _go_to_unseen(self, step: int) -> None:
        lines = self._table.shown()
        for offset in range(1, len(lines) + 1):
            position = (self._table.cursor + step * offset) % len(lines)
            if _is_new(lines[position]):
                self._table.move_to(position)
                return

    def _go_to_day(self, step: int) -> None:
        lines = self._table.shown()
        position = self._table.cursor + step
        while 0 <= position < len(lines):
            if lines[position].day is not None:
                self._table.move_to(position)
                return
            position += step

    def _open(self, dialog: Screen[T], answered: Callable[[T | None], None]) -> None:
        self._table.app.push_screen(dialog, answered)


def _is_new(line: Line) -> bool:
    """Return whether a line stands for a change that is neither seen nor dealt with.

    What is in an open fold stands below it.
    """
    if line.is_title or line.open:
        return False
    return any(not (entry.seen or entry.acknowledged) for entry in line.entries)


def _moves(
    moving: Iterable[Decision], crm_field: str, note: str
) -> dict[tuple[str, str], list[Choice]]:
    """Return the acceptances of the new name, by connection and pair, like those of the old."""
    moves: dict[tuple[str, str], list[Choice]] = {}
    for decision in moving:
        choice = Choice(
            partner_field=decision.partner_field,
            state=DecisionState.ACCEPTED,
            crm_field=crm_field,
            direction=decision.direction,
            value_map=decision.value_map,
            note=note,
        )
        moves.setdefault((decision.connection_id, decision.object_pair), []).append(choice)
    return moves


def _what(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        return display_text(place_of(entries[0].event), 60)
    return count(len(entries), "change")


def _named(entries: Sequence[Entry]) -> str:
    lines = [
        f"{display_text(place_of(entry.event), 60)}  {display_text(entry.what, 60)}"
        for entry in entries[:NAMED]
    ]
    rest = len(entries) - len(lines)
    return "\n".join([*lines, *([f"and {rest:,} more"] if rest else [])])
