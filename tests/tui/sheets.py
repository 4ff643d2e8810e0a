"""Read each style sheet once for all consoles of the tests."""

from __future__ import annotations

from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation

_parse = Stylesheet._parse_rules
_kept: dict[tuple[Any, ...], list[RuleSet]] = {}


def _parse_once(
    sheet: Stylesheet,
    css: str,
    read_from: CSSLocation,
    is_default_rules: bool = False,
    tie_breaker: int = 0,
    scope: str = "",
) -> list[RuleSet]:
    asked = (css, read_from, is_default_rules, tie_breaker, scope)
    key = (*asked, tuple(sheet._variables.items()))
    if key not in _kept:
        _kept[key] = _parse(sheet, *asked)
    return _kept[key]


def keep_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the rules of each sheet, by its text and colors."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", _parse_once)
