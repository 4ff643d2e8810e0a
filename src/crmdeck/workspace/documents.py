"""What the servers of a team share in addition to the history: accounts and sessions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from crmdeck.store.sign_in_attempts import SignInAttempts
from crmdeck.workspace.context import Context


class Documents:
    """Small texts by name, in the workspace's database."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def read(self, name: str) -> str | None:
        """Return a text; None if no text has that name."""
        with self._context.store.read() as session:
            return session.documents.get(name)

    def sign_in_attempts(self) -> AbstractContextManager[SignInAttempts]:
        """Return the sign-in attempts of all servers, while no other server changes them."""
        return self._context.store.sign_in_attempts(self._context.home / "attempts.sqlite")

    def change(self, name: str, update: Callable[[str | None], str]) -> str:
        """Replace a text by what `update` returns for it, while no one else changes it."""
        # Read in the same transaction: two servers may change the text at the same time.
        with self._context.store.write() as session:
            text = update(session.documents.get(name))
            session.documents.put(name, text)
            return text
