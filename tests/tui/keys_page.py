"""`docs/keys.md`, its tables drawn from the console's actions: `python -m tests.tui.keys_page`."""

from __future__ import annotations

from pathlib import Path

from crmdeck.tui.keys.table import key_table

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->"


def page(text: str) -> str:
    """Return the page with the keys that there are now."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{key_table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
