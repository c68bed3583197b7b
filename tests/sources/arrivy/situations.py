"""Where tests of Arrivy start from: a busy day, a run before this one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.sources.pretend import NOW, Pretend


def crowd(pretend: Pretend, tasks: int = 60) -> None:
    """Fill one window with several pages, so that there is a middle."""
    for minutes in range(tasks):
        pretend.vendor.book.new_task(NOW + timedelta(days=2, minutes=minutes))


def cursor(at: datetime = NOW) -> dict[str, Any]:
    """The cursor of a run that read at this time."""
    return {"read": at.isoformat()}
