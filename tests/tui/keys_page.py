"""`docs/keys.md`, its tables drawn from the console's code: `python -m tests.tui.keys_page`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmdeck.drift.timeline import Timeline
from crmdeck.tui.filters import FilterKey
from crmdeck.tui.keys.table import key_table
from crmdeck.tui.panes.audit import columns as audit
from crmdeck.tui.panes.drift import columns as drift
from crmdeck.tui.panes.health import overview
from crmdeck.tui.panes.mapping import columns as mapping
from crmdeck.tui.panes.schema.filter_keys import keys_of

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->"
DIALOGS = (
    "Account",
    "Ask",
    "Browser",
    "Choose",
    "Choose field",
    "Columns",
    "Confirm",
    "Copy as",
    "First run",
    "Form",
    "Go to",
    "Help",
    "List",
    "Messages",
    "Prompt",
    "Saved views",
    "Steps",
    "Typed",
    "Value map",
    "Values",
)
"""Left out: each dialog shows its keys."""
FILTERS, END_OF_FILTERS = "<!-- filters -->\n", "<!-- /filters -->"


def page(text: str) -> str:
    """Return the page with the keys and filter keys that there are now."""
    head, _, rest = text.partition(FILTERS)
    text = f"{head}{FILTERS}{filter_table()}{END_OF_FILTERS}{rest.partition(END_OF_FILTERS)[2]}"
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{keys_of_panes()}{END}{rest.partition(END)[2]}"


def keys_of_panes() -> str:
    """Return the key table without the dialogs."""
    sections = re.split(r"^(?=### )", key_table(), flags=re.MULTILINE)
    left_out = {f"### {name}\n" for name in DIALOGS}
    kept = [each for each in sections if each.partition("\n")[0] + "\n" not in left_out]
    assert len(kept) == len(sections) - len(DIALOGS), "a dialog is missing"
    return "".join(kept).rstrip() + "\n"


def filter_table() -> str:
    """Return the filter keys of each pane in Markdown."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    panes: dict[str, Mapping[str, FilterKey[Any]]] = {
        "Health": overview.FILTER_KEYS,
        "Schema, objects": keys_of("objects", lambda: now),
        "Schema, fields": keys_of("everywhere", lambda: now),
        "Drift": drift.filter_keys(Timeline((), {}, {}, {}, now, True)),
        "Mapping": mapping.FILTER_KEYS,
        "Audit": audit.filter_keys(now),
    }
    rows = (
        f"| {pane} | {' '.join(f'`{name}:`' for name, key in keys.items() if not key.old)} |\n"
        for pane, keys in panes.items()
    )
    return f"| Pane | Filter keys |\n|---|---|\n{''.join(rows)}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
