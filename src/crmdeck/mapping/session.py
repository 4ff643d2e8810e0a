"""One operator going through one object pair: what they decided, undid, and may redo.

Everything shows at once; what is stored follows. A step whose storing failed is taken out
again, and the rows are what they were without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from crmdeck.mapping.review import Review
from crmdeck.mapping.rows import Candidate, MappingRow, RowBuilder, Situation, named_candidates
from crmdeck.mapping.state import by_field, required_unmapped
from crmdeck.model import (
    Choice,
    Decision,
    DecisionState,
    Direction,
    Field,
    SuggestAnswer,
    Suggestion,
)

_numbers = count(1)


@dataclass(eq=False)
class Step:
    """One thing the operator did: decisions, or directions set on open rows.

    `stored` are the ids of its decisions in the store, `undone_by` those of their undoing;
    only the writer's thread fills them, in the order of the steps.
    """

    title: str
    fields: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()
    before: Mapping[str, Direction] = field(default_factory=dict)
    after: Mapping[str, Direction] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    undone_by: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Write:
    """One change of what is stored: the provisional decisions that show it, and its step.

    `back` is None for a step that is done first, else whether it is undone or redone. `seen`
    are the ids of the stored decisions that the operator could see.
    """

    step: Step
    shown: tuple[Decision, ...]
    choices: tuple[Choice, ...] = ()
    back: bool | None = None
    seen: frozenset[str] = frozenset()


class MappingSession:
    """What is shown of an object pair, and what this operator changed in it."""

    def __init__(self, ref: str, review: Review, actor: str, clock: Callable[[], datetime]) -> None:
        self.ref = ref
        self.pair = review.pair
        self.encoder: str | None = None
        self.focused: str | None = None
        self.hidden_warnings: frozenset[str] = frozenset()
        self.undoable: list[Step] = []
        self.redoable: list[Step] = []
        self.unsaved = 0
        self.writes = 0
        self._actor = actor
        self._clock = clock
        self._own: dict[str, Decision] = {}
        self._suggestions: dict[str, Suggestion] = {}
        self._waiting: dict[str, Suggestion] = {}
        self._put_back: dict[str, tuple[Candidate, ...]] = {}
        self._directions: dict[str, Direction] = {}
        self.builder = RowBuilder(review)
        self._rebuild()

    @property
    def review(self) -> Review:
        """What was read of the object pair."""
        return self.builder.review

    @property
    def by_name(self) -> dict[str, MappingRow]:
        """The rows by the name of their PartnerOS field."""
        return {row.name: row for row in self.rows}

    @property
    def log(self) -> tuple[Decision, ...]:
        """Every decision on the pair that shows, stored or not yet, oldest first."""
        known = {decision.id for decision in self.review.log}
        own = (decision for id_, decision in self._own.items() if id_ not in known)
        return (*self.review.log, *own)

    @property
    def required_unmapped(self) -> tuple[Field, ...]:
        """The CRM fields that a new record must have and that no accepted row writes into."""
        return required_unmapped(self.review.crm_fields, by_field(self.log))

    def update_review(self, review: Review) -> tuple[Decision, ...]:
        """Take over what was read anew; what was decided here meanwhile stays.

        Returns what others have decided since the last reading.
        """
        known = self._seen()
        self.builder = RowBuilder(review)
        self._rebuild()
        return tuple(decision for decision in review.log if decision.id not in known)

    def update_suggestions(self, answer: SuggestAnswer) -> None:
        """Take over a ranking; the row that the operator is on keeps what it suggests."""
        self.encoder = answer.encoder
        for suggestion in answer.suggestions:
            name = suggestion.partner_field
            shown = self._suggestions.get(name)
            if name == self.focused and shown is not None and _other_pick(shown, suggestion):
                self._waiting[name] = suggestion
            else:
                self._suggestions[name] = suggestion
                self._waiting.pop(name, None)
        self._rebuild()

    def focus(self, name: str | None) -> bool:
        """Note which row the operator is on; return whether the one they left changed."""
        left, self.focused = self.focused, name
        if left is None or left == name or left not in self._waiting:
            return False
        self._suggestions[left] = self._waiting.pop(left)
        self._rebuild()
        return True

    def decide(self, title: str, choices: Sequence[Choice]) -> Write:
        """Show decisions at once; return what is to be stored."""
        rows = self.by_name
        for choice in choices:
            if choice.state is DecisionState.REJECTED:
                self._remember(rows[choice.partner_field])
        shown = tuple(self._provisional(choice) for choice in choices)
        step = Step(title, tuple(choice.partner_field for choice in choices), shown)
        step.before = dict(self._directions)
        for choice in choices:
            self._directions.pop(choice.partner_field, None)
        step.after = dict(self._directions)
        self._do(step)
        return self._write(Write(step, shown, tuple(choices), seen=self._seen()))

    def direct(self, names: Iterable[str], direction: Direction) -> None:
        """Set the direction of rows that are not accepted; it counts once they are."""
        step = Step("the direction", tuple(names), before=dict(self._directions))
        self._directions.update(dict.fromkeys(step.fields, direction))
        step.after = dict(self._directions)
        self._do(step)
        self._rebuild()

    def hide_warnings(self, codes: Iterable[str]) -> None:
        """Tell these kinds of warnings no more on this pair, and all others again."""
        self.hidden_warnings = frozenset(codes)
        self._rebuild()

    def undo(self, step: Step | None = None) -> tuple[Step, Write | None]:
        """Take a step back, the last one where none is named.

        Raises IndexError where there is none, ValueError for one that can't be taken back.
        """
        step = step or self.undoable[-1]
        self.undoable.remove(step)
        self.redoable.append(step)
        self._directions = dict(step.before)
        return step, self._again(step, back=True)

    def redo(self, step: Step | None = None) -> tuple[Step, Write | None]:
        """Do again a step that was taken back, the last one where none is named.

        Raises IndexError where there is none, ValueError for one that was not taken back.
        """
        step = step or self.redoable[-1]
        self.redoable.remove(step)
        self.undoable.append(step)
        self._directions = dict(step.after)
        return step, self._again(step, back=False)

    def saved(self, write: Write, decisions: Sequence[Decision]) -> None:
        """Put the stored decisions in the place of the provisional ones."""
        self.unsaved -= 1
        ids = {shown.id: real.id for shown, real in zip(write.shown, decisions, strict=False)}
        real = {decision.id: decision for decision in decisions}
        own = self._own.values()
        self._own = {}
        for decision in own:
            id_ = ids.get(decision.id, decision.id)
            kept = real.get(id_, decision)
            undoes = ids.get(decision.undoes or "", decision.undoes)
            self._own[id_] = kept.model_copy(update={"undoes": undoes})
        write.step.decisions = tuple(
            decision.model_copy(update={"id": ids.get(decision.id, decision.id)})
            for decision in write.step.decisions
        )
        self._rebuild()

    def failed(self, write: Write) -> None:
        """Take what could not be stored out again."""
        self.unsaved -= 1
        for decision in write.shown:
            self._own.pop(decision.id, None)
        step = write.step
        if write.back is None:
            for steps in (self.undoable, self.redoable):
                if step in steps:
                    steps.remove(step)
            self._directions.update(
                (name, step.before[name]) for name in step.fields if name in step.before
            )
        elif write.back and step in self.redoable:
            self.redoable.remove(step)
            self.undoable.append(step)
        elif not write.back and step in self.undoable:
            self.undoable.remove(step)
            self.redoable.append(step)
        self._rebuild()

    def _seen(self) -> frozenset[str]:
        return frozenset((*(decision.id for decision in self.review.log), *self._own))

    def _do(self, step: Step) -> None:
        self.undoable.append(step)
        self.redoable.clear()

    def _again(self, step: Step, *, back: bool) -> Write | None:
        if not step.decisions:
            self._rebuild()
            return None
        # Redoing undoes the undoing: the decision itself comes back, with who made it and when.
        targets = step.decisions if back else self._undoings(step)
        shown = tuple(
            target.model_copy(
                update={
                    "id": f"shown-{next(_numbers)}",
                    "undoes": target.id,
                    "state": DecisionState.PENDING,
                    "decided_by": self._actor,
                    "decided_at": self._clock(),
                }
            )
            for target in targets
        )
        return self._write(Write(step, shown, back=back, seen=self._seen()))

    def _undoings(self, step: Step) -> tuple[Decision, ...]:
        latest = {decision.undoes: decision for decision in self._own.values() if decision.undoes}
        return tuple(latest[decision.id] for decision in step.decisions)

    def _write(self, write: Write) -> Write:
        self._own.update((decision.id, decision) for decision in write.shown)
        self.unsaved += 1
        self.writes += 1
        self._rebuild()
        return write

    def _provisional(self, choice: Choice) -> Decision:
        row = self.by_name[choice.partner_field]
        return Decision(
            id=f"shown-{next(_numbers)}",
            connection_id=self.review.connection_id,
            object_pair=self.pair,
            partner_field=choice.partner_field,
            crm_field=choice.crm_field,
            state=choice.state,
            direction=choice.direction or row.direction,
            value_map=choice.value_map,
            confidence=choice.confidence,
            note=choice.note,
            decided_by=self._actor,
            decided_at=self._clock(),
        )

    def _remember(self, row: MappingRow) -> None:
        known = named_candidates(self._suggestions.get(row.name))
        put_back = self._put_back.get(row.name, ())
        pick = next((c for c in (*put_back, *known) if c.crm_field == row.crm_field), None)
        if pick is not None:
            rest = tuple(one for one in put_back if one.crm_field != pick.crm_field)
            self._put_back[row.name] = (replace(pick, was_put_back=True), *rest)

    def _rebuild(self) -> None:
        self.rows = self.builder.build(
            Situation(
                log=self.log,
                suggestions=self._suggestions,
                put_back=self._put_back,
                directions=self._directions,
                hidden_warnings=self.hidden_warnings,
            )
        )


def _other_pick(shown: Suggestion, fresh: Suggestion) -> bool:
    return shown.crm_field != fresh.crm_field
