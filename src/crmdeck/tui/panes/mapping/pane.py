"""The mapping pane: the lines of an object pair, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import CrmdeckError
from crmdeck.model import SuggestAnswer
from crmdeck.tui.actions import Action
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.filtering import compile_filter
from crmdeck.tui.loading import Job
from crmdeck.tui.panes.base import ExportRequest
from crmdeck.tui.panes.mapping.columns import COLUMNS, FILTER_KEYS, searched
from crmdeck.tui.panes.mapping.deciding import DecidingPane
from crmdeck.tui.panes.mapping.detail import line_detail
from crmdeck.tui.panes.mapping.keys import MAPPING_ACTIONS
from crmdeck.tui.panes.mapping.pairs import PAIR_COLUMNS, pair_choices, pair_text
from crmdeck.tui.panes.mapping.sitting import Sitting, Write
from crmdeck.tui.panes.mapping.summary import progress_text, summary
from crmdeck.tui.panes.mapping.table import LineTable
from crmdeck.tui.panes.mapping.writer import DecisionWriter, Outcome
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.workspace import Review

RANK_AFTER = 0.4
"""Seconds without a decision after which the suggestions are ranked anew."""

NO_ENCODER = "none"
NO_PAIR = "No object pair is chosen: press p."


class Stored(Message, bubble=False):
    """What became of a write."""

    def __init__(self, sitting: Sitting, write: Write, outcome: Outcome) -> None:
        super().__init__()
        self.sitting, self.write, self.outcome = sitting, write, outcome


class MappingPane(DecidingPane):
    """Suggested field pairs of one object pair, decided line by line."""

    SCOPE = "mapping"
    WITHIN: ClassVar[tuple[str, ...]] = (LineTable.SCOPE, *LineTable.WITHIN)
    ACTIONS: ClassVar[tuple[Action, ...]] = MAPPING_ACTIONS

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sittings: dict[tuple[str, str], Sitting] = {}
        self._pairs: dict[str, str] = {}
        self._wanted_pair: str | None = None
        self._wanted_field: str | None = None
        self._repair = False
        self._hint = ""
        self._writer: DecisionWriter | None = None
        self._timer: Timer | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the counts, the lines, and the line under the cursor."""
        yield Static("", id="counts", markup=False)
        with Container(id="sheet"):
            yield LineTable(COLUMNS, key=lambda line: line.name, empty=NO_PAIR, id="lines")
            with VerticalScroll(id="line", can_focus=False):
                yield Static("", markup=False)

    def on_unmount(self) -> None:
        """Let nothing that was decided be lost."""
        if self._writer is not None:
            self._writer.close()

    # Loading

    def reload(self) -> None:
        """Read the object pair, then rank it: by words at once, by meaning behind that."""
        ref = self.connection_id
        if ref is None:
            return
        if self._wanted_pair is not None:
            self._pairs[ref] = self._wanted_pair
            self._wanted_pair = None
        pair = self._pairs.get(ref)
        known = pair is not None and (ref, pair) in self._sittings

        def work(_: Job) -> tuple[Review, SuggestAnswer | None] | None:
            chosen = pair
            if chosen is None:
                begun = self.workspace.pairs(ref)
                chosen = begun[0].object_pair if begun else None
            if chosen is None:
                self.workspace.objects(ref)
                return None
            review = self.workspace.review(ref, chosen)
            ranked = None if known else self.workspace.suggest(ref, chosen, encoder="none")
            return review, ranked

        self.load("review", work, partial(self._took, ref), label="reading the object pair")

    def _took(self, ref: str, found: tuple[Review, SuggestAnswer | None] | None) -> None:
        self.show_error(None)
        if found is None:
            self.sitting = None
            self.lines.set_rows(())
            self._paint()
            return
        review, answer = found
        self._pairs[ref] = review.pair
        sitting = self._sittings.get((ref, review.pair))
        if sitting is None:
            workspace = self.workspace
            sitting = Sitting(ref, review, workspace.actor, lambda: workspace.now)
            self._sittings[ref, review.pair] = sitting
        else:
            sitting.take_review(review)
        if answer is not None:
            sitting.take_answer(answer)
        before, self.sitting = self.sitting, sitting
        same = before is sitting
        cursor = self._wanted_field or (self.lines.cursor_key if same else None)
        if cursor is None:
            cursor = next((line.name for line in sitting.lines if line.is_open), None)
        self._wanted_field = None
        if not same:
            self.lines.clear_marks()
        self.lines.set_rows(sitting.lines, cursor=cursor)
        sitting.hold(self._at)
        self._paint()
        self._rank(quiet=sitting.encoder not in (None, NO_ENCODER))

    def _rank(self, *, quiet: bool) -> None:
        sitting = self.sitting
        if sitting is None or (self.workspace.settings.encoder == NO_ENCODER and not quiet):
            self._offer_repair()
            return

        def work(job: Job) -> SuggestAnswer:
            return self.workspace.suggest(
                sitting.ref, sitting.pair, progress=job.progress, cancel=job.cancel
            )

        self.load(
            "rank",
            work,
            partial(self._ranked, sitting),
            label="comparing meanings",
            failed=self._not_ranked,
            cancellable=not quiet,
            quiet=quiet,
        )

    def _ranked(self, sitting: Sitting, answer: SuggestAnswer) -> None:
        sitting.take_answer(answer)
        if sitting is self.sitting:
            self.lines.update_rows(sitting.lines)
            self._paint()
            self._offer_repair()

    def _not_ranked(self, error: CrmdeckError) -> None:
        self.deck.say(str(error), title="Suggestions", severity="warning")
        self._offer_repair()

    def _offer_repair(self) -> None:
        if self._repair:
            self._repair = False
            self.choose_field()

    # Storing

    def store(self, sitting: Sitting, write: Write) -> None:
        """Have a write stored once those before it are."""
        if self._writer is None:
            self._writer = DecisionWriter(
                self.workspace, lambda *told: self.post_message(Stored(*told))
            )
        self._writer.put(sitting, write)
        self._rank_later()

    def on_stored(self, message: Stored) -> None:
        """Note what was stored, or show the lines as they are without it."""
        sitting, outcome = message.sitting, message.outcome
        if isinstance(outcome, CrmdeckError):
            sitting.failed(message.write)
            self.deck.say(
                str(outcome),
                title=f"Not stored: {message.write.step.title}",
                severity="error",
                timeout=10,
            )
            if sitting is self.sitting:
                self.lines.set_rows(sitting.lines)
        else:
            sitting.saved(message.write, outcome)
            if sitting is self.sitting:
                self.lines.update_rows(sitting.lines)
        self._paint()

    def _rank_later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(RANK_AFTER, self._rank_now)

    def _rank_now(self) -> None:
        if self.sitting is not None and self.sitting.unsaved:
            self._rank_later()
        else:
            self._rank(quiet=True)

    # Showing

    def _paint(self) -> None:
        sitting = self.sitting
        counts = self.query_one("#counts", Static)
        if sitting is None:
            self.set_heading("Mapping", self.connection_name)
            counts.update("")
        else:
            words_only = "by words only" if sitting.encoder == NO_ENCODER else ""
            self.set_heading(
                pair_text(sitting.pair),
                progress_text(sitting.lines),
                self.connection_name,
                words_only,
            )
            counts.update(
                summary(
                    sitting.lines,
                    sitting.review.required,
                    unsaved=sitting.unsaved,
                    read_only=self.deck.read_only,
                    compact=not self._wide,
                )
            )
        self._paint_line()
        self.refresh_bindings()

    def _paint_line(self) -> None:
        line, scroll = self.line, self.query_one("#line", VerticalScroll)
        body = scroll.query_one(Static)
        if line is None or self.sitting is None:
            body.update("")
            return
        width = max(20, scroll.scrollable_content_region.width - 1)
        now = self.workspace.now
        body.update(line_detail(line, self.sitting.builder, now, width, compact=not self._wide))

    @property
    def _wide(self) -> bool:
        return self.screen.has_class("-wide")

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the line out for the new width."""
        self.call_after_refresh(self._paint)

    @on(Table.Ordered)
    def _ordered(self) -> None:
        self.post_message(self.Summary(self.lines.count_text, self._hint))

    @on(Table.Highlighted)
    def _highlighted(self) -> None:
        if self.sitting is not None and self.sitting.hold(self._at):
            self.lines.update_rows(self.sitting.lines)
        self.query_one("#line", VerticalScroll).scroll_home(animate=False)
        self._paint_line()
        self.refresh_bindings()

    @on(Table.Selected)
    def _selected(self) -> None:
        self.choose_field()

    # The contract of panes

    def apply_filter(self, text: str) -> None:
        """Filter the lines."""
        found = compile_filter(text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        self.lines.set_filter(found.predicate, found.words)

    def copy_text(self) -> str:
        """Return the CRM field of the line, or the PartnerOS field where there is none."""
        line = self.line
        return "" if line is None else line.crm_field or line.name

    def export_request(self) -> ExportRequest | None:
        """Export the mapping of the object pair."""
        return ExportRequest("mapping", self.sitting.pair) if self.sitting is not None else None

    def focus_target(self) -> Widget | None:
        """Return the table."""
        return self.lines

    def state(self) -> dict[str, Any]:
        """Keep the pair of each connection, the line and the sort."""
        sort = self.lines.sort
        return {
            "pairs": dict(self._pairs),
            "field": self._at,
            "sort": [sort.column_id, sort.descending] if sort else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was, or go to `pair` and `field`, with `repair` to choose anew."""
        pairs, pair, field = state.get("pairs"), state.get("pair"), state.get("field")
        if isinstance(pairs, dict):
            self._pairs = {str(ref): str(one) for ref, one in pairs.items()}
        self._wanted_pair = pair if isinstance(pair, str) else None
        self._wanted_field = field if isinstance(field, str) else None
        self._repair = state.get("repair") is True
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                self.lines.set_sort(Sort(column_id, descending))

    # The object pair

    def action_pair(self) -> None:
        """Choose the object pair."""
        ref = self.connection_id
        if ref is None:
            return
        current = self._pairs.get(ref)
        workspace = self.workspace

        def work(_: Job) -> tuple[Any, ...]:
            objects = workspace.objects(ref).objects
            return pair_choices(workspace.pairs(ref), workspace.partner_objects(), objects)

        def took(choices: tuple[Any, ...]) -> None:
            dialog = Choose("Object pair", choices, current=current, columns=PAIR_COLUMNS)
            self.app.push_screen(dialog, chosen)

        def chosen(pair: str | None) -> None:
            if pair is not None and ref == self.connection_id:
                self._wanted_pair, self._wanted_field = pair, None
                self.reload()

        self.load("pairs", work, took, label="reading object pairs")
