"""Read the messages with which a CRM rejects a write.

The words are data, in `crmdeck/knowledge/rejections`: one table of causes, which preflight shares,
and for each vendor the codes and phrases of its messages.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from crmdeck.model import CauseKind

FaultFinder = Callable[[str, str], CauseKind | None]
"""Returns what a vendor code and a message mean for the whole connection, None for one record."""

# Bounds the time for a hostile line. The last code of a long chain is near its end.
_HEAD, _TAIL = 1_200, 600
_TOKEN = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z][A-Za-z]{2,39}(?:_[A-Za-z0-9]{1,20}){0,12}(?!\w)")
_ANY_CODE = re.compile(r"\b[A-Z]{2,20}(?:_[A-Z]{1,20}){1,10}\b")
_SEVERAL = re.compile(r'(?=\{\s{0,3}"isValid")')
_FIELDS = (
    re.compile(r"""\bfields["']?\]?\s{0,3}(?:=>|[:=])\s{0,3}\[\s{0,3}["']?\s?([A-Za-z]\w{0,99})"""),
    re.compile(r"""\bpropertyName["']?\s{0,3}:\s{0,3}\[?\s{0,3}["'](\w{1,100})"""),
    re.compile(r"\bField\(s\):\s{0,3}(\w{1,100})"),
)
_NAME = re.compile(r"""["']name["']\s{0,3}(?::|=>)\s{0,3}["'](\w{1,100})["']""")
_BRACKETS = re.compile(
    r"(?<![\w\]])\[([A-Za-z][\w.]{0,99})(?:,\s?[A-Za-z][\w.]{0,99}){0,9}\](?!\s?=>)"
)
_BULK_FIELD = re.compile(r":([A-Za-z]\w{0,99})(?:,\w{1,99}){0,9}\s?--")
_OBJECTS = (
    re.compile(r"\bEntity type '?(\w{1,80})'?"),
    re.compile(r"""\bUnable to (?:insert|update|upsert|delete) ["'](\w{1,80})["'] record"""),
    re.compile(r"^\W{0,3}(?:\d{1,6}\.\s)?[A-Z_]{5,60}\s?\((\w{1,80})\)"),
    re.compile(r"[A-Z_]{5,60} (\w{1,80}): bad field names"),
)
_PROCESS = re.compile(r"""because the ["'](.{1,120}?)["'] process failed""")
_TRIGGER = re.compile(r"\b([\w.]{1,80}): execution of (?:Before|After)")
_RULE_END = re.compile(
    r"""(?s):?\s{0,3}\[[\w,. ]{0,200}\]|\.?\sYou can look up|\sClass\.|\sTrigger\.|: \(\w{1,40}\)"""
    r"""|(?::\w{1,99}(?:,\w{1,99}){0,9})?\s?:?--|["']\s{0,3}[,}\]]"""
)
_INNER_MESSAGE = re.compile(r"""\bmessage["'\]]{0,2}\s{0,3}(?:=>|:)\s{0,3}["']?""")


class Cause(NamedTuple):
    """A cause in words: what is wrong, who can fix it, and how."""

    text: str
    owner: str
    next: str
    is_schema: bool


class Rejection(NamedTuple):
    """One error of a message; `through` is the flow or trigger in which it happened.

    `value` is the rejected value; of a rule, its message.
    """

    kind: CauseKind
    code: str = ""
    vendor: str = ""
    object: str = ""
    field: str = ""
    value: str = ""
    through: str = ""


class _Row(NamedTuple):
    kind: CauseKind
    codes: frozenset[str]
    says: re.Pattern[str] | None


class _Vendor(NamedTuple):
    rows: tuple[_Row, ...]
    codes: frozenset[str]
    wrappers: frozenset[str]


@cache
def _read(name: str) -> dict[str, Any]:
    file = resources.files("crmdeck") / "knowledge" / "rejections" / f"{name}.toml"
    return tomllib.loads(file.read_text("utf-8"))


@cache
def _vendor(name: str) -> _Vendor:
    data = _read(name)
    rows = tuple(
        _Row(
            CauseKind(row["kind"]),
            frozenset(row.get("codes", ())),
            re.compile(row["says"]) if "says" in row else None,
        )
        for row in data["rejection"]
    )
    codes = frozenset(code for row in rows for code in row.codes if code)
    return _Vendor(rows, codes | frozenset(data["wrappers"]), frozenset(data["wrappers"]))


@cache
def cause_of(kind: CauseKind) -> Cause:
    """Return a cause in words."""
    row = _read("causes")[kind.value]
    return Cause(row["text"], row["owner"], row["next"], row["schema"])


@cache
def _steps() -> Mapping[str, tuple[CauseKind, str, str]]:
    found = {}
    for name, row in _read("causes").items():
        kind = CauseKind(name)
        found.update(dict.fromkeys(row.get("codes", ()), (kind, row["owner"], row["next"])))
        found.update({code: (kind, *step) for code, step in row.get("steps", {}).items()})
    return found


def step_for(code: str) -> tuple[CauseKind, str, str]:
    """Return the cause of a preflight code, who can fix it, and how."""
    return _steps()[code]


def read_message(
    text: str, *, vendor: str = "", code: str = "", find_fault: Mapping[str, FaultFinder] = {}
) -> tuple[Rejection, ...]:
    """Return the errors in a message, at least one; an unknown message is `unknown`.

    Without a vendor, both are tried. `code` counts if the message has none. `find_fault` is asked
    before the rejections, by vendor.
    """
    plain = _plain(text)
    # One validation result has the words around it, which may name its property.
    results = _SEVERAL.split(plain)[1:]
    each = results if len(results) > 1 else [plain]
    found = [_read_one(part, vendor, code, find_fault) for part in each]
    return tuple(dict.fromkeys(found))


def _plain(text: str) -> str:
    """Return a message without the escapes of JSON in JSON and of HTML, and of bounded length."""
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} {text[-_TAIL:]}"
    for _ in range(3):
        if "\\" not in text:
            break
        for escaped, character in (('\\"', '"'), ("\\n", "\n"), ("\\'", "'"), ("\\\\", "\\")):
            text = text.replace(escaped, character)
    if "&" in text:
        text = html.unescape(text)
    return text.translate(str.maketrans("‘’“”", "''\"\""))


def _read_one(
    text: str, wanted: str, given: str, find_fault: Mapping[str, FaultFinder]
) -> Rejection:
    tokens = _TOKEN.findall(text)
    names = [wanted] if wanted in ("salesforce", "hubspot") else _likely(text)
    for name in names:
        vendor = _vendor(name)
        known = [token for token in tokens if token in vendor.codes]
        # Codes that fault tables know count too, and they are also words: `invalid_grant`.
        code = next((each for each in reversed(known) if each not in vendor.wrappers), "")
        if not code and given not in vendor.wrappers:
            code = given
        code = code or (known[-1] if known else given)
        asked = find_fault.get(name)
        for each in dict.fromkeys([code, *(t for t in tokens if "_" in t)]) if asked else ():
            kind = asked(each, text) if asked and each else None
            if kind is not None:
                return Rejection(kind, each, name)
        found = _match(vendor, code, text)
        if found is not None:
            row, match = found
            return _filled(row.kind, code, name, text, match)
    shown = given or next(iter(_ANY_CODE.findall(text)), "")
    return Rejection(CauseKind.UNKNOWN, shown, wanted)


def _likely(text: str) -> list[str]:
    hints = ("propert", "correlationId", "validationResults", "ubspot", '"category"', "isValid")
    names = ["salesforce", "hubspot"]
    return names[::-1] if any(hint in text for hint in hints) else names


def _match(vendor: _Vendor, code: str, text: str) -> tuple[_Row, re.Match[str] | None] | None:
    for row in vendor.rows:
        if row.codes and code not in row.codes:
            continue
        match = row.says.search(text) if row.says is not None else None
        if row.says is None or match is not None:
            return row, match
    return None


def _filled(
    kind: CauseKind, code: str, vendor: str, text: str, match: re.Match[str] | None
) -> Rejection:
    groups: dict[str, str] = {}
    for name, value in (match.groupdict() if match is not None else {}).items():
        if value and value.strip():
            groups.setdefault(name.partition("_")[0], value.strip())
    field = next((one.group(1) for each in _FIELDS if (one := each.search(text))), "")
    if not field and vendor == "hubspot" and (named := _NAME.search(text)):
        field = named.group(1)
    start = match.start() if match is not None else max(0, text.rfind(code)) if code else 0
    if not field and vendor == "salesforce":
        bracketed = [*_BRACKETS.finditer(text, start), *_BULK_FIELD.finditer(text, start)]
        field = bracketed[-1].group(1) if bracketed else ""
    field = (field or groups.get("field", "")).strip(" .").rpartition(".")[2]
    # The words before a phrase can be the class of an exception.
    if field.endswith("Exception") or kind is CauseKind.OWNER:
        field = ""
    value = groups.get("value", "")
    if kind is CauseKind.RULE and vendor == "salesforce":
        value = _rule_text(text, code)
    through = _PROCESS.search(text) or _TRIGGER.search(text)
    named_object = next((one.group(1) for each in _OBJECTS if (one := each.search(text))), "")
    return Rejection(
        kind,
        code,
        vendor,
        named_object or groups.get("object", ""),
        field,
        value.strip("\"' :"),
        through.group(1) if through else "",
    )


def _rule_text(text: str, code: str) -> str:
    """Return the words of an admin's rule, without what surrounds them in a log."""
    place = text.rfind(code) if code else -1
    rest = text[place + len(code) :].lstrip(":, -") if place >= 0 else text
    inner = _INNER_MESSAGE.search(text)
    # The code follows the message in a response of the REST API.
    if inner is not None and (place < 0 or place > inner.start()):
        rest = text[inner.end() :]
    end = _RULE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip()[:500].removesuffix("..")
