"""What the mapping pane has going behind what it shows: reading, ranking, storing.

An object pair is read and ranked by words at once, by meaning behind that. What is decided shows
at once and is stored behind it; a little later all is read and ranked anew. Sessions live as long
as the pane, so that undo reaches back over a change of pair or connection.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from textual.timer import Timer
from textual.widget import Widget

from crmdeck.errors import CrmdeckError
from crmdeck.model import SuggestAnswer
from crmdeck.tui.host import PaneHost
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.mapping.writer import DecisionWriter, Outcome
from crmdeck.tui.text import count
from crmdeck.workspace import Group, MappingSession, Review, Write, latest_first

RANK_AFTER = 0.4
"""Seconds without a decision after which the suggestions are ranked anew."""

RANK_AT_ONCE = 0.01
"""The same where nothing is to change by itself."""

NO_ENCODER = "none"

Found = tuple[Review, SuggestAnswer | None]


def first_open(session: MappingSession) -> str | None:
    """Return the first row to decide, in the order of the groups; None where there is none."""
    order = list(Group)
    rows = sorted(session.rows, key=lambda row: order.index(row.group))
    return next((row.name for row in rows if row.is_open), None)


def _broken(session: MappingSession) -> set[str]:
    return {row.name for row in session.rows if row.group is Group.BROKEN}


class MappingView(Protocol):
    """What shows the session; all on the event loop."""

    def show_rows(self, cursor: str | None = None, *, another: bool = False) -> None:
        """Show the rows of the session, or that there is no pair; `another` pair than before."""

    def update_rows(self) -> None:
        """Show what has changed in the rows; each stays where it is."""

    def show_error(self, error: CrmdeckError | None) -> None:
        """Show why the pair could not be read, or that it could."""

    def settle(self) -> None:
        """Do what had to wait until the rows are ranked."""


class PairLoader:
    """Keeps `session`, the object pair that shows, in step with the workspace.

    `ref` is the connection last asked for, `pairs` the pair that shows of each connection, and
    `known` the kinds of warnings that are known of a connection and pair.
    """

    def __init__(self, owner: Widget, host: PaneHost, requests: Loader, view: MappingView) -> None:
        self.session: MappingSession | None = None
        self.ref: str | None = None
        self.pairs: dict[str, str] = {}
        self.known: dict[tuple[str, str], frozenset[str]] = {}
        self._owner = owner
        self._host = host
        self._requests = requests
        self._view = view
        self._sessions: dict[tuple[str, str], MappingSession] = {}
        self._kept: Kept[Found] = Kept()
        self._head = 0
        self._refining = False
        self._writer: DecisionWriter | None = None
        self._timer: Timer | None = None

    @property
    def is_refining(self) -> bool:
        """Whether the figures are those of words only, and those of meaning are on their way."""
        return self._refining and self._requests.is_loading

    def close(self) -> None:
        """Wait until everything that was decided is stored."""
        if self._writer is not None:
            self._writer.close()

    def read(self, ref: str | None, field: str | None = None) -> None:
        """Read and rank the pair of a connection, the one decided on last where none was chosen.

        The cursor goes to `field`, else to the first open row of a pair that did not show.
        """
        self.ref = ref
        if ref is None:
            return
        pair = self.pairs.get(ref)
        session = self._sessions.get((ref, pair or ""))
        known, writes = session is not None, session.writes if session is not None else 0
        workspace = self._host.workspace
        anew = self.session is not None and self.session.ref == ref

        def work(_: Job) -> Found | None:
            chosen = pair
            if chosen is None:
                begun = latest_first(workspace.mappings.pairs(ref))
                chosen = begun[0].object_pair if begun else None
            if chosen is None:
                workspace.schemas.objects(ref)
                return None
            self._head = workspace.head()

            def look() -> Found:
                if known:
                    return workspace.mappings.review(ref, chosen), None
                return workspace.mappings.review_and_suggest(ref, chosen, encoder=NO_ENCODER)

            review, ranked = self._kept.read(workspace, (ref, chosen), look, anew=anew or not known)
            return review, None if known else ranked

        self._requests.load(
            "review",
            work,
            partial(self._took, ref, writes, field),
            label="reading the object pair",
            failed=partial(self._not_read, ref, pair),
        )

    def choose(self, ref: str, pair: str) -> None:
        """Show another pair of a connection."""
        self.pairs[ref] = pair
        self.read(ref)

    def know(self, session: MappingSession, codes: frozenset[str]) -> None:
        """Tell these kinds of warnings no more on a pair."""
        session.hide_warnings(codes)
        self.known[session.ref, session.pair] = codes
        if session is self.session:
            self._view.update_rows()

    def store(self, session: MappingSession, write: Write) -> None:
        """Have a write stored once those before it are."""
        if self._writer is None:
            self._writer = DecisionWriter(
                self._host.workspace,
                lambda *outcome: self._owner.call_later(self._stored, *outcome),
            )
        self._writer.put(session, write)
        self._rank_later()

    def wake(self, head: int) -> None:
        """Read again where somebody wrote to the workspace since: `head` is that of its log."""
        if self.session is None:
            self.read(self.ref)
        elif head != self._head:
            self._read_again()

    def _not_read(self, ref: str, pair: str | None, error: CrmdeckError) -> None:
        session = self.session
        if session is not None and (session.ref, session.pair) != (ref, pair or session.pair):
            # The rows of another pair would pass for those that could not be read.
            self._leave()
        self._view.show_error(error)

    def _leave(self) -> None:
        self.session = None
        self._view.show_rows(another=True)

    def _took(self, ref: str, writes: int, field: str | None, found: Found | None) -> None:
        self._view.show_error(None)
        if found is None:
            self._leave()
            return
        review, answer = found
        self.pairs[ref] = review.pair
        session = self._sessions.get((ref, review.pair))
        as_it_was = session is not None and session.review is review
        if session is None:
            workspace = self._host.workspace
            session = MappingSession(ref, review, workspace.actor, lambda: workspace.now)
            session.hide_warnings(self.known.get((ref, review.pair), ()))
            self._sessions[ref, review.pair] = session
        elif not as_it_was:
            self._take_review(session, review, writes)
        if answer is not None:
            session.update_suggestions(answer)
        before, self.session = self.session, session
        another = before is not session
        if field is None and another:
            field = first_open(session)
        self._view.show_rows(field, another=another)
        ranked = session.encoder not in (None, NO_ENCODER)
        if ranked and as_it_was:
            self._view.settle()
        else:
            self._rank(quiet=ranked)

    def _rank(self, *, quiet: bool) -> None:
        session, workspace = self.session, self._host.workspace
        if session is None or (workspace.settings.encoder == NO_ENCODER and not quiet):
            self._view.settle()
            return

        self._refining = not quiet

        def work(job: Job) -> SuggestAnswer:
            return workspace.mappings.suggest(
                session.ref, session.pair, progress=job.progress, cancel=job.cancel
            )

        self._requests.load(
            "rank",
            work,
            partial(self._ranked, session),
            label="comparing meanings",
            failed=self._not_ranked,
            cancellable=not quiet,
            quiet=quiet,
            after_paint=True,
        )

    def _ranked(self, session: MappingSession, answer: SuggestAnswer) -> None:
        first, self._refining = session.encoder in (None, NO_ENCODER), False
        session.update_suggestions(answer)
        if session is self.session:
            # Only the first figures of meaning put rows into other groups: later ones come while
            # the operator is among them.
            if first:
                self._view.show_rows()
            else:
                self._view.update_rows()
            self._view.settle()

    def _not_ranked(self, error: CrmdeckError) -> None:
        self._refining = False
        self._view.update_rows()
        self._host.say(str(error), title="Suggestions", severity="warning")
        self._view.settle()

    def _read_again(self) -> None:
        """Read the pair and have it ranked; what shows stays meanwhile."""
        session, workspace = self.session, self._host.workspace
        if session is None:
            return
        writes = session.writes

        def work(_: Job) -> Review:
            self._head = workspace.head()
            return workspace.mappings.review(session.ref, session.pair)

        def took(review: Review) -> None:
            if session is self.session:
                before = _broken(session)
                self._take_review(session, review, writes)
                # What broke meanwhile goes on top; for less, no row moves under the operator.
                if _broken(session) == before:
                    self._view.update_rows()
                else:
                    self._view.show_rows()
                self._rank(quiet=True)

        self._requests.load(
            "again",
            work,
            took,
            failed=partial(self._not_read, session.ref, session.pair),
            quiet=True,
        )

    def _take_review(self, session: MappingSession, review: Review, writes: int) -> None:
        """Take over what was read when `writes` decisions had been made here."""
        if session.unsaved or session.writes != writes:
            # Decisions made here meanwhile would pass for those of somebody else.
            self._head = 0
            return
        news = session.update_review(review)
        if news:
            fields = {decision.partner_field for decision in news}
            who = " and ".join(sorted({decision.decided_by for decision in news}))
            text = f"{who} decided on {count(len(fields), 'line')} meanwhile."
            self._host.say(text, severity="warning", timeout=4)

    def _stored(self, session: MappingSession, write: Write, outcome: Outcome) -> None:
        shown = session is self.session
        if not isinstance(outcome, CrmdeckError):
            session.saved(write, outcome)
            if shown:
                self._view.update_rows()
            return
        session.failed(write)
        steps = self._host.steps
        if write.back is None:
            steps.forget(write.step)
        else:
            steps.put_back(write.step)
        self._host.say(
            str(outcome), title=f"Not stored: {write.step.title}", severity="error", timeout=10
        )
        if shown:
            self._view.show_rows()
            if outcome.code == "DECIDED_MEANWHILE":
                self._read_again()

    def _rank_later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        # A picture is drawn as soon as nothing is read any more.
        pause = RANK_AT_ONCE if self._host.is_still else RANK_AFTER
        self._timer = self._owner.set_timer(pause, self._rank_now)

    def _rank_now(self) -> None:
        if self.session is not None and self.session.unsaved:
            self._rank_later()
        else:
            self._read_again()
