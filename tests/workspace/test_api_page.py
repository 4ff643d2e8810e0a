"""The page on the Python API names all that there is."""

from __future__ import annotations

from .api_page import PAGE, documented, methods, page


def test_the_page_names_every_public_method_of_every_service() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "python -m tests.workspace.api_page draws it anew"
    for name, service in documented().items():
        for method, _ in methods(service):
            assert f"`ws.{name}.{method}(" in text
