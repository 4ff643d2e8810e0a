"""What the console, the command line and exports say: plain words, and one for each thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "crmdeck"

REPLACED = {
    r"\bunfed\b": "not mapped",
    r"\blocked (field|in the CRM)\b|\bis locked: nothing": "can't sync",
    r"\bSure ?%|^Sure$": "Match",
    r"\bInstead\b$|^else/instead": "alternatives",
    r"by words only": "quick match, refining",
    r"[Bb]oth sides can be written": "access: read write",
    r"[Nn]othing says that either side": "access unknown: the export does not say",
    r"now preferred|shown when you move on": "nothing: the line stays as it is",
    r"(not|new|again|is|are) in the answer\b": "no longer in the export",
    r"token:? no end|^no end$": "no expiry",
    r"^mappable;|; fresh for": "what can be mapped, kept for 24 h",
}
"""What is not to be said any more, and what is said in its place."""


def said() -> Iterator[tuple[str, str]]:
    """Yield every text that may reach a reader, and where it stands."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Docstrings, and those of attributes.
        loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in loose:
                continue
            if isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    pages = [*SOURCE.rglob("*.toml"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    # The page of the Python API says names of code.
    for path in sorted(page for page in pages if page.name != "api.md"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.fixture(scope="module")
def texts() -> tuple[tuple[str, str], ...]:
    found = tuple(said())
    # What is looked for has to be there to be looked at.
    assert any("not mapped" in text for _, text in found)
    return found


@pytest.mark.parametrize("pattern", REPLACED)
def test_what_a_plainer_word_replaced_is_said_nowhere(
    texts: tuple[tuple[str, str], ...], pattern: str
) -> None:
    found = [f"{where}: {text}" for where, text in texts if re.search(pattern, text)]
    assert not found, f"say '{REPLACED[pattern]}': {found}"
