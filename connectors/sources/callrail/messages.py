"""Text messages: the children of conversations, which CallRail gives no id."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.model import Record
from connectors.sources.callrail.days import instant

DIGITS = 24  # of SHA-256; enough to tell the messages of one conversation apart


def may_have_more(shown: Sequence[Record], since: datetime | None) -> bool:
    """Whether a conversation may hold messages, from `since` on, that its list row left out.

    The row shows the latest ones; if one of them is older than `since`, nothing is missing.
    """
    if since is None:
        return True
    times = [instant(message.get("created_at")) for message in shown]
    return not any(at is not None and at < since for at in times)


def messages_of(conversation: Record, messages: Iterable[Record], account: str) -> Iterator[Record]:
    """Yield messages as records of their own, with a key made of what never changes in them.

    Key: conversation, time (UTC), direction, type, content and media, and an ordinal that
    tells equal ones apart; so the same message found in the list and in its conversation is one.
    """
    twins: Counter[str] = Counter()
    for message in messages:
        mark = _mark(message)
        twins[mark] += 1
        yield {
            **message,
            "id": f"{conversation.get('id')}:{mark}:{twins[mark]}",
            "conversation_id": conversation.get("id"),
            "company_id": conversation.get("company_id"),
            "account_id": account,
            "ordinal": twins[mark],
        }


def _mark(message: Record) -> str:
    at = instant(message.get("created_at"))
    when = at.astimezone(UTC).isoformat() if at else message.get("created_at")
    parts: list[Any] = [when, *(message.get(name) for name in ("direction", "type", "content"))]
    text = json.dumps([*parts, message.get("media_urls") or []], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
