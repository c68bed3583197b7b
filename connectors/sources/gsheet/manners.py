"""Google's limits, and what its errors mean for us."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from connectors.answers import Answer
from connectors.errors import (
    AccessError,
    ContractError,
    CredentialsError,
    SyncError,
    TransientError,
)
from connectors.sources.gsheet.settings import Settings
from connectors.sources.gsheet.tokens import TOKEN
from connectors.throttle import Rate, Throttle

MINUTE = timedelta(minutes=1)
DRIVE = "drive"
DRIVE_RATE = Rate(limit=600, period=MINUTE)  # far below Drive's own, far above what we need
TOKEN_RATE = Rate(limit=60, period=MINUTE)  # undocumented; we need one an hour
TOO_LONG_TO_COUNT = 1.0  # seconds added to a minute's end: their clock is not ours
TOO_FAST = {"userRateLimitExceeded", "rateLimitExceeded"}
API_OFF = {"SERVICE_DISABLED", "accessNotConfigured"}
SCOPE = {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"}
BAD_REQUEST, FORBIDDEN, NOT_FOUND, TOO_MANY = 400, 403, 404, 429


class TabMoved(ContractError):
    """A range is no longer where the metadata said: the tab was renamed, deleted or shrank."""


class Detail(msgspec.Struct):
    """A detail of an error (`details` of Sheets, `errors` of Drive)."""

    reason: str = ""


class Error(msgspec.Struct):
    """Google's error."""

    message: str = ""
    status: str = ""
    details: list[Detail] = []
    errors: list[Detail] = []


class ErrorBody(msgspec.Struct):
    """What stands around Google's error."""

    error: Error = msgspec.field(default_factory=Error)


def account(settings: Settings) -> str:
    """Name whose budget is spent: the user, which a service account is, at this address."""
    service = settings.service_account()
    who = service.client_email if service else settings.credentials.get_secret_value()
    digest = hashlib.sha256(who.encode()).hexdigest()[:12]
    return f"gsheet:{urlsplit(settings.base_url).netloc}:{digest}"


def rates(settings: Settings) -> dict[str, list[Rate]]:
    """Return the windows of each class of request. Only reads of Sheets are scarce."""
    reads = Rate(limit=settings.budget, period=MINUTE, name="reads")
    return {"default": [reads], DRIVE: [DRIVE_RATE], TOKEN: [TOKEN_RATE]}


class Manners:
    """Reads Google's errors. `who` is the address to share a spreadsheet with, if any."""

    def __init__(self, throttle: Throttle, clock: Callable[[], datetime], who: str | None) -> None:
        self._throttle = throttle
        self._clock = clock
        self._who = who

    def sheets(self, answer: Answer) -> SyncError | None:
        """Return the error where default rules do not say what to do."""
        if answer.status == TOO_MANY:
            self._wait_for_the_next_minute(answer)
            return None
        if answer.status not in {BAD_REQUEST, FORBIDDEN, NOT_FOUND}:
            return None
        error = answer.decode(ErrorBody).error
        said = f"{answer.where}: {answer.status}"
        if answer.status == NOT_FOUND:
            return ContractError(
                f"{said}, no such spreadsheet: it was deleted, or its id in GSHEET_SPREADSHEETS is"
                " wrong. Its rows are kept"
            )
        reasons = {detail.reason for detail in (*error.details, *error.errors)}
        if answer.status == FORBIDDEN:
            return AccessError(f"{said}. {self._forbidden(reasons)}")
        return _bad_request(said, error, reasons)

    def drive(self, answer: Answer) -> SyncError | None:
        """Return the error where default rules do not say what to do."""
        if answer.status == FORBIDDEN:
            error = answer.decode(ErrorBody).error
            if {detail.reason for detail in error.errors} & TOO_FAST:
                return TransientError(f"{answer.where}: 403, Drive's rate limit. Run again later")
        if answer.status == BAD_REQUEST:
            error = answer.decode(ErrorBody).error
            reasons = {detail.reason for detail in (*error.details, *error.errors)}
            if "API_KEY_INVALID" in reasons or "API key not valid" in error.message:
                return _bad_request(f"{answer.where}: 400", error, {"API_KEY_INVALID"})
        return None

    def _wait_for_the_next_minute(self, answer: Answer) -> None:
        """Quotas refill with each minute, and Google does not say when that is."""
        if "retry-after" in answer.headers:
            return
        now = self._clock()
        self._throttle.pause(60 - now.second - now.microsecond / 1e6 + TOO_LONG_TO_COUNT)

    def _forbidden(self, reasons: set[str]) -> str:
        if reasons & API_OFF:
            return "Enable the Google Sheets API in the service account's Google Cloud project"
        if reasons & SCOPE:
            return "The token lacks the scope spreadsheets.readonly"
        if self._who is None:
            return "An API key reads only what anyone with the link may read: share it so"
        return f"Share the spreadsheet with {self._who} (Viewer is enough)"


def _bad_request(said: str, error: Error, reasons: set[str]) -> SyncError | None:
    if "API_KEY_INVALID" in reasons:
        return CredentialsError(f"{said}, the API key is not valid. Correct GSHEET_CREDENTIALS")
    if error.status == "FAILED_PRECONDITION":
        return ContractError(
            f"{said}, not a Google spreadsheet: open the Excel file and save it as one"
        )
    if error.message.startswith("Unable to parse range") or "exceeds grid limits" in error.message:
        return TabMoved(f"{said}, the tab was renamed, deleted or made smaller while it was read")
    return None
