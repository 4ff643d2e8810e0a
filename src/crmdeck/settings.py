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
    """One `[[notify]]`: who is told of a check, and of what.

    `at_least` is how bad drift must be, `connections` are patterns of names, `all_well` asks for
    a message where there is nothing to tell. The address is a secret and stands in the
    environment, as `CRMDECK_NOTIFY_<NAME>_URL`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$")
    kind: Literal["slack", "teams", "email", "webhook", "other"]
    at_least: Severity = Severity.RISKY
    connections: tuple[str, ...] = ("*",)
    all_well: bool = False


class Settings(BaseModel):
    """The contents of `settings.toml`; everything has a default, unknown keys are refused.

    `cache_wait` is in seconds, `quota_reserve` a share of the API allowance that a refresh
    leaves to others, `samples` lets crmdeck read a few records to tell how full fields are,
    `auto_advance` moves on to the next undecided line after a decision, `database` is the URL of
    the PostgreSQL database that holds the workspace in place of a file. For `crmdeck serve`:
    `trusted_proxies` are addresses or networks of the proxies before it, `server_hosts` names that
    it is called by besides its own, `session_hours` how long a sign-in lasts.
    """

    # Most workspaces have no settings: what checks them is built when there are some.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    actor: str | None = None
    database: str | None = Field(default=None, repr=False)
    ttl_hours: float = Field(default=24.0, gt=0, le=MAX_TTL_HOURS)
    cache_wait: float = Field(default=10.0, ge=0, le=3600)
    quota_reserve: float = Field(default=0.10, ge=0, lt=1)
    secrets: Literal["keyring", "file"] = "keyring"
    encoder: Literal["auto", "none"] = "auto"
    learning: bool = True
    samples: bool = True
    auto_advance: bool = True
    theme: str | None = None
    keys: dict[str, str] = Field(default_factory=dict)
    notify: tuple[NoticeRoute, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    server_hosts: tuple[str, ...] = ()
    session_hours: float = Field(default=168.0, gt=0, le=8760)

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
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(f"{path} can't be read.", str(error)) from error
        import tomllib  # Here, since most workspaces have no settings to read.

        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise _bad(f"{path} is not valid TOML.", f"{error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise _bad(f"{path}: '{key}' can't be used.", f"{first['msg']}.") from error


def _bad(message: str, cause: str) -> UsageError:
    return UsageError(
        message,
        cause=cause,
        remedy="Correct it, or move the file away: without it everything is as it comes.",
        code="BAD_SETTINGS",
    )
