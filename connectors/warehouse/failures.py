"""Say what a database error means, without what the database quotes in it.

A server's DETAIL line, a statement's parameters and some messages hold values of
rows. Only the error code and messages known to name nothing but tables, columns
and limits pass; for the rest the code's name stands in.
"""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

from connectors.errors import WarehouseError

DISK_FULL = "its disk is full: free space, then run again; nothing of this batch was kept"
CANNOT_GROW = (
    "a file of it cannot grow: check its disk, quota and file size limit (ulimit -f), then run "
    "again; nothing of this batch was kept"
)
READ_ONLY = "it is read-only: point WAREHOUSE_URL at the primary server or a writable file"
LOCKED = "another session holds a lock on it for too long: end that session or run again later"
NO_RIGHT = "the role lacks a right on it: grant it (see deployments/roles.sql)"
CREDENTIALS = "it refused the user or password in WAREHOUSE_URL"
UNREACHABLE = "it cannot be reached: check host, port and network in WAREHOUSE_URL"
TOO_MANY = "it has no connection left: raise max_connections or run fewer syncs at once"
TOO_SLOW = "a statement ran longer than statement_timeout: raise it or make batches smaller"
GOING_DOWN = "it is starting, stopping or restarting: run again when it is up"
OUT_OF_DATE = "a table or column is missing: start a sync as the owner role to migrate it"

ADVICE: dict[str, str] = {
    "08": UNREACHABLE,
    "25006": READ_ONLY,
    "28": CREDENTIALS,
    "3D000": "the database named in WAREHOUSE_URL does not exist: create it",
    "3F000": "the schema named in WAREHOUSE_SCHEMA does not exist: create it",
    "40001": "two sessions changed the same rows at once: run again",
    "40P01": "two sessions waited for each other: run again",
    "42501": NO_RIGHT,
    "42703": OUT_OF_DATE,
    "42P01": OUT_OF_DATE,
    "53100": DISK_FULL,
    "53200": "the server is out of memory: make batches smaller or give it more",
    "53300": TOO_MANY,
    "53400": "a limit of the server was reached (temp_file_limit): raise it",
    "55P03": LOCKED,
    "57014": TOO_SLOW,
    "57P": GOING_DOWN,
    "SQLITE_BUSY": LOCKED,
    "SQLITE_CANTOPEN": "its file cannot be opened: create the folder, or correct WAREHOUSE_URL",
    "SQLITE_CORRUPT": "its file is damaged: restore a backup or sync into a new file",
    "SQLITE_FULL": DISK_FULL,
    "SQLITE_IOERR": "its file cannot be read or written: check the disk",
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_NOTADB": "its file is not a SQLite database: correct WAREHOUSE_URL",
    "SQLITE_READONLY": READ_ONLY,
}
"""Code or beginning of a code -> what is wrong and what to do. The longest match counts."""

TRANSIENT = ("08", "40", "55P03", "57P", "53300", "SQLITE_BUSY", "SQLITE_LOCKED")
"""Codes after which the same transaction may succeed."""

QUOTES_VALUES = ("22", "P0")
"""Classes whose message itself quotes a value: data exceptions, and what triggers raise."""

CREDENTIALS_SAID = re.compile(r"authentication failed|no password supplied|role .* does not exist")
CANNOT_GROW_SAID = re.compile(r"could not (extend|write to) file")  # has no code of its own
CONNECTION_SAID = re.compile(r"connection|could not translate host|resolve|server closed")


def described(error: DBAPIError) -> WarehouseError:
    """`error` as one sentence: its code, its message and what to do about it.

    Never holds a row's value, a parameter or the statement.
    """
    error = _told_first(error)
    code, message = _code(error), _message(error)
    advice = next((ADVICE[part] for part in _prefixes(code) if part in ADVICE), None)
    if advice is None and CANNOT_GROW_SAID.match(message):
        advice = CANNOT_GROW
    known = f"{code} {message}".strip()
    if advice:
        return WarehouseError(f"the warehouse failed ({known}): {advice}")
    return WarehouseError(f"the warehouse failed ({known})")


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    return error.connection_invalidated or _code(error).startswith(TRANSIENT)


def _told_first(error: DBAPIError) -> DBAPIError:
    """Return the error behind a failed rollback.

    On a full disk SQLite ends the whole transaction, and the savepoint is gone with it.
    """
    before = error.orig.__context__ if error.orig else None
    if isinstance(before, sqlite3.Error) and "no such savepoint" in str(error.orig):
        return OperationalError("", None, before)
    return error


def _prefixes(code: str) -> list[str]:
    return [code[:length] for length in range(len(code), 1, -1)]


def _code(error: DBAPIError) -> str:
    """SQLSTATE or SQLite's name of the error; guessed where a lost connection has none."""
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    if code:
        return str(code)
    if isinstance(error, OperationalError):
        text = str(error.orig)
        if CREDENTIALS_SAID.search(text):
            return "28000"
        if error.connection_invalidated or CONNECTION_SAID.search(text):
            return "08006"
    return ""


def _message(error: DBAPIError) -> str:
    name = type(error.orig).__name__
    if _code(error).startswith(QUOTES_VALUES):
        return name
    diagnosis = getattr(error.orig, "diag", None)
    message = getattr(diagnosis, "message_primary", None) if diagnosis else None
    if message is None and getattr(error.orig, "sqlstate", None):
        return name
    # Without a diagnosis no row was involved: SQLite's messages name tables and
    # columns only, a refused connection names host and user.
    return " ".join(str(message or error.orig).split()) or name
