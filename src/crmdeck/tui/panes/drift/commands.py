"""The keys of the drift pane: acknowledge, fix, and go elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from crmdeck.model import Decision, DriftKind, ObjectPair, Severity
from crmdeck.tui.dialogs.acknowledge import Acknowledge, ChangeRow, ChosenChanges
from crmdeck.tui.dialogs.before_after import BeforeAfter, is_long
from crmdeck.tui.dialogs.choose import Choice as Option
from crmdeck.tui.dialogs.choose import Choose, choices_of, columns_of, menu_choice
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.dialogs.menu import MenuStep, open_menu
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import action
from crmdeck.tui.panes.drift.arrangement import TimelineRow
from crmdeck.tui.panes.drift.columns import VALUE_COLUMNS
from crmdeck.tui.panes.drift.detail import MOST_VALUES
from crmdeck.tui.panes.drift.loader import TimelineLoader
from crmdeck.tui.panes.drift.net import NET_COLUMNS, NetLine, net_lines
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.usage import USAGE_HELP, FieldPlace, UsageAsker
from crmdeck.tui.state.undo import Undoable
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import (
    AcceptedRename,
    ChangeEntry,
    Noted,
    name_in,
    once,
    place_of,
    shown_changes,
)

LISTED = 500
"""Number of changes that a question lists; the others are counted."""


class DriftCommands:
    """Acts on the rows of the timeline that are under the cursor or marked."""

    def __init__(
        self, pane: Pane, timeline: TimelineLoader, table: Table[TimelineRow], usages: UsageAsker
    ) -> None:
        self._pane = pane
        self._host = pane.host
        self._timeline = timeline
        self._table = table
        self._usages = usages

    @property
    def line(self) -> TimelineRow | None:
        return self._table.cursor_row

    @property
    def entry(self) -> ChangeEntry | None:
        """The change under the cursor; None on a group, a title, or nothing."""
        return self.line.entry if self.line is not None else None

    @property
    def field_place(self) -> FieldPlace | None:
        event = self.entry.event if self.entry is not None else None
        if event is None or event.field_name is None or event.rule is not None:
            return None
        return FieldPlace(event.connection_id, event.object_type, event.field_name)

    def why_no_line(self) -> str | None:
        if self.line is not None:
            return None
        return "Still loading." if self._pane.loader.is_loading else "Nothing to show."

    def why_no_event(self) -> str | None:
        return None if self.entry is not None else "Select a single change first."

    def why_not_acknowledged(self) -> str | None:
        if any(True for _ in self._unsettled()):
            return None
        return self.why_no_line() or "Nothing to acknowledge: already settled."

    @action(
        "drift.acknowledge",
        "Acknowledge",
        "a",
        help="Acknowledge this change or group, or all marked.",
        hint=100,
        blocked=why_not_acknowledged,
        writes=True,
    )
    def acknowledge(self) -> None:
        self._ask_acknowledged(once(self._unsettled()), every=bool(self._table.marked()))

    def why_not_all_acknowledged(self) -> str | None:
        some = self._timeline.is_part or any(True for _ in self._unsettled(everything=True))
        return None if some else self.why_no_line() or "Everything shown is settled."

    @action(
        "drift.acknowledge_all",
        "Acknowledge all",
        "A",
        help="Acknowledge all filtered changes. Asks first.",
        blocked=why_not_all_acknowledged,
        writes=True,
    )
    def acknowledge_all(self) -> None:
        def ask() -> None:
            self._ask_acknowledged(once(self._unsettled(everything=True)))

        # The rest of a long timeline matches the filter too. The question counts and lists it.
        self._timeline.read_to(date.min, ask)

    def _unsettled(self, *, everything: bool = False) -> Iterator[ChangeEntry]:
        arrangement = self._timeline.arrangement
        every = arrangement.entries if arrangement is not None else ()
        entries = every if everything else self._chosen()
        return (entry for entry in entries if not entry.standing.state.is_settled)

    def _chosen(self) -> Iterator[ChangeEntry]:
        # A change that is marked both alone and in its group comes twice.
        return (entry for line in self._table.chosen() for entry in line.entries)

    def _ask_acknowledged(self, entries: Sequence[ChangeEntry], *, every: bool = False) -> None:
        """Ask which of the changes to acknowledge, with a note."""

        def on_submit(answer: ChosenChanges | None) -> None:
            if answer is not None:
                known = {entry.event.id: entry for entry in entries}
                self._acknowledge([known[id_] for id_ in answer.ids], answer.note)

        rows = [
            ChangeRow((entry.event.id,), entry.event.severity, text)
            for entry, text in zip(entries, _listed(entries, len(entries)), strict=True)
        ]
        self._pane.app.push_screen(Acknowledge(rows, every=every), on_submit)

    def why_none_acknowledged(self) -> str | None:
        some = any(entry.acknowledged for entry in self._chosen())
        return None if some else self.why_no_line() or "This change isn't acknowledged."

    @action(
        "drift.reopen",
        "Reopen",
        "c",
        help="Reopen this change or group, or all marked.",
        hint=99,
        blocked=why_none_acknowledged,
        writes=True,
    )
    def reopen(self) -> None:
        entries = once(entry for entry in self._chosen() if entry.acknowledged)
        if len(entries) == 1:
            self._reopen(entries)
            return

        def on_submit(sure: bool | None) -> None:
            if sure:
                self._reopen(entries)

        dialog = Confirm(
            f"Reopen {_changes(entries)}?",
            "u undoes it.",
            yes=f"Reopen {len(entries):,}",
            opened_by="c",
            listing=_listed(entries),
        )
        self._pane.app.push_screen(dialog, on_submit)

    def _reopen(self, entries: Sequence[ChangeEntry]) -> None:
        drift, ids = self._host.workspace.drift, tuple(entry.event.id for entry in entries)
        # Undoing it acknowledges all of them with one note: that of the first.
        note = entries[0].event.note or ""

        def done(noted: Noted) -> None:
            self._finish(f"Reopened {count(noted.number, 'change')}", ids)
            self._warn(noted)

        self._pane.perform(
            Undoable(
                f"reopen {_what(entries)}",
                self._where,
                do=lambda: drift.take_back(ids),
                undo=lambda: drift.acknowledge(ids, note),
                turned=self._show_turned,
                done=done,
                label=f"reopening {_changes(entries)}",
            )
        )

    def _acknowledge(self, entries: Sequence[ChangeEntry], note: str) -> None:
        drift, ids = self._host.workspace.drift, tuple(entry.event.id for entry in entries)

        def done(noted: Noted) -> None:
            words = f": {note}" if note else ""
            self._finish(f"Acknowledged {count(noted.number, 'change')}{words}", ids)
            self._warn(noted)

        self._pane.perform(
            Undoable(
                f"acknowledge {_what(entries)}",
                self._where,
                do=lambda: drift.acknowledge(ids, note),
                undo=lambda: drift.take_back(ids),
                turned=self._show_turned,
                done=done,
                command=self._host.workspace.copies.acknowledging_command(ids, note),
                label=f"acknowledging {_changes(entries)}",
            )
        )

    def why_no_fix(self) -> str | None:
        if self._broken() or self._rename() is not None:
            return None
        return self.why_no_event() or "This change breaks no mapping."

    @action(
        "drift.repair",
        "Fix",
        "f",
        help="Decide on a rename, or fix the broken mapping.",
        hint=98,
        blocked=why_no_fix,
        writes=True,
    )
    def fix(self) -> None:
        rename = self._rename()
        if rename is not None:
            self._ask_about_rename(*rename)
        else:
            self._choose_field()

    def _choose_field(self) -> None:
        def go(decision: Decision | None) -> None:
            if decision is not None:
                self._open_mapping(decision, repair=True)

        mappings = self._broken()
        if len(mappings) == 1:
            go(mappings[0])
            return
        options = [
            Option(one, one.partner_field, f"{one.object_pair} → {one.crm_field}")
            for one in mappings
        ]
        self._pane.app.push_screen(Choose("Choose the mapping to fix", options), go)

    def _open_mapping(self, decision: Decision, *, repair: bool) -> None:
        location = Location(
            connection=decision.connection_id,
            pair=decision.object_pair,
            field=decision.partner_field,
            repair=repair,
        )
        self._host.go_to("mapping", location)

    def why_no_mapping(self) -> str | None:
        if self._pane.is_left:
            return self._pane.refuses_writes()
        return None if self._mapped() else self.why_no_event() or "This field isn't mapped."

    @action(
        "drift.mapping",
        "Mapping",
        help="Open the mapping of this field in Mapping.",
        hint=79,
        blocked=why_no_mapping,
    )
    def open_mapping(self) -> None:
        self._open_mapping(self._mapped()[0], repair=False)

    def _mapped(self) -> tuple[Decision, ...]:
        entry, arrangement = self.entry, self._timeline.arrangement
        if entry is None or arrangement is None:
            return ()
        return arrangement.timeline.mapped_to(entry.event)

    def _broken(self) -> tuple[Decision, ...]:
        entry = self.entry
        if entry is None or entry.event.severity is Severity.SAFE:
            return ()
        return self._mapped()

    def _ask_about_rename(self, old: ChangeEntry, new: ChangeEntry) -> None:
        arrangement = self._timeline.arrangement
        mapped = arrangement.timeline.mapped_to(old.event) if arrangement is not None else ()
        is_object = old.event.field_name is None
        text = f"{name_in(new.event)} appeared in the same refresh and looks similar.\n"
        if mapped:
            if is_object:
                pairs = Counter(decision.object_pair for decision in mapped)
                places = [f"{pair} ({times:,})" for pair, times in pairs.items()]
            else:
                places = [
                    f"{ObjectPair.parse(one.object_pair).partner_object}.{one.partner_field}"
                    for one in mapped
                ]
            mappings = count(len(mapped), "mapping")
            if len(mapped) == 1:
                use, move, stays = "uses", "Move mapping", "the mapping stays broken"
            else:
                use, move, stays = "use", f"Move {mappings}", "the mappings stay broken"
            text += f"{mappings} {use} the old name: {', '.join(places)}"
            other = f"choose another {'object' if is_object else 'field'}"
            deeds = [
                menu_choice("m", move, "and acknowledge both changes"),
                menu_choice("x", "Reject rename", other),
                menu_choice("a", "Acknowledge only", stays),
            ]
        else:
            text += "No mapping uses the old name."
            both = "the removed and the added " + ("object" if is_object else "field")
            deeds = [menu_choice("a", "Acknowledge both", both)]

        def answered(key: str | None) -> None:
            if key == "m":
                self._accept_rename(old, new)
            elif key == "a":
                self._acknowledge((old, new), "")
            elif key == "x" and is_object:
                self._open_mapping(mapped[0], repair=False)
            elif key == "x" and len(mapped) == 1:
                self._open_mapping(mapped[0], repair=True)
            elif key == "x":
                self._choose_field()

        title = f"{name_in(old.event)} was probably renamed"
        dialog = Choose(title, deeds, text=text, cancel="change nothing", opened_by="f")
        self._pane.app.push_screen(dialog, answered)

    def _rename(self) -> tuple[ChangeEntry, ChangeEntry] | None:
        entry, arrangement = self.entry, self._timeline.arrangement
        if entry is None or arrangement is None:
            return None
        timeline = arrangement.timeline
        halves = timeline.rename_of(entry)
        if halves is None:
            return None
        # A settled rename is worth a question only while a mapping still uses the old name.
        settled = all(half.acknowledged for half in halves)
        return None if settled and not timeline.mapped_to(halves[0].event) else halves

    def _accept_rename(self, old: ChangeEntry, new: ChangeEntry) -> None:
        mappings, ids = self._host.workspace.mappings, (old.event.id, new.event.id)
        # The last one is the one to undo or redo; changes are stored one at a time.
        renames: list[AcceptedRename] = []

        def do() -> AcceptedRename:
            if renames:
                renames.append(mappings.undo_rename(renames[-1], again=True))
            else:
                renames.append(mappings.accept_rename(new.event.id))
            return renames[-1]

        def undo() -> AcceptedRename:
            renames.append(mappings.undo_rename(renames[-1]))
            return renames[-1]

        def done(rename: AcceptedRename) -> None:
            self._finish(f"{rename.note} Moved {count(rename.moved, 'mapping')}.", ids)
            if rename.left:
                fields = ", ".join(decision.crm_field or "" for decision in rename.left)
                text = f"Not moved to {name_in(new.event)}: {fields}."
                self._host.say(display_text(text, 200), severity="warning", timeout=10)
            self._warn(rename)

        # No command moves mappings and acknowledges in one go.
        self._pane.perform(
            Undoable(
                f"accept rename of {name_in(old.event)} to {name_in(new.event)}",
                self._where,
                do=do,
                undo=undo,
                turned=self._show_turned,
                done=done,
                label="accepting the rename",
            )
        )

    @property
    def _where(self) -> str:
        """The data that a change is about, for the list of actions to undo."""
        status = self._host.status
        if status is None or self._timeline.everywhere:
            return "Drift of all connections"
        return status.name

    def _show_turned(self, noted: Noted | AcceptedRename) -> None:
        self._warn(noted)
        self._finish()

    def _finish(self, text: str = "", done: Sequence[str] = ()) -> None:
        """Read the changes again; the cursor goes to the next open row after those `done`."""
        if text:
            self._host.say(text)
        lines, ids = self._table.shown(), set(done)
        for offset in range(1, len(lines)) if done else ():
            line = lines[(self._table.cursor + offset) % len(lines)]
            if _is_open(line) and not ids.issuperset(entry.event.id for entry in line.entries):
                self._timeline.cursor = line.key
                break
        self._table.clear_marks()
        # Tabs, sidebar and Health count open changes, too.
        self._pane.post_message(Pane.Changed())
        self._pane.reload()

    def _warn(self, noted: Noted | AcceptedRename) -> None:
        if noted.not_checked:
            self._host.say(noted.not_checked, severity="warning", timeout=10)

    def why_none_open(self) -> str | None:
        if any(map(_is_open, self._table.shown())) or self._timeline.next_open_day() is not None:
            return None
        return self.why_no_line() or "No open changes here."

    @action(
        "drift.next",
        "Next open",
        "n",
        help="Go to the next open change.",
        hint=90,
        blocked=why_none_open,
    )
    def next_open(self) -> None:
        below = self._table.shown()[self._table.cursor + 1 :]
        # Unread days come before the search starts again at the top.
        day = None if any(map(_is_open, below)) else self._timeline.next_open_day()
        if day is None:
            self._table.move_to_next(_is_open, 1)
        else:
            self._timeline.read_to(day, lambda: self._table.move_to_next(_is_open, 1))

    @action(
        "drift.fold",
        "Expand",
        "z",
        help="Expand or collapse the group, like ← → and Enter.",
        hint=82,
        blocked=why_no_line,
    )
    def fold(self) -> None:
        line = self.line
        key = None if line is None else line.key if line.open is not None else line.parent
        if key is not None:
            self._timeline.fold(key)

    @action(
        "drift.fold_all",
        "Expand all",
        "Z",
        help="Expand all groups, or collapse them.",
        blocked=why_no_line,
    )
    def fold_all(self) -> None:
        self._timeline.fold_all()

    def why_no_values(self) -> str | None:
        if self.entry is not None and self.entry.event.changes:
            return None
        return self.why_no_event() or "This change has no values before and after."

    @action(
        "drift.values",
        "Values",
        "v",
        help="Show the values before and after in full.",
        hint=80,
        blocked=why_no_values,
    )
    def show_values(self) -> None:
        entry = self.entry
        if entry is None:
            return
        title = place_of(entry.event)
        if len(entry.values) > MOST_VALUES:
            # So many are searched rather than read.
            title = f"{title}: {count(len(entry.values), 'value')}"
            choices = choices_of(entry.values, VALUE_COLUMNS)
            columns = columns_of(VALUE_COLUMNS)
            self._pane.app.push_screen(
                Choose(title, choices, columns=columns, key=id, takes="Close")
            )
        else:
            self._pane.app.push_screen(BeforeAfter(title, shown_changes(entry.event.changes)))

    def _times(self) -> tuple[str, datetime, datetime] | None:
        entries = [entry for line in self._table.marked() for entry in line.entries]
        refs = {entry.event.connection_id for entry in entries}
        times = {entry.event.detected_at for entry in entries}
        # A difference is between two schemas of one connection.
        return (refs.pop(), min(times), max(times)) if len(refs) == 1 and len(times) == 2 else None

    def why_no_times(self) -> str | None:
        if self._times() is not None:
            return None
        return self.why_no_line() or "Mark changes of two times with Space, then = compares."

    @action(
        "drift.compare",
        "Compare",
        "equals_sign",
        help="Show the net difference between two marked times.",
        blocked=why_no_times,
    )
    def compare(self) -> None:
        found, schemas = self._times(), self._host.workspace.schemas
        if found is None:
            return
        ref, old, new = found

        def show(line: NetLine) -> None:
            if line.change is not None:
                title = f"{line.where}: {line.what}"
                self._pane.app.push_screen(BeforeAfter(title, [line.change]))

        dialog = Choose[NetLine](
            f"Net difference from {old:%Y-%m-%d %H:%M} to {new:%Y-%m-%d %H:%M} UTC",
            None,
            columns=columns_of(NET_COLUMNS),
            key=id,
            takes="Show in full",
            show=show,
            empty="No differences: everything was changed back.",
        )
        open_filled(
            self._pane.app,
            dialog,
            lambda _: None,
            self._pane.loader,
            lambda _: tuple(net_lines(schemas.compare(ref, ref, left_at=old, right_at=new))),
            lambda lines: dialog.fill(choices_of(lines, NET_COLUMNS)),
            slot="net",
            label="comparing",
        )

    def why_no_schema(self) -> str | None:
        gone = self.entry is not None and self.entry.event.kind is DriftKind.OBJECT_OUT_OF_SCOPE
        return "This object is no longer in scope." if gone else self.why_no_event()

    @action(
        "drift.schema",
        "Schema",
        help="Open the field in Schema.",
        hint=78,
        blocked=why_no_schema,
    )
    def open_schema(self) -> None:
        if self.entry is not None:
            event = self.entry.event
            location = Location(
                connection=event.connection_id, object=event.object_type, field=event.field_name
            )
            self._host.go_to("schema", location)

    def why_no_usage(self) -> str | None:
        if self.field_place is not None:
            return None
        return self.why_no_event() or "This change isn't about a single field."

    @action("drift.usage", "Where used", help=USAGE_HELP, hint=76, blocked=why_no_usage)
    def ask_usage(self) -> None:
        if self.field_place is not None:
            self._usages.ask(self.field_place)

    def why_no_connection(self) -> str | None:
        return None if self._timeline.ref is not None else "No connection is selected."

    @action(
        "drift.everywhere",
        "All connections",
        "asterisk",
        help="Show all connections, or only this one.",
        hint=42,
        blocked=why_no_connection,
    )
    def toggle_everywhere(self) -> None:
        self._timeline.everywhere = not self._timeline.everywhere
        self._timeline.read(self._timeline.ref)

    def open_line(self) -> None:
        """Expand or collapse a group, or ask for a step of a change."""
        line = self.line
        if line is not None and line.open is not None:
            self._timeline.fold(line.key)
        elif line is not None and line.entry is not None:
            steps = [MenuStep(id_, words) for id_, words in self.next_steps()]
            open_menu(
                self._pane.screen,
                place_of(line.entry.event),
                steps,
                still=lambda: self._table.cursor_key == line.key,
            )

    def next_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the next steps for the change under the cursor: action ids, and words."""
        entry = self.entry
        if entry is None:
            return
        can_write = not self._host.workspace.read_only
        broken = ", ".join(decision.partner_field for decision in self._broken())
        if self._rename() is not None and can_write:
            also = f", or choose another field for {broken}" if broken else ""
            if broken and entry.event.field_name is None:
                also = ", or choose another object"
            yield "drift.repair", f"Accept the rename{also}"
        elif broken and can_write:
            yield "drift.repair", f"Choose another field for {broken}"
        if not entry.standing.state.is_settled and can_write:
            yield "drift.acknowledge", "Acknowledge, with a note"
        if entry.acknowledged and can_write:
            yield "drift.reopen", "Reopen"
        if self._mapped():
            yield "drift.mapping", "Open the mapping"
        if entry.values or any(is_long(one) for one in entry.event.changes):
            yield "drift.values", "Show before and after in full"
        if self.why_no_schema() is None:
            yield "drift.schema", "Open in Schema"
        yield "view.open_in_crm", "Open in the CRM's setup"
        who = entry.event.changed_by
        yield "view.copy", f"Copy a message to {who}" if who else "Copy as a message"


def _is_open(line: TimelineRow) -> bool:
    # The changes of an expanded group have rows of their own.
    return line.is_open and not line.is_title and not line.open


def _changes(entries: Sequence[ChangeEntry]) -> str:
    return count(len(entries), "change")


def _what(entries: Sequence[ChangeEntry]) -> str:
    one = len(entries) == 1
    return display_text(place_of(entries[0].event), 60) if one else _changes(entries)


def _listed(entries: Sequence[ChangeEntry], most: int = LISTED) -> list[str]:
    lines = [
        f"{display_text(place_of(entry.event), 60)}  {display_text(entry.what, 60)}"
        for entry in entries[:most]
    ]
    rest = len(entries) - len(lines)
    return [*lines, *([f"and {rest:,} more"] if rest else [])]
