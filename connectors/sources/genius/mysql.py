"""One read-only connection to a MySQL or MariaDB server, opened again when it is lost.

Every query is a plain SELECT of its own, so asking it again is safe. The driver's converters
are off: turning values into Python objects would cost more than reading them.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pymysql
from pymysql import converters
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from connectors.context import Context
from connectors.errors import ConfigError, Stopped
from connectors.retries import Again, Backoff
from connectors.sources.genius.database import Bound, Column, Row, quote
from connectors.sources.genius.faults import LOST, number_of, sorted_out
from connectors.sources.genius.settings import Settings
from connectors.sources.genius.times import Zone, utc_from_text
from connectors.sources.genius.wire import Connection
from connectors.throttle import Rate, Throttle

log = logging.getLogger(__name__)

ATTEMPTS = 7  # with the first wait of half a second: about half a minute, a server's restart
CONNECT_SECONDS = 10
NETWORK_SECONDS = 30  # beyond the statement's own limit, for the answer to arrive
LOCK_SECONDS = 30  # of a table that is being altered; the server's default is a day
UNKNOWN_VARIABLE = 1193
MINUTE = timedelta(minutes=1)

COLUMNS = (
    "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
)
INDEXES = (
    "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)


class MySqlServer:
    """A `Database` on a server. `first_backoff` (seconds) is there for tests."""

    def __init__(self, settings: Settings, context: Context, *, first_backoff: float = 0.5) -> None:
        self._settings = settings
        self._context = context
        self._throttle = _throttle(settings, context)
        self._where = f"Genius at {settings.db_host}:{settings.db_port}"
        self._connection: Connection | None = None
        self._retrying = Retrying(
            retry=retry_if_exception_type(Again),
            stop=stop_after_attempt(ATTEMPTS),
            wait=Backoff(first_backoff),
            sleep=lambda _seconds: None,  # `_before_retry` waits, it can be stopped
            before_sleep=self._before_retry,
            reraise=True,
        )

    def close(self) -> None:
        """Say goodbye to the server; nothing happens when there is no connection."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.close()

    def rows(self, statement: str, values: Sequence[Bound] = ()) -> Sequence[Row]:
        """See `Database.rows`. A lost connection is opened again, a lock waited for."""
        try:
            return self._retrying(self._attempt, statement, tuple(values))
        except Again as last:
            raise last.error from last.__cause__

    def columns(self, table: str) -> Sequence[Column]:
        """See `Database.columns`."""
        return [
            Column((name or b"").decode(), (declared or b"").decode())
            for name, declared in self.rows(COLUMNS, (table,))
        ]

    def index(self, table: str, order: Sequence[str]) -> str | None:
        """See `Database.index`. An index may end early: InnoDB adds the primary key to it."""
        found: dict[str, list[str | None]] = {}
        for name, column, part in self.rows(INDEXES, (table,)):
            whole = column.decode().lower() if column and part is None else None
            found.setdefault((name or b"").decode(), []).append(whole)
        wanted = [name.lower() for name in order]
        fits = [name for name, held in found.items() if held and held == wanted[: len(held)]]
        if not fits:
            return None
        return f"FORCE INDEX ({quote(max(fits, key=lambda name: len(found[name])))})"

    def now(self) -> datetime:
        """See `Database.now`."""
        ((now,),) = self.rows("SELECT UTC_TIMESTAMP(6)")
        return utc_from_text((now or b"").decode())

    def warning(self, zone: str) -> str | None:
        """See `Database.warning`: the server's own zone is what NOW() stamps rows with."""
        ((shift,),) = self.rows(
            "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), CONVERT_TZ(UTC_TIMESTAMP(), '+00:00',"
            " @@global.time_zone))"
        )
        here = Zone(zone).offset(self._context.clock())
        if shift is None or timedelta(minutes=int(shift)) == here:
            return None
        return (
            f"the server's clock stands {int(shift) / 60:+g} hours from UTC, GENIUS_DB_ZONE"
            f" ({zone}) {here / timedelta(hours=1):+g}: if rows are stamped by the server, times"
            " are off and changes can be missed"
        )

    def _before_retry(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning("%s; trying again in %.1f s", failure, state.upcoming_sleep)
        self._context.meter.retries += 1
        if self._context.stopping.wait(state.upcoming_sleep):
            raise Stopped(f"{self._where}: the run was asked to stop while it waited")

    def _attempt(self, statement: str, values: tuple[Bound, ...]) -> Sequence[Row]:
        if self._context.stopping.is_set():
            raise Stopped(f"{self._where}: the run was asked to stop")
        meter = self._context.meter
        if self._throttle is not None:
            meter.throttled_seconds += self._throttle.take()
        meter.requests += 1
        try:
            if self._connection is None:
                self._connection = self._open()
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                rows: Sequence[Row] = cursor.fetchall()
                return rows
        except pymysql.MySQLError as error:
            if number_of(error) in LOST:
                self.close()
            raise sorted_out(error, self._where) from error

    def _open(self) -> Connection:
        settings = self._settings
        connection = Connection(
            host=settings.db_host,
            port=settings.db_port,
            user=settings.db_user,
            password=settings.db_password.get_secret_value(),
            database=settings.db_name,
            charset="utf8mb4",
            sql_mode="",  # what the server's own mode changes, we do not depend on
            conv=dict[Any, Any](converters.encoders),
            use_unicode=False,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=settings.db_statement_seconds + NETWORK_SECONDS,
            write_timeout=NETWORK_SECONDS,
            program_name="crm-sync",
            **_tls(settings),
        )
        self._set_up(connection)
        return connection

    def _set_up(self, connection: Connection) -> None:
        """Make the session read-only, patient with locks for a while only, and in UTC."""
        seconds = self._settings.db_statement_seconds
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(f"SET SESSION time_zone = '+00:00', lock_wait_timeout = {LOCK_SECONDS}")
            cursor.execute("SELECT VERSION()")
            ((version,),) = cursor.fetchall()
            limit = (
                f"max_statement_time = {seconds}"
                if b"mariadb" in version.lower()
                else f"max_execution_time = {seconds * 1000}"
            )
            try:
                cursor.execute(f"SET SESSION {limit}")
            except pymysql.MySQLError as error:
                if number_of(error) != UNKNOWN_VARIABLE:
                    raise
                log.warning("%s is too old to limit the time of a query", self._where)


def _throttle(settings: Settings, context: Context) -> Throttle | None:
    if settings.budget is None:
        return None
    account = f"genius:{settings.db_host}:{settings.db_user}"
    rate = Rate(limit=settings.budget, period=MINUTE)
    return context.throttles.open(account, {"default": [rate]})


def _tls(settings: Settings) -> dict[str, Any]:
    """Return the driver's TLS arguments. Raises `ConfigError` for an unreadable CA file."""
    if settings.db_tls == "off":
        return {"ssl_disabled": True}
    if settings.db_tls == "preferred":
        return {}
    try:
        return {"ssl": ssl.create_default_context(cafile=settings.db_tls_ca)}
    except OSError as error:
        raise ConfigError(
            f"GENIUS_DB_TLS_CA: the file cannot be read ({type(error).__name__})"
        ) from error
