"""HubSpot's rate limits: a rolling ten seconds, a rolling second for search, and a day."""

from dataclasses import dataclass

from connectors.sandbox.counting import Rolling
from connectors.sandbox.hubspot.answers import error_body
from connectors.sandbox.messages import Response, json_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes of the windows; None switches one off. The real ones are 100 to 250, 5 and 250,000."""

    ten_seconds: int | None = None
    search_second: int | None = None
    daily: int | None = None
    retry_after: bool = False  # HubSpot mostly leaves the header out


class Quotas:
    """Counts requests against limits."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.used_today = 0
        self._ten_seconds = Rolling(10)
        self._search = Rolling(1)

    def admit(self, *, search: bool) -> Response | None:
        """Count a request, or answer it with 429. A refused one uses nothing up."""
        limits = self.limits
        if limits.daily is not None and self.used_today >= limits.daily:
            return self._refuse("DAILY", "daily", 3600)
        if search:
            if limits.search_second is not None and self._search.count() >= limits.search_second:
                return self._refuse("SECONDLY", "secondly", 1)
            self._search.add()
        else:
            if limits.ten_seconds is not None and self._ten_seconds.count() >= limits.ten_seconds:
                return self._refuse("TEN_SECONDLY_ROLLING", "ten_secondly_rolling", 10)
            self._ten_seconds.add()
        self.used_today += 1
        return None

    def headers(self, *, search: bool) -> dict[str, str]:
        """Rate-limit headers of an answer; search answers have none."""
        limits, headers = self.limits, dict[str, str]()
        if search:
            return headers
        name = "X-HubSpot-RateLimit"
        if limits.ten_seconds is not None:
            headers[f"{name}-Max"] = str(limits.ten_seconds)
            headers[f"{name}-Remaining"] = str(limits.ten_seconds - self._ten_seconds.count())
            headers[f"{name}-Interval-Milliseconds"] = "10000"
        if limits.daily is not None:
            headers[f"{name}-Daily"] = str(limits.daily)
            headers[f"{name}-Daily-Remaining"] = str(max(0, limits.daily - self.used_today))
        return headers

    def _refuse(self, policy: str, words: str, seconds: int) -> Response:
        body = error_body(f"You have reached your {words} limit.", "RATE_LIMITS")
        del body["category"]  # this one answer names its kind otherwise
        body |= {
            "errorType": "RATE_LIMIT",
            "policyName": policy,
            "groupName": "publicapi:private-apps:sandbox",
        }
        return json_answer(
            body, 429, {"Retry-After": str(seconds)} if self.limits.retry_after else {}
        )
