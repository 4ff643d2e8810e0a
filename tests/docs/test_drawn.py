"""The drawn parts of the docs are current, and what the map names exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.drawn import DOCS, PARTS, WIRE_SCHEMA, redrawn, wire_schema

AGAIN = "Draw it again: python -m tests.docs"


@pytest.mark.parametrize("page", PARTS)
def test_a_page_says_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == redrawn(page), AGAIN


def test_the_schema_of_the_wire_is_that_of_the_models() -> None:
    assert WIRE_SCHEMA.read_text("utf-8") == wire_schema(), AGAIN


def test_pages_are_listed_once_and_linked_from_index() -> None:
    pages = sorted(page.name for page in DOCS.glob("*.md"))
    site = (Path(__file__).parents[2] / ".ci/site.toml").read_text("utf-8")
    assert tomllib.loads(site)["project"]["nav"]
    assert sorted(re.findall(r'= "([\w-]+\.md)"', site)) == pages
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "index.md").read_text("utf-8")))
    assert {*linked, "index.md"} == set(pages)


def test_each_path_of_the_map_exists() -> None:
    project = DOCS.parent
    page = (DOCS / "architecture.md").read_text("utf-8")
    named = [path for path in re.findall(r"`([\w.*/]+)`", page) if "/" in path]
    assert len(named) > 40
    # The page writes `NAME` where each CRM and each pane has its own.
    missing = {
        path
        for path in named
        if not any(
            list(folder.glob(path.replace("NAME", "*")))
            for folder in (project, project / "src/crmdeck", project / "src/crmdeck/tui")
        )
    }
    assert missing == set()
