"""One user's review of one object pair: the steps so far, with undo and redo.

Rows change immediately and are stored afterwards. A step that can't be stored is removed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from crmdeck.mapping.judgment import VALUE_CODES
from crmdeck.mapping.review import Review
from crmdeck.mapping.rows import (
    Candidate,
    MappingRow,
    RequiredRow,
    RowBuilder,
    Situation,
    named_candidates,
)
from crmdeck.model import (
    Choice,
    Decision,
    DecisionState,
    Direction,
    SuggestAnswer,
    Suggestion,
    make_decision,
    make_undo,
)
from crmdeck.preflight.edges import FailsWhen


@dataclass(eq=False)
class MappingEdit:
    """One step of the user: decisions, or directions set on undecided rows.

    `before` and `after` are the directions set on its rows, None for the widest. `fields` are the
    subjects of the decisions, which are the names of their rows.
    """

    title: str
    fields: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()
    before: Mapping[str, Direction | None] = field(default_factory=dict)
    after: Mapping[str, Direction | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Write:
    """One change to store: its step, and its decisions as they show.

    `back` is True for an undo, False for a redo, else None. `seen` are the IDs of the decisions
    that the user could see.
    """

    step: MappingEdit
    decisions: tuple[Decision, ...]
    back: bool | None = None
    seen: frozenset[str] = frozenset()


class MappingSession:
    """The rows of an object pair, and the steps that one user takes in it."""

    def __init__(self, ref: str, review: Review, actor: str, clock: Callable[[], datetime]) -> None:
        self.ref = ref
        self.pair = review.pair
        self.encoder: str | None = None
        self.focused: str | None = None
        self.hidden_warnings: frozenset[str] = frozenset()
        self.undoable: list[MappingEdit] = []
        self.redoable: list[MappingEdit] = []
        self.unsaved = 0
        self.writes = 0
        self._actor = actor
        self._clock = clock
        self._own: dict[str, Decision] = {}
        self._suggestions: dict[str, Suggestion] = {}
        self._waiting: dict[str, Suggestion] = {}
        self._put_back: dict[str, dict[str, Candidate]] = {}
        self._directions: dict[str, Direction] = {}
        self._failures: dict[tuple[str, str], tuple[FailsWhen, ...]] = {}
        self.builder = RowBuilder(review)
        self._rebuild()

    @property
    def review(self) -> Review:
        return self.builder.review

    @property
    def log(self) -> tuple[Decision, ...]:
        """Every decision on the pair, stored or not yet, oldest first."""
        known = {decision.id for decision in self.review.log}
        # After a new review, decisions of this user can be in both.
        own = (decision for id_, decision in self._own.items() if id_ not in known)
        return (*self.review.log, *own)

    def update_review(self, review: Review) -> tuple[Decision, ...]:
        """Show a newer review and keep the user's own decisions.

        Returns the decisions that others made since the last one.
        """
        known = self._seen()
        self.builder = RowBuilder(review)
        self._rebuild()
        return tuple(decision for decision in review.log if decision.id not in known)

    def update_suggestions(self, answer: SuggestAnswer) -> None:
        """Show new suggestions, except that the focused row keeps its CRM field."""
        self.encoder = answer.encoder
        for suggestion in answer.suggestions:
            name = suggestion.partner_field
            shown = self._suggestions.get(name)
            # A key must act on the CRM field that the user sees, so a new one waits for the focus
            # to leave the row.
            if name == self.focused and shown is not None and _other_pick(shown, suggestion):
                self._waiting[name] = suggestion
            else:
                self._suggestions[name] = suggestion
                self._waiting.pop(name, None)
        self._rebuild()

    @property
    def accepted(self) -> dict[str, str]:
        """The accepted rows that write to the CRM, with their CRM fields."""
        return {
            row.name: row.crm_field
            for row in self.rows
            if row.state is DecisionState.ACCEPTED
            and row.crm_field is not None
            and row.direction is not Direction.PULL
        }

    @property
    def suggested(self) -> dict[str, str]:
        """The undecided rows that would write to the CRM, with their CRM fields."""
        return {
            row.name: row.crm_field
            for row in self.rows
            if row.is_open
            and row.crm_field is not None
            and row.can_sync
            and row.direction is not Direction.PULL
        }

    def update_failures(
        self, found: Iterable[FailsWhen], judged: Iterable[tuple[str, str]]
    ) -> None:
        """Show the verdicts of preflight on the rows; `judged` are the field pairs that it saw."""
        failures: dict[tuple[str, str], tuple[FailsWhen, ...]] = dict.fromkeys(judged, ())
        for one in found:
            key = (one.partner_field or "", one.crm_field or "")
            failures[key] = (*failures.get(key, ()), one)
        self._failures = failures
        self._rebuild()

    def focus(self, name: str | None) -> bool:
        """Set the focused row; return True if the row that lost the focus changed."""
        left, self.focused = self.focused, name
        if left is None or left == name or left not in self._waiting:
            return False
        self._suggestions[left] = self._waiting.pop(left)
        self._rebuild()
        return True

    def decide(self, title: str, choices: Sequence[Choice]) -> Write:
        """Show decisions and return the write that stores them."""
        rows = self.by_name
        for choice in choices:
            if choice.partner_field and choice.state is DecisionState.REJECTED:
                self._remember(rows[choice.partner_field])
            # The last verdicts are about other values. Preflight judges these ones next.
            row = rows.get(choice.partner_field)
            key = choice.partner_field, choice.crm_field or ""
            if row is None:
                self._failures.pop(key, None)
            elif choice.value_map and choice.value_map.keys() >= set(row.values):
                still = (one for one in row.every_failure if one.code not in VALUE_CODES)
                self._failures[key] = tuple(still)
        decisions = tuple(self._decision(choice) for choice in choices)
        fields = tuple(choice.subject for choice in choices)
        step = MappingEdit(title, fields, decisions, before=self._directions_of(fields))
        # A decision has its own direction: the one set on the undecided row is used up.
        step.after = dict.fromkeys(fields)
        self._do(step)
        return self._write(Write(step, decisions, seen=self._seen()))

    def direct(self, names: Iterable[str], direction: Direction) -> None:
        """Set the direction of undecided rows, to be used when they are accepted."""
        fields = tuple(names)
        step = MappingEdit("the direction", fields, before=self._directions_of(fields))
        step.after = dict.fromkeys(fields, direction)
        self._do(step)
        self._rebuild()

    def hide_warnings(self, codes: Iterable[str]) -> None:
        """Hide these kinds of warnings on the pair and show all others."""
        self.hidden_warnings = frozenset(codes)
        self._rebuild()

    def undo(self, step: MappingEdit | None = None) -> tuple[MappingEdit, Write | None]:
        """Undo a step, the last one by default.

        Raises IndexError without such a step, ValueError if it can't be undone.
        """
        step = step or self.undoable[-1]
        self.undoable.remove(step)
        self.redoable.append(step)
        self._set_directions(step.before)
        return step, self._again(step, back=True)

    def redo(self, step: MappingEdit | None = None) -> tuple[MappingEdit, Write | None]:
        """Redo an undone step, the last one by default.

        Raises IndexError without such a step, ValueError if it isn't undone.
        """
        step = step or self.redoable[-1]
        self.redoable.remove(step)
        self.undoable.append(step)
        self._set_directions(step.after)
        return step, self._again(step, back=False)

    def saved(self, write: Write, decisions: Sequence[Decision]) -> None:
        """Show what was stored: `decisions` differ only at a source with IDs of its own."""
        self.unsaved -= 1
        if tuple(decisions) == write.decisions:
            return
        stored = {shown.id: one for shown, one in zip(write.decisions, decisions, strict=False)}
        # The undo of a step that couldn't be stored isn't stored either.
        lost = {shown.id for shown in write.decisions} - stored.keys()
        own = [stored.get(id_, one) for id_, one in self._own.items() if id_ not in lost]
        self._own = {}
        for decision in own:
            if decision.undoes in stored:
                decision = decision.model_copy(update={"undoes": stored[decision.undoes].id})
            self._own[decision.id] = decision
        write.step.decisions = tuple(stored.get(one.id, one) for one in write.step.decisions)
        self._rebuild()

    def failed(self, write: Write) -> None:
        self.unsaved -= 1
        for decision in write.decisions:
            self._own.pop(decision.id, None)
        step = write.step
        if write.back is None:
            for steps in (self.undoable, self.redoable):
                if step in steps:
                    steps.remove(step)
            self._set_directions(step.before)
        elif write.back and step in self.redoable:
            self.redoable.remove(step)
            self.undoable.append(step)
            self._set_directions(step.after)
        elif not write.back and step in self.undoable:
            self.undoable.remove(step)
            self.redoable.append(step)
            self._set_directions(step.before)
        self._rebuild()

    def _seen(self) -> frozenset[str]:
        return frozenset((*(decision.id for decision in self.review.log), *self._own))

    def _do(self, step: MappingEdit) -> None:
        self.undoable.append(step)
        self.redoable.clear()
        self._set_directions(step.after)

    def _directions_of(self, names: Iterable[str]) -> dict[str, Direction | None]:
        return {name: self._directions.get(name) for name in names}

    def _set_directions(self, directions: Mapping[str, Direction | None]) -> None:
        for name, direction in directions.items():
            if direction is None:
                self._directions.pop(name, None)
            else:
                self._directions[name] = direction

    def _again(self, step: MappingEdit, *, back: bool) -> Write | None:
        if not step.decisions:
            self._rebuild()
            return None
        # A redo undoes the undo, so that the decision keeps its user and time.
        targets = step.decisions if back else self._undoings(step)
        decisions = tuple(
            make_undo(target, str(uuid4()), actor=self._actor, at=self._clock())
            for target in targets
        )
        return self._write(Write(step, decisions, back=back, seen=self._seen()))

    def _undoings(self, step: MappingEdit) -> tuple[Decision, ...]:
        latest = {decision.undoes: decision for decision in self._own.values() if decision.undoes}
        return tuple(latest[decision.id] for decision in step.decisions)

    def _write(self, write: Write) -> Write:
        self._own.update((decision.id, decision) for decision in write.decisions)
        self.unsaved += 1
        self.writes += 1
        self._rebuild()
        return write

    def _decision(self, choice: Choice) -> Decision:
        row = self.by_name.get(choice.partner_field)
        return make_decision(
            choice,
            str(uuid4()),
            connection_id=self.review.connection_id,
            object_pair=self.pair,
            direction=row.direction if row is not None else Direction.BIDIRECTIONAL,
            actor=self._actor,
            at=self._clock(),
        )

    def _remember(self, row: MappingRow) -> None:
        """Remember a rejected suggestion, in case its rejection is undone."""
        put_back = self._put_back.setdefault(row.name, {})
        for one in named_candidates(self._suggestions.get(row.name)):
            if one.crm_field == row.crm_field:
                put_back[one.crm_field] = replace(one, was_put_back=True)

    def _rebuild(self) -> None:
        self.required: tuple[RequiredRow, ...] = self.builder.build_required(
            self.log, self._failures
        )
        self.rows = self.builder.build(
            Situation(
                log=self.log,
                suggestions=self._suggestions,
                put_back={name: tuple(one.values()) for name, one in self._put_back.items()},
                directions=self._directions,
                hidden_warnings=self.hidden_warnings,
                focused=self.focused,
                failures=self._failures,
            )
        )
        # A required CRM field and the row that is suggested for it are one row.
        wanted = {row.field.name for row in self.required if row.is_open}
        self.rows = tuple(
            replace(row, required=True)
            if row.is_open and row.can_sync and row.crm_field in wanted
            else row
            for row in self.rows
        )
        carried = {row.crm_field for row in self.rows if row.required}
        self.required = tuple(row for row in self.required if row.field.name not in carried)
        self.by_name = {row.name: row for row in self.rows}
        self.all_rows: dict[str, MappingRow | RequiredRow] = {
            **{row.name: row for row in self.required},
            **self.by_name,
        }


def _other_pick(shown: Suggestion, fresh: Suggestion) -> bool:
    return shown.crm_field != fresh.crm_field
