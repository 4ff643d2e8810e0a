"""A PostgreSQL connection: what its SQL and texts are here, and its failures in words."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote, urlsplit

from crmdeck.errors import CacheBusyError, CacheError, UsageError
from crmdeck.redaction import remember
from crmdeck.store.database import Row, quote

if TYPE_CHECKING:
    import psycopg

UNREACHABLE = "DATABASE_UNREACHABLE"
NO_PERMISSION = "CACHE_NO_PERMISSION"
SCHEMES = ("postgresql://", "postgres://")

# PostgreSQL has no NUL in a text, and a CRM may send one: it travels as what is no character
# either. Those that stand for something else, were they ever sent, travel as two.
_TRAVELS_AS = {"\0": "\ufdd0", "\ufdd0": "\ufdd1\ufdd2", "\ufdd1": "\ufdd1\ufdd1"}
_STANDS_FOR = {travels: text for text, travels in _TRAVELS_AS.items()}
_TO_STAND_IN = re.compile("|".join(_TRAVELS_AS))
_STAND_IN = re.compile("|".join(_STANDS_FOR))

_PASSWORD_OPTION = re.compile(r"(?:^|&)(ssl)?password=([^&]*)")

# Up to here, rows travel as parameters of one statement; above, as a copy.
_FEW_ROWS = 8

# The server ends a transaction that its client has left open: a laptop that went to sleep.
# What a role or a database may have set otherwise: how values are written, what a transaction sees.
_SETTINGS = (
    "-c idle_in_transaction_session_timeout=300000 -c client_min_messages=warning "
    "-c client_encoding=UTF8 -c datestyle=ISO -c timezone=UTC -c extra_float_digits=1 "
    r"-c default_transaction_isolation=read\ committed"
)


class PostgresDatabase:
    """A connection in autocommit; its holder begins and ends transactions by statements."""

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
    """Open a connection; raises CacheError that says why that can't be.

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
            application_name=name.encode("ascii", "replace").decode()[:63],
            options=_options(url),
            keepalives_idle=30,
        )
        prepare(connection)
    return connection


def prepare(connection: psycopg.Connection[Row]) -> None:
    """Teach a connection how texts travel there; `_received` takes them back."""
    from psycopg.adapt import Buffer
    from psycopg.types.string import StrDumper, StrDumperUnknown

    class NulDumper(StrDumper):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(_sent(obj))

    class NulDumperUnknown(StrDumperUnknown):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(_sent(obj))

    adapters = connection.adapters
    adapters.register_dumper(str, NulDumper)
    adapters.register_dumper(str, NulDumperUnknown)


def _sent(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text  # Nearly all are, and looking is quicker than replacing.
    return _TO_STAND_IN.sub(lambda match: _TRAVELS_AS[match[0]], text)


def _received(rows: list[Row]) -> list[Row]:
    # Nearly no text has a stand-in, and a look at a column takes a tenth of a call a value.
    for column in zip(*rows, strict=True):
        texts = [value for value in column if type(value) is str]
        if not all(map(str.isascii, texts)) and any(map(_STAND_IN.search, texts)):
            return [tuple(map(_taken_back, row)) for row in rows]
    return rows


def _taken_back(value: object) -> object:
    if isinstance(value, str):
        return _STAND_IN.sub(lambda match: _STANDS_FOR[match[0]], value)
    return value


def driver() -> Any:
    """Return psycopg; raises UsageError where the extra was not installed."""
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(
            "A workspace in PostgreSQL needs the extra 'team'.",
            cause=str(error),
            remedy="Install it: pip install 'crmdeck[team]'",
            code="PACKAGE_MISSING",
        ) from error
    return psycopg


def current_user_and_host() -> str:
    """Return this user and machine, as others see them: `anna@host`."""
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def shown_url(url: str) -> str:
    """Return the URL without password and options, as it may be shown.

    Raises UsageError where it is no URL of a database.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_a_url() from error
    database = parts.path.strip("/")
    # With a second @ the driver would take the end of a password for the host, and name it.
    unclear = "/" in database or parts.netloc.count("@") > 1
    if not url.startswith(SCHEMES) or not database or unclear:
        raise _not_a_url()
    user = f"{percent_encoded(parts.username)}@" if parts.username else ""
    host = f"[{host}]" if host and ":" in host else host or ""
    return f"postgresql://{user}{host}{f':{port}' if port else ''}/{database}"


def _not_a_url() -> UsageError:
    # What was given is not repeated: a password may stand anywhere in it.
    return UsageError(
        "The workspace's address is not that of a PostgreSQL database.",
        remedy="Write it as postgresql://USER@HOST:PORT/DATABASE, with what is special in a "
        "password percent-encoded (%40 for @).",
        code="HOME_NOT_A_URL",
    )


def _options(url: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url).get("options")
    return f"{given} {_SETTINGS}" if given else _SETTINGS


@contextmanager
def wording_failures(url: str) -> Iterator[None]:
    """Turn what psycopg raises into errors that say what to do and hold no password."""
    psycopg = driver()
    try:
        yield
    except psycopg.Error as error:
        raise explain(error, url) from _without_secrets(error, url)


def explain(error: Exception, url: str) -> CacheError:
    """Return the error to show for one that psycopg raised."""
    place = shown_url(url)
    text = _hidden(str(error), url)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cause = next((line for line in reversed(lines) if "FATAL" in line), lines[0] if lines else None)
    state = getattr(error, "sqlstate", None) or ""
    for pattern, states, message, remedy, code in _FAULTS:
        if state in states or (pattern and re.search(pattern, text)):
            kind = CacheBusyError if code == CacheBusyError.code else CacheError
            return kind(message.format(place=place), cause=cause, remedy=remedy, code=code)
    psycopg = driver()
    cut_off = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if state.startswith(("08", "57P")) or (not state and cut_off):
        return CacheError(
            f"The database {place} can't be reached.",
            cause=cause,
            remedy="Nothing was changed. Try again when it is back, or look at host and port.",
            code=UNREACHABLE,
        )
    return CacheError(f"The database {place} refused what was asked.", cause=cause)


# By what the server says, or by its SQLSTATE: message, remedy, code. The first that fits counts.
_FAULTS: tuple[tuple[str, tuple[str, ...], str, str, str], ...] = (
    (
        r"password authentication failed|no password supplied|authentication failed",
        ("28P01", "28000"),
        "The database {place} does not accept this user and password.",
        "Look at user and password: in PGPASSWORD, ~/.pgpass, or the address.",
        "DATABASE_SIGN_IN",
    ),
    (
        r"not permitted to log in",
        (),
        "The database {place} does not let this user sign in.",
        "Ask its administrator: ALTER ROLE ... LOGIN",
        "DATABASE_SIGN_IN",
    ),
    (
        r"pg_hba\.conf",
        (),
        "The database {place} lets nobody in from here like this.",
        "Ask its administrator for an entry in pg_hba.conf, or connect with TLS: "
        "?sslmode=verify-full",
        "DATABASE_SIGN_IN",
    ),
    (
        r'(database|role) ".*" does not exist',
        ("3D000",),
        "There is no database at {place} for this user.",
        "Look at the names, or let its administrator create it.",
        "DATABASE_MISSING",
    ),
    (
        r"certificate|SSL|TLS",
        (),
        "The connection to the database {place} is not safe enough.",
        "Look at sslmode and sslrootcert in the address.",
        "DATABASE_TLS",
    ),
    (
        # Where a connection is refused there is the server's sentence only, and no SQLSTATE.
        r"permission denied",
        ("42501", "25006"),
        "The database {place} does not let this user do that. Nothing was changed.",
        "Ask its administrator for the grants that the page on teams lists.",
        NO_PERMISSION,
    ),
    (
        r"No space left|could not extend file",
        ("53100",),
        "The disk of the database {place} is full. Nothing was changed.",
        "Let its administrator free some space, then try again.",
        "CACHE_DISK_FULL",
    ),
    (
        r"too many (clients|connections)|connection slots",
        ("53300",),
        "The database {place} has no connection left.",
        "Try again in a moment, or let its administrator raise max_connections.",
        "CACHE_BUSY",
    ),
    (
        "",
        ("57014",),
        "The database {place} ended what was asked before it was done. Nothing was changed.",
        "Ask its administrator for more time for this user: ALTER ROLE ... SET statement_timeout",
        "DATABASE_TIMEOUT",
    ),
    (
        "",
        ("42P01", "42703", "3F000"),
        "The tables in the database {place} are not those of this crmdeck.",
        "Upgrade crmdeck everywhere, or choose another workspace with --home.",
        "CACHE_UNREADABLE",
    ),
)


def _passwords(url: str) -> list[str]:
    parts = urlsplit(url)
    written = [parts.password, *(each[1] for each in _PASSWORD_OPTION.findall(parts.query))]
    return [each for each in written if each]


def _hidden(text: str, url: str) -> str:
    # Not `redact`: a password of any length, which stands in this one address.
    for secret in _passwords(url):
        for form in (secret, unquote(secret), percent_encoded(secret, safe="")):
            text = text.replace(form, "...")
    return text


def _without_secrets(error: Exception, url: str) -> Exception | None:
    return None if _hidden(str(error), url) != str(error) else error
