"""Error answers in HubSpot's shape."""

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from connectors.sandbox.messages import Response, json_answer


class Refused(Exception):
    """The request is answered by this error instead."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def error_body(message: str, category: str, **more: Any) -> dict[str, Any]:
    """The common error object."""
    trace = str(uuid5(NAMESPACE_URL, message))
    return {
        "status": "error",
        "message": message,
        "correlationId": trace,
        "category": category,
        **more,
    }


def refuse(status: int, message: str, category: str = "VALIDATION_ERROR", **more: Any) -> Refused:
    """An error to raise."""
    return Refused(json_answer(error_body(message, category, **more), status))


def missing_scopes(scopes: Sequence[str]) -> Refused:
    """403 for a token without the scope."""
    return refuse(
        403,
        "This app hasn't been granted all required scopes to make this call.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredScopes": list(scopes)},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def not_found(what: str) -> Refused:
    """404 for an object, type or path that is not there."""
    return refuse(404, f"{what} does not exist", "OBJECT_NOT_FOUND")
