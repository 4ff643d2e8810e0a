"""Formulas against the golden files of Salesforce's open formula engine, and real rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import parse

from crmdeck.formats.formula_syntax import FormulaError, Name, Node, names_in, parse_formula
from crmdeck.preflight.formula import Answer, Facts, evaluate
from crmdeck.preflight.functions import FUNCTIONS
from crmdeck.preflight.values import Unknown

DATA = Path(__file__).parents[3] / "shared" / "data"
NOW = datetime(2020, 1, 1)
_TEXTS = ("text", "email", "phone", "url", "string")
_NUMBERS = ("number", "percent", "currency", "day__", "month__", "year__")

pytestmark = pytest.mark.skipif(not (DATA / "formulas").is_dir(), reason="has no real formulas")


class Example(NamedTuple):
    """One formula with its values by lower-case name, and the answer of the engine."""

    file: str
    tree: Node
    values: dict[str, Answer]
    blank_is_zero: bool
    is_percent: bool
    expected: str


def examples() -> Iterator[Example]:
    for path in sorted((DATA / "formulas").glob("*.xml")):
        for instance in _root(path).iter("testInstance"):
            tree = parse_formula(instance.get("formula", ""))
            if any(call.lower().startswith("customformula") for call in map(str, names_in(tree))):
                continue
            names = list(dict.fromkeys(str(name).lower() for name in names_in(tree)))
            for result in instance.iter("result"):
                cells = _cells(result, len(names))
                if cells is None:
                    continue
                try:
                    values = {n: _value(n, c) for n, c in zip(names, cells, strict=True)}
                except (ValueError, InvalidOperation):
                    continue
                for tag, zero in (("formula", True), ("formulaNullAsNull", False)):
                    expected = (result.findtext(tag) or "").strip()
                    if "Error" not in expected:
                        percent = instance.get("returntype") == "Percent"
                        yield Example(path.stem, tree, values, zero, percent, expected)


def _root(path: Path) -> Element:
    root = parse(path).getroot()
    assert root is not None
    return root


def _cells(result: Element, wanted: int) -> list[str] | None:
    text = (result.findtext("inputvalues") or "").strip()[1:-1]
    cells = [text if text != ", " else ""] if wanted == 1 else text.split(", ")
    return cells if len(cells) == wanted else None


def _value(name: str, cell: str) -> Answer:
    cell = cell.strip()
    if "checkbox" in name:
        return cell.lower() in ("true", "1")
    if cell.lower() in ("", "null"):
        return "" if any(each in name for each in _TEXTS) else None
    if any(each in name for each in _TEXTS):
        return cell
    if "date" in name:
        parts = [int(part) for part in cell.split(":")]
        if "datetime" in name:
            return datetime(*parts)  # type: ignore[arg-type]
        return date(*parts[:3])
    if any(each in name for each in _NUMBERS):
        return Decimal(cell) / 100 if "percent" in name else Decimal(cell)
    return cell


def _agrees(answer: Answer, example: Example) -> bool:
    expected = example.expected
    match answer:
        case bool():
            return (expected.lower() in ("true", "1")) is answer
        case None | "":
            return expected in ("", "null", "false")
        case Decimal():
            try:
                wanted = Decimal(expected)
            except InvalidOperation:
                return False
            number = answer * 100 if example.is_percent else answer
            return abs(wanted - number) <= max(Decimal("1e-6"), abs(wanted) * Decimal("1e-9"))
        case time():
            return expected.startswith(f"{answer:%H:%M}")
        case date():
            clock = f"{answer:%H:%M:%S}" if isinstance(answer, datetime) else "00:00:00"
            return all(part in expected for part in (f"{answer:%b %d}", str(answer.year), clock))
        case _:
            return str(answer) == expected


def test_answers_agree_with_the_open_engine() -> None:
    agreed = differ = 0
    for example in examples():
        numbers = frozenset(n for n in example.values if any(each in n for each in _NUMBERS))
        facts = Facts(
            example.values,
            NOW,
            numbers=numbers,
            blank_numbers_are_zero=example.blank_is_zero,
            today=NOW.date(),
        )
        answer = evaluate(example.tree, facts)
        if isinstance(answer, Unknown):
            continue
        if _agrees(answer, example):
            agreed += 1
        else:
            differ += 1
    assert agreed > 3_500
    assert agreed / (agreed + differ) >= 0.98


def test_every_real_rule_is_parsed_with_functions_that_are_known() -> None:
    special = {"AND", "OR", "NOT", "IF", "CASE", "ISBLANK", "ISNULL", "ISCHANGED", "PRIORVALUE",
               "ISNEW", "TODAY", "NOW", "BLANKVALUE", "NULLVALUE"}  # fmt: skip
    found = 0
    for path in (DATA / "rules").rglob("*.xml"):
        text = path.read_text("utf-8")
        match = re.search(r"<errorConditionFormula>(.*?)</errorConditionFormula>", text, re.DOTALL)
        if match is None:
            continue
        formula = _root(path).findtext("{*}errorConditionFormula") or ""
        try:
            tree = parse_formula(formula)
        except FormulaError as error:
            pytest.fail(f"{path.name}: {error}")
        unknown = {
            reason
            for reason in getattr(evaluate(tree, Facts({}, NOW)), "reasons", ())
            if reason.startswith("the function ")
        }
        assert not unknown, (path.name, unknown)
        assert all(isinstance(name, Name) for name in names_in(tree))
        found += 1
    assert found >= 15
    assert special.isdisjoint(FUNCTIONS)
