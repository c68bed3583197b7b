"""Text and JSON as the tracking tables hold them: no secrets, nothing a column cannot hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.exc import DBAPIError

from connectors.secrets import scrub
from connectors.warehouse.engine import described

MAX_CHARACTERS = 4000  # of a message; a vendor may answer with a whole page of HTML


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a run or stream: the class of the error and its message."""

    type: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """`error` in words that may be stored: a database error without the rows it quotes."""
        if isinstance(error, DBAPIError):
            return cls(type(error).__name__, str(described(error)))
        return cls(type(error).__name__, str(error))


def failure_binds(error: BaseException | Failure | None) -> dict[str, str | None]:
    """Values for the columns `error_type` and `error_message`."""
    if isinstance(error, BaseException):
        error = Failure.of(error)
    if error is None:
        return {"error_type": None, "error_message": None}
    return {"error_type": plain(error.type), "error_message": plain(error.message)}


def plain(text: str) -> str:
    """`text` scrubbed, shortened and with what no text column takes (NUL, surrogates) escaped."""
    text = scrub(text).replace("\0", "\\x00")
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def json_text(value: object) -> str:
    """`value` as scrubbed JSON text with sorted keys, the same text for the same value."""
    return json.dumps(_scrubbed(value), sort_keys=True, ensure_ascii=True, default=str)


def _scrubbed(value: object) -> object:
    # Value by value: in the finished text a secret with a quote in it would hide.
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {str(name): _scrubbed(member) for name, member in members.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_scrubbed(member) for member in cast("Sequence[object]", value)]
    return value


def json_value(text: str | None) -> Any:
    """What `json_text` wrote, read through `CAST(column AS text)` on either database."""
    return None if text is None else json.loads(text)
