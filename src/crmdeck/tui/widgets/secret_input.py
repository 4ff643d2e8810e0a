"""An input for a secret, which is never drawn or copied."""

from __future__ import annotations

from textual.widgets import Input

LONGEST = 20_000


class SecretInput(Input):
    """Textual's password input, without copy and cut."""

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(password=True, placeholder=placeholder, compact=True, id=id)

    def validate_value(self, value: str) -> str:
        return value[:LONGEST]

    def action_copy(self) -> None:
        """Don't copy."""

    def action_cut(self) -> None:
        """Don't cut."""
