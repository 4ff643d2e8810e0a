"""Encryption of secrets in a workspace: AES-256-GCM with a data key, which other keys wrap."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from crmdeck.errors import CrmdeckError
from crmdeck.redaction import remember

KEY_VARIABLE = "CRMDECK_SECRETS_KEY"
_LENGTH = 32
_NONCE = 12
_PATIENCE = 30.0


class SecretsKeyError(CrmdeckError):
    """This machine can't open or seal the secrets of the workspace."""

    code = "SECRETS_KEY"
    http_status = 503


class KeyRing:
    """The keys of this machine: the first wraps, all of them unwrap."""

    def __init__(self, text: str, place: str) -> None:
        """Read keys, separated by spaces or lines; raises SecretsKeyError."""
        self._keys: dict[str, bytes] = {}
        for word in text.split():
            remember(word)
            try:
                key = base64.b64decode(word, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if len(key) != _LENGTH:
                raise SecretsKeyError(
                    f"Can't use a key from {place}.",
                    cause="A key is 32 random bytes in Base64.",
                    remedy="Create a key: crmdeck secrets new-key",
                    code="SECRETS_KEY_BAD",
                )
            self._keys.setdefault(_name(key), key)
        if not self._keys:
            raise _missing(f"No key found in {place}.")

    def has(self, name: str) -> bool:
        """True if the ring has the key with that name."""
        return name in self._keys

    def wrap(self, data_key: bytes) -> tuple[str, str]:
        """Return the name of the first key, and the data key encrypted with it."""
        name, key = next(iter(self._keys.items()))
        return name, _encrypt(key, data_key, "data key")

    def unwrap(self, wrapped_by: str, wrapped: str) -> bytes:
        """Return the data key; raises SecretsKeyError if its key isn't in this ring."""
        key = self._keys.get(wrapped_by)
        if key is None:
            raise SecretsKeyError(
                "This machine has the wrong key for the workspace's secrets.",
                cause=f"The secrets need the key {wrapped_by}. "
                f"This machine has: {', '.join(self._keys)}.",
                remedy=f"Add that key to ${KEY_VARIABLE}, or to the file or command in the "
                "settings.",
                code="SECRETS_KEY_WRONG",
            )
        return _decrypt(key, wrapped, "data key")


def new_secrets_key() -> str:
    """Return a new random key as text."""
    return base64.b64encode(os.urandom(_LENGTH)).decode()


def new_data_key() -> bytes:
    return os.urandom(_LENGTH)


def load_keys(file: Path | None, command: Sequence[str]) -> KeyRing:
    """Return the keys from the environment, else the file, else the command.

    Raises SecretsKeyError without any, or if they can't be read.
    """
    text = os.environ.get(KEY_VARIABLE)
    if text:
        return KeyRing(text, f"${KEY_VARIABLE}")
    if file is not None:
        try:
            return KeyRing(file.expanduser().read_text("utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise _missing(f"Can't read {file}: {reason}.") from None
    if command:
        return KeyRing(_output(command), f"the command {command[0]}")
    raise _missing("Neither the environment nor the settings specify a key.")


def seal(data_key: bytes, place: str, secret: str) -> str:
    """Return a secret, encrypted for one place only."""
    # Passwords can contain what UTF-8 rejects.
    return _encrypt(data_key, secret.encode("utf-8", "surrogatepass"), place)


def unseal(data_key: bytes, place: str, sealed: str) -> str:
    """Return a secret; raises SecretsKeyError if it was changed, or moved to another place."""
    return _decrypt(data_key, sealed, place).decode("utf-8", "surrogatepass")


def _output(command: Sequence[str]) -> str:
    # The output can be a key, so it is in no error.
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, ValueError) as error:
        raise _missing(f"Can't run {command[0]}: {type(error).__name__}.") from None
    except subprocess.TimeoutExpired:
        raise _missing(f"{command[0]} took longer than {_PATIENCE:.0f} seconds.") from None
    if done.returncode:
        raise _missing(f"{command[0]} failed with exit code {done.returncode}.")
    return done.stdout


def _missing(cause: str) -> SecretsKeyError:
    return SecretsKeyError(
        "This machine has no key for the workspace's secrets.",
        cause=cause,
        remedy=f"Set ${KEY_VARIABLE}, or secrets_key_file or secrets_key_command in the settings.",
        code="SECRETS_KEY_MISSING",
    )


def _name(key: bytes) -> str:
    # Enough to distinguish a few keys, and too little to learn one from its name.
    return hashlib.sha256(b"crmdeck key " + key).hexdigest()[:8]


def _encrypt(key: bytes, plain: bytes, place: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    # NIST SP 800-38D: a nonce of 96 bits, never twice with the same key.
    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, place.encode())).decode()


def _decrypt(key: bytes, text: str, place: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        packed = base64.b64decode(text, validate=True)
        return AESGCM(key).decrypt(packed[:_NONCE], packed[_NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise SecretsKeyError(
            "A stored secret of the workspace is damaged.",
            cause="The secret was changed in the database, or belongs to another connection.",
            remedy="Sign in to the connection again.",
            code="SECRET_DAMAGED",
        ) from None
