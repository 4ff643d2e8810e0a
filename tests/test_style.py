"""The texts of the product: none contains a phrase that the style guide bans, or a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck import redaction
from crmdeck.redaction import redact
from tests import style
from tests.style import above_debt, files, hits, literals, ratcheted


def test_no_text_contains_a_banned_phrase() -> None:
    found = [f"{hit.file}:{hit.line}: '{hit.text}', write: {hit.instead}" for hit in hits(files())]
    assert not found, "\n".join(found)


def test_no_file_gains_ratcheted_phrases() -> None:
    found = [f"{hit.file}:{hit.line}: '{hit.text}', write: {hit.instead}" for hit in above_debt()]
    assert not found, "\n".join(found)


def test_ratchet_reads_phrases_and_test_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_some.py").write_text("def test_nobody_is_told() -> None: ...\n")
    (tmp_path / "page.md").write_text("The answer was refused.\n")
    found = {hit.file for hit in ratcheted([tmp_path / "page.md"])}
    assert found == {"page.md", "tests/test_some.py"}


def test_product_sentences_are_not_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    # What other tests signed in with may be words of ours.
    monkeypatch.setattr(redaction, "_known", {})
    sentences = [
        text
        for file in files()
        if file.suffix == ".py" and file.name != "redaction.py"
        for _, text in literals(file)
        if " " in text
    ]
    assert len(sentences) > 3000
    taken = [each for each in sentences if redact(each) != each]
    # Some name the header, without a token; a lease has a column of that name.
    harmless = ("Authorization: Bearer", "UPDATE lease SET token", "INSERT INTO lease")
    assert all(any(words in each for words in harmless) for each in taken), taken
