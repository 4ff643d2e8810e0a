"""Remove secrets from text that is stored or shown: errors, logs, answers of a CRM.

A secret is known because this process uses it (`remember`), or by its form. Nothing here is written
anywhere.
"""

from __future__ import annotations

import base64
import os
import re
import threading
from functools import cache
from itertools import pairwise
from urllib.parse import quote, quote_plus

HIDDEN = "(secret)"
LONGEST_CODE = 60
_SHORTEST = 8
_HEAD = 24
_MOST = 5000
_OPAQUE = 20

_URL_SAFE = str.maketrans("+/", "-_")

_known: dict[str, None] = {}
_turn = threading.Lock()


def remember(secret: str | None) -> None:
    """Remember a secret that this process uses, so that `redact` finds it in any encoding.

    A secret of fewer than eight characters is left out: it would match by chance.
    """
    if not secret:
        return
    lines = {line.strip() for line in secret.splitlines() if not line.startswith("-----")}
    with _turn:
        for line in lines:
            for form in _forms(line):
                if len(form) >= _SHORTEST:
                    # Known again means newest again: the oldest are dropped first.
                    _known.pop(form, None)
                    _known[form] = None
        # A server that runs for months renews thousands of tokens: the oldest are long invalid.
        while len(_known) > _MOST:
            del _known[next(iter(_known))]


def _forms(secret: str) -> set[str]:
    """Return a secret and its encodings, in Base64 at each position in a longer text."""
    data = secret.encode()
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    # Some programs write escapes and hexadecimal digits in the other case.
    forms |= {re.sub(r"%\w\w", lambda escape: escape[0].lower(), form) for form in forms}
    forms |= {data.hex(), data.hex().upper()}
    # The characters at both ends depend on the bytes around the secret.
    for before in range(3):
        coded = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        whole = coded[(0, 2, 3)[before] : len(coded) - bool((before + len(data)) % 3)]
        forms |= {whole, whole.translate(_URL_SAFE), quote(whole, safe="")}
    return forms


def redact(text: str, *, foreign: bool = False) -> str:
    """Return `text` without secrets: those in use, and anything with the form of a secret.

    `foreign` is for text from outside: there, any long run of random letters and digits may be a
    token, and is removed too.
    """
    for name in os.environ:
        # Matching each name and each value in full would take most of the time of an error.
        if name.startswith(_FIRST_WORDS) and _VARIABLE.fullmatch(name):
            remember(os.environ.get(name))
    # A copy, because another thread may remember a secret at the same time.
    for secret in tuple(_known):
        text = _without(text, secret)
    for pattern, by in _shapes():
        text = pattern.sub(by, text)
    if not foreign:
        return text
    return _RUN.sub(lambda run: HIDDEN if _looks_random(run[0]) else run[0], text)


def vendor_code(text: object) -> str:
    """Return the error code in a CRM's answer; empty if it doesn't look like a code.

    Codes are in capitals (`INVALID_SESSION_ID`), those of OAuth in lower case (`invalid_grant`).
    """
    code = str(text)
    if len(code) > LONGEST_CODE or not _CODE.fullmatch(code) or redact(code) != code:
        return ""
    return code


_CODE = re.compile(r"[A-Z]{2,24}(_[A-Z]{1,24}){0,9}(_?\d{1,3})?|[a-z]{2,20}(_[a-z]{2,20}){1,4}")
_FIRST_WORDS = ("CRMDECK_", "PGPASSWORD")
# Secrets of connections that were not used yet are secrets too.
_VARIABLE = re.compile(
    r"CRMDECK_\w+_(ACCESS_TOKEN|REFRESH_TOKEN|CLIENT_SECRET|PRIVATE_KEY|SESSION_TOKEN|PASSWORD)"
    r"|CRMDECK_NOTIFY_\w+_(URL|SECRET)|CRMDECK_HEARTBEAT|PGPASSWORD"
)
_RUN_ON = re.compile(r"[\w/+=~-]")
_RUN = re.compile(rf"[A-Za-z0-9_.~+/=!-]{{{_OPAQUE},}}")


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the forms of secrets, compiled at the first error."""
    names = (
        r"access_?token|refresh_?token|id_?token|session_?token|client_?secret|private_?key"
        r"|api_?key|hapikey|passw(?:or)?d|pwd|secret|assertion|code_?verifier|sid|token"
    )
    return tuple(
        (re.compile(pattern, re.IGNORECASE | re.DOTALL), by)
        for pattern, by in (
            (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", HIDDEN),
            (r"\b(bearer|basic)\s+(?=\S*\d)[\w.~+/=!-]{8,}", rf"\1 {HIDDEN}"),
            (r"\b(authorization|(?:set-)?cookie)(\s*:\s*)[^\r\n]+", rf"\1\2{HIDDEN}"),
            (rf"((?:\b|_)(?:{names}))(\s*=\s*[\"']?)[^\s\"'&;,)]{{4,}}", rf"\1\2{HIDDEN}"),
            (rf"([\"'](?:{names})[\"']\s*:\s*[\"'])[^\"']+", rf"\1{HIDDEN}"),
            (r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/]*@", rf"\1{HIDDEN}@"),
            (r"\b00D\w{12,15}![\w.]{16,}", HIDDEN),
            (r"\b5Aep\w{3}[\w.]{16,}", HIDDEN),
            (r"\bpat-\w+-[0-9a-f-]{20,}", HIDDEN),
            (r"\b(?:na|eu|ap)\d-[0-9a-f]{4}-[0-9a-f-]{20,}", HIDDEN),
            (r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*", HIDDEN),
            (r"\b(hooks\.slack\.com/\w+/|\w+\.webhook\.office\.com/)\S+", rf"\1{HIDDEN}"),
            (r"\b(?:whsec_|xox[a-z]-)[\w+/=-]{8,}", HIDDEN),
            (r"\$argon2\w*\$[\w$+/=,.]+", HIDDEN),
        )
    )


def _without(text: str, secret: str) -> str:
    """Hide `secret` in `text`, even if only its beginning is there."""
    # A message that was cut short may contain only the beginning of a long secret.
    if len(secret) < _HEAD + _SHORTEST:
        return text.replace(secret, HIDDEN)
    head = secret[:_HEAD]
    start = text.find(head)
    while start >= 0:
        end = start + _HEAD
        while end < len(text) and end - start < len(secret) and text[end] == secret[end - start]:
            end += 1
        if end - start < len(secret):
            # Another secret can begin the same way, such as the next URL of the same chat.
            while end < len(text) and _RUN_ON.match(text[end]):
                end += 1
        text = text[:start] + HIDDEN + text[end:]
        start = text.find(head, start + len(HIDDEN))
    return text


def _looks_random(run: str) -> bool:
    """True if a run changes between lower case, upper case and digits as often as no name does.

    A capital before a lower-case letter begins a word, so it isn't such a change.
    """
    parts = re.findall(r"[A-Za-z0-9]+", run)
    size = sum(map(len, parts))
    digits = sum(char.isdigit() for char in run)
    pairs = [pair for part in parts for pair in pairwise(map(_kind, part))]
    changes = sum(one != other and one + other != "ul" for one, other in pairs)
    return size >= _OPAQUE - 4 and digits >= 2 and changes >= 0.3 * size


def _kind(character: str) -> str:
    return "d" if character.isdigit() else "u" if character.isupper() else "l"
