"""A team's history in PostgreSQL: a reader sees one moment, a writer locks a row to be alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crmdeck.clock import Clock, utc_now
from crmdeck.errors import CacheBusyError, CacheDamagedError, CacheError
from crmdeck.store import migrations
from crmdeck.store.database import LONG_WAIT, Database, Row, WaitListener, refusal
from crmdeck.store.postgres_database import (
    LOCAL_SETTINGS,
    NO_PERMISSION,
    UNCONFIRMED,
    UNREACHABLE,
    PostgresDatabase,
    connect,
    driver,
    is_lost,
    shown_url,
    wording_failures,
)
from crmdeck.store.salvage import record_version

if TYPE_CHECKING:
    import psycopg

# A console has a few threads that read at the same time, a server has its workers.
_MOST_CONNECTIONS = 8

# Seconds to look up a write whose connection was lost: a server restarts in less.
_LOOK_UP, _LOOK_UP_PAUSE = 15.0, 0.1

# A writer that waited must see what the one before it wrote.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"

# Any number that other programs in the same database are unlikely to lock.
_MIGRATION_LOCK = 0x63726D_6465636B


class PostgresEngine:
    """The database at `url`; `wait` is how many seconds to wait for others.

    The password stays in `url`, PGPASSWORD or ~/.pgpass.
    """

    def __init__(self, url: str, *, wait: float, read_only: bool, clock: Clock) -> None:
        self.place = shown_url(url)
        self.waiting: WaitListener | None = None
        self._url = url
        self._wait = wait
        self._asked_read_only = read_only
        self._clock = clock
        self.in_use = 0
        self._slots = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        # Everything below changes under this lock only.
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection[Row]] = []
        self._may_write: bool | None = None
        self._ahead = timedelta()
        self._unreachable_since: datetime | None = None

    @property
    def read_only_reason(self) -> str | None:
        if self._asked_read_only:
            return "It was opened read-only."
        # Unknown before the first connection; asking must not wait for a network.
        if self._may_write is False:
            return f"The database at {self.place} is read-only for this user."
        return None

    def salvage(self, code: str) -> list[str]:
        if code != migrations.VERSION_LOST:
            return []
        connection = connect(self._url, timeout=self._wait)
        try:
            with wording_failures(self._url), connection.transaction():
                database = PostgresDatabase(connection)
                database.run(LOCAL_SETTINGS)
                database.rows("SELECT pg_advisory_xact_lock(?)", [_MIGRATION_LOCK])
                return [record_version(database, self.place, self.now())]
        finally:
            connection.close()

    def now(self) -> datetime:
        """Return the server's time, so that all machines of a team write with one clock."""
        return self._clock() + self._ahead

    @contextmanager
    def reading(self) -> Iterator[Database]:
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {LOCAL_SETTINGS}"
        with self._begun(begin) as database, wording_failures(self._url):
            yield database

    @contextmanager
    def writing(self) -> Iterator[Database]:
        patience = _lock_timeout_sql(min(LONG_WAIT, self._wait))
        # A timeout ends the transaction, except after a savepoint.
        begin = f"{_BEGIN}; {LOCAL_SETTINGS}; {patience}; SAVEPOINT waiting"
        with self._begun(begin) as database, wording_failures(self._url, saving=True):
            if (reason := self.read_only_reason) is not None:
                raise refusal(reason)
            transaction = self._be_alone(database)
            yield database
            try:
                database.run("COMMIT")
            except driver().Error as error:
                if not (is_lost(error) and self._is_committed(transaction, error)):
                    raise

    @contextmanager
    def holding(self) -> Iterator[None]:
        yield

    def head(self) -> int:
        with self._begun("SELECT 1") as database, wording_failures(self._url):
            return int(database.rows("SELECT seq FROM head")[0][0])

    def probe(self) -> None:
        # The connections of the pool may all be in use, or wait for a server that is gone.
        connection = connect(self._url, purpose="probe", timeout=2)
        try:
            with wording_failures(self._url):
                database = PostgresDatabase(connection)
                migrations.reject_unknown(database, self._version(database), self.place)
        finally:
            connection.close()

    @contextmanager
    def leasing(self) -> Iterator[Database]:
        begin = f"{_BEGIN}; {LOCAL_SETTINGS}"
        with self._begun(begin) as database, wording_failures(self._url):
            yield database
            database.run("COMMIT")

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _is_committed(self, transaction: str, error: Exception) -> bool:
        """Look up a transaction whose connection was lost during its commit.

        Raises CacheError if the database doesn't respond with its outcome for some seconds.
        """
        deadline = time.monotonic() + min(_LOOK_UP, self._wait)
        while True:
            with suppress(CacheError, driver().Error):
                connection = connect(self._url, timeout=2)
                try:
                    status = connection.execute(
                        "SELECT pg_xact_status(%s::xid8)", [transaction]
                    ).fetchone()
                finally:
                    connection.close()
                # A backend that was cut off may still be at work.
                if status is not None and status[0] in ("committed", "aborted"):
                    return bool(status[0] == "committed")
            if time.monotonic() >= deadline:
                raise CacheError(
                    f"crmdeck lost contact with {self.place} and can't tell whether the change "
                    "was saved.",
                    remedy="Check with crmdeck audit.",
                    code=UNCONFIRMED,
                ) from error
            time.sleep(_LOOK_UP_PAUSE)

    def _be_alone(self, database: PostgresDatabase) -> str:
        """Lock the head until the end of the transaction, and check its version.

        Returns the ID of the transaction.
        """
        psycopg = driver()
        busy = psycopg.errors.LockNotAvailable
        try:
            try:
                version, transaction = _next(database)
            except busy:
                if self._wait <= LONG_WAIT:
                    raise
                if self.waiting is not None:
                    self.waiting(f"Waiting to write to {self.place}: {self._writer()}")
                patience = _lock_timeout_sql(self._wait - LONG_WAIT)
                database.run(f"ROLLBACK TO SAVEPOINT waiting; {patience}")
                version, transaction = _next(database)
        except busy as error:
            raise CacheBusyError(
                f"The database at {self.place} is still busy after {self._wait:g} s.",
                cause=self._writer(),
                remedy="Try again when it has finished.",
            ) from error
        if transaction is None:
            raise CacheDamagedError(
                f"The database at {self.place} has no head. Nothing was changed.",
                cause="The row that gives writers their turn was deleted.",
                remedy="As the owner of the tables: INSERT INTO head VALUES (0)",
            )
        migrations.reject_unknown(database, version or 0, self.place)
        return transaction

    def _writer(self) -> str:
        with self._begun("SELECT 1") as database, wording_failures(self._url):
            names = database.rows(
                "SELECT DISTINCT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE relation = 'head'::regclass AND mode = 'RowExclusiveLock' AND pid NOT IN "
                "(SELECT pid FROM pg_locks WHERE NOT granted) ORDER BY 1"
            )
        writers = ", ".join(name for (name,) in names if name)
        return f"{writers} is writing." if writers else "Another user is writing."

    @contextmanager
    def _begun(self, begin: str) -> Iterator[PostgresDatabase]:
        """Lend a connection on which `begin` was run; what isn't committed is rolled back."""
        if not self._slots.acquire(timeout=self._wait):
            raise CacheBusyError(
                f"The database at {self.place} is still busy after {self._wait:g} s.",
                cause="Other parts of this program use all connections.",
                remedy="Try again when they have finished.",
            )
        try:
            with self._lock:
                self.in_use += 1
            connection = self._take(begin)
            try:
                yield PostgresDatabase(connection)
            finally:
                with suppress(driver().Error):
                    connection.rollback()
                if not connection.closed:
                    with self._lock:
                        self._idle.append(connection)
        finally:
            with self._lock:
                self.in_use -= 1
            self._slots.release()

    def _take(self, begin: str) -> psycopg.Connection[Row]:
        """Return a connection that works: an idle one may have been cut off."""
        psycopg = driver()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._connect()
                with wording_failures(self._url):
                    connection.execute(begin)
                return connection
            # The statement is the test: a separate one would cost each use a round trip.
            try:
                connection.execute(begin)
            except psycopg.Error:
                connection.close()
            else:
                return connection

    def _connect(self) -> psycopg.Connection[Row]:
        try:
            connection = connect(self._url, timeout=self._wait)
        except CacheError as error:
            if error.code != UNREACHABLE:
                raise
            self._unreachable_since = self._unreachable_since or self.now()
            raise CacheError(
                f"The database at {self.place} has been unreachable since "
                f"{self._unreachable_since:%H:%M:%S} UTC.",
                cause=error.cause,
                remedy=error.remedy,
                code=error.code,
            ) from error.__cause__
        self._unreachable_since = None
        try:
            with wording_failures(self._url):
                self._bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _bring_up_to_date(self, connection: psycopg.Connection[Row]) -> None:
        database = PostgresDatabase(connection)
        known = migrations.shipped()
        newest = migrations.newest(known)
        version = self._version(database)
        migrations.reject_unknown(database, version, self.place)
        self._look_around(database)
        if version >= newest:
            return
        if self._asked_read_only or self._may_write is False:
            raise self._too_old(version, newest)
        try:
            with wording_failures(self._url):
                self._migrate(connection, known)
        except CacheError as error:
            # Only their owner can change tables.
            if version and error.code == NO_PERMISSION:
                raise self._too_old(version, newest) from error
            raise
        self._look_around(database)

    def _too_old(self, version: int, newest: int) -> CacheError:
        return CacheError(
            f"The database at {self.place} needs an upgrade.",
            cause=f"The database has version {version}; this crmdeck reads version {newest}.",
            remedy="Open the workspace once as its owner, without --read-only.",
            code=migrations.TOO_OLD if version else "CACHE_MISSING",
        )

    def _migrate(
        self, connection: psycopg.Connection[Row], known: tuple[migrations.Migration, ...]
    ) -> None:
        """Run the missing migrations, all or none: PostgreSQL's definitions are transactional."""
        database = PostgresDatabase(connection)
        with connection.transaction():
            database.run(LOCAL_SETTINGS)
            database.rows("SELECT pg_advisory_xact_lock(?)", [_MIGRATION_LOCK])
            version = self._version(database)
            migrations.reject_unknown(database, version, self.place)
            if version == 0:
                migrations.begin(database)
                database.run("CREATE TABLE head (seq BIGINT NOT NULL)")
                database.run("INSERT INTO head VALUES (0)")
            for migration in known:
                if migration.number > version:
                    # Texts sort by code point, as everywhere in crmdeck.
                    database.run(migration.sql.replace("VARCHAR", 'VARCHAR COLLATE "C"'))
                    if migration.postgresql_sql:
                        database.run(migration.postgresql_sql)
                    migrations.mark(database, migration, self.now())

    def _version(self, database: PostgresDatabase) -> int:
        """Return the number of the last migration, 0 for an empty database.

        Raises CacheError for tables of another program.
        """
        schema, mine, others = database.rows(
            "SELECT current_schema(), to_regclass('schema_migration') IS NOT NULL, "
            "EXISTS (SELECT 1 FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p') "
            "AND relnamespace = to_regnamespace(current_schema()))"
        )[0]
        if mine:
            return migrations.stored_version(database, self.place)
        if schema is None or others:
            raise CacheError(
                f"The database at {self.place} isn't a crmdeck workspace. It was left untouched.",
                cause="The database contains other tables."
                if others
                else "The search path has no schema that this user can use.",
                remedy="Give crmdeck its own database, or a schema: "
                "?options=-csearch_path%3Dcrmdeck",
                code="DATABASE_NOT_OURS",
            )
        return 0

    def _look_around(self, database: PostgresDatabase) -> None:
        """Find out what this user can do here, and what time it is."""
        sent = time.monotonic()
        may_write, microseconds = database.rows(
            "SELECT NOT pg_is_in_recovery() AND coalesce((SELECT "
            "has_any_column_privilege(oid, 'INSERT') FROM pg_class "
            "WHERE oid = to_regclass('connection')), "
            "has_schema_privilege(current_schema(), 'CREATE')), "
            # The formats of times and fractions depend on the settings of the role.
            "(extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT"
        )[0]
        traveled = timedelta(seconds=(time.monotonic() - sent) / 2)
        self._may_write = bool(may_write)
        server_time = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
        ahead = server_time + traveled - self._clock()
        # Clocks that agree to a second need no correction, and time must not jump with the network.
        # A clock that was passed in isn't corrected.
        if self._clock is utc_now and abs(ahead) > timedelta(seconds=1):
            self._ahead = ahead


def _lock_timeout_sql(seconds: float) -> str:
    return f"SET LOCAL lock_timeout = {max(1, round(seconds * 1000))}"


def _next(database: PostgresDatabase) -> tuple[int | None, str | None]:
    """Advance the head, after waiting for writers.

    Returns the version of the tables and the ID of the transaction; None if there is no head.
    """
    [(version, transaction)] = database.rows("SELECT * FROM advance_head()")
    return version, transaction
