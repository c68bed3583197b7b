"""Google's errors, as Sheets and as Drive word them."""

from typing import Any

from connectors.sandbox.messages import Response, json_answer

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refused(code: int, message: str, *, reason: str = "", status: str = "") -> Refused:
    """An error of the Sheets API."""
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "status": status or STATUSES[code],
    }
    if reason:
        error["details"] = [{"@type": INFO, "reason": reason, "domain": "googleapis.com"}]
    return Refused(json_answer({"error": error}, code))


def drive_refused(code: int, message: str, reason: str) -> Refused:
    """An error of the Drive API."""
    errors = [{"domain": "global", "reason": reason, "message": message}]
    error = {"code": code, "message": message, "errors": errors}
    return Refused(json_answer({"error": error}, code))


def quota_exceeded(*, limit: str, name: str, size: int) -> Refused:
    """The 429 of a minute's quota; it does not say when to go on."""
    metadata = {
        "service": "sheets.googleapis.com",
        "quota_metric": "sheets.googleapis.com/read_requests",
        "quota_limit": name,
        "quota_limit_value": str(size),
        "quota_unit": "1/min/{project}/{user}",
        "consumer": "projects/123",
    }
    message = (
        f"Quota exceeded for quota metric 'Read requests' and limit '{limit}' of service"
        " 'sheets.googleapis.com' for consumer 'project_number:123'."
    )
    detail = {
        "@type": INFO,
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    error = {"code": 429, "message": message, "status": STATUSES[429], "details": [detail]}
    return Refused(json_answer({"error": error}, 429))
