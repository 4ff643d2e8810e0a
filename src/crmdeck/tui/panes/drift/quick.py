"""Terms of a filter that a key puts in and takes out. Pure."""

from __future__ import annotations


def toggled(text: str, term: str) -> str:
    """Return the filter with `term` in it, or without where it was; other values of its key go."""
    key = term.partition(":")[0]
    words = text.split()
    rest = [word for word in words if not word.lstrip("!").casefold().startswith(f"{key}:")]
    return " ".join(rest if term in words else [*rest, term])
