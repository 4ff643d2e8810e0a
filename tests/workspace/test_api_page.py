"""The page on the Python API: its examples run, and it names all that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .api_page import PAGE, methods, page, services

EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_run(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "example", "exec"), {"__name__": "example"})


def test_the_page_names_every_public_method_of_every_service() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "python -m tests.workspace.api_page draws it anew"
    for name, service in services().items():
        for method, _ in methods(service):
            assert f"`ws.{name}.{method}(" in text
