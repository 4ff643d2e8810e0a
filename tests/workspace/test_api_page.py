"""The page on the Python API names all that there is."""

from __future__ import annotations

from .api_page import FOR_FACES, PAGE, documented, methods, page


def test_the_page_names_every_public_method_of_every_service() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "python -m tests.workspace.api_page redraws it"
    for name, service in documented().items():
        left_out = FOR_FACES.get(f"ws.{name}", ())
        assert {*left_out} <= {method for method, _ in methods(service)}
        for method, _ in methods(service):
            assert (f"`ws.{name}.{method}(" in text) == (method not in left_out)
