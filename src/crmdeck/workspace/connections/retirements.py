"""Vendor retirements that affect a connection.

`crmdeck/knowledge/retirements.toml` has the table and explains its keys. The user's
`<home>/knowledge/retirements.toml` adds entries, and changes entries with the same `id`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError, model_validator

from crmdeck.connectors.registry import CRMS, vendor_of
from crmdeck.errors import UsageError
from crmdeck.findings.facts import Concern
from crmdeck.model import Connection, Platform, WireModel
from crmdeck.toml import parse_toml

FILE = "retirements.toml"
_DATED = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Retirement(WireModel):
    """One vendor retirement; the table explains its attributes."""

    model_config = ConfigDict(extra="forbid")

    id: str
    platform: Platform
    title: str
    ends: date | None = None
    months: int | None = Field(default=None, ge=1)
    when: str | None = None
    api_versions: tuple[str, ...] = ()
    sign_in: tuple[str, ...] = ()
    maybe: bool = False
    notice_days: int = Field(default=365, ge=0)
    cause: str
    remedy: str
    source: str
    ignored: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Retirement:
        if (self.ends is None) == (self.months is None):
            raise ValueError("needs either 'ends' or 'months'")
        if self.platform not in CRMS:
            raise ValueError(f"'platform' must be one of {', '.join(CRMS)}")
        if not self.api_versions and not self.sign_in:
            raise ValueError("needs 'api_versions' or 'sign_in'")
        return self


def concerns(
    connection: Connection, retirements: tuple[Retirement, ...], today: date
) -> tuple[Concern, ...]:
    """Return the retirements that affect a connection and are due soon, by date."""
    if not connection.is_direct:
        return ()
    found = []
    for each in retirements:
        if each.platform != connection.platform or each.ignored:
            continue
        if each.sign_in and connection.sign_in not in each.sign_in:
            continue
        ends = _end(each, connection)
        if ends is not None and (ends - today).days <= each.notice_days:
            facts = (each.when, each.maybe, each.cause, each.remedy, each.source)
            found.append(Concern(each.id, each.title, ends, *facts))
    return tuple(sorted(found, key=lambda concern: (concern.ends, concern.id)))


def load_retirements(home: Path | None) -> tuple[Retirement, ...]:
    """Return the table with the changes from the file in `<home>/knowledge`.

    Raises UsageError naming file and entry if the user's file is broken.
    """
    path = home / "knowledge" / FILE if home is not None else None
    try:
        status = path.stat() if path is not None else None
    except FileNotFoundError:
        status = None
    except OSError as error:
        raise _broken(str(path), f"Can't read the file: {error.strerror}.") from None
    if path is None or status is None:
        return _load(None, 0, 0)
    return _load(path, status.st_mtime_ns, status.st_size)


# The time and size of the file are part of the key, so that a changed file is read again.
@lru_cache(maxsize=8)
def _load(path: Path | None, _changed: int, _size: int) -> tuple[Retirement, ...]:
    shipped = resources.files("crmdeck").joinpath("knowledge", FILE).read_text("utf-8")
    rows = {row["id"]: row for row in _rows(shipped, FILE)}
    if path is None:
        return tuple(_retirement(row, FILE) for row in rows.values())
    try:
        # Editors on Windows may put a byte order mark at the beginning.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(str(path), f"Can't read the file: {error}.") from None
    for row in _rows(text, str(path)):
        rows[row["id"]] = {**rows.get(row["id"], {}), **row}
    return tuple(_retirement(row, str(path)) for row in rows.values())


def _rows(text: str, origin: str) -> list[dict[str, object]]:
    try:
        table = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken(origin, f"The file isn't valid TOML: {error}.") from None
    rows = table.pop("retirement", [])
    if table or not isinstance(rows, list):
        raise _broken(origin, "The file contains more than [[retirement]] entries.")
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise _broken(origin, "An entry has no 'id'.")
    return rows


def _retirement(row: Mapping[str, object], origin: str) -> Retirement:
    try:
        return Retirement.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _broken(origin, f"Entry '{row['id']}': {key} {first['msg']}.") from None


def _end(retirement: Retirement, connection: Connection) -> date | None:
    """Return the first day after a retirement for a connection, None if it isn't affected."""
    if not retirement.api_versions:
        return retirement.ends
    versions = [connection.api_version] if connection.api_version else []
    oauth_path = vendor_of(connection.platform).oauth_path
    # The sign-in of an app has its own version, which the connection doesn't choose.
    if oauth_path is not None and connection.sign_in in ("browser", "refresh-token"):
        versions.append(oauth_path)
    ends = []
    for version in versions:
        if not any(_covers(pattern, version) for pattern in retirement.api_versions):
            continue
        dated = _DATED.search(version)
        if retirement.months is None or dated is None:
            ends.append(retirement.ends or date.max)
        else:
            months = int(dated[1]) * 12 + int(dated[2]) - 1 + retirement.months
            ends.append(date(months // 12, months % 12 + 1, 1))
    return min(ends, default=None)


def _covers(pattern: str, version: str) -> bool:
    low, dots, high = pattern.partition("..")
    try:
        if dots:
            return float(low) <= float(version) <= float(high)
    except ValueError:
        return False
    dated = re.escape(pattern).replace(re.escape("YYYY-MM"), _DATED.pattern)
    return re.fullmatch(dated, version) is not None


def _broken(origin: str, cause: str) -> UsageError:
    return UsageError(
        f"Can't use the retirements in {origin}.",
        cause=cause,
        remedy="Correct the file, or remove it.",
        code="BAD_KNOWLEDGE_FILE",
    )
