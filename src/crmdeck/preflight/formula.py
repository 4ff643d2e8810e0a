"""Compile Salesforce formulas to functions with three results: a value, blank, or unknown.

Semantics follow Salesforce's open formula engine and its help ("Formula Operators and
Functions"). An error inside a formula is unknown, never a result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from crmdeck.formats.formula_syntax import Call, Literal, Name, Node, calls_in
from crmdeck.preflight.functions import FUNCTIONS, call
from crmdeck.preflight.values import DIGITS, EvaluationError, Unknown, Value, is_blank

Answer = Value | Unknown
_EQUAL = FUNCTIONS["="]


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


Formula = Callable[[Facts], Answer]
"""A compiled formula. It calculates with the digits of the current decimal context."""


def lookup_of(name: Name) -> str:
    """Return the field, in lower case, that leads from a record to another one's field."""
    step = name.path[0].lower()
    return f"{step[:-1]}c" if step.endswith("__r") else f"{step}id"


def evaluate(tree: Node, facts: Facts) -> Answer:
    """Return the value of a formula, or why it can't be known."""
    # The precision is of this thread only: other code calculates with 28 digits.
    with localcontext(prec=DIGITS):
        return compile_formula(tree)(facts)


def compile_formula(tree: Node) -> Formula:
    """Return the function that evaluates a formula."""
    run = _compiled(tree)
    if not any(each.function == "TODAY" for each in calls_in(tree)):
        return run

    def run_around_today(facts: Facts) -> Answer:
        if facts.today is not None:
            return run(facts)
        # TODAY depends on the time zone of the user.
        around = [facts.now.date() + timedelta(days=days) for days in (-1, 0, 1)]
        answers = [run(replace(facts, today=day)) for day in around]
        if all(_same(answer, answers[1]) for answer in answers):
            return answers[1]
        return Unknown(("the time zone of the user, for TODAY",))

    return run_around_today


def as_condition(answer: Answer) -> bool | Unknown:
    """Return whether a rule rejects the write; a blank condition doesn't."""
    if isinstance(answer, Unknown):
        return answer
    if answer is None or isinstance(answer, bool):
        return bool(answer)
    return Unknown(("the formula isn't a condition",))


def _same(left: Answer, right: Answer) -> bool:
    # In Python, 1 equals True.
    return type(left) is type(right) and left == right


def _compiled(node: Node) -> Formula:
    if isinstance(node, Literal):
        value = node.value
        return lambda _: value
    if isinstance(node, Name):
        return _reader(node)
    compile_special = _SPECIAL.get(node.function)
    try:
        run = compile_special(node.arguments) if compile_special else _function(node)
    except (EvaluationError, ValueError) as error:
        return _failing(node, error)

    def guarded(facts: Facts) -> Answer:
        try:
            return run(facts)
        except (EvaluationError, ArithmeticError, ValueError, TypeError, OverflowError) as error:
            return _failure(node, error)

    return guarded


def _failing(node: Call, error: Exception) -> Formula:
    failure = _failure(node, error)
    return lambda _: failure


def _failure(node: Call, error: Exception) -> Unknown:
    # An error inside a formula must not become a result: what Salesforce does is not settled.
    reason = str(error) if isinstance(error, EvaluationError) else type(error).__name__
    return Unknown((f"an error in {node.function}: {reason}",), is_error=True)


def _function(node: Call) -> Formula:
    """Compile a function that needs nothing but the values of its arguments."""
    function = FUNCTIONS.get(node.function)
    if function is None:
        no_function = Unknown((f"the function {node.function}",))
        return lambda _: no_function
    arguments = [_compiled(each) for each in node.arguments]

    def run(facts: Facts) -> Answer:
        values = [argument(facts) for argument in arguments]
        if unknown := [each for each in values if isinstance(each, Unknown)]:
            return Unknown.of(*unknown)
        return call(function, values)  # type: ignore[arg-type]

    return run


def _reader(name: Name, *, before: bool = False) -> Formula:
    """Compile the reading of a name: the value that a write sets or leaves, or that it had."""
    key = str(name).lower()
    lookup = lookup_of(name) if len(name.path) > 1 else None
    is_permission = key.startswith("$permission.")
    missing = Unknown((str(name),))
    not_stored = Unknown((f"the stored value of {name}",))

    def read(facts: Facts) -> Answer:
        values = facts.values
        # On create, the value before is the value itself.
        if before and not facts.is_new:
            if facts.is_new is None or facts.stored is None:
                return not_stored
            values = facts.stored
        value = values.get(key, missing)
        if value is missing:
            # The judge asks twice, for a user with all permissions and for one without any.
            if is_permission and facts.user_may is not None:
                return facts.user_may
            # Without a parent record all of its fields are blank.
            if lookup is not None and lookup in values:
                parent = values[lookup]
                if not isinstance(parent, Unknown) and is_blank(parent):
                    return None
        elif value is None and facts.blank_numbers_are_zero and key in facts.numbers:
            return Decimal(0)
        return value

    return read


def _is_parent_field(node: Node) -> bool:
    return isinstance(node, Name) and len(node.path) > 1


def _behind_nothing(node: Node) -> Unknown:
    """Return why a field of a parent that doesn't exist can't be judged: its type matters."""
    return Unknown((f"{node} behind an empty lookup",))


def _condition(node: Node) -> Callable[[Facts], bool | Unknown | None]:
    """Compile a condition as AND, OR, NOT and IF read it."""
    run = _compiled(node)
    if isinstance(node, Call) and node.function in CONDITIONS:
        return run  # type: ignore[return-value]
    no_condition = Unknown(("a value that isn't a condition",), is_error=True)
    blank = _behind_nothing(node) if _is_parent_field(node) else None

    def read(facts: Facts) -> bool | Unknown | None:
        answer = run(facts)
        if answer is None:
            return blank
        return answer if isinstance(answer, bool | Unknown) else no_condition

    return read


def _decided_by(deciding: bool, arguments: Sequence[Node]) -> Formula:
    """Compile AND and OR: `deciding` if a condition has it, unless an earlier one is an error."""
    conditions = [_condition(each) for each in arguments]

    def run(facts: Facts) -> Answer:
        unknown: list[Unknown] = []
        for condition in conditions:
            answer = condition(facts)
            if isinstance(answer, Unknown):
                unknown.append(answer)
            elif bool(answer) is deciding and not any(one.is_error for one in unknown):
                return deciding
        return Unknown.either(*unknown) if unknown else not deciding

    return run


def _not(arguments: Sequence[Node]) -> Formula:
    (only,) = arguments
    condition = _condition(only)

    def run(facts: Facts) -> Answer:
        answer = condition(facts)
        return not answer if isinstance(answer, bool) else answer

    return run


def _if(arguments: Sequence[Node]) -> Formula:
    first, then_node, otherwise_node = arguments
    condition, then, otherwise = _condition(first), _compiled(then_node), _compiled(otherwise_node)

    def run(facts: Facts) -> Answer:
        answer = condition(facts)
        if isinstance(answer, Unknown):
            if answer.is_error:
                return answer
            return _agreed([then(facts), otherwise(facts)], answer)
        return then(facts) if answer else otherwise(facts)

    return run


def _case(arguments: Sequence[Node]) -> Formula:
    read = _compiled(arguments[0])
    pairs = [
        (_compiled(candidate), _compiled(result))
        for candidate, result in zip(arguments[1:-1:2], arguments[2:-1:2], strict=True)
    ]
    otherwise = _compiled(arguments[-1])

    def run(facts: Facts) -> Answer:
        value = read(facts)
        if isinstance(value, Unknown) and value.is_error:
            return value
        possible: list[Answer] = []
        open_because: list[Unknown] = []
        for candidate, result in pairs:
            other = candidate(facts)
            if isinstance(value, Unknown) or isinstance(other, Unknown):
                open_because += (each for each in (value, other) if isinstance(each, Unknown))
                possible.append(result(facts))
            # In CASE a blank equals nothing, not even another blank.
            elif None not in (value, other) and call(_EQUAL, [value, other]):
                possible.append(result(facts))
                break
        else:
            possible.append(otherwise(facts))
        if not open_because:
            return possible[0]
        return _agreed(possible, Unknown.either(*open_because))

    return run


def _agreed(answers: Sequence[Answer], unknown: Unknown) -> Answer:
    """Return the one answer of all branches, else unknown."""
    first = answers[0]
    if not isinstance(first, Unknown) and all(_same(each, first) for each in answers):
        return first
    return Unknown.either(unknown, *(each for each in answers if isinstance(each, Unknown)))


def _is_blank(arguments: Sequence[Node]) -> Formula:
    (only,) = arguments
    read = _compiled(only)

    def run(facts: Facts) -> Answer:
        answer = read(facts)
        return answer if isinstance(answer, Unknown) else is_blank(answer)

    return run


def _is_null(arguments: Sequence[Node]) -> Formula:
    """Compile ISNULL: a text is never null, not even an empty one."""
    (only,) = arguments
    read = _compiled(only)

    def run(facts: Facts) -> Answer:
        answer = read(facts)
        if answer is None and _is_parent_field(only):
            return _behind_nothing(only)
        return answer if isinstance(answer, Unknown) else answer is None

    return run


def _compared(sign: str) -> Callable[[Sequence[Node]], Formula]:
    function = FUNCTIONS[sign]

    def compile_comparison(arguments: Sequence[Node]) -> Formula:
        left_node, right_node = arguments
        read_left, read_right = _compiled(left_node), _compiled(right_node)
        left_is_parent, right_is_parent = _is_parent_field(left_node), _is_parent_field(right_node)

        def run(facts: Facts) -> Answer:
            left, right = read_left(facts), read_right(facts)
            if isinstance(left, Unknown) or isinstance(right, Unknown):
                return Unknown.of(*(each for each in (left, right) if isinstance(each, Unknown)))
            if left_is_parent and left is None and isinstance(right, bool):
                return _behind_nothing(left_node)
            if right_is_parent and right is None and isinstance(left, bool):
                return _behind_nothing(right_node)
            return call(function, [left, right])

        return run

    return compile_comparison


def _blank_value(arguments: Sequence[Node]) -> Formula:
    value_node, otherwise_node = arguments
    read, otherwise = _compiled(value_node), _compiled(otherwise_node)

    def run(facts: Facts) -> Answer:
        answer = read(facts)
        if isinstance(answer, Unknown):
            return answer
        return otherwise(facts) if is_blank(answer) else answer

    return run


def _null_value(arguments: Sequence[Node]) -> Formula:
    value_node, otherwise_node = arguments
    read, otherwise = _compiled(value_node), _compiled(otherwise_node)

    def run(facts: Facts) -> Answer:
        answer = read(facts)
        if isinstance(answer, Unknown):
            return answer
        if answer is None and _is_parent_field(value_node):
            return _behind_nothing(value_node)
        return otherwise(facts) if answer is None else answer

    return run


def _is_changed(arguments: Sequence[Node]) -> Formula:
    (only,) = arguments
    if not isinstance(only, Name):
        not_a_field = EvaluationError("ISCHANGED needs a field")

        def run_wrong(facts: Facts) -> Answer:
            if facts.is_new:
                return False
            raise not_a_field

        return run_wrong
    read_now, read_before = _reader(only), _reader(only, before=True)

    def run(facts: Facts) -> Answer:
        if facts.is_new:
            return False
        now, before = read_now(facts), read_before(facts)
        if isinstance(now, Unknown) or isinstance(before, Unknown):
            return Unknown.of(*(each for each in (now, before) if isinstance(each, Unknown)))
        if is_blank(now) or is_blank(before):
            return is_blank(now) != is_blank(before)
        return now != before

    return run


def _prior_value(arguments: Sequence[Node]) -> Formula:
    (only,) = arguments
    if not isinstance(only, Name):
        raise EvaluationError("PRIORVALUE needs a field")
    return _reader(only, before=True)


def _if_error(arguments: Sequence[Node]) -> Formula:
    value_node, otherwise_node = arguments
    read, otherwise = _compiled(value_node), _compiled(otherwise_node)

    def run(facts: Facts) -> Answer:
        answer = read(facts)
        return otherwise(facts) if isinstance(answer, Unknown) and answer.is_error else answer

    return run


def _is_new(facts: Facts) -> Answer:
    return Unknown(("create or update",)) if facts.is_new is None else facts.is_new


_SPECIAL: Mapping[str, Callable[[Sequence[Node]], Formula]] = {
    "AND": lambda arguments: _decided_by(False, arguments),
    "OR": lambda arguments: _decided_by(True, arguments),
    "NOT": _not,
    "IF": _if,
    "CASE": _case,
    "ISBLANK": _is_blank,
    "ISNULL": _is_null,
    "BLANKVALUE": _blank_value,
    "NULLVALUE": _null_value,
    "ISNEW": lambda _: _is_new,
    # A write over the API is never a clone.
    "ISCLONE": lambda _: lambda facts: False,
    "ISCHANGED": _is_changed,
    "PRIORVALUE": _prior_value,
    "TODAY": lambda _: lambda facts: facts.today or facts.now.date(),
    "NOW": lambda _: lambda facts: facts.now,
    "TIMENOW": lambda _: lambda facts: facts.now.time(),
    "IFERROR": _if_error,
    "=": _compared("="),
    "<>": _compared("<>"),
}
CONDITIONS = frozenset(
    {"AND", "OR", "NOT", "ISBLANK", "ISNULL", "ISNEW", "ISCLONE", "ISCHANGED", "=", "<>", "<", ">",
     "<=", ">=", "BEGINS", "CONTAINS", "INCLUDES", "ISNUMBER", "ISPICKVAL", "REGEX"}
)  # fmt: skip
"""Functions whose answer is always a checkbox, blank, or unknown."""
