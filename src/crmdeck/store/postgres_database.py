"""A PostgreSQL connection: its SQL, its texts, and its errors."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote, urlsplit

from crmdeck.errors import CacheBusyError, CacheError, UsageError, install_hint
from crmdeck.redaction import remember
from crmdeck.store.database import Row, quote

if TYPE_CHECKING:
    import psycopg

UNREACHABLE = "DATABASE_UNREACHABLE"
NO_PERMISSION = "CACHE_NO_PERMISSION"
UNCONFIRMED = "WRITE_UNCONFIRMED"
SCHEMES = ("postgresql://", "postgres://")

# PostgreSQL can't store NUL in a text, and a CRM may send one: it is stored as a noncharacter. A
# noncharacter that a CRM really sends is stored twice.
_TRAVELS_AS = {"\0": "\ufdd0", "\ufdd0": "\ufdd1\ufdd2", "\ufdd1": "\ufdd1\ufdd1"}
_STANDS_FOR = {travels: text for text, travels in _TRAVELS_AS.items()}
_TO_STAND_IN = re.compile("|".join(_TRAVELS_AS))
_STAND_IN = re.compile("|".join(_STANDS_FOR))

_PASSWORD_OPTION = re.compile(r"(?:^|&)(ssl)?password=([^&]*)")

# Up to this many rows travel as parameters of one statement; more travel as a copy.
_FEW_ROWS = 8

LOCAL_SETTINGS = (
    "SET LOCAL idle_in_transaction_session_timeout = 300000; "
    "SET LOCAL client_min_messages = warning; SET LOCAL datestyle = ISO; "
    "SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1"
)
"""The settings of each transaction.

The server ends a transaction that its client left open, such as a laptop that went to sleep. The
rest overrides output formats that a role or a database may have set. A pooler rejects startup
settings, and would pass session settings on to its next client.
"""


class PostgresDatabase:
    """A connection in autocommit; its user begins and ends transactions by statements."""

    has_functions = True

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        return _received(self._execute(sql, parameters).fetchall())

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self._execute(sql, parameters)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if not rows:
            return
        target = f"{quote(table)} ({', '.join(map(quote, columns))})"
        if len(rows) <= _FEW_ROWS:
            marks = f"({', '.join('?' * len(columns))})"
            self.run(
                f"INSERT INTO {target} VALUES {', '.join([marks] * len(rows))}",
                [value for row in rows for value in row],
            )
            return
        with self._connection.cursor().copy(f"COPY {target} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def _execute(self, sql: str, parameters: Sequence[object]) -> psycopg.Cursor[Row]:
        if not parameters:
            return self._connection.execute(sql.encode())
        return self._connection.execute(sql.replace("?", "%s").encode(), list(parameters))


def connect(url: str, *, purpose: str | None = None, timeout: float = 5) -> psycopg.Connection[Row]:
    """Open a connection; raises CacheError with the reason if it fails.

    Others see the user, the machine and `purpose` as the name of the application.
    """
    driver()
    import psycopg

    for password in _passwords(url):
        remember(unquote(password))
    user = current_user_and_host()
    name = f"crmdeck {user}" if purpose is None else f"crmdeck {purpose} {user}"
    with wording_failures(url):
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=max(2, round(timeout)),
            # PostgreSQL takes 63 printable ASCII characters.
            application_name=name.encode("ascii", "replace").decode()[:63],
            client_encoding="UTF8",
            # A firewall can forget a silent connection without ending it.
            keepalives_idle=30,
            # A pooler may run each transaction on another connection, which has no such statement.
            prepare_threshold=None,
        )
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        prepare(connection)
    return connection


def prepare(connection: psycopg.Connection[Row]) -> None:
    """Set up how texts travel on a connection; `_received` reverses it."""
    from psycopg.adapt import Buffer
    from psycopg.types.string import StrDumper, StrDumperUnknown

    class NulDumper(StrDumper):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(encode_nul(obj))

    class NulDumperUnknown(StrDumperUnknown):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(encode_nul(obj))

    adapters = connection.adapters
    adapters.register_dumper(str, NulDumper)
    adapters.register_dumper(str, NulDumperUnknown)


def encode_nul(text: str) -> str:
    """Return a text as PostgreSQL stores it; `_received` reverses it."""
    if text.isascii() and "\0" not in text:
        return text  # Nearly all texts are valid, and checking is faster than replacing.
    return _TO_STAND_IN.sub(lambda match: _TRAVELS_AS[match[0]], text)


def _received(rows: list[Row]) -> list[Row]:
    # Nearly no text has a stand-in, and checking a column takes a tenth of a call per value.
    for column in zip(*rows, strict=True):
        texts = [value for value in column if type(value) is str]
        if not all(map(str.isascii, texts)) and any(map(_STAND_IN.search, texts)):
            return [tuple(map(_taken_back, row)) for row in rows]
    return rows


def _taken_back(value: object) -> object:
    if isinstance(value, str):
        return _STAND_IN.sub(lambda match: _STANDS_FOR[match[0]], value)
    return value


def driver() -> ModuleType:
    """Return psycopg; raises UsageError if the extra isn't installed."""
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(
            "A workspace in PostgreSQL needs the 'team' extra.",
            cause=str(error),
            remedy=install_hint("team"),
            code="EXTRA_MISSING",
        ) from error
    return psycopg


def current_user_and_host() -> str:
    """Return this user and machine as others see them: `anna@host`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def shown_url(url: str) -> str:
    """Return the URL without password and options.

    Raises UsageError if it isn't the URL of a database.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_a_url() from error
    database = parts.path.strip("/")
    # With a second @, the driver would take the end of a password for the host, and show it.
    unclear = "/" in database or parts.netloc.count("@") > 1
    if not url.startswith(SCHEMES) or not database or unclear:
        raise _not_a_url()
    user = f"{percent_encoded(parts.username)}@" if parts.username else ""
    host = f"[{host}]" if host and ":" in host else host or ""
    return f"postgresql://{user}{host}{f':{port}' if port else ''}/{database}"


def _not_a_url() -> UsageError:
    # The input is not repeated: it may contain a password anywhere.
    return UsageError(
        "The workspace's URL isn't a PostgreSQL URL.",
        remedy="Write it as postgresql://USER@HOST:PORT/DATABASE, with special characters in a "
        "password percent-encoded (%40 for @).",
        code="HOME_NOT_A_URL",
    )


@contextmanager
def wording_failures(url: str, *, saving: bool = False) -> Iterator[None]:
    """Turn psycopg's errors into errors with a next step and without a password.

    With `saving`, an error means that a change wasn't saved.
    """
    psycopg = driver()
    try:
        yield
    except psycopg.Error as error:
        # A traceback shows its cause, which may contain the password.
        shown = None if _hidden(str(error), url) != str(error) else error
        raise explain(error, url, saving=saving) from shown


def is_lost(error: Exception) -> bool:
    """True if an error of psycopg means that the connection is gone."""
    psycopg = driver()
    state = getattr(error, "sqlstate", None) or ""
    cut_off = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(("08", "57P")) or (not state and cut_off)


def explain(error: Exception, url: str, *, saving: bool = False) -> CacheError:
    place = shown_url(url)
    text = _hidden(str(error), url)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cause = next((line for line in reversed(lines) if "FATAL" in line), lines[0] if lines else None)
    state = getattr(error, "sqlstate", None) or ""
    for pattern, states, message, remedy, code in _FAULTS:
        if state in states or (pattern and re.search(pattern, text)):
            kind = CacheBusyError if code == CacheBusyError.code else CacheError
            return kind(message.format(place=place), cause=cause, remedy=remedy, code=code)
    if is_lost(error):
        unsaved = " The change wasn't saved." if saving else ""
        return CacheError(
            f"Can't reach the database at {place}.{unsaved}",
            cause=cause,
            remedy="Check host and port, and try again.",
            code=UNREACHABLE,
        )
    return CacheError(f"The database at {place} rejected the request.", cause=cause)


# By a pattern of the server's message, or by SQLSTATE: message, remedy, code. The first match
# counts.
_FAULTS: tuple[tuple[str, tuple[str, ...], str, str, str], ...] = (
    (
        r"unsupported startup parameter",
        (),
        "The pooler in front of the database at {place} rejects the options in the URL.",
        "Remove the options, and set the schema for the role: ALTER ROLE ... SET search_path = ...",
        "DATABASE_POOLER",
    ),
    (
        r"password authentication failed|no password supplied|authentication failed",
        ("28P01", "28000"),
        "The database at {place} rejected this user and password.",
        "Check the user and the password in PGPASSWORD, ~/.pgpass, or the URL.",
        "DATABASE_SIGN_IN",
    ),
    (
        r"not permitted to log in",
        (),
        "This user can't sign in to the database at {place}.",
        "Ask the database administrator: ALTER ROLE ... LOGIN",
        "DATABASE_SIGN_IN",
    ),
    (
        r"pg_hba\.conf",
        (),
        "The database at {place} rejects connections from this machine.",
        "Ask the administrator for an entry in pg_hba.conf, or connect with TLS: "
        "?sslmode=verify-full",
        "DATABASE_SIGN_IN",
    ),
    (
        r'(database|role) ".*" does not exist',
        ("3D000",),
        "No database at {place} for this user.",
        "Check the names, or ask the administrator to create the database.",
        "DATABASE_MISSING",
    ),
    (
        r"certificate|SSL|TLS",
        (),
        "The connection to the database at {place} isn't secure enough.",
        "Check sslmode and sslrootcert in the URL.",
        "DATABASE_TLS",
    ),
    (
        # A rejected connection has only the server's sentence, without SQLSTATE.
        r"permission denied",
        ("42501", "25006"),
        "The database at {place} doesn't let this user do that. Nothing was changed.",
        "Use a role with the grants of `crmdeck team grants`. Restore and repair need the owner.",
        NO_PERMISSION,
    ),
    (
        r"No space left|could not extend file",
        ("53100",),
        "The disk of the database at {place} is full. Nothing was changed.",
        "Ask the administrator to free some space, and try again.",
        "CACHE_DISK_FULL",
    ),
    (
        r"too many (clients|connections)|connection slots",
        ("53300",),
        "The database at {place} has no free connection.",
        "Try again later, or ask the administrator to raise max_connections.",
        "CACHE_BUSY",
    ),
    (
        "",
        ("57014",),
        "The database at {place} canceled the request.",
        "Ask the administrator for more time for this user: ALTER ROLE ... SET statement_timeout",
        "DATABASE_TIMEOUT",
    ),
    (
        "",
        ("42P01", "42703", "3F000"),
        "The tables in the database at {place} don't match this crmdeck.",
        "Upgrade crmdeck everywhere, or choose another workspace with --home.",
        "CACHE_UNREADABLE",
    ),
)


def _passwords(url: str) -> list[str]:
    parts = urlsplit(url)
    written = [parts.password, *(each[1] for each in _PASSWORD_OPTION.findall(parts.query))]
    return [each for each in written if each]


def _hidden(text: str, url: str) -> str:
    # `redact` doesn't fit: this password can have any length, and only this URL contains it.
    for secret in _passwords(url):
        for form in (secret, unquote(secret), percent_encoded(secret, safe="")):
            text = text.replace(form, "...")
    return text
