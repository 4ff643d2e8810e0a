"""The finder of banned phrases finds each, in any case, and earlier terms in their own."""

from __future__ import annotations

import pytest

from tests.style import hits


@pytest.mark.parametrize(
    "text",
    [
        "Tell how it works.",
        "There is nobody.",
        "It stands in the log.",
        "Let it end.",
        "A field is unfed.",
    ],
)
def test_a_banned_phrase_is_found(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    page = tmp_path_factory.mktemp("page") / "page.md"
    page.write_text(f"{text}\n", "utf-8")
    assert list(hits([page]))
