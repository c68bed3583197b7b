"""HubSpot's limits, and what it says with an answer beside its body."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.answers import Answer
from connectors.context import Context
from connectors.errors import CredentialsError, RateLimited, SyncError
from connectors.retries import retry_after
from connectors.sources.hubspot.settings import Settings
from connectors.throttle import Rate, Throttle

SEARCH = "search"
TEN_SECONDS, DAY = timedelta(seconds=10), timedelta(days=1)
BURST = {"free": 100, "pro": 190, "enterprise": 190}  # requests per 10 s and app
DAILY = {"free": 250_000, "pro": 650_000, "enterprise": 1_000_000}  # per account, all apps
OAUTH_BURST = 110  # per app and account, whatever the tier; no daily limit
SEARCHES = 5  # per second and account, over all search endpoints

POLICY_WAITS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}  # seconds until there is room
UNKNOWN_WAIT = timedelta(hours=1)  # day's end depends on the portal's zone; a move takes hours
TOO_MANY, MIGRATING, MALFORMED_TOKEN = 429, 477, 530


def account(settings: Settings) -> str:
    """Name whose budget is spent: the token's, or the OAuth app's at this portal."""
    secret = settings.api_token or settings.refresh_token
    digest = hashlib.sha256(secret.get_secret_value().encode() if secret else b"")
    return f"hubspot:{digest.hexdigest()[:12]}"


def rates(settings: Settings) -> dict[str, list[Rate]]:
    """Return the windows of both classes of request. Search counts into the others too."""
    oauth = settings.api_token is None
    burst = settings.budget or (OAUTH_BURST if oauth else BURST[settings.tier])
    shared = [Rate(limit=burst, period=TEN_SECONDS, name="burst")]
    if daily := daily_requests(settings):
        # Rolling is stricter than HubSpot's day, which ends at the portal's midnight.
        shared.append(Rate(limit=daily, period=DAY, name="daily"))
    searches = Rate(limit=SEARCHES, period=timedelta(seconds=1), name=SEARCH)
    return {"default": shared, SEARCH: [searches, *shared]}


def daily_requests(settings: Settings) -> int | None:
    """Return the account's requests a day; an OAuth app has no such limit."""
    return None if settings.api_token is None else DAILY[settings.tier]


class Manners:
    """What HubSpot says with an answer beside its body: limits, and errors that are its own."""

    def __init__(self, throttle: Throttle, context: Context) -> None:
        self._throttle = throttle
        self._clock = context.clock

    def classify(self, answer: Answer) -> SyncError | None:
        """Learn the limits from the headers; return the error where default rules do not fit."""
        self._learn("burst", "", answer.headers)
        self._learn("daily", "-Daily", answer.headers)
        if answer.status == TOO_MANY:
            return self._too_many(answer)
        if answer.status == MIGRATING:
            return self._later(answer, "the portal is moving to another data centre")
        if answer.status == MALFORMED_TOKEN:
            return CredentialsError(
                f"{answer.where}: {answer.status}, the token is malformed. Look for a stray"
                " space or line break in HUBSPOT_API_TOKEN"
            )
        return None

    def _too_many(self, answer: Answer) -> SyncError | None:
        policy = said(answer).get("policyName")
        if policy == "DAILY":
            return self._later(answer, "the day's requests are used up")
        wait = POLICY_WAITS.get(str(policy))
        if wait and "retry-after" not in answer.headers:
            self._throttle.pause(wait, SEARCH if policy == "SECONDLY" else "default")
        return None

    def _later(self, answer: Answer, why: str) -> RateLimited:
        now = self._clock()
        wait = retry_after(answer.headers, now)
        resume_at = now + (UNKNOWN_WAIT if wait is None else timedelta(seconds=wait))
        return RateLimited(
            f"{answer.where}: {answer.status}, {why}. Run again after"
            f" {resume_at:%Y-%m-%d %H:%M} UTC",
            resume_at=resume_at,
        )

    def _learn(self, name: str, infix: str, headers: Mapping[str, str]) -> None:
        prefix = f"x-hubspot-ratelimit{infix.lower()}"
        limit = headers.get(f"{prefix}-max" if not infix else prefix, "")
        remaining = headers.get(f"{prefix}-remaining", "")
        if not (limit.isdigit() and remaining.isdigit() and int(limit)):
            return
        period = DAY
        if not infix:
            milliseconds = headers.get(f"{prefix}-interval-milliseconds", "")
            if not milliseconds.isdigit():
                return
            period = timedelta(milliseconds=int(milliseconds))
        rate = Rate(limit=int(limit), period=period, name=name)
        self._throttle.learn("default", rate, int(remaining))


def said(answer: Answer) -> Mapping[str, Any]:
    """Return the members of an error's body; empty when it is none."""
    try:
        body: Mapping[str, Any] = answer.decode(dict[str, Any])
    except SyncError:  # a web page, or cut short: then it says nothing
        return {}
    return body
