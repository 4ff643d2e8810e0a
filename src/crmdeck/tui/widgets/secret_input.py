"""A line to type a secret in: it is never drawn, and never copied."""

from __future__ import annotations

from textual.widgets import Input

LONGEST = 20_000


class SecretInput(Input):
    """Textual's input for passwords, from which nothing gets back out."""

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(password=True, placeholder=placeholder, compact=True, id=id)

    def validate_value(self, value: str) -> str:
        """Return `value`, as far as a secret can be long."""
        return value[:LONGEST]

    def action_copy(self) -> None:
        """Copy nothing."""

    def action_cut(self) -> None:
        """Cut nothing."""
