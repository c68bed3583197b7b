"""What Athena's and boto3's errors mean for us: who must act, and whether to ask again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.retries import Again
from connectors.secrets import scrub

Failure = BotoCoreError | ClientError | ResponseParserError
"""What a call of boto3 raises on purpose."""
CREDENTIALS = re.compile(
    r"UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|ExpiredToken"
    r"|InvalidClientTokenId|InvalidAccessKeyId|MissingAuthenticationToken|OptInRequired|RequestExpired"
)
THROTTLED = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|BandwidthLimit")
DENIED = re.compile(r"AccessDenied|UnauthorizedOperation|NotAuthorized")
SERVER_ERROR = 500
LIMIT_WAIT = timedelta(minutes=5)  # queries of others that hold the slots end within minutes
NEXT_RUN = 3600.0  # seconds; what somebody or we had to stop is not for the same run to start again
MAX_REASON = 300  # characters of Athena's own text that we repeat
QUOTES_VALUES = re.compile(r"HIVE_|INVALID_|NUMERIC_VALUE|DIVISION|ARROW|ICEBERG")
"""Reasons of these families quote what stands in a row; those of others quote names."""
QUOTED = re.compile(r"['\"`].*['\"`]")
"""From the first quote to the last: a value may hold quotes itself."""
DENIED_QUERY = re.compile(r"not authorized|insufficient permissions|access ?denied", re.IGNORECASE)
PASSES = re.compile(
    r"exhausted resources|INTERNAL_ERROR|GENERIC_INTERNAL|timed? ?out|Throttl|SlowDown"
)


def judged(error: Failure, where: str, now: datetime) -> SyncError | Again:
    """Return what to raise for an error of one call; `Again` where it may pass."""
    if isinstance(error, ClientError):
        return _answered(error, where, now)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return CredentialsError(
            f"{where}: this machine has no AWS identity. Set SALESPRO_ACCESS_KEY_ID and"
            " SALESPRO_SECRET_ACCESS_KEY, or give it one"
        )
    if isinstance(error, SSLError):
        return ConfigError(f"{where}: the server's TLS certificate is not trusted")
    return Again(
        TransientError(f"{where}: {type(error).__name__}. Check network, region and base URL")
    )


def _answered(error: ClientError, where: str, now: datetime) -> SyncError | Again:
    answer: Any = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f'{where}: {code} ("{shown(str(answer.get("Error", {}).get("Message", "")))}")'
    if CREDENTIALS.search(code):
        return CredentialsError(f"{said}. Renew the key, and check this machine's clock")
    if THROTTLED.search(code):
        resume_at = now + LIMIT_WAIT
        limited = RateLimited(
            f"{said}. May go on at {resume_at:%Y-%m-%d %H:%M:%S} UTC", resume_at=resume_at
        )
        return Again(limited, throttled=True)
    if DENIED.search(code):
        return AccessError(f"{said}. Give the IAM user the missing permission")
    if status >= SERVER_ERROR or code.startswith("Internal") or "Unavailable" in code:
        return Again(TransientError(f"{said}. Run again later"))
    if re.search(r"output (location|bucket)|WorkGroup", said, re.IGNORECASE):
        return ConfigError(f"{said}. Check SALESPRO_S3_LOCATION and SALESPRO_WORKGROUP")
    return ContractError(said)


def failed(execution: Mapping[str, Any], where: str) -> SyncError:
    """Return the error of a query that did not succeed, with Athena's reason."""
    status: Mapping[str, Any] = execution.get("Status", {})
    about: Mapping[str, Any] = status.get("AthenaError") or {}
    reason = str(status.get("StateChangeReason") or about.get("ErrorMessage") or "no reason given")
    told = shown(reason)
    query = f"query {execution.get('QueryExecutionId')}"
    if status.get("State") == "CANCELLED":
        cancelled = f"{where}: {query} was cancelled ({told}). Run again"
        return TransientError(cancelled, retry_after=NEXT_RUN)
    text = f"{where}: {query} failed: {told}"
    if DENIED_QUERY.search(reason):
        return AccessError(f"{text}. Give the IAM user the missing permission")
    if about.get("Retryable") or PASSES.search(reason):
        return TransientError(f"{text}. Run again later")
    return ContractError(f"{text}. Check SALESPRO_DATABASE and what the export has")


def shown(reason: str) -> str:
    """Return Athena's text in one line, without secrets and without values of rows."""
    line = " ".join(scrub(reason).split())
    if QUOTES_VALUES.match(line):
        line = QUOTED.sub("'…'", line)
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}…"
