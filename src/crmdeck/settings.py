"""The settings of a workspace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crmdeck.errors import UsageError
from crmdeck.model import Severity

SETTINGS_FILE = "settings.toml"
MAX_TTL_HOURS = 87_600


Theme = Literal[
    "terminal", "terminal-light", "dark", "light", "crmdeck-dark", "crmdeck-light", "textual-dark",
    "textual-light", "nord", "gruvbox", "catppuccin-mocha", "dracula", "tokyo-night", "monokai",
    "flexoki", "catppuccin-latte", "catppuccin-frappe", "catppuccin-macchiato", "solarized-light",
    "solarized-dark", "rose-pine", "rose-pine-moon", "rose-pine-dawn", "atom-one-dark",
    "atom-one-light", "ansi-dark", "ansi-light",
]  # fmt: skip


class NoticeRoute(BaseModel):
    """One `[[notify]]`: a route for the findings of a check.

    The address is a secret: it comes from the environment variable `CRMDECK_NOTIFY_<NAME>_URL`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$", description="Name of the route.")
    kind: Literal["slack", "teams", "email", "webhook", "other"] = Field(
        description="Service that the URL belongs to."
    )
    at_least: Severity = Field(Severity.RISKY, description="Minimum severity of changes to send.")
    connections: tuple[str, ...] = Field(("*",), description="Name patterns of connections.")
    all_well: bool = Field(False, description="Whether to send a message even without findings.")


class UserCommand(BaseModel):
    """One `[[command]]`: a program that a key of the console runs, without a shell."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    key: str = Field(min_length=1, description="A key that nothing else uses, such as `ctrl+g`.")
    run: tuple[str, ...] = Field(
        min_length=1,
        description="The program and its arguments. `{connection}`, `{object}` and `{field}` "
        "become the names of the row under the cursor.",
    )
    title: str = Field("", description="Title in help and go to anything.")

    @field_validator("run")
    @classmethod
    def _known_names(cls, run: tuple[str, ...]) -> tuple[str, ...]:
        names = re.findall(r"\{(\w+)\}", " ".join(run))
        if unknown := sorted(set(names) - {"connection", "object", "field"}):
            raise ValueError(f"has an unknown placeholder: {{{unknown[0]}}}")
        if "{" in run[0]:
            raise ValueError("must begin with the name of a program")
        return run


class Settings(BaseModel):
    """The contents of `settings.toml`. Every key has a default; unknown keys are rejected."""

    # Most workspaces have no settings: the validator is built when there are some.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    actor: str | None = Field(
        None,
        description="Name in decisions and the audit log; the default is the user of this machine.",
    )
    database: str | None = Field(
        None,
        # The URL may contain a password.
        repr=False,
        description="PostgreSQL database of the workspace, instead of a file.",
    )
    ttl_hours: float = Field(
        24.0, gt=0, le=MAX_TTL_HOURS, description="Hours after which a schema is stale."
    )
    cache_wait: float = Field(
        60.0, ge=0, le=3600, description="Seconds to wait for another process that uses the cache."
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
        0.10, ge=0, lt=1, description="Share of the API quota that crmdeck leaves to other apps."
    )
    secrets: Literal["keyring", "file", "workspace"] = Field(
        "keyring", description="Default store for secrets."
    )
    secrets_key_file: str | None = Field(
        None,
        min_length=1,
        description="File with the key for secrets in the workspace, unless "
        "`CRMDECK_SECRETS_KEY` has it.",
    )
    secrets_key_command: tuple[str, ...] = Field(
        (), description="Program and arguments that print this key instead; no shell runs them."
    )
    encoder: Literal["auto", "none"] = Field(
        "auto", description="Whether matching uses the sentence encoder."
    )
    learning: bool = Field(True, description="Whether matching learns from decisions.")
    sync: dict[Literal["cdc"], bool] = Field(
        {"cdc": True},
        description="Checks of the sync: `cdc` is off if the sync polls, and needs no change "
        "events.",
    )
    samples: bool = Field(
        True, description="Whether crmdeck can read records, for fill rates and preflight."
    )
    auto_advance: bool = Field(
        True, description="Whether the console moves to the next undecided row after a decision."
    )
    theme: Theme | None = Field(
        None,
        description="Theme of the console; `terminal` uses the terminal's colors, "
        "`terminal-light` those on a light background.",
    )
    keys: dict[str, str] = Field(
        default_factory=dict, description="Keys for actions of the console, by action ID."
    )
    command: tuple[UserCommand, ...] = Field(
        (), description="Programs that keys of the console run."
    )
    notify: tuple[NoticeRoute, ...] = Field((), description="Routes for the findings of a check.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="`crmdeck serve`: addresses or networks of trusted proxies."
    )
    server_hosts: tuple[str, ...] = Field(
        (), description="`crmdeck serve`: additional host names of the server."
    )
    session_hours: float = Field(
        168.0, gt=0, le=8760, description="`crmdeck serve`: hours until a session expires."
    )
    session_idle_hours: float = Field(
        48.0,
        gt=0,
        le=8760,
        description="`crmdeck serve`: hours without use until a session expires.",
    )
    oidc_issuer: str | None = Field(
        None,
        min_length=1,
        description="`crmdeck serve`: identity provider (OpenID Connect) for signing in.",
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, description="`crmdeck serve`: ID of the server at this provider."
    )
    oidc_groups: dict[str, str] = Field(
        default_factory=dict,
        description="`crmdeck serve`: roles by group of the provider: `main:admin acme:viewer`.",
    )
    oidc_groups_claim: str = Field(
        "groups", description="`crmdeck serve`: ID token claim that contains the groups."
    )
    oidc_scope: str = Field(
        "openid email profile", description="`crmdeck serve`: scopes to ask the provider for."
    )
    oidc_email_trusted: bool = Field(
        False,
        description="`crmdeck serve`: accept email addresses that the provider doesn't report as "
        "verified or unverified.",
    )
    oidc_session_hours: float = Field(
        10.0,
        gt=0,
        le=168,
        description="`crmdeck serve`: hours until such a session expires, and groups are read "
        "again.",
    )
    drain_seconds: float = Field(
        3.0,
        ge=0,
        le=300,
        description="`crmdeck serve`: seconds to accept requests after SIGTERM, while not ready.",
    )

    @classmethod
    def load(cls, home: Path) -> Settings:
        """Return the settings of the workspace at `home`.

        Raises UsageError with the file, and the line or the key, if they can't be read.
        """
        path = home / SETTINGS_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls.model_construct()
        except NotADirectoryError as error:
            raise UsageError(
                f"Can't use {home} as a workspace.",
                cause="This path, or a folder above it, is a file.",
                remedy="Choose another folder with --home or CRMDECK_HOME.",
                code="BAD_SETTINGS",
            ) from error
        except PermissionError as error:
            raise UsageError(
                f"Can't read {path}: no permission.",
                cause="The file or its folder belongs to another user.",
                remedy="Get read permission, or choose another workspace with --home.",
                code="BAD_SETTINGS",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(f"Can't read {path}.", str(error)) from error
        import tomllib  # Imported late: most workspaces have no settings to read.

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
            inner = UserCommand if first["loc"][0] == "command" else NoticeRoute
            known = cls.model_fields if len(first["loc"]) == 1 else inner.model_fields
            where = f"{path}, line {line}" if line else str(path)
            mistake = mistake_text(first, known)
            end = "" if mistake.endswith("?") else "."
            raise _bad(f"{where}: '{key}' is invalid.", f"'{key}' {mistake}{end}") from error


def _bad(message: str, cause: str) -> UsageError:
    return UsageError(
        message,
        cause=cause,
        remedy="Correct the file, or move it away to use the defaults.",
        code="BAD_SETTINGS",
    )
