"""A private key, read from the file that it is kept in."""

from __future__ import annotations

from pathlib import Path

from crmdeck.errors import UsageError


def read_key(path: Path) -> str:
    """Return the private key in a file; raises UsageError where it holds none."""
    try:
        text = path.expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} can't be read.",
            cause=(isinstance(error, OSError) and error.strerror) or "It is no text.",
            remedy="Give the path of the file with the private key, in PEM form.",
            code="BAD_PRIVATE_KEY",
        ) from None
    if "PRIVATE KEY-----" not in text:
        raise UsageError(
            f"{path} holds no private key.",
            cause="A file in PEM form is needed.",
            remedy="Give the file that openssl wrote as the key, not the certificate.",
            code="BAD_PRIVATE_KEY",
        )
    return text
