"""What a MySQL or MariaDB error number means, and who must act.

https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's error reference.
"""

from __future__ import annotations

import socket
import ssl

import pymysql

from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    SyncError,
    TransientError,
)
from connectors.retries import Again

LOST = frozenset(
    {0, 2002, 2003, 2006, 2013, 2055}  # not reachable, gone away, lost in a query
    | {1040, 1203, 1226}  # too many connections: of the server, of this user
    | {1053, 1077, 1079, 1080, 1927, 3169}  # shutting down, killed by an administrator
    | {1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 4031}  # cut on the way
)
"""The connection is of no use any more; a new one may be."""
LOCKED = frozenset({1205, 1213, 1317})  # lock waited for too long, deadlock, query interrupted
WRONG_LOGIN = "user or password is wrong: check GENIUS_DB_USER and GENIUS_DB_PASSWORD"
LOCKED_ACCOUNT = "the account is locked: have it unlocked on the server"
TOO_SLOW = (
    "a query took longer than GENIUS_DB_STATEMENT_SECONDS: run again when the server is less"
    " busy, or allow more"
)
FINAL: dict[int, tuple[type[SyncError], str]] = {
    1045: (CredentialsError, WRONG_LOGIN),
    1698: (CredentialsError, WRONG_LOGIN),
    1820: (CredentialsError, "the password must be changed first: set a new one on the server"),
    1862: (
        CredentialsError,
        "the password has expired: set a new one on the server and in GENIUS_DB_PASSWORD",
    ),
    3118: (CredentialsError, LOCKED_ACCOUNT),
    3955: (CredentialsError, LOCKED_ACCOUNT),
    4151: (CredentialsError, LOCKED_ACCOUNT),
    1044: (
        ConfigError,
        "this user may not use the database: check GENIUS_DB_NAME, or grant SELECT on it",
    ),
    1049: (ConfigError, "there is no such database: check GENIUS_DB_NAME"),
    1129: (ConfigError, "the server blocks this machine after failed connections: FLUSH HOSTS"),
    1130: (ConfigError, "the server does not let this machine in: grant access from its address"),
    2026: (ConfigError, "TLS failed: check GENIUS_DB_TLS and GENIUS_DB_TLS_CA"),
    2059: (ConfigError, "the server wants a way to log in that we do not have: change the plugin"),
    1142: (AccessError, "this user may not read the table: grant SELECT on it"),
    1143: (AccessError, "this user may not read a column of the table: grant SELECT on it"),
    1146: (ContractError, "the table is not there any more"),
    1054: (ContractError, "a column is not there any more: the next run reads the new columns"),
    1176: (ContractError, "an index is not there any more: the next run finds another way"),
    1969: (TransientError, TOO_SLOW),
    3024: (TransientError, TOO_SLOW),
}
"""Numbers that no second attempt makes better: MySQL's, and MariaDB's where they differ."""


def number_of(error: pymysql.MySQLError) -> int:
    """Return the error's number; 0 when the driver lost track of the connection."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def sorted_out(error: pymysql.MySQLError, where: str) -> Again | SyncError:
    """Return what to raise for a driver's error; `Again` when another attempt may help.

    Server messages may quote values and account names, so only their numbers are kept.
    """
    number = number_of(error)
    said = f"{where}: error {number}"
    if number in FINAL:
        kind, sentence = FINAL[number]
        return kind(f"{said}, {sentence}")
    if number in LOST:
        return _lost(error, where, said)
    if number in LOCKED:
        return Again(TransientError(f"{said}, rows or the table were locked: run again later"))
    return ContractError(f"{said} ({type(error).__name__}), which crm-sync does not know")


def _lost(error: pymysql.MySQLError, where: str, said: str) -> Again | SyncError:
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
        return ConfigError(f"{where}: the host name is not known: check GENIUS_DB_HOST")
    if isinstance(cause, ssl.SSLError):
        return ConfigError(f"{where}: TLS failed ({cause.reason}): check GENIUS_DB_TLS_CA")
    what = "cannot be reached" if number_of(error) in {2002, 2003} else "the connection was lost"
    return Again(
        TransientError(
            f"{said}, {what}: check GENIUS_DB_HOST and GENIUS_DB_PORT, or run again later"
        )
    )
