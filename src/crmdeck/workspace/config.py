"""List and change settings, without opening the cache."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.exports import write_atomically
from crmdeck.home import resolve_home
from crmdeck.model import WireModel
from crmdeck.redaction import redact
from crmdeck.settings import SETTINGS_FILE, Settings
from crmdeck.text import mistake_text
from crmdeck.toml import parse_toml
from crmdeck.workspace.context import find_named, not_found

_TABLES = {"keys": "view.filter", "sync": "cdc"}
"""Tables of settings, with a key of each."""
_LISTS = ("notify", "command")


class Setting(WireModel):
    """One setting: its value, its default, and its source."""

    key: str
    value: object
    default: object
    source: str


def list_settings(home: str | None = None) -> tuple[Setting, ...]:
    """Return every setting in the order of the documentation, remapped keys one by one.

    `source` is `default` or the path of the file. Raises UsageError if the file is invalid.
    """
    path = resolve_home(home) / SETTINGS_FILE
    settings = Settings.load(path.parent)
    given = parse_toml(path.read_text("utf-8")) if path.exists() else {}
    found = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = getattr(settings, name)
        if name in _TABLES:
            found += [
                _setting(
                    f"{name}.{key}",
                    each,
                    default.get(key),
                    path if key in given.get(name, {}) else None,
                )
                for key, each in {**default, **value}.items()
            ]
        else:
            found.append(_setting(name, value, default, path if name in given else None))
    return tuple(found)


def get_setting(key: str, home: str | None = None) -> Setting:
    """Return one setting; raises NotFoundError with the nearest name."""
    settings = {setting.key: setting for setting in list_settings(home)}
    return find_named("setting", key, settings)


def set_setting(key: str, text: str, home: str | None = None) -> Setting:
    """Write one setting to the file, and keep everything else in it, comments included.

    `text` is a TOML value or plain text; empty text removes the setting. Raises UsageError
    for an invalid value, and NotFoundError; nothing is written then.
    """
    # Only writing needs it: it keeps the comments and the order of the user's file.
    import tomlkit

    table, _, inner = key.partition(".")
    known = [name for name in Settings.model_fields if name not in (*_TABLES, *_LISTS)]
    if (table not in _TABLES or not inner) and key not in known:
        if key in _LISTS:
            raise UsageError(f"'{key}' is a list.", remedy=f"Write it in {SETTINGS_FILE}.")
        if key in _TABLES:
            raise UsageError(
                f"'{key}' is a table.", remedy=f"Use a key in it: {key}.{_TABLES[key]}"
            )
        raise not_found("setting", key, known)
    path = resolve_home(home) / SETTINGS_FILE
    try:
        document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Can't read {path}.", cause=str(error), remedy="Correct it.", code="BAD_SETTINGS"
        ) from None
    place: Any = document
    name = key
    if table in _TABLES:
        place, name = document.setdefault(table, tomlkit.table()), inner
        if not isinstance(place, dict):
            raise UsageError(
                f"Can't use {path}.",
                cause=f"'{table}' isn't a table in this file.",
                remedy="Correct it.",
                code="BAD_SETTINGS",
            )
    if text:
        place[name] = _value(text)
    else:
        place.pop(name, None)
    written = tomlkit.dumps(document)
    try:
        Settings.model_validate(parse_toml(written))
    except ValidationError as error:
        raise UsageError(
            f"{text!r} is invalid for '{key}'.",
            cause=f"'{key}' {mistake_text(error.errors(include_url=False)[0])}.",
            code="BAD_SETTINGS",
        ) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CrmdeckError(f"Can't create {path.parent}.", cause=error.strerror) from None
    write_atomically(path, written)
    return get_setting(key, home) if text or table != "keys" else _setting(key, None, None, None)


def _value(text: str) -> object:
    try:
        return parse_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _setting(key: str, value: object, default: object, path: Path | None) -> Setting:
    def plain(one: object) -> object:
        if isinstance(one, tuple):
            return [each if isinstance(each, str) else each.model_dump() for each in one]
        # The URL of a database may contain a password.
        return redact(one) if isinstance(one, str) else one

    return Setting(
        key=key, value=plain(value), default=plain(default), source=str(path) if path else "default"
    )
