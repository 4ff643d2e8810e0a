"""Plain words: no text of the product contains a phrase that the style guide bans."""

from __future__ import annotations

import pytest

from tests.style import files, hits


def test_no_text_contains_a_banned_phrase() -> None:
    found = [f"{hit.file}:{hit.line}: '{hit.text}', write: {hit.instead}" for hit in hits(files())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["Tell how it works.", "There is nobody.", "It stands in the log.", "Let it end."]
)
def test_a_banned_phrase_is_found(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    page = tmp_path_factory.mktemp("page") / "page.md"
    page.write_text(f"{text}\n", "utf-8")
    assert list(hits([page]))
