"""The page about drift says what the rules say."""

from __future__ import annotations

from tests.drift.rules_page import PAGE, page


def test_the_page_about_drift_is_that_of_the_rules() -> None:
    again = "Draw it again: python -m tests.drift.rules_page"
    assert PAGE.read_text(encoding="utf-8") == page(), again
