"""Whatever comes in, one safe line of the promised width goes out."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from crmdeck.tui.layout import wrap_hanging
from crmdeck.tui.text import display_block, display_text
from tests.tui.conftest import HOSTILE

any_text = st.text(st.characters(), max_size=300)
nasty = st.one_of(any_text, st.sampled_from(HOSTILE), st.text("e\u0301\u200d\ufe0f\u202e👩日"))


@given(nasty, st.one_of(st.none(), st.integers(0, 60)))
def test_text_is_one_safe_line(text: str, width: int | None) -> None:
    shown = display_text(text, width)
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    if width is not None:
        assert cell_len(shown) <= width
    shown.encode()


@given(nasty, st.integers(1, 60))
def test_cuts_only_long_text(text: str, width: int) -> None:
    whole = display_text(text)
    if cell_len(whole) <= width and len(text) <= width:
        assert display_text(text, width) == whole
    elif cell_len(whole) > width:
        assert display_text(text, width).endswith("…")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
def test_leaves_plain_text_alone(text: str) -> None:
    assert display_text(text, 40) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a␊b"),
        ("\x1b[31m", "␛[31m"),
        ("\u202etxt", "\ufffdtxt"),
        ("a\u200db", "a\ufffdb"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("\u0301x", "\u25cc\u0301x"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 3),
    ],
)
def test_shows_control_characters(text: str, shown: str) -> None:
    assert display_text(text) == shown


def test_a_block_keeps_its_lines() -> None:
    assert display_block("one\r\ntwo\x1b") == "one\ntwo␛"
    assert display_block("x" * 50, 10) == "x" * 10 + "…"


@given(nasty, st.integers(12, 60), st.integers(0, 6))
def test_wrapped_lines_are_aligned_with_the_first_word(text: str, width: int, hang: int) -> None:
    first, *more = wrap_hanging(text, width, hang).split("\n")
    assert all(line.startswith(" " * hang) for line in more)
    if text.isascii() and text.isprintable() and text.split():
        assert first.split()[:1] == text.split()[:1] or len(text.split()[0]) > width - hang
        assert all(len(line) <= width for line in (first, *more))


def test_wrapping_loses_no_word() -> None:
    said = "Id ↔ Opportunity.Decision_Contact_Email__c at https://acme.my.example.com/setup"
    for hang in range(9):
        lines = wrap_hanging(said, 30, hang).split("\n")
        assert "".join(lines).replace(" ", "") == said.replace(" ", "")
