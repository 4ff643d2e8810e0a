"""Read the messages of a CRM that rejects a write.

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

FaultFinder = Callable[[str, str, str], CauseKind | None]
"""Returns the cause of a vendor's code and message for the whole connection, None for a record."""

# Bounds the time for a hostile line. The last code of a long chain is near its end.
_HEAD, _TAIL = 1_200, 600
_TOKEN = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z]{2,40}(?:_[A-Za-z0-9]{1,20}){0,12}(?!\w)")
_ANY_CODE = re.compile(r"\b[A-Z]{2,20}(?:_[A-Z]{1,20}){1,10}\b")
_SEVERAL = re.compile(r'(?=\{\s{0,3}"isValid")')
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
    name: str
    rows: tuple[_Row, ...]
    codes: frozenset[str]
    wrappers: frozenset[str]
    vague: frozenset[str]
    hints: tuple[str, ...]
    patterns: Mapping[str, tuple[re.Pattern[str], ...]]

    def first(self, what: str, text: str) -> str:
        """Return the first match for a part of a message; empty if no pattern matches."""
        found = (each.search(text) for each in self.patterns[what])
        return next((each[1] for each in found if each), "")

    def last_field(self, text: str, start: int) -> str:
        found = [
            each[1] for one in self.patterns["last_fields"] for each in one.finditer(text, start)
        ]
        return found[-1] if found else ""


@cache
def _read(name: str) -> dict[str, Any]:
    file = resources.files("crmdeck") / "knowledge" / "rejections" / f"{name}.toml"
    return tomllib.loads(file.read_text("utf-8"))


@cache
def _vendors() -> tuple[_Vendor, ...]:
    folder = resources.files("crmdeck") / "knowledge" / "rejections"
    names = {each.name.removesuffix(".toml") for each in folder.iterdir()} - {"causes"}
    return tuple(map(_vendor, sorted(names, key=lambda name: int(_read(name)["order"]))))


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
    wrappers, vague = frozenset(data["wrappers"]), frozenset(data.get("vague", ()))
    patterns = {
        what: tuple(map(re.compile, data.get(what, ())))
        for what in ("fields", "last_fields", "objects", "through")
    }
    codes = frozenset(code for row in rows for code in row.codes if code)
    return _Vendor(name, rows, codes | wrappers, wrappers, vague, tuple(data["hints"]), patterns)


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
    text: str, *, vendor: str = "", code: str = "", find_fault: FaultFinder
) -> tuple[Rejection, ...]:
    """Return the errors in a message, at least one; an unknown message is `unknown`.

    Without a vendor, both are tried. `code` counts if the message has none. `find_fault` is asked
    before the rejections.
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


def _read_one(text: str, wanted: str, given: str, find_fault: FaultFinder) -> Rejection:
    tokens = _TOKEN.findall(text)
    # A sync into another CRM repeats that CRM's messages under its own name.
    likely = sorted(
        _vendors(),
        key=lambda each: (each.name != wanted, not any(hint in text for hint in each.hints)),
    )
    for vendor in likely:
        known = [token for token in tokens if token in vendor.codes]
        inner = [each for each in known if each not in vendor.wrappers]
        own = given if given not in vendor.wrappers else ""
        code = inner[-1] if inner else own or (known[-1] if known else given)
        # The codes of fault tables are words too: `invalid_grant`.
        for each in dict.fromkeys([code, *(token for token in tokens if "_" in token)]):
            kind = find_fault(vendor.name, each, text) if each else None
            if kind is not None:
                return Rejection(kind, each, vendor.name)
        found = _match(vendor, code, text)
        if found is not None:
            return _filled(vendor, *found, code, text)
    shown = given or next(iter(_ANY_CODE.findall(text)), "")
    return Rejection(CauseKind.UNKNOWN, shown, wanted)


def _match(vendor: _Vendor, code: str, text: str) -> tuple[_Row, re.Match[str] | None] | None:
    is_vague = code not in vendor.codes or code in vendor.vague
    for row in vendor.rows:
        if row.says is not None and (is_vague or code in row.codes):
            match = row.says.search(text)
            if match is not None:
                return row, match
        elif row.says is None and code in row.codes:
            # The code decides the cause; a phrase of the same cause may contain the parts.
            same = (each.says.search(text) for each in vendor.rows
                    if each.says is not None and each.kind is row.kind)  # fmt: skip
            return row, next(filter(None, same), None)
    return None


def _filled(
    vendor: _Vendor, row: _Row, match: re.Match[str] | None, code: str, text: str
) -> Rejection:
    groups: dict[str, str] = {}
    for name, value in (match.groupdict() if match is not None else {}).items():
        groups.setdefault(name.partition("_")[0], (value or "").strip())
        groups = {each: value for each, value in groups.items() if value}
    start = match.start() if match is not None else max(0, text.rfind(code))
    field = (
        vendor.first("fields", text) or vendor.last_field(text, start) or groups.get("field", "")
    )
    # The words before a phrase can be the class of an exception, and brackets can have a user.
    if field.endswith("Exception") or row.kind is CauseKind.OWNER:
        field = ""
    is_rule = row.kind is CauseKind.RULE and row.says is None
    value = _rule_text(text, code) if is_rule else groups.get("value", "")
    return Rejection(
        row.kind,
        code,
        vendor.name,
        vendor.first("objects", text) or groups.get("object", ""),
        field.strip(" .").rpartition(".")[2],
        value.strip("\"' :"),
        vendor.first("through", text),
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
