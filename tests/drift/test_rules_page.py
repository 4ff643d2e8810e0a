"""The page of severities is drawn from the rules."""

from __future__ import annotations

from tests.drift.rules_page import PAGE, page


def test_severities_page_is_current() -> None:
    again = "Draw it again: python -m tests.drift.rules_page"
    assert PAGE.read_text(encoding="utf-8") == page(), again
