"""Find phrases that the style guide bans: `python -m tests.style [PATH ...]` lists them."""

from __future__ import annotations

import ast
import functools
import itertools
import json
import re
import sys
from collections import Counter
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

RATCHETED = {
    r"\b(an?|the|its|each|last|failed|partial|incomplete|large) answers?\b": "response",
    r"\brefus(e|es|ed|als?)\b": "reject",
    r"\bName (a|an|the|at)\b": "enter, use, specify",
    r"\bKnown are\b|^There is no [`'{]": "No connection named 'x'. Connections: y.",
    r"\b(decides|deploys|excuses|sends|stores|writes|lacks|changes|touches|names|matches) "
    r"(nothing|none|no one)\b": "a negated verb",
    r"\b(rule|row|one|name|latest) counts?\b": "applies, wins",
    r"^Without\b": "If",
    r"\b(backup|workspace|bug) of crmdeck": "a crmdeck backup",
    r"^(Return|Yield) (what|how|which)\b": "the noun",
    r"\bwire shape\b": "the API format",
    r"\bedge values\b": "boundary values",
    r"(?<![/\[])\bissues\b": "findings, warnings",
}
"""Further phrases: a file may have as many as `DEBT` lists for it, and never more."""

RAW = {
    r"\b(option|source|package|extra|route|scope|role|folder|cookie) ['\"{`]": "the name first",
    r"\bdocs/\w+\.md": "a URL",
}
"""Ratcheted too, but searched before code is masked."""

LONGEST_NAME = 60

DEBT = Path(__file__).with_name("style_debt.json")
"""How many ratcheted phrases each file has: `python -m tests.style --ratchet` lowers it."""

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
_CASED = re.compile("Name|Without|Known")
_RATCHETED = [
    # At its start a sentence is a remedy or a docstring; below it the word is a noun, as a rule.
    (re.compile(pattern, re.MULTILINE | (0 if _CASED.search(pattern) else re.IGNORECASE)), instead)
    for pattern, instead in RATCHETED.items()
]
_RAW = [(re.compile(pattern), instead) for pattern, instead in RAW.items()]


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


def ratcheted(paths: Iterable[Path]) -> Iterator[Hit]:
    """Yield the ratcheted phrases of some files, and all phrases in the names of tests."""
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        for line, text in _texts(path):
            masked = re.sub(r"`[^`]*`", "`code`", text)
            raw = _RAW if name.startswith("src/") else _RAW[:1]
            # A tool of MCP answers a question.
            known = _RATCHETED[1:] if "/mcp/" in name else _RATCHETED
            for patterns, searched in ((known, masked), (raw, text)):
                for pattern, instead in patterns:
                    for match in pattern.finditer(searched):
                        around = searched[max(0, match.start() - 30) : match.end() + 30]
                        yield Hit(name, line, " ".join(around.split()), instead)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for line, test in enumerate(path.read_text("utf-8").splitlines(), 1):
            if found := re.match(r"\s*(?:async )?def (test_\w+)", test):
                words = found[1].replace("_", " ")
                for pattern, instead in (*_PATTERNS, *_RATCHETED):
                    if pattern.search(words):
                        yield Hit(name, line, found[1], instead)
                if len(found[1]) > LONGEST_NAME:
                    yield Hit(name, line, found[1], f"at most {LONGEST_NAME} characters")


def above_debt() -> Iterator[Hit]:
    """Yield the ratcheted phrases of each file that has more of them than `DEBT` lists."""
    debt = json.loads(DEBT.read_text("utf-8"))
    found = sorted(ratcheted(files()))
    counts = Counter(hit.file for hit in found)
    yield from (hit for hit in found if counts[hit.file] > debt.get(hit.file, 0))


def lower_debt() -> None:
    """Lower each count of `DEBT` to what the file has now. Raise none."""
    debt = json.loads(DEBT.read_text("utf-8"))
    now = Counter(hit.file for hit in ratcheted(files()))
    lower = {file: min(count, now[file]) for file, count in sorted(debt.items()) if now[file]}
    DEBT.write_text(json.dumps(lower, indent=1) + "\n", "utf-8")


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
    if arguments == ["--ratchet"]:
        lower_debt()
        return 0
    chosen: list[Path] = []
    for each in map(Path, arguments):
        path = each.resolve()
        chosen += (
            sorted(p for p in path.rglob("*") if p.suffix in {".py", ".md"})
            if path.is_dir()
            else [path]
        )
    found = [*hits(chosen or files()), *(() if chosen else above_debt())]
    for hit in found:
        print(f"{hit.file}:{hit.line}: '{hit.text}', write: {hit.instead}")
    print(f"{len(found)} banned phrases")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
