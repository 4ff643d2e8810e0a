"""`docs/keys.md`, its tables drawn from the console's code: `python -m tests.tui.keys_page`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from crmdeck.drift.timeline import Timeline
from crmdeck.tui.filters import FilterKey
from crmdeck.tui.key_table import key_records
from crmdeck.tui.keys.actions import key_label
from crmdeck.tui.panes.audit import columns as audit
from crmdeck.tui.panes.drift import columns as drift
from crmdeck.tui.panes.health import overview
from crmdeck.tui.panes.mapping import columns as mapping
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.panes.schema.fields import every_keys
from crmdeck.tui.panes.schema.objects import object_keys
from tests.docs.drawn import table

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->"
DIALOGS = (
    "Acknowledge",
    "Account",
    "Browser",
    "Choose",
    "Columns",
    "Confirm",
    "Dialog",
    "First run",
    "Form",
    "Go to",
    "List",
    "Prompt",
    "Typed",
    "Value map",
)
"""Left out: each dialog shows its keys."""
FILTERS, END_OF_FILTERS = "<!-- filters -->\n", "<!-- /filters -->"
OPPOSITES = (
    ("next", "previous"),
    ("Next", "Previous"),
    ("First", "Last"),
    ("down", "up"),
    ("left", "right"),
    ("top", "end"),
    ("Enlarge", "Shrink"),
)


def page(text: str) -> str:
    """Return the page with the keys and filter keys that there are now."""
    head, _, rest = text.partition(FILTERS)
    text = f"{head}{FILTERS}\n{filter_table()}\n{END_OF_FILTERS}{rest.partition(END_OF_FILTERS)[2]}"
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{keys_of_panes()}\n{END}{rest.partition(END)[2]}"


def keys_of_panes() -> str:
    """Return the keys of each pane as tables, without those of the dialogs."""
    scopes: dict[str, list[tuple[str, str]]] = {
        "panes": [(f"`{spec.key}`", f"Show {spec.title}.") for spec in PANES],
        "everywhere": [],
    }
    for record in sorted(key_records(), key=lambda record: str(record["scope"])):
        keys = " ".join(f"`{key_label(key)}`" for key in cast("list[str]", record["keys"]))
        if not keys:
            # Menus and go to anything run it.
            continue
        scopes.setdefault(str(record["scope"]), []).append((keys, str(record["title"])))
    kept = {scope.capitalize(): rows for scope, rows in scopes.items()}
    for dialog in DIALOGS:
        del kept[dialog]
    return "\n".join(
        f"### {scope}\n\n{table(('key', 'action'), paired(rows))}" for scope, rows in kept.items()
    )


def paired(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join two rows in a row that differ in one word only, such as next and previous."""
    found: list[tuple[str, str]] = []
    for keys, title in rows:
        last_keys, last = found[-1] if found else ("", "")
        for word, opposite in OPPOSITES:
            if word in last and last.replace(word, opposite) == title:
                found[-1] = (
                    f"{last_keys}, {keys}",
                    last.replace(word, f"{word} or {opposite.lower()}"),
                )
                break
        else:
            found.append((keys, title))
    return found


def filter_table() -> str:
    """Return the filter keys of each pane in Markdown."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    panes: dict[str, Mapping[str, FilterKey[Any]]] = {
        "Health": overview.FILTER_KEYS,
        "Schema, objects": object_keys(lambda: now),
        "Schema, fields": every_keys(lambda: now),
        "Drift": drift.filter_keys(Timeline((), {}, {}, {}, now, True)),
        "Mapping": mapping.FILTER_KEYS,
        "Audit": audit.filter_keys(now),
    }
    rows = (
        (pane, " ".join(f"`{name}:`" for name, key in keys.items() if not key.old))
        for pane, keys in panes.items()
    )
    return table(("list", "filter keys"), rows)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
