"""What an answer means for us, unless a source knows better: who must act, and when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from connectors.answers import Answer
from connectors.errors import (
    AccessError,
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.retries import RETRIED, Again, retry_after

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNPROCESSABLE, TOO_MANY = 401, 403, 404, 422, 429
HINTS = {
    400: "the vendor refused the question; check parameters and API version",
    404: "no such address or object; check base URL and API version",
    410: "this endpoint was retired; check the API version",
    414: "the address is too long; ask for fewer fields",
}
UNKNOWN_WAIT = timedelta(minutes=1)  # when to try again after a 429 that does not say


def judge(answer: Answer, accept: Collection[int], now: datetime) -> None:
    """Return for a status in `accept`, else raise.

    Raises `Again` where the same request may succeed later, `CredentialsError` for 401,
    `AccessError` for 403, `ContractError` for everything else.
    """
    status = answer.status
    if status in accept:
        return
    where = f"{answer.where}: {status}"
    if status in RETRIED:
        raise again(transient(answer, now), answer, now)
    message = answer.vendor_message() if status != UNPROCESSABLE else ""  # 422 quotes values
    said = f' ("{message}")' if message else ""
    if status == UNAUTHORIZED:
        raise CredentialsError(f"{where}{said}. Renew the credential of this source")
    if status == FORBIDDEN:
        raise AccessError(f"{where}{said}. Give the account the missing scope or licence")
    raise ContractError(f"{where}{said}. {HINTS.get(status, 'Not an answer we know')}")


def transient(answer: Answer, now: datetime) -> SyncError:
    """Return the error to raise when a status that may pass has not passed."""
    wait = retry_after(answer.headers, now)
    if answer.status == TOO_MANY:
        resume_at = now + (UNKNOWN_WAIT if wait is None else timedelta(seconds=wait))
        return RateLimited(
            f"{answer.where}: 429, the vendor's rate limit is used up. "
            f"May go on at {resume_at:%Y-%m-%d %H:%M:%S} UTC",
            resume_at=resume_at,
        )
    return TransientError(
        f"{answer.where}: {answer.status}, the vendor's server failed. Run again later",
        retry_after=wait,
    )


def again(error: SyncError, answer: Answer, now: datetime) -> Again:
    """Wrap `error` so that the request is tried again while attempts are left."""
    wait = error.retry_after if isinstance(error, TransientError) else None
    return Again(
        error,
        wait=retry_after(answer.headers, now) if wait is None else wait,
        throttled=answer.status == TOO_MANY,
    )


def check_body(answer: Answer, shape: object) -> None:
    """Decode the body as `shape` and keep it in `answer`.

    Raises `Again` for a web page or a body that is not (all of) a JSON text,
    `ContractError` for JSON of another shape.
    """
    if answer.is_html():
        raise Again(
            ContractError(
                f"{answer.where}: {answer.status} with a web page where JSON was expected. "
                f"Check base URL and credential"
            )
        )
    try:
        answer.decode_as(shape)
    except TransientError as error:
        raise Again(error) from None
