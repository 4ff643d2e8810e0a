"""The page about faults says what the code does."""

from __future__ import annotations

from tests.connectors.faults_page import PAGE, page


def test_the_page_about_faults_is_that_of_the_tables() -> None:
    again = "Draw it again: python -m tests.connectors.faults_page"
    assert PAGE.read_text(encoding="utf-8") == page(), again
