"""The object pairs of the mapping pane: read, ranked and stored in the background.

A pair appears ranked by words immediately, and by meaning a little later. A decision appears
immediately and is stored in the background; then the pair is read and ranked again. Sessions live
as long as the pane, so that undo works across changes of pair or connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import Decision, SuggestAnswer
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job, as_crmdeck_error
from crmdeck.tui.panes.mapping.pairs import PairList, read_likely
from crmdeck.tui.panes.mapping.table import needs_decision
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.state.undo import UndoStep
from crmdeck.tui.text import count
from crmdeck.workspace import (
    FailsWhen,
    Group,
    MappingEdit,
    MappingSession,
    Review,
    Write,
    latest_first,
    pair_text,
)

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

RANK_AFTER = 0.4
"""Seconds without a decision after which the suggestions are ranked again."""

RANK_AT_ONCE = 0.01
"""The same while pictures are drawn."""

NO_ENCODER = "none"

Found = tuple[Review, SuggestAnswer | None]
Outcome = tuple[Decision, ...] | CrmdeckError
Stored = Callable[[MappingSession, Write, Outcome], object]


class Redraw(Enum):
    """What is different in the displayed session."""

    PAIR = auto()
    """It is another object pair, or none."""
    GROUPS = auto()
    """Rows may be in other groups."""
    ROWS = auto()
    """Rows differ, and none moves."""


Show = Callable[[Redraw, str | None], object]


class DecisionWriter:
    """Stores decisions in the order in which they were made, in one thread of its own.

    `stored` is called from that thread with the outcome of each write.
    """

    def __init__(self, workspace: Workspace, stored: Stored) -> None:
        self._workspace = workspace
        self._stored = stored
        # What couldn't be stored, so that its undo isn't stored either; and the IDs at a source
        # that gives decisions its own.
        self._lost: set[str | None] = set()
        self._stored_ids: dict[str | None, str] = {}
        self._queue: deque[tuple[MappingSession, Write]] = deque()
        # One thread: an undo must not overtake the decision that it undoes.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="decisions")

    def put(self, session: MappingSession, write: Write) -> None:
        self._queue.append((session, write))
        # The first one may store the rest too; those after it then find nothing to do.
        self._pool.submit(self._drain)

    def close(self) -> None:
        """Wait until everything is stored."""
        self._pool.shutdown(wait=True)

    def _drain(self) -> None:
        # Decisions that come faster than the cache opens and closes share one opening of it.
        hold = self._workspace.hold() if len(self._queue) > 1 else nullcontext()
        try:
            with hold:
                while self._queue:
                    session, write = self._queue.popleft()
                    try:
                        outcome: Outcome = tuple(self._store(session, write))
                    except Exception as error:  # noqa: BLE001 - every error is shown
                        self._lost.update(decision.id for decision in write.decisions)
                        outcome = as_crmdeck_error(error)
                    self._stored(session, write, outcome)
        except Exception as error:  # noqa: BLE001 - every error is shown
            while self._queue:
                session, write = self._queue.popleft()
                self._stored(session, write, as_crmdeck_error(error))

    def _store(self, session: MappingSession, write: Write) -> Sequence[Decision]:
        if any(decision.undoes in self._lost for decision in write.decisions):
            self._lost.update(decision.id for decision in write.decisions)
            return ()
        ids = self._stored_ids
        decisions = [
            one.model_copy(update={"undoes": ids.get(one.undoes, one.undoes)})
            for one in write.decisions
        ]
        seen = write.seen.union(ids.values())
        stored = self._workspace.mappings.store_decisions(
            session.ref, session.pair, decisions, seen=seen
        )
        for shown, one in zip(decisions, stored, strict=True):
            if shown.id != one.id:
                ids[shown.id] = one.id
        return stored


def first_open(session: MappingSession) -> str | None:
    """Return the first row that waits for the user, in the order of the groups."""
    order = list(Group)
    rows = sorted(session.all_rows.values(), key=lambda row: order.index(row.group))
    return next((row.name for row in rows if needs_decision(row)), None)


def _broken(session: MappingSession) -> set[str]:
    return {row.name for row in session.rows if row.group is Group.FAILING}


class PairLoader:
    """Owns `session`, the displayed object pair, and keeps it in step with the workspace.

    `ref` is the connection last asked for. `pairs` are the pairs that show, by connection, and
    `known` the hidden kinds of warnings, by connection and pair. `is_ranked` is true once the
    suggestions are those of the settings. `show` draws a change, with the cursor on a row by name.
    Without a pair, `likely` are those to choose from.
    """

    def __init__(self, pane: Pane, show: Show) -> None:
        self.session: MappingSession | None = None
        self.likely: PairList | None = None
        self.ref: str | None = None
        self.pairs: dict[str, str] = {}
        self.known: dict[tuple[str, str], frozenset[str]] = {}
        self.is_ranked = False
        self.show_error = pane.show_error
        self._show = show
        self._pane = pane
        self._host = pane.host
        self._requests = pane.loader
        self._sessions: dict[tuple[str, str], MappingSession] = {}
        self._kept: Kept[Found] = Kept()
        self._listed: str | None = None
        self._head = 0
        self._refining = False
        self._is_prepared = False
        self._writer: DecisionWriter | None = None
        self._timer: Timer | None = None

    @property
    def current(self) -> MappingSession | None:
        """The session, unless it belongs to the previous connection."""
        session = self.session
        return session if session is not None and session.ref == self.ref else None

    @property
    def is_refining(self) -> bool:
        """True while rows are ranked by words, and the ranking by meaning is on its way."""
        return self._refining and self._requests.is_loading

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def read(self, ref: str | None, field: str | None = None) -> None:
        """Read and rank the pair of a connection: the chosen one, else the one decided on last.

        Without one, or if the user went back to them, the likely pairs are listed. The cursor goes
        to `field`, else to the first open row of a pair that did not show.
        """
        # Set before reading: the keys reject the rows of another connection from now on.
        self.ref, self.is_ranked = ref, False
        if ref is None:
            return
        pair, listed = self.pairs.get(ref), self._listed == ref
        session = self._sessions.get((ref, pair or ""))
        known, writes = session is not None, session.writes if session is not None else 0
        workspace = self._host.workspace
        is_reload = self.session is not None and self.session.ref == ref

        def work(job: Job) -> Found | PairList:
            # Before reading: what another process writes during it then counts as news.
            self._head = workspace.head()
            chosen = pair
            if chosen is None and not listed:
                begun = latest_first(workspace.mappings.pairs(ref))
                chosen = begun[0].object_pair if begun else None
            if chosen is None:
                return read_likely(workspace, ref, job.cancel)

            def look() -> Found:
                # A session that was shown before has its suggestions. Those of a new one are by
                # words alone, which takes a moment: its rows show before meanings are compared.
                if known:
                    return workspace.mappings.review(ref, chosen), None
                return workspace.mappings.review_and_suggest(ref, chosen, encoder=NO_ENCODER)

            review, ranked = self._kept.read(
                workspace, (ref, chosen), look, fresh=is_reload or not known
            )
            return review, None if known else ranked

        self._requests.load(
            "review",
            work,
            partial(self._on_loaded, ref, writes, field),
            label="loading the object pair",
            failed=partial(self._not_read, ref, pair),
        )

    def choose(self, ref: str, pair: str) -> None:
        """Show another pair of a connection."""
        self.pairs[ref] = pair
        self.read(ref)

    def go_back(self) -> None:
        """Leave the displayed pair, and list the likely pairs."""
        session = self.current
        if session is not None:
            self.pairs.pop(session.ref, None)
            self._listed = session.ref
            self.read(session.ref)

    def wake(self, head: int) -> None:
        """Read again if another process wrote to the workspace, whose log has this `head` now."""
        if self.session is None:
            if head != self._head or self.likely is None:
                self.read(self.ref)
        elif head != self._head:
            self._read_again()

    def did(
        self,
        session: MappingSession,
        change: Redraw,
        cursor: str | None = None,
        write: Write | None = None,
    ) -> None:
        """Show the latest step of a session, make it undoable, and store it."""
        self._show(change, cursor)
        step, status = session.undoable[-1], self._host.status
        command = undoing = ""
        if status is not None and step.decisions:
            copies = self._host.workspace.copies
            rows = session.by_name
            command = copies.decisions_command(
                status.name,
                session.pair,
                step.decisions,
                without_value_map=any(
                    name in rows and rows[name].needs_value_map for name in step.fields
                ),
            )
            undoing = self._host.workspace.command_line(
                "mapping undo", status.name, session.pair, *step.fields
            )
        self._undoable(
            session,
            step.title,
            back=lambda: self._turn(session, *session.undo(step)),
            again=lambda: self._turn(session, *session.redo(step)),
            subject=step,
            command=command,
            undoing=undoing,
        )
        if write is not None:
            self.store(session, write)

    def hide_warnings(self, session: MappingSession, codes: frozenset[str], title: str) -> None:
        """Hide these kinds of warnings, and no others, for a pair; `title` names the step."""
        before = session.hidden_warnings

        def turn(codes: frozenset[str]) -> None:
            session.hide_warnings(codes)
            self.known[session.ref, session.pair] = codes
            if session is self.session:
                self._show(Redraw.ROWS, None)

        turn(codes)
        self._undoable(session, title, back=lambda: turn(before), again=lambda: turn(codes))

    def store(self, session: MappingSession, write: Write) -> None:
        """Store a write once those before it are stored, then rank again."""
        if self._writer is None:
            self._writer = DecisionWriter(
                self._host.workspace,
                lambda *outcome: self._pane.call_later(self._stored, *outcome),
            )
        self._writer.put(session, write)
        self._rank_later()

    def _undoable(
        self,
        session: MappingSession,
        title: str,
        *,
        back: Callable[[], object],
        again: Callable[[], object],
        subject: MappingEdit | None = None,
        command: str = "",
        undoing: str = "",
    ) -> None:
        # Called while the pair shows, so that the chosen connection is its own.
        status, now = self._host.status, self._host.workspace.now
        where = f"{status.name if status is not None else session.ref}, {pair_text(session.pair)}"
        self._host.steps.did(UndoStep(title, where, now, back, again, subject, command, undoing))

    def _turn(self, session: MappingSession, step: MappingEdit, write: Write | None) -> None:
        """Show a step that was undone or redone, if its pair is displayed, and store it."""
        if session is self.current:
            self._show(Redraw.GROUPS, step.fields[0])
        if write is not None:
            self.store(session, write)

    def _not_read(self, ref: str, pair: str | None, error: CrmdeckError) -> None:
        session = self.session
        other = session is not None and (session.ref, session.pair) != (ref, pair or session.pair)
        if other or self.likely is not None:
            # The rows of another pair would pass for those that could not be read.
            self._leave()
        self.show_error(error)

    def _leave(self, likely: PairList | None = None) -> None:
        self.session, self.likely = None, likely
        self._show(Redraw.PAIR, None)

    def _on_loaded(self, ref: str, writes: int, field: str | None, found: Found | PairList) -> None:
        self.show_error(None)
        if isinstance(found, PairList):
            self._leave(found)
            self._prepare(found)
            return
        review, answer = found
        self.likely = self._listed = None
        workspace = self._host.workspace
        self.pairs[ref] = review.pair
        session = self._sessions.get((ref, review.pair))
        as_it_was = session is not None and session.review is review
        if session is None:
            session = MappingSession(ref, review, workspace.actor, lambda: workspace.now)
            session.hide_warnings(self.known.get((ref, review.pair), ()))
            self._sessions[ref, review.pair] = session
        elif not as_it_was:
            self._take_review(session, review, writes)
        if answer is not None:
            session.update_suggestions(answer)
        before, self.session = self.session, session
        another = before is not session
        by_meaning = session.encoder not in (None, NO_ENCODER)
        # A session that was shown before has the suggestions of an earlier schema.
        as_set = by_meaning or workspace.settings.encoder == NO_ENCODER
        self.is_ranked = as_set and (as_it_was or answer is not None)
        self._show(
            Redraw.PAIR if another else Redraw.GROUPS,
            first_open(session) if field is None and another else field,
        )
        if self.is_ranked:
            self._judge(session)
        else:
            self._rank(session, quiet=as_set)

    def _prepare(self, likely: PairList) -> None:
        """Compare the meanings of the likeliest pair while the user looks at the list.

        Whichever pair opens then finds the encoder loaded. With all vectors stored it never loads.
        """
        workspace = self._host.workspace
        pairs = [one for one in likely.pairs if one.match is not None]
        if self._is_prepared or not pairs or workspace.settings.encoder == NO_ENCODER:
            return
        self._is_prepared = True
        best = max(pairs, key=lambda one: one.match or 0).choice.pair
        self._requests.load(
            # The ranking of an opened pair cancels this one.
            "rank",
            lambda job: workspace.mappings.suggest(likely.ref, best, cancel=job.cancel),
            lambda _: None,
            label="comparing meanings",
            # The opened pair shows why.
            failed=lambda _: None,
            quiet=True,
            after_paint=True,
        )

    def _rank(self, session: MappingSession, *, quiet: bool) -> None:
        workspace = self._host.workspace
        self._refining = not quiet

        def ranked(answer: SuggestAnswer) -> None:
            first, self._refining = session.encoder != answer.encoder, False
            session.update_suggestions(answer)
            if session is self.session:
                self.is_ranked = True
                # Only the first ranking by an encoder moves rows between groups: the user is
                # among them when later ones arrive.
                self._show(Redraw.GROUPS if first else Redraw.ROWS, None)
                self._judge(session)

        def failed(error: CrmdeckError) -> None:
            self._refining, self.is_ranked = False, True
            self._show(Redraw.ROWS, None)
            self._host.say(str(error), title="Suggestions", severity="warning")

        def work(job: Job) -> SuggestAnswer:
            return workspace.mappings.suggest(
                session.ref, session.pair, progress=job.progress, cancel=job.cancel
            )

        self._requests.load(
            "rank",
            work,
            ranked,
            label="comparing meanings",
            failed=failed,
            cancellable=not quiet,
            quiet=quiet,
            after_paint=True,
        )

    def _judge(self, session: MappingSession) -> None:
        """Run preflight with boundary values, and show its verdicts on the rows."""
        workspace, suggested = self._host.workspace, session.suggested
        judged = {**session.accepted, **suggested}.items()

        def work(_: Job) -> tuple[FailsWhen, ...]:
            try:
                return workspace.preflights.fails_when(session.ref, session.pair, also=suggested)
            except UsageError as error:
                # A pair without accepted rows is nothing unusual here.
                if error.code == "NOTHING_ACCEPTED":
                    return ()
                raise

        def on_loaded(found: tuple[FailsWhen, ...]) -> None:
            groups = {name: row.group for name, row in session.all_rows.items()}
            session.update_failures(found, judged)
            moves = any(row.group is not groups.get(name) for name, row in session.all_rows.items())
            if session is self.session:
                self._show(Redraw.GROUPS if moves else Redraw.ROWS, None)

        self._requests.load(
            "judge",
            work,
            on_loaded,
            failed=lambda error: self._host.say(str(error), title="Preflight", severity="warning"),
            quiet=True,
            after_paint=True,
        )

    def _read_again(self) -> None:
        session, workspace = self.session, self._host.workspace
        if session is None:
            return
        writes = session.writes

        def work(_: Job) -> Review:
            self._head = workspace.head()
            return workspace.mappings.review(session.ref, session.pair)

        def on_loaded(review: Review) -> None:
            if session is self.session:
                before = _broken(session)
                self._take_review(session, review, writes)
                # A row that broke moves to the top. Otherwise no row moves under the cursor.
                self._show(Redraw.ROWS if _broken(session) == before else Redraw.GROUPS, None)
                self._rank(session, quiet=True)

        self._requests.load(
            "again",
            work,
            on_loaded,
            failed=partial(self._not_read, session.ref, session.pair),
            quiet=True,
        )

    def _take_review(self, session: MappingSession, review: Review, writes: int) -> None:
        """Update a session with a review read when it had made so many `writes`."""
        if session.unsaved or session.writes != writes:
            # Decisions made here since then would pass for those of another user.
            self._head = 0
            return
        news = session.update_review(review)
        if news:
            fields = {decision.partner_field for decision in news}
            who = " and ".join(sorted({decision.decided_by for decision in news}))
            text = f"{who} changed {count(len(fields), 'mapping')}. Reloaded."
            self._host.say(text, severity="warning", timeout=4)

    def _stored(self, session: MappingSession, write: Write, outcome: Outcome) -> None:
        shown = session is self.session
        if not isinstance(outcome, CrmdeckError):
            session.saved(write, outcome)
            if shown:
                self._show(Redraw.ROWS, None)
            elif self.likely is not None:
                self.read(self.ref)
            return
        session.failed(write)
        steps = self._host.steps
        if write.back is None:
            steps.forget(write.step)
        else:
            steps.put_back(write.step)
        self._host.say(
            str(outcome), title=f"Can't store: {write.step.title}", severity="error", timeout=10
        )
        if shown:
            self._show(Redraw.GROUPS, None)
            # Another user decided first, and this one has not seen it yet.
            if outcome.code == "DECIDED_MEANWHILE":
                self._read_again()

    def _rank_later(self) -> None:
        # A ranking while decisions are still made or stored would be outdated when it comes.
        def rank() -> None:
            if self.session is not None and self.session.unsaved:
                self._rank_later()
            else:
                self._read_again()

        if self._timer is not None:
            self._timer.stop()
        # A picture is drawn as soon as nothing is loading.
        pause = RANK_AT_ONCE if self._host.is_still else RANK_AFTER
        self._timer = self._pane.set_timer(pause, rank)
