"""Reading an object pair, having it ranked, and storing what is decided meanwhile."""

from __future__ import annotations

from functools import partial

from textual.message import Message
from textual.timer import Timer

from crmdeck.errors import CrmdeckError
from crmdeck.model import SuggestAnswer
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.mapping.pairs import PAIR_COLUMNS, shown_pair
from crmdeck.tui.panes.mapping.watching import WatchingPane
from crmdeck.tui.panes.mapping.writer import DecisionWriter, Outcome
from crmdeck.tui.requests import Job
from crmdeck.workspace import MappingSession, Review, Write, pair_choices

RANK_AFTER = 0.4
"""Seconds without a decision after which the suggestions are ranked anew."""

NO_ENCODER = "none"


class Stored(Message, bubble=False):
    """What became of a write."""

    def __init__(self, sitting: MappingSession, write: Write, outcome: Outcome) -> None:
        super().__init__()
        self.sitting, self.write, self.outcome = sitting, write, outcome


class ReadingPane(WatchingPane):
    """What the mapping pane has going behind what it shows."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self._sittings: dict[tuple[str, str], MappingSession] = {}
        self._pairs: dict[str, str] = {}
        self._wanted_pair: str | None = None
        self._wanted_field: str | None = None
        self._repair = False
        self._where = ""
        self._writer: DecisionWriter | None = None
        self._timer: Timer | None = None

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
        sitting = self._sittings.get((ref, pair or ""))
        known, writes = sitting is not None, sitting.writes if sitting is not None else 0

        def work(_: Job) -> tuple[Review, SuggestAnswer | None] | None:
            chosen = pair
            if chosen is None:
                begun = self.workspace.mappings.pairs(ref)
                chosen = begun[0].object_pair if begun else None
            if chosen is None:
                self.workspace.schemas.objects(ref)
                return None
            self._touched = self.workspace.head()
            review = self.workspace.mappings.review(ref, chosen)
            ranked = None if known else self.workspace.mappings.suggest(ref, chosen, encoder="none")
            return review, ranked

        self.load(
            "review",
            work,
            partial(self._took, ref, writes),
            label="reading the object pair",
            failed=partial(self._not_read, ref, pair),
        )

    def _not_read(self, ref: str, pair: str | None, error: CrmdeckError) -> None:
        sitting = self.sitting
        if sitting is not None and (sitting.ref, sitting.pair) != (ref, pair or sitting.pair):
            # The lines of another pair would pass for those that could not be read.
            self._leave()
        self.show_error(error)

    def _leave(self) -> None:
        self.sitting = None
        self.lines.clear_marks()
        self.lines.set_rows(())
        self._paint()

    def _took(
        self, ref: str, writes: int, found: tuple[Review, SuggestAnswer | None] | None
    ) -> None:
        self.show_error(None)
        if found is None:
            self._leave()
            return
        review, answer = found
        self._pairs[ref] = review.pair
        sitting = self._sittings.get((ref, review.pair))
        if sitting is None:
            workspace = self.workspace
            sitting = MappingSession(ref, review, workspace.actor, lambda: workspace.now)
            self._sittings[ref, review.pair] = sitting
        else:
            self._take_review(sitting, review, writes)
        if answer is not None:
            sitting.take_answer(answer)
        self._where = self.connection_name
        before, self.sitting = self.sitting, sitting
        same = before is sitting
        cursor = self._wanted_field or (self.lines.cursor_key if same else None)
        if cursor is None:
            cursor = next((line.name for line in sitting.rows if line.is_open), None)
        self._wanted_field = None
        if not same:
            self.lines.clear_marks()
        self.lines.set_rows(sitting.rows, cursor=cursor)
        sitting.hold(self._at)
        self._paint()
        self._rank(quiet=sitting.encoder not in (None, NO_ENCODER))

    def _rank(self, *, quiet: bool) -> None:
        sitting = self.sitting
        if sitting is None or (self.workspace.settings.encoder == NO_ENCODER and not quiet):
            self._offer_repair()
            return

        def work(job: Job) -> SuggestAnswer:
            return self.workspace.mappings.suggest(
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

    def _ranked(self, sitting: MappingSession, answer: SuggestAnswer) -> None:
        sitting.take_answer(answer)
        if sitting is self.sitting:
            self.lines.update_rows(sitting.rows)
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

    def store(self, sitting: MappingSession, write: Write) -> None:
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
                self.lines.set_rows(sitting.rows)
                if outcome.code == "DECIDED_MEANWHILE":
                    self._read_again()
        else:
            sitting.saved(message.write, outcome)
            if sitting is self.sitting:
                self.lines.update_rows(sitting.rows)
        self._paint()

    def _rank_later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(RANK_AFTER, self._rank_now)

    def _rank_now(self) -> None:
        if self.sitting is not None and self.sitting.unsaved:
            self._rank_later()
        else:
            self._read_again()

    # The object pair

    def action_pair(self) -> None:
        """Choose the object pair."""
        ref = self.connection_id
        if ref is None:
            return
        workspace = self.workspace

        def chosen(pair: str | None) -> None:
            if pair is not None and ref == self.connection_id:
                self._wanted_pair, self._wanted_field = pair, None
                self.reload()

        def work(_: Job) -> tuple[Choice, ...]:
            objects = workspace.schemas.objects(ref).objects
            begun, partners = workspace.mappings.pairs(ref), workspace.mappings.partner_objects()
            return tuple(map(shown_pair, pair_choices(begun, partners, objects)))

        def failed(error: CrmdeckError) -> None:
            dialog.dismiss(None)
            self.show_error(error)

        # Open before it is filled: what is typed meanwhile must not be taken for decisions.
        current = self._pairs.get(ref)
        dialog = Choose("Object pair", None, current=current, columns=PAIR_COLUMNS)
        self.app.push_screen(dialog, chosen)
        self.load("pairs", work, dialog.fill, label="reading object pairs", failed=failed)
