"""Reads a private key from a file."""

from __future__ import annotations

from pathlib import Path

from crmdeck.errors import UsageError


def read_key(path: Path) -> str:
    """Return the private key in a file; raises UsageError."""
    try:
        text = path.expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Can't read {path}.",
            cause=(isinstance(error, OSError) and error.strerror) or "The file isn't text.",
            remedy="Use the path of a private key in PEM format.",
            code="BAD_PRIVATE_KEY",
        ) from None
    if "PRIVATE KEY-----" not in text:
        raise UsageError(
            f"{path} contains no private key.",
            cause="A private key in PEM format contains the words PRIVATE KEY.",
            remedy="Use the key file from openssl, not the certificate.",
            code="BAD_PRIVATE_KEY",
        )
    return text
