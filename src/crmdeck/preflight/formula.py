"""Evaluate Salesforce formulas with three answers: a value, blank, or unknown with the reason.

Semantics follow Salesforce's open formula engine and its help ("Formula Operators and
Functions"). An error inside a formula is unknown, never an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from crmdeck.formats.formula_syntax import Literal, Name, Node, calls_in
from crmdeck.preflight.functions import FUNCTIONS, call
from crmdeck.preflight.values import DIGITS, EvaluationError, Unknown, Value, is_blank

Answer = Value | Unknown


@dataclass(frozen=True)
class Facts:
    """The known facts about a record and its surroundings.

    `values` and `stored` go by lower-case dotted name: `amount`, `account.name`, `$user.id`. A
    name that is missing is unknown. `stored` has the values before an update. `now` is in UTC,
    without a zone. `blank_numbers_are_zero` is the setting of formula fields, never of rules.
    """

    values: Mapping[str, Answer]
    now: datetime
    is_new: bool | None = True
    stored: Mapping[str, Answer] | None = None
    numbers: frozenset[str] = frozenset()
    blank_numbers_are_zero: bool = False
    user_may: bool | None = None
    today: date | None = None

    def value(self, name: Name) -> Answer:
        """Return the value that a write sets or leaves, or why it isn't known."""
        return self._found(self.values, name)

    def before(self, name: Name) -> Answer:
        """Return the value before the write; on create it is the value itself."""
        if self.is_new:
            return self.value(name)
        if self.is_new is None or self.stored is None:
            return Unknown((f"the stored value of {name}",))
        return self._found(self.stored, name)

    def _found(self, values: Mapping[str, Answer], name: Name) -> Answer:
        key = str(name).lower()
        if key in values:
            value = values[key]
            if value is None and self.blank_numbers_are_zero and key in self.numbers:
                return Decimal(0)
            return value
        # The judge asks twice, for a user with all permissions and for one without any.
        if key.startswith("$permission.") and self.user_may is not None:
            return self.user_may
        if len(name.path) > 1:
            # Without a parent record all of its fields are blank.
            lookup = values.get(lookup_of(name), Unknown(()))
            if not isinstance(lookup, Unknown) and is_blank(lookup):
                return None
        return Unknown((str(name),))


def lookup_of(name: Name) -> str:
    """Return the field, in lower case, that leads from a record to another one's field."""
    step = name.path[0].lower()
    return f"{step[:-1]}c" if step.endswith("__r") else f"{step}id"


def evaluate(tree: Node, facts: Facts) -> Answer:
    """Return the value of a formula, or why it can't be known."""
    # The precision is of this thread only: other code calculates with 28 digits.
    with localcontext() as context:
        context.prec = DIGITS
        if facts.today is None and any(each.function == "TODAY" for each in calls_in(tree)):
            # TODAY depends on the time zone of the user.
            around = [facts.now.date() + timedelta(days=days) for days in (-1, 0, 1)]
            answers = [_evaluate(tree, replace(facts, today=day)) for day in around]
            if all(_same(answer, answers[1]) for answer in answers):
                return answers[1]
            return Unknown(("the time zone of the user, for TODAY",))
        return _evaluate(tree, facts)


def is_true(tree: Node, facts: Facts) -> bool | Unknown:
    """Return whether a rule refuses the write; a blank condition doesn't."""
    answer = evaluate(tree, facts)
    if isinstance(answer, Unknown):
        return answer
    if answer is None or isinstance(answer, bool):
        return bool(answer)
    return Unknown(("the formula isn't a condition",))


def _same(left: Answer, right: Answer) -> bool:
    # In Python, 1 equals True.
    return type(left) is type(right) and left == right


def _evaluate(node: Node, facts: Facts) -> Answer:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Name):
        return facts.value(node)
    special = _SPECIAL.get(node.function)
    try:
        if special is not None:
            return special(node.arguments, facts)
        if node.function not in FUNCTIONS:
            return Unknown((f"the function {node.function}",))
        arguments = [_evaluate(each, facts) for each in node.arguments]
        if unknown := [each for each in arguments if isinstance(each, Unknown)]:
            return Unknown.of(*unknown)
        return call(node.function, arguments)  # type: ignore[arg-type]
    except (EvaluationError, ArithmeticError, ValueError, TypeError, OverflowError) as error:
        # An error inside a formula must not become an answer: what Salesforce does is not settled.
        reason = str(error) if isinstance(error, EvaluationError) else type(error).__name__
        return Unknown((f"an error in {node.function}: {reason}",), is_error=True)


def _condition(node: Node, facts: Facts) -> bool | Unknown | None:
    """Return a condition as AND, OR and IF read it."""
    answer = _evaluate(node, facts)
    if answer is None and isinstance(node, Name) and len(node.path) > 1:
        return _behind_nothing(node)
    if answer is None or isinstance(answer, bool | Unknown):
        return answer
    return Unknown(("a value that isn't a condition",), is_error=True)


def _behind_nothing(node: Node) -> Unknown:
    """Return why a field of a parent that doesn't exist can't be judged: its type matters."""
    return Unknown((f"{node} behind an empty lookup",))


def _decided_by(deciding: bool, arguments: Sequence[Node], facts: Facts) -> Answer:
    """Return `deciding` if a condition has this value, unless an earlier one is an error."""
    unknown: list[Unknown] = []
    for each in arguments:
        answer = _condition(each, facts)
        if isinstance(answer, Unknown):
            unknown.append(answer)
        elif bool(answer) is deciding and not any(one.is_error for one in unknown):
            return deciding
    return Unknown.either(*unknown) if unknown else not deciding


def _not(arguments: Sequence[Node], facts: Facts) -> Answer:
    (only,) = arguments
    answer = _condition(only, facts)
    return not answer if isinstance(answer, bool) else answer


def _if(arguments: Sequence[Node], facts: Facts) -> Answer:
    condition, then, otherwise = arguments
    answer = _condition(condition, facts)
    if isinstance(answer, Unknown):
        if answer.is_error:
            return answer
        return _agreed([_evaluate(then, facts), _evaluate(otherwise, facts)], answer)
    return _evaluate(then if answer else otherwise, facts)


def _case(arguments: Sequence[Node], facts: Facts) -> Answer:
    value = _evaluate(arguments[0], facts)
    if isinstance(value, Unknown) and value.is_error:
        return value
    pairs = list(zip(arguments[1:-1:2], arguments[2:-1:2], strict=True))
    possible: list[Answer] = []
    open_because: list[Unknown] = []
    for candidate, result in pairs:
        other = _evaluate(candidate, facts)
        unknown = [each for each in (value, other) if isinstance(each, Unknown)]
        if unknown:
            open_because += unknown
            possible.append(_evaluate(result, facts))
            continue
        # In CASE a blank equals nothing, not even another blank.
        if None not in (value, other) and call("=", [value, other]):  # type: ignore[list-item]
            possible.append(_evaluate(result, facts))
            break
    else:
        possible.append(_evaluate(arguments[-1], facts))
    return _agreed(possible, Unknown.either(*open_because))


def _agreed(answers: Sequence[Answer], unknown: Unknown) -> Answer:
    """Return the one answer of all branches, else unknown."""
    first = answers[0]
    if not isinstance(first, Unknown) and all(_same(each, first) for each in answers):
        return first
    return Unknown.either(unknown, *(each for each in answers if isinstance(each, Unknown)))


def _is_blank(arguments: Sequence[Node], facts: Facts) -> Answer:
    (only,) = arguments
    answer = _evaluate(only, facts)
    return answer if isinstance(answer, Unknown) else is_blank(answer)


def _is_null(arguments: Sequence[Node], facts: Facts) -> Answer:
    """A text is never null, not even an empty one."""
    (only,) = arguments
    answer = _evaluate(only, facts)
    if answer is None and isinstance(only, Name) and len(only.path) > 1:
        return _behind_nothing(only)
    return answer if isinstance(answer, Unknown) else answer is None


def _compared(sign: str) -> Callable[[Sequence[Node], Facts], Answer]:
    def run(arguments: Sequence[Node], facts: Facts) -> Answer:
        left, right = (_evaluate(each, facts) for each in arguments)
        unknown = [each for each in (left, right) if isinstance(each, Unknown)]
        if unknown:
            return Unknown.of(*unknown)
        for node, answer, other in zip(arguments, (left, right), (right, left), strict=True):
            parent = isinstance(node, Name) and len(node.path) > 1
            if parent and answer is None and isinstance(other, bool):
                return _behind_nothing(node)
        return call(sign, [left, right])  # type: ignore[list-item]

    return run


def _blank_value(arguments: Sequence[Node], facts: Facts) -> Answer:
    value, otherwise = arguments
    answer = _evaluate(value, facts)
    if isinstance(answer, Unknown):
        return answer
    return _evaluate(otherwise, facts) if is_blank(answer) else answer


def _null_value(arguments: Sequence[Node], facts: Facts) -> Answer:
    value, otherwise = arguments
    answer = _evaluate(value, facts)
    if isinstance(answer, Unknown):
        return answer
    if answer is None and isinstance(value, Name) and len(value.path) > 1:
        return _behind_nothing(value)
    return _evaluate(otherwise, facts) if answer is None else answer


def _is_changed(arguments: Sequence[Node], facts: Facts) -> Answer:
    (only,) = arguments
    if facts.is_new:
        return False
    if not isinstance(only, Name):
        raise EvaluationError("ISCHANGED needs a field")
    now, before = facts.value(only), facts.before(only)
    unknown = [each for each in (now, before) if isinstance(each, Unknown)]
    if unknown:
        return Unknown.of(*unknown)
    if is_blank(now) or is_blank(before):  # type: ignore[arg-type]
        return is_blank(now) != is_blank(before)  # type: ignore[arg-type]
    return now != before


def _prior_value(arguments: Sequence[Node], facts: Facts) -> Answer:
    (only,) = arguments
    if not isinstance(only, Name):
        raise EvaluationError("PRIORVALUE needs a field")
    return facts.before(only)


def _if_error(arguments: Sequence[Node], facts: Facts) -> Answer:
    value, otherwise = arguments
    answer = _evaluate(value, facts)
    if isinstance(answer, Unknown) and answer.is_error:
        return _evaluate(otherwise, facts)
    return answer


_SPECIAL: Mapping[str, Callable[[Sequence[Node], Facts], Answer]] = {
    "AND": lambda arguments, facts: _decided_by(False, arguments, facts),
    "OR": lambda arguments, facts: _decided_by(True, arguments, facts),
    "NOT": _not,
    "IF": _if,
    "CASE": _case,
    "ISBLANK": _is_blank,
    "ISNULL": _is_null,
    "BLANKVALUE": _blank_value,
    "NULLVALUE": _null_value,
    "ISNEW": lambda _, facts: (
        Unknown(("create or update",)) if facts.is_new is None else facts.is_new
    ),
    # A write over the API is never a clone.
    "ISCLONE": lambda _, facts: False,
    "ISCHANGED": _is_changed,
    "PRIORVALUE": _prior_value,
    "TODAY": lambda _, facts: facts.today or facts.now.date(),
    "NOW": lambda _, facts: facts.now,
    "TIMENOW": lambda _, facts: facts.now.time(),
    "IFERROR": _if_error,
    "=": _compared("="),
    "<>": _compared("<>"),
}
