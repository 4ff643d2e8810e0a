"""Formulas: what they answer, and that a hidden field never turns an answer around."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmdeck.formats.formula_syntax import Call, FormulaError, Name, parse_formula
from crmdeck.preflight.formula import CONDITIONS as CONDITION_FUNCTIONS
from crmdeck.preflight.formula import Answer, Facts, as_condition, evaluate
from crmdeck.preflight.values import Unknown

NOW = datetime(2026, 5, 16, 12)

ANSWERS: dict[str, Answer] = {
    "1 + 2 * 3": Decimal(7),
    # `^` binds looser than `*`.
    "2 * 3 ^ 2": Decimal(36),
    "-2 + 5": Decimal(3),
    "MOD(-7, 3)": Decimal(-1),
    "FLOOR(1 / 9 * 9)": Decimal(1),
    "amount + 1": None,
    "amount + 1 <> 1": None,
    "NOT(amount > 1)": None,
    "AND(TRUE, amount > 1)": False,
    "OR(amount > 1, TRUE)": True,
    "name = NULL": True,
    "ISBLANK(amount)": True,
    "ISNULL(name)": False,
    "ISPICKVAL(stage, 'won')": True,
    "ISPICKVAL(stage, 'Won')": False,
    "CONTAINS(name, 'x')": None,
    "CONTAINS(stage, '')": True,
    "INCLUDES(regions, 'emea')": True,
    "LEN(stage) = 3 && BEGINS(stage, 'w')": True,
    "REGEX(stage, '[a-z]+')": True,
    "REGEX(stage, 'w')": False,
    "CASE(stage, 'lost', 1, 'won', 2, 3)": Decimal(2),
    "BLANKVALUE(amount, 5)": Decimal(5),
    "ISNEW()": True,
    "ISCHANGED(stage)": False,
    "PRIORVALUE(stage)": "won",
    "closing + 1.7": date(2026, 5, 2),
    "closing - DATE(2026, 4, 1)": Decimal(30),
    "WEEKDAY(closing)": Decimal(6),
    "ADDMONTHS(DATE(2026, 1, 31), 1)": date(2026, 2, 28),
    "TEXT(1.50) & 'x'": "1.5x",
    "IF(unknown__c, 'same', 'same')": "same",
    "/* note */ stage == 'won'": True,
    "Account.Name": None,
}

VALUES: dict[str, Answer] = {
    "amount": None,
    "name": "",
    "stage": "won",
    "regions": ("emea", "apac"),
    "closing": date(2026, 5, 1),
    "accountid": "",
}


@pytest.mark.parametrize("formula", ANSWERS)
def test_a_formula_answers_as_salesforce_does(formula: str) -> None:
    assert evaluate(parse_formula(formula), Facts(VALUES, NOW)) == ANSWERS[formula]


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("missing__c = 1", "missing__c"),
        ("1 / 0 > 1", "an error in /: a division by zero"),
        ("VALUE('x') > 1", "an error in VALUE: a text that isn't a number"),
        ("stage > 1", "an error in >: a comparison of different types"),
        ("VLOOKUP(stage, stage, 'x')", "the function VLOOKUP"),
        (r"REGEX(stage, '(?=x)')", r"an error in REGEX: the pattern '(?=x)' can't be run safely"),
        ("closing > TODAY() - 15", "the time zone of the user, for TODAY"),
        ("AND(Account.IsPartner, TRUE)", "Account.IsPartner behind an empty lookup"),
        ("Account.IsPartner = FALSE", "Account.IsPartner behind an empty lookup"),
        ("ISNULL(Account.Name)", "Account.Name behind an empty lookup"),
        ("AND(1 / 0 > 1, FALSE)", "an error in /: a division by zero"),
        ("IF(1 / 0 > 1, TRUE, TRUE)", "an error in /: a division by zero"),
        (
            "REGEX(stage, '[a-z&&[^w]]+')",
            "an error in REGEX: the pattern '[a-z&&[^w]]+' has Java syntax of its own",
        ),
    ],
)
def test_missing_facts_are_unknown_with_reason(formula: str, reason: str) -> None:
    assert evaluate(parse_formula(formula), Facts(VALUES, NOW)) == Unknown(
        (reason,), is_error=reason.startswith("an error")
    )


def test_a_pattern_that_never_ends_elsewhere_ends_here() -> None:
    formula = parse_formula("REGEX(long, '(a+)+b')")
    assert evaluate(formula, Facts({"long": "a" * 5_000}, NOW)) is False


@pytest.mark.parametrize(
    ("formula", "place"), [("1 +", 4), ("AND(a, ", 8), ("a ~ b", 3), ("(a", 3), ("a b", 3)]
)
def test_an_error_names_the_character(formula: str, place: int) -> None:
    with pytest.raises(FormulaError, match=rf"^character {place}:"):
        parse_formula(formula)


def test_endless_nesting_is_rejected() -> None:
    with pytest.raises(FormulaError, match="too deeply"):
        parse_formula("(" * 5_000)


# -- properties -------------------------------------------------------------------------------

NAMES = ("a", "b", "c")
LEAVES = st.sampled_from(
    ["a = 1", "b = 'x'", "c", "ISBLANK(a)", "a > b", "ISCHANGED(b)", "LEN(b) > 1", "a / 0 = 1"]
)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(st.sampled_from(["AND", "OR"]), inner, inner).map(
            lambda x: f"{x[0]}({x[1]}, {x[2]})"
        ),
        inner.map(lambda x: f"NOT({x})"),
        st.tuples(inner, inner, inner).map(lambda x: f"IF({x[0]}, {x[1]}, {x[2]})"),
        st.tuples(inner, inner).map(lambda x: f"CASE(b, 'x', {x[0]}, {x[1]})"),
        st.tuples(inner, inner).map(lambda x: f"IFERROR({x[0]}, {x[1]})"),
    )


CONDITIONS = st.recursive(LEAVES, _deeper, max_leaves=12)
KNOWN = st.fixed_dictionaries(
    {
        "a": st.sampled_from([None, Decimal(0), Decimal(1), Decimal(2)]),
        "b": st.sampled_from(["", "x", "yy"]),
        "c": st.booleans(),
    }
)


SOME: dict[str, Answer] = {"a": Decimal(1), "b": "x", "c": False}


@example("IFERROR(AND(c, a / 0 = 1), TRUE)", SOME, SOME, {"c"}, True)
@given(CONDITIONS, KNOWN, KNOWN, st.sets(st.sampled_from(NAMES)), st.booleans())
def test_hidden_fields_never_flip_a_result(
    formula: str, values: dict[str, Answer], stored: dict[str, Answer], hidden: set[str], new: bool
) -> None:
    tree = parse_formula(formula)
    whole = as_condition(evaluate(tree, Facts(values, NOW, is_new=new, stored=stored)))
    part = as_condition(
        evaluate(
            tree,
            Facts(
                {name: value for name, value in values.items() if name not in hidden},
                NOW,
                is_new=new,
                stored={name: value for name, value in stored.items() if name not in hidden},
            ),
        )
    )
    if not isinstance(whole, Unknown) and not isinstance(part, Unknown):
        assert whole == part


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    try:
        tree = parse_formula(text)
    except FormulaError:
        return
    evaluate(tree, Facts({}, NOW))


SAMPLES: tuple[Answer, ...] = (
    None,
    "",
    "x",
    ("x", "y"),
    Decimal("12345678901234567890123456789012345.5"),
    True,
    NOW,
    NOW.date(),
    NOW.time(),
    Unknown(("a fact",)),
)


@pytest.mark.parametrize("function", sorted(CONDITION_FUNCTIONS))
def test_condition_function_returns_a_condition(function: str) -> None:
    node = Name(("left",)), Name(("right",))
    for left, right in product(SAMPLES, SAMPLES):
        facts = Facts({"left": left, "right": right}, NOW, is_new=False, stored={"left": right})
        for arguments in (node, node[:1], ()):
            answer = evaluate(Call(function, arguments), facts)
            assert answer is None or isinstance(answer, bool | Unknown), (left, right)
