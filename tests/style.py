"""Find phrases that the style guide bans: `python -m tests.style [PATH ...]` lists them."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

BANNED = {
    r"\b(told|tells?|telling)\b": "show, report, print, notify",
    r"\b(some|no|any)body\b": "someone, no one, an admin",
    r"\banew\b|\bonce more\b": "again",
    r"\bany more\b": "no longer",
    r"(?<!there )(?<!There )\b(is|are) no (?!longer\b)[a-z]+": "isn't a, has no",
    r"\b(of|by|to|with) what (is|was|has|are|were|it)\b": "the noun",
    r"\bwhere (there (is|are)|it is|no|nothing|one|none)\b": "if, when",
    r"\b(of|by|with) which\b": "split the sentence, or whose",
    r"\b(still|that|what|it) holds\b|\bheld against\b": "is valid, applies, is compared with",
    r"\bstands? (in|on|below|above|beside|there|for itself)\b": "is, appears, is stored",
    r"\blikewise\b|\bmeanwhile\b": "also; in the meantime",
    r"\bin its place\b|\bbeside it\b": "instead; next to it",
    r"\bputs? away\b|\bput (it|them|alerts?) away\b|\bbr(ing|ought|ings) back\b": "dismiss, reopen",
    r"(?<!\w)Let (?!s\b)[a-z]+ ": "the verb",
    r"\bmends?\b|\bmended\b|\bput right\b": "repair, fix",
    r"\bhow (bad|sure|full|old)\b": "severity, match, fill rate, age",
    r"\bas it (is|was|comes|stands)\b": "unchanged, verbatim",
    r"\b(token|session|it) ends\b": "expires, stops, exits",
    r"\bgo(es)? on\b": "continue",
    r"\bpass(es)? the filter\b": "match the filter",
    r"\bfirst look\b": "baseline",
    r"\bwho may\b|\bmay not\b": "a user who can; can't",
    r"\bin force\b": "valid, active, current",
    r"\bwhat (is|was) (said|known|there|read)\b": "the noun",
    r"\bsaid so\b|\bsay so\b": "explain, specify",
}
"""What not to write, and what to write instead. The cases are ignored but for `Let`."""

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
"""Earlier terms of the console, and what replaced them. The cases count."""

ALLOWED = (
    # A lock is held, and a header of HTTP has its own words.
    "held by",
    # To be unable to know.
    "can't tell whether",
)


class Hit(NamedTuple):
    """A banned phrase: where, the text around it, and the replacement."""

    file: str
    line: int
    text: str
    instead: str


_PATTERNS = [
    (re.compile(pattern, re.MULTILINE | (0 if "Let" in pattern else re.IGNORECASE)), instead)
    for pattern, instead in BANNED.items()
]
_PATTERNS += [(re.compile(pattern, re.MULTILINE), instead) for pattern, instead in REPLACED.items()]


def files() -> Iterator[Path]:
    """Yield each file whose words reach a reader."""
    yield from sorted((ROOT / "src").rglob("*.py"))
    yield from sorted((ROOT / "src" / "crmdeck" / "knowledge" / "faults").glob("*.toml"))
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted(ROOT.glob("*.md"))


def hits(paths: Iterable[Path]) -> Iterator[Hit]:
    """Yield the banned phrases of some files: in literals, docstrings, comments, and prose."""
    for path in paths:
        name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        texts = [(line, re.sub(r"`[^`]*`", "`code`", text)) for line, text in _texts(path)]
        whole = "\n".join(text for _, text in texts)
        # Most files have no hit, and one search of a whole file costs far less than one per text.
        found = [(pattern, instead) for pattern, instead in _PATTERNS if pattern.search(whole)]
        for (line, text), (pattern, instead) in itertools.product(texts if found else (), found):
            for match in pattern.finditer(text):
                around = text[max(0, match.start() - 30) : match.end() + 30]
                if not any(word in around for word in ALLOWED):
                    yield Hit(name, line, " ".join(around.split()), instead)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text("utf-8")
    if path.suffix != ".py":
        in_code = False
        for number, line in enumerate(source.splitlines(), 1):
            in_code ^= line.lstrip().startswith("```")
            if not in_code:
                yield number, line
        return
    yield from literals(path)
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("#"):
            yield number, line


@functools.cache
def literals(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the texts in a module, docstrings among them, each with its line."""
    return tuple(
        (node.lineno, node.value)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def main(arguments: list[str]) -> int:
    """Print the banned phrases of files and folders, and return 1 if there are any."""
    chosen: list[Path] = []
    for each in map(Path, arguments):
        path = each.resolve()
        chosen += (
            sorted(p for p in path.rglob("*") if p.suffix in {".py", ".md"})
            if path.is_dir()
            else [path]
        )
    found = list(hits(chosen or files()))
    for hit in found:
        print(f"{hit.file}:{hit.line}: '{hit.text}', write: {hit.instead}")
    print(f"{len(found)} banned phrases")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
