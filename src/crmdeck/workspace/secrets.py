"""Where the secrets of connections are stored, and the key for those in the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.errors import UsageError
from crmdeck.model import SecretsPlace, WireModel
from crmdeck.text import count
from crmdeck.workspace.context import Context


class MovedSecrets(WireModel):
    """The connections whose secrets were moved, and those without secrets on this machine."""

    moved: tuple[str, ...]
    without: tuple[str, ...]


class RotatedKey(WireModel):
    """The name of the key that the secrets need now, and their number."""

    key: str
    secrets: int


class Secrets:
    """Move secrets of connections, and replace the key for those in the workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def move(self, refs: Sequence[str], place: SecretsPlace) -> MovedSecrets:
        """Move the secrets of connections, of all without `refs`, from other places to `place`.

        Raises NotFoundError, NoKeyringError, and SecretsKeyError without the right key.
        """
        if place is SecretsPlace.ENVIRONMENT:
            raise UsageError(
                "Can't move secrets to the environment.",
                remedy="Use keyring, file or workspace.",
            )
        context = self._context
        context.require_writable()
        with context.store.read() as session:
            every = session.connections.all()
        connections = [context.connection(ref) for ref in refs] or every
        moved, without = [], []
        for connection in connections:
            if not context.vault.stored(connection.id):
                without.append(connection.name)
                continue
            # One at a time: a keyring that rejects leaves the others moved, and recorded as such.
            context.settle_secrets(connection, place)
            moved.append(connection.name)
            entry = context.entry(
                "secrets.moved",
                f"Moved the secrets of {connection.name} to the {place}.",
                connection_id=connection.id,
            )
            with context.store.write() as session:
                session.audit.add(entry)
        return MovedSecrets(moved=tuple(moved), without=tuple(without))

    def rotate(self) -> RotatedKey:
        """Encrypt the secrets in the workspace again, for the first key of this machine.

        Raises SecretsKeyError without the old key.
        """
        context = self._context
        with context.store.write() as session:
            key, number = context.sealed.rotate(session)
            summary = f"Encrypted {count(number, 'secret')} for the key {key}."
            session.audit.add(context.entry("secrets.key_rotated", summary))
        return RotatedKey(key=key, secrets=number)
