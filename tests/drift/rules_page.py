"""`docs/drift.md`, drawn from the rules: `python -m tests.drift.rules_page`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from crmdeck.drift.severity_rules import (
    FIELD_ROWS,
    KIND_ROWS,
    OBJECT_ROWS,
    REQUIRED_ADDED,
    RETURNED_REASONS,
    RULE_RESTS,
    RULE_REWORDED,
    RULE_ROWS,
    Row,
)
from crmdeck.drift.story_rules import STORY_RULES
from crmdeck.model import Severity

PAGE = Path(__file__).parents[2] / "docs" / "drift.md"

INTRO = """\
# What changed, how bad it is, and what is one story

Drawn from the rules in `crmdeck/drift`, by `python -m tests.drift.rules_page`; a test holds it.

A drift event is one change between two discoveries. What a source does not say is unknown, and \
unknown against known is no change: an export that leaves an attribute out can't be judged in it, \
and the refresh says so. `breaking` is what makes something that is mapped or written stop \
working, `risky` what may do so or deserves a look, `safe` the rest; it depends on whether the \
field is mapped, and whether PartnerOS pulls its values or pushes to it (both: the worse).

What is gone is four different things. `removed`: the CRM confirms it. `hidden`: it still exists, \
but not for this user. `out_of_scope`: the scope asks for less. `absent`: it is no longer in the \
export, and nothing says why; an export that holds less removes nothing.

A removed and an added field of one object that look like one are offered as a rename, never \
asserted: the same words in name or label, or one word more, a synonym or a typing error in both, \
with what else speaks for it (the same help, values, formula, size).
"""

COLUMNS = ("not mapped", "pulled", "pushed", "why")


def page() -> str:
    """Return the whole page."""
    safe, breaking = ([level] * 3 for level in (Severity.SAFE, Severity.BREAKING))
    kinds: list[tuple[str, ...]] = [
        (kind.value.replace("_", " "), *scale, reason)
        for kind, (scale, reason) in KIND_ROWS.items()
    ]
    kinds.insert(1, ("field added, required", *breaking, REQUIRED_ADDED))
    kinds += [("object back", *safe, reason) for reason in RETURNED_REASONS.values()]
    rules: list[tuple[str, ...]] = [
        (f"`{kind.value}`", *scale, reason.replace("{message}", ""))
        for kind, (scale, reason) in RULE_ROWS.items()
    ]
    rules += [("rule switched off", *safe, RULE_RESTS), ("rule reworded", *safe, RULE_REWORDED)]
    stories = [(f"`{rule.kind}`", rule.tells, _weight(rule.follows)) for rule in STORY_RULES]
    return "".join(
        [
            INTRO,
            "\n## What came or went\n\n",
            _table(("what", *COLUMNS), kinds),
            "\n## Attributes of a field\n\nThe first row of an attribute that fits counts.\n\n",
            _table(("attribute", *COLUMNS), map(_row, FIELD_ROWS)),
            "\n## What an object says of itself\n\n",
            _table(("attribute", *COLUMNS), map(_row, OBJECT_ROWS)),
            "\n## Rules that make a write fail\n\nA rule that came, or asks for something else. "
            "Where the fields of a rule are not known, it touches every mapping of its object.\n\n",
            _table(("rule", *COLUMNS), rules),
            "\n## Stories\n\nEvents that are one thing are told once, and none is dropped. What "
            "touches a mapping, and every rule, is told by itself. The first story that fits takes "
            "an event; a story is as bad as its worst event.\n\n",
            _table(("story", "tells of", "severity"), stories),
        ]
    )


def _weight(follows: str | None) -> str:
    return "safe: echoes of what is told elsewhere" if follows else "that of its events"


def _row(row: Row) -> tuple[str, ...]:
    return (f"`{row.attribute}`", *row.scale, row.reason)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
