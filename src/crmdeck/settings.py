"""What the user of a workspace set."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crmdeck.errors import UsageError
from crmdeck.model import Severity

SETTINGS_FILE = "settings.toml"
MAX_TTL_HOURS = 87_600


class NoticeRoute(BaseModel):
    """One `[[notify]]`: where the findings of a check are sent, and which of them.

    The address is a secret and stands in the environment, as `CRMDECK_NOTIFY_<NAME>_URL`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$", description="What the route is called."
    )
    kind: Literal["slack", "teams", "email", "webhook", "other"] = Field(
        description="How the message travels."
    )
    at_least: Severity = Field(Severity.RISKY, description="Drift this bad is told.")
    connections: tuple[str, ...] = Field(("*",), description="Patterns of connections' names.")
    all_well: bool = Field(False, description="A message too where there is nothing to tell.")


class Settings(BaseModel):
    """The contents of `settings.toml`; everything has a default, unknown keys are refused."""

    # Most workspaces have no settings: what checks them is built when there are some.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    actor: str | None = Field(
        None, description="The name in decisions and the audit log; else the user of this machine."
    )
    database: str | None = Field(
        None,
        repr=False,
        description="The PostgreSQL database that holds the workspace in place of a file.",
    )
    ttl_hours: float = Field(
        24.0, gt=0, le=MAX_TTL_HOURS, description="Hours after which a schema counts as stale."
    )
    cache_wait: float = Field(
        60.0, ge=0, le=3600, description="Seconds to wait for another process that holds the cache."
    )
    backups: bool = Field(
        True, description="Whether crmdeck copies the cache before the first write of a day."
    )
    backup_folder: str | None = Field(
        None,
        min_length=1,
        description="Folder of these copies, one per workspace; the default is `backups` in the "
        "workspace.",
    )
    quota_reserve: float = Field(
        0.10, ge=0, lt=1, description="The share of the API allowance that is left to others."
    )
    secrets: Literal["keyring", "file"] = Field(
        "keyring", description="Where secrets are kept unless an option says otherwise."
    )
    encoder: Literal["auto", "none"] = Field(
        "auto", description="Whether matching asks the sentence encoder."
    )
    learning: bool = Field(True, description="Whether matching learns from decisions.")
    samples: bool = Field(
        True, description="Whether a few records may be read to tell how full fields are."
    )
    auto_advance: bool = Field(
        True, description="Whether the console goes on to the next open line after a decision."
    )
    theme: str | None = Field(
        None,
        description="The console's theme, or `terminal` for the terminal's own colors, "
        "`terminal-light` for those on a light ground.",
    )
    keys: dict[str, str] = Field(
        default_factory=dict, description="Other keys for actions of the console, by action id."
    )
    notify: tuple[NoticeRoute, ...] = Field((), description="Who is told of a check.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="`crmdeck serve`: addresses or networks of the proxies before it."
    )
    server_hosts: tuple[str, ...] = Field(
        (), description="`crmdeck serve`: names that it is called by besides its own."
    )
    session_hours: float = Field(
        168.0, gt=0, le=8760, description="`crmdeck serve`: how long a sign-in lasts."
    )
    session_idle_hours: float = Field(
        48.0,
        gt=0,
        le=8760,
        description="`crmdeck serve`: after how many hours without use a sign-in ends.",
    )

    @classmethod
    def load(cls, home: Path) -> Settings:
        """Return the settings of the workspace at `home`.

        Raises UsageError naming the file, and the line or the key, where they can't be read.
        """
        path = home / SETTINGS_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls.model_construct()
        except NotADirectoryError as error:
            raise UsageError(
                f"There can't be a workspace at {home}.",
                cause="It is a file, or a folder above it is one.",
                remedy="Choose another folder with --home or CRMDECK_HOME.",
                code="BAD_SETTINGS",
            ) from error
        except PermissionError as error:
            raise UsageError(
                f"{path} can't be read: no permission.",
                cause="The file or its folder is not yours to read.",
                remedy="Give yourself the right to, or choose another workspace with --home.",
                code="BAD_SETTINGS",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(f"{path} can't be read.", str(error)) from error
        import tomllib  # Here, since most workspaces have no settings to read.

        from crmdeck.text import mistake_text
        from crmdeck.toml import line_of, parse_toml

        try:
            return cls.model_validate(parse_toml(text))
        except tomllib.TOMLDecodeError as error:
            raise _bad(f"{path} is not valid TOML.", f"{error}.") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
            line = line_of(text, first["loc"])
            known = cls.model_fields if len(first["loc"]) == 1 else NoticeRoute.model_fields
            where = f"{path}, line {line}" if line else str(path)
            raise _bad(
                f"{where}: '{key}' can't be used.", _sentence(mistake_text(first, known))
            ) from error


def _sentence(told: str) -> str:
    return f"It {told}" + ("" if told.endswith("?") else ".")


def _bad(message: str, cause: str) -> UsageError:
    return UsageError(
        message,
        cause=cause,
        remedy="Correct it, or move the file away: without it everything is as it comes.",
        code="BAD_SETTINGS",
    )
